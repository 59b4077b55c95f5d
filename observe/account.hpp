// What happened to an HPA, one entry for each change of the replicas and for each time in which they did not
// follow a metric: why by hpasim, and where the record contradicts that, what the record shows instead. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "observe/retrace.hpp"

namespace hpawalk::observe {

struct Entry {
  enum class Kind : std::uint8_t {
    change,          // the HPA (or KEDA) changed the replicas
    stays,           // it did not, although a metric was off its target or could not be read
    another_client,  // somebody else changed them: no recommendation gives that number
    surge,           // more pods than spec.replicas, as during a rollout
    pods_missing,    // fewer pods than spec.replicas
    limits,          // minReplicas or maxReplicas of the HPA were changed
    not_scaled,      // the controller would have changed them, and they did not change
    unknown,         // they changed, and the record does not tell why
    not_recorded     // this Prometheus has no record of the replicas
  };
  Kind kind = Kind::change;
  // A change happened after `from` and not after `to`; anything else lasted from the one to the other.
  hpasim::Time from{0}, to{0};
  std::int32_t before = 0, after = 0;
  std::string rule, metric;  // hpasim's rule, and the metric that won; empty: none decided
  std::string why;
  std::vector<std::string> evidence;
  std::string cause;          // of docs/causes.md; empty: none
  std::int32_t proposed = 0;  // what the metrics asked for; with a rule
};
std::string_view name_of(Entry::Kind kind);  // "another-client": stable
bool contradicts(Entry::Kind kind);          // the record says something else than the replay

struct Account {
  std::vector<Entry> entries;                 // by time
  std::vector<std::string> notes;             // what could not be told, and why
  std::vector<hpasim::Step> replicas, ready;  // over the whole period; times since its beginning
  std::vector<hpasim::Sync> syncs;            // that the entries are about; times since its beginning
  hpasim::Time exact{0};                      // a time in an entry is that exact
};

// `when`: how a time since the epoch reads.
Account account_of(const Subject& subject, const Trace& trace,
                   const std::function<std::string(hpasim::Time)>& when);

}  // namespace hpawalk::observe
