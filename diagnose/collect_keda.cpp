#include "diagnose/collect_keda.hpp"

#include <algorithm>

#include "diagnose/view_keda.hpp"

namespace hpawalk::diagnose {
namespace {

using world::kube_kind;

constexpr size_t most_secrets = 16;  // whose metadata are read

// The API server lists the groups of custom resources like those of adapters.
bool keda_installed(const Facts& facts) {
  std::vector<const Json*> services = facts.items("apiservices");
  return std::any_of(services.begin(), services.end(), [](const Json* service) {
    bool external = text_at(*service, "spec.group") == "external.metrics.k8s.io";
    return text_at(*service, "spec.group") == "keda.sh" ||
           (external && text_at(*service, "spec.service.name").find("keda") != std::string::npos);
  });
}

std::vector<std::string> spaces_of_hpas(const Facts& facts, const CollectOptions& options) {
  std::set<std::string> spaces;
  if (!options.space.empty()) spaces.insert(options.space);
  for (const Json* hpa : facts.items("hpas")) spaces.insert(space_of(*hpa));
  return {spaces.begin(), spaces.end()};
}

// The HPA that KEDA would make, as far as rules look at it.
Json assumed_hpa(const Json& scaled_object) {
  const Json& target = at(scaled_object, "spec.scaleTargetRef");
  const Json& triggers = list_at(scaled_object, "spec.triggers");
  std::string type = triggers.empty() ? "trigger" : text_at(triggers[0], "type");
  Json metric = {{"name", "s0-" + type},
                 {"selector", {{"matchLabels", {{scaled_object_label, name_of(scaled_object)}}}}}};
  return {{"metadata",
           {{"name", hpa_name_of(scaled_object)},
            {"namespace", space_of(scaled_object)},
            {"annotations", {{assumed_mark, of_scaled_object}}}}},
          {"spec",
           {{"scaleTargetRef",
             {{"apiVersion", text_at(target, "apiVersion", "apps/v1")},
              {"kind", text_at(target, "kind", "Deployment")},
              {"name", text_at(target, "name")}}},
            {"metrics",
             {{{"type", "External"},
               {"external", {{"metric", metric}, {"target", {{"type", "AverageValue"}}}}}}}}}},
          {"status", Json::object()}};
}

// The Secrets that a trigger reads, by its TriggerAuthentication.
void read_secrets(Reader& reader, const Json& scaled_object, const std::string& keda_space, size_t& left) {
  for (const Json& trigger : list_at(scaled_object, "spec.triggers")) {
    const Authentication authentication = authentication_of(reader.facts, scaled_object, trigger, keda_space);
    if (authentication.object == nullptr) continue;
    for (const SecretKey& secret : authentication.secrets) {
      std::string key = object_key("secrets", secret.space, secret.name);
      if (reader.facts.find(key) != nullptr || left == 0) continue;
      --left;
      reader.get_metadata(key, kube_kind("Secret").object(secret.space, secret.name));
    }
  }
}

}  // namespace

void read_scaled_objects(Reader& reader, const CollectOptions& options) {
  if (!keda_installed(reader.facts)) return;
  std::vector<std::string> spaces = spaces_of_hpas(reader.facts, options);
  reader.list("scaledobjects", kube_kind("ScaledObject"), spaces);
  reader.run_round();
  bool named = false, cluster_wide = false;
  for (const Json* object : reader.facts.items("scaledobjects")) {
    for (const Json& trigger : list_at(*object, "spec.triggers")) {
      if (text_at(trigger, "authenticationRef.name").empty()) continue;
      bool cluster = text_at(trigger, "authenticationRef.kind") == "ClusterTriggerAuthentication";
      (cluster ? cluster_wide : named) = true;
    }
  }
  if (named) reader.list("triggerauthentications", kube_kind("TriggerAuthentication"), spaces);
  if (cluster_wide)
    reader.list_at_path("clustertriggerauthentications",
                        kube_kind("ClusterTriggerAuthentication").collection());
  reader.run_round();
}

void take_scaled_objects(Facts& facts) {
  Json items = list_at(facts.readings.at("hpas").value, "items");
  bool asked_there = false;
  for (const Json& hpa : items) asked_there |= name_of(hpa) == facts.asked_name;
  for (const Json* object : facts.items("scaledobjects")) {
    if (!facts.asked_space.empty() && space_of(*object) != facts.asked_space) continue;
    std::string name = hpa_name_of(*object);
    if (name_of(*object) == facts.asked_name && !asked_there) facts.asked_name = name;
    bool there = std::any_of(items.begin(), items.end(), [&](const Json& hpa) {
      return space_of(hpa) == space_of(*object) && name_of(hpa) == name;
    });
    if (!there) items.push_back(assumed_hpa(*object));
  }
  facts.readings.at("hpas").value = {{"items", std::move(items)}};
}

void read_keda(Reader& reader, const Adapter& keda) {
  const Facts& facts = reader.facts;
  if (const Json* service = keda_operator_service(facts, keda.space)) {
    for (const Json* pod : pods_of_service(facts, *service)) reader.read_log(*pod);
  }
  size_t left = most_secrets;
  for (const Json* object : facts.items("scaledobjects")) {
    if (text_at(condition(*object, "Ready"), "status") != "True")
      read_secrets(reader, *object, keda.space, left);
  }
}

}  // namespace hpawalk::diagnose
