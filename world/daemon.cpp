#include "world/daemon.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/text.hpp"

namespace hpawalk::world {

using std::chrono::steady_clock;

std::optional<ProcessIdentity> identify(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string stat((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  size_t name_end = stat.rfind(')');  // the second field is the name in parentheses, which may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::vector<std::string> fields = text::split(std::string_view(stat).substr(name_end + 2), ' ');
  constexpr size_t state = 0, start = 19;  // fields 3 and 22 of the line
  if (fields.size() <= start || fields[state] == "Z" || fields[state] == "X") return std::nullopt;
  return ProcessIdentity{pid, std::strtoull(fields[start].c_str(), nullptr, 10)};
}

bool alive(const ProcessIdentity& process) {
  std::optional<ProcessIdentity> now = identify(process.pid);
  return now && now->start == process.start;
}

std::string to_text(const ProcessIdentity& process) {
  return std::to_string(process.pid) + " " + std::to_string(process.start) + "\n";
}

std::optional<ProcessIdentity> identity_from_text(std::string_view text) {
  ProcessIdentity process;
  std::istringstream in{std::string(text)};
  if (!(in >> process.pid >> process.start)) return std::nullopt;
  return process;
}

static tl::unexpected<Error> spawn_failure(const std::string& program) {
  return failure(ErrorClass::environment, "process-start", "Cannot start " + program, std::strerror(errno));
}

// In the new process: standard streams, signals and session of its own, then the program. Never returns.
[[noreturn]] static void become(const std::vector<std::string>& argv, int log) {
  setsid();
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  std::vector<char*> pointers;
  for (const std::string& arg : argv) pointers.push_back(const_cast<char*>(arg.c_str()));
  pointers.push_back(nullptr);
  execvp(pointers[0], pointers.data());
  dprintf(STDERR_FILENO, "cannot execute %s: %s\n", pointers[0], std::strerror(errno));
  _exit(127);
}

static int open_log(const std::filesystem::path& log) {
  return open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

Result<pid_t> spawn_detached(const std::vector<std::string>& argv, const std::filesystem::path& log) {
  int fd = open_log(log);
  if (fd < 0) return spawn_failure(argv[0]);
  pid_t pid = fork();
  if (pid == 0) become(argv, fd);
  close(fd);
  if (pid < 0) return spawn_failure(argv[0]);
  return pid;
}

Result<pid_t> spawn_in_namespaces(const std::vector<std::string>& argv, const std::filesystem::path& log,
                                  const std::function<Status(pid_t)>& prepare) {
  std::array<int, 2> gate{-1, -1};
  int fd = open_log(log);
  if (fd < 0 || pipe2(gate.data(), O_CLOEXEC) != 0) return spawn_failure(argv[0]);
  constexpr unsigned long namespaces =
      CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC;
  auto pid = static_cast<pid_t>(syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) {
    close(gate[1]);
    char go = 0;
    if (read(gate[0], &go, 1) != 1) _exit(1);  // the caller failed, or is no more
    become(argv, fd);
  }
  close(fd);
  close(gate[0]);
  if (pid < 0) {
    close(gate[1]);
    return spawn_failure(argv[0]);
  }
  Status prepared = prepare(pid);
  char go = 1;
  if (prepared && write(gate[1], &go, 1) != 1) prepared = spawn_failure(argv[0]);
  close(gate[1]);
  if (prepared) return pid;
  waitpid(pid, nullptr, 0);
  return failure(prepared.error());
}

void end(const ProcessIdentity& process) {
  if (!alive(process)) return;
  ::kill(process.pid, SIGKILL);
  waitpid(process.pid, nullptr, 0);
}

// Unlike !alive(): a machine that lets nothing be opened at the moment is no sign of an end.
static bool has_ended(const ProcessIdentity& process) {
  errno = 0;
  std::optional<ProcessIdentity> now = identify(process.pid);
  if (now) return now->start != process.start;
  return errno != EMFILE && errno != ENFILE && errno != ENOMEM;
}

std::optional<size_t> wait_for_any_exit(const std::vector<ProcessIdentity>& processes,
                                        std::chrono::milliseconds limit) {
  std::vector<pollfd> fds;
  bool all_watched = true;
  for (const ProcessIdentity& process : processes) {
    fds.push_back({static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0)), POLLIN, 0});
    // It has no process any more, or the kernel gave no descriptor (too many open files): has_ended() tells
    // which.
    all_watched = all_watched && fds.back().fd >= 0;
  }
  std::optional<size_t> ended;
  for (auto end = steady_clock::now() + limit; !ended;) {
    for (size_t i = 0; i < processes.size() && !ended; ++i) {
      if (has_ended(processes[i])) ended = i;
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now());
    if (ended || left.count() <= 0) break;
    if (!all_watched) left = std::min(left, std::chrono::milliseconds(200));
    poll(fds.data(), fds.size(), static_cast<int>(left.count()));
  }
  for (const pollfd& fd : fds) {
    if (fd.fd >= 0) close(fd.fd);
  }
  if (ended) waitpid(processes[*ended].pid, nullptr, WNOHANG);
  return ended;
}

static constexpr off_t log_limit = 32U << 20U;

void cap_own_log() {
  struct stat is {};
  if (fstat(STDOUT_FILENO, &is) == 0 && S_ISREG(is.st_mode) && is.st_size > log_limit &&
      ftruncate(STDOUT_FILENO, 0) != 0) {
    std::printf("cannot empty this log\n");
  }
}

void Backoff::started(steady_clock::time_point now) {
  started_ = now;
}

void Backoff::ended(steady_clock::time_point now) {
  constexpr std::chrono::milliseconds first{250}, longest{15'000}, long_life{10'000};
  pause_ =
      now - started_ >= long_life ? std::chrono::milliseconds(0) : std::clamp(pause_ * 2, first, longest);
  next_ = now + pause_;
}

static bool same_file(int fd, const std::filesystem::path& file) {
  struct stat open {
  }, named{};
  return fstat(fd, &open) == 0 && stat(file.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

std::optional<FileLock> FileLock::take(const std::filesystem::path& file, bool wait) {
  while (true) {
    int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return std::nullopt;
    while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) {
      if (errno == EINTR) continue;
      close(fd);
      return std::nullopt;
    }
    // The holder before may have removed the file: then the next one to come locks another of that name.
    if (same_file(fd, file)) return FileLock(fd);
    close(fd);
  }
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

namespace {

struct Supervised {
  const Service* service;
  pid_t pid = 0;
  steady_clock::time_point next_start{}, next_question{};
};

bool all_there(const std::vector<std::filesystem::path>& files) {
  for (const auto& file : files) {
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return false;
  }
  return true;
}

bool ready(Supervised& s) {
  if (!s.service->ready) return true;
  auto now = steady_clock::now();
  if (now < s.next_question) return false;
  s.next_question = now + std::chrono::milliseconds(200);
  return s.service->ready();
}

void start(Supervised& s) {
  if (s.service->before) s.service->before();
  std::vector<std::string> argv = s.service->argv();
  int log = open_log(s.service->log);
  pid_t pid = fork();
  if (pid == 0) become(argv, log);
  int number = errno;
  if (log >= 0) close(log);
  if (pid < 0) {  // the machine has no process or memory for it: tried again like one that ended
    std::printf("cannot start %s: %s, retrying\n", s.service->name.c_str(), std::strerror(number));
  } else {
    s.pid = pid;
    std::printf("%s started, process %d\n", s.service->name.c_str(), pid);
  }
  std::fflush(stdout);
}

void reap(std::vector<Supervised>& all) {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (Supervised& s : all) {
      if (s.pid != pid) continue;
      std::printf("%s ended (%s %d), restarting it\n", s.service->name.c_str(),
                  WIFEXITED(status) ? "exit code" : "signal",
                  WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
      s.pid = 0;
    }
  }
}

void cap_log(const std::filesystem::path& log) {
  struct stat is {};
  if (stat(log.c_str(), &is) == 0 && is.st_size > log_limit && truncate(log.c_str(), 0) != 0) {
    std::printf("cannot empty %s\n", log.c_str());
  }
}

bool gone(const std::filesystem::path& path) {
  struct stat is {};
  return stat(path.c_str(), &is) != 0 && errno == ENOENT;
}

}  // namespace

void supervise(const std::vector<Service>& services, const std::filesystem::path& needed) {
  std::vector<Supervised> all;
  for (const Service& service : services) all.push_back({&service});
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, nullptr);
  for (unsigned round = 0; !gone(needed); ++round) {
    reap(all);
    auto now = steady_clock::now();
    bool waiting = false;
    for (Supervised& s : all) {
      if (s.pid != 0) continue;
      waiting = true;
      if (now < s.next_start || !all_there(s.service->needs) || !ready(s)) continue;
      start(s);
      s.next_start = now + std::chrono::seconds(1);
    }
    if (round % 64 == 0) {
      for (const Supervised& s : all) cap_log(s.service->log);
      cap_own_log();
    }
    // Sleeps until a child ends; files that a service waits for are looked at every 20 ms.
    timespec limit = waiting ? timespec{0, 20'000'000} : timespec{5, 0};
    sigtimedwait(&child, nullptr, &limit);
  }
}

}  // namespace hpawalk::world
