#include "config/settings.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include <arpa/inet.h>

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/pattern.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"

namespace hpawalk::config {
namespace {

using Checked = tl::expected<yaml::Value, std::string>;

constexpr Setting table[] = {
    // Where
    {"cluster", Kind::choice, "local",
     "Where to build the chain: a local cluster, a cluster of one of these tools, AKS, or a context of the "
     "kubeconfig",
     "local|kind|minikube|k3d|aks|current"},
    {"cluster-name", Kind::label, "local",
     "Name of the local, kind, minikube or k3d cluster (default for the last three: hpawalk)"},
    {"context", Kind::text, "''", "Context of the kubeconfig; implies `cluster: current`"},
    {"kubeconfig", Kind::text, "''",
     "Kubeconfig file; empty: kubectl's default ($KUBECONFIG, ~/.kube/config)"},
    {"namespace", Kind::label, "default", "Namespace of the workload, of prom-fake and of the HPA"},
    {"instance", Kind::text, "''",
     "Name of this chain, the label hpawalk/instance of its objects; empty: NAMESPACE.HPA, from namespace "
     "and hpa.name"},
    {"labels", Kind::labels, "{}", "Labels for every object that hpawalk creates"},
    {"pod-security", Kind::choice, "restricted",
     "Pod Security level that the namespaces created by hpawalk enforce", "restricted|baseline|privileged"},
    {"timeout", Kind::duration, "5m", "Time limit of one stage"},
    {"metrics", Kind::choice, "adapter",
     "Who serves the metric to the HPA: prometheus-adapter, or KEDA, which also creates the HPA",
     "adapter|keda"},
    // Azure, for `cluster: aks`
    {"aks.resource-group",
     Kind::azure_name,
     "''",
     "Resource group of the AKS cluster",
     {},
     "AKS_RESOURCE_GROUP"},
    {"aks.cluster-name", Kind::azure_name, "''", "Name of the AKS cluster", {}, "AKS_CLUSTER_NAME"},
    {"aks.subscription", Kind::azure_name, "''", "Name or id of the subscription; empty: az's default"},
    {"acr.resource-group",
     Kind::azure_name,
     "''",
     "Resource group of the container registry; empty: az looks it up",
     {},
     "ACR_RESOURCE_GROUP"},
    {"acr.name",
     Kind::azure_name,
     "''",
     "Name of the container registry, as in NAME.azurecr.io",
     {},
     "ACR_NAME"},
    {"acr.login-server", Kind::text, "''",
     "Host to pull images from; empty: the one that az reports, or NAME.azurecr.io"},
    // The workload that is scaled
    {"workload.name", Kind::label, "nginx", "Name of the Deployment that is scaled"},
    {"workload.image", Kind::image, "docker.io/nginxinc/nginx-unprivileged:1.28.0", "Its image"},
    {"workload.replicas", Kind::count, "1", "Its replicas at creation; later, the HPA sets them", "0..1000"},
    {"workload.labels", Kind::labels, "{app: nginx}", "Labels of its pods, and its selector"},
    {"workload.resources", Kind::mapping, "{requests: {cpu: 1m, memory: 8Mi}}", "Resources of its container"},
    {"workload.security-context", Kind::mapping,
     "{runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, seccompProfile: "
     "{type: RuntimeDefault}}",
     "securityContext of its container; {} for an image that must run as root"},
    // prometheus-operator
    {"operator.version", Kind::version, "0.92.1", "Version of prometheus-operator"},
    {"operator.bundle", Kind::text, "''",
     "Its bundle.yaml: a file or a URL; empty: the local cluster's copy, or the upstream release of that "
     "version"},
    {"operator.bundle-sha256", Kind::text, "''",
     "Required SHA-256 of its bundle; empty: the known sum of version 0.92.1, and no check for a file"},
    {"operator.namespace", Kind::label, "default", "Its namespace (upstream's bundle says default)"},
    // Prometheus
    {"prometheus.name", Kind::label, "prometheus", "Name of the Prometheus and of its Service"},
    {"prometheus.namespace", Kind::label, "prom-metrics",
     "Namespace of Prometheus and of the ServiceMonitor"},
    {"prometheus.version", Kind::version, "3.16.0", "Version of Prometheus"},
    {"prometheus.image", Kind::text, "''", "Its image; empty: quay.io/prometheus/prometheus of that version"},
    {"prometheus.port", Kind::port, "9090", "Port of its Service"},
    {"prometheus.replicas", Kind::count, "1", "Number of Prometheus replicas", "1..10"},
    {"prometheus.resources", Kind::mapping, "{requests: {cpu: 10m, memory: 64Mi}}",
     "Resources of its container"},
    {"prometheus.monitor-labels", Kind::labels, "{prometheus-instance: prometheus1}",
     "Labels of the ServiceMonitors that it selects"},
    // prom-fake
    {"prom-fake.name", Kind::label, "prom-fake", "Name of prom-fake's Deployment and Service"},
    {"prom-fake.image", Kind::text, "''",
     "Its image, already in a registry; empty: the image in hpawalk, which up brings to the cluster"},
    {"prom-fake.replicas", Kind::count, "1", "Number of prom-fake pods", "1..10"},
    {"prom-fake.labels", Kind::labels, "{app: prom-fake}",
     "Labels of its pods and Service, and their selector"},
    {"prom-fake.metric", Kind::metric, "prom_fake_value", "Name of the metric that it exposes"},
    {"prom-fake.value", Kind::count, "1", "Initial value of the metric", "0..1000000000"},
    {"prom-fake.port", Kind::port, "8080", "Port of its container and Service"},
    {"prom-fake.port-name", Kind::port_name, "web", "Name of that port"},
    {"prom-fake.service-type", Kind::choice, "ClusterIP",
     "Type of its Service; hpawalk itself always connects through the API server",
     "ClusterIP|NodePort|LoadBalancer"},
    {"prom-fake.source-ranges", Kind::ranges, "[]",
     "Address ranges that may reach its load balancer, and so set the value; required for a LoadBalancer"},
    {"prom-fake.service-annotations", Kind::mapping, "{}",
     "Annotations of its Service, for example for a cloud's internal load balancer"},
    {"prom-fake.resources", Kind::mapping, "{requests: {cpu: 1m, memory: 8Mi}}",
     "Resources of its container"},
    // ServiceMonitor
    {"servicemonitor.name", Kind::subdomain, "prom-fake", "Name of the ServiceMonitor"},
    {"servicemonitor.interval", Kind::duration, "5s", "How often Prometheus scrapes prom-fake"},
    // prometheus-adapter
    {"adapter.release", Kind::label, "prometheus-adapter", "Name of the Helm release"},
    {"adapter.namespace", Kind::label, "prom-metrics", "Its namespace"},
    {"adapter.chart", Kind::text, "bundled", "bundled, upstream, a path, or oci://..."},
    {"adapter.chart-version", Kind::text, "''",
     "Version of the chart; empty: the newest (not used for bundled and paths)"},
    {"adapter.image", Kind::image, "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0",
     "Its image"},
    {"adapter.relist-interval", Kind::duration, "1s",
     "How often it lists the series in Prometheus (--metrics-relist-interval)"},
    {"adapter.max-age", Kind::duration, "1m",
     "How far back it looks for series (--metrics-max-age); longer than the scrape interval"},
    {"adapter.resources", Kind::mapping, "{requests: {cpu: 10m, memory: 32Mi}}",
     "Resources of its container"},
    {"adapter.values", Kind::mapping, "{}", "More values for the chart; they override hpawalk's"},
    // KEDA, for `metrics: keda`
    {"keda.namespace", Kind::label, "keda", "Namespace of KEDA's operator and metrics API server"},
    {"keda.image", Kind::image, "ghcr.io/kedacore/keda:2.21.0", "Image of the operator"},
    {"keda.metrics-image", Kind::image, "ghcr.io/kedacore/keda-metrics-apiserver:2.21.0",
     "Image of the metrics API server"},
    {"keda.resources", Kind::mapping, "{requests: {cpu: 10m, memory: 64Mi}}",
     "Resources of each of its containers"},
    {"keda.polling-interval", Kind::duration, "30s",
     "How often KEDA asks for the metric to leave 0 replicas, or to return to them (pollingInterval)"},
    {"keda.cooldown-period", Kind::duration, "5m",
     "How long the metric must be 0 before KEDA returns to 0 replicas (cooldownPeriod)"},
    // HorizontalPodAutoscaler
    {"hpa.name", Kind::subdomain, "nginx", "Name of the HorizontalPodAutoscaler"},
    {"hpa.target", Kind::quantity, "10", "Target value of the metric (type Value)"},
    {"hpa.min", Kind::count, "1", "Minimum number of replicas; 0 only with `metrics: keda`", "0..1000"},
    {"hpa.max", Kind::count, "10", "Maximum number of replicas", "1..1000"},
    {"hpa.behavior", Kind::mapping, "{}", "spec.behavior; empty: none, so the HPA's defaults apply"},
    // Tools
    {"tools.kubectl", Kind::text, "kubectl", "kubectl: a name in PATH, or a path"},
    {"tools.helm", Kind::text, "helm", "helm: a name in PATH, or a path"},
    {"tools.az", Kind::text, "az", "az, the Azure CLI: a name in PATH, or a path"},
    {"tools.kind", Kind::text, "kind", "kind: a name in PATH, or a path"},
    {"tools.minikube", Kind::text, "minikube", "minikube: a name in PATH, or a path"},
    {"tools.k3d", Kind::text, "k3d", "k3d: a name in PATH, or a path"},
};

tl::unexpected<std::string> wrong(std::string text) {
  return tl::unexpected<std::string>(std::move(text));
}

const Pattern label = Pattern::constant("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
const Pattern subdomain =
    Pattern::constant(R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)");
const Pattern label_value = Pattern::constant("([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?");
const Pattern duration = Pattern::constant(
    "(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?");
// [registry[:port]/]path[:tag][@digest]
const Pattern image =
    Pattern::constant(R"(([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]+)?/)?)"
                      R"([a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*)"
                      R"((:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?)");
const Pattern metric = Pattern::constant("[a-zA-Z_][a-zA-Z0-9_]*");
const Pattern quantity = Pattern::constant("[0-9]{1,9}(\\.[0-9]{1,3})?(m|k|M)?");
const Pattern version = Pattern::constant(R"([0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?)");
const Pattern azure_name = Pattern::constant("[A-Za-z0-9_(][-A-Za-z0-9_.() ]*");

Checked check_labels(const yaml::Value& value) {
  if (value.is_null()) return yaml::Value::object();
  if (!value.is_object()) return wrong("must be a map of labels, like {app: web}");
  for (const auto& [name, text] : value.items()) {
    size_t slash = name.find('/');
    std::string prefix = slash == std::string::npos ? "" : name.substr(0, slash);
    std::string own = slash == std::string::npos ? name : name.substr(slash + 1);
    bool prefix_fine = slash == std::string::npos || (prefix.size() <= 253 && subdomain.matches(prefix));
    if (own.empty() || own.size() > 63 || !label_value.matches(own) || !prefix_fine) {
      return wrong(fmt::format("has the label name `{}`, which is invalid in Kubernetes", name));
    }
    if (!text.is_string())
      return wrong(fmt::format("has a label `{}` that is not a string: write \"{}\"", name, json_text(text)));
    const auto& s = text.get_ref<const std::string&>();
    if (s.size() > 63 || !label_value.matches(s)) {
      return wrong(
          fmt::format("has the value `{}` of the label `{}`, which is invalid in Kubernetes", s, name));
    }
    if (name == "app.kubernetes.io/managed-by" || name == "app.kubernetes.io/part-of" ||
        name == "hpawalk/instance") {
      return wrong(fmt::format("must not set the label `{}`, which hpawalk sets", name));
    }
  }
  return value;
}

// 10.0.0.0/8 or 2001:db8::/32, as the API server takes them.
bool is_range(const std::string& text) {
  size_t slash = text.find('/');
  if (slash == std::string::npos) return false;
  std::string address = text.substr(0, slash), length = text.substr(slash + 1);
  unsigned char binary[16];
  bool v4 = inet_pton(AF_INET, address.c_str(), binary) == 1,
       v6 = inet_pton(AF_INET6, address.c_str(), binary) == 1;
  int bits = -1;
  auto [end, bad] = std::from_chars(length.data(), length.data() + length.size(), bits);
  bool whole = bad == std::errc() && end == length.data() + length.size() &&
               (length == "0" || !length.starts_with('0'));
  return (v4 || v6) && whole && bits >= 0 && bits <= (v4 ? 32 : 128);
}

Checked check_ranges(const yaml::Value& value) {
  if (value.is_null()) return yaml::Value::array();
  if (!value.is_array()) return wrong("must be a list of address ranges, like [192.0.2.0/24]");
  for (const yaml::Value& range : value) {
    if (!range.is_string() || !is_range(range.get<std::string>())) {
      return wrong(fmt::format("has `{}`, which is not an address range like 192.0.2.0/24 or 192.0.2.7/32",
                               range.is_string() ? range.get<std::string>() : json_text(range)));
    }
  }
  return value;
}

Checked check_count(const Setting& setting, const yaml::Value& value) {
  auto dots = setting.allowed.find("..");
  long long least = std::stoll(std::string(setting.allowed.substr(0, dots)));
  long long most = std::stoll(std::string(setting.allowed.substr(dots + 2)));
  if (!value.is_number_integer() || value.get<long long>() < least || value.get<long long>() > most) {
    return wrong(fmt::format("must be a whole number from {} to {}", least, most));
  }
  return value;
}

Checked check_choice(const Setting& setting, const yaml::Value& value) {
  std::vector<std::string> all = text::split(setting.allowed, '|');
  if (value.is_string() && std::find(all.begin(), all.end(), value.get<std::string>()) != all.end())
    return value;
  std::string message = "must be " + text::join(all, " or ");
  auto near = value.is_string() ? text::nearest(value.get<std::string>(), all) : std::nullopt;
  return wrong(near ? fmt::format("{}; did you mean {}?", message, *near) : message);
}

bool control_free(const std::string& s) {
  return std::none_of(s.begin(), s.end(),
                      [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; });
}

// Numbers where a text is expected: `version: 3.11` would be 3.11, and 3.10 would be 3.1.
std::string not_a_text(const yaml::Value& value) {
  if (value.is_structured()) return "must be a string, not a map or a list";
  return fmt::format("must be a string: put it in quotes (read as {})", json_text(value));
}

Checked check_text(const Setting& setting, const std::string& s) {
  auto need = [&](bool fine, const char* message) -> Checked {
    if (!fine) return wrong(message);
    return yaml::Value(s);
  };
  if (!is_utf8(s)) return wrong("must be UTF-8");
  switch (setting.kind) {
    case Kind::text: return need(control_free(s), "must be one line");
    case Kind::label:
      return need(
          s.size() <= 63 && label.matches(s),
          "must be at most 63 lowercase letters, digits and '-', with a letter or digit at both ends");
    case Kind::subdomain:
      return need(
          s.size() <= 253 && subdomain.matches(s),
          "must be at most 253 lowercase letters, digits, '-' and '.', with a letter or digit at both ends");
    case Kind::image:
      return need(s.size() <= 512 && image.matches(s), "must be an image, like registry.example.com/web:1.2");
    case Kind::port_name:
      return need(
          s.size() <= 15 && label.matches(s) && s.find("--") == std::string::npos &&
              s.find_first_of("abcdefghijklmnopqrstuvwxyz") != std::string::npos,
          "must be a port name: at most 15 lowercase letters, digits and '-', with at least one letter");
    case Kind::duration:
      return need(!s.empty() && s.size() <= 30 && duration.matches(s) && duration_ms(s) > 0,
                  "must be a duration, like 5s, 1m30s or 500ms");
    case Kind::metric:
      return need(s.size() <= 200 && metric.matches(s),
                  "must be the name of a metric: letters, digits and '_', not beginning with a digit");
    case Kind::quantity:
      return need(quantity.matches(s) && quantity_milli(s) > 0,
                  "must be a quantity above zero, like 10, 500m, 2.5 or 1k");
    case Kind::version: return need(version.matches(s), "must be a version, like 1.2.3 (without a v)");
    case Kind::azure_name:
      return need(s.empty() || (s.size() <= 90 && azure_name.matches(s)),
                  "must be a name: letters, digits, '-', '_', '.' and brackets");
    default: return yaml::Value(s);
  }
}

}  // namespace

std::span<const Setting> settings() {
  return table;
}

const Setting* find_setting(std::string_view path) {
  auto found =
      std::find_if(std::begin(table), std::end(table), [&](const Setting& s) { return s.path == path; });
  return found == std::end(table) ? nullptr : found;
}

bool needs_named_file(const Setting& setting) {
  static constexpr std::array<std::string_view, 5> paths = {"context", "kubeconfig", "operator.bundle",
                                                            "operator.bundle-sha256", "adapter.chart"};
  return setting.path.starts_with("tools.") ||
         std::find(paths.begin(), paths.end(), setting.path) != paths.end();
}

std::string flag_name(const Setting& setting) {
  std::string name = "--" + std::string(setting.path);
  std::replace(name.begin(), name.end(), '.', '-');
  return name;
}

std::string environment_name(const Setting& setting) {
  std::string name = "HPAWALK_" + std::string(setting.path);
  for (char& c : name)
    c = c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string_view kind_name(Kind kind) {
  constexpr std::array<std::string_view, 16> names = {
      "text",     "name",   "name",     "labels",  "image", "number", "port",   "port name",
      "duration", "metric", "quantity", "version", "name",  "choice", "ranges", "map"};
  return names.at(static_cast<size_t>(kind));
}

tl::expected<yaml::Value, std::string> checked(const Setting& setting, const yaml::Value& value) {
  switch (setting.kind) {
    case Kind::labels: return check_labels(value);
    case Kind::mapping:
      if (value.is_null()) return yaml::Value::object();
      if (!value.is_object()) return wrong("must be a map");
      return value;
    case Kind::count: return check_count(setting, value);
    case Kind::choice: return check_choice(setting, value);
    case Kind::ranges: return check_ranges(value);
    case Kind::port:
      if (!value.is_number_integer() || value.get<long long>() < 1 || value.get<long long>() > 65535) {
        return wrong("must be a port, from 1 to 65535");
      }
      return value;
    case Kind::quantity:
      if (value.is_number()) return check_text(setting, json_text(value));
      break;
    default: break;
  }
  if (value.is_null() && (setting.kind == Kind::text || setting.kind == Kind::azure_name))
    return yaml::Value("");
  if (!value.is_string()) return wrong(not_a_text(value));
  return check_text(setting, value.get<std::string>());
}

tl::expected<yaml::Value, std::string> from_text(const Setting& setting, const std::string& text) {
  switch (setting.kind) {
    case Kind::labels:
      if (!text.starts_with('{') && text.find('=') != std::string::npos) {
        yaml::Value map = yaml::Value::object();
        for (const std::string& pair : text::split(text, ',')) {
          size_t equals = pair.find('=');
          if (equals == std::string::npos)
            return wrong(fmt::format("has `{}` where name=value is expected", pair));
          map[pair.substr(0, equals)] = pair.substr(equals + 1);
        }
        return checked(setting, map);
      }
      [[fallthrough]];
    case Kind::ranges:
      if (setting.kind == Kind::ranges && !text.starts_with('[')) {
        yaml::Value list = yaml::Value::array();
        for (const std::string& range : text::split(text, ','))
          list.push_back(std::string(text::trim(range)));
        return checked(setting, list);
      }
      [[fallthrough]];
    case Kind::mapping:
    case Kind::count:
    case Kind::port: {
      Result<yaml::Value> value = yaml::parse(text);
      if (!value) return wrong("is not valid YAML: " + value.error().because);
      return checked(setting, *value);
    }
    default: return checked(setting, yaml::Value(text));
  }
}

long long duration_ms(std::string_view duration) {
  return read_duration(duration).value_or(std::chrono::milliseconds(0)).count();
}

long long quantity_milli(std::string_view quantity) {
  Result<Quantity> read = typed_quantity(quantity);
  return read ? to_milli(*read) : 0;
}

}  // namespace hpawalk::config
