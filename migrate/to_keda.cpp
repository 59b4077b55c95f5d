#include "migrate/to_keda.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "migrate/differences.hpp"
#include "migrate/parts.hpp"
#include "migrate/query.hpp"

namespace hpawalk::migrate {

using diagnose::MetricNeed;
using hpasim::Document;

namespace {

struct Source {
  const Json& hpa;
  const diagnose::Parts& parts;
  const diagnose::Hpa& view;
};

// A trigger that the HPA controller reads itself.
Document resource_trigger(const Json& metric, const MetricNeed& need) {
  const char* field = need.type == "Resource" ? "resource" : "containerResource";
  const Json& source = at(metric, field);
  const std::string kind = text_at(source, "target.type");
  const Json& amount =
      at(source, kind == "Utilization" ? "target.averageUtilization" : "target.averageValue");
  Document metadata = {{"value", amount.is_string() ? amount.get<std::string>() : amount.dump()}};
  if (!need.container.empty()) metadata["containerName"] = need.container;
  return {{"type", need.metric}, {"metricType", kind}, {"metadata", metadata}};
}

// The trigger, or why there is none.
Result<Document> prometheus_trigger(const Source& source, const MetricNeed& need, PlannedMetric& planned) {
  auto cannot = [&](const std::string& why) {
    return failure(ErrorClass::check_failed, "migrate-unsupported", fmt::format("{}: {}", planned.from, why));
  };
  const diagnose::Group& group = source.parts.groups.at(need.api_group());
  const diagnose::Adapter& adapter = group.adapter;
  if (adapter.kind == diagnose::AdapterKind::keda) return cannot("KEDA serves it already");
  if (adapter.kind != diagnose::AdapterKind::prometheus_adapter)
    return cannot(adapter.service_name.empty()
                      ? fmt::format("nothing serves {}", need.api_group())
                      : fmt::format("{}/{}, which serves {}, is no prometheus-adapter", adapter.space,
                                    adapter.service_name, need.api_group()));
  if (!adapter.config)
    return cannot("the adapter's rules could not be read" +
                  (adapter.config_error.empty() ? std::string() : ": " + adapter.config_error));
  if (adapter.prometheus_url.empty()) return cannot("the adapter has no --prometheus-url");
  const std::vector<diagnose::Candidate> found = diagnose::candidates(group, need);
  if (found.empty()) return cannot("no rule of the adapter serves it");
  const diagnose::Candidate& last = found.back();  // wins, as in the adapter
  Result<std::string> query = trigger_query(source.view, need, last);
  if (!query)
    return cannot(query.error().what + (query.error().because.empty() ? "" : ": " + query.error().because));
  const std::optional<std::int64_t> target = milli_of(need.target);
  if (!target) return cannot("its target is no quantity");
  planned.query = *query;
  planned.rule = last.rule->title();
  const bool whole = need.target_type == "Value";
  return Document{{"type", "prometheus"},
                  {"metricType", whole ? "Value" : "AverageValue"},
                  {"metadata",
                   {{"serverAddress", server_address(adapter)},
                    {"query", *query},
                    {"threshold", decimal(*target)},
                    {"ignoreNullValues", "false"}}}};
}

// "Service web's requests_per_second"
std::string title_of(const MetricNeed& need) {
  if (need.type == "Object")
    return fmt::format("{} {}'s {}", need.object_kind, need.object_name, need.metric);
  if (need.type == "Pods") return fmt::format("{} (Pods)", need.metric);
  if (need.type == "External") return fmt::format("{} (External)", need.metric);
  return fmt::format("{} ({})", need.metric, need.type);
}

Document triggers_of(const Source& source, Plan& plan) {
  Document triggers = Document::array();
  const Json& metrics = list_at(source.hpa, "spec.metrics");
  for (const MetricNeed& need : source.view.needs) {
    PlannedMetric planned;
    planned.from = title_of(need);
    planned.metric = document_of(metrics.at(need.index));
    planned.to = fmt::format("trigger {} (prometheus)", triggers.size());
    if (!need.resource_metric()) {
      Result<Document> trigger = prometheus_trigger(source, need, planned);
      if (!trigger) {
        plan.cannot.push_back(trigger.error().what);
        continue;
      }
      plan.prometheus = (*trigger)["metadata"]["serverAddress"];
      triggers.push_back(*trigger);
    } else if (need.metric == "cpu" || need.metric == "memory") {
      planned.to = fmt::format("trigger {} ({})", triggers.size(), need.metric);
      triggers.push_back(resource_trigger(metrics.at(need.index), need));
    } else {
      plan.cannot.push_back(planned.from + ": KEDA has no trigger for this resource");
      continue;
    }
    plan.metrics.push_back(std::move(planned));
  }
  return triggers;
}

Document scaled_object(const Json& hpa, const Plan& plan, Document triggers) {
  Document metadata = {{"name", plan.scaled_object}, {"namespace", plan.space}};
  if (Document labels = own_marks(at(hpa, "metadata.labels")); !labels.empty()) metadata["labels"] = labels;
  Document annotations = own_marks(at(hpa, "metadata.annotations"));
  annotations["scaledobject.keda.sh/transfer-hpa-ownership"] = "true";
  metadata["annotations"] = annotations;
  const Json& target = at(hpa, "spec.scaleTargetRef");
  Document config = {{"name", plan.hpa}};
  if (const Json& behavior = at(hpa, "spec.behavior"); !behavior.is_null())
    config["behavior"] = document_of(behavior);
  return {{"apiVersion", "keda.sh/v1alpha1"},
          {"kind", "ScaledObject"},
          {"metadata", metadata},
          {"spec",
           {{"scaleTargetRef",
             {{"apiVersion", text_at(target, "apiVersion")},
              {"kind", text_at(target, "kind")},
              {"name", text_at(target, "name")}}},
            {"minReplicaCount", int_at(hpa, "spec.minReplicas", 1)},
            {"maxReplicaCount", int_at(hpa, "spec.maxReplicas", 1)},
            {"advanced", {{"horizontalPodAutoscalerConfig", config}}},
            {"triggers", std::move(triggers)}}}};
}

void add_notes(const Json& hpa, Plan& plan) {
  if (std::string by = kept_by(hpa); !by.empty())
    plan.notes.push_back(
        fmt::format("{} keeps HPA {} as it is in its repository, and puts it back. Make the change "
                    "there: remove the HPA from it without pruning it, then add the ScaledObject.",
                    by, plan.hpa));
  if (std::string release = release_of(hpa); !release.empty())
    plan.notes.push_back(
        fmt::format("HPA {} is of Helm release {}, whose next upgrade writes it again. Turn the HPA "
                    "off in its values, after `helm.sh/resource-policy: keep` is on it.",
                    plan.hpa, release));
  plan.notes.push_back(
      fmt::format("KEDA replaces the labels and annotations of HPA {} by those of the ScaledObject. A paused "
                  "ScaledObject deletes "
                  "its HPA: do not pause this one before the workload may be without a scaler.",
                  plan.hpa));
}

}  // namespace

Plan plan_to_keda(const Json& hpa, const diagnose::Facts& facts) {
  Plan plan;
  plan.to = Side::keda;
  plan.space = text_at(hpa, "metadata.namespace");
  plan.hpa = plan.scaled_object = text_at(hpa, "metadata.name");
  plan.workload = text_at(hpa, "spec.scaleTargetRef.kind") + " " + text_at(hpa, "spec.scaleTargetRef.name");
  const diagnose::Parts parts = diagnose::parts_of(facts);
  auto view = std::find_if(parts.hpas.begin(), parts.hpas.end(), [&](const diagnose::Hpa& one) {
    return one.space == plan.space && one.name == plan.hpa;
  });
  if (view == parts.hpas.end()) {
    plan.cannot.push_back("The HPA is not among what was read");
    return plan;
  }
  Document triggers = triggers_of({hpa, parts, *view}, plan);
  if (triggers.empty() && plan.cannot.empty()) plan.cannot.push_back("The HPA has no metric");
  plan.differences = differences_to_keda(hpa, login_flags(parts.groups.at("custom.metrics.k8s.io").adapter));
  if (plan.cannot.empty()) plan.manifest = scaled_object(hpa, plan, std::move(triggers));
  add_notes(hpa, plan);
  return plan;
}

}  // namespace hpawalk::migrate
