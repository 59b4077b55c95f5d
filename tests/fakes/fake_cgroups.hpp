// A cgroup file system with the kernel's rules that matter here, below /sys/fs/cgroup: folders come with
// their files, a process is in one group of a hierarchy, and (v2) a group with processes cannot hand out
// controllers.
#pragma once

#include "tests/fakes/fakes.hpp"

namespace hpawalk::fakes {

class FakeCgroups final : public world::Files {
 public:
  // v2; `container`: its root is not the machine's, so that the rule about processes holds for it too.
  static FakeCgroups version_2(bool container, const std::string& controllers);
  // v1: a hierarchy for each of these folders.
  static FakeCgroups version_1(const std::vector<std::string>& folders);

  MemoryFiles memory;

  Result<std::string> read(const fs::path& file, size_t most = world::most_read) override {
    return memory.read(file, most);
  }
  Status write(const fs::path& file, std::string_view text, unsigned mode) override {
    return memory.write(file, text, mode);
  }
  Status append(const fs::path& file, std::string_view text, unsigned mode) override {
    return memory.append(file, text, mode);
  }
  Status write_in_place(const fs::path& file, std::string_view text) override;
  bool exists(const fs::path& path) override { return memory.exists(path); }
  Result<world::FileStatus> status(const fs::path& path) override { return memory.status(path); }
  Status remove_all(const fs::path& path) override { return memory.remove_all(path); }
  Status make_folder(const fs::path& path, unsigned mode) override;
  Status rename(const fs::path& from, const fs::path& to) override { return memory.rename(from, to); }
  Result<std::vector<fs::path>> list(const fs::path& folder) override { return memory.list(folder); }
  Result<unsigned long long> free_bytes(const fs::path& folder) override { return memory.free_bytes(folder); }

 private:
  void add_files(const fs::path& group, const std::string& controllers);
  Status move(const std::string& pid, const fs::path& group);
  Status switch_controller(const fs::path& group, std::string_view change);
  bool two_ = false, container_ = false;
};

}  // namespace hpawalk::fakes
