// HPAs with minReplicas 0: who scaled to 0, and what brings the workload back.
#include <doctest/doctest.h>

#include "diagnose/causes.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using namespace hpawalk::fakes;

namespace {

const std::string prom = "prom:watch/prom-web:9191 ";
const std::string id = std::string(cause::metric_gone_at_zero.id);

bool says(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

const LinkState& link(const ChainDiagnosis& chain, Link which) {
  return chain.links[static_cast<size_t>(which)];
}

Json& sample(Json& document) {
  return document["readings"][prom + "samples"]["value"][0];
}

bool named(const Json& document) {
  return find(judged(document), id) != nullptr;
}

Json external() {
  return {
      {"type", "External"},
      {"external", {{"metric", {{"name", "lab_queue"}}}, {"target", {{"type", "Value"}, {"value", "12"}}}}}};
}

}  // namespace

TEST_CASE("At 0 replicas by the HPA itself, nothing is broken, and it is said what scales up") {
  ChainDiagnosis chain = judged(document_of("healthy@scaled-to-zero"));
  CHECK(chain.verdict() == Mark::ok);
  CHECK(link(chain, Link::hpa).text ==
        "0 replicas: the HPA itself scaled to 0 (ScaledToZero); a value of lab_value above 0 scales up");
}

TEST_CASE("Up to 1.35 no condition says who scaled to 0, and the HPA scales up all the same") {
  Json document = document_of("healthy@scaled-to-zero");
  document["readings"]["version"]["value"]["gitVersion"] = "v1.35.4";
  Json& conditions = hpa_of(document)["status"]["conditions"];
  conditions.erase(conditions.size() - 1);
  ChainDiagnosis chain = judged(document);
  CHECK(chain.verdict() == Mark::ok);
  CHECK(says(link(chain, Link::hpa).text, "0 replicas: minReplicas is 0; a value of lab_value above 0"));
}

TEST_CASE("A person's zero disables the HPA, with minReplicas 0 too") {
  ChainDiagnosis chain = judged(document_of("scaling-disabled@min-zero"));
  Finding first = first_of(chain);
  CHECK(first.cause == "scaling-disabled");
  CHECK(says(first.sentence, "but not by the HPA"));
  CHECK(says(first.evidence.back(), "the condition ScaledToZero is False"));
  CHECK(says(command_of(first.fix), "--replicas=1"));
  CHECK(says(first_of(document_of("scaling-disabled")).sentence, "was manually scaled to 0"));
}

TEST_CASE("A metric that only the scale target exposes is named before the HPA scales to 0") {
  ChainDiagnosis chain = judged(document_of("metric-gone-at-zero@ahead"));
  CHECK(chain.verdict() == Mark::note);
  const Finding* note = find(chain, id);
  REQUIRE(note != nullptr);
  CHECK(note->severity == Mark::note);
  CHECK(note->sentence ==
        "Only the pods of Deployment source expose lab_value: once the HPA has scaled to 0, no metric exists "
        "that could scale it up again");
  CHECK(says(note->evidence.back(), "1 sample of lab_value, all of pods of Deployment source"));
  CHECK(note->fix.kind == Fix::Kind::advice);
  CHECK(says(note->fix.says, "Set spec.minReplicas to 1, or use a metric that exists without these pods"));
  CHECK(link(chain, Link::hpa).mark == Mark::note);
}

TEST_CASE("At 0 replicas the circle is the cause, by who exposed the metric last, or by the Service") {
  Finding first = first_of(document_of("metric-gone-at-zero"));
  CHECK(first.cause == id);
  CHECK(first.certainty == Certainty::certain);
  CHECK(says(first.sentence, "Deployment source has 0 replicas, and only its own pods expose lab_value"));
  CHECK(says(first.evidence.back(), "lab_value: exposed until"));
  CHECK(says(first.fix.says, "at 0, a larger minReplicas alone does not scale it up"));
  Finding likely = first_of(document_of("metric-gone-at-zero@service"));
  CHECK(likely.cause == id);
  CHECK(likely.certainty == Certainty::likely);
  CHECK(says(likely.evidence.back(), "spec.selector app=source selects the pods of Deployment source only"));
  // That the Service has no pods is true as well, and told after it.
  ChainDiagnosis both = judged(document_of("metric-gone-at-zero"));
  REQUIRE(both.findings.size() > 1);
  CHECK(both.findings[1].cause == "source-without-pods");
}

TEST_CASE("A metric that exists without the scale target's pods is no circle") {
  Json document = document_of("metric-gone-at-zero@ahead");
  REQUIRE(named(document));
  SUBCASE("minReplicas is 1") {
    hpa_of(document)["spec"]["minReplicas"] = 1;
  }
  SUBCASE("the pods are of another workload") {
    hpa_of(document)["spec"]["scaleTargetRef"]["name"] = "object-value";
  }
  SUBCASE("one of two samples is of another pod") {
    Json other = sample(document);
    other["labels"]["pod"] = "object-value-6c67795cd6-wdh7q";
    document["readings"][prom + "samples"]["value"].push_back(other);
  }
  SUBCASE("nothing says which pods a sample is of") {
    sample(document)["labels"].erase("pod");
    item(document, "services", "object-value")["metadata"]["name"] = "other";
  }
  SUBCASE("the adapter's query reads another series too") {
    Json& config = document["readings"]["configmaps/metrics-api/adapter-rules"]["value"]["data"];
    for (auto& [key, text] : config.items()) {
      std::string rules = text;
      const std::string sum = "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)";
      size_t at = rules.find(sum);
      REQUIRE(at != std::string::npos);
      rules.insert(at + sum.size(), " or sum(lab_queue) by (<<.GroupBy>>)");
      text = rules;
    }
  }
  SUBCASE("a recording rule makes the series") {
    Json rule = {{"record", "lab_value"}, {"expr", "sum(lab_jobs)"}};
    Json object = {{"metadata", {{"name", "lab"}, {"namespace", "watch"}}},
                   {"spec", {{"groups", {{{"name", "lab"}, {"rules", {rule}}}}}}}};
    document["readings"]["prometheusrules"] = {{"path", "/p"}, {"value", {{"items", {object}}}}};
  }
  SUBCASE("another metric can scale it up, as far as is known") {
    hpa_of(document)["spec"]["metrics"].push_back(external());
  }
  CHECK_FALSE(named(document));
}

TEST_CASE("A metric of pods does not scale up from 0: another one that does not count changes nothing") {
  Json document = document_of("metric-gone-at-zero@ahead");
  Json cpu = {
      {"type", "Resource"},
      {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", 50}}}}}};
  hpa_of(document)["spec"]["metrics"].push_back(cpu);
  CHECK(named(document));
}

TEST_CASE("An External metric of the scale target's own pods is a circle too") {
  Json document = document_of("metric-gone-at-zero@ahead");
  Json own = external();
  own["external"]["metric"]["name"] = "lab_queue";
  hpa_of(document)["spec"]["metrics"] = {own};
  hpa_of(document)["status"]["currentMetrics"] = Json::array();
  Json row = sample(document);
  row["labels"]["__name__"] = "lab_queue";
  document["readings"][prom + "samples"]["value"].push_back(row);
  CHECK(named(document));
  document["readings"][prom + "samples"]["value"].back()["labels"]["namespace"] = "elsewhere";
  CHECK_FALSE(named(document));
}

TEST_CASE("The message of a failed Object metric is understood as each version writes it") {
  for (const char* message :
       {"unable to get metric lab_value: Service on shop object-value/unable to fetch metrics from custom "
        "metrics API: the server could not find the metric lab_value for services object-value",
        "unable to get metric lab_value on Service shop/object-value: unable to fetch metrics from custom "
        "metrics API: the server could not find the metric lab_value for services object-value"}) {
    Json document = document_of("waiting-for-sync");
    set_condition(document, "ScalingActive", {{"message", message}});
    CHECK(find(judged(document), "waiting-for-sync") != nullptr);
  }
}

TEST_CASE("HPAs of the same pods are named, whatever the controller's version writes about them") {
  for (const char* message :
       {"pods by selector workload=object-value are controlled by multiple HPAs: [shop/object-value "
        "shop/more]",
        "pods by selector workload=object-value are controlled by more than one HPA (e.g. [shop/object-value "
        "shop/more])"}) {
    Json document = document_of("healthy");
    set_condition(document, "ScalingActive",
                  {{"status", "False"}, {"reason", "AmbiguousSelector"}, {"message", message}});
    Json other = hpa_of(document);
    other["metadata"]["name"] = "more";
    items(document, "hpas").push_back(other);
    document["asked"] = {{"namespace", "shop"}, {"name", "object-value"}};
    Finding first = first_of(document);
    CHECK(first.cause == "ambiguous-selector");
    CHECK(says(first.sentence, "HPA more"));
  }
}
