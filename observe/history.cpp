#include "observe/history.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/json.hpp"

namespace hpawalk::observe {

using hpasim::Profile;
using hpasim::Time;

namespace {

constexpr double kMostValues = 10'000;  // Prometheus gives at most 11,000

struct Range {
  double seconds = 0, step = 0;
};

Result<Range> range_of(const History& o) {
  auto last = hpasim::parse_duration(o.last);
  if (!last) return failure(last.error());
  Range range{static_cast<double>(last->count()) / 1e6, 0};
  if (range.seconds <= 0)
    return failure(ErrorClass::usage, "duration", "--last must be greater than zero", o.last);
  range.step = std::max(5.0, std::ceil(range.seconds / kMostValues));
  if (o.step.empty()) return range;
  auto step = hpasim::parse_duration(o.step);
  if (!step) return failure(step.error());
  range.step = static_cast<double>(step->count()) / 1e6;
  if (range.step < 0.1 || range.seconds / range.step > kMostValues) {
    return failure(ErrorClass::usage, "duration",
                   fmt::format("--step {} is too short for --last {}", o.step, o.last),
                   "Prometheus returns at most about 10,000 values per query",
                   fmt::format("The minimum is --step {:.0f}s", std::ceil(range.seconds / kMostValues)));
  }
  return range;
}

// A value holds until the next one; where Prometheus has none (or NaN), the last one goes on.
Result<Profile> profile_of(const Json& values, double start, bool linear) {
  std::vector<Profile::Point> points;
  double negative = 0;
  for (const world::Point& point : world::points_of(values)) {
    if (!std::isfinite(point.value)) continue;
    negative = std::min(negative, point.value);
    Time at(std::llround((point.time - start) * 1e6));
    if (!points.empty() && at < points.back().at) continue;
    if (!linear && !points.empty()) points.push_back({at, points.back().value});
    points.push_back({at, point.value});
  }
  if (points.empty())
    return failure(ErrorClass::check_failed, "prometheus-series", "The series has no values in this period",
                   {}, "Use a longer --last, or another query");
  if (negative < 0)
    return failure(ErrorClass::check_failed, "prometheus-series",
                   fmt::format("The series goes down to {:g}; a load cannot be negative", negative), {},
                   "clamp_min(..., 0) around the query cuts it off");
  Time first = points.front().at;
  for (Profile::Point& point : points) point.at -= first;
  return Profile(std::move(points));
}

}  // namespace

Status check(const History& history) {
  auto range = range_of(history);
  if (!range) return failure(range.error());
  return {};
}

Result<Profile> load_history(world::Clock& clock, world::Progress& progress,
                             const world::PrometheusApi& prometheus, const History& o,
                             std::vector<std::string>& notes) {
  auto range = range_of(o);
  if (!range) return failure(range.error());
  double end = static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now().time_since_epoch()).count());
  progress.started("prometheus");
  progress.now("prometheus", "the last " + o.last + " of " + o.query);
  auto data = prometheus.range(o.query, end - range->seconds, end, range->step, std::chrono::seconds(60));
  if (!data) {
    progress.failed("prometheus", data.error().what);
    return failure(data.error());
  }
  const Json& result = *data;
  const Json& values = result.size() == 1 ? list_at(result[0], "values") : list_at(Json(), "");
  if (result.size() != 1 || values.empty()) {
    progress.failed("prometheus", fmt::format("{} series", result.size()));
    return failure(
        ErrorClass::check_failed, "prometheus-series",
        fmt::format("The query returned {} series; a load must be exactly one series", result.size()),
        o.query,
        result.empty() ? "Try the query in Prometheus, or a longer --last"
                       : "sum(...) or max(...) around the query makes one of them");
  }
  auto profile = profile_of(values, end - range->seconds, o.linear);
  if (!profile) {
    progress.failed("prometheus", profile.error().what);
    return profile;
  }
  progress.done("prometheus", fmt::format("{} values, {} long, up to {:.4g}", values.size(),
                                          hpasim::time_text(profile->end()), profile->highest()));
  double missing = range->seconds - static_cast<double>(profile->end().count()) / 1e6;
  if (missing > 3 * range->step)
    notes.push_back(fmt::format("Prometheus has only {} of the last {} of this query.",
                                hpasim::time_text(profile->end()), o.last));
  return profile;
}

}  // namespace hpawalk::observe
