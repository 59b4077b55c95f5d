#include "migrate/to_adapter.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "diagnose/view_keda.hpp"
#include "hpasim/keda.hpp"
#include "migrate/differences.hpp"
#include "migrate/parts.hpp"
#include "migrate/query.hpp"

namespace hpawalk::migrate {

using hpasim::Document;

namespace {

constexpr const char* custom_group = "custom.metrics.k8s.io";

std::string title_of(const Json& trigger, size_t index) {
  const std::string name = text_at(trigger, "name");
  return fmt::format("trigger {} ({}{})", index, text_at(trigger, "type"), name.empty() ? "" : " " + name);
}

// "500m" of KEDA's "500m" or "0.5": as the API server writes it.
Document canonical(Document target) {
  for (const char* field : {"value", "averageValue"}) {
    if (!target.contains(field)) continue;
    if (std::optional<std::int64_t> milli = milli_of(target[field].get<std::string>()))
      target[field] = milli_text(*milli);
  }
  return target;
}

// Where a rule of the adapter serves this very metric with the same query already.
std::optional<std::string> rule_for(const diagnose::Group& custom, const diagnose::Hpa& hpa,
                                    const NewRule& wanted) {
  diagnose::MetricNeed need;
  need.type = "Object";
  need.metric = wanted.metric["object"]["metric"]["name"];
  need.resource = {"", "namespaces"};
  need.object_kind = "Namespace";
  need.object_name = hpa.space;
  const std::vector<diagnose::Candidate> found = diagnose::candidates(custom, need);
  if (found.empty()) return std::nullopt;
  Result<std::string> query = diagnose::expression(hpa, need, found.back());
  if (!query || *query != wanted.rule["metricsQuery"].get<std::string>()) return std::nullopt;
  return found.back().rule->title();
}

std::string path_of(const diagnose::Group& custom, const diagnose::Hpa& hpa, const Document& metric) {
  diagnose::MetricNeed need;
  need.type = metric["type"];
  const Document& source = metric[need.type == "Pods" ? "pods" : "object"];
  need.metric = source["metric"]["name"];
  need.resource = {"", "pods"};
  if (need.type == "Object") {
    const Document& described = source["describedObject"];
    need.object_kind = described["kind"];
    need.object_name = described["name"];
    const std::string version = described["apiVersion"];
    const size_t slash = version.find('/');
    need.resource = {slash == std::string::npos ? "" : version.substr(0, slash),
                     diagnose::plural(need.object_kind)};
  }
  const std::string version = diagnose::version_of(custom.adapter);
  return version.empty() ? std::string() : diagnose::metric_path(hpa, need, version);
}

class Converter {
 public:
  Converter(const Json& scaled_object, const diagnose::Parts& parts, const diagnose::Hpa& hpa,
            const SeriesLabels& labels, Plan& plan)
      : object_(scaled_object),
        custom_(parts.groups.at(custom_group)),
        hpa_(hpa),
        labels_(labels),
        plan_(plan) {}

  // Trigger by trigger: what cannot be taken over is said of each.
  void look_at_triggers() {
    const Json& triggers = list_at(object_, "spec.triggers");
    for (size_t i = 0; i < triggers.size(); ++i) {
      const std::string type = text_at(triggers[i], "type"), title = title_of(triggers[i], i);
      if (type == "cpu" || type == "memory") continue;
      if (type != "prometheus") {
        plan_.cannot.push_back(title +
                               ": prometheus-adapter reads Prometheus only. If the same number is in "
                               "Prometheus, a prometheus trigger on it can be migrated.");
      } else if (text_at(triggers[i], "metadata.query").empty()) {
        plan_.cannot.push_back(title + ": it has no query");
      }
    }
    if (!at(object_, "spec.advanced.scalingModifiers").empty())
      plan_.cannot.push_back(
          "scalingModifiers: an HPA takes the largest of its metrics and knows no formula over "
          "them. As one query, the formula can be migrated.");
  }

  // The metric of the HPA instead of KEDA's "s0-prometheus".
  void replace(Document& metric) {
    const std::string type = metric["type"];
    PlannedMetric planned;
    if (type != "External") {
      const Document& source = metric[type == "Resource" ? "resource" : "containerResource"];
      planned.from = planned.to = fmt::format("{} ({})", source["name"].get<std::string>(), type);
      planned.metric = metric;
      plan_.metrics.push_back(std::move(planned));
      return;
    }
    const std::string name = metric["external"]["metric"]["name"];
    const Json* trigger = diagnose::trigger_of(object_, name);
    const size_t index = static_cast<size_t>(trigger - &list_at(object_, "spec.triggers")[0]);
    planned.from = title_of(*trigger, index);
    planned.query = text_at(*trigger, "metadata.query");
    planned.empty_is_zero = diagnose::empty_is_zero(*trigger);
    const Document target = canonical(metric["external"]["target"]);
    if (!take_metric(planned, index, target)) return;
    planned.to = planned.metric["type"] == "Pods"
                     ? planned.metric["pods"]["metric"]["name"].get<std::string>() + " (Pods)"
                     : fmt::format("{} {}'s {}",
                                   planned.metric["object"]["describedObject"]["kind"].get<std::string>(),
                                   planned.metric["object"]["describedObject"]["name"].get<std::string>(),
                                   planned.metric["object"]["metric"]["name"].get<std::string>());
    planned.path = path_of(custom_, hpa_, planned.metric);
    metric = planned.metric;
    plan_.metrics.push_back(std::move(planned));
  }

 private:
  bool take_metric(PlannedMetric& planned, size_t index, const Document& target) {
    if (std::optional<KnownMetric> known = known_metric(custom_, hpa_, planned.query, target)) {
      planned.metric = known->metric;
      planned.rule = known->rule;
      return true;
    }
    const std::vector<std::string> series = diagnose::series_in(planned.query);
    if (series.empty()) {
      plan_.cannot.push_back(planned.from +
                             ": its query names no series, and the adapter lists metrics by series");
      return false;
    }
    auto label = labels_.find(series.front());
    if (label == labels_.end()) {
      plan_.cannot.push_back(
          fmt::format("{}: Prometheus has no series {} with a label, by which the adapter could "
                      "list the metric",
                      planned.from, series.front()));
      return false;
    }
    NewRule made = new_rule(fmt::format("{}-{}-s{}", plan_.space, plan_.scaled_object, index), plan_.space,
                            planned.query, series.front(), label->second, target);
    planned.metric = made.metric;
    std::optional<std::string> there = rule_for(custom_, hpa_, made);
    planned.rule = there.value_or("new");
    if (!there) plan_.rules.push_back(made.rule);
    return true;
  }

  const Json& object_;
  const diagnose::Group& custom_;
  const diagnose::Hpa& hpa_;
  const SeriesLabels& labels_;
  Plan& plan_;
};

void add_notes(const Json& object, const diagnose::Adapter& adapter, Plan& plan) {
  if (std::string by = kept_by(object); !by.empty())
    plan.notes.push_back(
        fmt::format("{} keeps ScaledObject {} as it is in its repository, and creates it again. Make "
                    "the change there.",
                    by, plan.scaled_object));
  if (std::string release = release_of(object); !release.empty())
    plan.notes.push_back(
        fmt::format("ScaledObject {} is of Helm release {}, whose next upgrade creates it again. Turn "
                    "it off in its values.",
                    plan.scaled_object, release));
  if (!plan.rules.empty())
    plan.notes.push_back(
        fmt::format("The rules belong into {} (values of its Helm chart: rules.custom). The adapter "
                    "reads them when it starts: restart it afterwards.",
                    config_place(adapter)));
  plan.notes.push_back(
      "APIService v1beta1.external.metrics.k8s.io belongs to KEDA. It stays, because other ScaledObjects can "
      "use it.");
}

}  // namespace

std::string hpa_name(const Json& scaled_object) {
  const std::string kept = text_at(scaled_object, "status.hpaName"),
                    wanted = text_at(scaled_object, "spec.advanced.horizontalPodAutoscalerConfig.name");
  if (!kept.empty()) return kept;
  return wanted.empty() ? "keda-hpa-" + text_at(scaled_object, "metadata.name") : wanted;
}

std::string series_of(const Json& trigger) {
  if (text_at(trigger, "type") != "prometheus") return {};
  const std::string query = text_at(trigger, "metadata.query");
  const std::vector<std::string> series = diagnose::series_in(query);
  return series.empty() ? std::string() : series.front();
}

Json adapter_probe(const Json& scaled_object, const std::string& name) {
  const Json& target = at(scaled_object, "spec.scaleTargetRef");
  const std::string space = text_at(scaled_object, "metadata.namespace");
  return {{"apiVersion", "autoscaling/v2"},
          {"kind", "HorizontalPodAutoscaler"},
          {"metadata", {{"name", name}, {"namespace", space}}},
          {"spec",
           {{"scaleTargetRef",
             {{"apiVersion", text_at(target, "apiVersion", "apps/v1")},
              {"kind", text_at(target, "kind", "Deployment")},
              {"name", text_at(target, "name")}}},
            {"maxReplicas", 1},
            {"metrics",
             {{{"type", "Object"},
               {"object",
                {{"describedObject", {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"name", space}}},
                 {"metric", {{"name", "hpawalk-probe"}}},
                 {"target", {{"type", "Value"}, {"value", "1"}}}}}}}}}}};
}

Plan plan_to_adapter(const Json& object, const diagnose::Facts& facts, const std::string& probe,
                     const SeriesLabels& labels) {
  Plan plan;
  plan.to = Side::adapter;
  plan.space = text_at(object, "metadata.namespace");
  plan.scaled_object = text_at(object, "metadata.name");
  plan.hpa = hpa_name(object);
  plan.rules = Document::array();
  plan.workload = text_at(object, "spec.scaleTargetRef.kind", "Deployment") + " " +
                  text_at(object, "spec.scaleTargetRef.name");
  const diagnose::Parts parts = diagnose::parts_of(facts);
  auto view = std::find_if(parts.hpas.begin(), parts.hpas.end(), [&](const diagnose::Hpa& one) {
    return one.space == plan.space && one.name == probe;
  });
  if (view == parts.hpas.end()) {
    plan.cannot.push_back("The workload's chain is not among what was read");
    return plan;
  }
  const diagnose::Adapter& adapter = parts.groups.at(custom_group).adapter;
  plan.prometheus = server_address(adapter);
  plan.rules_place = config_place(adapter);
  Converter converter(object, parts, *view, labels, plan);
  converter.look_at_triggers();
  plan.differences = differences_to_adapter(object, plan.prometheus);
  Result<hpasim::ScaledObject> read = hpasim::read_scaled_object(document_of(object));
  if (!read && plan.cannot.empty()) plan.cannot.push_back(read.error().what + ": " + read.error().because);
  if (!read || !plan.cannot.empty()) {
    plan.rules = Document::array();
    return plan;
  }
  Document hpa = read->hpa;
  for (Document& metric : hpa["spec"]["metrics"]) converter.replace(metric);
  Document metadata = {{"name", plan.hpa}, {"namespace", plan.space}};
  if (Document kept = own_marks(at(object, "metadata.labels")); !kept.empty()) metadata["labels"] = kept;
  if (Document kept = own_marks(at(object, "metadata.annotations")); !kept.empty())
    metadata["annotations"] = kept;
  hpa["metadata"] = metadata;
  if (plan.cannot.empty()) plan.manifest = hpa;
  add_notes(object, adapter, plan);
  return plan;
}

}  // namespace hpawalk::migrate
