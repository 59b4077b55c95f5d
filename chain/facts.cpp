#include "chain/facts.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "chain/times.hpp"

namespace hpawalk {

const Reading* Facts::find(const std::string& key) const {
  auto found = readings.find(key);
  return found == readings.end() ? nullptr : &found->second;
}

std::vector<const Json*> Facts::items(const std::string& resource) const {
  std::vector<const Json*> all;
  std::string prefix = resource + "/";
  for (auto here = readings.lower_bound(resource);
       here != readings.end() && here->first.starts_with(resource); ++here) {
    if (here->first != resource && !here->first.starts_with(prefix)) continue;
    for (const Json& item : list_at(here->second.value, "items")) all.push_back(&item);
  }
  return all;
}

std::vector<const Json*> Facts::items(const std::string& resource, std::string_view space) const {
  std::vector<const Json*> some;
  for (const Json* item : items(resource)) {
    if (text_at(*item, "metadata.namespace") == space) some.push_back(item);
  }
  return some;
}

const Reading* Facts::listing(const std::string& resource, const std::string& space) const {
  const Reading* by_space = find(resource + "/" + space);
  return by_space != nullptr ? by_space : find(resource);
}

std::string whole_key(const std::string& resource) {
  return "whole cluster " + resource;
}

const Reading* Facts::whole(const std::string& resource) const {
  const Reading* instead = find(whole_key(resource));
  return instead != nullptr ? instead : find(resource);
}

Json to_json(const Facts& facts) {
  Json readings = Json::object();
  for (const auto& [key, r] : facts.readings) {
    Json& out = readings[key];
    out["path"] = r.path;
    if (r.read()) {
      out["value"] = r.value;
      out["ms"] = r.ms;
    } else {
      out["error"] = {{"id", r.error_id}, {"message", r.error}};
      if (!r.right.empty()) out["error"]["right"] = r.right;
    }
  }
  return {{"hpawalkFacts", Facts::version},
          {"taken", rfc3339(facts.taken)},
          {"asked", {{"namespace", facts.asked_space}, {"name", facts.asked_name}}},
          {"requests", facts.requests},
          {"readings", std::move(readings)}};
}

Result<Facts> facts_from(std::string_view text) {
  auto bad = [](std::string because) {
    return failure(ErrorClass::usage, "facts-file", "This is not a facts file", std::move(because),
                   "Facts files are written by hpawalk diagnose --save FILE");
  };
  // A large cluster's facts may be larger than any single answer.
  Result<Json> parsed = parse_json(text, "It", {.memory = size_t{3} << 30});
  if (!parsed) return bad(parsed.error().because);
  const Json& document = *parsed;
  long long version = int_at(document, "hpawalkFacts", -1);
  if (version < 0) return bad("it has no hpawalkFacts");
  if (version > Facts::version)
    return bad("it was written by a newer hpawalk (version " + std::to_string(version) + ")");
  Facts facts;
  facts.taken = parse_time(text_at(document, "taken")).value_or(WallTime{});
  facts.asked_space = text_at(document, "asked.namespace");
  facts.asked_name = text_at(document, "asked.name");
  facts.requests = static_cast<size_t>(std::max(0LL, int_at(document, "requests")));
  const Json& readings = at(document, "readings");
  if (!readings.is_object()) return bad("it has no readings");
  for (const auto& [key, in] : readings.items()) {
    facts.readings[key] =
        Reading{text_at(in, "path"),        text_at(in, "error.id"), text_at(in, "error.message"),
                text_at(in, "error.right"), at(in, "value"),         int_at(in, "ms")};
  }
  return facts;
}

namespace {

// Who set spec.replicas, from the managed fields.
Json replica_managers(const Json& managed_fields) {
  Json managers = Json::array();
  for (const Json& entry : managed_fields) {
    if (at(entry, {"fieldsV1", "f:spec", "f:replicas"}).is_null()) continue;
    managers.push_back({{"manager", text_at(entry, "manager")},
                        {"operation", text_at(entry, "operation")},
                        {"subresource", text_at(entry, "subresource")},
                        {"time", text_at(entry, "time")}});
  }
  return managers;
}

std::string last_change(const Json& managed_fields) {
  std::string last;
  for (const Json& entry : managed_fields) {
    if (text_at(entry, "subresource") == "status") continue;
    last = std::max(last, text_at(entry, "time"));
  }
  return last;
}

void trim_metadata(Json& metadata) {
  if (auto fields = metadata.find("managedFields"); fields != metadata.end()) {
    Json managers = replica_managers(*fields);
    std::string changed = last_change(*fields);
    metadata.erase(fields);
    if (!managers.empty()) metadata["hpawalkReplicaManagers"] = std::move(managers);
    if (!changed.empty()) metadata["hpawalkLastChange"] = changed;
  }
  auto annotations = metadata.find("annotations");
  if (annotations == metadata.end()) return;
  auto applied = annotations->find("kubectl.kubernetes.io/last-applied-configuration");
  if (applied != annotations->end() && applied->is_string()) {
    Result<Json> last = parse_json(applied->get<std::string>(), "The annotation");
    if (last && at(*last, "spec.replicas").is_number()) metadata["hpawalkAppliedReplicas"] = at(*last, "spec.replicas");
  }
  // Anything may be in annotations, and no rule needs them.
  metadata.erase("annotations");
}

// Of volumes and where they are mounted only ConfigMaps are kept: the adapter's rules come from one.
std::set<std::string> keep_config_volumes(Json& spec) {
  std::set<std::string> kept;
  auto volumes = spec.find("volumes");
  if (volumes == spec.end() || !volumes->is_array()) return kept;
  Json some = Json::array();
  for (const Json& volume : *volumes) {
    Json config = at(volume, "configMap");
    for (const Json& source : list_at(volume, "projected.sources")) {
      const Json& map = at(source, "configMap");
      if (!map.is_null() && text_at(map, "name") != "kube-root-ca.crt") config = map;
    }
    if (config.is_null()) continue;
    some.push_back({{"name", text_at(volume, "name")}, {"configMap", config}});
    kept.insert(text_at(volume, "name"));
  }
  *volumes = std::move(some);
  return kept;
}

void trim_pod_spec(Json& spec) {
  if (!spec.is_object()) return;
  for (const char* gone : {"tolerations", "affinity", "imagePullSecrets", "topologySpreadConstraints"}) {
    spec.erase(gone);
  }
  std::set<std::string> config_volumes = keep_config_volumes(spec);
  for (const char* group : {"containers", "initContainers"}) {
    if (!spec.contains(group) || !spec[group].is_array()) continue;
    for (Json& container : spec[group]) {
      if (!container.is_object()) continue;
      for (const char* gone : {"env", "envFrom", "securityContext", "lifecycle", "terminationMessagePath",
                               "terminationMessagePolicy", "imagePullPolicy"}) {
        container.erase(gone);
      }
      Json mounts = Json::array();
      for (const Json& mount : list_at(container, "volumeMounts")) {
        if (config_volumes.contains(text_at(mount, "name"))) mounts.push_back(mount);
      }
      container.erase("volumeMounts");
      if (!mounts.empty()) container["volumeMounts"] = std::move(mounts);
    }
  }
}

void redact_texts(Json& json) {
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    // The expression behind redact is slow; most texts cannot hold a secret.
    static const std::string_view signs[] = {"earer",  "asic",       "assword",     "oken",
                                             "ecret",  "PASSWORD",   "TOKEN",       "BEARER",
                                             "SECRET", "client-key", "uthorization"};
    for (std::string_view sign : signs) {
      if (text.find(sign) == std::string::npos) continue;
      json = text::redact(text);
      return;
    }
  } else if (json.is_structured()) {
    for (Json& child : json) redact_texts(child);
  }
}

}  // namespace

Json trimmed(Json object) {
  if (auto items = object.find("items"); object.is_object() && items != object.end() && items->is_array()) {
    for (Json& item : *items) item = trimmed(std::move(item));
    return object;
  }
  if (!object.is_object()) return object;
  if (object.contains("metadata") && object["metadata"].is_object()) trim_metadata(object["metadata"]);
  if (object.contains("spec") && object["spec"].is_object()) {
    Json& spec = object["spec"];
    if (spec.contains("containers")) trim_pod_spec(spec);
    if (spec.contains("template") && spec["template"].is_object() && spec["template"].contains("spec")) {
      trim_pod_spec(spec["template"]["spec"]);
    }
    spec.erase("caBundle");
  }
  redact_texts(object);
  return object;
}

}  // namespace hpawalk
