// ScaledObjects, their triggers and credentials.
#include <doctest/doctest.h>

#include "tests/unit/lint/chain.hpp"

namespace hpawalk::lint {

using diagnose::Certainty;

namespace {

const char* scaled_object = R"(---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: web
  namespace: shop
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 0
  maxReplicaCount: 10
  triggers:
  - type: prometheus
    metadata:
      serverAddress: http://prometheus.watch.svc:9090
      query: sum(queue_length)
      threshold: "5"
    authenticationRef: {name: token}
)";
const char* prometheus_service = R"(---
apiVersion: v1
kind: Service
metadata: {name: prometheus, namespace: watch}
spec: {selector: {app: prometheus}, ports: [{port: 9090}]}
)";
const char* credentials = R"(---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: token, namespace: shop}
spec:
  secretTargetRef:
  - {parameter: bearerToken, name: prom, key: token}
---
apiVersion: v1
kind: Secret
metadata: {name: prom, namespace: shop}
stringData: {token: x}
)";

std::string keda_chain() {
  return std::string(workload_yaml) + scaled_object + prometheus_service + credentials;
}

}  // namespace

TEST_CASE("A ScaledObject with its workload and its credentials has no finding") {
  Report report = linted(keda_chain(), "");
  CHECK_MESSAGE(report.findings.empty(), told(report));
  CHECK(report.hpas == 1);
  CHECK(linted(scaled_object, "").findings.empty());  // what the files do not hold is unknown
}

TEST_CASE("A fault of a ScaledObject has its cause and its line") {
  struct Case {
    const char *part, *instead, *cause, *at;
    Level level = Level::error;
    Certainty certainty = Certainty::certain;
  };
  const Case cases[] = {
      {"maxReplicaCount: 10", "maxReplicas: 10", "keda-refused", "maxReplicas: 10"},
      {"minReplicaCount: 0", "minReplicaCount: 11", "keda-refused", "maxReplicaCount: 10"},
      {"minReplicaCount: 0", "minReplicaCount: 2\n  idleReplicaCount: 2", "keda-refused", "idleReplicaCount"},
      {"minReplicaCount: 0", "pollingInterval: fast", "keda-refused", "pollingInterval"},
      {"threshold: \"5\"", "threshold: 5", "keda-refused", "threshold: 5"},
      {"minReplicaCount: 0",
       "advanced: {horizontalPodAutoscalerConfig: {behavior: {scaleDown: {stabilizationWindowSeconds: "
       "4000}}}}",
       "keda-refused", "advanced"},
      {"{name: token}\n", "{name: token, kind: Secret}\n", "keda-refused", "kind: Secret"},
      {"threshold: \"5\"", "threshhold: \"5\"", "keda-scaledobject", "metadata:\n      serverAddress"},
      {"threshold: \"5\"", "threshold: five", "keda-scaledobject", "threshold: five"},
      {"      query: sum(queue_length)\n", "", "keda-scaledobject", "metadata:\n      serverAddress"},
      {"type: prometheus\n", "type: promethues\n", "keda-scaledobject", "type: promethues", Level::error,
       Certainty::likely},
      {"type: prometheus\n", "type: own-scaler\n", "keda-scaledobject", "type: own-scaler", Level::warning,
       Certainty::possible},
      {"svc:9090", "svc:9091", "keda-server-address", "svc:9091"},
      {"http://prometheus.watch", "http://promtheus.watch", "keda-server-address", "promtheus", Level::error,
       Certainty::likely},
      {"sum(queue_length)", "sum(queue_length", "keda-query-fails", "sum(queue_length"},
      {"sum(queue_length)", "sum by (pod) (rate(queue_length[2m]))", "keda-several-rows", "sum by",
       Level::warning, Certainty::possible},
      {"authenticationRef: {name: token}", "authenticationRef: {name: tokne}", "keda-scaledobject", "tokne",
       Level::error, Certainty::likely},
      {"  namespace: shop\nspec:\n  scaleTargetRef",
       "  namespace: shop\n  annotations: {autoscaling.keda.sh/paused: \"true\"}\nspec:\n  scaleTargetRef",
       "keda-paused", "annotations", Level::note},
      {"scaleTargetRef: {name: web}", "scaleTargetRef: {name: wed}", "target-missing", "{name: wed}",
       Level::error, Certainty::likely},
      {"key: token}", "key: tokn}", "keda-scaledobject", "key: tokn}"},
      {"secretTargetRef:\n", "secretTargetRefs:\n", "keda-refused", "secretTargetRefs"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.instead);
    const std::string chain = with(keda_chain(), one.part, one.instead);
    Report report = linted(chain, "");
    const Finding* finding = find(report, one.cause);
    REQUIRE_MESSAGE(finding != nullptr, told(report));
    CHECK_MESSAGE(finding->place.line == line_of(chain, one.at), told(report));
    CHECK(finding->level == one.level);
    CHECK(finding->certainty == one.certainty);
    CHECK(finding->object != "");
  }
}

TEST_CASE("A TriggerAuthentication and a Service that are not in the files are not wrong") {
  std::string chain = std::string(workload_yaml) + scaled_object;
  CHECK(linted(with(chain, "{name: token}", "{name: other}"), "").findings.empty());
  CHECK(linted(with(chain, "http://prometheus.watch.svc:9090", "https://metrics.example.com"), "")
            .findings.empty());
}

TEST_CASE("An HPA and a ScaledObject on one workload are found at both") {
  Report report = linted(whole_chain() + scaled_object);
  size_t found = 0;
  for (const Finding& finding : report.findings) {
    if (finding.cause != "keda-hpa-not-taken-over") continue;
    ++found;
    CHECK(
        (finding.object == "HorizontalPodAutoscaler shop/web" || finding.object == "ScaledObject shop/web"));
    CHECK(finding.certainty == Certainty::certain);
  }
  CHECK_MESSAGE(found == 2, told(report));
}

TEST_CASE("replicas: 0 is what KEDA wakes up") {
  std::string asleep = with(keda_chain(), "spec:\n  selector: {matchLabels: {app: web}}",
                            "spec:\n  replicas: 0\n  selector: {matchLabels: {app: web}}");
  Report report = linted(asleep, "");
  CHECK_MESSAGE(find(report, "scaling-disabled") == nullptr, told(report));
  CHECK_MESSAGE(find(report, "replicas-reset") != nullptr, told(report));
}

TEST_CASE("An adapter that serves external metrics beside a ScaledObject is one adapter too many") {
  std::string values =
      std::string(values_yaml) + "  external:\n  - {seriesQuery: queue, metricsQuery: sum(<<.Series>>)}\n";
  Report report = linted(keda_chain(), values);
  CHECK_MESSAGE(find(report, "two-adapters") != nullptr, told(report));
  CHECK(find(report, "rule-matches-no-series") == nullptr);
}

}  // namespace hpawalk::lint
