#include "cli/progress_report.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/style.hpp"
#include "world/workers.hpp"

namespace hpawalk::cli {
namespace {

struct Running {
  std::string step;
  std::string detail;
  world::TimePoint since;
  world::TimePoint told;  // plain lines: when the last line about it was printed
};

// What both forms share: which steps run, and for how long.
class Report : public world::Progress {
 public:
  explicit Report(world::World& world) : world_(world), style_(world, world.terminal.err_is_terminal()) {}

  void started(const std::string& step) override {
    std::lock_guard lock(mutex_);
    world::TimePoint now = world_.clock.now();
    running_.push_back({step, {}, now, now});
    changed(running_.back());
  }
  void now(const std::string& step, const std::string& detail) override {
    std::lock_guard lock(mutex_);
    for (Running& r : running_) {
      if (r.step != step) continue;
      r.detail = printable_line(detail);
      changed(r);
    }
  }
  void done(const std::string& step, const std::string& evidence) override {
    finish(step, style_.good("ok  "), evidence);
  }
  void failed(const std::string& step, const std::string& reason) override {
    finish(step, style_.bad("FAIL"), reason);
  }

 protected:
  virtual void changed(Running& r) = 0;
  virtual void print_line(const Painted& line) = 0;

  std::string elapsed(const Running& r) { return text::duration(world_.clock.now() - r.since); }

  world::World& world_;
  Style style_;
  std::mutex mutex_;
  std::vector<Running> running_;

 private:
  void finish(const std::string& step, const Painted& mark, const std::string& evidence) {
    std::lock_guard lock(mutex_);
    auto r = std::find_if(running_.begin(), running_.end(), [&](const Running& x) { return x.step == step; });
    std::string took = r == running_.end() ? std::string() : elapsed(*r);
    if (r != running_.end()) running_.erase(r);
    print_line(painted("{} {:<14} {}{}", mark, step, indented(evidence, 20),
                       style_.dim(took.empty() ? "" : "  (" + took + ")")));
  }
};

// A line once a step has taken a second, then at most one every 10 s, then its end.
class PlainReport final : public Report {
 public:
  using Report::Report;
  void line(const std::string& step, const std::string& text) override {
    std::lock_guard lock(mutex_);
    print_line(fmt::format("...  {:<14} {}", step, printable_line(text)));
  }

 protected:
  void changed(Running& r) override {
    world::TimePoint now = world_.clock.now();
    bool first = r.told == r.since;
    if (r.detail.empty() || now - r.told < std::chrono::seconds(first ? 1 : 10)) return;
    r.told = now;
    print_line(fmt::format("...  {:<14} {} ({})", r.step, r.detail, elapsed(r)));
  }
  void print_line(const Painted& line) override { world_.terminal.err(line + "\n"); }
};

// Finished steps scroll by; the running ones stand below them and are redrawn ten times a second.
class LiveReport final : public Report {
 public:
  explicit LiveReport(world::World& world) : Report(world) {
    ticker_.start([this] { tick(); });
  }
  ~LiveReport() override {
    stop_ = true;
    (void)ticker_.join();  // that the picture stood still is not worth an error
    std::lock_guard lock(mutex_);
    erase();
  }

 protected:
  void changed(Running&) override {}
  // Of a step that runs the line stands beside it; another one scrolls by.
  void line(const std::string& step, const std::string& text) override {
    {
      std::lock_guard lock(mutex_);
      bool runs =
          std::any_of(running_.begin(), running_.end(), [&](const Running& r) { return r.step == step; });
      if (!runs) return print_line(fmt::format("...  {:<14} {}", step, printable_line(text)));
    }
    now(step, text);
  }
  void print_line(const Painted& line) override {
    erase();
    world_.terminal.err(line + "\n");
    draw();
  }

 private:
  void tick() {
    while (!stop_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      std::lock_guard lock(mutex_);
      ++frame_;
      if (running_.empty() && drawn_ == 0) continue;
      erase();
      draw();
    }
  }
  void erase() {
    if (drawn_ > 0) world_.terminal.err(Painted::control(fmt::format("\x1b[{}A\x1b[J", drawn_)));
    drawn_ = 0;
  }
  void draw() {
    constexpr std::string_view frames = "|/-\\";
    auto width = static_cast<size_t>(std::max(20, world_.terminal.columns() - 1));
    std::string block;
    for (const Running& r : running_) {
      std::string line =
          fmt::format(" {}   {:<14} {} {}", frames[frame_ % frames.size()], r.step, elapsed(r), r.detail);
      line = fit(line, width);
      block += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    drawn_ = running_.size();
    world_.terminal.err(block);
  }

  size_t drawn_ = 0;
  size_t frame_ = 0;
  std::atomic<bool> stop_ = false;
  world::Workers ticker_;  // last: it uses the members above
};

}  // namespace

std::unique_ptr<world::Progress> make_progress(world::World& world, bool may_redraw) {
  auto term = world.environment.find("TERM");
  bool redraw = may_redraw && world.terminal.err_is_terminal() &&
                (term == world.environment.end() || term->second != "dumb");
  if (redraw) return std::make_unique<LiveReport>(world);
  return std::make_unique<PlainReport>(world);
}

}  // namespace hpawalk::cli
