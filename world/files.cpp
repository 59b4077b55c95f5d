#include "world/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>

namespace hpawalk::world {

static tl::unexpected<Error> file_failure(const std::string& doing, const fs::path& path, int number) {
  Error error{ErrorClass::environment,
              "file",
              "Cannot " + doing + " " + path.string(),
              std::strerror(number),
              {},
              {},
              {}};
  if (number == ENOSPC) {
    error.id = ErrorId("disk-full").text();
    error.hint = "Free some space on this disk (df -h " + path.parent_path().string() +
                 "), then run the command again";
  }
  return failure(std::move(error));
}

// 0, or why it could not be read. Stops once `content` is larger than `most`.
static int read_all(int fd, size_t most, std::string& content) {
  std::vector<char> part(64 << 10);
  while (content.size() <= most) {
    ssize_t n = ::read(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) break;
    content.append(part.data(), static_cast<size_t>(n));
  }
  return 0;
}

Result<std::string> DiskFiles::read(const fs::path& file, size_t most) {
  int fd = open(file.c_str(), O_RDONLY | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return file_failure("read", file, errno);
  std::string content;
  int number = read_all(fd, most, content);
  ::close(fd);
  if (number != 0) return file_failure("read", file, number);
  if (content.size() <= most) return content;
  return failure(ErrorClass::environment, "file-too-large", file.string() + " is too large",
                 "it has more than " + std::to_string(most) + " bytes", "Is this the file that you mean?");
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

namespace {

// Through the links at the end of a path, also where they lead to nothing yet.
Result<fs::path> followed(fs::path path) {
  constexpr int most_links = 40;  // the kernel's own limit
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, error)); ++links) {
    if (links == most_links) return file_failure("write", path, ELOOP);
    fs::path target = fs::read_symlink(path, error);
    if (error) return file_failure("write", path, error.value());
    path = target.is_absolute() ? target : path.parent_path() / target;
  }
  return path;
}

// /dev/stdout and /dev/fd/N lead through /proc to a file that somebody has open: to put another in its place
// would not reach him.
bool open_elsewhere(const fs::path& file) {
  std::error_code error;
  for (fs::path path = file;; path = path.parent_path() / fs::read_symlink(path, error)) {
    std::string text = path.lexically_normal().string();
    if (text.starts_with("/proc/") || text.starts_with("/dev/")) return true;
    if (!fs::is_symlink(fs::symlink_status(path, error))) return false;
  }
}

// A new file whose name nobody else has; -1: errno says why.
int open_beside(const fs::path& target, mode_t mode, std::string& name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    name = target.string() + ".";
    for (int i = 0; i < 6; ++i) name += letters[random() % letters.size()];
    int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

// The name of a file that was just renamed must be on the disk too. Not every file system can do that.
void sync_folder(const fs::path& folder) {
  int fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  ::close(fd);
}

bool same_owner(int fd, const struct stat& wanted) {
  struct stat own {};
  if (fstat(fd, &own) != 0) return false;
  return (own.st_uid == wanted.st_uid && own.st_gid == wanted.st_gid) ||
         fchown(fd, wanted.st_uid, wanted.st_gid) == 0;
}

// 0, or why it could not be done.
int replace(const fs::path& target, std::string_view content, unsigned mode, const struct stat* old) {
  std::string beside;
  // Until it has the old file's owner and mode, nobody else may open it.
  int fd = open_beside(target, old != nullptr ? private_mode : mode, beside);
  if (fd < 0) return errno;
  bool good = old == nullptr || (same_owner(fd, *old) && fchmod(fd, old->st_mode & 07777) == 0);
  good = good && write_all(fd, content) && fsync(fd) == 0;
  int number = errno;
  ::close(fd);
  if (good && ::rename(beside.c_str(), target.c_str()) == 0) {
    sync_folder(target.parent_path());
    return 0;
  }
  if (good) number = errno;
  ::unlink(beside.c_str());
  return number;
}

int write_into(const fs::path& file, std::string_view content) {
  int fd = open(file.c_str(), O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return errno;
  bool good = write_all(fd, content);
  int number = good ? 0 : errno;
  ::close(fd);
  return number;
}

}  // namespace

Status DiskFiles::write(const fs::path& file, std::string_view content, unsigned mode) {
  struct stat old {};
  bool there = ::stat(file.c_str(), &old) == 0;
  int number = 0;
  if (there && (!S_ISREG(old.st_mode) || open_elsewhere(file))) {
    number = write_into(file, content);
  } else {
    Result<fs::path> target = followed(file);
    if (!target) return failure(target.error());
    if (Status made = make_folder(target->parent_path(), 0755); !made) return made;
    number = replace(*target, content, mode, there ? &old : nullptr);
    // Where the file may be written but not replaced: somebody else's, in somebody else's folder, mounted
    // alone.
    bool fixed = number == EACCES || number == EPERM || number == EBUSY || number == EROFS;
    if (there && fixed) number = write_into(*target, content);
  }
  if (number != 0) return file_failure("write", file, number);
  return {};
}

// To an open file that is closed here; -1: it could not be opened.
static Status write_and_close(int fd, const fs::path& file, std::string_view content) {
  bool good = fd >= 0 && write_all(fd, content);
  int number = errno;
  if (fd >= 0) ::close(fd);
  if (!good) return file_failure("write", file, number);
  return {};
}

Status DiskFiles::append(const fs::path& file, std::string_view content, unsigned mode) {
  return write_and_close(open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, mode), file, content);
}

Status DiskFiles::write_in_place(const fs::path& file, std::string_view content) {
  return write_and_close(open(file.c_str(), O_WRONLY | O_CLOEXEC), file, content);
}

bool DiskFiles::exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Result<FileStatus> DiskFiles::status(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return file_failure("look at", path, errno);
  return FileStatus{info.st_uid, info.st_mode & 07777, S_ISDIR(info.st_mode)};
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
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return file_failure("make the folder", path, errno);
  return {};
}

Status DiskFiles::rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return file_failure("rename " + from.string() + " to", to, errno);
  return {};
}

Result<std::vector<fs::path>> DiskFiles::list(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    found.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return file_failure("list", folder, error.value());
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

}  // namespace hpawalk::world
