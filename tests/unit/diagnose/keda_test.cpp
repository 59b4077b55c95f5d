// What a ScaledObject says, and what is judged of it beyond the facts files.
#include <doctest/doctest.h>

#include "diagnose/view_keda.hpp"
#include "tests/fakes/judged.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;
using fakes::document_of;
using fakes::judged;

namespace {

Mark mark_of(const std::string& file, Link link) {
  return judged(document_of(file)).links[static_cast<size_t>(link)].mark;
}

}  // namespace

TEST_CASE("The series of a query are its names, and not its functions, labels and numbers") {
  using Names = std::vector<std::string>;
  CHECK(series_in("sum(rate(http_requests_total{job=\"web\",path=~\"/a{2}\"}[2m])) by (pod)") ==
        Names{"http_requests_total"});
  CHECK(series_in("sum by (pod, job) (queue:length:sum) / on (job) group_left (x) workers * 1e3") ==
        Names{"queue:length:sum", "workers"});
  CHECK(series_in("max(a) or vector(0) unless b offset 5m") == Names{"a", "b"});
  CHECK(series_in("count_values('le', c) + c") == Names{"c"});
  CHECK(series_in("{__name__=~\"a|b\"}").empty());
  CHECK(series_in("sum(").empty());
  CHECK(series_in("a{b=\"").size() == 1);
}

TEST_CASE("A metric's trigger is the one of its number; a formula's metric has none") {
  Json object = {{"spec", {{"triggers", {{{"type", "cron"}}, {{"type", "prometheus"}}}}}}};
  CHECK((*trigger_of(object, "s1-prometheus"))["type"] == "prometheus");
  CHECK((*trigger_of(object, "s0-cron-UTC"))["type"] == "cron");
  for (const char* metric :
       {"s2-kafka", "composite-metric", "s-prometheus", "sx1-y", "", "s99999999999999999999-x"})
    CHECK(trigger_of(object, metric) == nullptr);
}

TEST_CASE("KEDA idles at 0 where minReplicaCount, or else its default, or idleReplicaCount is 0") {
  auto idles = [](const Json& spec) { return may_be_idle({{"spec", spec}}); };
  CHECK(idles(Json::object()));
  CHECK(idles({{"minReplicaCount", 2}, {"idleReplicaCount", 0}}));
  CHECK_FALSE(idles({{"minReplicaCount", 1}}));
}

TEST_CASE("The series of a KEDA chain is followed to its pods, and 0 replicas are what they should be") {
  for (Link link : all_links) {
    INFO(name_of(link));
    // An external metric is of no object: its source is seen in the series.
    bool of_object = link == Link::pods || link == Link::service;
    CHECK(mark_of("healthy@keda", link) == (of_object ? Mark::not_applicable : Mark::ok));
  }
  CHECK(mark_of("healthy@keda-idle", Link::hpa) == Mark::note);
  Json unread = document_of("healthy@keda-idle");
  unread["readings"].erase("scaledobjects");
  CHECK(judged(unread).links[static_cast<size_t>(Link::hpa)].mark == Mark::unknown);
}

TEST_CASE("A query without a result is a fault where its series has samples, and a note where it has none") {
  Json document = document_of("keda-empty-result");
  CHECK(fakes::find(judged(document), "keda-empty-result")->severity == Mark::broken);
  document["readings"]["prom:watch/prom-web:9191 samples"]["value"] = Json::array();
  document["readings"]["prom:watch/prom-web:9191 counts"]["value"] = Json::object();
  CHECK(fakes::find(judged(document), "keda-empty-result")->severity == Mark::note);
}
