// KEDA serves the metrics of its ScaledObjects, and no others: its operator asks each trigger's source.
#include <algorithm>
#include <cmath>

#include "diagnose/rules_adapter.hpp"
#include "diagnose/rules_keda.hpp"

namespace hpawalk::diagnose {

const Cause cause::keda_scaledobject = {.id = "keda-scaledobject",
                                        .link = Link::adapter,
                                        .symptom = "A KEDA external metric fails",
                                        .reason = "Its ScaledObject is not Ready",
                                        .detection = "The ScaledObject's condition",
                                        .fix = "kubectl describe scaledobject",
                                        .also_when_served = true};

const Cause cause::keda_operator_not_running = {
    .id = "keda-operator-not-running",
    .link = Link::adapter,
    .symptom = "The external metrics API responds with an error, and nothing leaves 0 replicas",
    .reason =
        "KEDA's metrics API server asks its operator for each value, and no pod of the operator is ready",
    .detection = "The pods behind the Service with port 9666 beside the metrics API server",
    .fix = "See the pod's log and events"};

const Cause cause::keda_server_address = {
    .id = "keda-server-address",
    .link = Link::adapter,
    .symptom = "The ScaledObject's trigger fails: no such host, connection refused",
    .reason = "serverAddress names a Service that does not exist, or a port that it does not have",
    .detection = "serverAddress against the Services and their ports",
    .fix = "Correct serverAddress",
    .also_when_served = true};

const Cause cause::keda_query_fails = {.id = "keda-query-fails",
                                       .link = Link::adapter,
                                       .symptom =
                                           "The ScaledObject's trigger fails: prometheus query api "
                                           "returned error",
                                       .reason = "Prometheus rejects the trigger's query",
                                       .detection = "hpawalk runs the query",
                                       .fix = "Correct the query"};

const Cause cause::keda_several_rows = {
    .id = "keda-several-rows",
    .link = Link::adapter,
    .symptom = "The ScaledObject's trigger fails: the query returned multiple elements",
    .reason = "KEDA needs one value, and the query returns one for each of several series",
    .detection = "hpawalk runs the query, and counts the rows of its result",
    .fix = "Aggregate: sum(...), max(...)"};

const Cause cause::keda_empty_result = {
    .id = "keda-empty-result",
    .link = Link::adapter,
    .symptom = "The metric is 0, or fails, although the application has load",
    .reason =
        "The trigger's query has no result. KEDA takes that for 0 (ignoreNullValues: true, the default), and "
        "scales down as if there were no load; with ignoreNullValues: false, the trigger fails",
    .detection = "hpawalk runs the query; the series that it reads are there, or not",
    .fix = "Correct the labels in the query, or what exposes the series; ignoreNullValues: false",
    .also_when_served = true};

const Cause cause::keda_no_number = {
    .id = "keda-no-number",
    .link = Link::adapter,
    .symptom = "The metric is 0, or fails, although the application has load",
    .reason = "The trigger's query returns NaN (0/0) or infinity (x/0), which KEDA treats as an empty result",
    .detection = "hpawalk runs the query",
    .fix = "Guard the denominator: a / (b > 0)",
    .also_when_served = true};

const Cause cause::keda_fallback = {
    .id = "keda-fallback",
    .link = Link::adapter,
    .symptom = "The replicas stay at a number that no load explains",
    .reason =
        "A trigger has failed more often than fallback.failureThreshold, and KEDA serves a value that leads "
        "to fallback.replicas",
    .detection = "The ScaledObject's condition Fallback",
    .fix = "Repair the trigger; its failures are in the operator's log",
    .also_when_served = true};

const Cause cause::keda_paused = {.id = "keda-paused",
                                  .link = Link::adapter,
                                  .symptom = "The HPA does not scale in one direction, or at all",
                                  .reason = "An annotation autoscaling.keda.sh/paused... of the ScaledObject",
                                  .detection = "Its condition Paused",
                                  .fix = "Remove the annotation"};

const Cause cause::keda_below_activation = {
    .id = "keda-below-activation",
    .link = Link::adapter,
    .symptom = "The workload stays at 0 replicas, although its metric is above 0",
    .reason = "At 0 replicas KEDA acts only on a value above activationThreshold, and this one is not",
    .detection = "The query's value against activationThreshold, at 0 replicas",
    .fix = "A lower activationThreshold",
    .also_when_served = true};

namespace {

void not_for_keda(const Context& c, Report& report) {
  std::vector<std::string> evidence = {
      fmt::format("{} is registered for Service {}/{}", c.need.api_group(), c.adapter.space,
                  c.adapter.service_name),
      fmt::format("HPA {}/{}: the metric's selector names no ScaledObject", c.hpa.space, c.hpa.name)};
  for (const std::string& pod : c.other_adapters())
    evidence.push_back("another adapter is running: pod " + pod);
  report.broken(cause::two_adapters, Link::adapter,
                "The API group belongs to KEDA, which serves only the metrics of its ScaledObjects, and this "
                "HPA was not created by a ScaledObject",
                evidence,
                advice("Use KEDA to scale it (a ScaledObject with a prometheus trigger), or register the API "
                       "group for the other adapter: only one adapter can serve it"),
                c.works() ? Certainty::possible : Certainty::certain);
}

// What hpawalk sees, when it asks what KEDA asks.
struct Query {
  const Context& c;
  Report& report;
  const Json& scaled_object;
  const PrometheusTrigger& trigger;
  const Reading& result;

  std::vector<std::string> evidence(std::string_view saw) const {
    return {fmt::format("{}: query {}", scaled_object_title(scaled_object), trigger.query),
            seen(result, saw)};
  }
  std::string so_zero(std::string_view what) const {
    return trigger.empty_is_zero ? fmt::format("{}, which KEDA takes for 0 (ignoreNullValues)", what)
                                 : fmt::format("{}, so the trigger fails (ignoreNullValues is false)", what);
  }
};

void empty_result(const Query& q) {
  std::vector<std::string> evidence = q.evidence("0 rows"), there;
  for (const std::string& series : series_in(q.trigger.query)) {
    const long long count =
        std::max<long long>(q.c.sample_count(series), static_cast<long long>(q.c.samples(series).size()));
    evidence.push_back(
        fmt::format("{} has {} in Prometheus", series, text::count(static_cast<size_t>(count), "sample")));
    if (count > 0) there.push_back(series);
  }
  std::string sentence = q.so_zero("The trigger's query has no result");
  Fix fix = there.empty()
                ? look_at_scaled_object(q.scaled_object,
                                        "Find out why nothing exposes the series, or correct its name")
                : look_at_scaled_object(q.scaled_object,
                                        fmt::format("Correct the labels in the query: {} has samples, "
                                                    "but none that it selects",
                                                    text::join(there, " and ")));
  // Where the source has no series while it is idle, 0 is what the author wants.
  if (there.empty() && q.trigger.empty_is_zero) {
    q.report.note(cause::keda_empty_result, sentence, std::move(evidence), std::move(fix));
  } else {
    q.report.broken(cause::keda_empty_result, sentence, std::move(evidence), std::move(fix));
  }
}

void below_activation(const Query& q, const std::string& value) {
  const double activation =
      q.trigger.activation.empty() ? 0 : std::strtod(q.trigger.activation.c_str(), nullptr);
  const double number = std::strtod(value.c_str(), nullptr);
  const Json* target = q.c.hpa.target;
  bool at_zero = target != nullptr && int_at(*target, "spec.replicas", 1) == 0;
  if (!at_zero || !idle(q.scaled_object) || number <= 0 || number > activation) return;
  q.report.broken(
      cause::keda_below_activation,
      fmt::format("The value {} is not above activationThreshold {}, so KEDA leaves {} at 0 replicas", value,
                  q.trigger.activation, q.c.hpa.target_text()),
      q.evidence("value " + value),
      look_at_scaled_object(q.scaled_object, "Lower activationThreshold, if this value is load"));
}

void judge_query(const Query& q) {
  if (q.result.failed_with("prometheus-query")) {
    q.report.broken(cause::keda_query_fails, "Prometheus rejects the trigger's query",
                    q.evidence(q.result.error), look_at_scaled_object(q.scaled_object, "Correct the query"));
    return;
  }
  if (!q.result.read()) return;
  std::vector<Row> rows = rows_of(q.result.value);
  if (rows.empty()) return empty_result(q);
  if (rows.size() > 1) {
    q.report.broken(cause::keda_several_rows,
                    fmt::format("The trigger's query returns {} rows, and KEDA needs one", rows.size()),
                    q.evidence(fmt::format("{} rows", rows.size())),
                    look_at_scaled_object(q.scaled_object,
                                          "Aggregate the query to one value, for example with sum(...)"));
    return;
  }
  if (!std::isfinite(std::strtod(rows[0].value.c_str(), nullptr))) {
    q.report.broken(
        cause::keda_no_number, q.so_zero(fmt::format("The trigger's query returns {}", rows[0].value)),
        q.evidence("value " + rows[0].value),
        look_at_scaled_object(q.scaled_object, "Guard the denominator: a / (b > 0) or a / clamp_min(b, 1)"));
    return;
  }
  below_activation(q, rows[0].value);
}

// True: the address leads somewhere, as far as can be seen.
bool judge_address(const Context& c, Report& report, const Json& scaled_object,
                   const PrometheusTrigger& trigger) {
  if (!c.adapter.url_in_cluster || c.adapter.prometheus_url != trigger.url) return true;
  const Reading* services = c.facts.listing("services", c.adapter.url_space);
  if (services == nullptr || services->refused()) return true;
  const Json* service = c.facts.object("services", c.adapter.url_space, c.adapter.url_service);
  const std::string name = fmt::format("Service {}/{}", c.adapter.url_space, c.adapter.url_service);
  std::string wrong;
  if (service == nullptr) {
    wrong = name + " not found";
  } else {
    const Json& ports = list_at(*service, "spec.ports");
    bool there = std::any_of(ports.begin(), ports.end(),
                             [&](const Json& port) { return int_at(port, "port") == c.adapter.url_port; });
    if (!there) wrong = fmt::format("{} has no port {}", name, c.adapter.url_port);
  }
  if (wrong.empty()) return true;
  report.broken(cause::keda_server_address, "The trigger's serverAddress leads nowhere: " + wrong,
                {fmt::format("{}: serverAddress {}", scaled_object_title(scaled_object), trigger.url), wrong},
                look_at_scaled_object(scaled_object, "Correct serverAddress"));
  return false;
}

void judge_fallback(const Json& scaled_object, Report& report) {
  const Json& fallback = condition(scaled_object, "Fallback");
  // KEDA can leave the condition as it was when spec.fallback is removed.
  if (text_at(fallback, "status") != "True" || at(scaled_object, "spec.fallback").is_null()) return;
  report.broken(cause::keda_fallback,
                "A trigger fails, and KEDA serves a value that leads to fallback.replicas instead",
                {fmt::format("{}: Fallback is True: {}: {}", scaled_object_title(scaled_object),
                             text_at(fallback, "reason"), text_at(fallback, "message"))},
                look_at_scaled_object(scaled_object, "Repair the trigger that fails"));
}

}  // namespace

std::string scaled_object_title(const Json& scaled_object) {
  return "ScaledObject " + full_name(scaled_object);
}

Fix look_at_scaled_object(const Json& scaled_object, std::string says) {
  return advice(std::move(says), look_at("describe", ref_of("scaledobjects.keda.sh", scaled_object)));
}

void judge_operator(const Context& c, Report& report) {
  const Reading* listed = c.facts.listing("pods", c.adapter.space);
  const Json* service = keda_operator_service(c.facts, c.adapter.space);
  if (service == nullptr || listed == nullptr || listed->refused()) return;
  std::vector<const Json*> pods = pods_of_service(c.facts, *service);
  if (std::any_of(pods.begin(), pods.end(), [](const Json* pod) { return pod_ready(*pod); })) return;
  std::vector<std::string> evidence = {
      fmt::format("Service {}: {}, none ready", full_name(*service), text::count(pods.size(), "pod"))};
  for (const std::string& line : without_node(pods)) evidence.push_back(line);
  report.broken(cause::keda_operator_not_running, "KEDA's operator has no ready pod", std::move(evidence),
                advice("Start it, or see why it does not start", look_for("pods", c.adapter.space)));
}

// What KEDA itself says of the ScaledObject.
void judge_conditions(const Context& c, const Json& scaled_object, Report& report) {
  auto said = [&](const Json& of) {
    return std::vector<std::string>{fmt::format("{}: {} is {}: {}: {}", scaled_object_title(scaled_object),
                                                text_at(of, "type"), text_at(of, "status"),
                                                text_at(of, "reason"), text_at(of, "message"))};
  };
  const Json& ready = condition(scaled_object, "Ready");
  const Json& paused = condition(scaled_object, "Paused");
  const bool partly = text_at(ready, "reason") == "PartialTriggerError";
  // A cause of its own says why.
  if (partly && !fails(c, scaled_object)) {
    judge_one_of_several(c, report, scaled_object, said(ready));
  } else if ((text_at(ready, "status") == "False" || partly) && !report.broken_before(Link::api_service)) {
    report.broken(
        cause::keda_scaledobject,
        partly ? fmt::format("Some triggers of KEDA's ScaledObject {} fail", name_of(scaled_object))
               : fmt::format("KEDA's ScaledObject {} is not Ready: {}", name_of(scaled_object),
                             text_at(ready, "message")),
        said(ready),
        look_at_scaled_object(scaled_object, "Fix its trigger, as the condition and its Events say"));
  }
  if (text_at(paused, "status") == "True") {
    std::string count = text_at(scaled_object, "status.pausedReplicaCount");
    report.note(cause::keda_paused,
                fmt::format("ScaledObject {} is paused{}", name_of(scaled_object),
                            count.empty() ? "" : fmt::format(" at {} replicas", count)),
                said(paused),
                look_at_scaled_object(scaled_object, "Remove its annotation autoscaling.keda.sh/paused..."));
  }
}

void judge_keda(const Context& c, Report& report) {
  if (scaled_object_name(c.need).empty() && !c.hpa.name.starts_with("keda-hpa-"))
    return not_for_keda(c, report);
  const Json* object = scaled_object_of(c.facts, c.hpa);
  if (object == nullptr) {
    const Reading* listed = c.facts.listing("scaledobjects", c.hpa.space);
    report.set(Link::adapter, Mark::unknown, "its ScaledObject was not read: " + why_unread(listed));
    return judge_operator(c, report);
  }
  std::optional<PrometheusTrigger> trigger = prometheus_trigger(c.facts, c.hpa, c.need);
  report.set(Link::adapter, Mark::ok, fmt::format("KEDA, ScaledObject {}", name_of(*object)));
  judge_operator(c, report);
  if (trigger && !judge_address(c, report, *object, *trigger)) {
    judge_fallback(*object, report);
    return judge_conditions(c, *object, report);
  }
  if (trigger && follows(c, *trigger)) {
    const Reading* result = c.facts.find(eval_key(c.prometheus.address->key(), trigger->query));
    if (result != nullptr) judge_query({c, report, *object, *trigger, *result});
  } else {
    report.set(Link::adapter, Mark::note,
               fmt::format("KEDA, ScaledObject {}: hpawalk does not ask the source of this trigger itself",
                           name_of(*object)));
  }
  const bool explained = report.broken_before(Link::api_service);
  judge_fallback(*object, report);
  if (!explained) {
    std::optional<Said> said = said_by_keda(c, *object);
    if (!judge_login(c, report, *object, said) && said) judge_said(report, *object, *said);
  }
  judge_conditions(c, *object, report);
  judge_intervals(report, *object);
}

bool follows(const Context& c, const PrometheusTrigger& trigger) {
  return c.prometheus.address && c.adapter.prometheus_url == trigger.url && !trigger.query.empty();
}

std::string series_of(const Context& c) {
  std::optional<PrometheusTrigger> trigger = prometheus_trigger(c.facts, c.hpa, c.need);
  if (!trigger || !follows(c, *trigger)) return {};
  std::vector<std::string> series = series_in(trigger->query);
  return series.size() == 1 ? series.front() : std::string();
}

bool elsewhere_than_keda(const Context& c) {
  return !scaled_object_name(c.need).empty() && c.adapter.kind != AdapterKind::keda;
}

void judge_elsewhere(const Context& c, Report& report) {
  if (c.adapter.api_services.empty()) {  // judge_api says so, if they were read
    report.set(Link::adapter, Mark::unknown, "KEDA's APIService was not found");
    return;
  }
  report.broken(
      cause::two_adapters, Link::adapter,
      "The API group belongs to another adapter, and only KEDA serves the metric of a ScaledObject",
      {fmt::format("{} is registered for Service {}/{}", c.need.api_group(), c.adapter.space,
                   c.adapter.service_name),
       fmt::format("HPA {}/{}: the metric is of ScaledObject {}", c.hpa.space, c.hpa.name,
                   scaled_object_name(c.need))},
      advice("Register the API group for KEDA's metrics API server, or use the other adapter's metric in "
             "an HPA of your own: only one adapter can serve the group"),
      Certainty::likely);
}

bool scaled_object_unread(const Context& c) {
  return !scaled_object_name(c.need).empty() && scaled_object_of(c.facts, c.hpa) == nullptr;
}

bool idle_by_keda(const Context& c) {
  const Json* object = scaled_object_of(c.facts, c.hpa);
  // Unknown where KEDA does not accept the ScaledObject: then it does not wake the target either.
  return object != nullptr && may_be_idle(*object) &&
         text_at(condition(*object, "Active"), "status") != "True";
}

}  // namespace hpawalk::diagnose
