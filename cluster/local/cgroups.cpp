#include "cluster/local/cgroups.hpp"

#include <algorithm>
#include <csignal>

#include "base/text.hpp"

namespace hpawalk::local {

static const fs::path cgroup_root = "/sys/fs/cgroup";

static bool version_2(World& world) { return world.files.exists(cgroup_root / "cgroup.controllers"); }

// v2: the one hierarchy. v1: one a controller (a link such as cpu -> cpu,cpuacct is the same one again), the
// named ones included, because the container runtime makes its folders there too.
static std::vector<fs::path> hierarchies(World& world) {
  if (version_2(world)) return {cgroup_root};
  std::vector<fs::path> found;
  Result<std::vector<fs::path>> folders = world.files.list(cgroup_root);
  if (!folders) return found;
  for (const fs::path& folder : *folders) {
    std::error_code ignored;
    if (!fs::is_symlink(folder, ignored) && world.files.exists(folder / "cgroup.procs")) found.push_back(folder);
  }
  return found;
}

// A new cpuset is empty until it is told its CPUs and memory nodes.
static Status fill_cpuset(World& world, const fs::path& folder) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    if (!world.files.exists(folder / file)) continue;
    Result<std::string> parents = world.files.read(folder.parent_path() / file);
    if (!parents) return failure(parents.error());
    if (Status written = world.files.write_in_place(folder / file, *parents); !written) return written;
  }
  return {};
}

static Status enable_controllers(World& world, const fs::path& folder) {
  Result<std::string> controllers = world.files.read(folder / "cgroup.controllers");
  if (!controllers) return failure(controllers.error());
  for (const std::string& controller : text::split(text::trim(*controllers), ' ')) {
    // One at a time: a controller that cannot be delegated here must not hold back the others.
    (void)world.files.write_in_place(folder / "cgroup.subtree_control", "+" + controller);
  }
  return {};
}

Status make_cgroups(World& world, const std::string& name) {
  for (const fs::path& hierarchy : hierarchies(world)) {
    bool two = version_2(world);
    if (two) {
      if (Status enabled = enable_controllers(world, hierarchy); !enabled) return enabled;
    }
    for (const fs::path& folder : {hierarchy / name, hierarchy / name / "node", hierarchy / name / "keepers"}) {
      if (Status made = world.files.make_folder(folder); !made) return made;
      if (!two) {
        if (Status filled = fill_cpuset(world, folder); !filled) return filled;
      }
    }
    if (two) {
      if (Status enabled = enable_controllers(world, hierarchy / name); !enabled) return enabled;
    }
  }
  return {};
}

Status join_cgroup(World& world, const std::string& name, const std::string& leaf, pid_t pid) {
  for (const fs::path& hierarchy : hierarchies(world)) {
    Status joined = world.files.write_in_place(hierarchy / name / leaf / "cgroup.procs", std::to_string(pid));
    if (!joined) return joined;
  }
  return {};
}

// The folders below (and with) `folder`, deepest first.
static std::vector<fs::path> tree(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return all;
  all.push_back(folder);
  for (auto it = fs::recursive_directory_iterator(folder, error); !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    if (it->is_directory(error)) all.push_back(it->path());
  }
  std::reverse(all.begin(), all.end());
  return all;
}

std::vector<pid_t> cgroup_processes(World& world, const std::string& name) {
  std::vector<pid_t> pids;
  for (const fs::path& hierarchy : hierarchies(world)) {
    for (const fs::path& folder : tree(hierarchy / name)) {
      Result<std::string> procs = world.files.read(folder / "cgroup.procs");
      if (!procs) continue;  // it may have gone meanwhile
      for (const std::string& line : text::lines(*procs)) pids.push_back(static_cast<pid_t>(std::atoi(line.c_str())));
    }
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Status destroy_cgroups(World& world, const std::string& name) {
  return wait_until(world.clock, {std::chrono::seconds(20), std::chrono::milliseconds(5)}, "removing the cluster's processes",
                    [&]() -> Result<StillWaiting> {
                      std::vector<pid_t> pids = cgroup_processes(world, name);
                      for (pid_t pid : pids) {
                        if (pid > 1) ::kill(pid, SIGKILL);
                      }
                      bool left = !pids.empty();
                      for (const fs::path& hierarchy : hierarchies(world)) {
                        for (const fs::path& folder : tree(hierarchy / name)) {
                          std::error_code error;
                          fs::remove(folder, error);
                          if (error) left = true;
                        }
                      }
                      if (!left) return StillWaiting{};
                      return StillWaiting{std::to_string(pids.size()) + " processes are still ending"};
                    });
}

}  // namespace hpawalk::local
