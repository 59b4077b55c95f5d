// What a ScaledObject says of a metric of the HPA that KEDA made of it. Pure. Inside diagnose/.
//
// Source: KEDA 2.21: controllers/keda/hpa.go (names), pkg/scalers/prometheus_scaler.go (the trigger),
// apis/keda/v1alpha1/scaledobject_types.go (defaults).
#pragma once

#include <string>
#include <vector>

#include "diagnose/view.hpp"

namespace hpawalk::diagnose {

inline constexpr const char* scaled_object_label = "scaledobject.keda.sh/name";

// KEDA names the ScaledObject in the selector of each external metric. Empty: the metric is not KEDA's.
std::string scaled_object_name(const MetricNeed& need);

// The ScaledObject of the HPA; null: it was not read, or the HPA has none.
const Json* scaled_object_of(const Facts& facts, const Hpa& hpa);

// Of the HPA that KEDA makes, or would make, of it.
std::string hpa_name_of(const Json& scaled_object);

// The Service of KEDA's operator, in KEDA's namespace: KEDA's metrics API server asks it over gRPC at port
// 9666. Null: not found.
const Json* keda_operator_service(const Facts& facts, const std::string& keda_space);

// What a trigger authenticates with. `object` is null where no TriggerAuthentication is named, or where it
// was not found (then `listed` says whether it was looked for).
struct SecretKey {
  std::string space, name, key, parameter;
};
struct Authentication {
  std::string kind, name;  // empty: the trigger names none
  std::string ref;         // "TriggerAuthentication shop/login"
  const Json* object = nullptr;
  const Reading* listed = nullptr;
  std::vector<SecretKey> secrets;
  std::string identity;  // podIdentity.provider: "azure-workload"
};
// `keda_space`: where the Secrets of a ClusterTriggerAuthentication are.
Authentication authentication_of(const Facts& facts, const Json& scaled_object, const Json& trigger,
                                 const std::string& keda_space);

// KEDA scales to 0 where no trigger is active.
bool may_be_idle(const Json& scaled_object);
// It has done that: the HPA rests, and nothing is wrong.
bool idle(const Json& scaled_object);

// The trigger that a metric is of ("s0-prometheus": the first); null: of none, or of several
// (scalingModifiers).
const Json* trigger_of(const Json& scaled_object, const std::string& metric);

// Does a prometheus trigger take an empty result, NaN and infinity for 0 (ignoreNullValues)?
bool empty_is_zero(const Json& trigger);

// A prometheus trigger.
struct PrometheusTrigger {
  std::string url, query;     // serverAddress
  bool empty_is_zero = true;  // ignoreNullValues: an empty result, NaN and infinity count as 0
  std::string activation;     // activationThreshold, as it is written; empty: 0
};
std::optional<PrometheusTrigger> prometheus_trigger(const Facts& facts, const Hpa& hpa,
                                                    const MetricNeed& need);

// The serverAddress of the HPA's prometheus trigger that was asked about, else of the first there is.
std::string keda_prometheus_url(const Facts& facts);

// The names of the series that a query reads, each once, in their order; empty: none is written as a name.
std::vector<std::string> series_in(std::string_view query);

}  // namespace hpawalk::diagnose
