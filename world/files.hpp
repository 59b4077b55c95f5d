// The file system.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hpawalk {
namespace fs = std::filesystem;
}  // namespace hpawalk

namespace hpawalk::world {

inline constexpr unsigned public_mode = 0666;   // less the umask, as every program's files
inline constexpr unsigned private_mode = 0600;  // what a stranger must not read

inline constexpr size_t most_read = size_t{64} << 20;
inline constexpr size_t most_recorded = size_t{1} << 30;  // of facts of a large cluster, a recording of days

struct FileStatus {
  unsigned owner = 0;
  unsigned mode = 0;  // permission bits
  bool folder = false;
};

class Files {
 public:
  virtual ~Files() = default;
  // More than `most` bytes are an error: what is named on a command line may be anything, also without an
  // end.
  virtual Result<std::string> read(const fs::path& file, size_t most = most_read) = 0;
  // Whole or not at all: written beside the target, synced, then renamed over it. Makes missing folders.
  // Links are followed, and what is no regular file (a device, a pipe) is written into. A file that is there
  // keeps its owner and mode; a new one has `mode` without the bits of the umask.
  virtual Status write(const fs::path& file, std::string_view content, unsigned mode = public_mode) = 0;
  // Behind what the file has; makes it if it is not there.
  virtual Status append(const fs::path& file, std::string_view content, unsigned mode = public_mode) = 0;
  // Into the file itself, which must exist: for /proc and /sys.
  virtual Status write_in_place(const fs::path& file, std::string_view content) = 0;
  virtual bool exists(const fs::path& path) = 0;
  virtual Result<FileStatus> status(const fs::path& path) = 0;                 // of what a link leads to
  virtual Status remove_all(const fs::path& path) = 0;                         // not there: fine
  virtual Status make_folder(const fs::path& path, unsigned mode = 0755) = 0;  // there already: fine
  virtual Status rename(const fs::path& from, const fs::path& to) = 0;
  virtual Result<std::vector<fs::path>> list(const fs::path& folder) = 0;  // sorted; not there: empty
  virtual Result<unsigned long long> free_bytes(
      const fs::path& folder) = 0;  // of the nearest existing parent
};

class DiskFiles final : public Files {
 public:
  Result<std::string> read(const fs::path& file, size_t most = most_read) override;
  Status write(const fs::path& file, std::string_view content, unsigned mode) override;
  Status append(const fs::path& file, std::string_view content, unsigned mode) override;
  Status write_in_place(const fs::path& file, std::string_view content) override;
  bool exists(const fs::path& path) override;
  Result<FileStatus> status(const fs::path& path) override;
  Status remove_all(const fs::path& path) override;
  Status make_folder(const fs::path& path, unsigned mode) override;
  Status rename(const fs::path& from, const fs::path& to) override;
  Result<std::vector<fs::path>> list(const fs::path& folder) override;
  Result<unsigned long long> free_bytes(const fs::path& folder) override;
};

}  // namespace hpawalk::world
