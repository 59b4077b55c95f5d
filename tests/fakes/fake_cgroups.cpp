#include "tests/fakes/fake_cgroups.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace hpawalk::fakes {

static const fs::path root = "/sys/fs/cgroup";

static tl::unexpected<Error> refused(const fs::path& file, const std::string& why) {
  return failure(ErrorClass::environment, "file", "Cannot write " + file.string(), why);
}

FakeCgroups FakeCgroups::version_2(bool container, const std::string& controllers) {
  FakeCgroups fake;
  fake.two_ = true;
  fake.container_ = container;
  fake.add_files(root, controllers);
  if (!container) fake.memory.content.erase(root / "cgroup.type");
  return fake;
}

FakeCgroups FakeCgroups::version_1(const std::vector<std::string>& folders) {
  FakeCgroups fake;
  for (const std::string& folder : folders) {
    fake.add_files(root / folder, {});
    if (folder == "cpuset") {
      fake.memory.content[root / folder / "cpuset.cpus"] = "0-1\n";
      fake.memory.content[root / folder / "cpuset.mems"] = "0\n";
    }
  }
  return fake;
}

void FakeCgroups::add_files(const fs::path& group, const std::string& controllers) {
  memory.content[group / "cgroup.procs"];
  if (two_) {
    memory.content[group / "cgroup.type"] = "domain\n";
    memory.content[group / "cgroup.controllers"] = controllers + "\n";
    memory.content[group / "cgroup.subtree_control"] = "\n";
  } else if (memory.exists(group.parent_path() / "cpuset.cpus")) {
    memory.content[group / "cpuset.cpus"] = memory.content[group / "cpuset.mems"] = "\n";
  }
}

Status FakeCgroups::make_folder(const fs::path& path, unsigned) {
  if (memory.exists(path)) return {};
  if (!memory.exists(path.parent_path()))
    return failure(ErrorClass::environment, "file", "no parent of " + path.string());
  std::string inherited = memory.read(path.parent_path() / "cgroup.subtree_control").value_or("");
  add_files(path, std::string(text::trim(inherited)));
  return {};
}

Status FakeCgroups::write_in_place(const fs::path& file, std::string_view text) {
  if (!memory.exists(file)) return refused(file, "No such file or directory");
  if (file.filename() == "cgroup.procs") return move(std::string(text), file.parent_path());
  if (file.filename() == "cgroup.subtree_control") return switch_controller(file.parent_path(), text);
  return memory.write_in_place(file, text);
}

Status FakeCgroups::move(const std::string& pid, const fs::path& group) {
  fs::path hierarchy = two_ ? root : root / *group.lexically_relative(root).begin();
  bool hands_out =
      two_ && group != root && text::trim(memory.content[group / "cgroup.subtree_control"]) != "";
  if (hands_out) return refused(group, "Device or resource busy");
  for (auto& [file, content] : memory.content) {
    bool same = file.filename() == "cgroup.procs" && !file.lexically_relative(hierarchy).empty() &&
                *file.lexically_relative(hierarchy).begin() != "..";
    if (!same) continue;
    std::string kept;
    for (const std::string& line : text::lines(content)) {
      if (line != pid) kept += line + "\n";
    }
    content = kept;
  }
  memory.content[group / "cgroup.procs"] += pid + "\n";
  return {};
}

Status FakeCgroups::switch_controller(const fs::path& group, std::string_view change) {
  std::string name(change.substr(1));
  std::vector<std::string> able = text::split(text::trim(memory.content[group / "cgroup.controllers"]), ' ');
  if (std::find(able.begin(), able.end(), name) == able.end()) return refused(group, "Invalid argument");
  bool real_root = group == root && !container_;
  if (change[0] == '+' && !real_root && !memory.content[group / "cgroup.procs"].empty()) {
    return refused(group, "Device or resource busy");
  }
  std::string& enabled = memory.content[group / "cgroup.subtree_control"];
  std::vector<std::string> words = text::split(text::trim(enabled), ' ');
  std::erase(words, name);
  std::erase(words, std::string());
  if (change[0] == '+') words.push_back(name);
  enabled = text::join(words, " ") + "\n";
  return {};
}

}  // namespace hpawalk::fakes
