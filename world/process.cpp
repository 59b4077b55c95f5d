#include "world/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/redact.hpp"
#include "base/text.hpp"

namespace hpawalk::world {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Descriptor() { close(); }
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read, write;
};

// Never one of the standard streams, whose numbers are free when hpawalk was started without them: a child's
// own are put there.
Descriptor above_standard(int fd) {
  if (fd < 0 || fd > 2) return Descriptor(fd);
  Descriptor low(fd);
  return Descriptor(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {above_standard(ends[0]), above_standard(ends[1])};
}

tl::unexpected<Error> start_failure(const Command& command, int number) {
  return failure(Error{ErrorClass::environment,
                       "tool-start",
                       "Cannot start " + command.argv[0],
                       std::strerror(number),
                       {},
                       text::shell_quote(command.argv),
                       {}});
}

tl::unexpected<Error> missing(const Command& command) {
  return failure(Error{ErrorClass::environment,
                       "tool-missing",
                       "Cannot start " + command.argv[0],
                       "program not found in PATH",
                       "Install " + command.argv[0] + ", then run the command again",
                       text::shell_quote(command.argv),
                       {}});
}

std::vector<std::string> merged(const Environment& base, const Environment& changes) {
  Environment all = base;
  for (const auto& [name, value] : changes) {
    if (value.empty()) {
      all.erase(name);
    } else {
      all[name] = value;
    }
  }
  std::vector<std::string> list;
  for (const auto& [name, value] : all) list.push_back(name + "=" + value);
  return list;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& s : strings) result.push_back(s.data());
  result.push_back(nullptr);
  return result;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// A child that was started, and its group.
class Group {
 public:
  Group(pid_t leader, ChildGuard::Place& place) : leader_(leader), place_(&place) {}
  pid_t leader() const { return leader_; }

  // Without taking its exit status: until reap() nobody else can get its number.
  bool ended() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(leader_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
  }

  int reap() {
    int status = 0;
    place_->store(ChildGuard::unused);
    while (waitpid(leader_, &status, 0) < 0 && errno == EINTR) {
    }
    return exit_code_of(status);
  }

  // TERM, patience, KILL. Reaps the leader.
  int end(Duration patience) {
    ::kill(-leader_, SIGTERM);
    for (auto end = steady_clock::now() + patience; !ended() && steady_clock::now() < end;) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    ::kill(-leader_, SIGKILL);
    return reap();
  }

 private:
  pid_t leader_;
  ChildGuard::Place* place_;
};

struct Streams {
  int in, out, err;
};

// Forks by hand, because posix_spawn cannot tell the guard before it executes. Between fork and exec only
// async-signal-safe calls are allowed; everything is prepared before.
Result<Group> spawn(const Command& command, const std::string& program, const Environment& environment,
                    ChildGuard& guard, const Streams& streams) {
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> env = merged(environment, command.env);
  std::vector<char*> argv_pointers = pointers(argv), env_pointers = pointers(env);
  Pipe failed = make_pipe();  // carries errno if nothing could be executed, and closes by itself otherwise
  if (!failed.write.open()) return start_failure(command, errno);
  ChildGuard::Place* place = guard.reserve();
  if (place == nullptr) return start_failure(command, errno);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    place->store(getpid());
    if (getppid() != parent)
      _exit(127);  // hpawalk died before the line above: the guard may not have seen it
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    bool ready = dup2(streams.in, 0) == 0 && dup2(streams.out, 1) == 1 && dup2(streams.err, 2) == 2 &&
                 (command.folder.empty() || chdir(command.folder.c_str()) == 0);
    if (ready) execve(program.c_str(), argv_pointers.data(), env_pointers.data());
    int number = errno;
    if (write(failed.write.get(), &number, sizeof number) < 0) _exit(126);
    _exit(127);
  }
  int number = pid < 0 ? errno : 0;
  failed.write.close();
  if (pid < 0) {
    place->store(ChildGuard::unused);
    return start_failure(command, number);
  }
  Group group(pid, *place);
  ssize_t n = 0;
  while ((n = read(failed.read.get(), &number, sizeof number)) < 0 && errno == EINTR) {
  }
  if (n <= 0) return group;
  group.reap();
  return start_failure(command, number);
}

constexpr size_t kept_beside_lines = 1 << 20;  // of an output whose lines are handed over as they come
constexpr size_t longest_line = 1 << 20;       // what is longer is handed over in pieces

// Hands whole lines to `sink`; keeps the unfinished rest.
struct LineSplitter {
  const std::function<void(std::string_view)>& sink;
  std::string rest = {};
  void add(std::string_view data) {
    if (!sink) return;
    size_t searched = rest.size(), start = 0;
    rest += data;
    for (size_t end; (end = rest.find('\n', std::max(start, searched))) != std::string::npos;
         start = end + 1) {
      sink(std::string_view(rest).substr(start, end - start));
    }
    rest.erase(0, start);
    if (rest.size() < longest_line) return;
    sink(rest);
    rest.clear();
  }
  void finish() {
    if (sink && !rest.empty()) sink(rest);
  }
};

// Reads what is there. Closes the descriptor at the end of the stream.
void drain(Descriptor& fd, std::string& into, LineSplitter& lines) {
  std::array<char, 65536> buffer;
  ssize_t n = read(fd.get(), buffer.data(), buffer.size());
  if (n > 0) {
    std::string_view data(buffer.data(), static_cast<size_t>(n));
    into += data;
    lines.add(data);
    // A log that is followed for days must not fill the memory: of it the end is kept, for an error's
    // evidence.
    if (lines.sink && into.size() > 2 * kept_beside_lines) into.erase(0, into.size() - kept_beside_lines);
  } else if (n == 0 || errno != EINTR) {
    fd.close();
  }
}

void feed(Descriptor& fd, std::string_view& input) {
  ssize_t n = write(fd.get(), input.data(), input.size());
  if (n > 0) input.remove_prefix(static_cast<size_t>(n));
  if (input.empty() || (n < 0 && errno != EINTR && errno != EAGAIN)) fd.close();
}

class SystemChild final : public Child {
 public:
  SystemChild(Group group, Duration patience) : group_(group), patience_(patience) {}
  ~SystemChild() override { stop(); }
  pid_t pid() const override { return group_.leader(); }
  bool running() override {
    if (alive_ && group_.ended()) {
      group_.reap();
      alive_ = false;
    }
    return alive_;
  }
  void stop() override {
    if (!alive_) return;
    group_.end(patience_);
    alive_ = false;
  }

 private:
  Group group_;
  Duration patience_;
  bool alive_ = true;
};

}  // namespace

Result<Outcome> SystemProcesses::run(const Command& command) {
  auto program = find(command.argv[0]);
  if (!program) return missing(command);
  Pipe in = make_pipe(), out = make_pipe(), err = make_pipe();
  if (!in.write.open() || !out.write.open() || !err.write.open()) return start_failure(command, errno);
  Result<Group> group =
      spawn(command, *program, environment_, guard_, {in.read.get(), out.write.get(), err.write.get()});
  if (!group) return failure(group.error());
  in.read.close();
  out.write.close();
  err.write.close();
  Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, group->leader(), 0)));
  fcntl(in.write.get(), F_SETFL, O_NONBLOCK);

  Outcome outcome;
  LineSplitter out_lines{command.on_line}, err_lines{command.on_error_line};
  std::string_view input = command.input;
  if (input.empty()) in.write.close();
  auto deadline = steady_clock::now() + command.limit;
  bool ended = false;
  while (!ended || out.read.open() || err.read.open()) {
    // A poll of -1 descriptors is skipped by the kernel: closed streams need no special case.
    std::array<pollfd, 5> p{pollfd{out.read.get(), POLLIN, 0},
                            {err.read.get(), POLLIN, 0},
                            {in.write.get(), POLLOUT, 0},
                            {ended ? -1 : process.get(), POLLIN, 0},
                            {interrupt_.fd(), POLLIN, 0}};
    auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    // Without a pidfd (an old kernel, too many open files) the end has to be asked for.
    auto look = process.open() || ended ? left : std::min(left, milliseconds(20));
    int ready = left.count() > 0 ? poll(p.data(), p.size(), static_cast<int>(look.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (!process.open() && !ended && group->ended()) p[3].revents = POLLIN;
    if (p[0].revents != 0) drain(out.read, outcome.output, out_lines);
    if (p[1].revents != 0) drain(err.read, outcome.errors, err_lines);
    if (p[2].revents != 0) feed(in.write, input);
    if (p[3].revents != 0) {
      ended = true;
      // A grandchild may hold the streams open: after the leader's end they get a moment, not forever.
      deadline = std::min(deadline, steady_clock::now() + milliseconds(500));
    }
    bool stop = p[4].revents != 0;
    if ((ready > 0 || look < left) && !stop) continue;
    if (ended && !stop) break;
    int code = group->end(patience_);
    if (stop) {
      outcome.exit_code = code;
      return interrupted("running " + text::shell_quote(command.argv));
    }
    return failure(Error{ErrorClass::environment,
                         "tool-timeout",
                         command.argv[0] + " did not end within " + text::duration(command.limit),
                         {},
                         {},
                         text::shell_quote(command.argv),
                         text::redact(text::last_lines(outcome.errors, 5))});
  }
  outcome.exit_code = group->reap();
  out_lines.finish();
  err_lines.finish();
  return outcome;
}

Result<std::unique_ptr<Child>> SystemProcesses::start(const Command& command,
                                                      const std::filesystem::path& log) {
  auto program = find(command.argv[0]);
  if (!program) return missing(command);
  Descriptor in = above_standard(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Descriptor out = above_standard(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!in.open() || !out.open()) return start_failure(command, errno);
  Result<Group> group = spawn(command, *program, environment_, guard_, {in.get(), out.get(), out.get()});
  if (!group) return failure(group.error());
  return std::make_unique<SystemChild>(*group, patience_);
}

std::optional<std::filesystem::path> SystemProcesses::find(const std::string& program) {
  if (program.find('/') != std::string::npos) {
    if (access(program.c_str(), X_OK) == 0) return program;
    return std::nullopt;
  }
  auto path = environment_.find("PATH");
  if (path == environment_.end()) return std::nullopt;
  for (const std::string& folder : text::split(path->second, ':')) {
    std::filesystem::path candidate = std::filesystem::path(folder) / program;
    std::error_code ignored;
    if (access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate, ignored))
      return candidate;
  }
  return std::nullopt;
}

Result<std::string> run_checked(Processes& processes, const Command& command, ErrorId id,
                                const std::string& what) {
  Result<Outcome> outcome = processes.run(command);
  if (!outcome) return failure(outcome.error());
  if (outcome->ok()) return std::move(outcome->output);
  return failure(Error{ErrorClass::check_failed,
                       id,
                       what,
                       command.argv[0] + " ended with exit code " + std::to_string(outcome->exit_code),
                       {},
                       text::redact(text::shell_quote(command.argv)),
                       text::redact(text::last_lines(outcome->errors, 8))});
}

}  // namespace hpawalk::world
