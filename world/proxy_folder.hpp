// A folder of this process alone for the socket and the log of one child. All such folders of a user are in
// one folder of his own, which nobody else can enter; what killed processes have left there is removed, and
// nothing else anywhere. Knows nothing about what the child is.
#pragma once

#include <memory>

#include "world/files.hpp"
#include "world/process.hpp"

namespace hpawalk::world {

// $XDG_RUNTIME_DIR/hpawalk-proxy-UID, or in /tmp where that is not set, not this user's, or too long for a
// socket.
fs::path proxy_folders(const Environment& environment);

class ProxyFolder {
 public:
  // In `parent`, which is made if it is not there. An error where somebody else owns it or may enter it.
  static Result<std::unique_ptr<ProxyFolder>> make(const fs::path& parent);
  ~ProxyFolder();
  ProxyFolder(const ProxyFolder&) = delete;
  ProxyFolder& operator=(const ProxyFolder&) = delete;

  fs::path socket() const { return path_ / "api"; }
  fs::path log() const { return path_ / "log"; }

 private:
  ProxyFolder(fs::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  fs::path path_;
  int lock_;  // held as long as the folder is in use
};

}  // namespace hpawalk::world
