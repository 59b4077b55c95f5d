// The objects of `hpawalk exporter` in a cluster, as YAML, and its Grafana dashboard. Pure.
//
// They carry none of the labels by which `down` finds what `up` created.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/yaml.hpp"

namespace hpawalk::manifests {

inline constexpr const char* exporter_namespace =
    "hpawalk";  // created with the objects, where no other is named
inline constexpr int exporter_port = 9797;

struct ExporterPlace {
  std::string image;
  std::string space = {};  // namespace that exists; empty: exporter_namespace
  std::string every = "60s";
  std::string prometheus_url = {};                     // empty: through the API server
  yaml::Value monitor_labels = yaml::Value::object();  // by which a Prometheus selects the ServiceMonitor
};

// Namespace (where it is not named), ServiceAccount, roles and bindings, Deployment, Service, ServiceMonitor.
Result<std::string> render_exporter(const ExporterPlace& place);

std::string_view exporter_dashboard();  // JSON

}  // namespace hpawalk::manifests
