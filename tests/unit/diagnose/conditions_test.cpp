// What the HPA's own conditions say counts, until a newer reading says otherwise: about exactly that.
#include <doctest/doctest.h>

#include <algorithm>

#include "diagnose/causes.hpp"
#include "diagnose/diagnosis.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::fakes;

namespace {

Mark mark(const ChainDiagnosis& chain, Link link) {
  return chain.links[static_cast<size_t>(link)].mark;
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

constexpr const char* other_adapter =
    "User \"system:serviceaccount:metrics-api:adapter\" cannot create resource";

}  // namespace

TEST_CASE("A scale target whose scale the controller cannot read is never ok") {
  for (const char* message :
       {"no matches for kind \"Deployment\" in group \"extensions\"", "etcdserver: request timed out",
        "deployments.apps \"object-value\" is forbidden: User \"x\" cannot get resource "
        "\"deployments/scale\"",
        "something that nobody has heard of"}) {
    CAPTURE(message);
    Json document = document_of("healthy");
    if (says(message, "extensions"))
      hpa_of(document)["spec"]["scaleTargetRef"]["apiVersion"] = "extensions/v1beta1";
    set_condition(
        document, "AbleToScale",
        {{"status", "False"},
         {"reason", "FailedGetScale"},
         {"message",
          std::string("the HPA controller was unable to get the target's current scale: ") + message}});
    ChainDiagnosis chain = judged(document);
    CHECK(first_of(chain).link == Link::target);
    CHECK(mark(chain, Link::target) == Mark::broken);
    CHECK(mark(chain, Link::hpa) == Mark::unknown);  // what it says of the metric is of an earlier sync
  }
}

TEST_CASE("A scale target that is there again is waited for") {
  for (const char* message : {"deployments.apps \"object-value\" not found",
                              "no matches for kind \"Deployment\" in group \"apps\""}) {
    CAPTURE(message);
    Json document = document_of("healthy");
    set_condition(document, "AbleToScale",
                  {{"status", "False"}, {"reason", "FailedGetScale"}, {"message", message}});
    ChainDiagnosis chain = judged(document);
    CHECK(chain.verdict() == Mark::note);
    CHECK(find(chain, cause::waiting_for_sync.id) != nullptr);
  }
}

TEST_CASE("The group that serves the scale target's kind replaces the one that does not, patched or fresh") {
  for (const char* file : {"target-api-version", "target-api-version@from-the-start"}) {
    CAPTURE(file);
    Json document = document_of(file);
    Finding f = first_of(judged(document));
    CHECK(f.cause == cause::target_api_version.id);
    CHECK(f.certainty == Certainty::certain);
    CHECK(f.sentence ==
          "spec.scaleTargetRef.apiVersion is extensions/v1beta1, and API group extensions does not serve "
          "kind Deployment; that kind is in apps/v1");
    REQUIRE(f.fix.kind == Fix::Kind::patch);
    CHECK(hpa_of(document).patch(f.fix.body)["spec"]["scaleTargetRef"]["apiVersion"] == "apps/v1");
    // Without the list of kinds, the condition and what hpawalk knows of Kubernetes say the same.
    document["readings"].erase("kinds");
    CHECK(first_of(judged(document)).fix.body == f.fix.body);
  }
  // Served by two groups: somebody has to choose. By none: there is nothing to choose.
  Json document = document_of("target-api-version");
  Json& kinds = document["readings"]["kinds"]["value"]["kinds"];
  kinds.push_back(
      {{"kind", "Deployment"}, {"group", "a.example"}, {"version", "v1"}, {"resource", "deployments"}});
  CHECK(first_of(judged(document)).fix.kind == Fix::Kind::advice);
  kinds = Json::array();
  CHECK(says(first_of(judged(document)).sentence, "this API server does not have that kind"));
  // A group that could not be read may be the one.
  set_condition(document, "AbleToScale",
                {{"status", "True"}, {"reason", "ReadyForNewScale"}, {"message", "x"}});
  document["readings"]["kinds"]["value"]["unread"] =
      Json::array({{{"group", "extensions"}, {"version", "v1beta1"}}});
  CHECK(find(judged(document), cause::target_api_version.id) == nullptr);
}

TEST_CASE("A described object in the wrong API group is the HPA's fault: the chain before it is whole") {
  Json document = document_of("object-api-version");
  ChainDiagnosis chain = judged(document);
  CHECK(chain.findings.size() == 1);
  CHECK(first_of(chain).cause == cause::object_api_version.id);
  CHECK(first_of(chain).certainty == Certainty::certain);
  CHECK(mark(chain, Link::value) == Mark::ok);
  Json& object = hpa_of(document)["spec"]["metrics"][0]["object"]["describedObject"];
  CHECK(hpa_of(document).patch(
            first_of(chain).fix.body)["spec"]["metrics"][0]["object"]["describedObject"]["apiVersion"] ==
        "v1");
  // Not set at all, for a kind that no group without a name serves.
  object.erase("apiVersion");
  object["kind"] = "Ingress";
  document["readings"]["kinds"]["value"]["kinds"] = Json::array(
      {{{"kind", "Ingress"}, {"group", "networking.k8s.io"}, {"version", "v1"}, {"resource", "ingresses"}}});
  chain = judged(document);
  const Finding* f = find(chain, cause::object_api_version.id);
  REQUIRE(f != nullptr);
  CHECK(
      says(f->sentence,
           "describedObject.apiVersion is not set, and the core API group does not serve kind Ingress; that "
           "kind is in networking.k8s.io/v1"));
  CHECK(
      hpa_of(document).patch(f->fix.body)["spec"]["metrics"][0]["object"]["describedObject"]["apiVersion"] ==
      "networking.k8s.io/v1");
}

TEST_CASE("A value that is served refutes only a condition about values") {
  auto after = [](const std::string& answer) {
    Json document = document_of("waiting-for-sync");
    set_condition(document, "ScalingActive", {{"message", "unable to get metric lab_value: " + answer}});
    ChainDiagnosis chain = judged(document);
    CHECK((find(chain, cause::waiting_for_sync.id) == nullptr || chain.verdict() == Mark::note));
    return find(chain, cause::waiting_for_sync.id) != nullptr;
  };
  const std::string api = "unable to fetch metrics from custom metrics API: ";
  CHECK(after("no metrics returned from custom metrics API"));
  CHECK(after(api + "the server could not find the metric lab_value for services object-value"));
  CHECK(after(api + "the server is currently unable to handle the request"));
  CHECK_FALSE(after(api + "unable to map kind Foo to resource: no matches for kind \"Foo\" in group \"\""));
  CHECK_FALSE(after(api + "pods is forbidden: " + other_adapter));
  CHECK_FALSE(after("missing request for cpu in container main of Pod web-1"));
  CHECK_FALSE(after("unable to calculate ready pods: no"));
}

TEST_CASE("A rule maps to namespaces only if it maps to nothing else") {
  Json document = document_of("healthy");
  Json& text = document["readings"]["configmaps/metrics-api/adapter-rules"]["value"]["data"]["rules.yaml"];
  Json rules = Json::parse(text.get<std::string>());
  auto with = [&](const Json& overrides) {
    rules["rules"][0]["resources"] = {{"overrides", overrides}};
    text = rules.dump();
    document["readings"]
            ["api /apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/object-value/lab_value"] = {
                {"path", "/x"}, {"error", {{"id", "kube-not-found"}, {"message", "no"}}}};
    return judged(document);
  };
  CHECK(find(with({{"namespace", {{"resource", "namespace"}}}}), cause::rule_not_namespaced.id) != nullptr);
  ChainDiagnosis chain = with({{"namespace", {{"resource", "namespace"}}}, {"pod", {{"resource", "pod"}}}});
  CHECK(find(chain, cause::rule_not_namespaced.id) == nullptr);
  REQUIRE(find(chain, cause::rule_labels_mismatch.id) != nullptr);
  CHECK(says(find(chain, cause::rule_labels_mismatch.id)->sentence, "maps no label to services"));
}

TEST_CASE("An adapter that may not ask who may read metrics gets that right, and the HPA controller none") {
  for (const char* file : {"adapter-auth-delegator", "adapter-auth-delegator@answer"}) {
    CAPTURE(file);
    ChainDiagnosis chain = judged(document_of(file));
    const Finding& f = first_of(chain);
    CHECK(f.cause == cause::adapter_auth_delegator.id);
    CHECK(find(chain, cause::hpa_forbidden.id) == nullptr);
    REQUIRE(f.fix.kind == Fix::Kind::create);
    CHECK(f.fix.body["roleRef"]["name"] == "system:auth-delegator");
    CHECK(f.fix.body["subjects"] ==
          Json::parse(R"([{"kind":"ServiceAccount","namespace":"metrics-api","name":"adapter"}])"));
    CHECK_FALSE(says(text_of(f.fix), "horizontal-pod-autoscaler"));
  }
  // It may since, and the API has a value: the condition is older.
  Json document = document_of("adapter-auth-delegator");
  for (auto& [key, reading] : document["readings"].items()) {
    if (key.ends_with("subjectaccessreviews in all")) reading["value"] = true;
  }
  CHECK(find(judged(document), cause::waiting_for_sync.id) != nullptr);
}

TEST_CASE("An External metric that is served as a custom one: the adapter that serves it is named") {
  Json document = document_of("metric-type-mismatch");
  ChainDiagnosis chain = judged(document);
  const Finding& f = first_of(chain);
  CHECK(says(
      f.sentence,
      "prometheus-adapter metrics-api/shop-adapter has no externalRules; it serves it as a custom metric"));
  CHECK(says(f.sentence, "services/lab_value"));
  CHECK(says(f.fix.says, "Use type Object in spec.metrics[0]"));
  CHECK(says(f.fix.says, "APIService v1beta1.external.metrics.k8s.io"));
  CHECK(f.fix.body["object"]["metric"]["name"] == "lab_value");
  CHECK(mark(chain, Link::api_service) == Mark::broken);
  // Of another metric only the missing APIService is known, and that this adapter has nothing to serve for
  // it.
  hpa_of(document)["spec"]["metrics"][0]["external"]["metric"]["name"] = "lab_unruled";
  Finding missing = first_of(judged(document));
  CHECK(missing.cause == cause::apiservice_missing.id);
  CHECK(says(missing.sentence, "but has no externalRules"));
  CHECK(missing.fix.kind == Fix::Kind::advice);
}

TEST_CASE("An adapter that responds with 404 can be reached: it lacks rules of that type") {
  Finding f = first_of(judged(document_of("api-group-not-served")));
  CHECK(says(f.sentence,
             "responds, but does not serve external.metrics.k8s.io/v1beta1: it has no externalRules"));
  CHECK(says(f.fix.says, "Add externalRules"));
}

TEST_CASE("An adapter that may not read how clients are authenticated needs a RoleBinding in kube-system") {
  Finding none = first_of(judged(document_of("adapter-auth-reader")));
  CHECK(none.cause == "adapter-auth-reader");
  CHECK(none.fix.kind == Fix::Kind::create);
  CHECK(says(command_of(none.fix), R"("namespace":"kube-system")"));
  Json document = document_of("adapter-auth-reader@elsewhere");
  CHECK(says(first_of(judged(document)).sentence,
             "RoleBinding metrics-api/adapter-auth-reader is in the wrong namespace"));
  Json& binding = document["readings"]["rolebindings"]["value"]["items"][0]["metadata"];
  binding = {{"name", "metrics-api-adapter-auth-reader"}, {"namespace", "kube-system"}};
  CHECK(first_of(judged(document)).cause == "adapter-not-ready");  // it has come since
  document["readings"]["rolebindings"]["value"]["items"][0]["subjects"] = Json::array();
  Finding taken = first_of(judged(document));
  CHECK(taken.cause == "adapter-auth-reader");
  CHECK(taken.fix.kind == Fix::Kind::advice);  // the name is taken
}

TEST_CASE("What exists already is to be corrected, not created again") {
  Json document = document_of("adapter-auth-delegator");
  Finding fresh = first_of(judged(document));
  REQUIRE(fresh.fix.kind == Fix::Kind::create);
  document["readings"]["clusterrolebindings//" + fresh.fix.object.name] = {
      {"path", "/"}, {"value", {{"metadata", {{"name", fresh.fix.object.name}}}}}};
  Finding taken = first_of(judged(document));
  CHECK(taken.fix.kind == Fix::Kind::advice);
  CHECK(says(taken.fix.says, "ClusterRoleBinding " + fresh.fix.object.name + " already exists"));
}

TEST_CASE("A value that does not fall while the replicas rise may be a total") {
  Json document = document_of("total-as-value");
  CHECK(find(judged(document), cause::total_as_value.id) != nullptr);
  for (auto& [key, reading] : document["readings"].items()) {
    if (key.find(" range ") == std::string::npos) continue;
    for (Json& point : reading["value"][0]["values"]) {
      if (point[0] > 1795491500) point[1] = "20";
    }
  }
  CHECK(find(judged(document), cause::total_as_value.id) == nullptr);
}

TEST_CASE("A metric of a Namespace is that of the HPA's own, whatever its name") {
  ChainDiagnosis chain = judged(document_of("namespace-name-ignored"));
  CHECK(find(chain, cause::namespace_name_ignored.id) != nullptr);
  CHECK(chain.first_broken() == nullptr);
  CHECK(chain.metric == "lab_value of Namespace shop");
}

TEST_CASE("A metricsQuery that does not ask for the object is shown as it should be") {
  Finding braces = first_of(judged(document_of("rule-template")));
  CHECK(says(braces.sentence, "uses {{ }}, but the adapter's template has << >>"));
  CHECK(braces.fix.body["metricsQuery"] ==
        R"(sum(<<.Series>>{team="shop",<<.LabelMatchers>>}) by (<<.GroupBy>>))");
  Finding unasked = first_of(judged(document_of("rule-template@unasked")));
  CHECK(says(unasked.sentence, "has no <<.LabelMatchers>>"));
  CHECK(unasked.fix.body["metricsQuery"] ==
        "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)");
}

TEST_CASE("A Prometheus object that no operator ever saw has no other URL") {
  ChainDiagnosis chain = judged(document_of("operator-not-running@never-reconciled"));
  CHECK(says(first_of(chain).sentence,
             "Prometheus watch/k9 has no pods, and no prometheus-operator is running"));
  CHECK(find(chain, cause::adapter_prometheus_url.id) == nullptr);
}

TEST_CASE("A Pods metric of other pods is no scraping problem, and no monitor is blamed") {
  Json document = document_of("pods-metric-of-others");
  ChainDiagnosis chain = judged(document);
  CHECK(chain.findings.size() == 1);
  CHECK(first_of(chain).cause == cause::pods_metric_of_others.id);
  CHECK(says(first_of(chain).sentence, "of the pods of Deployment object-value"));
  CHECK(mark(chain, Link::monitor) == Mark::ok);
  // A pod that declares a port may be one that should be scraped.
  for (Json& pod : document["readings"]["pods/shop"]["value"]["items"])
    pod["spec"]["containers"][0]["ports"] = Json::array({{{"name", "stats"}, {"containerPort", 9113}}});
  chain = judged(document);
  const Finding* monitor = find(chain, cause::monitor_selects_no_service.id);
  REQUIRE(monitor != nullptr);
  CHECK_FALSE(
      says(monitor->sentence + text_of(monitor->fix), "object-value requires"));  // it has nothing in common
  CHECK(monitor->certainty == Certainty::likely);
  // The pod that the samples are of is gone: they are left from before, perhaps of this workload.
  Json gone = document_of("pods-metric-of-others");
  Json& pods = gone["readings"]["pods/shop"]["value"]["items"];
  pods.erase(std::find_if(pods.begin(), pods.end(), [](const Json& pod) {
    return pod["metadata"]["name"].get<std::string>().starts_with("source-");
  }));
  CHECK(find(judged(gone), cause::pods_metric_of_others.id) == nullptr);
}

TEST_CASE("A connection that is reset was accepted: nothing says that nobody listens") {
  Finding plain = first_of(judged(document_of("target-down@reset")));
  CHECK(plain.cause == cause::target_down.id);
  CHECK_FALSE(says(plain.sentence, "nothing listens"));
  Finding mesh = first_of(judged(document_of("target-mesh-sidecar")));
  CHECK(mesh.cause == cause::target_mesh_sidecar.id);
  CHECK(says(mesh.evidence.back(), "istio-proxy"));
  CHECK(mesh.fix.body["metadata"]["annotations"]["traffic.sidecar.istio.io/excludeInboundPorts"] == "9113");
}

TEST_CASE("A targetPort that is the declared port already is not proposed again") {
  Finding f = first_of(judged(document_of("service-target-port@declared")));
  CHECK(f.fix.kind == Fix::Kind::advice);
  CHECK(says(f.sentence, "although the pods declare port 9113"));
  CHECK(says(f.fix.says, "Make the program listen on port 9113"));
}
