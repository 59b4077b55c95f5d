#include "manifests/manifests.hpp"

#include <fmt/format.h>

#include <doctest/doctest.h>

#include "base/text.hpp"
#include "config/pod_security.hpp"
#include "manifests/operator_bundle.hpp"
#include "tests/fakes/golden.hpp"

using namespace hpawalk;
using namespace hpawalk::config;
using namespace hpawalk::manifests;
using fakes::golden_difference;

namespace {

const char* everything_else = R"(
namespace: shop
labels: {team: payments, "example.com/cost": "7"}
workload: {name: checkout, image: "registry.example.com:5000/shop/checkout:1.2", replicas: 3, labels: {app: checkout, tier: web}}
prometheus: {name: prom, namespace: watching, version: "3.10.0", port: 80, replicas: 2, monitor-labels: {watch: "yes"},
             resources: {}}
prom-fake: {name: fake, image: "registry.example.com/fake:9", replicas: 2, labels: {app: fake}, metric: queue_length, value: 7,
            port: 9000, port-name: http-metrics, service-type: ClusterIP}
servicemonitor: {name: fake-monitor, interval: 2s}
adapter: {release: bridge, namespace: bridges, relist-interval: 2s, max-age: 30s, image: "a.example.com/b@sha256:0000000000000000000000000000000000000000000000000000000000000000",
          values: {logLevel: 6, prometheus: {path: /prom}, rules: {default: true}}}
operator: {namespace: operators}
hpa: {name: checkout-hpa, target: 2500m, min: 2, max: 40,
      behavior: {scaleDown: {stabilizationWindowSeconds: 10, policies: [{type: Pods, value: 1, periodSeconds: 5}]}}}
)";

Config configured(const std::string& file) {
  auto config = Config::from({"hpawalk.yaml", file, {}, {}});
  REQUIRE_MESSAGE(config, (config ? "" : config.error().because));
  return *config;
}

const char* stages[] = {"workload", "prometheus", "prom-fake", "servicemonitor", "hpa"};

std::string all_stages(const Config& config) {
  std::string all;
  for (const char* stage : stages)
    all += fmt::format("# ---- {}\n{}", stage, render_stage(stage, config).value());
  return all + "# ---- adapter\n" + render_adapter_values(config).value();
}

}  // namespace

TEST_CASE("The manifests of the default configuration are what was agreed on") {
  CHECK(golden_difference("manifests-default.yaml", all_stages(configured(""))) == "");
}

TEST_CASE("The manifests of a configuration that changes everything are what was agreed on") {
  CHECK(golden_difference("manifests-custom.yaml", all_stages(configured(everything_else))) == "");
}

TEST_CASE("The manifests of KEDA's chain are what was agreed on") {
  for (const auto& [file, golden] :
       {std::pair("metrics: keda\n", "manifests-keda-default.yaml"),
        std::pair("metrics: keda\nnamespace: shop\nprometheus: {name: prom, namespace: watching, port: 80}\n"
                  "prom-fake: {name: fake, metric: queue_length}\nworkload: {name: checkout}\n"
                  "keda: {namespace: scaling, polling-interval: 1m, cooldown-period: 10s, resources: {}}\n"
                  "hpa: {name: checkout-hpa, target: 2500m, min: 0, behavior: {scaleDown: "
                  "{stabilizationWindowSeconds: 10}}}\n",
                  "manifests-keda-custom.yaml")}) {
    Config config = configured(file);
    std::string all;
    for (const char* stage : {"keda", "scaledobject"})
      all += fmt::format("# ---- {}\n{}", stage, render_stage(stage, config).value());
    CHECK(golden_difference(golden, all) == "");
  }
}

TEST_CASE("Only the stages of the configured chain have templates of their own") {
  auto stages_of = [](const std::string& file) { return text::join(template_stages(configured(file)), " "); };
  CHECK(stages_of("") == "hpa prom-fake prometheus servicemonitor workload");
  CHECK(stages_of("metrics: keda\n") == "keda prom-fake prometheus scaledobject servicemonitor workload");
}

TEST_CASE("KEDA's definitions are labelled, and otherwise as they are") {
  auto objects = yaml::parse_all(render_keda_definitions(configured("")).value());
  REQUIRE(objects);
  CHECK(objects->size() == 6);
  for (const yaml::Value& object : *objects) {
    CHECK(object["kind"] == "CustomResourceDefinition");
    CHECK(object["metadata"]["labels"]["hpawalk/instance"] == "default.nginx");
    CHECK(object["metadata"]["name"].get<std::string>().ends_with("keda.sh"));
    CHECK(object["spec"]["versions"][0]["schema"]["openAPIV3Schema"].contains("properties"));
  }
}

TEST_CASE("A target that is a quantity becomes KEDA's threshold, which is a number") {
  auto threshold = [](const std::string& target) {
    auto objects = yaml::parse_all(
        render_stage("scaledobject", configured("metrics: keda\nhpa: {target: " + target + "}\n")).value());
    return objects->back()["spec"]["triggers"][0]["metadata"]["threshold"];
  };
  CHECK(threshold("10") == "10");
  CHECK(threshold("500m") == "0.5");
  CHECK(threshold("2.125") == "2.125");
  CHECK(threshold("1k") == "1000");
}

TEST_CASE("Every object is labelled as hpawalk's, and lives where the configuration says") {
  for (const char* file : {"", everything_else}) {
    Config config = configured(file);
    for (const char* stage : stages) {
      auto objects = yaml::parse_all(render_stage(stage, config).value());
      REQUIRE(objects);
      CHECK(objects->size() >= 1);
      for (const yaml::Value& object : *objects) {
        CAPTURE(object.dump());
        CHECK(object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "hpawalk");
        CHECK(object["metadata"]["labels"]["app.kubernetes.io/part-of"] == "hpawalk");
        if (!object["metadata"].contains("namespace")) continue;
        std::string space = object["metadata"]["namespace"];
        CHECK((space == config.text("namespace") || space == config.text("prometheus.namespace")));
      }
    }
  }
}

TEST_CASE(
    "prom-fake's Service has no address outside of the cluster unless one is asked for, and then only for "
    "whom is named") {
  auto service = [](const std::string& file) {
    return yaml::parse_all(render_stage("prom-fake", configured(file)).value())->back();
  };
  yaml::Value inside = service("");
  CHECK(inside["spec"]["type"] == "ClusterIP");
  CHECK_FALSE(inside["spec"].contains("loadBalancerSourceRanges"));
  CHECK_FALSE(inside["metadata"].contains("annotations"));
  yaml::Value outside = service(
      "prom-fake: {service-type: LoadBalancer, source-ranges: [192.0.2.0/24, '2001:db8::/32'], "
      "service-annotations: {service.beta.kubernetes.io/azure-load-balancer-internal: \"true\"}}\n");
  CHECK(outside["spec"]["type"] == "LoadBalancer");
  CHECK(outside["spec"]["loadBalancerSourceRanges"] == yaml::Value{"192.0.2.0/24", "2001:db8::/32"});
  CHECK(outside["metadata"]["annotations"]["service.beta.kubernetes.io/azure-load-balancer-internal"] ==
        "true");
}

TEST_CASE(
    "No registry is asked for the image that hpawalk brings to the nodes; a named one is pulled where it is "
    "not there") {
  auto container = [](const std::string& file) {
    auto objects = yaml::parse_all(render_stage("prom-fake", configured(file)).value());
    return (*objects)[0]["spec"]["template"]["spec"]["containers"][0];
  };
  for (const char* cluster : {"local", "kind", "minikube", "k3d", "current"}) {
    yaml::Value own = container(fmt::format("cluster: {}\n", cluster));
    CHECK(own["image"].get<std::string>().starts_with("localhost/hpawalk/prom-fake:"));
    CHECK(own["imagePullPolicy"] == "Never");
  }
  yaml::Value named = container("prom-fake: {image: \"localhost:5000/fake:1\"}\n");
  CHECK(named["image"] == "localhost:5000/fake:1");
  CHECK(named["imagePullPolicy"] == "IfNotPresent");
  yaml::Value azure =
      container("cluster: aks\naks: {resource-group: g, cluster-name: c}\nacr: {name: walkregistry}\n");
  CHECK(azure["image"].get<std::string>().starts_with("walkregistry.azurecr.io/prom-fake:"));
  CHECK(azure["imagePullPolicy"] == "IfNotPresent");
  const std::string digest = "r.example.com/fake@sha256:" + std::string(64, 'a');
  CHECK(container("prom-fake: {image: \"" + digest + "\"}\n")["image"] == digest);
}

TEST_CASE(
    "Prometheus may look at prom-fake's namespace only, and at nothing but what it discovers targets by") {
  auto objects = yaml::parse_all(render_stage("prometheus", configured(everything_else)).value());
  std::vector<std::string> spaces;
  for (const yaml::Value& object : *objects) {
    std::string kind = object["kind"];
    CHECK_FALSE(kind.starts_with("Cluster"));
    if (kind == "Namespace") spaces.push_back(object["metadata"]["name"]);
    if (kind == "RoleBinding" || kind == "Role") CHECK(object["metadata"]["namespace"] == "shop");
    if (kind != "Role") continue;
    CHECK(object["rules"] == yaml::Value{{{"apiGroups", {""}},
                                          {"resources", {"services", "endpoints", "pods"}},
                                          {"verbs", {"get", "list", "watch"}}},
                                         {{"apiGroups", {"discovery.k8s.io"}},
                                          {"resources", {"endpointslices"}},
                                          {"verbs", {"get", "list", "watch"}}}});
  }
  CHECK(spaces ==
        std::vector<std::string>{"watching", "shop"});  // the Role's namespace is there before the Role
}

TEST_CASE(
    "What hpawalk renders runs in namespaces that enforce Pod Security restricted, and its own namespaces "
    "do") {
  for (const char* file : {"", everything_else}) {
    for (const char* stage : {"workload", "prom-fake", "prometheus"}) {
      auto objects = yaml::parse_all(render_stage(stage, configured(file)).value());
      REQUIRE(objects);
      for (const yaml::Value& object : *objects) {
        if (object["kind"] == "Namespace")
          CHECK(object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted");
        if (object["kind"] != "Deployment") continue;
        const yaml::Value& pod = object["spec"]["template"]["spec"];
        CHECK(pod["automountServiceAccountToken"] == false);
        yaml::Value context = pod.value("securityContext", yaml::Value::object());
        for (const auto& [name, value] : pod["containers"][0]["securityContext"].items())
          context[name] = value;
        CHECK(missing_for_restricted(context) == std::vector<std::string>{});
      }
    }
  }
  auto other = yaml::parse_all(
      render_stage("workload",
                   configured("namespace: shop\npod-security: baseline\nworkload: {security-context: {}}\n"))
          .value());
  CHECK((*other)[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline");
  CHECK_FALSE((*other)[1]["spec"]["template"]["spec"]["containers"][0].contains("securityContext"));
}

TEST_CASE("A container's securityContext lacks what restricted asks for, each as one would write it") {
  yaml::Value fitting = configured("").value("workload.security-context");
  CHECK(missing_for_restricted(fitting).empty());
  CHECK(missing_for_restricted(yaml::Value::object()) ==
        std::vector<std::string>{"runAsNonRoot: true", "allowPrivilegeEscalation: false",
                                 "capabilities: {drop: [ALL]}", "seccompProfile: {type: RuntimeDefault}"});
  auto with = [&](const char* name, const yaml::Value& value) {
    yaml::Value changed = fitting;
    changed[name] = value;
    return missing_for_restricted(changed);
  };
  CHECK(with("privileged", true) == std::vector<std::string>{"no privileged: true"});
  CHECK(with("runAsUser", 0) == std::vector<std::string>{"no runAsUser: 0"});
  CHECK(with("runAsUser", 1000).empty());
  CHECK(with("capabilities", {{"drop", {"ALL"}}, {"add", {"NET_BIND_SERVICE"}}}).empty());
  CHECK(with("capabilities", {{"drop", {"ALL"}}, {"add", {"SYS_ADMIN"}}}).size() == 1);
  CHECK(with("seccompProfile", {{"type", "Unconfined"}}).size() == 1);
  CHECK(with("capabilities", "nonsense").size() == 1);
}

TEST_CASE("An HPA has no behavior unless one is configured, and then it has exactly that one") {
  auto plain = yaml::parse(render_stage("hpa", configured("")).value());
  CHECK_FALSE((*plain)["spec"].contains("behavior"));
  auto custom = yaml::parse_all(render_stage("hpa", configured(everything_else)).value());
  CHECK((*custom)[1]["spec"]["behavior"] == configured(everything_else).value("hpa.behavior"));
}

TEST_CASE("The adapter's values merge deeply, and an image with a digest keeps it") {
  auto values = yaml::parse(render_adapter_values(configured(everything_else)).value());
  REQUIRE(values);
  CHECK((*values)["prometheus"] ==
        yaml::Value{{"url", "http://prom.watching.svc"}, {"port", 80}, {"path", "/prom"}});
  CHECK((*values)["rules"]["default"] == true);
  CHECK((*values)["rules"]["custom"].size() == 1);
  std::string image = (*values)["image"]["repository"].get<std::string>() + ":" +
                      (*values)["image"]["tag"].get<std::string>();
  CHECK(image == "a.example.com/b@sha256:" + std::string(64, '0'));
}

TEST_CASE("A value cannot break out of its place in a template") {
  const std::string nasty = "x\"\n  evil: true # ";
  auto scalar = fill_in("a: ${v}\nb: \"pre ${v} post\"\n- ${v}\n", {{"v", nasty}});
  REQUIRE(scalar);
  auto lines = text::lines(*scalar);
  REQUIRE(lines.size() == 3);
  CHECK(yaml::parse(lines[0])->at("a") == nasty);
  CHECK(yaml::parse(lines[1])->at("b") == "pre " + nasty + " post");
  CHECK(yaml::parse(lines[2])->at(0) == nasty);
  auto map = fill_in("m: ${v}\nend: 1\n", {{"v", {{nasty, nasty}}}});
  CHECK(*yaml::parse(*map) == yaml::Value{{"m", {{nasty, nasty}}}, {"end", 1}});
}

TEST_CASE("A template is refused when a name is unknown or no value would be safe there") {
  Values values = {{"v", "x"}, {"m", {{"a", 1}}}};
  CHECK(fill_in("a: ${w}\n", values).error().because == "`w` is not a value");
  CHECK(fill_in("a: ${v\n", values).error().id == "template");
  CHECK_FALSE(fill_in("a: pre${v}\n", values));
  CHECK_FALSE(fill_in("a: ${v}post\n", values));
  CHECK_FALSE(fill_in("a: [${v}]\n", values));
  CHECK_FALSE(fill_in("a: 'x ${v}'\n", values));
  CHECK_FALSE(fill_in("a: \"${m}\"\n", values));
  CHECK(fill_in("a: \\\"${v}\n", values).error().id == "template");
  CHECK(*fill_in("# ${w} in a comment\n", values) == "# ${w} in a comment\n");
}

TEST_CASE("An empty map takes its line away") {
  CHECK(*fill_in("a: 1\nb: ${m}\nc:\n  ${m}\n", {{"m", yaml::Value::object()}}) == "a: 1\nc:\n");
}

namespace {

std::string crd(const std::string& plural) {
  return "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  "
         "annotations:\n    x: '1'\n  name: " +
         plural +
         ".monitoring.coreos.com\nspec:\n  group: monitoring.coreos.com\n  # kept as it is: '\"\n  default: "
         "=\n";
}

const char* rest = R"(---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: prometheus-operator
subjects:
- kind: ServiceAccount
  name: prometheus-operator
  namespace: default
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: prometheus-operator
  namespace: default
spec:
  template:
    spec:
      containers:
      - name: prometheus-operator
        args: [--kubelet-service=kube-system/kubelet, --a, --kubelet-endpoints=true]
        resources: {limits: {cpu: 200m, memory: 200Mi}, requests: {cpu: 100m}}
)";

std::string small_bundle() {
  std::string text;
  for (const char* plural :
       {"alertmanagers", "podmonitors", "probes", "prometheuses", "prometheusrules", "servicemonitors"})
    text += crd(plural);
  return text + rest;
}

}  // namespace

TEST_CASE("The operator's bundle is labelled, moved to its namespace and freed of CPU limits") {
  auto objects = adapt_bundle(small_bundle(), configured(everything_else));
  REQUIRE(objects);
  REQUIRE(objects->size() == 8);
  CHECK(std::count_if(objects->begin(), objects->end(), needed_first) == 5);
  for (const BundleObject& object : *objects) {
    auto parsed = yaml::parse(object.text);
    REQUIRE(parsed);
    CHECK((*parsed)["metadata"]["labels"]["app.kubernetes.io/part-of"] == "hpawalk");
    CHECK((*parsed)["metadata"]["labels"]["team"] == "payments");
    CHECK((*parsed)["metadata"]["name"] == object.name);
    if (object.kind == "CustomResourceDefinition") {
      CHECK((*parsed)["metadata"]["annotations"]["x"] == "1");
      CHECK(object.text.ends_with(
          "spec:\n  group: monitoring.coreos.com\n  # kept as it is: '\"\n  default: =\n"));
    }
  }
  auto binding = yaml::parse((*objects)[6].text), deployment = yaml::parse((*objects)[7].text);
  CHECK((*binding)["subjects"][0]["namespace"] == "operators");
  CHECK((*deployment)["metadata"]["namespace"] == "operators");
  const yaml::Value& container = (*deployment)["spec"]["template"]["spec"]["containers"][0];
  CHECK(container["resources"] ==
        yaml::Value{{"limits", {{"memory", "200Mi"}}}, {"requests", {{"cpu", "100m"}}}});
  CHECK(container["args"] == yaml::Value{"--a", "--config-reloader-cpu-limit=0"});
}

TEST_CASE("The operator keeps upstream's rights, but for those by which it would look after kubelets") {
  auto objects = adapt_bundle(small_bundle() + R"(---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: prometheus-operator
rules:
- {apiGroups: [""], resources: [secrets], verbs: ["*"]}
- {apiGroups: [""], resources: [nodes], verbs: [list, watch]}
- {apiGroups: [""], resources: [endpoints], verbs: [get, create, update, delete]}
- {apiGroups: [""], resources: [namespaces], verbs: [get, list, watch]}
)",
                              configured(""));
  REQUIRE(objects);
  auto role = yaml::parse(objects->back().text);
  REQUIRE((*role)["rules"].size() == 2);
  CHECK((*role)["rules"][0]["resources"] == yaml::Value{"secrets"});
  CHECK((*role)["rules"][1]["resources"] == yaml::Value{"namespaces"});
}

TEST_CASE("A text that is not the operator's bundle is refused") {
  CHECK(adapt_bundle("<html>", configured("")).error().id == "operator-bundle");
  CHECK(adapt_bundle("", configured("")).error().id == "operator-bundle");
  CHECK(adapt_bundle(rest, configured("")).error().id == "operator-bundle");
  CHECK(adapt_bundle("---\na: [\n", configured("")).error().id == "operator-bundle");
}

TEST_CASE("The bundled chart has what Helm needs") {
  auto chart = bundled_chart();
  CHECK(chart.contains("Chart.yaml"));
  CHECK(chart.contains("values.yaml"));
  CHECK(chart.contains("templates/deployment.yaml"));
  CHECK(chart.contains("files/default-rules.yaml"));
}
