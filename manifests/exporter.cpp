#include "manifests/exporter.hpp"

#include <map>

#include <fmt/format.h>

#include "manifests/template.hpp"

namespace hpawalk::manifests {
const std::map<std::string_view, std::string_view>& embedded_files();  // cmake/embed.cmake

Result<std::string> render_exporter(const ExporterPlace& place) {
  const yaml::Value labels = {{"app.kubernetes.io/name", "hpawalk-exporter"}};
  yaml::Value args = {"exporter", fmt::format("--listen=:{}", exporter_port), "--every=" + place.every};
  if (!place.prometheus_url.empty()) args.push_back("--prometheus=" + place.prometheus_url);
  yaml::Value monitor_labels = labels;
  for (const auto& [name, value] : place.monitor_labels.items()) monitor_labels[name] = value;
  const Values values = {{"namespace", place.space.empty() ? exporter_namespace : place.space},
                         {"labels", labels},
                         {"monitor-labels", monitor_labels},
                         {"image", place.image},
                         {"args", args}};
  std::string files = std::string(embedded_files().at("exporter/exporter.yaml"));
  if (place.space.empty()) files = std::string(embedded_files().at("exporter/namespace.yaml")) + files;
  if (place.prometheus_url.empty()) files += embedded_files().at("exporter/proxy.yaml");
  return fill_in(files, values);
}

std::string_view exporter_dashboard() {
  return embedded_files().at("exporter/dashboard.json");
}

}  // namespace hpawalk::manifests
