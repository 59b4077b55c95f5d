#include "world/files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

namespace hpawalk {

static tl::unexpected<Error> file_failure(const std::string& doing, const fs::path& path, int number) {
  Error error{ErrorClass::environment, "file", "Cannot " + doing + " " + path.string(), std::strerror(number),
              {}, {}, {}};
  if (number == ENOSPC) {
    error.id = "disk-full";
    error.hint = "Free some space on this disk (df -h " + path.parent_path().string() + ") and run the command again";
  }
  return failure(std::move(error));
}

Result<std::string> DiskFiles::read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return file_failure("read", file, errno);
  std::ostringstream content;
  content << in.rdbuf();
  if (in.bad()) return file_failure("read", file, EIO);
  return std::move(content).str();
}

static bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    content.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

Status DiskFiles::write(const fs::path& file, std::string_view content, unsigned mode) {
  if (Status made = make_folder(file.parent_path(), 0755); !made) return made;
  std::string beside = file.string() + ".XXXXXX";
  int fd = mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) return file_failure("write", file, errno);
  bool good = fchmod(fd, mode) == 0 && write_all(fd, content) && fsync(fd) == 0;
  int number = errno;
  ::close(fd);
  if (good && ::rename(beside.c_str(), file.c_str()) == 0) return {};
  if (good) number = errno;
  ::unlink(beside.c_str());
  return file_failure("write", file, number);
}

// To an open file that is closed here; -1: it could not be opened.
static Status write_and_close(int fd, const fs::path& file, std::string_view content) {
  bool good = fd >= 0 && write_all(fd, content);
  int number = errno;
  if (fd >= 0) ::close(fd);
  if (!good) return file_failure("write", file, number);
  return {};
}

Status DiskFiles::append(const fs::path& file, std::string_view content) {
  return write_and_close(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), file, content);
}

Status DiskFiles::write_in_place(const fs::path& file, std::string_view content) {
  return write_and_close(open(file.c_str(), O_WRONLY | O_CLOEXEC), file, content);
}

bool DiskFiles::exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Status DiskFiles::remove_all(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return file_failure("remove", path, error.value());
  return {};
}

Status DiskFiles::make_folder(const fs::path& path, unsigned mode) {
  std::error_code error;
  if (path.empty() || fs::is_directory(path, error)) return {};
  if (Status parent = make_folder(path.parent_path(), 0755); !parent) return parent;
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return file_failure("make the folder", path, errno);
  return {};
}

Status DiskFiles::rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return file_failure("rename " + from.string() + " to", to, errno);
  return {};
}

Result<std::vector<fs::path>> DiskFiles::list(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    found.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) return file_failure("list", folder, error.value());
  std::sort(found.begin(), found.end());
  return found;
}

Result<unsigned long long> DiskFiles::free_bytes(const fs::path& folder) {
  fs::path existing = folder;
  while (!exists(existing) && existing.has_parent_path()) existing = existing.parent_path();
  std::error_code error;
  fs::space_info space = fs::space(existing, error);
  if (error) return file_failure("ask the free space of", existing, error.value());
  return space.available;
}

}  // namespace hpawalk
