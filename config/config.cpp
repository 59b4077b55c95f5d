#include "config/config.hpp"

#include <stdexcept>

#include <fmt/format.h>

#include "base/fingerprint.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "config/pod_security.hpp"

namespace hpawalk::config {

std::string_view origin_name(Origin origin) {
  switch (origin) {
    case Origin::fallback: return "default";
    case Origin::file: return "file";
    case Origin::environment: return "environment";
    case Origin::flag: return "flag";
  }
  return "";
}

// Collects values over one another, and everything that is wrong with them.
struct Config::Reading {
  std::map<std::string, Entry, std::less<>> entries;
  std::vector<std::string> mistakes;
  bool file_named = true;

  void take(const Setting& setting, const tl::expected<yaml::Value, std::string>& value, Origin origin,
            const std::string& where) {
    if (!value) {
      std::string subject = origin == Origin::file ? fmt::format("{}: `{}`", where, setting.path) : where;
      mistakes.push_back(fmt::format("{} {}", subject, value.error()));
      return;
    }
    entries[std::string(setting.path)] = Entry{*value, origin, where};
  }

  void defaults() {
    for (const Setting& setting : settings()) {
      auto value = yaml::parse(setting.fallback);
      auto fine = value ? checked(setting, *value) : tl::unexpected<std::string>("is not YAML");
      if (!fine) throw std::logic_error(fmt::format("the default of {} {}", setting.path, fine.error()));
      take(setting, fine, Origin::fallback, "");
    }
  }

  void file(const std::string& name, const std::string& text, bool named) {
    file_named = named;
    yaml::Lines lines;
    Result<yaml::Value> document = yaml::parse(text, &lines);
    if (!document) {
      mistakes.push_back(fmt::format("{}: {}: {}", name, document.error().what, document.error().because));
    } else if (document->is_object()) {
      group(name, *document, "", lines);
    } else if (!document->is_null()) {
      mistakes.push_back(name + ": must be a map of settings (hpawalk config --example shows one)");
    }
  }

  void group(const std::string& name, const yaml::Value& map, const std::string& above,
             const yaml::Lines& lines) {
    for (const auto& [key, value] : map.items()) {
      std::string path = above.empty() ? key : above + "." + key;
      auto line = lines.find(path);
      std::string where = line == lines.end() ? name : fmt::format("{}:{}", name, line->second);
      if (const Setting* setting = find_setting(path);
          setting != nullptr && !file_named && needs_named_file(*setting)) {
        mistakes.push_back(fmt::format("{}: `{}` is accepted only from a file that you name: --config {}",
                                       where, path, name));
      } else if (setting != nullptr) {
        take(*setting, checked(*setting, value), Origin::file, where);
      } else if (is_group(path) && value.is_object()) {
        group(name, value, path, lines);
      } else if (is_group(path)) {
        if (!value.is_null())
          mistakes.push_back(fmt::format("{}: `{}` must be a map of settings", where, path));
      } else {
        mistakes.push_back(fmt::format("{}: unknown setting `{}`{}", where, path, did_you_mean(path, above)));
      }
    }
  }

  static bool is_group(const std::string& path) {
    for (const Setting& setting : settings()) {
      if (setting.path.starts_with(path + ".")) return true;
    }
    return false;
  }

  // First among the siblings, then among everything; groups count too ("promfake:").
  static std::string did_you_mean(const std::string& path, const std::string& above) {
    std::vector<std::string> siblings, all;
    for (const Setting& setting : settings()) {
      std::string known(setting.path);
      all.push_back(known);
      if (!above.empty() && known.starts_with(above + ".")) siblings.push_back(known);
      if (above.empty()) siblings.push_back(known.substr(0, known.find('.')));
    }
    auto near = text::nearest(path, siblings);
    if (!near) near = text::nearest(path, all);
    return near ? fmt::format("; did you mean `{}`?", *near) : "";
  }

  void environment(const std::map<std::string, std::string>& variables) {
    std::vector<std::string> known;
    for (const Setting& setting : settings()) {
      known.push_back(environment_name(setting));
      for (const std::string& name : {known.back(), std::string(setting.also)}) {
        auto found = variables.find(name);
        if (found == variables.end() || found->second.empty()) continue;
        take(setting, from_text(setting, found->second), Origin::environment, name);
        break;
      }
    }
    for (const char* other : {"HPAWALK_CONFIG", "HPAWALK_DEBUG"}) known.emplace_back(other);
    for (const auto& [name, value] : variables) {
      if (!name.starts_with("HPAWALK_") || std::find(known.begin(), known.end(), name) != known.end())
        continue;
      auto near = text::nearest(name, known);
      // A variable of another tool that happens to begin alike must not stop hpawalk; a misspelt one must.
      if (near) mistakes.push_back(fmt::format("{} is not a setting; did you mean {}?", name, *near));
    }
  }

  void flags(const std::map<std::string, std::string>& values) {
    for (const auto& [path, value] : values) {
      const Setting* setting = find_setting(path);
      if (setting == nullptr) throw std::out_of_range("no setting " + path);
      take(*setting, from_text(*setting, value), Origin::flag, flag_name(*setting));
    }
  }

  // A cluster that kind, minikube or k3d would give its own default name might be somebody's work.
  void name_of_made_cluster() {
    const std::string cluster = entries.at("cluster").value.get<std::string>();
    Entry& name = entries.at("cluster-name");
    bool made = find_setting("tools." + cluster) != nullptr;  // by a program of that name
    if (made && name.origin == Origin::fallback) name.value = "hpawalk";
  }

  // Whose chain it is, where nobody says it: the HPA is what a chain is built for, and there is one of that
  // name in a namespace. A label's value has 63 characters at most.
  void name_of_instance() {
    Entry& instance = entries.at("instance");
    if (instance.value != "") return;
    std::string name = entries.at("namespace").value.get<std::string>() + "." +
                       entries.at("hpa.name").value.get<std::string>();
    constexpr size_t most = 63;
    if (name.size() > most) {
      std::string mark = "-" + fingerprint(name);
      name.resize(most - mark.size());
      name += mark;
    }
    instance.value = name;
  }

  // Naming a context means that cluster, unless something says otherwise in the same or a stronger place.
  void context_means_current() {
    Entry& cluster = entries.at("cluster");
    const Entry& context = entries.at("context");
    if (context.value == "" || cluster.origin >= context.origin) return;
    cluster = Entry{"current", context.origin, context.where};
  }
};

Result<Config> Config::from(const Sources& sources) {
  Reading reading;
  reading.defaults();
  if (!sources.file_name.empty()) reading.file(sources.file_name, sources.file, sources.file_named);
  reading.environment(sources.environment);
  reading.flags(sources.flags);
  reading.context_means_current();
  reading.name_of_made_cluster();
  reading.name_of_instance();
  Config config;
  config.entries_ = std::move(reading.entries);
  if (sources.file_name != default_config_file) config.file_ = sources.file_name;
  config.check_together(reading.mistakes);
  if (reading.mistakes.empty()) return config;
  size_t count = reading.mistakes.size();
  return failure(
      ErrorClass::usage, "config",
      count == 1 ? "The configuration is invalid" : fmt::format("The configuration has {} errors", count),
      text::join(reading.mistakes, "\n"),
      "hpawalk config --example shows every setting; nothing was changed");
}

// A setting in a message: where it was set, or its flag.
std::string Config::named(std::string_view path) const {
  std::string place = where(path);
  return place.empty() || place.starts_with("--") ? flag_name(*find_setting(path))
                                                  : fmt::format("{} (`{}`)", place, path);
}

// What no single value can tell.
void Config::check_together(std::vector<std::string>& mistakes) const {
  auto name = [this](std::string_view path) { return named(path); };
  check_exposure(mistakes);
  check_pod_security(mistakes);
  if (number("hpa.min") > number("hpa.max")) {
    mistakes.push_back(fmt::format("{}: minimum {} is greater than maximum {} ({})", name("hpa.min"),
                                   number("hpa.min"), number("hpa.max"), name("hpa.max")));
  }
  if (number("hpa.min") == 0 && text("metrics") != "keda") {
    mistakes.push_back(fmt::format("{}: 0 replicas need `metrics: keda` (it is `{}`) ({})", name("hpa.min"),
                                   text("metrics"), name("metrics")));
  }
  for (std::string_view path : {"keda.polling-interval", "keda.cooldown-period"}) {
    if (duration(path) % std::chrono::seconds(1) != std::chrono::milliseconds(0))
      mistakes.push_back(fmt::format("{}: {} must be in whole seconds", name(path), text(path)));
  }
  if (duration("adapter.max-age") <= duration("servicemonitor.interval")) {
    mistakes.push_back(
        fmt::format("{}: {} must be longer than the scrape interval, {}; otherwise the adapter drops the "
                    "series between two scrapes",
                    name("adapter.max-age"), text("adapter.max-age"), text("servicemonitor.interval")));
  }
  std::string cluster = text("cluster");
  if (cluster != "current" && !text("context").empty()) {
    mistakes.push_back(
        fmt::format("{}: a context can only be used with `cluster: current` (the cluster is `{}`) ({})",
                    name("context"), cluster, name("cluster")));
  }
  if (cluster != "current" && origin("kubeconfig") == Origin::flag) {
    mistakes.push_back(fmt::format(
        "--kubeconfig: `cluster: {}` has its own kubeconfig; use --cluster current or --context NAME",
        cluster));
  }
  if (cluster == "aks") check_azure(mistakes);
  if (!checked(*find_setting("labels"), yaml::Value{{"instance", text("instance")}})) {
    mistakes.push_back(
        fmt::format("{}: must be a label value: at most 63 letters, digits, '-', '_' and '.', with a letter "
                    "or digit at both ends",
                    name("instance")));
  }
  for (std::string_view path : {"workload.labels", "prom-fake.labels", "prometheus.monitor-labels"}) {
    if (value(path).empty()) mistakes.push_back(fmt::format("{}: must have at least one label", name(path)));
  }
  if (text("workload.name") == text("prom-fake.name")) {
    mistakes.push_back(fmt::format("{}: the workload and prom-fake would have the same Deployment name `{}`",
                                   name("workload.name"), text("workload.name")));
  }
  if (labels("workload.labels") == labels("prom-fake.labels")) {
    mistakes.push_back(
        fmt::format("{}: must differ from prom-fake's labels, or each selector also selects the other's pods",
                    name("workload.labels")));
  }
  if (!text("prom-fake.image").empty()) {
    auto fine = from_text(*find_setting("adapter.image"), text("prom-fake.image"));
    if (!fine) mistakes.push_back(fmt::format("{} {}", name("prom-fake.image"), fine.error()));
  }
  if (!text("prometheus.image").empty()) {
    auto fine = from_text(*find_setting("adapter.image"), text("prometheus.image"));
    if (!fine) mistakes.push_back(fmt::format("{} {}", name("prometheus.image"), fine.error()));
  }
}

// Whoever reaches a load balancer's address sets the metric, and so scales the workload.
void Config::check_exposure(std::vector<std::string>& mistakes) const {
  bool balanced = text("prom-fake.service-type") == "LoadBalancer",
       ranges = !value("prom-fake.source-ranges").empty();
  if (balanced && !ranges) {
    mistakes.push_back(
        fmt::format("{}: a LoadBalancer requires prom-fake.source-ranges: everybody who can reach its "
                    "address can set the metric, and so scale the workload. Set the allowed ranges "
                    "(--prom-fake-source-ranges 192.0.2.0/24; 0.0.0.0/0 is everybody), or use ClusterIP",
                    named("prom-fake.service-type")));
  }
  if (!balanced && ranges) {
    mistakes.push_back(fmt::format("{}: source ranges require prom-fake.service-type LoadBalancer (it is {})",
                                   named("prom-fake.source-ranges"), text("prom-fake.service-type")));
  }
  for (const auto& [key, annotation] : value("prom-fake.service-annotations").items()) {
    if (annotation.is_string()) continue;
    mistakes.push_back(fmt::format("{}: the annotation `{}` is not a string: write \"{}\"",
                                   named("prom-fake.service-annotations"), key, json_text(annotation)));
  }
}

// A namespace that hpawalk makes would refuse the pods that hpawalk makes in it.
void Config::check_pod_security(std::vector<std::string>& mistakes) const {
  std::vector<std::string> missing = missing_for_restricted(value("workload.security-context"));
  if (text("pod-security") != "restricted" || text("namespace") == "default" || missing.empty()) return;
  mistakes.push_back(
      fmt::format("{}: namespace {} enforces Pod Security `restricted`, which also requires {}; "
                  "--pod-security baseline requires less",
                  named("workload.security-context"), text("namespace"), text::join(missing, ", ")));
}

std::string Config::again(const std::string& command) const {
  std::vector<std::string> flags;
  if (!file_.empty()) flags.push_back("--config=" + file_);
  for (std::string_view path :
       {"cluster", "cluster-name", "context", "kubeconfig", "namespace", "instance", "hpa.name"}) {
    std::string flag = flag_name(*find_setting(path));
    if (where(path) == flag) flags.push_back(flag + "=" + text(path));
  }
  return "hpawalk " + command + (flags.empty() ? "" : " " + text::shell_quote(flags));
}

void Config::check_azure(std::vector<std::string>& mistakes) const {
  std::vector<std::string_view> needed = {"aks.resource-group", "aks.cluster-name"};
  if (text("prom-fake.image").empty()) needed.emplace_back("acr.name");
  for (std::string_view path : needed) {
    const Setting& setting = *find_setting(path);
    if (!text(path).empty()) continue;
    mistakes.push_back(
        fmt::format("`cluster: aks` requires {}: {} or ${}", path, flag_name(setting), setting.also));
  }
  std::string registry = text("acr.name");
  bool plain =
      std::all_of(registry.begin(), registry.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
  if (!registry.empty() && (!plain || registry.size() < 5 || registry.size() > 50)) {
    mistakes.push_back(
        fmt::format("acr.name: `{}` must be only the registry's name, 5 to 50 letters and digits; its host "
                    "is acr.login-server",
                    registry));
  }
}

Config Config::with(std::string_view path, std::string_view text, std::string_view where) const {
  Config copy = *this;
  Entry& entry = copy.entries_.find(path)->second;
  entry.value = std::string(text);
  entry.where = where;
  return copy;
}

const Config::Entry& Config::entry(std::string_view path) const {
  auto found = entries_.find(path);
  if (found == entries_.end()) throw std::out_of_range(fmt::format("no setting {}", path));
  return found->second;
}

std::string Config::text(std::string_view path) const {
  const yaml::Value& v = value(path);
  return v.is_string() ? v.get<std::string>() : json_text(v);
}

int Config::number(std::string_view path) const {
  return value(path).get<int>();
}

std::chrono::milliseconds Config::duration(std::string_view path) const {
  return std::chrono::milliseconds(duration_ms(value(path).get_ref<const std::string&>()));
}

std::map<std::string, std::string> Config::labels(std::string_view path) const {
  std::map<std::string, std::string> result;
  for (const auto& [name, label] : value(path).items()) result[name] = label.get<std::string>();
  return result;
}

std::string example_file() {
  std::string out = "# hpawalk.yaml: every setting with its default. To change a setting, remove its #.\n";
  std::string group;
  for (const Setting& setting : settings()) {
    size_t dot = setting.path.find('.');
    std::string own(setting.path.substr(dot == std::string_view::npos ? 0 : dot + 1));
    std::string its_group(dot == std::string_view::npos ? "" : setting.path.substr(0, dot));
    if (its_group != group) out += fmt::format("\n{}:\n", its_group);
    group = its_group;
    std::string indent = group.empty() ? "" : "  ";
    std::string choices = setting.kind == Kind::choice ? fmt::format(" ({})", setting.allowed) : "";
    out +=
        fmt::format("{}# {}{}.\n{}#{}: {}\n", indent, setting.help, choices, indent, own, setting.fallback);
  }
  return out;
}

}  // namespace hpawalk::config
