#include "diagnose/rules.hpp"

#include <algorithm>
#include <set>

#include "base/printable.hpp"
#include "diagnose/collect.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::vector<std::string> look_at_api(const Context& c) {
  std::string version = version_of(c.adapter).empty() ? "v1beta1" : version_of(c.adapter);
  return {"kubectl", "get", "--raw", world::api_root(c.need.api_group(), version)};
}

Json rule_for(const std::string& group, const std::vector<std::string>& resources) {
  return {{"apiGroups", Json::array({group})},
          {"resources", resources},
          {"verbs", Json::array({"get", "list", "watch"})}};
}

Json binding_to(const std::string& kind, const Json& metadata, const std::string& role_kind,
                const std::string& role, const std::string& user) {
  std::vector<std::string> parts = text::split(user, ':');
  parts.resize(4);
  Json subject = {{"kind", "ServiceAccount"}, {"namespace", parts[2]}, {"name", parts[3]}};
  return {{"apiVersion", "rbac.authorization.k8s.io/v1"},
          {"kind", kind},
          {"metadata", metadata},
          {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", role_kind}, {"name", role}}},
          {"subjects", Json::array({subject})}};
}

Json role_and_binding(const Json& role, const std::string& kind, const std::string& user) {
  Json binding = binding_to(kind, at(role, "metadata"), text_at(role, "kind"), name_of(role), user);
  return {{"apiVersion", "v1"}, {"kind", "List"}, {"items", Json::array({role, binding})}};
}

Fix let_hpa_controller(const std::string& name, const Json& rule, const std::string& says) {
  Json role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
               {"kind", "ClusterRole"},
               {"metadata", {{"name", name}}},
               {"rules", Json::array({rule})}};
  return create({"clusterrolebinding", "", name},
                role_and_binding(role, "ClusterRoleBinding", hpa_controller_user), says)
      .value_or(advice(says));
}

std::string seen(const Reading& reading, std::string_view what) {
  std::string path = reading.path.substr(0, reading.path.find('?'));
  return fmt::format("{}{}: {}", path.starts_with('/') ? "GET " : "", path, what);
}

std::string why_unread(const Reading* reading) {
  if (reading == nullptr) return "not read";
  if (!reading->right.empty()) return "not allowed to " + reading->right;
  return reading->error.empty() ? reading->error_id : reading->error;
}

bool quotes_metrics_api(std::string_view message) {
  for (const char* other : {"unable to map kind", "forbidden"}) {
    if (has(message, other)) return false;
  }
  return has(message, " metrics API");
}

std::string forbidden_user(const std::string& message) {
  const std::string before = "User ";
  size_t start = message.find(before);
  if (start == std::string::npos) return {};
  start =
      message.find_first_not_of("\\\"", start + before.size());  // an answer that is quoted again has both
  if (start == std::string::npos) return {};
  return message.substr(start, message.find_first_of("\\\"", start) - start);
}

bool scale_failed(const Json& hpa) {
  const Json& able = condition(hpa, "AbleToScale");
  return text_at(able, "status") == "False" && text_at(able, "reason") == "FailedGetScale";
}

bool says_nothing(const Reading& reading) {
  for (const char* id : {"kube-forbidden", "kube-busy", "kube-slow", "kube-too-large"}) {
    if (reading.error_id == id) return true;
  }
  return false;
}

std::vector<Row> rows_of(const Json& list) {
  std::vector<Row> rows;
  if (!list.is_array()) return rows;
  for (const Json& in : list) {
    Row row;
    const Json& labels = at(in, "labels");
    if (labels.is_object()) {
      for (const auto& [name, value] : labels.items())
        row.labels[name] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    row.value = text_at(in, "value");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string owner_of(const Facts& facts, const Json& pod) {
  for (const Json& owner : list_at(pod, "metadata.ownerReferences")) {
    std::string kind = text_at(owner, "kind"), name = text_at(owner, "name");
    if (kind != "ReplicaSet") return kind + " " + name;
    const Json* set = facts.object("replicasets", space_of(pod), name);
    if (set == nullptr) return {};  // it was not read
    for (const Json& above : list_at(*set, "metadata.ownerReferences"))
      return text_at(above, "kind") + " " + text_at(above, "name");
    return kind + " " + name;
  }
  return "nobody";
}

std::string mesh_sidecar(const std::vector<const Json*>& pods) {
  static const std::set<std::string> names = {"istio-proxy", "linkerd-proxy", "consul-dataplane",
                                              "kuma-sidecar"};
  for (const Json* pod : pods) {
    for (const char* group : {"spec.containers", "spec.initContainers"}) {
      for (const Json& container : list_at(*pod, group)) {
        std::string name = text_at(container, "name");
        if (names.contains(name)) return fmt::format("pod {} has a container {}", full_name(*pod), name);
      }
    }
  }
  return {};
}

ObjectRef target_ref(const Context& c) {
  return {resource_of(c.hpa.target_kind, c.hpa.scaled.place.api_version()), c.hpa.space, c.hpa.target_name};
}

bool has_ended(const Json& pod) {
  std::string phase = text_at(pod, "status.phase");
  return phase == "Succeeded" || phase == "Failed";
}

std::string why_no_node(const Json& pod) {
  const Json& scheduled = condition(pod, "PodScheduled");
  if (text_at(scheduled, "status") != "False" || has_ended(pod)) return {};
  return text_at(scheduled, "message", text_at(scheduled, "reason"));
}

std::string why_refused(const Json& object) {
  const Json& failure = condition(object, "ReplicaFailure");
  return text_at(failure, "status") == "True" ? text_at(failure, "message") : "";
}

std::vector<std::string> without_node(const std::vector<const Json*>& pods) {
  std::vector<std::string> lines;
  for (const Json* pod : pods) {
    if (std::string why = why_no_node(*pod); !why.empty())
      lines.push_back(fmt::format("pod {} has no node: {}", name_of(*pod), shortened(why, 300)));
  }
  return lines;
}

Fix give_node(const Json& pod) {
  return advice(
      "Change what the scheduler names, such as the pod's requests or node selector, or add a node that fits",
      look_at("describe", ref_of("pod", pod)));
}

void Report::set(Link link, Mark mark, std::string text) {
  // What was found broken stays so, whatever else is seen of the link.
  bool found = std::any_of(chain_.findings.begin(), chain_.findings.end(),
                           [&](const Finding& f) { return f.link == link && f.severity == Mark::broken; });
  if (found && mark != Mark::broken) return;
  chain_.links[static_cast<size_t>(link)] = LinkState{link, mark, std::move(text)};
}

bool Report::broken_before(Link link) const {
  return std::any_of(chain_.findings.begin(), chain_.findings.end(),
                     [&](const Finding& f) { return f.severity == Mark::broken && f.link < link; });
}

bool Report::has(const Cause& cause) const {
  return std::any_of(chain_.findings.begin(), chain_.findings.end(),
                     [&](const Finding& f) { return f.cause == cause.id; });
}

void Report::broken(const Cause& cause, std::string sentence, std::vector<std::string> evidence, Fix fix,
                    Certainty certainty) {
  broken(cause, cause.link, std::move(sentence), std::move(evidence), std::move(fix), certainty);
}

void Report::broken(const Cause& cause, Link link, std::string sentence, std::vector<std::string> evidence,
                    Fix fix, Certainty certainty) {
  LinkState& state = chain_.links[static_cast<size_t>(link)];
  if (state.mark != Mark::broken) set(link, Mark::broken, sentence);
  add({std::string(cause.id), link, Mark::broken, certainty, std::move(sentence), std::move(evidence),
       std::move(fix)});
}

void Report::note(const Cause& cause, std::string sentence, std::vector<std::string> evidence, Fix fix) {
  LinkState& state = chain_.links[static_cast<size_t>(cause.link)];
  if (state.mark == Mark::ok) state.mark = Mark::note;
  add({std::string(cause.id), cause.link, Mark::note, Certainty::certain, std::move(sentence),
       std::move(evidence), std::move(fix)});
}

void Report::add(Finding finding) {
  auto place = std::upper_bound(chain_.findings.begin(), chain_.findings.end(), finding, comes_before);
  chain_.findings.insert(place, std::move(finding));
}

}  // namespace hpawalk::diagnose
