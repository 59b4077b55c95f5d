#include "cli/live_view.hpp"
#include "steps/chain_names.hpp"

#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/live_screen.hpp"
#include "cli/live_text.hpp"
#include "world/times.hpp"

namespace hpawalk::cli {
namespace {

// The text counts down; what it says is new when one of these is.
std::string gist(const observe::Outlook& outlook) {
  return fmt::format("{} {} {}", name_of(outlook.state), outlook.rule, outlook.next.value_or(-1));
}

// One JSON object a line, for every change.
class JsonView final : public observe::LiveView {
 public:
  explicit JsonView(Session& session) : session_(session) {}
  void show(const observe::Hops& hops, const observe::Change& change,
            const observe::Outlook& outlook) override {
    // Time alone can change what the hops mean.
    std::string meaning = gist(outlook);
    bool same = std::exchange(gist_, meaning) == meaning;
    if (change.hop == observe::Hop::tick && same) return session_.world.terminal.look_at_out();
    session_.world.terminal.out(json_text(to_json(hops, change, outlook)) + "\n");
    session_.printed = true;
  }
  void end() override {}

 private:
  Session& session_;
  std::string gist_;
};

// A time-stamped line for everything that is new.
class LineView final : public observe::LiveView {
 public:
  explicit LineView(world::World& world) : world_(world) {}
  void show(const observe::Hops& hops, const observe::Change& change,
            const observe::Outlook& outlook) override {
    if (change.hop == observe::Hop::tick) world_.terminal.look_at_out();
    if (change.hop == observe::Hop::lost)
      line(change.at, "API server", hops.lost.empty() ? "responds again" : hops.lost);
    if (change.event) line(change.event->at, "event", event_text(*change.event));
    for (const HopLine& hop : hop_lines(hops)) {
      if (hop.tone == Tone::unread || shown_[hop.name] == hop.text) continue;
      shown_[hop.name] = hop.text;
      line(change.at, hop.name, hop.text);
    }
    if (!hops.known() || outlook.rule == "rollout") return;  // the line of the replicas says that
    std::string meaning = gist(outlook);
    if (meaning == shown_["forecast"] && outlook.state != observe::Outlook::State::broken) return;
    if (outlook.text == told_) return;
    shown_["forecast"] = meaning;
    told_ = outlook.text;
    line(change.at, "forecast", outlook.text);
  }
  void end() override {}

 private:
  void line(world::WallTime at, const std::string& name, const std::string& text) {
    world_.terminal.out(
        fmt::format("{}  {}  {}\n", world::clock_time(at), fit(name, 14), printable_line(text)));
  }
  world::World& world_;
  std::map<std::string, std::string> shown_;
  std::string told_;
};

// A block of lines that is drawn again over itself.
class ScreenView final : public observe::LiveView {
 public:
  ScreenView(world::World& world, LiveScreen screen) : world_(world), screen_(std::move(screen)) {}
  void show(const observe::Hops& hops, const observe::Change& change,
            const observe::Outlook& outlook) override {
    screen_.note(hops, change.at);
    hops_ = hops;
    outlook_ = outlook;
    world::TimePoint now = world_.clock.now();
    if (change.hop != observe::Hop::tick && drawn_ > 0 && now - drawn_at_ < std::chrono::milliseconds(100))
      return;  // a burst: the tick draws it
    drawn_at_ = now;
    draw();
  }
  void end() override {
    if (drawn_ > 0) draw();
  }

 private:
  void draw() {
    std::vector<Painted> lines =
        screen_.draw(hops_, outlook_, world_.clock.wall_now(), canvas_for(world_), world_.terminal.rows());
    Painted out = drawn_ > 0 ? Painted::control(fmt::format("\x1b[{}A\r", drawn_)) : Painted();
    for (const Painted& line : lines) out += line + Painted::control("\x1b[K") + "\n";
    out += Painted::control("\x1b[J");
    drawn_ = lines.size();
    world_.terminal.out(out);
  }

  world::World& world_;
  LiveScreen screen_;
  observe::Hops hops_;
  observe::Outlook outlook_;
  size_t drawn_ = 0;
  world::TimePoint drawn_at_{};
};

std::unique_ptr<observe::LiveView> make_live_view(Session& session, const observe::LiveChain& chain,
                                                  const diagnose::ControllerSettings& controller,
                                                  const std::string& where) {
  world::World& world = session.world;
  if (session.json) return std::make_unique<JsonView>(session);
  auto term = world.environment.find("TERM");
  bool redraw =
      world.terminal.out_is_terminal() && (term == world.environment.end() || term->second != "dumb");
  if (!redraw) return std::make_unique<LineView>(world);
  return std::make_unique<ScreenView>(
      world, LiveScreen(fmt::format("{}/{} on {}", chain.space, chain.hpa, where), controller));
}

}  // namespace

Result<observe::Followed> follow_shown(Session& session, OpenChain& chain, const observe::Follow& what) {
  return follow_shown(session, *chain.api, steps::chain_names(*chain.config),
                      diagnose::read_controller(*chain.api), chain.target->name(), what);
}

Result<observe::Followed> follow_shown(Session& session, world::KubeApi& api, const observe::LiveChain& chain,
                                       const diagnose::ControllerSettings& controller,
                                       const std::string& where, const observe::Follow& what) {
  std::unique_ptr<observe::LiveView> view = make_live_view(session, chain, controller, where);
  return observe::follow(session.world.clock, api, chain, controller, what, *view);
}

}  // namespace hpawalk::cli
