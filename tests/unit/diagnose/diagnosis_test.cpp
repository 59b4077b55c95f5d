#include "diagnose/diagnosis.hpp"
#include "diagnose/readiness.hpp"
#include "diagnose/view.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "diagnose/causes.hpp"
#include "diagnose/readiness.hpp"
#include "diagnose/view.hpp"
#include "tests/fakes/golden.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using fakes::judged;
using fakes::judged_hpa;

static std::string content(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

static const std::filesystem::path root = std::filesystem::path(TESTS_FOLDER).parent_path();

static std::string cause_in_name(const std::filesystem::path& file) {
  std::string stem = file.stem().string();
  return stem.substr(0, stem.find('@'));
}

TEST_CASE("Ids of causes are lower-case words with dashes, and none is there twice") {
  std::set<std::string_view> ids;
  for (const Cause* c : causes()) {
    INFO(c->id);
    CHECK(ids.insert(c->id).second);
    CHECK(c->id.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string_view::npos);
    CHECK_FALSE((c->id.starts_with('-') || c->id.ends_with('-')));
    CHECK(find_cause(c->id) == c);
  }
  CHECK(find_cause("no-such-cause") == nullptr);
}

TEST_CASE("Every cause says what is seen, why, how it is detected and what to do, and cites no catalog") {
  for (const Cause* c : causes()) {
    INFO(c->id);
    for (std::string_view text : {c->symptom, c->reason, c->detection, c->fix}) {
      CHECK_FALSE(text.empty());
      CHECK(text.find('#') == std::string_view::npos);
    }
  }
}

TEST_CASE("Every cause is made by a real fault, except those that the local cluster cannot have") {
  const std::set<const Cause*> only_recorded = {
      &cause::prometheus_config_pending, &cause::adapter_rules_too_broad,
      &cause::apiserver_http_proxy,      &cause::adapter_mesh_sidecar,
      &cause::overlay_network,           &cause::empty_discovery,
      &cause::waiting_for_sync,          &cause::hpa_missing,
      &cause::monitor_other_group,       &cause::keda_pod_identity};
  std::string faults = content(root / "tests" / "cluster" / "faults" / "faults.py") +
                       content(root / "tests" / "cluster" / "keda.sh");
  for (const Cause* c : causes()) {
    bool real = faults.find(fmt::format("\"{}\"", c->id)) != std::string::npos;
    CHECK_MESSAGE((real || only_recorded.contains(c)), c->id);
  }
}

TEST_CASE("docs/causes.md is up to date") {
  CHECK(fakes::golden_difference("../../docs/causes.md", causes_page()) == "");
}

static const Json& healthy() {
  static const Json base = fakes::facts_document(root / "tests" / "facts" / "healthy.json");
  return base;
}

// Of a file, which several tests look at.
static const HpaDiagnosis& judged_file(const std::filesystem::path& file) {
  static std::map<std::filesystem::path, HpaDiagnosis> all;
  auto found = all.find(file);
  if (found == all.end()) found = all.emplace(file, judged_hpa(fakes::facts_of(file))).first;
  return found->second;
}

// What is told first, by cause: the first broken link of each metric; where nothing is broken, all that there
// is to say.
static std::map<std::string, Finding> told_first(const std::filesystem::path& file) {
  const HpaDiagnosis& hpa = judged_file(file);
  std::map<std::string, Finding> told;
  for (const ChainDiagnosis& chain : hpa.chains) {
    if (const Finding* first = chain.first_broken()) told.emplace(first->cause, *first);
  }
  if (!told.empty()) return told;
  for (const ChainDiagnosis& chain : hpa.chains) {
    for (const Finding& f : chain.findings) told.emplace(f.cause, f);
  }
  return told;
}

TEST_CASE("up and status wait for what diagnose calls ok: on all facts the two never contradict each other") {
  size_t hpas = 0, services = 0;
  for (const std::filesystem::path& file : fakes::facts_files()) {
    INFO(file.string());
    const Facts& facts = fakes::facts_of(file);
    const HpaDiagnosis& diagnosis = judged_file(file);
    auto mark = [&](Link link) { return diagnosis.chains[0].links[static_cast<size_t>(link)].mark; };
    for (const Json* hpa : facts.items("hpas", diagnosis.space)) {
      if (name_of(*hpa) != diagnosis.name || diagnosis.chains.size() > 1) continue;
      bool blamed =
          std::any_of(diagnosis.chains[0].findings.begin(), diagnosis.chains[0].findings.end(),
                      [](const Finding& f) { return f.link == Link::hpa && f.severity == Mark::broken; });
      bool looked = !condition(*hpa, "ScalingActive").is_null();
      bool changeable =
          text_at(condition(*hpa, "AbleToScale"), "status") == "True";  // else it is the target's
      hpas += looked;
      if (hpa_active(*hpa).ready && !blamed)
        CHECK((mark(Link::hpa) == Mark::ok || mark(Link::hpa) == Mark::note));
      if (!hpa_active(*hpa).ready && looked && changeable) CHECK(mark(Link::hpa) != Mark::ok);
    }
    for (const Json* service : facts.items("apiservices", "")) {
      if (!api_service_available(*service).ready) continue;
      ++services;
      bool of_chain = mark(Link::api_service) == Mark::ok;
      std::string text = diagnosis.chains[0].links[static_cast<size_t>(Link::api_service)].text;
      if (of_chain && text.starts_with(name_of(*service)))
        CHECK(text == api_service_available(*service).text);
    }
  }
  CHECK(hpas > 100);
  CHECK(services > 100);
}

TEST_CASE("Each facts file is judged as its name says") {
  size_t count = 0;
  for (const std::filesystem::path& file : fakes::facts_files()) {
    std::string cause = cause_in_name(file);
    INFO(file.string());
    ++count;
    const ChainDiagnosis& chain = judged_file(file).chains[0];
    if (cause == "healthy") {
      CHECK(chain.verdict() == Mark::ok);
      continue;
    }
    if (cause == "unknown") {
      CHECK(chain.verdict() == Mark::unknown);
      continue;
    }
    if (cause == "unseen-monitor") {
      const LinkState& monitor = chain.links[static_cast<size_t>(Link::monitor)];
      CHECK(monitor.mark == Mark::unknown);
      CHECK(monitor.text.find("not allowed to list") != std::string::npos);
      CHECK(chain.first_broken() == nullptr);
      continue;
    }
    std::map<std::string, Finding> told = told_first(file);
    REQUIRE(told.contains(cause));
    CHECK_FALSE(told.at(cause).evidence.empty());
    CHECK_FALSE(told.at(cause).sentence.empty());
  }
  CHECK(count > 30);
}

TEST_CASE("Every cause is named by the rules from at least one facts file") {
  std::set<std::string> named;
  for (const std::filesystem::path& file : fakes::facts_files()) {
    for (const auto& [cause, finding] : told_first(file)) named.insert(cause);
  }
  for (const Cause* c : causes()) CHECK_MESSAGE(named.contains(std::string(c->id)), c->id);
  for (const std::string& id : named) CHECK_MESSAGE(find_cause(id) != nullptr, id);
}

// Every reading of the document in turn could not be read.
static void refuse_each(const std::string& file,
                        const std::function<void(const std::string& key, const ChainDiagnosis&)>& check) {
  Facts facts = fakes::facts_of(root / "tests" / "facts" / file);
  for (auto& [key, reading] : facts.readings) {
    if (key == "hpas") continue;  // without these nothing is judged at all
    Reading read = std::exchange(reading, {reading.path, "kube-forbidden", "no", "read " + key, {}, 0});
    check(key, judged_hpa(facts).chains[0]);
    reading = std::move(read);
  }
}

TEST_CASE("No reading that is refused makes a healthy chain look broken") {
  refuse_each("healthy.json", [&](const std::string& key, const ChainDiagnosis& chain) {
    INFO(key);
    const Finding* first = chain.first_broken();
    CHECK_MESSAGE(first == nullptr, (first == nullptr ? "" : first->cause + ": " + first->sentence));
    CHECK(chain.verdict() != Mark::broken);
  });
}

TEST_CASE("A forbidden reading never leads to a certain cause or to a check that is ok") {
  const ChainDiagnosis& whole =
      judged_file(root / "tests" / "facts" / "target-not-discovered.json").chains[0];
  refuse_each("target-not-discovered.json", [&](const std::string& key, const ChainDiagnosis& chain) {
    INFO(key);
    for (const Finding& f : chain.findings) {
      bool known = std::any_of(whole.findings.begin(), whole.findings.end(),
                               [&](const Finding& w) { return w.cause == f.cause; });
      CHECK_MESSAGE((known || f.severity != Mark::broken || f.certainty != Certainty::certain),
                    f.cause << ": " << f.sentence);
    }
    for (const LinkState& link : whole.links) {
      bool was_fine = link.mark == Mark::ok || link.mark == Mark::note;
      bool is_ok = chain.links[static_cast<size_t>(link.link)].mark == Mark::ok;
      CHECK_MESSAGE((was_fine || !is_ok), name_of(link.link));
    }
  });
}

static const Finding& finding(const ChainDiagnosis& chain, const Cause& cause) {
  auto found = std::find_if(chain.findings.begin(), chain.findings.end(),
                            [&](const Finding& f) { return f.cause == cause.id; });
  REQUIRE(found != chain.findings.end());
  return *found;
}

static bool mentions(const Finding& f, const std::string& part) {
  std::string all = f.sentence + "\n" + text_of(f.fix);
  for (const std::string& e : f.evidence) all += "\n" + e;
  return all.find(part) != std::string::npos;
}

// healthy.json, waiting out its window; `controller`: the reading of the controller manager's pods.
static Json stabilized(const Json& controller) {
  Json document = healthy();
  Json& status = document["readings"]["hpas"]["value"]["items"][0]["status"];
  for (Json& c : status["conditions"]) {
    if (c["type"] == "AbleToScale") c["reason"] = "ScaleDownStabilized";
  }
  status["currentReplicas"] = status["desiredReplicas"] = 4;
  document["readings"]["controller"] = controller;
  return document;
}

TEST_CASE("The window is the HPA's own, the controller's flag, or the default, which is said to be assumed") {
  Json pod = {
      {"spec",
       {{"containers",
         {{{"command",
            {"kube-controller-manager", "--horizontal-pod-autoscaler-downscale-stabilization=1m"}}}}}}}};
  Json known = stabilized({{"path", "/pods"}, {"value", {{"items", {pod}}}}});
  ChainDiagnosis chain = judged(known);
  CHECK(mentions(finding(chain, cause::stabilization), "window of 60s"));
  CHECK(mentions(finding(chain, cause::stabilization),
                 "--horizontal-pod-autoscaler-downscale-stabilization is 60s"));
  CHECK_FALSE(mentions(finding(chain, cause::stabilization), "assumed"));

  Json refused = {
      {"path", "/pods"},
      {"error",
       {{"id", "kube-forbidden"}, {"message", "no"}, {"right", "list pods in namespace kube-system"}}}};
  chain = judged(stabilized(refused));
  CHECK(mentions(finding(chain, cause::stabilization), "window of 300s (assumed from Kubernetes' default"));
  CHECK(mentions(finding(chain, cause::stabilization), "not allowed to list pods in namespace kube-system"));

  known["readings"]["hpas"]["value"]["items"][0]["spec"]["behavior"]["scaleDown"]
       ["stabilizationWindowSeconds"] = 20;
  chain = judged(known);
  CHECK(mentions(finding(chain, cause::stabilization), "window of 20s"));

  known["readings"]["hpas"]["value"]["items"][0]["status"]["currentReplicas"] = 1;  // minReplicas
  chain = judged(known);
  CHECK(std::none_of(chain.findings.begin(), chain.findings.end(),
                     [](const Finding& f) { return f.cause == cause::stabilization.id; }));
}

TEST_CASE("A source without pods: the advice is about its workload, not about the Service's selector") {
  auto advice = [](const std::string& file) {
    return judged(fakes::facts_document(root / "tests" / "facts" / file));
  };
  ChainDiagnosis scaled = advice("source-without-pods.json");
  CHECK(mentions(finding(scaled, cause::source_without_pods), "Deployment source is scaled to 0"));
  CHECK(mentions(finding(scaled, cause::source_without_pods),
                 "kubectl scale deployment source -n shop --replicas=1"));
  ChainDiagnosis quota = advice("source-without-pods@quota.json");
  CHECK(mentions(finding(quota, cause::source_without_pods),
                 "desires 1 pod, but none exists: pods \"source-5f6b\" is forbidden: exceeded quota"));
  ChainDiagnosis rollout = advice("source-without-pods@rollout.json");
  CHECK(mentions(finding(rollout, cause::source_without_pods),
                 "kubectl scale rollouts.argoproj.io source -n shop --replicas=1"));
  // An older ReplicaSet whose pods would match, but its Rollout wants others: then it is the selector.
  Json relabelled = fakes::facts_document(root / "tests" / "facts" / "source-without-pods@rollout.json");
  Json& sets = relabelled["readings"]["replicasets/shop"]["value"]["items"];
  Json newer = sets.back();
  newer["spec"]["replicas"] = 1;
  newer["spec"]["template"]["metadata"]["labels"]["app"] = "sauce";
  sets.push_back(newer);
  CHECK(finding(judged(relabelled), cause::service_selects_no_pod).certainty == Certainty::certain);
  // What may not be listed could be the workload.
  Json hidden = fakes::facts_document(root / "tests" / "facts" / "source-without-pods.json");
  for (const char* kind : {"deployments/shop", "replicasets/shop"})
    hidden["readings"][kind] = {
        {"path", "/x"}, {"error", {{"id", "kube-forbidden"}, {"message", "no"}, {"right", "list those"}}}};
  ChainDiagnosis unseen = judged(hidden);
  CHECK(finding(unseen, cause::service_selects_no_pod).certainty == Certainty::likely);
}

TEST_CASE("Facts survive saving, and other files are refused with a reason") {
  Facts facts;
  facts.readings["pods/web"] =
      Reading{"/api/v1/namespaces/web/pods", "kube-forbidden", "no", "list pods in namespace web", {}, 0};
  facts.readings["hpas"] = Reading{"/apis/x", {}, {}, {}, {{"items", Json::array()}}, 3};
  Result<Facts> back = facts_from(to_json(facts).dump());
  REQUIRE(back);
  CHECK(to_json(*back) == to_json(facts));
  CHECK(facts_from("hello").error().because.starts_with("invalid JSON"));
  CHECK(facts_from("{}").error().kind == ErrorClass::usage);
}
