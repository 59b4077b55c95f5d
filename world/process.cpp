#include "world/process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <future>
#include <thread>
#include <unistd.h>

#include "base/text.hpp"

namespace hpawalk {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds patience{5000};  // between TERM and KILL

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

Pipe make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

tl::unexpected<Error> start_failure(const Command& command, int number) {
  Error error{ErrorClass::environment,
              "tool-start",
              "Cannot start " + command.argv[0],
              std::strerror(number),
              {},
              text::shell_quote(command.argv),
              {}};
  if (number == ENOENT) {
    error.id = "tool-missing";
    error.because = "no such program in PATH";
    error.hint = "Install " + command.argv[0] + ", then run the command again";
  }
  return failure(std::move(error));
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

Result<pid_t> spawn(const Command& command, const Environment& environment, int in, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  if (!command.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, command.folder.c_str());

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::vector<std::string> argv = command.argv;
  std::vector<std::string> env = merged(environment, command.env);
  pid_t pid = -1;
  int number = posix_spawnp(&pid, argv[0].c_str(), &actions, &attributes, pointers(argv).data(),
                            pointers(env).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (number != 0) return start_failure(command, number);
  return pid;
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// Ends the group: TERM, patience, KILL. Reaps the leader.
int end_group(pid_t pid) {
  ::kill(-pid, SIGTERM);
  int status = 0;
  for (auto end = steady_clock::now() + patience; steady_clock::now() < end;) {
    if (waitpid(pid, &status, WNOHANG) != 0) {
      ::kill(-pid, SIGKILL);
      return exit_code_of(status);
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  ::kill(-pid, SIGKILL);
  waitpid(pid, &status, 0);
  return exit_code_of(status);
}

// Hands whole lines to `sink`; keeps the unfinished rest.
struct LineSplitter {
  const std::function<void(std::string_view)>& sink;
  std::string rest = {};
  void add(std::string_view data) {
    if (!sink) return;
    rest += data;
    size_t start = 0;
    for (size_t end; (end = rest.find('\n', start)) != std::string::npos; start = end + 1) {
      sink(std::string_view(rest).substr(start, end - start));
    }
    rest.erase(0, start);
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
  explicit SystemChild(pid_t pid) : pid_(pid) {}
  ~SystemChild() override { stop(); }
  pid_t pid() const override { return pid_; }
  bool running() override {
    if (alive_ && waitpid(pid_, nullptr, WNOHANG) != 0) alive_ = false;
    return alive_;
  }
  void stop() override {
    if (!alive_) return;
    end_group(pid_);
    alive_ = false;
  }

 private:
  pid_t pid_;
  bool alive_ = true;
};

// Forks by hand, because posix_spawn cannot ask for the parent-death signal. Between fork and exec only
// async-signal-safe calls are allowed; everything is prepared before.
Result<pid_t> fork_bound(const Command& command, const std::filesystem::path& program,
                         const Environment& environment, int in, int out) {
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> env = merged(environment, command.env);
  std::vector<char*> argv_pointers = pointers(argv), env_pointers = pointers(env);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid < 0) return start_failure(command, errno);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it died before the line above
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  execve(program.c_str(), argv_pointers.data(), env_pointers.data());
  _exit(127);
}

// The kernel sends the parent-death signal when the THREAD that forked ends, so a thread is kept for it.
class BoundChild final : public Child {
 public:
  static Result<std::unique_ptr<Child>> start(const std::function<Result<pid_t>()>& fork_it) {
    auto child = std::unique_ptr<BoundChild>(new BoundChild);
    std::promise<Result<pid_t>> forked;
    child->keeper_ = std::thread([&forked, &fork_it, done = child->done_.get_future()] {
      forked.set_value(fork_it());
      done.wait();
    });
    Result<pid_t> pid = forked.get_future().get();
    if (!pid) return failure(pid.error());
    child->child_.emplace(*pid);
    return child;
  }
  ~BoundChild() override {
    if (child_) child_->stop();
    done_.set_value();
    keeper_.join();
  }
  pid_t pid() const override { return child_->pid(); }
  bool running() override { return child_->running(); }
  void stop() override { child_->stop(); }

 private:
  std::promise<void> done_;
  std::thread keeper_;
  std::optional<SystemChild> child_;
};

}  // namespace

Result<Outcome> SystemProcesses::run(const Command& command) {
  Pipe in = make_pipe(), out = make_pipe(), err = make_pipe();
  if (!in.write.open() || !out.write.open() || !err.write.open()) return start_failure(command, errno);
  Result<pid_t> pid = spawn(command, environment_, in.read.get(), out.write.get(), err.write.get());
  if (!pid) return failure(pid.error());
  in.read.close();
  out.write.close();
  err.write.close();
  Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, *pid, 0)));
  fcntl(in.write.get(), F_SETFL, O_NONBLOCK);

  Outcome outcome;
  LineSplitter out_lines{command.on_line}, err_lines{command.on_error_line};
  std::string_view input = command.input;
  if (input.empty()) in.write.close();
  auto deadline = steady_clock::now() + command.limit;
  bool ended = false;
  while (!ended || out.read.open() || err.read.open()) {
    // A poll of -1 descriptors is skipped by the kernel: closed streams need no special case.
    std::array<pollfd, 5> p{pollfd{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0},
                            {in.write.get(), POLLOUT, 0}, {ended ? -1 : process.get(), POLLIN, 0},
                            {interrupt_.fd(), POLLIN, 0}};
    auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    int ready = left.count() > 0 ? poll(p.data(), p.size(), static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (p[0].revents != 0) drain(out.read, outcome.output, out_lines);
    if (p[1].revents != 0) drain(err.read, outcome.errors, err_lines);
    if (p[2].revents != 0) feed(in.write, input);
    if (p[3].revents != 0) {
      ended = true;
      // A grandchild may hold the streams open: after the leader's end they get a moment, not forever.
      deadline = std::min(deadline, steady_clock::now() + milliseconds(500));
    }
    bool stop = p[4].revents != 0;
    if (ready > 0 && !stop) continue;
    if (ended && !stop) break;
    int code = end_group(*pid);
    if (stop) {
      outcome.exit_code = code;
      return interrupted("running " + text::shell_quote(command.argv));
    }
    return failure(Error{ErrorClass::environment, "tool-timeout",
                         command.argv[0] + " did not end within " + text::duration(command.limit), {}, {},
                         text::shell_quote(command.argv), text::redact(text::last_lines(outcome.errors, 5))});
  }
  int status = 0;
  waitpid(*pid, &status, 0);
  outcome.exit_code = exit_code_of(status);
  out_lines.finish();
  err_lines.finish();
  return outcome;
}

Result<std::unique_ptr<Child>> SystemProcesses::start(const Command& command, const std::filesystem::path& log) {
  Descriptor in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Descriptor out(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!in.open() || !out.open()) return start_failure(command, errno);
  if (command.dies_with_hpawalk) {
    auto program = find(command.argv[0]);
    if (!program) return start_failure(command, ENOENT);
    return BoundChild::start([&] { return fork_bound(command, *program, environment_, in.get(), out.get()); });
  }
  Result<pid_t> pid = spawn(command, environment_, in.get(), out.get(), out.get());
  if (!pid) return failure(pid.error());
  return std::make_unique<SystemChild>(*pid);
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
    if (access(candidate.c_str(), X_OK) == 0 && !std::filesystem::is_directory(candidate, ignored)) return candidate;
  }
  return std::nullopt;
}

Result<std::string> run_checked(Processes& processes, const Command& command, std::string_view id,
                                const std::string& what) {
  Result<Outcome> outcome = processes.run(command);
  if (!outcome) return failure(outcome.error());
  if (outcome->ok()) return std::move(outcome->output);
  return failure(Error{ErrorClass::check_failed, std::string(id), what,
                       command.argv[0] + " ended with exit code " + std::to_string(outcome->exit_code), {},
                       text::redact(text::shell_quote(command.argv)),
                       text::redact(text::last_lines(outcome->errors, 8))});
}

}  // namespace hpawalk
