// The adapter: does it run, and which one is it? What it asks and what its rules do have files of their own.
#include <algorithm>
#include <array>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
std::string where(const Context& c) {
  return "prometheus-adapter " + c.adapter.space + "/" + c.adapter.service_name;
}

namespace {

// Kind and name of what owns the pod; a ReplicaSet is named after its Deployment and its pods' hash.
std::pair<std::string, std::string> owner_of(const Json& pod) {
  for (const Json& owner : list_at(pod, "metadata.ownerReferences")) {
    std::string kind = text_at(owner, "kind"), name = text_at(owner, "name");
    if (kind != "ReplicaSet") return {kind, name};
    const Json& hash = at(pod, std::vector<std::string>{"metadata", "labels", "pod-template-hash"});
    std::string end = hash.is_string() ? "-" + hash.get<std::string>() : "";
    if (end.size() > 1 && name.ends_with(end))
      return {"Deployment", name.substr(0, name.size() - end.size())};
  }
  return {};
}

constexpr std::array<std::string_view, 3> owner_kinds = {"Deployment", "StatefulSet", "DaemonSet"};

std::optional<AdapterOwner> by_pods(const Context& c) {
  for (const Json* pod : c.adapter.pods) {
    auto [kind, name] = owner_of(*pod);
    if (std::find(owner_kinds.begin(), owner_kinds.end(), kind) == owner_kinds.end()) continue;
    AdapterOwner owner{{resource_of(kind, "apps/v1"), c.adapter.space, name}, nullptr};
    for (const Json* object : c.facts.items(plural(kind), c.adapter.space)) {
      if (name_of(*object) == name) owner.object = object;
    }
    const Reading* listing = c.facts.listing(plural(kind), c.adapter.space);
    if (owner.object == nullptr && listing != nullptr && listing->read()) continue;  // gone, its pod not yet
    return owner;
  }
  return std::nullopt;
}

std::optional<AdapterOwner> by_service(const Context& c) {
  std::optional<AdapterOwner> found;
  if (c.adapter.service == nullptr) return found;
  for (std::string_view kind : owner_kinds) {
    for (const Json* object : c.facts.items(plural(std::string(kind)), c.adapter.space)) {
      if (!map_matches(at(*c.adapter.service, "spec.selector"), at(*object, "spec.template.metadata.labels")))
        continue;
      if (found) return std::nullopt;  // which of them cannot be said
      found = AdapterOwner{ref_of(resource_of(std::string(kind), "apps/v1"), *object), object};
    }
  }
  return found;
}

}  // namespace

std::optional<AdapterOwner> adapter_owner(const Context& c) {
  return c.adapter.pods.empty() ? by_service(c) : by_pods(c);
}

std::string deployment(const Context& c) {
  std::optional<AdapterOwner> owner = adapter_owner(c);
  return owner ? owner->ref.name : c.adapter.service_name;
}

std::vector<std::string> look_at_adapter(const Context& c) {
  std::optional<AdapterOwner> owner = adapter_owner(c);
  return owner ? look_at("get", owner->ref) : look_for("pods", c.adapter.space);
}

std::optional<std::string> adapter_flag(const Context& c, const std::string& name) {
  for (const std::string& arg : c.adapter.args) {
    if (arg.starts_with("--" + name + "=")) return arg.substr(name.size() + 3);
  }
  return std::nullopt;
}

std::string flag_value(world::Duration duration) {
  auto ms = duration.count();
  return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
}

Fix restart_adapter(const Context& c, const std::string& says) {
  std::optional<AdapterOwner> owner = adapter_owner(c);
  if (!owner) return advice(says, look_for("pods", c.adapter.space));
  return restart(owner->ref, says).value_or(advice(says));
}

Fix wake_adapter(const Context& c) {
  std::optional<AdapterOwner> owner = adapter_owner(c);
  if (c.adapter.pods.empty()) {
    if (owner && owner->object != nullptr && int_at(*owner->object, "spec.replicas", -1) == 0) {
      std::optional<Fix> up = scale(owner->ref, 0, 1, "Scale the adapter up from 0");
      if (up) return *up;
    }
    return advice("Make its pods run: the Service selects pods with " +
                      (c.adapter.service == nullptr ? "labels that were not read"
                                                    : labels_text(at(*c.adapter.service, "spec.selector"))),
                  look_for("deployments", c.adapter.space));
  }
  return advice("Fix the problem that keeps its pod from becoming ready",
                look_at("describe", ref_of("pod", *c.adapter.pods.front())));
}

namespace {

// Where --name stands in the list: its index, and whether the value is a word of its own, after it.
std::optional<std::pair<size_t, bool>> place_of(const Json& list, const std::string& name) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (!list[i].is_string()) continue;
    const auto& word = list[i].get_ref<const std::string&>();
    if (word.starts_with("--" + name + "=")) return std::pair(i, false);
    if (word == "--" + name && i + 1 < list.size()) return std::pair(i, true);
  }
  return std::nullopt;
}

Json flag_operations(const Json& container, size_t index, const std::string& name, const std::string& value) {
  const std::vector<std::string> base = {"spec", "template", "spec", "containers", std::to_string(index)};
  auto path = [&](std::initializer_list<std::string> more) {
    std::vector<std::string> all = base;
    all.insert(all.end(), more);
    return all;
  };
  Json operations = Json::array({operation("test", path({"name"}), text_at(container, "name"))});
  for (const char* field : {"args", "command"}) {
    const Json& list = list_at(container, field);
    auto place = place_of(list, name);
    if (!place) continue;
    auto [i, apart] = *place;
    operations.push_back(operation("test", path({field, std::to_string(i)}), list[i]));
    operations.push_back(operation("replace", path({field, std::to_string(apart ? i + 1 : i)}),
                                   apart ? value : "--" + name + "=" + value));
    return operations;
  }
  operations.push_back(at(container, "args").is_array()
                           ? operation("add", path({"args", "-"}), "--" + name + "=" + value)
                           : operation("add", path({"args"}), Json::array({"--" + name + "=" + value})));
  return operations;
}

}  // namespace

Fix set_adapter_flag(const Context& c, const std::string& name, const std::string& value, std::string says) {
  Fix otherwise = advice(says, look_at_adapter(c));
  std::optional<AdapterOwner> owner = adapter_owner(c);
  if (!owner || owner->object == nullptr) return otherwise;
  const Json& pod = at(*owner->object, "spec.template");
  const Json& containers = list_at(pod, "spec.containers");
  std::string main = main_container(pod);
  for (size_t i = 0; i < containers.size(); ++i) {
    if (text_at(containers[i], "name") != main) continue;
    Json operations = flag_operations(containers[i], i, name, value);
    if (operations.dump(-1, ' ', true, Json::error_handler_t::replace).find("[redacted]") !=
        std::string::npos)
      return otherwise;
    const Json& by =
        at(*owner->object, std::vector<std::string>{"metadata", "labels", "app.kubernetes.io/managed-by"});
    std::string beyond =
        by == "Helm"
            ? "the next Helm upgrade of the adapter reverts it, unless you also set it in the chart's values"
            : "";
    return json_patch(owner->ref, *owner->object, operations, says, beyond).value_or(otherwise);
  }
  return otherwise;
}

Fix edit_rules(const Context& c, const std::string& says, Json rule) {
  std::string where = fmt::format("{} (ConfigMap {}/{}, {}; the adapter reads it when it starts)", says,
                                  c.adapter.space, c.adapter.config_map, c.adapter.config_key);
  return advice_with(where, std::move(rule),
                     look_at("get", {"configmap", c.adapter.space, c.adapter.config_map}));
}

std::string rule_place(const Context& c, const AdapterRule& rule) {
  return fmt::format("ConfigMap {}/{}, {}", c.adapter.space, c.adapter.config_map, rule.title());
}

namespace {

// KEDA names the ScaledObject in the metric's selector, and serves no other metrics.
bool asks_keda(const MetricNeed& need) {
  return !at(need.selector, std::vector<std::string>{"matchLabels", "scaledobject.keda.sh/name"}).is_null();
}

void keda(const Context& c, Report& report) {
  if (!asks_keda(c.need) && !c.hpa.name.starts_with("keda-hpa-")) {
    std::string who = c.adapter.space + "/" + c.adapter.service_name;
    std::vector<std::string> evidence = {
        fmt::format("{} is registered for Service {}", c.need.api_group(), who),
        fmt::format("HPA {}/{}: the metric's selector names no ScaledObject", c.hpa.space, c.hpa.name)};
    for (const std::string& pod : c.other_adapters())
      evidence.push_back("another adapter is running: pod " + pod);
    report.broken(
        "two-adapters", Link::adapter,
        "The API group belongs to KEDA, which serves only the metrics of its ScaledObjects, and this HPA was "
        "not created by a ScaledObject",
        evidence,
        advice("Use KEDA to scale it (a ScaledObject with a prometheus trigger), or register the API group "
               "for the other "
               "adapter: only one adapter can serve it"),
        c.works() ? Certainty::possible : Certainty::certain);
    return;
  }
  report.set(Link::adapter, Mark::note, "KEDA serves this metric; hpawalk checks only its ScaledObject");
  for (const Json* object : c.facts.items("scaledobjects", c.hpa.space)) {
    const Json& ready = condition(*object, "Ready");
    bool ours =
        "keda-hpa-" + name_of(*object) == c.hpa.name || text_at(*object, "status.hpaName") == c.hpa.name;
    if (!ours || text_at(ready, "status") != "False") continue;
    report.broken(
        "keda-scaledobject", Link::adapter,
        fmt::format("KEDA's ScaledObject {} is not Ready: {}", name_of(*object), text_at(ready, "message")),
        {fmt::format("ScaledObject {}: Ready is False: {}", full_name(*object), text_at(ready, "reason"))},
        advice("Fix its trigger, as the condition says",
               look_at("describe", ref_of("scaledobjects.keda.sh", *object))));
  }
}

void config_invalid(const Context& c, Report& report, std::vector<std::string> evidence) {
  evidence.insert(evidence.begin(), fmt::format("ConfigMap {}/{}, {}", c.adapter.space, c.adapter.config_map,
                                                c.adapter.config_key));
  report.broken("adapter-config-invalid", Link::adapter, c.adapter.config_error, std::move(evidence),
                edit_rules(c, "Correct the rules"));
}

bool pods_ready(const Context& c, Report& report) {
  const Reading* pods = c.facts.listing("pods", c.adapter.space);
  if (pods == nullptr || pods->refused()) {
    report.set(Link::adapter, Mark::unknown, why_unread(pods));
    return c.adapter.service != nullptr && !c.adapter.pods.empty();
  }
  const Reading* services = c.facts.listing("services", c.adapter.space);
  if (c.adapter.service == nullptr && (services == nullptr || services->refused())) {
    report.set(Link::adapter, Mark::unknown, why_unread(services));
    return false;
  }
  if (c.adapter.service == nullptr) {  // judge_api says so
    report.set(Link::adapter, Mark::broken,
               fmt::format("Service {}/{} not found", c.adapter.space, c.adapter.service_name));
    return false;
  }
  if (std::any_of(c.adapter.pods.begin(), c.adapter.pods.end(), [](const Json* p) { return pod_ready(*p); }))
    return true;
  std::vector<std::string> evidence = {fmt::format("Service {}/{}: {}, none ready", c.adapter.space,
                                                   c.adapter.service_name,
                                                   plural_count(c.adapter.pods.size(), "pod"))};
  std::string why = c.adapter.pods.empty() ? "has no pods" : "has no ready pod";
  if (!c.adapter.pods.empty()) {
    for (const Json& s : list_at(*c.adapter.pods.front(), "status.containerStatuses")) {
      for (const char* state : {"state.waiting", "state.terminated", "lastState.terminated"}) {
        std::string reason = text_at(at(s, state), "reason");
        if (!reason.empty())
          evidence.push_back(fmt::format("pod {}: {} {}", name_of(*c.adapter.pods.front()), reason,
                                         text_at(at(s, state), "message")));
      }
    }
  }
  for (const std::string& line : c.log()) {
    if (line.starts_with('F') || has(line, "unable to") || has(line, "panic") || has(line, "is forbidden"))
      evidence.push_back("log: " + line);
  }
  if (evidence.size() > 6) evidence.erase(evidence.begin() + 2, evidence.end() - 4);
  if (!c.adapter.config_error.empty()) {
    config_invalid(c, report, std::move(evidence));
    return false;
  }
  std::string cause = "adapter-not-ready";
  for (const std::string& line : evidence) {
    if (has(line, "max age must not be less than relist interval")) {
      cause = "adapter-max-age";
      why =
          fmt::format("does not start: --metrics-max-age ({}) is shorter than --metrics-relist-interval ({})",
                      text::duration(c.adapter.max_age.value_or(world::Duration(0))),
                      text::duration(c.adapter.relist.value_or(world::Duration(0))));
    }
  }
  Fix fix = wake_adapter(c);
  if (cause == "adapter-max-age" && c.adapter.relist)
    fix = set_adapter_flag(c, "metrics-max-age", flag_value(*c.adapter.relist * 2),
                           "Set --metrics-max-age to twice --metrics-relist-interval");
  report.broken(cause, Link::adapter,
                fmt::format("The adapter behind {}/{} {}", c.adapter.space, c.adapter.service_name, why),
                evidence, fix);
  return cause == "adapter-not-ready" && !c.adapter.pods.empty();
}

void no_config(const Context& c, Report& report) {
  if (!c.adapter.config_error.empty()) return config_invalid(c, report, {});
  report.set(Link::adapter, Mark::unknown,
             c.adapter.config_map.empty()
                 ? "hpawalk cannot find the ConfigMap with its rules"
                 : "its rules could not be read: " + why_unread(c.adapter.config_reading));
}

}  // namespace

void judge_adapter(const Context& c, Report& report) {
  if (c.adapter.kind == AdapterKind::keda) return keda(c, report);
  if (c.adapter.service_name.empty()) {
    const Reading* registered = c.facts.find("apiservices");
    bool unseen = registered == nullptr || registered->refused();
    report.set(Link::adapter, Mark::unknown, unseen ? why_unread(registered) : "no adapter is registered");
    return;
  }
  if (!pods_ready(c, report)) return;
  if (c.adapter.kind == AdapterKind::other) {
    report.set(Link::adapter, Mark::note,
               "Service " + c.adapter.space + "/" + c.adapter.service_name +
                   ": an adapter that hpawalk does not support");
    return;
  }
  report.set(Link::adapter, Mark::ok, where(c));
  if (!judge_way_to_prometheus(c, report)) return;
  if (!c.adapter.config) return no_config(c, report);
  judge_listing(c, report);
  judge_naming(c, report);
  judge_ages(c, report);
  std::optional<Reading> probe = c.probe();
  bool served = probe && probe->read();  // some adapters list nothing and serve all the same
  bool whole = report.mark(Link::adapter) == Mark::ok && report.mark(Link::series) == Mark::ok;
  if (whole && c.registered() == false && !served) not_listed(c, report);
}

}  // namespace hpawalk::diagnose
