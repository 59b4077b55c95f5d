// The workload that the adapter runs as, and the fixes that change it: its flags, its rules, a restart.
#include <algorithm>
#include <array>

#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {
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

std::string where(const Context& c) {
  return "prometheus-adapter " + c.adapter.space + "/" + c.adapter.service_name;
}

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
    if (owner && owner->object != nullptr && !why_refused(*owner->object).empty())
      return advice("Change what refuses its pods: " + why_refused(*owner->object),
                    look_at("describe", owner->ref));
    return advice("Make its pods run: the Service selects pods with " +
                      (c.adapter.service == nullptr ? "labels that were not read"
                                                    : labels_text(at(*c.adapter.service, "spec.selector"))),
                  look_for("deployments", c.adapter.space));
  }
  if (const Json& pod = *c.adapter.pods.front(); !why_no_node(pod).empty()) return give_node(pod);
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

}  // namespace hpawalk::diagnose
