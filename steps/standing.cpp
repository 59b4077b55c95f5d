#include "steps/standing.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "steps/made_kinds.hpp"
#include "steps/ownership.hpp"
#include "world/kube_change.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

// The entry of a list that the record names by its key fields: k:{"name":"main"}. A key field that is not
// written has its default, which the API server fills in: {"containerPort":80,"protocol":"TCP"}.
const Json* entry_of(const Json& list, std::string_view key) {
  Result<Json> fields = parse_json(key, "a key of managedFields");
  if (!fields || !fields->is_object() || !list.is_array()) return nullptr;
  auto has_key = [&](const Json& entry) {
    bool same = false;
    for (const auto& [name, value] : fields->items()) {
      const Json& own = at(entry, std::vector<std::string>{name});
      if (!own.is_null() && own != value) return false;
      same |= own == value;
    }
    return same;
  };
  auto found = std::find_if(list.begin(), list.end(), has_key);
  return found == list.end() ? nullptr : &*found;
}

bool has_value(const Json& list, std::string_view text) {
  Result<Json> value = parse_json(text, "a value of managedFields");
  return value && list.is_array() && std::find(list.begin(), list.end(), *value) != list.end();
}

// Does the API server's record of fields, {"f:spec": {"f:behavior": {}}}, have more than what is wanted? An
// entry of a list is k: and its key fields, or v: and its value.
bool record_exceeds(const Json& record, const Json& wanted) {
  for (const auto& [key, below] : record.items()) {
    std::string name = key.substr(std::min<size_t>(2, key.size()));
    const Json* own = nullptr;
    if (key.starts_with("f:")) {
      own = wanted.is_object() && wanted.contains(name) ? &wanted[name] : nullptr;
    } else if (key.starts_with("k:")) {
      own = entry_of(wanted, name);
    } else {
      if (key.starts_with("v:") && !has_value(wanted, name)) return true;
      continue;
    }
    if (own == nullptr || record_exceeds(below, *own)) return true;
  }
  return false;
}

// An object without what the API server notes about its changes.
Json without_record(Json object) {
  if (!object.contains("metadata")) return object;
  for (const char* field : {"managedFields", "resourceVersion", "generation"})
    object["metadata"].erase(field);
  return object;
}

Json to_json(const yaml::Value& value) {
  return Json(value);
}

}  // namespace

std::string object_path(const yaml::Value& object) {
  Json o = to_json(object);
  const world::KubeResource* kind = world::find_kube_kind(text_at(o, "kind"));
  if (kind == nullptr) return {};
  return kind->object(kind->namespaced ? text_at(o, "metadata.namespace", "default") : "",
                      text_at(o, "metadata.name"));
}

std::string object_title(const yaml::Value& object) {
  Json o = to_json(object);
  std::string space = text_at(o, "metadata.namespace");
  return fmt::format("{} {}{}", text_at(o, "kind"), text_at(o, "metadata.name"),
                     space.empty() ? "" : " in namespace " + space);
}

bool includes(const Json& live, const Json& wanted) {
  if (wanted.is_object()) {
    for (const auto& [name, value] : wanted.items()) {
      if (live.is_object() && live.contains(name)) {
        if (!includes(live[name], value)) return false;
      } else if (!(value.is_null() || (value.is_structured() && value.empty()))) {
        return false;
      }
    }
    return live.is_object() || wanted.empty();
  }
  if (wanted.is_array()) {
    if (!live.is_array() || live.size() != wanted.size()) return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!includes(live[i], wanted[i])) return false;
    }
    return true;
  }
  return live == wanted;
}

bool owns_more(const Json& live, const Json& wanted) {
  for (const Json& manager : list_at(live, "metadata.managedFields")) {
    if (text_at(manager, "manager") == "hpawalk" && text_at(manager, "operation") == "Apply") {
      return record_exceeds(at(manager, "fieldsV1"), wanted);
    }
  }
  return false;
}

bool would_change(world::KubeApi& api, const std::string& path, const Json& live, const Json& wanted) {
  if (includes(live, wanted) && !owns_more(live, wanted)) return false;
  // Not the same text need not be another value: "1000" is "1k", "0.5" is "500m". The API server is the one
  // to say.
  Result<Json> after = world::kube_dry_apply(api, path, wanted);
  return !after || without_record(*after) != without_record(live);
}

Result<Comparison> compare_apply(world::KubeApi& api, const config::Config& config, const Apply& apply) {
  Result<std::vector<yaml::Value>> objects = yaml::parse_all(apply.yaml);
  if (!objects) return failure(objects.error());
  Comparison result{.standing = Standing::same, .left = apply.yaml};
  std::string left;
  bool dropped = false;
  for (yaml::Value& object : *objects) {
    std::string path = object_path(object);
    if (path.empty()) {
      return failure(ErrorClass::internal, "unknown-kind",
                     "hpawalk does not know where to find " + object_title(object));
    }
    Result<Json> live = world::kube_get(api, path);
    if (!live && !live.error().is("kube-not-found")) return failure(live.error());
    if (live && !is_ours(*live, config)) {
      if (text_at(*live, "kind") != "Namespace") {
        return Comparison{
            .standing = Standing::foreign, .foreign = object_title(object), .instance = instance_of(*live)};
      }
      dropped = true;  // an existing Namespace is used as it is
      continue;
    }
    if (live && text_at(*live, "kind") == "Deployment" &&
        text_at(*live, "metadata.name") == apply.keep_replicas_of) {
      if (object["spec"]["replicas"] != int_at(*live, "spec.replicas", 1)) {
        object["spec"]["replicas"] = int_at(*live, "spec.replicas", 1);
        dropped = true;
      }
    }
    left += (left.empty() ? "" : "---\n") + yaml::block(object);
    bool going = live && !at(*live, "metadata.deletionTimestamp").is_null();
    if (!live || going) {
      result.standing = Standing::absent;
    } else if (result.standing == Standing::same && would_change(api, path, *live, to_json(object))) {
      result.standing = Standing::different;
    }
  }
  if (dropped) result.left = left;
  return result;
}

}  // namespace hpawalk::steps
