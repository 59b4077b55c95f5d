#include "hpasim/keda.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

#include "hpasim/field_reader.hpp"

namespace hpawalk::hpasim {

namespace {

// Where a trigger has its target and its activation value; both are numbers.
struct TriggerKind {
  std::string_view type, target, activation;
  std::optional<double> usual_target;  // none: the target is required
};

constexpr std::array<TriggerKind, 17> kKinds = {{
    {"prometheus", "threshold", "activationThreshold", {}},
    {"kafka", "lagThreshold", "activationLagThreshold", 10},
    {"rabbitmq", "value", "activationValue", {}},
    {"redis", "listLength", "activationListLength", 5},
    {"redis-cluster", "listLength", "activationListLength", 5},
    {"redis-sentinel", "listLength", "activationListLength", 5},
    {"aws-sqs-queue", "queueLength", "activationQueueLength", 5},
    {"azure-queue", "queueLength", "activationQueueLength", 5},
    {"azure-servicebus", "messageCount", "activationMessageCount", 5},
    {"nats-jetstream", "lagThreshold", "activationLagThreshold", 10},
    {"pulsar", "msgBacklogThreshold", "activationMsgBacklogThreshold", 10},
    {"gcp-pubsub", "value", "activationValue", 10},
    {"postgresql", "targetQueryValue", "activationTargetQueryValue", {}},
    {"mysql", "queryValue", "activationQueryValue", {}},
    {"metrics-api", "targetValue", "activationTargetValue", {}},
    {"loki", "threshold", "activationThreshold", {}},
    {"graphite", "threshold", "activationThreshold", 100},
}};

// A trigger, and the metric of the HPA that KEDA makes of it.
struct Metric {
  Trigger trigger;
  Document spec;
};

class ObjectReader : public FieldReader {
 public:
  std::vector<std::string> unsupported;

  // A number in a trigger's metadata, whose values are strings.
  std::optional<double> number(const Document& metadata, const std::string& path, std::string_view key) {
    const std::string text = string(metadata, path, std::string(key), false);
    if (text.empty()) return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (*end == '\0' && std::isfinite(value) && std::abs(value) < 9e15) return value;
    wrong(fmt::format("{}.{}", path, key), "must be a number, not \"" + text + "\"");
    return std::nullopt;
  }

  Metric trigger(const Document& document, const std::string& path, size_t index) {
    known(document, path,
          {"type", "name", "useCachedMetrics", "metadata", "authenticationRef", "metricType"});
    Metric metric;
    metric.trigger.type = string(document, path, "type");
    (void)string(document, path, "name", false);
    metric.trigger.cached = flag(document, path, "useCachedMetrics");
    if (const Document* reference = find(document, "authenticationRef")) {
      const std::string here = path + ".authenticationRef";
      known(*reference, here, {"name", "kind"});
      (void)string(*reference, here, "name");
      if (find(*reference, "kind") != nullptr)
        (void)one_of(*reference, here, "kind", {"TriggerAuthentication", "ClusterTriggerAuthentication"});
    }
    const Document* metadata = find(document, "metadata");
    if (metadata == nullptr || !metadata->is_object()) {
      wrong(path + ".metadata", "must be a map of fields");
      return metric;
    }
    for (const auto& [key, value] : metadata->items()) {
      if (!value.is_string())
        wrong(path + ".metadata." + key, "must be a string: put " + value.dump() + " in quotes");
    }
    const std::string& type = metric.trigger.type;
    if (type == "cpu" || type == "memory") {
      metric.trigger.external = false;
      metric.spec = resource(document, *metadata, path, type);
    } else if (!type.empty()) {
      metric.spec = external(document, *metadata, path, index, metric.trigger);
    }
    return metric;
  }

  bool flag(const Document& document, const std::string& path, const std::string& key) {
    const Document* value = find(document, key);
    if (value == nullptr) return false;
    if (!value->is_boolean()) wrong(path + "." + key, "must be true or false, not " + value->dump());
    return value->is_boolean() && value->get<bool>();
  }

 private:
  Document resource(const Document& document, const Document& metadata, const std::string& path,
                    const std::string& type) {
    const std::string kind = one_of(document, path, "metricType", {"Utilization", "AverageValue"});
    const std::string value = string(metadata, path + ".metadata", "value");
    const std::string container = string(metadata, path + ".metadata", "containerName", false);
    Document target = {{"type", kind}};
    if (kind == "AverageValue") {
      target["averageValue"] = value;
    } else if (auto percent = number(metadata, path + ".metadata", "value")) {
      target["averageUtilization"] = static_cast<std::int64_t>(*percent);
    }
    Document source = {{"name", type}, {"target", target}};
    if (container.empty()) return {{"type", "Resource"}, {"resource", source}};
    source["container"] = container;
    return {{"type", "ContainerResource"}, {"containerResource", source}};
  }

  std::optional<double> target_of(const TriggerKind& kind, const Document& metadata,
                                  const std::string& path) {
    std::string field(kind.target);
    std::optional<double> usual = kind.usual_target;
    if (kind.type == "rabbitmq") {  // its rabbitmq_scaler.go, validateTrigger
      const bool present = metadata.contains("value") || metadata.contains("mode");
      const bool former = metadata.contains("queueLength");
      if (present && former)
        wrong(path + ".queueLength", "is deprecated: KEDA refuses it beside mode or value");
      if (!present && former) field = "queueLength";
      if (!present && !former) usual = 20;
    }
    const std::optional<double> target = number(metadata, path, field);
    if (!target && !usual && !metadata.contains(field)) wrong(path + "." + field, "is required");
    return target ? target : usual;
  }

  Document external(const Document& document, const Document& metadata, const std::string& path, size_t index,
                    Trigger& trigger) {
    auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                             [&](const TriggerKind& known) { return known.type == trigger.type; });
    if (kind == kKinds.end()) {
      unsupported.push_back(fmt::format("{}: a trigger of type {}", path, trigger.type));
      return nullptr;
    }
    const std::string here = path + ".metadata";
    const std::optional<double> target = target_of(*kind, metadata, here);
    trigger.activation = std::llround(number(metadata, here, kind->activation).value_or(0) * 1000);
    std::string by = "AverageValue";
    if (find(document, "metricType") != nullptr)
      by = one_of(document, path, "metricType", {"AverageValue", "Value"});
    const std::string quantity = fmt::format("{}m", std::llround(std::max(0.0, target.value_or(1)) * 1000));
    return {{"type", "External"},
            {"external",
             {{"metric", {{"name", fmt::format("s{}-{}", index, trigger.type)}}},
              {"target", {{"type", by}, {by == "Value" ? "value" : "averageValue", quantity}}}}}};
  }
};

// An annotation that is there and not false (getBoolAnnotation: what is no boolean counts as true).
bool annotated(const Document* annotations, const char* name) {
  if (annotations == nullptr || !annotations->is_object() || !annotations->contains(name)) return false;
  const Document& value = (*annotations)[name];
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  const auto no = {"0", "f", "F", "false", "False", "FALSE"};
  return std::find(no.begin(), no.end(), text) == no.end();
}

void read_fallback(ObjectReader& reader, const Document& fields, Keda& keda) {
  const Document* document = reader.find(fields, "fallback");
  if (document == nullptr) return;
  reader.known(*document, "spec.fallback", {"failureThreshold", "replicas", "behavior"});
  Fallback fallback;
  fallback.failures =
      reader.integer(*document, "spec.fallback", "failureThreshold", 0, INT32_MAX, true).value_or(0);
  fallback.replicas = reader.integer(*document, "spec.fallback", "replicas", 0, INT32_MAX, true).value_or(0);
  const std::vector<std::string> names = {"static", "currentReplicas", "currentReplicasIfHigher",
                                          "currentReplicasIfLower", "scalingModifiers"};
  if (reader.find(*document, "behavior") != nullptr) {
    const std::string behavior = reader.one_of(*document, "spec.fallback", "behavior", names);
    const auto at = std::find(names.begin(), names.end(), behavior) - names.begin();
    if (at < 4) fallback.behavior = static_cast<Fallback::Behavior>(at);
    if (at == 4) reader.unsupported.emplace_back("spec.fallback.behavior: scalingModifiers");
  }
  keda.fallback = fallback;
}

void pause(Document& behavior, const char* direction) {
  if (behavior.is_null()) behavior = Document::object();
  behavior[direction]["selectPolicy"] = "Disabled";
}

Document read_behavior(ObjectReader& reader, const Document& fields, const Keda& keda) {
  Document behavior;
  if (const Document* advanced = reader.find(fields, "advanced")) {
    reader.known(*advanced, "spec.advanced",
                 {"horizontalPodAutoscalerConfig", "restoreToOriginalReplicaCount", "scalingModifiers"});
    (void)reader.flag(*advanced, "spec.advanced", "restoreToOriginalReplicaCount");
    if (const Document* modifiers = reader.find(*advanced, "scalingModifiers");
        modifiers != nullptr && !modifiers->empty()) {
      reader.known(*modifiers, "spec.advanced.scalingModifiers",
                   {"activationTarget", "formula", "metricType", "target"});
      reader.unsupported.emplace_back("spec.advanced.scalingModifiers: a formula over the triggers");
    }
    if (const Document* config = reader.find(*advanced, "horizontalPodAutoscalerConfig")) {
      reader.known(*config, "spec.advanced.horizontalPodAutoscalerConfig", {"behavior", "name"});
      if (const Document* own = reader.find(*config, "behavior")) behavior = *own;
    }
  }
  if (keda.scale_in_paused) pause(behavior, "scaleDown");
  if (keda.scale_out_paused) pause(behavior, "scaleUp");
  return behavior;
}

std::string hpa_name(ObjectReader& reader, const Document& fields, const std::string& name) {
  if (const Document* advanced = reader.find(fields, "advanced")) {
    if (const Document* config = reader.find(*advanced, "horizontalPodAutoscalerConfig")) {
      const std::string own =
          reader.string(*config, "spec.advanced.horizontalPodAutoscalerConfig", "name", false);
      if (!own.empty()) return own;
    }
  }
  return "keda-hpa-" + name;
}

// The HPA counts from 1; the bounds are those of CheckReplicaCountBoundsAreValid.
void read_counts(ObjectReader& reader, const Document& fields, Keda& keda, Document& hpa) {
  auto seconds_of = [&](const char* key, std::int64_t least, Time& into) {
    if (auto value = reader.integer(fields, "spec", key, least, INT32_MAX))
      into = std::chrono::seconds(*value);
  };
  seconds_of("pollingInterval", 1, keda.polling_interval);
  seconds_of("cooldownPeriod", 0, keda.cooldown);
  seconds_of("initialCooldownPeriod", 0, keda.initial_cooldown);
  const auto least = reader.integer(fields, "spec", "minReplicaCount", 0, INT32_MAX);
  const std::int32_t most = reader.integer(fields, "spec", "maxReplicaCount", 1, INT32_MAX).value_or(100);
  keda.min = least.value_or(0);
  keda.idle = reader.integer(fields, "spec", "idleReplicaCount", 0, INT32_MAX);
  const std::int32_t hpa_min = std::max(keda.min, 1), bound = least ? hpa_min : 0;
  if (bound > most)
    reader.wrong("spec.maxReplicaCount",
                 fmt::format("must be at least minReplicaCount ({}), not {}", bound, most));
  if (keda.idle && *keda.idle >= bound) {
    reader.wrong("spec.idleReplicaCount",
                 fmt::format("must be less than minReplicaCount ({}), not {}", bound, *keda.idle));
  }
  hpa["minReplicas"] = hpa_min;
  hpa["maxReplicas"] = most;
}

void read_triggers(ObjectReader& reader, const Document& fields, Keda& keda, Document& hpa) {
  const Document* triggers = reader.find(fields, "triggers");
  if (triggers == nullptr || !triggers->is_array() || triggers->empty())
    return reader.wrong("spec.triggers", "must be a list of at least one trigger");
  std::vector<Metric> metrics;
  for (size_t i = 0; i < triggers->size(); ++i)
    metrics.push_back(reader.trigger((*triggers)[i], fmt::format("spec.triggers[{}]", i), i));
  if (!reader.mistakes.empty() || !reader.unsupported.empty()) return;
  // As KEDA sorts them.
  std::stable_sort(metrics.begin(), metrics.end(), [](const Metric& a, const Metric& b) {
    return a.spec["type"].get<std::string>() < b.spec["type"].get<std::string>();
  });
  hpa["metrics"] = Document::array();
  for (Metric& metric : metrics) {
    hpa["metrics"].push_back(std::move(metric.spec));
    keda.triggers.push_back(std::move(metric.trigger));
  }
}

Document target_of(ObjectReader& reader, const Document& fields) {
  const Document* target = reader.find(fields, "scaleTargetRef");
  if (target == nullptr) {
    reader.wrong("spec.scaleTargetRef", "is required");
    return {};
  }
  reader.known(*target, "spec.scaleTargetRef", {"name", "apiVersion", "kind", "envSourceContainerName"});
  auto or_else = [](const std::string& text, const char* usual) { return text.empty() ? usual : text; };
  return {
      {"apiVersion", or_else(reader.string(*target, "spec.scaleTargetRef", "apiVersion", false), "apps/v1")},
      {"kind", or_else(reader.string(*target, "spec.scaleTargetRef", "kind", false), "Deployment")},
      {"name", reader.string(*target, "spec.scaleTargetRef", "name")}};
}

tl::unexpected<Error> not_valid(const std::string& name, const FieldReader& reader) {
  return failure(ErrorClass::usage, "scaled-object",
                 fmt::format("The ScaledObject {}is not valid", name.empty() ? "" : name + " "),
                 reader.reason(), "kubectl explain scaledobject.spec shows every field");
}

}  // namespace

bool is_scaled_object(const Document& document) {
  return document.is_object() && document.contains("kind") && document["kind"] == "ScaledObject";
}

Result<ScaledObject> read_scaled_object(const Document& object, std::vector<Mistake>* mistakes) {
  ObjectReader reader;
  ScaledObject result;
  auto refused = [&](const std::string& name) {
    if (mistakes != nullptr) *mistakes = reader.mistakes;
    return not_valid(name, reader);
  };
  reader.known(object, "", {"apiVersion", "kind", "metadata", "spec", "status"});
  const std::string version = reader.string(object, "", "apiVersion");
  if (!version.empty() && version != "keda.sh/v1alpha1")
    reader.wrong("apiVersion", "\"" + version + "\" is not keda.sh/v1alpha1");
  std::string name;
  const Document* annotations = nullptr;
  if (const Document* metadata = reader.find(object, "metadata")) {
    name = reader.string(*metadata, "metadata", "name");
    annotations = reader.find(*metadata, "annotations");
  } else {
    reader.wrong("metadata.name", "is required");
  }
  Keda& keda = result.keda;
  keda.forced = annotated(annotations, "autoscaling.keda.sh/force-activation");
  keda.scale_in_paused = annotated(annotations, "autoscaling.keda.sh/paused-scale-in");
  keda.scale_out_paused = annotated(annotations, "autoscaling.keda.sh/paused-scale-out");
  const std::string paused = "autoscaling.keda.sh/paused";
  const bool at_replicas =
      annotations != nullptr && annotations->is_object() && annotations->contains(paused + "-replicas");
  if (at_replicas || annotated(annotations, paused.c_str()))
    reader.unsupported.push_back("metadata.annotations: it is paused, nothing scales");
  const Document* fields = reader.find(object, "spec");
  if (fields == nullptr || !fields->is_object()) {
    reader.wrong("spec", "is required");
    return refused(name);
  }
  reader.known(
      *fields, "spec",
      {"scaleTargetRef", "pollingInterval", "initialCooldownPeriod", "cooldownPeriod", "idleReplicaCount",
       "minReplicaCount", "maxReplicaCount", "advanced", "triggers", "fallback"});
  Document spec = {{"scaleTargetRef", target_of(reader, *fields)}};
  read_counts(reader, *fields, keda, spec);
  read_fallback(reader, *fields, keda);
  if (Document behavior = read_behavior(reader, *fields, keda); !behavior.is_null())
    spec["behavior"] = behavior;
  read_triggers(reader, *fields, keda, spec);
  if (!reader.mistakes.empty()) return refused(name);
  if (!reader.unsupported.empty()) {
    return failure(ErrorClass::usage, "scaled-object-unsupported",
                   "This cannot be simulated of the ScaledObject " + name,
                   text::join(reader.unsupported, "\n"),
                   "docs/simulator.md lists the triggers that are known; the HPA that KEDA makes of it, "
                   "written to a file, can be "
                   "simulated without KEDA's part");
  }
  result.hpa = {{"apiVersion", "autoscaling/v2"},
                {"kind", "HorizontalPodAutoscaler"},
                {"metadata", {{"name", hpa_name(reader, *fields, name)}}},
                {"spec", spec}};
  return result;
}

}  // namespace hpawalk::hpasim
