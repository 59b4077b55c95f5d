#include "world/proxy_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hpawalk::world {
namespace {

constexpr size_t longest_socket = 107;           // of a Unix socket's path
constexpr std::string_view one = "/ABCDEF/api";  // what comes behind the parent

tl::unexpected<Error> no_folder(const fs::path& parent, const std::string& because,
                                const std::string& hint = {}) {
  return failure(ErrorClass::environment, "kube-socket-folder",
                 "Cannot make a folder for a socket in " + parent.string(), because, hint);
}

// An open folder that is held until the process ends or `close`; -1: somebody else holds it, or it is not
// there.
int held(const fs::path& folder, bool wait) {
  int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  int done = 0;
  while ((done = flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB))) != 0 && errno == EINTR) {
  }
  if (done == 0) return fd;
  ::close(fd);
  return -1;
}

void take_away(const fs::path& folder) {
  for (const char* file : {"api", "log"}) ::unlink((folder / file).c_str());
  ::rmdir(folder.c_str());  // fails, and rightly, where anything else is in it
}

bool is_one_of_ours(const fs::path& path) {
  std::string name = path.filename().string();
  bool letters = std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
  struct stat info {};
  if (name.size() != 6 || !letters || lstat(path.c_str(), &info) != 0) return false;
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid()) return false;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    std::string inside = entry.path().filename().string();
    if (inside != "api" && inside != "log") return false;
  }
  return !error;
}

// Those whose process is gone: nobody holds them any more.
void sweep(const fs::path& parent) {
  std::error_code error;
  std::vector<fs::path> left;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, error)) {
    if (is_one_of_ours(entry.path())) left.push_back(entry.path());
  }
  for (const fs::path& folder : left) {
    int lock = held(folder, false);
    if (lock < 0) continue;
    take_away(folder);
    ::close(lock);
  }
}

Status make_parent(const fs::path& parent) {
  if (::mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST)
    return no_folder(parent.parent_path(), std::strerror(errno));
  struct stat info {};
  if (lstat(parent.c_str(), &info) != 0) return no_folder(parent, std::strerror(errno));
  std::string hint = "Remove it (ls -ld " + parent.string() +
                     " shows the owner), or set XDG_RUNTIME_DIR to a folder that you own";
  if (!S_ISDIR(info.st_mode)) return no_folder(parent, "it is not a folder", hint);
  if (info.st_uid != geteuid()) return no_folder(parent, "it belongs to another user", hint);
  if ((info.st_mode & 077) != 0) return no_folder(parent, "other users can enter it", hint);
  return {};
}

}  // namespace

fs::path proxy_folders(const Environment& environment) {
  std::string name = "hpawalk-proxy-" + std::to_string(geteuid());
  auto runtime = environment.find("XDG_RUNTIME_DIR");
  struct stat info {};
  if (runtime != environment.end() && runtime->second.starts_with('/') &&
      stat(runtime->second.c_str(), &info) == 0 && info.st_uid == geteuid() &&
      access(runtime->second.c_str(), W_OK) == 0) {
    fs::path parent = fs::path(runtime->second) / name;
    if (parent.string().size() + one.size() <= longest_socket) return parent;
  }
  return fs::path("/tmp") / name;
}

Result<std::unique_ptr<ProxyFolder>> ProxyFolder::make(const fs::path& parent) {
  if (Status made = make_parent(parent); !made) return failure(made.error());
  // Between making a folder and holding it, another's sweep would take it for one that was left.
  int gate = held(parent, true);
  if (gate < 0) return no_folder(parent, std::strerror(errno));
  sweep(parent);
  std::string name = (parent / "XXXXXX").string();
  int lock = mkdtemp(name.data()) == nullptr ? -1 : held(name, false);
  int number = errno;
  ::close(gate);
  if (lock < 0) return no_folder(parent, std::strerror(number));
  return std::unique_ptr<ProxyFolder>(new ProxyFolder(name, lock));
}

ProxyFolder::~ProxyFolder() {
  take_away(path_);
  ::close(lock_);
}

}  // namespace hpawalk::world
