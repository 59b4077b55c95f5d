// Saved facts have keys as text: their format does not change.
#include "diagnose/fact_key.hpp"

#include <doctest/doctest.h>

using namespace hpawalk;
using namespace hpawalk::diagnose;

TEST_CASE("Keys are written as saved files have them") {
  CHECK(space_key("pods", "web") == "pods/web");
  CHECK(object_key("configmaps", "m", "rules") == "configmaps/m/rules");
  CHECK(scale_key("web", "rollouts", "app") == "scale/web/rollouts/app");
  CHECK(whole_key("services") == "whole cluster services");
  CHECK(log_key("m/adapter-1") == "log m/adapter-1");
  CHECK(value_key("/apis/x") == "api /apis/x");
  CHECK(discovery_key("custom.metrics.k8s.io") == "discovery custom.metrics.k8s.io");
  CHECK(may_key({"list", "", "pods", "", "eve"}) == "may eve list /pods in all");
  std::string prometheus = prometheus_key({"m", "prometheus", "9090"}, "/prefix");
  CHECK(prometheus == "prom:m/prometheus:9090/prefix");
  CHECK(question_key(prometheus, "targets") == "prom:m/prometheus:9090/prefix targets");
  CHECK(names_key("prom:x", "up{a=\"b c\"}") == "prom:x names up{a=\"b c\"}");
  CHECK(eval_key("prom:x", "sum(up)") == "prom:x eval sum(up)");
  CHECK(range_key("prom:x", "sum(up)") == "prom:x range sum(up)");
}

TEST_CASE("A key says who answers its question, and what was asked") {
  CHECK(kind_of("pods/web") == KeyKind::api_server);
  CHECK(kind_of("apiservices") == KeyKind::api_server);
  CHECK(kind_of("api /apis/x") == KeyKind::metrics_api);
  CHECK(kind_of("discovery metrics.k8s.io") == KeyKind::discovery);
  CHECK(kind_of("podmetrics/web") == KeyKind::resource_metrics);
  CHECK(kind_of("log m/a") == KeyKind::log);
  CHECK(kind_of("prom:x targets") == KeyKind::prometheus);
  CHECK(subject_of("pods/web") == "pods");
  CHECK(subject_of("may eve list /pods in all") == "may");
  CHECK(subject_of("prom:m/p:9090 names up") == "names");
  CHECK(subject_of("prom:m/p:9090") == "");
  CHECK(lists("pods", "pods"));
  CHECK(lists("pods/web", "pods"));
  CHECK_FALSE(lists("podmetrics", "pods"));
}
