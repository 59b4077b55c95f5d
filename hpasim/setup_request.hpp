// What people say of the controller, the pods and the path of the metric, as texts: read the same way for
// `simulate` and for the page of `playground`. Knows nothing about clusters or command lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "hpasim/simulate.hpp"

namespace hpawalk::hpasim {

struct SetupRequest {
  std::string version;            // empty: the cluster's, else the newest that is known
  std::string meaning = "usual";  // or whole, shared
  std::string duration, pod_start = "2s", pod_warmup = "0s", scrape = "0s", window = "0s", relist = "0s";
  std::string sync_period, downscale_stabilization;  // empty: the cluster's, else Kubernetes' defaults
  std::string request;  // "500m", or "cpu=500m,memory=1Gi"; empty: loads of utilizations are percentages
  std::string controller_delay;
  std::vector<std::string> outages;  // "5m..8m": when the metrics' source does not answer
  std::optional<double> tolerance;
  bool tolerance_gate = false, zero_gate = false;
  int replicas = -1;
  bool zero_by_hand = false;  // with replicas 0: a person scaled to 0, not the HPA
  std::uint64_t seed = 0;
  bool has_seed = false;
};

// Into the setup, over what is in it: all but the rules and the tolerance.
Status read_setup(const SetupRequest& request, Setup& setup);

// The feature gates that were asked for, over the version's.
void take_gate_options(const SetupRequest& request, Rules& rules);

// There is something to simulate, and not more than a machine can.
Status check_length(const std::vector<Profile>& profiles, const Setup& setup);

}  // namespace hpawalk::hpasim
