// The steps of a migration, in an order in which one HPA object scales the workload all the time; what each
// waits for is read off the cluster, so that a migration that ended in the middle continues. Pure.
//
// To KEDA, a ScaledObject that names the HPA makes KEDA change that object in place. To the adapter, the
// ScaledObject is deleted without its HPA (Orphan), while a finalizer of hpawalk's keeps it: KEDA no longer
// writes the HPA then, but goes on serving the metric until the HPA has its new spec.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "migrate/plan.hpp"

namespace hpawalk::migrate {

inline constexpr const char *own_finalizer = "hpawalk/migration", *keda_finalizer = "finalizer.keda.sh";

// What is on the cluster; null: not found.
struct State {
  Json hpa, scaled_object;
};

enum class StepKind { rule, served, create, take_over, keep_replicas, hold, let_go, change, read, release };

struct Step {
  StepKind kind = StepKind::create;
  std::string id;       // stable: "let-go"
  std::string what;     // what it does, as a sentence
  std::string command;  // for a POSIX shell; empty: none
  bool done = false;
  std::string missing;  // what is not as it will be; empty where it is done
};

std::vector<Step> steps_of(const Plan& plan, const State& state);

// The HPA as the step `change` writes it.
Json changed_hpa(const Plan& plan, Json hpa);

// Which metric of its spec the HPA has not read yet, or why it reads none; empty: it has read all.
std::string unread(const Json& hpa);

// What else is on the cluster.
struct Surroundings {
  bool keda_defined = false;               // scaledobjects.keda.sh
  std::string keda_serves;                 // why KEDA does not serve the external metrics API; empty: it does
  std::vector<Json> hpas, scaled_objects;  // of the namespace
  std::optional<long long> replicas;       // of the workload
  std::vector<std::string> login_flags;    // by which the adapter shows Prometheus credentials
};

// Why --apply must not begin or continue; empty: it may.
std::vector<std::string> obstacles(const Plan& plan, const State& state, const Surroundings& around);

}  // namespace hpawalk::migrate
