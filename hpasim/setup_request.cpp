#include "hpasim/setup_request.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/text.hpp"

namespace hpawalk::hpasim {

namespace {

Result<Requests> read_requests(const std::string& text) {
  Requests requests;
  if (text.empty()) return requests;
  for (const std::string& one : text::split(text, ',')) {
    const size_t equals = one.find('=');
    const std::string resource(text::trim(one.substr(0, equals == std::string::npos ? 0 : equals)));
    auto quantity = typed_quantity(
        text::trim(equals == std::string::npos ? one : std::string_view(one).substr(equals + 1)));
    if (!quantity) return failure(quantity.error());
    const std::int64_t milli = to_milli(*quantity);
    if (milli <= 0)
      return failure(ErrorClass::usage, "quantity", "--pod-request must be positive", one,
                     "For example --pod-request 500m, or --pod-request cpu=500m,memory=1Gi");
    if (resource.empty()) {
      requests.each = milli;
    } else {
      requests.of[resource] = milli;
    }
  }
  return requests;
}

}  // namespace

Status read_setup(const SetupRequest& o, Setup& setup) {
  setup.meaning = o.meaning == "whole"    ? Meaning::whole
                  : o.meaning == "shared" ? Meaning::shared
                                          : Meaning::usual;
  struct Field {
    const std::string& text;
    Time& time;
  };
  for (const Field& field : {Field{o.pod_start, setup.pods.pending},
                             {o.pod_warmup, setup.pods.warming},
                             {o.scrape, setup.pipeline.scrape_interval},
                             {o.window, setup.pipeline.window},
                             {o.relist, setup.pipeline.relist},
                             {o.sync_period, setup.flags.sync_period},
                             {o.downscale_stabilization, setup.flags.downscale_stabilization},
                             {o.duration, setup.duration}}) {
    if (field.text.empty()) continue;
    auto time = parse_duration(field.text);
    if (!time) return failure(time.error());
    field.time = *time;
  }
  if (setup.flags.sync_period < std::chrono::milliseconds(100))
    return failure(ErrorClass::usage, "duration", "--hpa-sync-period is too short", o.sync_period);
  setup.outages.clear();
  for (const std::string& text : o.outages) {
    const size_t dots = text.find("..");
    auto from = parse_duration(text.substr(0, dots));
    auto to = parse_duration(dots == std::string::npos ? "" : text.substr(dots + 2));
    if (!from || !to || *from >= *to)
      return failure(ErrorClass::usage, "duration", "\"" + text + "\" is not a span of time", {},
                     "For example --outage 5m..8m");
    setup.outages.push_back({*from, *to});
  }
  auto requests = read_requests(o.request);
  if (!requests) return failure(requests.error());
  setup.pods.requests = *requests;
  if (!o.controller_delay.empty()) {
    auto delay = parse_duration(o.controller_delay);
    if (!delay) return failure(delay.error());
    setup.delays = delays_of(*delay);
  }
  if (o.replicas >= 0) setup.replicas = o.replicas;
  setup.own_zero = !o.zero_by_hand;
  setup.seed = o.seed;
  setup.jitter = o.has_seed;
  return {};
}

void take_gate_options(const SetupRequest& o, Rules& rules) {
  if (o.tolerance_gate) take_gate(rules, "HPAConfigurableTolerance=true");
  if (o.zero_gate) take_gate(rules, "HPAScaleToZero=true");
}

Status check_length(const std::vector<Profile>& profiles, const Setup& setup) {
  Time end = setup.duration;
  for (const Profile& profile : profiles) end = std::max(end, profile.end());
  if (end <= Time(0))
    return failure(ErrorClass::usage, "profile", "The profile's duration is zero", {},
                   "Add `for 10m` to the profile, or --duration 10m");
  constexpr long long most = 1'000'000;
  if (end / setup.flags.sync_period > most) {
    return failure(
        ErrorClass::usage, "duration", "The simulation is limited to a million syncs",
        fmt::format("{} with one sync every {}s", time_text(end), in_seconds(setup.flags.sync_period)),
        "Use a shorter profile or --duration, or a longer --hpa-sync-period");
  }
  return {};
}

}  // namespace hpawalk::hpasim
