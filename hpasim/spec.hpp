// A HorizontalPodAutoscaler's spec as the controller sees it: read from YAML or JSON, checked by the API
// server's rules (pkg/apis/autoscaling/validation) and filled with its defaults (pkg/apis/autoscaling/v2).
// Knows nothing about time or about what the spec leads to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "hpasim/version.hpp"

namespace hpawalk::hpasim {

enum class MetricKind { object, pods, external, resource, container_resource };
enum class TargetKind { value, average_value, utilization };

struct MetricSpec {
  MetricKind kind = MetricKind::object;
  TargetKind target_kind = TargetKind::value;
  std::int64_t target = 0;  // milli-units, or per cent for a utilization
  std::string name;         // the metric's, or the resource's
  std::string object_kind;  // of an Object metric
  std::string object_name;
  std::string container;  // of a ContainerResource metric
};

enum class PolicyKind { pods, percent };
enum class SelectPolicy { max, min, disabled };

struct Policy {
  PolicyKind kind = PolicyKind::pods;
  std::int32_t value = 0;
  std::int32_t period_seconds = 0;
};

struct ScalingRules {
  std::optional<std::int32_t> window_seconds;  // absent only for scaleDown: then the controller's flag counts
  SelectPolicy select = SelectPolicy::max;
  std::vector<Policy> policies;
  std::optional<double> tolerance;
};

struct Behavior {
  ScalingRules up, down;
};

struct Spec {
  std::string name, name_space;
  std::string target_kind, target_name;
  std::int32_t min = 1, max = 1;
  std::vector<MetricSpec> metrics;
  std::optional<Behavior> behavior;  // absent and present are two different algorithms
};

using Document = nlohmann::ordered_json;

// Where the HPA's fields are in the text, by their paths ("spec.metrics[0].type"); lines count from 1.
struct Lines {
  std::map<std::string, int> fields;
  int mistake = 0;      // the line that is not valid YAML, if that is known
  std::string because;  // and why

  int of(std::string path) const;  // of the field, else of the nearest one above it; 0: not known
};

// The HPA in a YAML or JSON text, which may hold other documents too; `name` chooses among several.
Result<Document> find_hpa(std::string_view text, std::string_view name = {}, Lines* lines = nullptr);
// The HPA, or a ScaledObject of KEDA (keda.hpp).
Result<Document> find_autoscaler(std::string_view text, std::string_view name = {});
// The names of all of them, as find_autoscaler takes them: "shop/web" where a namespace is written.
std::vector<std::string> autoscaler_names(std::string_view text);
Result<std::vector<Document>> all_hpas(std::string_view text);
// The first object of a kind and a name in such a text; null if it has none.
Document find_object(std::string_view text, std::string_view kind, std::string_view name);

// One "path=value" of --set: "spec.metrics[0].object.target.value=20". A value is read as YAML; an empty one
// removes the field.
Status set_field(Document& hpa, std::string_view assignment);

// All mistakes at once, each with its path and, where a name is unknown, the nearest one that exists. What a
// cluster has stored is not judged again by what this API server would say to a new one.
Result<Spec> parse_spec(const Document& hpa);

struct Mistake {
  std::string path, what;
};

// Somebody creates the HPA, or replaces `stored` with it, at an API server of these rules.
struct Submission {
  const Rules& rules;
  const Document* stored = nullptr;
  std::vector<Mistake>* mistakes = nullptr;  // each of them also goes here
};
Result<Spec> parse_spec(const Document& hpa, const Submission& submission);

std::string to_yaml(const Document& hpa);

// "Service prom-fake's prom_fake_value", "queue_depth (external)", "cpu utilization": for people.
std::string describe(const MetricSpec& metric);
std::string describe(const Policy& policy);
std::string_view kind_name(MetricKind kind);

}  // namespace hpawalk::hpasim
