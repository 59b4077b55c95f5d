#include "migrate/look.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/controller.hpp"
#include "diagnose/readiness.hpp"
#include "diagnose/series_source.hpp"
#include "migrate/parts.hpp"
#include "migrate/to_adapter.hpp"
#include "migrate/to_keda.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::migrate {

namespace {

using world::kube_kind;
using world::KubeApi;

constexpr const char* external_service = "v1beta1.external.metrics.k8s.io";

// The object, or null where there is none, or none of its kind.
Result<Json> look_for(KubeApi& api, const std::string& path) {
  Result<Json> object = world::kube_get(api, path);
  if (!object && object.error().is("kube-not-found")) return Json();
  return object;
}

Result<std::vector<Json>> all_of(KubeApi& api, const std::string& path) {
  std::vector<Json> all;
  Result<Json> list = world::kube_list(api, path);
  if (!list && list.error().is("kube-not-found")) return all;
  if (!list) return failure(list.error());
  for (const Json& item : list_at(*list, "items")) all.push_back(item);
  return all;
}

Result<Json> hpa_named(KubeApi& api, const std::string& space, const std::string& name) {
  return look_for(api, kube_kind("HorizontalPodAutoscaler").object(space, name));
}

Result<Json> scaled_object_named(KubeApi& api, const std::string& space, const std::string& name) {
  return look_for(api, kube_kind("ScaledObject").object(space, name));
}

// The ScaledObject that an HPA belongs to; empty: none.
std::string owner_name(const Json& hpa) {
  for (const Json& owner : list_at(hpa, "metadata.ownerReferences")) {
    if (text_at(owner, "kind") == "ScaledObject") return text_at(owner, "name");
  }
  return {};
}

Status read_surroundings(KubeApi& api, const Plan& plan, const State& state, Surroundings& around) {
  Result<Json> definition =
      look_for(api, kube_kind("CustomResourceDefinition").object("scaledobjects.keda.sh"));
  if (!definition) return failure(definition.error());
  around.keda_defined = !definition->is_null();
  Result<Json> service = look_for(api, kube_kind("APIService").object(external_service));
  if (!service) return failure(service.error());
  if (service->is_null()) {
    around.keda_serves = fmt::format("APIService {} not found", external_service);
  } else if (text_at(*service, "spec.service.name").find("keda") == std::string::npos) {
    around.keda_serves =
        fmt::format("APIService {} leads to Service {}/{}", external_service,
                    text_at(*service, "spec.service.namespace"), text_at(*service, "spec.service.name"));
  } else if (diagnose::Readiness available = diagnose::api_service_available(*service); !available.ready) {
    around.keda_serves = available.text;
  }
  Result<std::vector<Json>> hpas = all_of(api, kube_kind("HorizontalPodAutoscaler").collection(plan.space));
  if (!hpas) return failure(hpas.error());
  around.hpas = std::move(*hpas);
  if (around.keda_defined) {
    Result<std::vector<Json>> objects = all_of(api, kube_kind("ScaledObject").collection(plan.space));
    if (!objects) return failure(objects.error());
    around.scaled_objects = std::move(*objects);
  }
  const Json& status = at(state.hpa, "status");
  if (!at(status, "currentReplicas").is_null()) around.replicas = int_at(status, "currentReplicas");
  return {};
}

std::optional<world::PrometheusApi> prometheus_for(KubeApi& api, world::Http& http,
                                                   const diagnose::Parts& parts, const std::string& group,
                                                   const Request& request) {
  if (!request.collect.prometheus_url.empty())
    return world::prometheus_at(http, request.collect.prometheus_url, request.collect.prometheus_login);
  const std::optional<diagnose::PrometheusAddress>& address = parts.groups.at(group).prometheus.address;
  if (!address) return std::nullopt;
  return world::prometheus_behind(api, address->backend, address->prefix);
}

void try_queries(const std::optional<world::PrometheusApi>& prometheus, Plan& plan) {
  for (PlannedMetric& metric : plan.metrics) {
    if (metric.query.empty()) continue;
    if (!prometheus) {
      metric.now = "no Prometheus was found that could be asked";
      continue;
    }
    Result<std::vector<world::Sample>> samples = prometheus->query(metric.query);
    if (!samples) {
      metric.now =
          samples.error().what + (samples.error().because.empty() ? "" : ": " + samples.error().because);
      continue;
    }
    metric.rows = samples->size();
    metric.now = samples->size() == 1 ? samples->front().value
                                      : text::count(static_cast<long long>(samples->size()), "result");
  }
}

void try_metrics_api(KubeApi& api, Plan& plan) {
  for (PlannedMetric& metric : plan.metrics) {
    if (plan.to != Side::adapter || metric.query.empty()) continue;
    if (metric.path.empty()) {
      metric.served = false;
      metric.served_text = "nothing serves custom.metrics.k8s.io";
      continue;
    }
    Result<Json> values = world::kube_get(api, metric.path);
    if (!values) {
      metric.served = false;
      metric.served_text = values.error().because.empty() ? values.error().what : values.error().because;
      continue;
    }
    const hpasim::Document& source = metric.metric[metric.metric["type"] == "Pods" ? "pods" : "object"];
    diagnose::Readiness served = diagnose::value_served(*values, source["metric"]["name"].get<std::string>());
    metric.served = served.ready;
    metric.served_text = served.text;
  }
}

// Of each series that a trigger reads, a label: the namespace's where it has one.
SeriesLabels labels_of(const std::optional<world::PrometheusApi>& prometheus, const Json& scaled_object) {
  SeriesLabels labels;
  if (!prometheus) return labels;
  for (const Json& trigger : list_at(scaled_object, "spec.triggers")) {
    const std::string series = series_of(trigger);
    if (series.empty()) continue;
    Result<std::vector<world::Sample>> samples =
        prometheus->query(fmt::format("topk(1, {{__name__={}}})", diagnose::in_quotes(series)));
    if (!samples || samples->empty()) continue;
    for (const auto& [name, value] : samples->front().labels) {
      if (name == "__name__") continue;
      std::string& chosen = labels[series];
      if (chosen.empty() || name == "namespace") chosen = name;
    }
  }
  return labels;
}

hpasim::Document written(const Json& object) {
  hpasim::Document document = document_of(object);
  document.erase("status");
  document["metadata"].erase("managedFields");
  return document;
}

void take_controller(const diagnose::Facts& facts, Looked& looked) {
  const diagnose::ControllerSettings controller = diagnose::controller_of(facts);
  looked.rules = controller.rules;
  looked.flags = controller.flags;
}

Plan names_of(Side to, const Json& hpa, const std::string& scaled_object) {
  Plan plan;
  plan.to = to;
  plan.space = text_at(hpa, "metadata.namespace");
  plan.hpa = text_at(hpa, "metadata.name");
  plan.scaled_object = scaled_object;
  plan.workload = text_at(hpa, "spec.scaleTargetRef.kind") + " " + text_at(hpa, "spec.scaleTargetRef.name");
  plan.switched = true;
  return plan;
}

Result<Looked> look_to_keda(KubeApi& api, world::Http& http, const ReadFacts& read, const Request& request) {
  Looked looked;
  Result<Json> hpa = hpa_named(api, request.space, request.name);
  if (!hpa) return failure(hpa.error());
  if (!hpa->is_null() && !owner_name(*hpa).empty()) {
    looked.plan = names_of(Side::keda, *hpa, owner_name(*hpa));
  } else {
    diagnose::CollectOptions what = request.collect;
    what.space = request.space, what.name = request.name;
    Result<diagnose::Facts> facts = read(what);  // says which HPAs there are, where there is none of the name
    if (!facts) return failure(facts.error());
    if (hpa->is_null())
      return failure(ErrorClass::usage, "hpa-not-found",
                     fmt::format("HPA {} not found in namespace {}", request.name, request.space));
    looked.plan = plan_to_keda(*hpa, *facts);
    looked.before = written(*hpa);
    take_controller(*facts, looked);
    const diagnose::StillFacts still(*facts);
    const diagnose::Parts parts = diagnose::parts_of(*facts);
    const bool external =
        !looked.plan.metrics.empty() && looked.plan.metrics.front().metric["type"] == "External";
    const std::string group = external ? "external.metrics.k8s.io" : "custom.metrics.k8s.io";
    looked.prometheus = prometheus_for(api, http, parts, group, request);
    looked.around.login_flags = login_flags(parts.groups.at(group).adapter);
    try_queries(looked.prometheus, looked.plan);
  }
  return looked;
}

// The ScaledObject of that name, or whose HPA has that name; null: none.
Result<Json> find_scaled_object(KubeApi& api, const Request& request) {
  Result<Json> object = scaled_object_named(api, request.space, request.name);
  if (!object || !object->is_null()) return object;
  Result<Json> hpa = hpa_named(api, request.space, request.name);
  if (!hpa) return hpa;
  const std::string owner = owner_name(*hpa);
  return owner.empty() ? Result<Json>(Json()) : scaled_object_named(api, request.space, owner);
}

// The ScaledObject has ended: the HPA that it left.
Result<Looked> look_at_rest(KubeApi& api, const Request& request) {
  for (const std::string& name : {request.name, "keda-hpa-" + request.name}) {
    Result<Json> hpa = hpa_named(api, request.space, name);
    if (!hpa) return failure(hpa.error());
    if (hpa->is_null()) continue;
    Looked looked;
    looked.plan = names_of(Side::adapter, *hpa, request.name);
    return looked;
  }
  return failure(ErrorClass::usage, "scaledobject-not-found",
                 fmt::format("ScaledObject {} not found in namespace {}", request.name, request.space), {},
                 "kubectl get scaledobject -A lists them; -n names another namespace");
}

Result<Looked> look_to_adapter(KubeApi& api, world::Http& http, const ReadFacts& read,
                               const Request& request) {
  Result<Json> object = find_scaled_object(api, request);
  if (!object) return failure(object.error());
  if (object->is_null()) return look_at_rest(api, request);
  const std::string probe = request.name + " (adapter)";  // no HPA in a cluster can have this name
  diagnose::CollectOptions what = request.collect;
  what.space = request.space, what.name = probe;
  what.assumed = adapter_probe(*object, probe);
  Result<diagnose::Facts> facts = read(what);
  if (!facts) return failure(facts.error());
  Looked looked;
  looked.before = written(*object);
  take_controller(*facts, looked);
  const diagnose::StillFacts still(*facts);
  const diagnose::Parts parts = diagnose::parts_of(*facts);
  looked.prometheus = prometheus_for(api, http, parts, "custom.metrics.k8s.io", request);
  looked.plan = plan_to_adapter(*object, *facts, probe, labels_of(looked.prometheus, *object));
  try_queries(looked.prometheus, looked.plan);
  try_metrics_api(api, looked.plan);
  return looked;
}

}  // namespace

Result<State> read_state(KubeApi& api, const Plan& plan) {
  State state;
  Result<Json> hpa = hpa_named(api, plan.space, plan.hpa);
  if (!hpa) return failure(hpa.error());
  Result<Json> object = scaled_object_named(api, plan.space, plan.scaled_object);
  if (!object) return failure(object.error());
  return State{std::move(*hpa), std::move(*object)};
}

Result<Looked> look(KubeApi& api, world::Http& http, const ReadFacts& read, const Request& request) {
  Result<Looked> looked = request.to == Side::keda ? look_to_keda(api, http, read, request)
                                                   : look_to_adapter(api, http, read, request);
  if (!looked) return looked;
  Result<State> state = read_state(api, looked->plan);
  if (!state) return failure(state.error());
  looked->state = std::move(*state);
  if (Status read_all = read_surroundings(api, looked->plan, looked->state, looked->around); !read_all)
    return failure(read_all.error());
  return looked;
}

Result<std::vector<std::optional<Past>>> read_pasts(const world::PrometheusApi& prometheus,
                                                    world::Clock& clock, const Plan& plan, double seconds) {
  const double end = static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now().time_since_epoch()).count());
  const double step = std::max(5.0, std::ceil(seconds / 10'000));  // Prometheus gives at most 11,000 values
  std::vector<std::optional<Past>> pasts(plan.metrics.size());
  for (size_t i = 0; i < plan.metrics.size(); ++i) {
    if (plan.metrics[i].query.empty()) continue;
    Result<Json> data =
        prometheus.get(fmt::format("/api/v1/query_range?query={}&start={:.0f}&end={:.0f}&step={:g}",
                                   world::query_value(plan.metrics[i].query), end - seconds, end, step),
                       std::chrono::seconds(60));
    if (!data) return failure(data.error());
    const Json& rows = list_at(*data, "result");
    if (rows.size() == 1)
      pasts[i] = past_of(world::points_of(list_at(rows[0], "values")), end - seconds, end, step);
  }
  return pasts;
}

}  // namespace hpawalk::migrate
