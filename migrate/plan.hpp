// A migration of one workload's autoscaler between prometheus-adapter and KEDA, as a value: what is written,
// what cannot be equal, what stands in the way. Pure; what only the cluster can say is filled in by look.hpp.
//
// Sources: KEDA 2.21: controllers/keda (hpa.go, scaledobject_controller.go, scaledobject_finalizer.go),
// pkg/scalers/prometheus_scaler.go, pkg/scalers/scaler.go. prometheus-adapter 0.12: pkg/custom-provider.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "hpasim/spec.hpp"

namespace hpawalk::migrate {

enum class Side { adapter, keda };
std::string_view name_of(Side side);  // "adapter"

// Something that is not the same on the other side.
struct Difference {
  std::string id;      // stable: "rounding"
  std::string what;    // on which sides what happens
  std::string why;     // by which code or API
  std::string effect;  // on the replicas
};

// One metric of the HPA, or one trigger of the ScaledObject.
struct PlannedMetric {
  std::string from, to;        // "Service web's requests_per_second", "trigger 0 (prometheus)"
  std::string query;           // PromQL of one series; empty: of a resource metric
  std::string rule;            // of the adapter: an existing one's title, or "new"; empty: a resource metric
  hpasim::Document metric;     // of the HPA with the adapter
  bool empty_is_zero = false;  // KEDA takes an empty result of the query for 0
  std::string path;            // of the custom metrics API, where the adapter's side is the new one
  std::optional<size_t> rows;  // how many series the query gives now; nothing: not known
  std::string now;             // its value, or why there is none
  std::optional<bool> served;  // by the custom metrics API at `path`
  std::string served_text;     // the value there, or why there is none
};

struct Plan {
  Side to = Side::keda;
  std::string space, hpa, scaled_object;  // names
  std::string workload;                   // "Deployment web"
  std::string prometheus;                 // serverAddress
  hpasim::Document manifest;              // the ScaledObject, or the HPA; null: `cannot` says why
  hpasim::Document rules;                 // list of the adapter's rules that are to be added; may be empty
  std::string rules_place;                // where: "ConfigMap monitoring/adapter, key config.yaml"
  std::vector<PlannedMetric> metrics;
  std::vector<Difference> differences;
  std::vector<std::string> cannot;  // metrics and triggers without a counterpart, and why
  std::vector<std::string> notes;
  bool switched = false;  // the HPA has the metrics of the new side already, and no manifest is needed
};

}  // namespace hpawalk::migrate
