#include "diagnose/past.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "base/text.hpp"
#include "world/prometheus_api.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {

bool stabilizing(const Json& hpa) {
  std::string reason = text_at(condition(hpa, "AbleToScale"), "reason");
  return reason == "ScaleDownStabilized" || reason == "ScaleUpStabilized";
}

bool at_limit(const Json& hpa) {
  const Json& limited = condition(hpa, "ScalingLimited");
  return text_at(limited, "status") == "True" && text_at(limited, "reason") == "TooManyReplicas";
}

std::vector<hpasim::PastSample> past_samples(const Json& rows, hpasim::MetricKind kind) {
  struct Sum {
    double value = 0;
    int series = 0;
  };
  std::map<hpasim::Time, Sum> sums;
  for (const Json& row : list_at(rows, "")) {
    for (const world::Point& point : world::points_of(at(row, "values"))) {
      Sum& sum = sums[hpasim::Time(std::llround(point.time * 1e6))];
      // The adapter serves NaN as 0 (pkg/custom-provider/provider.go).
      sum.value += std::isnan(point.value) ? 0 : point.value;
      ++sum.series;
    }
  }
  bool average = kind == hpasim::MetricKind::pods;
  std::vector<hpasim::PastSample> samples;
  for (const auto& [at, sum] : sums) samples.push_back({at, average ? sum.value / sum.series : sum.value});
  return samples;
}

namespace {

std::optional<std::int32_t> new_size(const Json& event) {
  constexpr std::string_view begin = "New size: ";
  std::string message = text_at(event, "message");
  if (!message.starts_with(begin)) return std::nullopt;
  std::int32_t size = 0;
  const char* end = message.data() + message.size();
  auto [rest, error] = std::from_chars(message.data() + begin.size(), end, size);
  return error == std::errc() && size >= 0 ? std::optional(size) : std::nullopt;
}

std::optional<hpasim::Time> time_at(const Json& object, std::string_view field) {
  std::optional<world::WallTime> time = world::parse_time(text_at(object, field));
  return time ? std::optional<hpasim::Time>(time->time_since_epoch()) : std::nullopt;
}

}  // namespace

bool event_of(const Json& event, const Json& hpa) {
  const Json& about = at(event, "involvedObject");
  std::string uid = text_at(hpa, "metadata.uid");
  return text_at(about, "name") == text_at(hpa, "metadata.name") &&
         text_at(about, "namespace") == text_at(hpa, "metadata.namespace") &&
         (uid.empty() || text_at(about, "uid", uid) == uid);
}

std::vector<hpasim::PastReplicas> past_replicas(const Json& hpa, const std::vector<const Json*>& events) {
  std::vector<hpasim::PastReplicas> all;
  for (const Json* event : events) {
    if (!event_of(*event, hpa)) continue;
    std::optional<std::int32_t> size = new_size(*event);
    if (!size) continue;
    for (const char* field : {"firstTimestamp", "lastTimestamp", "eventTime"}) {
      if (std::optional<hpasim::Time> time = time_at(*event, field)) all.push_back({*time, *size});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  // An Event can be missing: it may not be read, or it has expired.
  constexpr hpasim::Time slack = std::chrono::seconds(5);
  if (std::optional<hpasim::Time> last = time_at(hpa, "status.lastScaleTime");
      last && (all.empty() || all.back().at + slack < *last))
    all.push_back({*last, static_cast<std::int32_t>(int_at(hpa, "status.desiredReplicas"))});
  return all;
}

}  // namespace hpawalk::diagnose
