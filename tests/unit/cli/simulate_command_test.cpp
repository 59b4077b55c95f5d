// The simulate and tune commands, from their arguments to their output.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "cli/html_report.hpp"
#include "cli/run.hpp"
#include "hpasim/tune.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/walkthrough_hpa.hpp"

using namespace hpawalk;
using namespace hpawalk::cli;
using namespace hpawalk::hpasim;

namespace {

using Sequence = std::vector<std::int32_t>;

struct Ran {
  int code;
  std::string out, err;
};

Ran run_hpawalk(std::vector<std::string> args, const std::map<std::string, std::string>& files = {}) {
  fakes::FakeWorld world;
  world.files.content["hpa.yaml"] = std::string(fakes::walkthrough_hpa);
  for (const auto& [name, text] : files) world.files.content[name] = text;
  args.insert(args.begin(), "hpawalk");
  int code = run(args, world.world);
  return {code, world.terminal.output, world.terminal.errors};
}

}  // namespace

TEST_CASE("simulate shows a plot, every change and the figures") {
  Ran ran = run_hpawalk({"simulate", "--hpa", "hpa.yaml", "--profile", "step 5..50 at 1m for 5m"});
  CHECK(ran.code == 0);
  for (std::string_view part : {"load, up to 50", "1 -> 4", "8 -> 10", "limited by maxReplicas 10",
                                "pod-hours", "!  fewer ready pods"})
    CHECK_MESSAGE(ran.out.find(part) != std::string::npos, ran.out);
  for (char c : ran.out) REQUIRE(static_cast<unsigned char>(c) < 0x80);  // no UTF-8 locale: plain
}

TEST_CASE("simulate --set shows the HPA without and with it, side by side") {
  Ran ran = run_hpawalk({"simulate", "--hpa", "hpa.yaml", "--profile", "step 5..50 at 1m for 5m", "--set",
                         "spec.behavior={}", "-o", "json", "--runs", "20"});
  REQUIRE(ran.code == 0);
  auto json = nlohmann::json::parse(ran.out);
  CHECK(json["variants"][0]["sequence"] == Sequence{1, 4, 8, 10});
  CHECK(json["variants"][1]["sequence"] == Sequence{1, 5, 10});
  CHECK(json["variants"][1]["changes"][0]["rule"] == "metric");
  CHECK(json["variants"][0]["runs"]["count"] == 20);
  Ran text = run_hpawalk(
      {"simulate", "--hpa", "hpa.yaml", "--profile", "step 5..50 at 1m for 5m", "--set", "spec.behavior={}"});
  CHECK(text.out.find("current settings  what if") != std::string::npos);
}

TEST_CASE("simulate gives CSV of every sync, and takes CSV") {
  Ran ran =
      run_hpawalk({"simulate", "--hpa", "hpa.yaml", "--profile", "load.csv", "-o", "csv", "--duration", "2m"},
                  {{"load.csv", "0,5\n60,50\n120,50\n"}});
  REQUIRE(ran.code == 0);
  CHECK(ran.out.starts_with("variant,seconds,load,replicas,ready,proposed,rule\n"));
  CHECK(std::count(ran.out.begin(), ran.out.end(), '\n') == 9);  // a header, and from 0 on a sync every 15s
}

TEST_CASE("Of a file with several HPAs, each is simulated, or the one that is named") {
  auto hpa = [](const std::string& space, int most) {
    return fmt::format(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web, namespace: {}}}\n"
        "spec:\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n"
        "  maxReplicas: {}\n---\n",
        space, most);
  };
  const std::map<std::string, std::string> files = {{"hpas.yaml", hpa("prod", 99) + hpa("staging", 10)},
                                                    {"/dev/stdin", hpa("prod", 99)}};
  auto simulate = [&](const std::string& name, std::vector<std::string> more) {
    more.insert(more.begin(), {"simulate", "--hpa", name, "--profile", "hold 5 for 1m"});
    return run_hpawalk(more, files);
  };
  Ran each = simulate("hpas.yaml", {});
  CHECK_MESSAGE(each.code == 0, each.err);
  CHECK(each.out.find("1 to 99 replicas") < each.out.find("1 to 10 replicas"));
  CHECK(nlohmann::json::parse(simulate("hpas.yaml", {"-o", "json"}).out)["simulations"].size() == 2);
  CHECK(simulate("hpas.yaml#staging/web", {}).out.find("1 to 10 replicas") != std::string::npos);
  CHECK(simulate("-", {}).out.find("1 to 99 replicas") != std::string::npos);
  CHECK(simulate("hpas.yaml", {"-o", "csv"}).code == 2);
  CHECK(simulate("hpas.yaml#web", {}).err.find("[hpa-ambiguous]") != std::string::npos);
}

TEST_CASE("What a file of an older version means is said") {
  const std::string old =
      "apiVersion: autoscaling/v2beta1\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec:\n"
      "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 10\n"
      "  metrics:\n  - {type: External, external: {metricName: queue, targetAverageValue: 5}}\n";
  Ran ran =
      run_hpawalk({"simulate", "--hpa", "old.yaml", "--profile", "hold 50 for 1m"}, {{"old.yaml", old}});
  CHECK_MESSAGE(ran.code == 0, ran.err);
  CHECK(ran.out.find("queue (external)") != std::string::npos);
  CHECK(ran.out.find("autoscaling/v2beta1 is not served since Kubernetes 1.25") != std::string::npos);
}

TEST_CASE("simulate tells what is wrong with its arguments and exits with 2") {
  for (const auto& [args, id] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--hpa", "hpa.yaml"}, "[profile]"},
           {{"--hpa", "hpa.yaml", "--profile", "setp 1..2"}, "Did you mean step"},
           {{"--hpa", "hpa.yaml", "--profile", "hold 1", "--set", "spec.maxReplica=3"},
            "did you mean maxReplicas?"},
           {{"--hpa", "hpa.yaml", "--profile", "hold 1", "--set", "spec.maxReplicas"}, "[set-path]"},
           {{"--hpa", "hpa.yaml", "--profile", "hold 1", "--kube-version", "latest"}, "[kube-version]"},
           {{"--hpa", "hpa.yaml", "--profile", "hold 1", "--profile", "hold 2"},
            "2 profiles given for 1 metrics"}}) {
    std::vector<std::string> all = {"simulate"};
    all.insert(all.end(), args.begin(), args.end());
    Ran ran = run_hpawalk(all);
    CHECK(ran.code == 2);
    CHECK_MESSAGE(ran.err.find(id) != std::string::npos, ran.err);
  }
}

TEST_CASE("The HTML report stands by itself and has a text for every picture") {
  fakes::FakeWorld world;
  world.files.content["hpa.yaml"] = std::string(fakes::walkthrough_hpa);
  REQUIRE(run({"hpawalk", "simulate", "--hpa", "hpa.yaml", "--profile", "step 5..50 at 1m for 5m", "--report",
               "out.html"},
              world.world) == 0);
  const std::string& html = world.files.content["out.html"];
  CHECK(html.find("<title>What the HPA nginx does</title>") != std::string::npos);
  for (std::string_view outside : {"http://", "https://", "<script", "@import", "url("})
    CHECK(html.find(outside) == std::string::npos);
  auto count = [&](std::string_view what) {
    int n = 0;
    for (std::size_t at = html.find(what); at != std::string::npos; at = html.find(what, at + 1)) ++n;
    return n;
  };
  CHECK(count("role=\"img\"") == 2);
  CHECK(count("<desc ") == 2);
  CHECK(html::escape("<a href=\"x\">&") == "&lt;a href=&quot;x&quot;&gt;&amp;");
}

TEST_CASE("A chart of any number ends, with a few marks on each axis") {
  for (double value : {1.79e308, 1e300, 5e-324, 1e-310, 0.0, 1.0}) {
    for (double duration : {1e-300, 60.0, 3e7, 1e15}) {
      html::Report report;
      html::Chart chart;
      chart.duration = duration;
      chart.series = {{"load", {{0, value}, {duration, value / 2}}}};
      report.charts = {chart};
      std::string page = html::render(report);
      CHECK(page.size() < 100'000);
      CHECK(page.find("nan") == std::string::npos);
    }
  }
}

TEST_CASE("tune shows the trade-off and writes YAML that simulate reads") {
  Ran ran = run_hpawalk(
      {"tune", "--hpa", "hpa.yaml", "--profile", "step 5..50 at 1m for 10m", "--candidates", "40"});
  CHECK_MESSAGE(ran.code == 0, ran.err);
  CHECK(ran.out.find("X chosen, O current settings") != std::string::npos);
  CHECK(find_hpa(ran.out.substr(ran.out.find("apiVersion:"))));
  Ran missed = run_hpawalk({"tune", "--hpa", "hpa.yaml", "--profile", "step 5..500 at 1m for 10m",
                            "--candidates", "20", "--goal", "short <= 1s"});
  CHECK(missed.code == 1);
  CHECK(missed.err.find("[goal-missed]") != std::string::npos);
}

TEST_CASE("One run of many can be repeated by its seed, with the noise of its load") {
  Ran many =
      run_hpawalk({"simulate", "--hpa", "hpa.yaml", "--profile", "sine 5..60 every 4m for 12m noise=20%",
                   "--seed", "7", "--runs", "40", "-o", "json"});
  REQUIRE(many.code == 0);
  auto outcome = nlohmann::json::parse(many.out)["variants"][0]["runs"]["outcomes"][0];
  Ran again =
      run_hpawalk({"simulate", "--hpa", "hpa.yaml", "--profile", "sine 5..60 every 4m for 12m noise=20%",
                   "--seed", std::to_string(outcome["seed"].get<std::uint64_t>()), "-o", "json"});
  CHECK(nlohmann::json::parse(again.out)["variants"][0]["sequence"] == outcome["sequence"]);
}

namespace {

// The answer of a Prometheus at a URL; the range's end is the fake clock's time.
Ran from_prometheus(const std::string& answer, std::vector<std::string> more = {}) {
  fakes::FakeWorld world;
  world.files.content["hpa.yaml"] = std::string(fakes::walkthrough_hpa);
  world.http.expect(
      "GET http://prom:9090/api/v1/query_range?query=sum%28load%29&start=1799999400&end=1800000000&step=5",
      {200, answer});
  std::vector<std::string> args = {"hpawalk",   "simulate", "--hpa", "hpa.yaml",     "--from-prometheus",
                                   "sum(load)", "--last",   "10m",   "--prometheus", "http://prom:9090"};
  args.insert(args.end(), more.begin(), more.end());
  int code = run(args, world.world);
  return {code, world.terminal.output, world.terminal.errors};
}

std::string matrix(const std::string& series) {
  return R"({"status":"success","data":{"resultType":"matrix","result":[)" + series + "]}}";
}

}  // namespace

TEST_CASE("A metric that Prometheus recorded is a load") {
  Ran ran = from_prometheus(
      matrix(
          R"({"metric":{},"values":[[1799999400,"5"],[1799999500,"NaN"],[1799999520,"50"],[1800000000,"50"]]})"),
      {"-o", "json"});
  REQUIRE_MESSAGE(ran.code == 0, ran.err);
  auto json = nlohmann::json::parse(ran.out);
  CHECK(json["durationSeconds"] == 600);
  CHECK(json["variants"][0]["sequence"] == Sequence{1, 4, 8, 10});
  CHECK(json["notes"].empty());
  Ran part = from_prometheus(matrix(R"({"metric":{},"values":[[1799999800,"5"],[1800000000,"5"]]})"));
  CHECK(part.out.find("Prometheus has only 3:20 of the last 10m of this query.") != std::string::npos);
}

TEST_CASE("A recorded metric that cannot be a load is refused with what to do") {
  Ran two = from_prometheus(
      matrix(R"({"metric":{"pod":"a"},"values":[[1,"5"]]},{"metric":{"pod":"b"},"values":[[1,"5"]]})"));
  CHECK(two.code == 1);
  CHECK(two.err.find("sum(...)") != std::string::npos);
  CHECK(from_prometheus(matrix("")).err.find("returned 0 series") != std::string::npos);
  CHECK(from_prometheus(matrix(R"({"metric":{},"values":[[1799999400,"NaN"]]})")).err.find("has no values") !=
        std::string::npos);
  CHECK(from_prometheus(matrix(R"({"metric":{},"values":[[1799999400,"-3"],[1800000000,"1"]]})"))
            .err.find("clamp_min") != std::string::npos);
  CHECK(from_prometheus(R"({"status":"error","errorType":"bad_data","error":"parse error"})")
            .err.find("bad_data: parse error") != std::string::npos);
  for (std::vector<std::string> args : {std::vector<std::string>{"--last", "10m", "--step", "1ms"},
                                        {"--last", "1h", "--prometheus", "prom"},
                                        {"--last", "x"}}) {
    args.insert(args.begin(), {"simulate", "--hpa", "hpa.yaml", "--from-prometheus", "up"});
    CHECK(run_hpawalk(args).code == 2);
  }
}

TEST_CASE(
    "A Prometheus that refuses the credentials is an error that names the options, in simulate and tune") {
  for (const char* command : {"simulate", "tune"}) {
    fakes::FakeWorld world;
    world.files.content["hpa.yaml"] = std::string(fakes::walkthrough_hpa);
    world.http.expect(
        "GET http://prom:9090/api/v1/query_range?query=up&start=1799999400&end=1800000000&step=5",
        {401, "no tenant"});
    CHECK(run({"hpawalk", command, "--hpa", "hpa.yaml", "--from-prometheus", "up", "--last", "10m",
               "--prometheus", "http://prom:9090"},
              world.world) == 1);
    for (const char* part : {"[prometheus-login]", "HTTP 401: no tenant", "--prometheus-token-file"})
      CHECK_MESSAGE(world.terminal.errors.find(part) != std::string::npos, world.terminal.errors);
  }
  Ran nowhere = run_hpawalk({"simulate", "--hpa", "hpa.yaml", "--from-prometheus", "up",
                             "--prometheus-header", "X-Scope-OrgID: shop"});
  CHECK(nowhere.code == 2);
  CHECK(nowhere.err.find("[prometheus-login]") != std::string::npos);
}

namespace {

const char* two_hpas = R"(
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 10
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: keen, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: keen}
  maxReplicas: 10
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
  behavior: {scaleUp: {tolerance: "0.5"}}
)";

Ran upgrade(std::vector<std::string> more) {
  std::vector<std::string> args = {"simulate", "--upgrade-to", "1.37"};
  args.insert(args.end(), more.begin(), more.end());
  return run_hpawalk(args, {{"two.yaml", two_hpas}});
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("How the load of a utilization is read is noted, and --pod-request makes it one of the resource") {
  auto noted = [](std::vector<std::string> more) {
    std::vector<std::string> args = {"simulate", "two.yaml#web", "--profile", "hold 4 for 10m", "-o", "json"};
    args.insert(args.end(), more.begin(), more.end());
    Ran ran = run_hpawalk(args, {{"two.yaml", two_hpas}});
    REQUIRE_MESSAGE(ran.code == 0, ran.err);
    return nlohmann::json::parse(ran.out);
  };
  auto percent = noted({});
  REQUIRE(percent["notes"].size() == 1);
  CHECK(has(percent["notes"][0],
            "The load of cpu is read as a percentage of a pod's request. For a load in "
            "cores, name the request"));
  CHECK(percent["variants"][0]["sequence"] == Sequence{1});
  auto cores = noted({"--pod-request", "500m"});
  CHECK(cores["notes"].empty());
  CHECK(cores["variants"][0]["sequence"] == Sequence{1, 4, 8, 10});
}

TEST_CASE("simulate --upgrade-to compares an HPA of a version that is gone, and says so") {
  std::string old = two_hpas;
  for (size_t at = 0; (at = old.find("autoscaling/v2\n", at)) != std::string::npos;)
    old.replace(at, 14, "autoscaling/v2beta2");
  Ran ran = run_hpawalk({"simulate", "--upgrade-to", "1.37", "--hpa", "old.yaml", "--kube-version", "1.34"},
                        {{"old.yaml", old}});
  CHECK_MESSAGE(ran.code == 0, ran.err);
  CHECK(has(ran.out, "shop/web\n  - version-gone: autoscaling/v2beta2 is not served since Kubernetes 1.26"));
  CHECK(has(ran.out, "tolerance: spec.behavior.scaleUp.tolerance"));
}

TEST_CASE("simulate --upgrade-to names what changes for each HPA of a file, and counts the others") {
  Ran ran = upgrade({"--hpa", "two.yaml", "--kube-version", "1.34"});
  CHECK_MESSAGE(ran.code == 0, ran.err);
  CHECK(has(ran.out, "shop/keen\n  - tolerance: spec.behavior.scaleUp.tolerance: Kubernetes 1.34 drops"));
  CHECK_FALSE(has(ran.out, "shop/web"));
  CHECK(has(ran.out, "Nothing changes for 1 other HPA."));
  CHECK(has(ran.out, "syncs at once in Kubernetes 1.37"));
  Ran json = upgrade({"two.yaml", "--kube-version", "1.34", "-o", "json"});
  REQUIRE(json.code == 0);
  auto read = nlohmann::json::parse(json.out);
  CHECK(read["from"] == "1.34");
  CHECK(read["to"] == "1.37");
  CHECK(read["unchanged"] == 1);
  CHECK(read["everyHpa"][0]["id"] == "first-sync");
  REQUIRE(read["hpas"].size() == 1);
  CHECK(read["hpas"][0]["name"] == "keen");
  CHECK(read["hpas"][0]["changes"][0]["id"] == "tolerance");
}

TEST_CASE("simulate --upgrade-to says in one line that nothing changes") {
  Ran ran = run_hpawalk({"simulate", "--upgrade-to", "1.36", "--hpa", "two.yaml", "--kube-version", "1.35"},
                        {{"two.yaml", two_hpas}});
  CHECK(ran.code == 0);
  CHECK(ran.out == "Nothing changes for 2 HPAs from Kubernetes 1.35 to 1.36.\n");
}

TEST_CASE("simulate --upgrade-to shows the replicas under a load where they differ") {
  const std::vector<std::string> load = {"--kube-version", "1.34", "--profile", "step 70..100 at 1m for 5m"};
  std::vector<std::string> args = {"two.yaml#keen"};
  args.insert(args.end(), load.begin(), load.end());
  Ran ran = upgrade(args);
  CHECK_MESSAGE(ran.code == 0, ran.err);
  CHECK(has(ran.out, "Replicas under the load step 70..100 at 1m for 5m:"));
  CHECK(has(ran.out, "Kubernetes 1.34  1 -> 2"));
  CHECK(has(ran.out, "Kubernetes 1.37  1\n"));
  args.insert(args.end(), {"-o", "json"});
  auto json = nlohmann::json::parse(upgrade(args).out);
  CHECK(json["hpas"][0]["simulation"]["differs"] == true);
  CHECK(json["hpas"][0]["simulation"]["before"]["sequence"] == Sequence{1, 2});
  CHECK(json["hpas"][0]["simulation"]["after"]["sequence"] == Sequence{1});
  args[0] = "two.yaml";
  args[4] = "hold 70 for 5m";
  args.resize(5);
  Ran same = upgrade(args);
  CHECK(has(same.out, "Under the load, the replicas of 1 changed HPA are the same in both versions."));
  CHECK(has(same.out, "Nothing changes for 1 other HPA."));
}

TEST_CASE("simulate --upgrade-to tells what is wrong with its arguments and exits with 2") {
  for (const auto& [args, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"--hpa", "two.yaml"}, "Name the version with --kube-version"},
           {{"--hpa", "two.yaml", "--kube-version", "1.99"}, "not known to this hpawalk"},
           {{"--hpa", "two.yaml#wbe", "--kube-version", "1.36"}, "Did you mean web?"},
           {{"--hpa", "two.yaml", "--kube-version", "1.36", "-o", "csv"}, "use -o json"},
           {{"--hpa", "two.yaml", "--kube-version", "1.36", "--runs", "5"}, "--runs"},
           {{"--hpa", "two.yaml", "-A"}, "excludes"},
           {{"-A", "-n", "shop"}, "excludes"}}) {
    Ran ran = upgrade(args);
    CAPTURE(part);
    CHECK(ran.code == 2);
    CHECK_MESSAGE(has(ran.err, part), ran.err);
  }
  Ran older =
      run_hpawalk({"simulate", "--upgrade-to", "1.30", "--hpa", "hpa.yaml", "--kube-version", "1.36"});
  CHECK(older.code == 2);
  CHECK(has(older.err, "Kubernetes 1.30 is older than 1.36"));
  Ran unknown = run_hpawalk({"simulate", "--upgrade-to", "1.99", "--hpa", "hpa.yaml"});
  CHECK(unknown.code == 2);
  CHECK(has(unknown.err, "--upgrade-to 1.37"));
  CHECK(run_hpawalk({"simulate", "-A", "--profile", "hold 1"}).code == 2);
  Ran nothing = run_hpawalk({"simulate", "--profile", "hold 1"});
  CHECK(nothing.code == 2);
  CHECK(has(nothing.err, "--hpa is required"));
}

TEST_CASE("An HPA that neither version takes is told, and the exit code says so") {
  std::string text = two_hpas;
  text.replace(text.find("cpu"), 3, "");
  Ran ran = run_hpawalk({"simulate", "--upgrade-to", "1.37", "two.yaml", "--kube-version", "1.34"},
                        {{"two.yaml", text}});
  CHECK(ran.code == 1);
  CHECK(has(ran.out, "shop/web\n  - not compared: The HorizontalPodAutoscaler web is not valid"));
  CHECK(has(ran.out, "shop/keen"));
  CHECK(has(ran.err, "1 of 2 HPAs could not be compared"));
}

TEST_CASE("The newest known version is the default, and minReplicas 0 comes back from 0 in it") {
  Ran ran = run_hpawalk({"simulate", "--hpa", "hpa.yaml", "--set", "spec.minReplicas=0", "--profile",
                         "hold 0 for 1m; hold 30 for 5m", "-o", "json"});
  REQUIRE_MESSAGE(ran.code == 0, ran.err);
  auto json = nlohmann::json::parse(ran.out);
  CHECK(json["kubernetes"] == "1.37");
  CHECK(json["variants"][1]["sequence"] == Sequence{0, 3, 6, 10});
}
