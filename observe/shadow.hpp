// What another HPA would do with the metrics that a running one has: the simulator's controller decides at
// every look at a cluster, and nothing is written. Pure; shadow_look.hpp looks.
//
// The replicas that it decides on exist only here. While they are as many as the real ones, its pods are the
// real pods. Otherwise: what the pods' metrics add up to is a load that its own ready pods share evenly; of
// the real pods it has the ready and the oldest ones, and further ones become ready as long after the
// decision as the real ones took on the median. A metric of an object or an external one stays what it is,
// however many pods there are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hpasim/simulate.hpp"

namespace hpawalk::observe {

// What the metrics API says of one metric. `samples`: one a pod, in the pods' order.
struct MetricLook {
  hpasim::Failure failure = hpasim::Failure::none;
  std::vector<std::int64_t> values;  // milli: of an Object metric one, of an External metric one a series
  std::vector<hpasim::PodSample> samples;
};

// What the HPA controller would see now. Times are since the shadow began; of older pods they are negative.
struct ShadowLook {
  hpasim::Time scale_read{0}, at{0};  // when the scale, and when everything had been read
  hpasim::Scale scale;
  std::vector<hpasim::PodGroup> pods;  // one pod each
  std::vector<MetricLook> metrics;     // in the spec's order
  int ready() const;
};

// A time in which both had different numbers of replicas for longer than a sync period; a shorter one says
// only that they do not look at the same moment.
struct ShadowDifference {
  hpasim::Time from{0}, to{0};
  std::int32_t real = 0, shadow = 0;
  std::string why;  // the rule by which the shadow has its number
};

class Shadow {
 public:
  // It begins with the real number of replicas. Like a controller that was started again, it knows no earlier
  // recommendation. `own_zero`: where these are 0, the HPA itself scaled to 0.
  Shadow(hpasim::Spec spec, hpasim::Rules rules, hpasim::Flags flags, std::int32_t replicas, bool own_zero);

  // One sync. The reference holds until the next.
  const hpasim::Sync& take(const ShadowLook& look);

  std::int32_t replicas() const { return replicas_; }
  const std::vector<hpasim::Sync>& syncs() const { return syncs_; }

  // The load as it was seen, one a metric, in simulate's units: of a utilization per cent of a pod's request.
  std::vector<hpasim::Profile> loads() const;
  // Both judged by the shadow's targets. After the first look.
  hpasim::Timeline real_timeline(hpasim::Time end) const;
  hpasim::Timeline shadow_timeline(hpasim::Time end) const;
  std::vector<ShadowDifference> differences(hpasim::Time end) const;

 private:
  struct Added {  // by a decision of the shadow's, and not among the real pods
    std::int32_t count = 0;
    hpasim::Time at{0};
    bool counted = false;  // among the ready ones
  };
  void note_load(const ShadowLook& look);
  void change_to(std::int32_t replicas, hpasim::Time at);
  ShadowLook imagined(const ShadowLook& look) const;
  std::vector<hpasim::Step> ready_steps(hpasim::Time until) const;  // also of pods that no look has seen yet
  hpasim::Timeline timeline(std::vector<hpasim::Step> replicas, std::vector<hpasim::Step> ready,
                            hpasim::Time end) const;

  hpasim::Spec spec_;
  hpasim::Setup setup_;
  hpasim::Controller controller_;
  std::int32_t replicas_;
  std::vector<Added> added_;
  hpasim::Time start_{0};  // of a pod, as the last look has it
  std::vector<hpasim::Sync> syncs_;
  std::vector<hpasim::Step> real_, real_ready_, shadow_, shadow_ready_;
  std::vector<std::vector<hpasim::Profile::Point>> loads_;  // one a metric
};

}  // namespace hpawalk::observe
