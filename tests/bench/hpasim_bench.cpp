// How long a simulated day takes, and a thousand of them on all cores. Exit code 1 above the limits.
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "hpasim/simulate.hpp"

using namespace hpawalk::hpasim;

namespace {

constexpr std::string_view kHpa =
    R"({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "bench"}, "spec": {
  "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "bench"}, "minReplicas": 2, "maxReplicas": 100,
  "metrics": [{"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}}],
  "behavior": {"scaleUp": {"policies": [{"type": "Percent", "value": 50, "periodSeconds": 60}]}, "scaleDown": {"stabilizationWindowSeconds": 300}}}})";

double milliseconds(auto&& work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main() {
  Spec spec = *parse_spec(*find_hpa(kHpa));
  std::vector<Profile> profiles = {*parse_profile("sine 20..800 every 6h for 24h", 1)};
  Setup setup;
  setup.rules = *rules_for("1.34");
  setup.jitter = true;
  std::vector<double> with_details, without;
  std::size_t syncs = 0, changes = 0;
  for (int i = 0; i < 51; ++i) {
    setup.seed = static_cast<std::uint64_t>(i);
    setup.details = true;
    with_details.push_back(milliseconds([&] { syncs = simulate(spec, profiles, setup).syncs.size(); }));
    setup.details = false;
    without.push_back(milliseconds([&] { changes = simulate(spec, profiles, setup).syncs.size(); }));
  }
  auto median = [](std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
  };
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  double one = milliseconds([&] { simulate_runs(spec, profiles, setup, 1000, 1); });
  double all = milliseconds([&] { simulate_runs(spec, profiles, setup, 1000, threads); });
  fmt::print(
      "a day ({} syncs, {} changes): {:.2f} ms with every sync kept, {:.2f} ms with the changes only\n",
      syncs, changes, median(with_details), median(without));
  fmt::print("1000 days: {:.0f} ms on 1 thread, {:.0f} ms on {}\n", one, all, threads);
  return median(without) <= 1.0 ? 0 : 1;
}
