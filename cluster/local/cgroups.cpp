#include "cluster/local/cgroups.hpp"

#include <algorithm>
#include <csignal>

#include "base/text.hpp"

namespace hpawalk::local {

static const fs::path cgroup_root = "/sys/fs/cgroup";

static const std::string prefix = "hpawalk-";
static const fs::path others =
    cgroup_root / "hpawalk.others";  // v2: where processes of the root are moved to

static bool version_2(world::World& world) {
  return world.files.exists(cgroup_root / "cgroup.controllers");
}

// v2: the one hierarchy. v1: one a controller (a link such as cpu -> cpu,cpuacct is the same one again), the
// named ones included, because the container runtime makes its folders there too.
static std::vector<fs::path> hierarchies(world::World& world) {
  if (version_2(world)) return {cgroup_root};
  std::vector<fs::path> found;
  Result<std::vector<fs::path>> folders = world.files.list(cgroup_root);
  if (!folders) return found;
  for (const fs::path& folder : *folders) {
    std::error_code ignored;
    if (!fs::is_symlink(folder, ignored) && world.files.exists(folder / "cgroup.procs"))
      found.push_back(folder);
  }
  return found;
}

// A new cpuset is empty until it is told its CPUs and memory nodes.
static Status fill_cpuset(world::World& world, const fs::path& folder) {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    if (!world.files.exists(folder / file)) continue;
    Result<std::string> parents = world.files.read(folder.parent_path() / file);
    if (!parents) return failure(parents.error());
    if (Status written = world.files.write_in_place(folder / file, *parents); !written) return written;
  }
  return {};
}

static std::vector<std::string> words_of(world::World& world, const fs::path& file) {
  std::string content = world.files.read(file).value_or("");
  return text::split(text::trim(content), ' ');
}

static void switch_controllers(world::World& world, const fs::path& folder, const std::string& sign,
                               const std::vector<std::string>& controllers) {
  // One at a time: a controller that cannot be delegated here must not hold back the others.
  for (const std::string& controller : controllers) {
    if (!controller.empty())
      (void)world.files.write_in_place(folder / "cgroup.subtree_control", sign + controller);
  }
}

static void move_processes(world::World& world, const fs::path& from, const fs::path& to) {
  // One that has ended meanwhile, or that the kernel does not let go, stays: what counts is checked
  // afterwards.
  for (const std::string& pid : text::lines(world.files.read(from / "cgroup.procs").value_or(""))) {
    (void)world.files.write_in_place(to / "cgroup.procs", pid);
  }
}

// Those that a node needs and that the children of `folder` do not get.
static std::vector<std::string> missing_controllers(world::World& world, const fs::path& folder) {
  std::vector<std::string> enabled = words_of(world, folder / "cgroup.subtree_control"), missing;
  for (const char* needed : {"cpu", "memory", "pids"}) {
    if (std::find(enabled.begin(), enabled.end(), needed) == enabled.end()) missing.emplace_back(needed);
  }
  return missing;
}

static Status enable_controllers(world::World& world, const fs::path& folder) {
  std::vector<std::string> all = words_of(world, folder / "cgroup.controllers");
  switch_controllers(world, folder, "+", all);
  bool container =
      folder == cgroup_root && world.files.exists(folder / "cgroup.type");  // the real root has no type
  if (container && !missing_controllers(world, folder).empty()) {
    if (Status made = world.files.make_folder(others); !made) return made;
    move_processes(world, folder, others);
    switch_controllers(world, folder, "+", all);
  }
  std::vector<std::string> missing = missing_controllers(world, folder);
  if (missing.empty()) return {};
  return failure(ErrorClass::environment, "no-cgroups",
                 "This machine's control groups cannot be used for a cluster",
                 "not available below " + folder.string() + ": " + text::join(missing, ", "),
                 "In a container: start it with --privileged --cgroupns=private. Under systemd: a service "
                 "needs Delegate=yes");
}

Status return_to_root(world::World& world) {
  if (!world.files.exists(others)) return {};
  switch_controllers(world, cgroup_root, "-", words_of(world, cgroup_root / "cgroup.subtree_control"));
  move_processes(world, others, cgroup_root);
  std::error_code left;  // it stays where somebody else has meanwhile made groups that need the controllers
  fs::remove(others, left);
  return {};
}

std::vector<std::string> cluster_cgroups(world::World& world) {
  std::vector<std::string> names;
  for (const fs::path& hierarchy : hierarchies(world)) {
    Result<std::vector<fs::path>> folders = world.files.list(hierarchy);
    for (const fs::path& folder : folders.value_or(std::vector<fs::path>{})) {
      if (folder.filename().string().starts_with(prefix)) names.push_back(folder.filename());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Status make_cgroups(world::World& world, const std::string& name) {
  for (const fs::path& hierarchy : hierarchies(world)) {
    bool two = version_2(world);
    if (two) {
      if (Status enabled = enable_controllers(world, hierarchy); !enabled) return enabled;
    }
    for (const fs::path& folder :
         {hierarchy / name, hierarchy / name / "node", hierarchy / name / "keepers"}) {
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

Status join_cgroup(world::World& world, const std::string& name, const std::string& leaf, pid_t pid) {
  for (const fs::path& hierarchy : hierarchies(world)) {
    Status joined = world.files.write_in_place(hierarchy / name / leaf / "cgroup.procs", std::to_string(pid));
    if (!joined) return joined;
  }
  return {};
}

// The groups below (and with) `folder`, deepest first.
static std::vector<fs::path> tree(world::World& world, const fs::path& folder) {
  std::vector<fs::path> all;
  if (!world.files.exists(folder / "cgroup.procs")) return all;
  for (const fs::path& child : world.files.list(folder).value_or(std::vector<fs::path>{})) {
    std::vector<fs::path> below = tree(world, child);
    all.insert(all.end(), below.begin(), below.end());
  }
  all.push_back(folder);
  return all;
}

std::vector<pid_t> cgroup_processes(world::World& world, const std::string& name) {
  std::vector<pid_t> pids;
  for (const fs::path& hierarchy : hierarchies(world)) {
    for (const fs::path& folder : tree(world, hierarchy / name)) {
      Result<std::string> procs = world.files.read(folder / "cgroup.procs");
      if (!procs) continue;  // it may have gone meanwhile
      for (const std::string& line : text::lines(*procs))
        pids.push_back(static_cast<pid_t>(std::atoi(line.c_str())));
    }
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Status destroy_cgroups(world::World& world, const std::string& name) {
  return world::wait_until(
      world.clock, {std::chrono::seconds(20), std::chrono::milliseconds(5)},
      "removing the cluster's processes", [&]() -> Result<world::StillWaiting> {
        std::vector<pid_t> pids = cgroup_processes(world, name);
        for (pid_t pid : pids) {
          if (pid > 1) ::kill(pid, SIGKILL);
        }
        bool left = !pids.empty();
        for (const fs::path& hierarchy : hierarchies(world)) {
          for (const fs::path& folder : tree(world, hierarchy / name)) {
            std::error_code error;
            fs::remove(folder, error);
            if (error) left = true;
          }
        }
        if (!left) return world::StillWaiting{};
        return world::StillWaiting{std::to_string(pids.size()) + " processes are still running"};
      });
}

}  // namespace hpawalk::local
