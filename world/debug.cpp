#include "world/debug.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/redact.hpp"
#include "base/text.hpp"

namespace hpawalk::world {
namespace {

using namespace std::chrono_literals;

std::string said(const Command& command) {
  return text::redact(text::shell_quote(command.argv));
}

std::string exit_of(const Outcome& outcome) {
  return fmt::format("exit {}, {} out, {} err", outcome.exit_code, text::bytes(outcome.output.size()),
                     text::bytes(outcome.errors.size()));
}

std::string failed(const Error& error) {
  return text::redact(error.id + ": " + (error.because.empty() ? error.what : error.because));
}

// Over a socket only the path tells something. Who logs in with a URL does not want that in a log.
std::string place_of(const HttpRequest& request) {
  std::string url = request.url;
  size_t host = url.find("://");
  host = host == std::string::npos ? 0 : host + 3;
  size_t path = std::min(url.find('/', host), url.size());
  if (!request.unix_socket.empty()) return text::redact(url.substr(path));
  size_t user = url.rfind('@', path);
  if (user != std::string::npos && user >= host && user < path) url.replace(host, user - host, "[redacted]");
  return text::redact(url);
}

std::string question(const HttpRequest& request) {
  std::string again = request.attempt > 1 ? fmt::format(" (attempt {})", request.attempt) : "";
  return request.method + " " + place_of(request) + again;
}

std::string answer(const Result<HttpResponse>& response) {
  if (!response) return failed(response.error());
  std::string later =
      response->retry_after ? fmt::format(", retry after {}s", response->retry_after->count()) : "";
  return fmt::format("{}, {}{}", response->status, text::bytes(response->body.size()), later);
}

// Tells when the child has ended, or was ended.
class DebugChild final : public Child {
 public:
  DebugChild(std::unique_ptr<Child> child, DebugLog& log, std::string name)
      : child_(std::move(child)), log_(log), name_(std::move(name)), start_(log.now()) {}
  ~DebugChild() override {
    child_.reset();
    tell("ended");
  }
  pid_t pid() const override { return child_->pid(); }
  bool running() override {
    bool runs = child_->running();
    if (!runs) tell("ended by itself");
    return runs;
  }
  void stop() override {
    child_->stop();
    tell("stopped");
  }

 private:
  void tell(const std::string& what) {
    if (!told_) log_.line(fmt::format("{} {} after {}", name_, what, log_.since(start_)));
    told_ = true;
  }

  std::unique_ptr<Child> child_;
  DebugLog& log_;
  std::string name_;
  TimePoint start_;
  bool told_ = false;
};

}  // namespace

void DebugLog::line(const std::string& text) {
  auto now = clock_.wall_now();
  std::string time = fmt::format("{:%H:%M:%S}.{:03}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                                 now.time_since_epoch().count() % 1000);
  std::string one_line = text;
  for (char& c : one_line) c = c == '\n' || c == '\r' ? ' ' : c;
  std::lock_guard lock(mutex_);
  terminal_.err("debug " + time + " " + one_line + "\n");
}

std::string DebugLog::since(TimePoint start) {
  Duration took = clock_.now() - start;
  return took < 1s ? fmt::format("{}ms", took.count()) : text::duration(took);
}

Result<Outcome> DebugProcesses::run(const Command& command) {
  std::string name = fmt::format("child {}", log_.next_child());
  TimePoint start = log_.now();
  log_.line(name + " runs: " + said(command));
  Result<Outcome> outcome = processes_.run(command);
  log_.line(fmt::format("{}: {}, {}", name, outcome ? exit_of(*outcome) : failed(outcome.error()),
                        log_.since(start)));
  return outcome;
}

Result<std::unique_ptr<Child>> DebugProcesses::start(const Command& command,
                                                     const std::filesystem::path& log) {
  std::string name = fmt::format("child {}", log_.next_child());
  log_.line(name + " starts: " + said(command));
  Result<std::unique_ptr<Child>> child = processes_.start(command, log);
  if (!child) {
    log_.line(name + ": " + failed(child.error()));
    return child;
  }
  return std::make_unique<DebugChild>(*std::move(child), log_, name);
}

Result<HttpResponse> DebugHttp::send(const HttpRequest& request) {
  TimePoint start = log_.now();
  Result<HttpResponse> response = http_.send(request);
  log_.line(fmt::format("{}: {}, {}", question(request), answer(response), log_.since(start)));
  return response;
}

Result<HttpResponse> DebugHttp::stream(const HttpRequest& request,
                                       const std::function<bool(std::string_view line)>& on_line) {
  TimePoint start = log_.now();
  log_.line(question(request) + ": stream begins");
  size_t bytes = 0, lines = 0;
  Result<HttpResponse> response = http_.stream(request, [&](std::string_view line) {
    if (!line.empty()) bytes += line.size() + 1, ++lines;
    return on_line(line);
  });
  std::string end = response ? std::to_string(response->status) : failed(response.error());
  log_.line(fmt::format("{}: stream ended: {}, {} lines, {}, {}", question(request), end, lines,
                        text::bytes(bytes), log_.since(start)));
  return response;
}

bool DebugClock::sleep(Duration d) {
  if (d >= 100ms) log_.line("waits " + text::duration(d));
  return clock_.sleep(d);
}

}  // namespace hpawalk::world
