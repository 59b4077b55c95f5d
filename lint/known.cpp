#include "lint/known.hpp"

#include <algorithm>

#include "diagnose/fact_key.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::lint {

namespace {

// Does it say what there is, and not how it runs?
bool stays(const std::string& key) {
  switch (diagnose::kind_of(key)) {
    case diagnose::KeyKind::api_server: break;
    case diagnose::KeyKind::prometheus: return diagnose::subject_of(key) == "names";
    case diagnose::KeyKind::discovery:
      return key == diagnose::discovery_key(std::string(world::azure_monitoring_group));
    default: return false;
  }
  static const std::set<std::string> events = {"rejections", "rescales", diagnose::failed_creates};
  return !events.contains(diagnose::subject_of(key)) && !key.starts_with(diagnose::adapter_pods) &&
         !key.starts_with(diagnose::operator_pods);
}

}  // namespace

Known known_from(const diagnose::Facts& facts, const std::vector<std::string>& lists) {
  Known known;
  for (const auto& [key, reading] : facts.readings) {
    auto list = std::find_if(lists.begin(), lists.end(), [&](const std::string& name) {
      bool of_space = key.starts_with(name + "/") && key.find('/', name.size() + 1) == std::string::npos;
      return key == name || of_space;
    });
    if (list == lists.end()) {
      if (stays(key)) known.others[key] = reading;
      continue;
    }
    if (!reading.read()) continue;
    if (key == *list) {
      known.whole.insert(key);
    } else {
      known.spaces[*list].insert(key.substr(list->size() + 1));
    }
    for (const Json& object : list_at(reading.value, "items")) known.objects[*list].push_back(object);
  }
  return known;
}

}  // namespace hpawalk::lint
