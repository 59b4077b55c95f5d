#include "config/config.hpp"

#include <set>

#include <doctest/doctest.h>

#include "base/text.hpp"

using namespace hpawalk;
using namespace hpawalk::config;

static Result<Config> from_file(const std::string& text) {
  return Config::from({"hpawalk.yaml", text, {}, {}});
}

static std::string mistakes(const Sources& sources) {
  auto config = Config::from(sources);
  return config ? "none" : config.error().because;
}

TEST_CASE("Without any source every setting has its default, and every default is valid") {
  auto config = Config::from({});
  REQUIRE(config);
  for (const Setting& setting : settings()) {
    CHECK(config->origin(setting.path) == Origin::fallback);
    CHECK(config->where(setting.path).empty());
  }
  CHECK(config->text("prom-fake.metric") == "prom_fake_value");
  CHECK(config->number("hpa.max") == 10);
  CHECK(config->duration("servicemonitor.interval") == std::chrono::seconds(5));
  CHECK(config->labels("workload.labels") == std::map<std::string, std::string>{{"app", "nginx"}});
  CHECK(config->value("hpa.behavior").empty());
}

TEST_CASE("A flag wins over the environment, the environment over the file, the file over the default") {
  Sources sources{"my.yaml",
                  "hpa:\n  min: 2\n  max: 20\n  target: 5\n",
                  {{"HPAWALK_HPA_MAX", "30"}, {"HPAWALK_HPA_TARGET", "6"}},
                  {{"hpa.target", "7"}}};
  auto config = Config::from(sources);
  REQUIRE(config);
  CHECK(config->number("hpa.min") == 2);
  CHECK(config->number("hpa.max") == 30);
  CHECK(config->text("hpa.target") == "7");
  CHECK(config->where("hpa.min") == "my.yaml:2");
  CHECK(config->where("hpa.max") == "HPAWALK_HPA_MAX");
  CHECK(config->where("hpa.target") == "--hpa-target");
  CHECK(config->origin("hpa.name") == Origin::fallback);
}

TEST_CASE("All mistakes are reported at once, with file, line and the nearest right name") {
  auto config = from_file(
      "hpa:\n  mx: 3\n  min: many\nworkloud:\n  name: x\nprometheus:\n  version: 3.11\nnamespace: "
      "My_Space\n");
  REQUIRE_FALSE(config);
  CHECK(config.error().kind == ErrorClass::usage);
  CHECK(config.error().what == "The configuration has 5 errors");
  CHECK(config.error().because ==
        "hpawalk.yaml:2: unknown setting `hpa.mx`; did you mean `hpa.max`?\n"
        "hpawalk.yaml:3: `hpa.min` must be a whole number from 0 to 1000\n"
        "hpawalk.yaml:4: unknown setting `workloud`; did you mean `workload`?\n"
        "hpawalk.yaml:7: `prometheus.version` must be a string: put it in quotes (read as 3.11)\n"
        "hpawalk.yaml:8: `namespace` must be at most 63 lowercase letters, digits and '-', with a letter or "
        "digit at both ends");
}

TEST_CASE("0 replicas need KEDA, whose periods are whole seconds") {
  CHECK(mistakes({"f", "hpa: {min: 0}\n", {}, {}})
            .starts_with("f:1 (`hpa.min`): 0 replicas need `metrics: keda`"));
  CHECK(mistakes({"f", "metrics: keda\nhpa: {min: 0}\nkeda: {polling-interval: 5s}\n", {}, {}}) == "none");
  CHECK(mistakes({"f", "keda: {cooldown-period: 1500ms}\n", {}, {}}) ==
        "f:1 (`keda.cooldown-period`): 1500ms must be in whole seconds");
}

TEST_CASE("A file that is not YAML, or not a map, is a mistake with its place") {
  CHECK(mistakes({"f", "a: [", {}, {}}).starts_with("f: line "));
  CHECK(mistakes({"f", "- a\n", {}, {}}) ==
        "f: must be a map of settings (hpawalk config --example shows one)");
  CHECK(mistakes({"f", "hpa: 3\n", {}, {}}) == "f:1: `hpa` must be a map of settings");
  CHECK(mistakes({"f", "", {}, {}}) == "none");
  CHECK(mistakes({"f", "hpa:\n", {}, {}}) == "none");
}

TEST_CASE("Values are checked as Kubernetes and Prometheus check them") {
  struct Case {
    const char* path;
    std::vector<std::string> right, wrong;
  };
  const Case cases[] = {
      {"namespace", {"a", "a-1", std::string(63, 'a')}, {"", "A", "-a", "a.b", "a_b", std::string(64, 'a')}},
      {"hpa.name", {"a.b", "a-b.c"}, {"a..b", ".a", "A"}},
      {"workload.labels",
       {"{app: web}", "app=web,tier=x", "{example.com/a: ''}"},
       {"{app: 1}", "{'': a}", "{a/b/c: d}", "{app: 'a b'}", "[a]", "app=web,tier",
        "{app.kubernetes.io/part-of: me}", "{}"}},
      {"workload.image",
       {"nginx", "nginx:stable", "r.example.com:5000/a/b:v1", "a@sha256:" + std::string(64, '0')},
       {"", "Nginx", "a:", "a b", "a@sha256:12", "nginx:stable\n"}},
      {"hpa.max", {"1", "1000"}, {"0", "1001", "1.5", "ten", ""}},
      {"prom-fake.port", {"1", "65535"}, {"0", "65536", "web"}},
      {"prom-fake.port-name", {"web", "http-metrics"}, {"8080", "a--b", "averylongportname", "Web"}},
      {"servicemonitor.interval", {"5s", "0m30s", "500ms"}, {"", "5", "s", "5 s", "1.5s", "0s", "30s1m"}},
      {"prom-fake.metric", {"prom_fake_value", "_a", "A9"}, {"", "9a", "a-b", "a b", "a{b}"}},
      {"hpa.target", {"10", "500m", "2.5", "1k"}, {"0", "-1", "ten", "1Ki", "1e3", ""}},
      {"operator.version", {"0.92.1", "1.0.0-rc.1"}, {"v0.92.1", "0.92", "latest"}},
      {"cluster", {"local", "kind", "current"}, {"gke", "Local"}},
      {"prom-fake.service-type", {"ClusterIP", "NodePort"}, {"LoadBalancer", "ExternalName", ""}},
      {"prom-fake.service-annotations", {"{example.com/a: 'true'}", "{}"}, {"{a: true}", "{a: 1}", "[a]"}},
      {"pod-security", {"restricted", "baseline", "privileged"}, {"none", ""}},
      {"workload.security-context", {"{}", "{runAsUser: 1}"}, {"root", "[]"}},
      {"hpa.behavior", {"{scaleDown: {stabilizationWindowSeconds: 10}}", "{}"}, {"[1]", "fast", "{a: [}"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path);
    for (const std::string& text : c.right) {
      CAPTURE(text);
      CHECK(mistakes({"", "", {}, {{c.path, text}}}) == "none");
    }
    for (const std::string& text : c.wrong) {
      CAPTURE(text);
      CHECK(mistakes({"", "", {}, {{c.path, text}}}) != "none");
    }
  }
}

TEST_CASE("A load balancer requires the address ranges that may reach it") {
  auto balanced = [](const std::string& ranges) {
    return mistakes(
        {"", "", {}, {{"prom-fake.service-type", "LoadBalancer"}, {"prom-fake.source-ranges", ranges}}});
  };
  for (const char* right :
       {"0.0.0.0/0", "192.0.2.0/24, 2001:db8::/32", "[10.0.0.0/8]", "192.0.2.7/32", "::/0"}) {
    CAPTURE(right);
    CHECK(balanced(right) == "none");
  }
  for (const char* wrong : {"", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "10.0.0.0/08",
                            "10.0.0.0/8x", "any", "[1]", "[]"}) {
    CAPTURE(wrong);
    CHECK(balanced(wrong) != "none");
  }
  CHECK(mistakes({"f", "prom-fake:\n  service-type: LoadBalancer\n", {}, {}}) ==
        "f:2 (`prom-fake.service-type`): a LoadBalancer requires prom-fake.source-ranges: everybody who can "
        "reach its address can set the metric, and so scale the workload. Set the allowed ranges "
        "(--prom-fake-source-ranges 192.0.2.0/24; 0.0.0.0/0 is everybody), or use ClusterIP");
  CHECK(mistakes({"f", "prom-fake:\n  source-ranges: [10.0.0.0/8]\n", {}, {}}) ==
        "f:2 (`prom-fake.source-ranges`): source ranges require prom-fake.service-type LoadBalancer (it is "
        "ClusterIP)");
  CHECK(mistakes({"f", "prom-fake:\n  source-ranges: 10.0.0.0/8\n", {}, {}})
            .ends_with("must be a list of address ranges, like [192.0.2.0/24]"));
}

TEST_CASE("A workload that its own namespace would refuse is a mistake") {
  std::map<std::string, std::string> root = {{"namespace", "shop"}, {"workload.security-context", "{}"}};
  CHECK(mistakes({"", "", {}, root}) ==
        "--workload-security-context: namespace shop enforces Pod Security `restricted`, which also requires "
        "runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: "
        "{type: RuntimeDefault}; --pod-security baseline requires less");
  root["pod-security"] = "baseline";
  CHECK(mistakes({"", "", {}, root}) == "none");
}

TEST_CASE("Settings that contradict one another are mistakes, named where they were set") {
  CHECK(mistakes({"", "", {}, {{"hpa.min", "11"}}}) ==
        "--hpa-min: minimum 11 is greater than maximum 10 (--hpa-max)");
  CHECK(mistakes({"f", "adapter:\n  max-age: 5s\n", {}, {}})
            .starts_with("f:2 (`adapter.max-age`): 5s must be longer than the scrape"));
  CHECK(mistakes({"", "", {}, {{"workload.name", "prom-fake"}}}) != "none");
  CHECK(mistakes({"", "", {}, {{"workload.labels", "app=prom-fake"}}}) != "none");
  CHECK(mistakes({"", "", {}, {{"prom-fake.image", "Not An Image"}}}) != "none");
}

TEST_CASE("Naming a context means the current cluster, and contradicting that is a mistake") {
  auto named = Config::from({"", "", {}, {{"context", "prod"}}});
  REQUIRE(named);
  CHECK(named->text("cluster") == "current");
  CHECK(named->where("cluster") == "--context");
  CHECK(mistakes({"", "", {}, {{"context", "prod"}, {"cluster", "local"}}}) != "none");
  // The file says local, the flag is stronger.
  CHECK(Config::from({"f", "cluster: local\n", {}, {{"context", "prod"}}})->text("cluster") == "current");
  // A flag that says local is stronger than the file's context: contradiction, not a silent choice.
  CHECK(mistakes({"f", "context: prod\n", {}, {{"cluster", "local"}}}) != "none");
}

TEST_CASE("A misspelt variable is a mistake, an unrelated one is not") {
  CHECK(mistakes({"", "", {{"HPAWALK_HPA_MIM", "1"}}, {}}).find("did you mean HPAWALK_HPA_MIN?") !=
        std::string::npos);
  CHECK(mistakes({"", "", {{"HPAWALK_SOMETHING_ENTIRELY_DIFFERENT", "1"}}, {}}) == "none");
  CHECK(mistakes({"", "", {{"HPAWALK_HPA_MIN", ""}}, {}}) == "none");
}

TEST_CASE("Names of flags and variables follow from the path, and none is taken twice") {
  std::set<std::string> flags, variables;
  for (const Setting& setting : settings()) {
    CHECK(flags.insert(flag_name(setting)).second);
    CHECK(variables.insert(environment_name(setting)).second);
    CHECK_FALSE(setting.help.empty());
  }
  CHECK(flag_name(*find_setting("prom-fake.port-name")) == "--prom-fake-port-name");
  CHECK(environment_name(*find_setting("prom-fake.port-name")) == "HPAWALK_PROM_FAKE_PORT_NAME");
}

TEST_CASE("The example file says what the defaults are, whether its lines are active or not") {
  std::string example = example_file();
  CHECK(from_file(example));
  std::string active;
  for (const std::string& line : text::lines(example)) {
    std::string trimmed(text::trim(line));
    bool commented = trimmed.starts_with("#") && !trimmed.starts_with("# ");
    size_t mark = line.find('#');
    active += (commented ? line.substr(0, mark) + line.substr(mark + 1) : line) + "\n";
  }
  auto config = from_file(active);
  REQUIRE(config);
  auto defaults = Config::from({});
  for (const Setting& setting : settings()) {
    CAPTURE(setting.path);
    CHECK(config->value(setting.path) == defaults->value(setting.path));
    CHECK(config->origin(setting.path) == Origin::file);
  }
}

TEST_CASE("Durations and quantities become numbers") {
  CHECK(duration_ms("1m30s") == 90'000);
  CHECK(duration_ms("500ms") == 500);
  CHECK(duration_ms("1d") == 86'400'000);
  CHECK(quantity_milli("10") == 10'000);
  CHECK(quantity_milli("500m") == 500);
  CHECK(quantity_milli("2.5") == 2'500);
  CHECK(quantity_milli("1k") == 1'000'000);
}

TEST_CASE("A hint repeats the flags that said where to work, and no others") {
  Config config = Config::from({"other.yaml",
                                "hpa: {max: 5}\nnamespace: shop\n",
                                {},
                                {{"context", "my cluster"}, {"hpa.min", "2"}}})
                      .value();
  CHECK(config.again("up --only hpa") == "hpawalk up --only hpa --config=other.yaml '--context=my cluster'");
  CHECK(Config::from({})->again("down") == "hpawalk down");
}

TEST_CASE(
    "A file that was only found names no program, no cluster and nothing that is applied with all rights") {
  const std::string text =
      "tools: {kubectl: ./evil}\nkubeconfig: /k\ncontext: c\noperator: {bundle: b.yaml}\nadapter: {chart: "
      "oci://x}\nhpa: {max: 5}\n";
  auto config = Config::from({"hpawalk.yaml", text, {}, {}, false});
  REQUIRE_FALSE(config);
  CHECK(
      config.error().because ==
      "hpawalk.yaml:1: `tools.kubectl` is accepted only from a file that you name: --config hpawalk.yaml\n"
      "hpawalk.yaml:2: `kubeconfig` is accepted only from a file that you name: --config hpawalk.yaml\n"
      "hpawalk.yaml:3: `context` is accepted only from a file that you name: --config hpawalk.yaml\n"
      "hpawalk.yaml:4: `operator.bundle` is accepted only from a file that you name: --config hpawalk.yaml\n"
      "hpawalk.yaml:5: `adapter.chart` is accepted only from a file that you name: --config hpawalk.yaml");
  CHECK(Config::from({"hpawalk.yaml", text, {}, {}, true}));
  CHECK(Config::from({"hpawalk.yaml", "cluster: kind\nhpa: {max: 5}\n", {}, {}, false})
            .value()
            .number("hpa.max") == 5);
}
