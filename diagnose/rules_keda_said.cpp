// What KEDA itself says about a ScaledObject that it cannot use, or whose trigger fails: in the condition
// Ready when it refuses the ScaledObject, otherwise only in the operator's log. (The Event KEDAScalerFailed
// keeps the text of its first occurrence, whatever fails later, so it is not read.)
//
// Source of the texts: KEDA 2.21, controllers/keda/scaledobject_controller.go,
// pkg/scaling/scalers_builder.go, pkg/scalers/scalersconfig/typed_config.go, apis/keda/v1alpha1.
#include <algorithm>

#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::keda_api_path = {
    .id = "keda-api-path",
    .link = Link::adapter,
    .symptom = "KEDA's log: prometheus query api returned error. status: 404, or invalid character '<'",
    .reason =
        "serverAddress leads to a server that does not serve the Prometheus API at /api/v1/query: a path is "
        "missing or too much, or it is another server",
    .detection = "The operator's log",
    .fix = "Correct serverAddress: KEDA appends /api/v1/query",
    .also_when_served = true};

const Cause cause::keda_source_unreachable = {
    .id = "keda-source-unreachable",
    .link = Link::adapter,
    .symptom = "KEDA's log: connection refused, i/o timeout, no such host",
    .reason = "KEDA's operator cannot connect to the source of a trigger",
    .detection = "The operator's log, or the condition Ready",
    .fix = "Correct the address, or let KEDA's namespace connect",
    .also_when_served = true};

const Cause cause::keda_source_tls = {
    .id = "keda-source-tls",
    .link = Link::adapter,
    .symptom = "KEDA's log: x509, server gave HTTP response to HTTPS client",
    .reason =
        "The trigger's address has https, and KEDA cannot verify the certificate, or the source has none",
    .detection = "The operator's log, or the condition Ready",
    .fix = "http instead of https, or the certificate authority in a TriggerAuthentication",
    .also_when_served = true};

const Cause cause::keda_formula = {.id = "keda-formula",
                                   .link = Link::adapter,
                                   .symptom = "Ready is False: error validating formula in ScalingModifiers",
                                   .reason =
                                       "scalingModifiers.formula is not a valid expression of the triggers' "
                                       "names, or scalingModifiers.target is not a number above 0",
                                   .detection = "The ScaledObject's condition",
                                   .fix = "Correct the formula; name each trigger that it uses",
                                   .also_when_served = true};

const Cause cause::keda_trigger_invalid = {
    .id = "keda-trigger-invalid",
    .link = Link::adapter,
    .symptom = "Ready is False: no scaler found for type, missing required parameter, unable to set param",
    .reason =
        "A trigger has a type that KEDA does not know, or a parameter that is missing or invalid. Then KEDA "
        "uses none of the ScaledObject's triggers",
    .detection = "The ScaledObject's condition, or the operator's log",
    .fix = "Correct the trigger",
    .also_when_served = true};

const Cause cause::keda_replica_bounds = {
    .id = "keda-replica-bounds",
    .link = Link::adapter,
    .symptom = "Ready is False: Idle/Min/Max Replica Counts",
    .reason = "idleReplicaCount is not below minReplicaCount, or minReplicaCount is above maxReplicaCount",
    .detection = "The ScaledObject's condition",
    .fix = "Correct the numbers",
    .also_when_served = true};

const Cause cause::keda_scale_target = {
    .id = "keda-scale-target",
    .link = Link::adapter,
    .symptom = "Ready is False: ScaledObject doesn't have correct scaleTargetRef specification",
    .reason = "scaleTargetRef names a workload that does not exist, or that cannot be scaled",
    .detection = "The ScaledObject's condition",
    .fix = "Correct scaleTargetRef, or create the workload",
    .also_when_served = true};

namespace {

struct Sign {
  const Cause* cause;
  std::vector<std::string_view> parts;  // of KEDA's text: one of them
  std::string_view sentence, fix;
};

const std::vector<Sign>& signs() {
  static const std::vector<Sign> all = {
      {&cause::keda_formula,
       {"in ScalingModifiers", "scalingModifiers", "ScalingModifiers"},
       "KEDA rejects scalingModifiers",
       "Correct scalingModifiers: the formula can use only the names of triggers, and target is a number "
       "above 0"},
      {&cause::keda_replica_bounds,
       {"Idle/Min/Max Replica Counts"},
       "KEDA rejects the replica counts",
       "Correct idleReplicaCount, minReplicaCount and maxReplicaCount: idle < min <= max"},
      {&cause::keda_scale_target,
       {"correct scaleTargetRef specification", "getting current replicas count for ScaleTarget"},
       "KEDA cannot scale what scaleTargetRef names",
       "Correct scaleTargetRef, or create the workload"},
      {&cause::keda_trigger_invalid,
       {"no scaler found for type", "missing required parameter", "unable to set param", "must be one of",
        "correct triggers specification", "must contain only one of", "expected format",
        "defined multiple times"},
       "KEDA cannot use a trigger, and then it uses none of the ScaledObject's triggers",
       "Correct the trigger, as KEDA's text says"},
      {&cause::keda_source_tls,
       {"x509:", "server gave HTTP response to HTTPS client", "tls: ", "certificate"},
       "KEDA cannot set up TLS with the trigger's source",
       "Use http if the source has no TLS; otherwise give its certificate authority in a "
       "TriggerAuthentication (authModes: tls)"},
      {&cause::keda_api_path,
       {"status: 404", "status: 405", "invalid character '<'"},
       "The trigger's serverAddress does not lead to a Prometheus API",
       "Correct serverAddress: KEDA appends /api/v1/query to it"},
      {&cause::keda_source_unreachable,
       {"connection refused", "no such host", "i/o timeout", "no route to host", "context deadline exceeded",
        "Client.Timeout", "connection reset by peer", "status: 502", "status: 503", "status: 504"},
       "KEDA's operator cannot reach the source of a trigger",
       "Correct the address, start the source, or let KEDA's namespace connect to it (NetworkPolicy)"}};
  return all;
}

// Does the line speak of this ScaledObject? Fields are {"name": "web", "namespace": "shop"}, or
// {"scaledObject.Name": "web", "scaledObject.Namespace": "shop"}.
bool is_about(const std::string& line, const Json& scaled_object) {
  auto field = [&](const char* end, const std::string& value) {
    return has(line, fmt::format("{}\": \"{}\"", end, value)) ||
           has(line, fmt::format("{}\":\"{}\"", end, value));
  };
  return field("ame", name_of(scaled_object)) && field("amespace", space_of(scaled_object));
}

// The text of the field "error"; empty: none, or one that only says that there was another.
std::string error_in(const std::string& line) {
  const std::string field = "\"error\": \"";
  size_t start = line.find(field);
  if (start == std::string::npos) return {};
  std::string text;
  for (size_t i = start + field.size(); i < line.size() && line[i] != '"'; ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    text += line[i];
  }
  return has(text, "encountered error") ? std::string() : text;
}

// Lines from before the last change of the ScaledObject, or of long ago, speak of what was.
bool is_current(const Context& c, const std::string& line, const Json& scaled_object) {
  std::optional<world::WallTime> at = world::parse_time(line.substr(0, line.find('\t')));
  if (!at) return false;
  std::optional<world::WallTime> changed =
      world::parse_time(text_at(scaled_object, "metadata.hpawalkLastChange"));
  const auto polls = std::chrono::seconds(2 * int_at(scaled_object, "spec.pollingInterval", 30));
  return (!changed || *at >= *changed) && c.facts.taken - *at <= std::chrono::minutes(2) + polls;
}

std::optional<Said> said_in_log(const Context& c, const Json& scaled_object) {
  const Json* service = keda_operator_service(c.facts, c.adapter.space);
  if (service == nullptr) return std::nullopt;
  const Json* trigger = trigger_of(scaled_object, c.need.metric);
  const std::string own = trigger == nullptr ? "" : text_at(*trigger, "name");
  std::optional<Said> last, last_own;
  for (const Json* pod : pods_of_service(c.facts, *service)) {
    const Reading* log = c.facts.find(log_key(full_name(*pod)));
    if (log == nullptr || !log->read()) continue;
    for (const std::string& line : text_list(log->value)) {
      std::string error = is_about(line, scaled_object) ? error_in(line) : std::string();
      if (error.empty() || !is_current(c, line, scaled_object)) continue;
      last = Said{error, fmt::format("log of pod {}: {}", full_name(*pod), error)};
      if (!own.empty() && has(line, fmt::format("\": \"{}\"", own))) last_own = last;
    }
  }
  return last_own ? last_own : last;
}

}  // namespace

bool fails(const Context& c, const Json& scaled_object) {
  std::optional<Reading> probe = c.probe();
  const std::string status = text_at(condition(scaled_object, "Ready"), "status");
  if (probe && probe->read() && text_at(condition(scaled_object, "Ready"), "reason") == "PartialTriggerError")
    return false;  // another trigger does
  return (probe && !probe->read() && !says_nothing(*probe)) || status == "False" || status == "Unknown";
}

std::optional<Said> said_by_keda(const Context& c, const Json& scaled_object) {
  const Json& ready = condition(scaled_object, "Ready");
  const std::string reason = text_at(ready, "reason"), message = text_at(ready, "message");
  if (text_at(ready, "status") == "False" && reason != "TriggerError")
    return Said{message, fmt::format("{}: Ready is False: {}: {}", scaled_object_title(scaled_object), reason,
                                     message)};
  return fails(c, scaled_object) ? said_in_log(c, scaled_object) : std::nullopt;
}

void judge_said(Report& report, const Json& scaled_object, const Said& said) {
  for (const Sign& sign : signs()) {
    bool seen = std::any_of(sign.parts.begin(), sign.parts.end(),
                            [&](std::string_view part) { return has(said.text, part); });
    if (!seen) continue;
    report.broken(*sign.cause,
                  fmt::format("{} (ScaledObject {}): {}", sign.sentence, name_of(scaled_object), said.text),
                  {said.evidence}, look_at_scaled_object(scaled_object, std::string(sign.fix)));
    return;
  }
  report.broken(cause::keda_scaledobject,
                fmt::format("KEDA cannot use ScaledObject {}: {}", name_of(scaled_object), said.text),
                {said.evidence},
                look_at_scaled_object(scaled_object, "Fix its trigger, as KEDA's text says"));
}

}  // namespace hpawalk::diagnose
