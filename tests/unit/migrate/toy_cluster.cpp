#include "tests/unit/migrate/toy_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "migrate/steps.hpp"

namespace hpawalk::migrate {

namespace {

Json finalizers_without(const Json& object, std::string_view name) {
  Json kept = Json::array();
  for (const Json& one : list_at(object, "metadata.finalizers")) {
    if (one != name) kept.push_back(one);
  }
  return kept;
}

bool has(const Json& object, std::string_view name) {
  const Json& all = list_at(object, "metadata.finalizers");
  return std::find(all.begin(), all.end(), name) != all.end();
}

// getScaledObjectMetricSpecs: an External metric for each trigger.
Json metrics_of(const Json& scaled_object) {
  Json metrics = Json::array();
  size_t index = 0;
  for (const Json& trigger : list_at(scaled_object, "spec.triggers")) {
    metrics.push_back(
        {{"type", "External"},
         {"external",
          {{"metric",
            {{"name", "s" + std::to_string(index++) + "-" + text_at(trigger, "type")},
             {"selector",
              {{"matchLabels", {{"scaledobject.keda.sh/name", text_at(scaled_object, "metadata.name")}}}}}}},
           {"target", {{"type", "Value"}, {"value", "50"}}}}}});
  }
  return metrics;
}

Json current_metrics(const Json& metrics) {
  Json current = Json::array();
  for (Json metric : metrics) {
    Json& source = metric[metric["type"] == "External" ? "external" : "object"];
    source.erase("target");
    source["current"] = {{"value", "50"}};
    current.push_back(metric);
  }
  return current;
}

}  // namespace

bool ToyCluster::hpa_is_served() const {
  const Json& metric = list_at(hpa, "spec.metrics")[0];
  if (text_at(metric, "type") != "External") return metrics_served;
  return !scaled_object.is_null();
}

void ToyCluster::act() {
  if (!scaled_object.is_null() && keda_runs) {
    Json& metadata = scaled_object["metadata"];
    if (metadata.contains("deletionTimestamp")) {
      if (bool_at(scaled_object, "spec.advanced.restoreToOriginalReplicaCount") &&
          has(scaled_object, keda_finalizer))
        replicas = 1;
      metadata["finalizers"] = finalizers_without(scaled_object, keda_finalizer);
    } else {
      if (!has(scaled_object, keda_finalizer)) metadata["finalizers"].push_back(keda_finalizer);
      // updateHPAIfNeeded writes the whole HPA, whoever changed it.
      hpa["spec"]["metrics"] = metrics_of(scaled_object);
      hpa["metadata"]["ownerReferences"] = Json::array({{{"kind", "ScaledObject"},
                                                         {"name", text_at(scaled_object, "metadata.name")},
                                                         {"uid", text_at(scaled_object, "metadata.uid")},
                                                         {"controller", true}}});
      scaled_object["status"] = {
          {"hpaName", text_at(hpa, "metadata.name")},
          {"conditions", {{{"type", "Ready"}, {"status", "True"}, {"message", "ready"}}}}};
    }
  }
  if (has(scaled_object, "orphan")) {
    hpa["metadata"]["ownerReferences"] = Json::array();
    scaled_object["metadata"]["finalizers"] = finalizers_without(scaled_object, "orphan");
  }
  if (scaled_object.is_object() && scaled_object["metadata"].contains("deletionTimestamp") &&
      list_at(scaled_object, "metadata.finalizers").empty())
    scaled_object = nullptr;
  const Json& metrics = list_at(hpa, "spec.metrics");
  hpa["status"]["conditions"] = Json::array({{{"type", "AbleToScale"}, {"status", "True"}},
                                             {{"type", "ScalingActive"},
                                              {"status", hpa_is_served() ? "True" : "False"},
                                              {"message", "unable to get metric"}}});
  if (hpa_is_served()) hpa["status"]["currentMetrics"] = current_metrics(metrics);
}

world::HttpResponse ToyCluster::answer_for(Json& object, const world::KubeRequest& request) {
  if (object.is_null()) return {404, R"({"kind":"Status","code":404,"message":"not found"})"};
  if (request.method == "GET") return {200, object.dump()};
  const Json body = Json::parse(request.body);
  const std::string kind = text_at(object, "kind");
  changes.push_back(request.method + " " + kind);
  if (request.method == "PUT") {
    if (text_at(body, "metadata.resourceVersion") != text_at(object, "metadata.resourceVersion"))
      return {409, R"({"kind":"Status","code":409,"message":"the object has been modified"})"};
    object = body;
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    return {200, object.dump()};
  }
  REQUIRE(request.method == "DELETE");
  CHECK(text_at(body, "preconditions.uid") == text_at(object, "metadata.uid"));
  CHECK(text_at(body, "propagationPolicy") == "Orphan");
  object["metadata"]["deletionTimestamp"] = "2026-11-28T00:00:00Z";
  object["metadata"]["finalizers"].push_back("orphan");
  return {200, object.dump()};
}

world::HttpResponse ToyCluster::answer(const world::KubeRequest& request) {
  const std::string path = request.path.substr(0, request.path.find('?'));
  if (path == "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/object-value")
    return answer_for(hpa, request);
  const std::string objects = "/apis/keda.sh/v1alpha1/namespaces/shop/scaledobjects";
  if (request.method == "POST" && path == objects) {
    REQUIRE(scaled_object.is_null());
    changes.emplace_back("POST ScaledObject");
    scaled_object = Json::parse(request.body);
    scaled_object["metadata"]["uid"] = "object-uid";
    scaled_object["metadata"]["resourceVersion"] = std::to_string(++version_);
    if (!scaled_object["metadata"].contains("finalizers"))
      scaled_object["metadata"]["finalizers"] = Json::array();
    return {201, scaled_object.dump()};
  }
  if (path.starts_with(objects + "/")) return answer_for(scaled_object, request);
  FAIL("a request that no migration needs: " << request.method << " " << request.path);
  return {500, {}};
}

Result<world::HttpResponse> ToyCluster::send(const world::KubeRequest& request) {
  ++requests;
  if (fail_from >= 0 && requests >= fail_from)
    return failure(ErrorClass::interrupted, "interrupted", "Interrupted while testing");
  act();
  if (after_each) after_each();
  world::HttpResponse response = answer(request);
  if (after_each) after_each();
  return response;
}

Result<world::HttpResponse> ToyCluster::stream(const std::string&,
                                               const std::function<bool(std::string_view)>&) {
  FAIL("nothing is watched");
  return world::HttpResponse{500, {}};
}

}  // namespace hpawalk::migrate
