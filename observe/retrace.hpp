// Replays the HPA's controller along a recorded past: what it decided at each change of the replicas, what
// kept them between two changes, and where the record says something else. Pure. Every decision is made by
// hpasim's controller; nothing here computes a recommendation.
//
// The record tells neither when the controller synced nor exactly when replicas changed, and how soon pods
// were ready only roughly. So many courses are followed side by side, with syncs at different phases; at each
// recorded change those are kept that come to the same number of replicas in the time in which the record
// has the change. If none does, the change is not the HPA's, or cannot be told.
#pragma once

#include <string>
#include <vector>

#include "hpasim/keda.hpp"
#include "hpasim/simulate.hpp"
#include "observe/trace.hpp"

namespace hpawalk::observe {

// The controller that decided. Metrics of which the trace has nothing are left out of `spec` by retrace().
struct Subject {
  hpasim::Spec spec;
  hpasim::Rules rules;
  hpasim::Flags flags;
  std::optional<hpasim::Keda> keda;
};

struct Retraced {
  enum class Kind : std::uint8_t {
    change,  // the replicas changed, and the controller decides the same
    stay,    // they did not change, although a metric was off its target or could not be read
    missed,  // they did not change, although the controller decides to change them
    forced   // they changed, and the controller does not decide so
  };
  Kind kind = Kind::change;
  // A change happened after `from` and not after `to`; anything else lasted from the one to the other.
  hpasim::Time from{0}, to{0};
  std::int32_t before = 0, after = 0;  // of `stay` and `missed` the same
  // The sync that decided; of `stay` and `missed` the first of them; of `forced` one that decides otherwise.
  hpasim::Sync sync;
  std::int32_t lowest = 0, highest = 0;  // replicas that the metrics asked for; of `forced` also before it
};

struct Course {
  hpasim::Spec spec;                  // with the metrics that the trace has
  std::vector<std::string> left_out;  // those that it does not have
  std::vector<Retraced> all;          // by time
  hpasim::Time tolerance{0};          // what happens within it counts as at the same time
};

// Empty where the trace does not say how many replicas there were. Without any metric it has only `forced`.
Course retrace(const Subject& subject, const Trace& trace);

// The longest time that a controller of this HPA remembers: windows, and the periods of policies.
hpasim::Time memory_of(const hpasim::Spec& spec, const hpasim::Flags& flags);

}  // namespace hpawalk::observe
