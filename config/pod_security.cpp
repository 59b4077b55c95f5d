#include "config/pod_security.hpp"

#include <algorithm>

namespace hpawalk::config {

namespace {

yaml::Value entry(const yaml::Value& map, const char* name) {
  return map.is_object() && map.contains(name) ? map.at(name) : yaml::Value();
}

}  // namespace

// https://kubernetes.io/docs/concepts/security/pod-security-standards/
std::vector<std::string> missing_for_restricted(const yaml::Value& context) {
  std::vector<std::string> missing;
  auto need = [&](bool there, const char* what) {
    if (!there) missing.emplace_back(what);
  };
  yaml::Value capabilities = entry(context, "capabilities");
  yaml::Value dropped = entry(capabilities, "drop"), added = entry(capabilities, "add");
  yaml::Value profile = entry(entry(context, "seccompProfile"), "type");
  need(entry(context, "runAsNonRoot") == true, "runAsNonRoot: true");
  need(entry(context, "runAsUser") != 0, "no runAsUser: 0");
  need(entry(context, "allowPrivilegeEscalation") == false, "allowPrivilegeEscalation: false");
  need(std::find(dropped.begin(), dropped.end(), "ALL") != dropped.end(), "capabilities: {drop: [ALL]}");
  need(std::all_of(added.begin(), added.end(),
                   [](const yaml::Value& name) { return name == "NET_BIND_SERVICE"; }),
       "no capabilities added but NET_BIND_SERVICE");
  need(profile == "RuntimeDefault" || profile == "Localhost", "seccompProfile: {type: RuntimeDefault}");
  need(entry(context, "privileged") != true, "no privileged: true");
  return missing;
}

}  // namespace hpawalk::config
