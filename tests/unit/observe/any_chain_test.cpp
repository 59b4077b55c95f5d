#include "observe/any_chain.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/facts_files.hpp"

using namespace hpawalk;
using namespace hpawalk::observe;

namespace {

diagnose::Facts facts_from(const Json& document) {
  return diagnose::facts_from(document.dump()).value();
}

diagnose::Facts healthy() {
  return facts_from(fakes::healthy_document());
}

// The healthy chain, whose HPA has this metric instead of its own.
diagnose::Facts with_metric(const Json& metric) {
  Json document = fakes::healthy_document();
  document["readings"]["hpas"]["value"]["items"][0]["spec"]["metrics"] = Json::array({metric});
  Json& services = document["readings"]["apiservices"]["value"]["items"];
  Json resource = services[0];
  resource["metadata"]["name"] = "v1beta1.metrics.k8s.io";
  resource["spec"]["group"] = "metrics.k8s.io";
  resource["spec"]["version"] = "v1beta1";
  services.push_back(resource);
  return facts_from(document);
}

}  // namespace

TEST_CASE("Any HPA's chain is found in the facts: what the controller asks, and what the adapter asks") {
  LiveChain chain = chain_of(healthy(), "shop", "object-value", "").value();
  CHECK(chain.workload.collection == "/apis/apps/v1/namespaces/shop/deployments");
  CHECK(chain.workload.name == "object-value");
  REQUIRE(chain.metrics.size() == 1);
  CHECK(chain.metric().path ==
        "/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/object-value/lab_value");
  CHECK(chain.metric().expression ==
        "sum(lab_value{namespace=\"shop\",service=\"object-value\"}) by (service)");
  REQUIRE(chain.prometheus);
  CHECK(chain.prometheus->name == "prom-web");
  CHECK(chain.in_prometheus());
  CHECK_FALSE(chain.source);
}

TEST_CASE("Of a Pods metric the pods change, so its series are not asked for again and again") {
  Json pods = {{"type", "Pods"},
               {"pods",
                {{"metric", {{"name", "lab_value"}}},
                 {"target", {{"type", "AverageValue"}, {"averageValue", "10"}}}}}};
  LiveChain chain = chain_of(with_metric(pods), "shop", "object-value", "").value();
  CHECK(chain.metric().kind == hpasim::MetricKind::pods);
  CHECK(chain.metric().path ==
        "/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/pods/%2A/lab_value?labelSelector=workload%3D"
        "object-value");
  CHECK_FALSE(chain.in_prometheus());
}

TEST_CASE("A resource metric is read off the pods' own metrics, and Prometheus has no part in it") {
  Json cpu = {
      {"type", "Resource"},
      {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 80}}}}}};
  LiveChain chain = chain_of(with_metric(cpu), "shop", "object-value", "cpu").value();
  CHECK(chain.metric().kind == hpasim::MetricKind::resource);
  CHECK(chain.metric().path.starts_with("/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector="));
  CHECK(chain.metric().expression.empty());
  CHECK_FALSE(chain.in_prometheus());
}

TEST_CASE("A metric or an HPA that is not there is refused with what there is") {
  Result<LiveChain> none = chain_of(healthy(), "shop", "object-value", "lab_vale");
  REQUIRE_FALSE(none);
  CHECK(none.error().id == "metric-not-found");
  CHECK(none.error().hint == "Did you mean lab_value?");
  CHECK(chain_of(healthy(), "shop", "other", "").error().id == "hpa-not-found");
}
