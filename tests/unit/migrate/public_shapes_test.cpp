// ScaledObjects of the shapes that public repositories have: each is read, or refused for the reason for
// which KEDA 2.21 refuses it or hpawalk cannot simulate it; and each trigger is migrated, or named as one
// that cannot be.
#include <doctest/doctest.h>

#include "base/yaml.hpp"
#include "hpasim/keda.hpp"
#include "tests/unit/migrate/chain.hpp"

using namespace hpawalk;
using namespace hpawalk::migrate;

namespace {

struct Shape {
  const char* name;
  const char* text;          // without apiVersion and kind, where it begins with "metadata:" or "spec:"
  const char* refused = "";  // part of the reader's reason; empty: it is read
  int migrated = 0;  // triggers that the adapter's HPA has as metrics; -1: none, because it is refused
};

const Shape shapes[] = {
    {"a queue of SQS with credentials of its own, from 0",
     "spec: {scaleTargetRef: {name: orders}, minReplicaCount: 0, maxReplicaCount: 100, cooldownPeriod: 300, "
     "pollingInterval: 15, triggers: [{type: aws-sqs-queue, metadata: {queueURL: "
     "'https://sqs.example/1/orders', "
     "queueLength: '30', awsRegion: us-east-1}, authenticationRef: {name: aws}}]}",
     "", -1},
    {"a queue of SQS with the operator's identity",
     "spec: {scaleTargetRef: {name: orders}, pollingInterval: 30, minReplicaCount: 2, maxReplicaCount: 30, "
     "triggers: "
     "[{type: aws-sqs-queue, metadata: {queueURL: 'https://sqs.example/1/q', queueLength: '5', awsRegion: "
     "eu-west-1, "
     "identityOwner: operator}}]}",
     "", -1},
    {"Kafka's lag with TLS and an offset policy",
     "spec: {scaleTargetRef: {name: consumer}, minReplicaCount: 1, maxReplicaCount: 50, triggers: [{type: "
     "kafka, "
     "metadata: {bootstrapServers: 'kafka:9092', consumerGroup: g, topic: t, lagThreshold: '100', "
     "offsetResetPolicy: "
     "latest, allowIdleConsumers: 'true', scaleToZeroOnInvalidOffset: 'false'}, authenticationRef: {name: "
     "kafka}}]}",
     "", -1},
    {"Kafka without a scale-down, idle at 0",
     "spec: {scaleTargetRef: {name: consumer}, pollingInterval: 5, cooldownPeriod: 120, idleReplicaCount: 0, "
     "minReplicaCount: 1, maxReplicaCount: 5, advanced: {horizontalPodAutoscalerConfig: {behavior: "
     "{scaleDown: "
     "{selectPolicy: Disabled}}}}, triggers: [{type: kafka, metadata: {bootstrapServers: 'kafka:9092', "
     "consumerGroup: "
     "g, topic: t, lagThreshold: '20', activationLagThreshold: '0'}}]}",
     "", -1},
    {"Kafka, idle and minimum 0, which KEDA takes for a minimum of 1",
     "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: p}, idleReplicaCount: 0, "
     "minReplicaCount: "
     "0, maxReplicaCount: 100, fallback: {failureThreshold: 3, replicas: 3}, triggers: [{type: kafka, "
     "metadata: "
     "{bootstrapServers: 'k:9092', consumerGroup: g, topic: t}}]}",
     "", -1},
    {"KEDA 1's API version and field",
     "apiVersion: keda.k8s.io/v1alpha1\nkind: ScaledObject\nmetadata: {name: f, namespace: shop, labels: "
     "{deploymentName: f}}\nspec: {scaleTargetRef: {deploymentName: f}, triggers: [{type: kafka, metadata: "
     "{topic: t, "
     "brokerList: 'k:9092', consumerGroup: functions, lagThreshold: '5'}}]}",
     "is not keda.sh/v1alpha1", -1},
    {"entries of a Redis stream",
     "spec: {scaleTargetRef: {name: agent}, minReplicaCount: 2, maxReplicaCount: 10, triggers: [{type: "
     "redis-streams, "
     "metadata: {address: 'redis:6379', stream: events, consumerGroup: workers, pendingEntriesCount: "
     "'15'}}]}",
     "a trigger of type redis-streams", -1},
    {"a list of Redis",
     "spec: {scaleTargetRef: {name: worker}, minReplicaCount: 4, maxReplicaCount: 50, triggers: [{type: "
     "redis, "
     "metadata: {address: 'redis:6379', listName: celery, listLength: '20'}}]}",
     "", -1},
    {"a named Prometheus trigger with a query of several lines, and metricType in the wrong place",
     "spec:\n  scaleTargetRef: {kind: Deployment, name: decode}\n  pollingInterval: 15\n  minReplicaCount: "
     "1\n"
     "  maxReplicaCount: 6\n  triggers:\n  - type: prometheus\n    name: queue-depth\n    metadata:\n"
     "      serverAddress: https://prometheus.monitoring.svc.cluster.local:9090\n      query: |\n        "
     "avg(\n"
     "          model:requests_waiting{deployment=\"decode\"}\n        )\n      threshold: \"3\"\n"
     "      metricType: AverageValue\n      unsafeSsl: \"true\"\n",
     "", 1},
    {"an external push scaler",
     "spec: {scaleTargetRef: {name: node}, triggers: [{type: external-push, metadata: {scalerAddress: "
     "'scaler:8080'}}]}",
     "a trigger of type external-push", -1},
    {"an external scaler with fields of its own",
     "spec: {scaleTargetRef: {name: node}, triggers: [{type: external, metadata: {scalerAddress: "
     "'scaler:8080', "
     "nthWorkingDay: '5', targetSize: '10'}}]}",
     "a trigger of type external", -1},
    {"office hours",
     "spec: {scaleTargetRef: {name: demo}, minReplicaCount: 1, maxReplicaCount: 5, triggers: [{type: cron, "
     "metadata: "
     "{timezone: UTC, start: 0 6 * * *, end: 0 20 * * *, desiredReplicas: '3'}}]}",
     "a trigger of type cron", -1},
    {"a join of Prometheus, with fallback and both directions of behavior",
     "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}, pollingInterval: 5, "
     "cooldownPeriod: 300, "
     "minReplicaCount: 3, maxReplicaCount: 5, fallback: {failureThreshold: 3, replicas: 3}, advanced: "
     "{horizontalPodAutoscalerConfig: {behavior: {scaleUp: {stabilizationWindowSeconds: 120, policies: "
     "[{type: Pods, "
     "value: 1, periodSeconds: 60}]}, scaleDown: {stabilizationWindowSeconds: 120, policies: [{type: "
     "Percent, value: "
     "100, periodSeconds: 60}]}}}}, triggers: [{type: prometheus, metadata: {serverAddress: "
     "'http://p.monitoring:9090', "
     "metricName: bytes, query: 'sum(irate(bytes_total{namespace=~\"default\"}[5m]) * on (namespace, pod) "
     "group_left "
     "(workload) pod_owner{workload=~\"a\"})', threshold: '1100', ignoreNullValues: 'true'}}]}",
     "", 1},
    {"cpu with the type in its metadata, of a custom resource",
     "spec: {scaleTargetRef: {apiVersion: db.example/v1alpha1, kind: Cluster, name: uat}, minReplicaCount: "
     "0, "
     "maxReplicaCount: 4, triggers: [{type: cpu, metadata: {type: Utilization, value: '65'}}]}",
     "spec.triggers[0].metricType: is required", -1},
    {"cpu and memory, as they are since 2.18",
     "spec: {scaleTargetRef: {name: web}, minReplicaCount: 1, triggers: [{type: cpu, metricType: "
     "Utilization, metadata: "
     "{value: '60'}}, {type: memory, metricType: AverageValue, metadata: {value: 512Mi, containerName: "
     "app}}]}",
     "", 2},
    {"Prometheus with a token and an activation",
     "spec: {scaleTargetRef: {apiVersion: db.example/v1alpha1, kind: Cluster, name: uat}, minReplicaCount: "
     "0, "
     "maxReplicaCount: 5, triggers: [{type: prometheus, metadata: {serverAddress: "
     "'http://p.monitoring:9090', "
     "threshold: '10', activationThreshold: '5', query: 'sum(connections_active{namespace=\"db\"})', "
     "authModes: bearer}, "
     "authenticationRef: {name: keda-prometheus}}]}",
     "", 1},
    {"a tenant of Thanos",
     "spec: {maxReplicaCount: 10, minReplicaCount: 1, scaleTargetRef: {name: app}, triggers: "
     "[{authenticationRef: {name: "
     "a, kind: ClusterTriggerAuthentication}, metadata: {authModes: bearer, metricName: r, namespace: "
     "default, query: "
     "'sum(rate(http_requests_total{job=\"app\"}[2m]))', serverAddress: "
     "'https://thanos.monitoring.svc:9092', threshold: "
     "'5'}, type: prometheus}]}",
     "", 1},
    {"Prometheus beside memory and cpu, idle at the minimum",
     "spec: {scaleTargetRef: {name: app}, idleReplicaCount: 2, minReplicaCount: 2, maxReplicaCount: 50, "
     "triggers: [{type: "
     "prometheus, metadata: {serverAddress: 'http://p:9090', threshold: '100', query: "
     "'sum(rate(requests_total[2m]))'}}, "
     "{type: memory, metadata: {type: Utilization, value: '70'}}]}",
     "spec.idleReplicaCount", -1},
    {"Prometheus from 0, with nothing that can be left out",
     "spec: {scaleTargetRef: {name: app}, triggers: [{type: prometheus, metadata: {serverAddress: "
     "'http://p:9090', query: "
     "'sum(rate(dispatch_total[1m]))', threshold: '10'}}]}",
     "", 1},
    {"an owner that is taken over, with cached metrics",
     "metadata: {name: web, namespace: shop, annotations: {scaledobject.keda.sh/transfer-hpa-ownership: "
     "'true'}}\nspec: "
     "{scaleTargetRef: {name: app}, minReplicaCount: 1, advanced: {horizontalPodAutoscalerConfig: {name: "
     "app}}, "
     "triggers: [{type: prometheus, useCachedMetrics: true, metricType: Value, metadata: {serverAddress: "
     "'http://p:9090', "
     "query: max(queue_depth), threshold: '2.5', activationThreshold: '0.5', unsafeSsl: 'true'}}]}",
     "", 1},
    {"a queue of RabbitMQ, as JSON, with a fraction",
     R"({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "q", "namespace": "shop"}, )"
     R"("spec": {"minReplicaCount": 0, "maxReplicaCount": 10, "scaleTargetRef": {"name": "q"}, "triggers": [{"type": )"
     R"("rabbitmq", "metadata": {"mode": "QueueLength", "value": "1.0", "queueName": "q"}, "authenticationRef": )"
     R"({"name": "rabbit"}}]}})",
     "", -1},
    {"RabbitMQ with the field of KEDA 1",
     "spec: {scaleTargetRef: {name: q}, triggers: [{type: rabbitmq, metadata: {host: 'amqp://r:5672/', "
     "queueLength: "
     "'20', queueName: testqueue}}]}",
     "", -1},
    {"a queue of Service Bus",
     "spec: {scaleTargetRef: {name: bus, envSourceContainerName: app}, cooldownPeriod: 5, minReplicaCount: "
     "0, "
     "maxReplicaCount: 10, triggers: [{type: azure-servicebus, metadata: {queueName: m, messageCount: '5', "
     "connectionFromEnv: BUS}, authenticationRef: {name: bus}}]}",
     "", -1},
    {"a type that KEDA does not have",
     "spec: {scaleTargetRef: {name: bus}, triggers: [{type: azure-service-bus, metadata: {queueName: m, "
     "queueLength: "
     "'5'}}]}",
     "a trigger of type azure-service-bus", -1},
    {"rows of a database",
     "spec: {scaleTargetRef: {name: w}, pollingInterval: 5, triggers: [{type: postgresql, metadata: {query: "
     "'SELECT "
     "count(*) FROM jobs', targetQueryValue: '3.5', host: db, port: '5432', dbName: d, userName: u, sslmode: "
     "disable, "
     "passwordFromEnv: P}}]}",
     "", -1},
    {"a metric of CloudWatch",
     "spec: {scaleTargetRef: {name: w}, triggers: [{type: aws-cloudwatch, metadata: {namespace: AWS/SQS, "
     "targetMetricValue: '5', minMetricValue: '0', awsRegion: eu-west-1}}]}",
     "a trigger of type aws-cloudwatch", -1},
    {"a formula",
     "spec: {scaleTargetRef: {name: w}, minReplicaCount: 1, advanced: {scalingModifiers: {formula: 'a < 80 ? "
     "b : 0', "
     "target: '5', metricType: AverageValue}}, triggers: [{type: prometheus, name: a, metadata: "
     "{serverAddress: "
     "'http://p:9090', query: sum(cpu_load), threshold: '1'}}, {type: prometheus, name: b, metadata: "
     "{serverAddress: "
     "'http://p:9090', query: sum(depth), threshold: '1'}}]}",
     "spec.advanced.scalingModifiers", -1},
    {"a fallback to a formula",
     "spec: {scaleTargetRef: {name: w}, minReplicaCount: 1, fallback: {failureThreshold: 3, replicas: 3, "
     "behavior: "
     "scalingModifiers}, triggers: [{type: prometheus, metadata: {serverAddress: 'http://p:9090', query: "
     "sum(depth), "
     "threshold: '1'}}]}",
     "spec.fallback.behavior: scalingModifiers", -1},
    {"a number that is no string",
     "spec: {scaleTargetRef: {name: w}, triggers: [{type: prometheus, metadata: {serverAddress: "
     "'http://p:9090', query: "
     "sum(depth), threshold: 10}}]}",
     "put 10 in quotes", -1},
    {"as kubectl prints it, with its status",
     "metadata: {name: web, namespace: shop, uid: u, resourceVersion: '1', finalizers: [finalizer.keda.sh], "
     "labels: "
     "{argocd.argoproj.io/instance: apps}}\nspec: {scaleTargetRef: {name: w}, minReplicaCount: 1, triggers: "
     "[{type: "
     "prometheus, metadata: {serverAddress: 'http://p:9090', query: sum(depth), threshold: '1'}}]}\nstatus: "
     "{hpaName: "
     "keda-hpa-web, conditions: [{type: Ready, status: 'True'}]}",
     "", 1},
};

Json object_of(const Shape& shape) {
  std::string text = shape.text;
  if (!text.starts_with("{") && !text.starts_with("apiVersion"))
    text = "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\n" +
           std::string(text.starts_with("metadata") ? "" : "metadata: {name: web, namespace: shop}\n") + text;
  auto value = yaml::parse(text);
  REQUIRE_MESSAGE(value, shape.name, (value ? "" : value.error().because));
  return Json::parse(value->dump());
}

}  // namespace

TEST_CASE("ScaledObjects of public shapes are read, or refused for the right reason") {
  CHECK(std::size(shapes) >= 20);
  for (const Shape& shape : shapes) {
    CAPTURE(std::string(shape.name));
    auto read = hpasim::read_scaled_object(hpasim::Document::parse(object_of(shape).dump()));
    const std::string reason = read ? std::string() : read.error().because;
    CHECK_MESSAGE(read.has_value() == (*shape.refused == '\0'), reason);
    CHECK_MESSAGE(reason.find(shape.refused) != std::string::npos, reason);
    if (!read) continue;
    auto spec = hpasim::parse_spec(read->hpa);
    CHECK_MESSAGE(spec.has_value(), (spec ? "" : spec.error().because));
  }
}

TEST_CASE("Each of them is migrated whole, or every reason against it is named") {
  for (const Shape& shape : shapes) {
    CAPTURE(std::string(shape.name));
    const Plan plan = to_adapter(object_of(shape));
    if (shape.migrated < 0) {
      CHECK_FALSE(plan.cannot.empty());
      CHECK(plan.manifest.is_null());
      continue;
    }
    CHECK_MESSAGE(plan.cannot.empty(), (plan.cannot.empty() ? "" : plan.cannot[0]));
    REQUIRE(plan.manifest.is_object());
    CHECK(plan.manifest["spec"]["metrics"].size() == static_cast<size_t>(shape.migrated));
    auto spec = hpasim::parse_spec(plan.manifest);
    CHECK_MESSAGE(spec.has_value(), (spec ? "" : spec.error().because));
  }
}
