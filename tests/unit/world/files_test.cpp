// The file system itself, in a folder of the test's own.
#include "world/files.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <thread>

#include "tests/fakes/fakes.hpp"
#include "world/proxy_folder.hpp"

using namespace hpawalk;
using namespace hpawalk::world;

namespace {

struct Folder {
  fs::path path;
  mode_t umask_before = umask(022);
  Folder() {
    std::string name = (fs::temp_directory_path() / "hpawalk-test-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    umask(umask_before);
    fs::remove_all(path);
  }
  fs::path operator/(const char* name) const { return path / name; }
  size_t entries() const { return static_cast<size_t>(std::distance(fs::directory_iterator(path), {})); }
};

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions());
}

}  // namespace

TEST_CASE("A new file has the mode that was asked for, less the umask, and leaves nothing beside it") {
  Folder folder;
  DiskFiles files;
  CHECK(files.write(folder / "a", "x", public_mode));
  CHECK(mode_of(folder / "a") == 0644);
  umask(077);
  CHECK(files.write(folder / "b", "x", public_mode));
  CHECK(mode_of(folder / "b") == 0600);
  umask(022);
  CHECK(files.write(folder / "c", "x", private_mode));
  CHECK(mode_of(folder / "c") == 0600);
  CHECK(files.append(folder / "d", "x", private_mode));
  CHECK(mode_of(folder / "d") == 0600);
  CHECK(folder.entries() == 4);
}

TEST_CASE("A file that is written again keeps its mode and its owner") {
  Folder folder;
  DiskFiles files;
  REQUIRE(files.write(folder / "a", "old", private_mode));
  fs::permissions(folder / "a", fs::perms(0640));
  bool root = geteuid() == 0;
  if (root) REQUIRE(chown((folder / "a").c_str(), 65534, 65534) == 0);
  REQUIRE(files.write(folder / "a", "new", public_mode));
  CHECK(files.read(folder / "a").value() == "new");
  CHECK(mode_of(folder / "a") == 0640);
  struct stat info {};
  REQUIRE(stat((folder / "a").c_str(), &info) == 0);
  CHECK(info.st_uid == (root ? 65534 : geteuid()));
}

TEST_CASE("A file is read up to a limit, which an endless one reaches too") {
  Folder folder;
  DiskFiles files;
  REQUIRE(files.write(folder / "a", "12345", public_mode));
  CHECK(files.read(folder / "a", 5).value() == "12345");
  Result<std::string> cut = files.read(folder / "a", 4);
  REQUIRE_FALSE(cut);
  CHECK(cut.error().id == "file-too-large");
  CHECK(cut.error().because == "it has more than 4 bytes");
  CHECK(files.read("/dev/zero", size_t{1} << 20).error().id == "file-too-large");
  CHECK(files.read(folder.path).error().because == "Is a directory");
  CHECK(files.read(folder / "none").error().because == "No such file or directory");
}

TEST_CASE("A link is followed, also to a file that is not there yet, and stays a link") {
  Folder folder;
  DiskFiles files;
  fs::create_directory(folder / "there");
  fs::create_symlink("there/file", folder / "link");
  REQUIRE(files.write(folder / "link", "one", public_mode));
  REQUIRE(files.write(folder / "link", "two", public_mode));
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(files.read(folder / "there/file").value() == "two");
  fs::create_symlink("loop", folder / "loop");
  CHECK_FALSE(files.write(folder / "loop", "x", public_mode));
  CHECK(fs::is_symlink(folder / "loop"));
}

TEST_CASE("What is no regular file is written into and never replaced") {
  Folder folder;
  DiskFiles files;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::string got;
  std::thread reader([&] { got = DiskFiles().read(folder / "pipe").value(); });
  CHECK(files.write(folder / "pipe", "through", public_mode));
  reader.join();
  CHECK(got == "through");
  CHECK(fs::is_fifo(folder / "pipe"));
  if (mknod((folder / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0) {  // root may
    CHECK(files.write(folder / "null", "x", public_mode));
    CHECK(fs::is_character_file(folder / "null"));
  }
  CHECK_FALSE(files.write(folder.path, "x", public_mode));
  CHECK(fs::is_directory(folder.path));
  // As >(gzip) is one.
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  CHECK(files.write("/dev/fd/" + std::to_string(ends[1]), "fd", public_mode));
  char text[3] = "";
  CHECK(read(ends[0], text, 2) == 2);
  CHECK(std::string(text) == "fd");
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("What cannot be written leaves the old file and nothing beside it") {
  Folder folder;
  DiskFiles files;
  fs::create_directory(folder / "target");
  CHECK_FALSE(files.write(folder / "target/none/../../target", "x", public_mode));
  CHECK(files.write(folder / "file", "whole", public_mode));
  CHECK(files.write((folder / "file"), std::string(1 << 20, 'x'), public_mode));
  CHECK(folder.entries() == 2);
}

TEST_CASE("Folders of processes that are gone are swept, and nothing else ever is") {
  Folder folder;
  fs::path parent = folder / "hpawalk-proxy-0";
  auto first = ProxyFolder::make(parent);
  REQUIRE(first);
  CHECK(mode_of(parent) == 0700);
  fs::path mine = (*first)->socket().parent_path();
  CHECK(mode_of(mine) == 0700);
  fs::create_directory(parent / "gone00");
  DiskFiles files;
  REQUIRE(files.write(parent / "gone00/log", "x", public_mode));
  fs::create_directory(parent / "other0");
  REQUIRE(files.write(parent / "other0/report.html", "x", public_mode));
  fs::create_directory(parent / "20251125");
  REQUIRE(files.write(parent / "file00", "x", public_mode));
  fs::create_directory_symlink(folder.path, parent / "link00");
  auto second = ProxyFolder::make(parent);
  REQUIRE(second);
  CHECK_FALSE(fs::exists(parent / "gone00"));
  CHECK(fs::exists(mine));  // its process holds it
  for (const char* stays : {"other0/report.html", "20251125", "file00", "link00"})
    CHECK_MESSAGE(fs::exists(parent / stays), stays);
  REQUIRE(files.write((*first)->log(), "x", public_mode));
  first->reset();
  CHECK_FALSE(fs::exists(mine));
}

TEST_CASE("A folder that others may enter, or that is a link, is not used for sockets") {
  Folder folder;
  fs::create_directory(folder / "open");
  CHECK(ProxyFolder::make(folder / "open").error().id == "kube-socket-folder");
  fs::create_directory(folder / "real");
  fs::permissions(folder / "real", fs::perms(0700));
  CHECK(ProxyFolder::make(folder / "real"));
  fs::create_directory_symlink(folder / "real", folder / "link");
  CHECK_FALSE(ProxyFolder::make(folder / "link"));
  CHECK(proxy_folders({{"XDG_RUNTIME_DIR", "relative"}}).string().starts_with("/tmp/hpawalk-proxy-"));
  CHECK(proxy_folders({{"XDG_RUNTIME_DIR", (folder / "real").string()}}).parent_path() == folder / "real");
}

TEST_CASE("An error about a URL has neither its login nor what its query says") {
  fakes::NoInterrupt interrupt;
  CurlHttp http(interrupt);
  HttpRequest request{.url = "http://user:hunter2@prom/api?token=hunter2", .unix_socket = "/none/socket"};
  Error error = http.send(request).error();
  CHECK(error.what == "No response from http://[redacted]@prom/api?token=[redacted]");
  CHECK(error.because.find("hunter2") == std::string::npos);
}
