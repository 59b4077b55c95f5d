// A whole chain as manifests, for the tests of lint.
#pragma once

#include <algorithm>
#include <string>

#include "lint/lint.hpp"

namespace hpawalk::lint {

inline constexpr const char* workload_yaml = R"(apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: web
        ports: [{name: metrics, containerPort: 9113}]
)";
inline constexpr const char* service_yaml = R"(---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  labels: {svc: web}
spec:
  selector: {app: web}
  ports:
  - {name: metrics, port: 9113, targetPort: 9113}
)";
inline constexpr const char* monitor_yaml = R"(---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: web
  namespace: watch
  labels: {release: stack}
spec:
  selector: {matchLabels: {svc: web}}
  namespaceSelector: {matchNames: [shop]}
  endpoints:
  - {port: metrics, interval: 15s}
)";
inline constexpr const char* prometheus_yaml = R"(---
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: k8s, namespace: watch}
spec:
  serviceMonitorSelector: {matchLabels: {release: stack}}
  serviceMonitorNamespaceSelector: {}
  ruleSelector: {matchLabels: {role: rules}}
)";
inline constexpr const char* hpa_yaml = R"(---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
  namespace: shop
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Object
    object:
      describedObject: {apiVersion: v1, kind: Service, name: web}
      metric: {name: jobs}
      target: {type: Value, value: "10"}
)";
inline constexpr const char* values_yaml =
    R"(prometheus: {url: http://prometheus-operated.watch.svc, port: 9090}
rules:
  default: false
  custom:
  - seriesQuery: jobs{namespace!=""}
    resources: {template: <<.Resource>>}
    metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)
)";

inline std::string whole_chain() {
  return std::string(workload_yaml) + service_yaml + monitor_yaml + prometheus_yaml + hpa_yaml;
}

inline Report linted(const std::string& chain, const std::string& values = values_yaml,
                     const char* version = "1.37") {
  return lint(read({{"chain.yaml", chain}, {"values.yaml", values}}, "default"), *hpasim::rules_for(version));
}

inline std::string with(std::string text, const std::string& part, const std::string& instead) {
  size_t place = text.find(part);
  return place == std::string::npos ? "" : text.replace(place, part.size(), instead);
}

// The line of the first place that has this text.
inline int line_of(const std::string& text, const std::string& part) {
  auto end = text.begin() + static_cast<std::ptrdiff_t>(text.find(part));
  return 1 + static_cast<int>(std::count(text.begin(), end, '\n'));
}

inline const Finding* find(const Report& report, std::string_view cause) {
  auto found = std::find_if(report.findings.begin(), report.findings.end(),
                            [&](const Finding& finding) { return finding.cause == cause; });
  return found == report.findings.end() ? nullptr : &*found;
}

// "cause@file:line" of each.
inline std::string told(const Report& report) {
  std::string all;
  for (const Finding& f : report.findings)
    all += f.cause + "@" + f.place.file + ":" + std::to_string(f.place.line) + " " + f.sentence + "\n";
  return all;
}

}  // namespace hpawalk::lint
