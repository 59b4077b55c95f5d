#include "diagnose/fix.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/text.hpp"
#include "cli/markdown.hpp"
#include "diagnose/diagnosis.hpp"
#include "diagnose/rules.hpp"
#include "tests/fakes/judged.hpp"
#include "tests/fakes/sample.hpp"

using namespace hpawalk;
using namespace hpawalk::cli;
using namespace hpawalk::diagnose;
using namespace hpawalk::fakes;

namespace {

const std::filesystem::path facts_folder = std::filesystem::path(TESTS_FOLDER) / "facts";

std::vector<Finding> findings_of(const Facts& facts) {
  std::vector<Finding> all;
  for (const HpaDiagnosis& hpa : diagnose_hpas(facts)) {
    for (const ChainDiagnosis& chain : hpa.chains)
      all.insert(all.end(), chain.findings.begin(), chain.findings.end());
  }
  return all;
}

Finding finding(const Json& document, std::string_view cause) {
  Result<Facts> facts = facts_from(document.dump());
  REQUIRE(facts);
  std::vector<Finding> all = findings_of(*facts);
  auto found = std::find_if(all.begin(), all.end(), [&](const Finding& f) { return f.cause == cause; });
  REQUIRE_MESSAGE(found != all.end(), cause);
  return *found;
}

Fix fix_of(const Json& document, std::string_view cause) {
  return finding(document, cause).fix;
}

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// The words of a line as a POSIX shell reads it; nothing if it holds anything that a shell does not take as
// it stands.
std::optional<std::vector<std::string>> words(std::string_view line) {
  std::vector<std::string> all;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == ' ') {
      ++i;
      continue;
    }
    std::string word;
    while (i < line.size() && line[i] != ' ') {
      if (line[i] == '\'') {
        size_t end = line.find('\'', i + 1);
        if (end == std::string_view::npos) return std::nullopt;
        word += line.substr(i + 1, end - i - 1);
        i = end + 1;
      } else if (line.substr(i, 2) == "\\'") {
        word += '\'';
        i += 2;
      } else if (std::string_view("\\\"$`;&|<>(){}*?[]#~!\n\r\t").find(line[i]) != std::string_view::npos) {
        return std::nullopt;
      } else {
        word += line[i++];
      }
    }
    all.push_back(word);
  }
  return all;
}

// One kubectl, which gets what the fix says; `printf` before it is the shell's own.
void check_runs_only_kubectl(const Fix& fix) {
  std::string command = command_of(fix), look = look_of(fix);
  CHECK((command.empty() == (fix.kind == Fix::Kind::advice)));
  for (const std::string& line : text::lines(text_of(fix))) {
    if (line == command || line == look) continue;
    CHECK_MESSAGE(((command.empty() && look.empty()) || line.starts_with("# ")), line);
  }
  for (const std::string& text : {command, look}) {
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
  const std::string pipe = " | kubectl create -f -";
  if (fix.kind == Fix::Kind::create) {
    REQUIRE(command.ends_with(pipe));
    auto made = words(command.substr(0, command.size() - pipe.size()));
    REQUIRE(made);
    REQUIRE(made->size() == 3);
    CHECK((*made)[0] == "printf");
    CHECK((*made)[1] == "%s");
    CHECK(Json::parse((*made)[2]) ==
          Json::parse(fix.body.dump(-1, ' ', true, Json::error_handler_t::replace)));
    return;
  }
  for (const std::string& text : {command, look}) {
    if (text.empty()) continue;
    auto argv = words(text);
    REQUIRE_MESSAGE(argv, text);
    CHECK((*argv)[0] == "kubectl");
    CHECK(text::shell_quote(*argv) == text);
  }
  if (fix.kind == Fix::Kind::patch) {
    CHECK(Json::parse(words(command)->back()) ==
          Json::parse(fix.body.dump(-1, ' ', true, Json::error_handler_t::replace)));
  }
}

// Every place where a string stands, by class: indices of lists are one class, as are the objects in them.
void strings_of(Json& json, const std::string& path, std::map<std::string, std::vector<Json*>>& found) {
  if (json.is_string()) found[path].push_back(&json);
  if (json.is_array()) {
    for (Json& child : json) strings_of(child, path + "/*", found);
  }
  if (json.is_object()) {
    for (auto& [key, child] : json.items()) strings_of(child, path + "/" + key, found);
  }
}

const std::vector<std::string> hostile = {"'; touch PWNED; '",
                                          "$(touch PWNED)",
                                          "`touch PWNED`",
                                          "\ntouch PWNED\n",
                                          "x\"}]'; touch PWNED; echo '\"",
                                          "\\'; touch PWNED #",
                                          "-f/etc/passwd",
                                          "--kubeconfig=/tmp/x",
                                          "\r\ntouch PWNED\r\n\x1b[2J",
                                          "EOF\ntouch PWNED",
                                          "\xE2\x80\xA8touch PWNED",
                                          "a|touch PWNED",
                                          "x\x7F\xC2\x9B",
                                          "../../x"};

}  // namespace

TEST_CASE("Whatever a string of the cluster holds, what is printed to be pasted runs nothing but kubectl") {
  // Some of all cases; tests/cli/fixes.py runs more of them, in a real shell.
  constexpr size_t sample = 32;
  fakes::Sample some_files(6);
  size_t number = 0, commands = 0;
  std::set<std::string> names;  // in an order that is always the same
  for (const auto& file : std::filesystem::directory_iterator(facts_folder)) {
    if (file.path().extension() == ".json") names.insert(file.path().stem().string());
  }
  for (const std::string& name : names) {
    if (!some_files.takes()) continue;
    Facts facts = fakes::facts_of(facts_folder / (name + ".json"));
    std::map<std::string, std::vector<Json*>> classes;
    for (auto& [key, reading] : facts.readings)
      strings_of(reading.value, key.substr(0, key.find('/')), classes);
    for (auto& [path, places] : classes) {
      if (++number % sample != 0) continue;
      INFO(name << " " << path);
      std::vector<std::string> before;
      size_t turn = number / sample;
      const std::string& bad = hostile[turn % hostile.size()];
      for (Json* place : places) {
        before.push_back(place->get<std::string>());
        *place = turn % 2 == 0 ? bad : before.back() + bad;
      }
      for (const Finding& f : findings_of(facts)) {
        check_runs_only_kubectl(f.fix);
        commands += command_of(f.fix).empty() ? 0 : 1;
      }
      for (size_t i = 0; i < places.size(); ++i) *places[i] = before[i];
    }
  }
  CHECK(commands > 20);
}

TEST_CASE("A fix that would change nothing, or that does not fit the object, is none") {
  Json service = {
      {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
      {"spec",
       {{"ports", Json::array({{{"name", "http"}, {"port", 80}}, {{"name", "stats"}, {"port", 81}}})}}}};
  ObjectRef ref = ref_of("service", service);
  auto patch = [&](const Json& value, const Json& was) {
    return json_patch(ref, service,
                      Json::array({operation("test", {"spec", "ports", "1", "port"}, was),
                                   operation("replace", {"spec", "ports", "1", "port"}, value)}),
                      "x");
  };
  CHECK(patch(82, 81));
  CHECK_FALSE(patch(81, 81));  // it is so already
  CHECK_FALSE(patch(82, 80));  // another port stands there now
  CHECK_FALSE(
      json_patch(ref, service, Json::array({operation("replace", {"spec", "nothing", "0"}, 1)}), "x"));
  CHECK(merge_patch(ref, service, {{"spec", {{"type", "ClusterIP"}}}}, "x"));
  CHECK_FALSE(merge_patch(ref, service, {{"metadata", {{"name", "web"}}}}, "x"));
  CHECK_FALSE(merge_patch(ref, Json(), {{"metadata", {{"name", "web"}}}}, "x"));
  CHECK_FALSE(scale(ref, 1, 1, "x"));
  for (const char* name : {"", "-n", "--all", "a b", "a/b", "a;b", "a\nb", "$(x)"}) {
    CHECK_FALSE(merge_patch({"service", "shop", name}, service, {{"spec", {{"type", "ClusterIP"}}}}, "x"));
    CHECK_FALSE(restart({"deployment", "shop", name}, "x"));
    CHECK_FALSE(remove({"service", name[0] == '\0' ? "-" : name, "web"}, "x"));
  }
}

TEST_CASE("What a command does beyond the repair is said before it, as a comment") {
  Fix fix = *remove({"apiservice", "", "v1beta2.custom.metrics.k8s.io"}, "Let clients follow the other",
                    "nobody can ask for it");
  CHECK(text_of(fix) ==
        "# Let clients follow the other\n# Side effect: nobody can ask for it\nkubectl delete apiservice "
        "v1beta2.custom.metrics.k8s.io");
  CHECK(text_of(advice("Wait")) == "Wait");
  CHECK(to_json(advice("Wait")) == Json{{"kind", "advice"}, {"says", "Wait"}});
  Json json = to_json(fix);
  CHECK(json["kind"] == "remove");
  CHECK(json["object"]["name"] == "v1beta2.custom.metrics.k8s.io");
  CHECK(json["beyond"] == "nobody can ask for it");
  CHECK(json["command"] == "kubectl delete apiservice v1beta2.custom.metrics.k8s.io");
}

TEST_CASE("The adapter's certificate is refused: one Deployment is restarted, by its name") {
  Fix fix = fix_of(document_of("requestheader-ca@rotation"), "requestheader-ca");
  CHECK(command_of(fix) == "kubectl rollout restart deployment shop-adapter -n metrics-api");
  Json unowned = document_of("requestheader-ca@rotation");
  for (Json& pod : items(unowned, "pods/metrics-api")) pod["metadata"].erase("ownerReferences");
  CHECK(fix_of(unowned, "requestheader-ca").kind == Fix::Kind::advice);
}

TEST_CASE("An overlay network is advice: nothing opens all Deployments of a namespace") {
  CHECK(fix_of(document_of("overlay-network"), "overlay-network").kind == Fix::Kind::advice);
}

TEST_CASE("Out of the mesh goes the Deployment, also where its Service is called otherwise") {
  Json document = document_of("adapter-mesh-sidecar");
  item(document, "services", "shop-adapter")["metadata"]["name"] = "front";
  for (Json& api : items(document, "apiservices")) api["spec"]["service"]["name"] = "front";
  Fix fix = fix_of(document, "adapter-mesh-sidecar");
  CHECK(fix.object.resource == "deployment");
  CHECK(fix.object.name == "shop-adapter");
  CHECK(fix.body["spec"]["template"]["metadata"]["labels"] == Json{{"sidecar.istio.io/inject", "false"}});
  CHECK(says(fix.beyond, "then bypass the mesh"));
}

TEST_CASE("The APIService gets the port that its Service has, not one that is usual") {
  Json document = document_of("apiservice-port");
  item(document, "services", "shop-adapter")["spec"]["ports"][0] = {
      {"name", "api"}, {"port", 9443}, {"targetPort", 6443}};
  Fix fix = fix_of(document, "apiservice-port");
  CHECK(fix.body == Json{{"spec", {{"service", {{"port", 9443}}}}}});
  item(document, "services", "shop-adapter")["spec"]["ports"].push_back({{"name", "other"}, {"port", 8444}});
  CHECK(fix_of(document, "apiservice-port").kind == Fix::Kind::advice);  // which of two nobody can say
}

TEST_CASE("An APIService that is missing is created as a whole, for the Service's own port") {
  Json document = document_of("target-not-discovered");
  for (Json& api : items(document, "apiservices")) {
    if (api["spec"]["group"] == "custom.metrics.k8s.io") api["spec"]["version"] = "v1alpha1";
  }
  Fix fix = fix_of(document, "api-version-mismatch");
  CHECK(fix.kind == Fix::Kind::create);
  CHECK(fix.body["metadata"]["name"] == "v1beta1.custom.metrics.k8s.io");
  CHECK(fix.body["spec"]["service"] ==
        Json{{"namespace", "metrics-api"}, {"name", "shop-adapter"}, {"port", 443}});
  CHECK(says(fix.beyond, "certificate"));
}

TEST_CASE("A monitor that looks into other namespaces keeps them") {
  Json document = document_of("target-not-discovered");
  Json& monitor = item(document, "servicemonitors", "object-value");
  monitor["spec"]["namespaceSelector"] = {{"matchNames", {"first", "second"}}};
  Fix fix = fix_of(document, "monitor-selects-no-service");
  CHECK(fix.patch_type == "json");
  Json after = monitor.patch(fix.body);
  CHECK(after["spec"]["namespaceSelector"]["matchNames"] == Json{"first", "second", "shop"});
  // Not set means its own namespace, which must not drop out.
  monitor["spec"].erase("namespaceSelector");
  fix = fix_of(document, "monitor-selects-no-service");
  after = monitor;
  after.merge_patch(fix.body);
  CHECK(after["spec"]["namespaceSelector"]["matchNames"] == Json{"watch", "shop"});
}

TEST_CASE("Of two endpoints the one with the wrong port is corrected, and only while it is that one") {
  Json document = document_of("target-not-discovered");
  Json& monitor = item(document, "servicemonitors", "object-value");
  monitor["spec"]["endpoints"] =
      Json::array({{{"port", "mgmt"}, {"path", "/m"}, {"scheme", "https"}}, {{"port", "stat2"}}});
  Json& service = item(document, "services", "object-value");
  service["spec"]["ports"] =
      Json::array({{{"name", "stats2"}, {"port", 9113}}, {{"name", "grpc"}, {"port", 9000}}});
  Finding f = finding(document, "monitor-port-name");
  CHECK(says(f.sentence, "stat2"));
  Json after = monitor.patch(f.fix.body);
  CHECK(after["spec"]["endpoints"][0] == monitor["spec"]["endpoints"][0]);
  CHECK(after["spec"]["endpoints"][1]["port"] == "stats2");
  std::reverse(monitor["spec"]["endpoints"].begin(), monitor["spec"]["endpoints"].end());
  CHECK_THROWS(monitor.patch(f.fix.body));
  // None is near, and there are several: nobody knows which is meant.
  monitor["spec"]["endpoints"] = Json::array({{{"port", "something-else"}}});
  CHECK(fix_of(document, "monitor-port-name").kind == Fix::Kind::advice);
}

TEST_CASE("A Service's only port gets the name that the monitor asks for, if it can be one") {
  Json document = document_of("target-not-discovered");
  Json& monitor = item(document, "servicemonitors", "object-value");
  Json& service = item(document, "services", "object-value");
  service["spec"]["ports"] = Json::array({{{"port", 9113}}});
  Fix fix = fix_of(document, "monitor-port-name");
  CHECK(fix.object.resource == "service");
  CHECK(service.patch(fix.body)["spec"]["ports"][0] == Json{{"port", 9113}, {"name", "stats"}});
  monitor["spec"]["endpoints"][0]["port"] = "x\"}]'; touch PWNED; echo '\"";
  fix = fix_of(document, "monitor-port-name");
  CHECK(fix.kind == Fix::Kind::advice);
  CHECK(command_of(fix) == "");
}

// healthy.json's HPA as one of its pods, which a PodMonitor is to scrape.
static Json with_pod_monitor(const Json& endpoints) {
  Json document = document_of("target-not-discovered");
  Json& hpa = items(document, "hpas")[0];
  hpa["spec"]["metrics"] = Json::array({{{"type", "Pods"},
                                         {"pods",
                                          {{"metric", {{"name", "lab_value"}}},
                                           {"target", {{"type", "AverageValue"}, {"averageValue", "5"}}}}}}});
  hpa["spec"]["scaleTargetRef"]["name"] = "source";
  items(document, "servicemonitors") = Json::array();
  document["readings"]["podmonitors"]["value"]["items"] = Json::array(
      {{{"metadata", {{"name", "of-pods"}, {"namespace", "watch"}, {"labels", {{"release", "shop-stack"}}}}},
        {"spec",
         {{"selector", {{"matchLabels", {{"app", "source"}}}}},
          {"namespaceSelector", {{"matchNames", Json::array({"shop"})}}},
          {"podMetricsEndpoints", endpoints}}}}});
  return document;
}

TEST_CASE("A PodMonitor's second endpoint is corrected where it stands") {
  Json document = with_pod_monitor(Json::array({{{"port", "metrics-of-a-sidecar"}}, {{"port", "status"}}}));
  Fix fix = fix_of(document, "monitor-port-name");
  CHECK(fix.object.resource == "podmonitor");
  Json& monitor = items(document, "podmonitors")[0];
  Json after = monitor.patch(fix.body);
  CHECK(after["spec"]["podMetricsEndpoints"][0]["port"] == "metrics-of-a-sidecar");
  CHECK(after["spec"]["podMetricsEndpoints"][1]["port"] == "stats");
}

TEST_CASE("A rejected PodMonitor is looked at as a PodMonitor") {
  Json document = with_pod_monitor(Json::array({{{"port", "stats"}}}));
  items(document, "podmonitors")[0]["status"]["bindings"] = Json::array(
      {{{"conditions", Json::array({{{"type", "Accepted"}, {"status", "False"}, {"message", "bad"}}})}}});
  for (auto& [key, reading] : document["readings"].items()) {
    if (key.ends_with(" config")) reading["value"]["yaml"] = "scrape_configs: []\n";
  }
  Fix fix = fix_of(document, "monitor-rejected");
  CHECK(look_of(fix) == "kubectl get podmonitor of-pods -n watch -o yaml");
}

TEST_CASE("Of a Service's ports, only the one with a wrong targetPort is changed") {
  Json document = document_of("target-not-discovered");
  Json& service = item(document, "services", "object-value");
  service["spec"]["ports"] = Json::array({{{"name", "web"}, {"port", 80}, {"targetPort", 8080}},
                                          {{"name", "stats"}, {"port", 9113}, {"targetPort", 9999}}});
  for (auto& [key, reading] : document["readings"].items()) {
    if (key.ends_with(" targets"))
      reading["value"] = Json::array({{{"pool", "serviceMonitor/watch/object-value/0"},
                                       {"health", "down"},
                                       {"url", "http://10.0.0.1:9999/metrics"},
                                       {"lastError", "dial tcp 10.0.0.1:9999: connect: connection refused"},
                                       {"labels", {{"namespace", "shop"}, {"service", "object-value"}}}}});
  }
  Fix fix = fix_of(document, "service-target-port");
  Json after = service.patch(fix.body);
  CHECK(after["spec"]["ports"][0] == service["spec"]["ports"][0]);
  CHECK(after["spec"]["ports"][1]["targetPort"] == 9113);
  // The pods say 9999 themselves: then nothing is known that would help.
  for (Json& pod : items(document, "pods/shop")) {
    for (Json& container : pod["spec"]["containers"])
      container["ports"] = Json::array({{{"name", "stats"}, {"containerPort", 9999}}});
  }
  CHECK(fix_of(document, "service-target-port").kind == Fix::Kind::advice);
}

TEST_CASE("Prometheus gets one namespace more, not all of them") {
  Json document = document_of("target-not-discovered");
  Json& prometheus = item(document, "prometheuses", "k9");
  Json& monitor = item(document, "servicemonitors", "object-value");
  monitor["metadata"]["namespace"] = "shop";
  auto fix = [&] { return fix_of(document, "monitor-namespace-not-selected"); };
  // By labels: the namespace gets them.
  CHECK(fix().object.resource == "namespace");
  CHECK(fix().body == Json{{"metadata", {{"labels", {{"monitored", "yes"}}}}}});
  CHECK(says(fix().beyond, "every other ServiceMonitor"));
  // Not set: its own and this one.
  prometheus["spec"].erase("serviceMonitorNamespaceSelector");
  CHECK(fix().body["spec"]["serviceMonitorNamespaceSelector"]["matchExpressions"][0]["values"] ==
        Json{"watch", "shop"});
  // By names: one more, in the list that is there.
  prometheus["spec"]["serviceMonitorNamespaceSelector"] = {
      {"matchExpressions", Json::array({{{"key", "kubernetes.io/metadata.name"},
                                         {"operator", "In"},
                                         {"values", Json::array({"watch"})}}})}};
  Json after = prometheus.patch(fix().body);
  CHECK(after["spec"]["serviceMonitorNamespaceSelector"]["matchExpressions"][0]["values"] ==
        Json{"watch", "shop"});
  // By other expressions: somebody has to decide.
  prometheus["spec"]["serviceMonitorNamespaceSelector"] = {
      {"matchExpressions", Json::array({{{"key", "team"}, {"operator", "Exists"}}})}};
  CHECK(fix().kind == Fix::Kind::advice);
}

TEST_CASE("An HPA at its limit works as it is set: no command raises the limit") {
  Json document = document_of("healthy");
  Json& hpa = items(document, "hpas")[0];
  for (Json& c : hpa["status"]["conditions"]) {
    if (c["type"] == "ScalingLimited") c.update({{"status", "True"}, {"reason", "TooManyReplicas"}});
  }
  CHECK(fix_of(document, "at-max").kind == Fix::Kind::advice);
}

TEST_CASE("A label that another value has is replaced, and that is said") {
  Json document = document_of("target-not-discovered");
  Json& monitor = item(document, "servicemonitors", "object-value");
  monitor["metadata"]["labels"]["release"] = "other";
  Fix fix = fix_of(document, "monitor-not-selected");
  CHECK(fix.body == Json{{"metadata", {{"labels", {{"release", "shop-stack"}}}}}});
  CHECK(says(fix.beyond, "release=other"));
  item(document, "prometheuses", "k9")["spec"]["serviceMonitorSelector"]["matchExpressions"] =
      Json::array({{{"key", "team"}, {"operator", "Exists"}}});
  CHECK(fix_of(document, "monitor-not-selected").kind == Fix::Kind::advice);  // the labels alone would not do
}

TEST_CASE(
    "An argument of the adapter is replaced where it stands, with the container's name and the old one "
    "tested") {
  Json document = document_of("healthy");
  for (Json* container : {&item(document, "deployments/metrics-api",
                                "shop-adapter")["spec"]["template"]["spec"]["containers"][0],
                          &items(document, "pods/metrics-api")[0]["spec"]["containers"][0]}) {
    (*container)["args"][1] = "--prometheus-url=http://nobody.watch.svc:9191";
  }
  Fix fix = fix_of(document, "adapter-prometheus-url");
  Json& deployment = item(document, "deployments/metrics-api", "shop-adapter");
  Json after = deployment.patch(fix.body);
  CHECK(after["spec"]["template"]["spec"]["containers"][0]["args"][1] ==
        "--prometheus-url=http://prom-web.watch.svc:9191");
  Json moved = deployment;
  moved["spec"]["template"]["spec"]["containers"][0]["args"].insert(
      moved["spec"]["template"]["spec"]["containers"][0]["args"].begin(), "--v=4");
  CHECK_THROWS(moved.patch(fix.body));
}

TEST_CASE("Text from a cluster cannot escape its place in Markdown") {
  CHECK(markdown::text("a\n# b") == "a \\# b");
  CHECK(markdown::text("<script>|`x`") == "\\<script\\>\\|\\`x\\`");
  CHECK(markdown::text("lab_value of _x_") == "lab_value of \\_x\\_");
  CHECK(markdown::code("a\n```\n<b>") == "````a ``` <b>````");
  CHECK(markdown::code("`") == "`` ` ``");
  CHECK(markdown::code("") == "`  `");
  CHECK(markdown::block("echo '```'\n````", "sh") == "`````sh\necho '```'\n````\n`````\n");
  CHECK(markdown::block("a\r```", "sh") == "````sh\na ```\n````\n");
}
