#include "manifests/manifests.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "config/pod_security.hpp"
#include "manifests/operator_bundle.hpp"

namespace hpawalk::manifests {
const std::map<std::string_view, std::string_view>& embedded_files();  // cmake/embed.cmake

namespace {

std::string_view embedded(const std::string& path) {
  return embedded_files().at(path);
}

yaml::Value merged(yaml::Value base, const yaml::Value& over) {
  for (const auto& [name, value] : over.items()) base[name] = value;
  return base;
}

// Maps are merged, everything else is replaced: what helm does with several values files.
void merge_deep(yaml::Value& base, const yaml::Value& over) {
  for (const auto& [name, value] : over.items()) {
    if (value.is_object() && base.contains(name) && base[name].is_object()) {
      merge_deep(base[name], value);
    } else {
      base[name] = value;
    }
  }
}

// "registry:5000/a/b:1@sha256:..." -> repository and tag, which a chart joins with ':'.
std::pair<std::string, std::string> split_image(const std::string& image) {
  if (size_t digest = image.find("@sha256:"); digest != std::string::npos) {
    return {image.substr(0, digest + 7), image.substr(digest + 8)};
  }
  size_t colon = image.rfind(':');
  size_t slash = image.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) return {image, "latest"};
  return {image.substr(0, colon), image.substr(colon + 1)};
}

bool every_cluster_has(const std::string& space) {
  return space == "default" || space.starts_with("kube-");
}

// The namespaces of these objects, in the order in which they occur.
Result<std::vector<std::string>> namespaces_of(const std::string& objects) {
  Result<std::vector<yaml::Value>> all = yaml::parse_all(objects);
  if (!all) return failure(all.error());
  std::vector<std::string> spaces;
  for (const yaml::Value& object : *all) {
    std::string space = object.at("metadata").value("namespace", std::string());
    if (!space.empty() && std::find(spaces.begin(), spaces.end(), space) == spaces.end())
      spaces.push_back(space);
  }
  return spaces;
}

// "500m" -> "0.5": a threshold of KEDA is a number and no quantity.
std::string decimal(const std::string& quantity) {
  long long milli = config::quantity_milli(quantity);
  std::string text = fmt::format("{}.{:03}", milli / 1000, milli % 1000);
  text.resize(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// A registry's name may have capital letters, an image's host may not.
std::string registry_host(const config::Config& config) {
  std::string host = config.text("acr.login-server");
  if (host.empty()) host = config.text("acr.name") + ".azurecr.io";
  for (char& c : host) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return host;
}

}  // namespace

std::string prom_fake_image(const config::Config& config) {
  if (std::string named = config.text("prom-fake.image"); !named.empty()) return named;
  if (config.text("cluster") == "aks") return registry_host(config) + "/prom-fake:" HPAWALK_VERSION;
  return "localhost/hpawalk/prom-fake:" HPAWALK_VERSION;
}

std::string prom_fake_pull_policy(const config::Config& config) {
  bool brought = config.text("prom-fake.image").empty() && config.text("cluster") != "aks";
  return brought ? "Never" : "IfNotPresent";
}

Values template_values(const config::Config& config) {
  Values values;
  for (const config::Setting& setting : config::settings())
    values[std::string(setting.path)] = config.value(setting.path);
  yaml::Value labels = {{managed_by_label, label_value},
                        {part_of_label, label_value},
                        {instance_label, config.text("instance")}};
  labels = merged(labels, config.value("labels"));
  values["object-labels"] = labels;
  values["workload.object-labels"] = merged(labels, config.value("workload.labels"));
  values["prom-fake.object-labels"] = merged(labels, config.value("prom-fake.labels"));
  values["servicemonitor.object-labels"] = merged(labels, config.value("prometheus.monitor-labels"));
  values["prom-fake.full-image"] = prom_fake_image(config);
  values["prom-fake.pull-policy"] = prom_fake_pull_policy(config);
  std::string prometheus = config.text("prometheus.image");
  values["prometheus.full-image"] =
      prometheus.empty() ? "quay.io/prometheus/prometheus:v" + config.text("prometheus.version") : prometheus;
  auto [repository, tag] = split_image(config.text("adapter.image"));
  values["adapter.image-repository"] = repository;
  values["adapter.image-tag"] = tag;
  values["keda.object-labels"] = merged(labels, {{"app.kubernetes.io/name", "keda"}});
  values["keda.query"] = keda_query(config);
  values["keda.threshold"] = decimal(config.text("hpa.target"));
  values["keda.polling-seconds"] = config.duration("keda.polling-interval") / std::chrono::seconds(1);
  values["keda.cooldown-seconds"] = config.duration("keda.cooldown-period") / std::chrono::seconds(1);
  values["adapter.series-query"] = config.text("prom-fake.metric") + R"({namespace!="",service!=""})";
  return values;
}

Result<std::string> render_namespace(const std::string& name, const config::Config& config) {
  if (every_cluster_has(name)) return std::string();
  Values values = template_values(config);
  values["namespace-name"] = name;
  values["namespace-labels"] =
      merged(values["object-labels"], {{config::enforce_label, config.text("pod-security")}});
  return fill_in(embedded("namespace.yaml"), values);
}

std::string keda_query(const config::Config& config) {
  return fmt::format("sum({}{{namespace=\"{}\",service=\"{}\"}})", config.text("prom-fake.metric"),
                     config.text("namespace"), config.text("prom-fake.name"));
}

std::vector<std::string> template_stages(const config::Config& config) {
  const bool with_keda = config.text("metrics") == "keda";
  constexpr std::string_view folder = "stages/", end = ".yaml";
  std::vector<std::string> names;
  for (const auto& [path, content] : embedded_files()) {
    if (!path.starts_with(folder)) continue;
    std::string_view name = path.substr(folder.size(), path.size() - folder.size() - end.size());
    const bool of_keda = name == "keda" || name == "scaledobject";
    if (of_keda ? with_keda : name != "hpa" || !with_keda) names.emplace_back(name);
  }
  return names;
}

Result<std::string> render_stage(std::string_view stage, const config::Config& config) {
  Result<std::string> objects =
      fill_in(embedded(fmt::format("stages/{}.yaml", stage)), template_values(config));
  if (!objects) return objects;
  Result<std::vector<std::string>> spaces = namespaces_of(*objects);
  if (!spaces) return failure(spaces.error());
  std::string all;
  for (const std::string& name : *spaces) {
    Result<std::string> space = render_namespace(name, config);
    if (!space) return space;
    if (!space->empty()) all += *space + "---\n";
  }
  return all + *objects;
}

Result<std::string> render_keda_definitions(const config::Config& config) {
  Result<std::vector<BundleObject>> definitions =
      adapt_definitions(embedded("keda/definitions.yaml"), config);
  if (!definitions) return failure(definitions.error());
  std::string all;
  for (const BundleObject& definition : *definitions) all += (all.empty() ? "" : "---\n") + definition.text;
  return all;
}

Result<std::string> render_adapter_values(const config::Config& config) {
  Result<std::string> text = fill_in(embedded("values/adapter.yaml"), template_values(config));
  if (!text || config.value("adapter.values").empty()) return text;
  Result<yaml::Value> values = yaml::parse(*text);
  if (!values) return failure(values.error());
  merge_deep(*values, config.value("adapter.values"));
  return yaml::block(*values);
}

std::map<std::string, std::string> bundled_chart() {
  constexpr std::string_view folder = "charts/prometheus-adapter/";
  std::map<std::string, std::string> files;
  for (const auto& [path, content] : embedded_files()) {
    if (path.starts_with(folder)) files[std::string(path.substr(folder.size()))] = content;
  }
  return files;
}

}  // namespace hpawalk::manifests
