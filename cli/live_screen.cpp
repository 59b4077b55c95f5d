#include "cli/live_screen.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/live_text.hpp"
#include "world/times.hpp"

namespace hpawalk::cli {
namespace {

using namespace std::chrono_literals;

constexpr size_t screen_label_width = 15;
constexpr size_t most_points = 20'000;

// What stands beside a hop's value: when it was there.
std::string beside(HopRow row, const observe::Hops& hops, const diagnose::ControllerSettings& controller,
                   world::WallTime now) {
  auto ago = [&](const char* did, const observe::Seen& seen) {
    if (seen.text.empty()) return std::string();
    return fmt::format("{} {}s ago", did, std::max<long long>(0, (now - seen.at).count() / 1000));
  };
  switch (row) {
    case HopRow::source: return ago("asked", hops.source);
    case HopRow::prometheus: return ago("scraped", hops.prometheus);
    case HopRow::metrics_api: return ago("answered", hops.api);
    case HopRow::hpa:
      if (!hops.hpa.there) return {};
      return "next sync " + world::clock_time(observe::next_look(hops.hpa, controller, now)).substr(0, 8);
    case HopRow::replicas:
      if (!hops.workload.there || !hops.hpa.there) return {};
      return fmt::format("minimum {}, maximum {}", hops.hpa.min, hops.hpa.max);
    case HopRow::condition: return {};
  }
  return {};
}

Painted toned(Tone tone, const std::string& text, const Style& style) {
  switch (tone) {
    case Tone::unread: return style.dim(text);
    case Tone::plain: return text;
    case Tone::good: return style.good(text);
    case Tone::warning: return style.warn(text);
    case Tone::bad: return style.bad(text);
  }
  return text;
}

}  // namespace

void LiveScreen::note(const observe::Hops& hops, world::WallTime at) {
  if (!hops.workload.there && !hops.first().number) return;
  Point point{at, hops.first().number.value_or(std::nan("")), hops.workload.wanted, hops.workload.ready};
  if (points_.size() >= most_points) points_.erase(points_.begin(), points_.begin() + most_points / 2);
  points_.push_back(point);
}

std::vector<Painted> LiveScreen::plot(const observe::Hops& hops, world::WallTime now, const Canvas& canvas,
                                      int height) const {
  if (points_.empty() || height < 2) return {};
  auto width =
      static_cast<size_t>(std::clamp(canvas.columns - static_cast<int>(screen_label_width) - 1, 10, 120));
  world::Duration span = std::max<world::Duration>(60s, now - points_.front().at);
  world::WallTime begin = now - span;
  std::vector<double> values(width, std::nan("")), wanted(width, std::nan(""));
  double top = 1, most = std::max(1, hops.hpa.max);
  size_t next = 0;
  const Point* last = nullptr;
  for (size_t x = 0; x < width; ++x) {
    world::WallTime end = begin + span * (x + 1) / width;
    double highest = std::nan("");
    for (; next < points_.size() && points_[next].at <= end; ++next) {
      last = &points_[next];
      highest = std::fmax(highest, last->value);
    }
    if (last == nullptr) continue;
    double value = std::isnan(highest) ? last->value : highest;
    values[x] = std::isfinite(value) ? value : std::nan("");
    wanted[x] = last->wanted;
    top = std::fmax(top, values[x]);
    most = std::fmax(most, wanted[x]);
  }
  for (double& v : values) v /= top;
  for (double& w : wanted) w /= most;
  int upper = std::max(1, height / 3), lower = height - upper;
  std::string edge = canvas.unicode ? "│" : "|";
  std::vector<Painted> lines;
  auto add = [&](const std::string& name, double highest, const std::vector<std::string>& rows, auto paint) {
    for (size_t row = 0; row < rows.size(); ++row) {
      std::string label = row == 0 ? fmt::format("{:<9}{:>4} ", name, narrow_number(highest))
                                   : std::string(screen_label_width - 1, ' ');
      lines.push_back(canvas.style.dim(fit(label, screen_label_width - 1) + edge) + paint(rows[row]));
    }
  };
  add("value", top, bars(values, upper, canvas.unicode),
      [&](const std::string& s) { return canvas.style.warn(s); });
  add("replicas", most, bars(wanted, lower, canvas.unicode),
      [&](const std::string& s) { return canvas.style.good(s); });
  std::string from = text::duration(std::chrono::floor<std::chrono::seconds>(span)) + " ago", to = "now";
  std::string gap(width - std::min(width, from.size() + to.size()), ' ');
  lines.push_back(canvas.style.dim(std::string(screen_label_width, ' ') + from + gap + to));
  return lines;
}

std::vector<Painted> LiveScreen::draw(const observe::Hops& hops, const observe::Outlook& outlook,
                                      world::WallTime now, const Canvas& canvas, int rows) const {
  const Style& style = canvas.style;
  auto width = static_cast<size_t>(std::max(20, canvas.columns - 1));
  std::vector<Painted> lines;
  std::string clock = world::clock_time(now);
  lines.push_back(style.bold(fit(title_, width - std::min(width, clock.size() + 1))) + " " +
                  style.dim(clock));
  for (const HopLine& line : hop_lines(hops)) {
    bool scraped = line.row == HopRow::prometheus && !hops.prometheus.text.empty();
    std::string shown = printable_line(scraped ? hops.prometheus.text : line.text);
    std::string side = beside(line.row, hops, controller_, now);
    size_t room = width - screen_label_width;
    bool both = !side.empty() && shown_width(shown) + 2 + shown_width(side) <= room;
    size_t left =
        both ? std::max<size_t>(std::min<size_t>(24, room - 2 - shown_width(side)), shown_width(shown))
             : room;
    lines.push_back(fit(line.name, screen_label_width) + toned(line.tone, fit(shown, left), style) +
                    (both ? "  " + style.dim(side) : Painted()));
  }
  std::vector<Painted> below;
  std::string text = hops.lost.empty() ? outlook.text : "the API server does not respond: " + hops.lost;
  std::string mark = outlook.state == observe::Outlook::State::broken ? "broken:"
                     : outlook.at_rest()                              ? "forecast:"
                                                                      : "now:";
  std::vector<std::string> wrapped = wrap(mark + " " + text, width);
  if (wrapped.size() > 5) wrapped.resize(5);
  for (const std::string& line : wrapped)
    below.push_back(outlook.state == observe::Outlook::State::broken ? style.bad(line)
                    : outlook.at_rest()                              ? style.good(line)
                                                                     : style.warn(line));
  std::vector<observe::EventSeen> events = hops.events;
  std::stable_sort(events.begin(), events.end(),
                   [](const observe::EventSeen& a, const observe::EventSeen& b) { return a.at < b.at; });
  if (events.size() > 3) events.erase(events.begin(), events.end() - 3);
  for (const observe::EventSeen& e : events) {
    below.push_back(style.dim(fit(world::clock_time(e.at).substr(0, 8) + " " + event_text(e), width)));
  }
  int height = std::min(9, rows - 2 - static_cast<int>(lines.size() + below.size()));
  for (Painted& line : plot(hops, now, canvas, height)) lines.push_back(std::move(line));
  for (Painted& line : below) lines.push_back(std::move(line));
  if (static_cast<int>(lines.size()) > rows - 1) lines.resize(static_cast<size_t>(std::max(1, rows - 1)));
  return lines;
}

}  // namespace hpawalk::cli
