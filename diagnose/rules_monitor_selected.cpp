// Does Prometheus select the monitor, by its labels and its namespace?
#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::monitor_not_selected = {
    .id = "monitor-not-selected",
    .link = Link::monitor,
    .symptom = "The job is not in Prometheus at all",
    .reason = "The monitor's labels do not match Prometheus's serviceMonitorSelector (or podMonitorSelector)",
    .detection = "The selector is evaluated",
    .fix = "Add the label"};

const Cause cause::monitor_namespace_not_selected = {
    .id = "monitor-namespace-not-selected",
    .link = Link::monitor,
    .symptom = "The job is not in Prometheus at all",
    .reason =
        "serviceMonitorNamespaceSelector excludes the monitor's namespace; unset means only the namespace of "
        "the Prometheus",
    .detection = "The selector against the namespace's labels",
    .fix = "Widen it or label the namespace"};

namespace {

const Json* namespace_object(const Scrape& s, const std::string& name) {
  for (const Json* object : s.c.facts.items("namespaces")) {
    if (name_of(*object) == name) return object;
  }
  return nullptr;
}

// The selector gets one namespace more where it is a list of names; otherwise nothing.
std::optional<Fix> longer_list(const Scrape& s, const Json& prometheus, const std::string& space,
                               const std::string& field, const std::string& says, const std::string& beyond) {
  const Json& selector = at(prometheus, "spec." + field);
  const Json& expressions = list_at(selector, "matchExpressions");
  for (size_t i = 0; i < expressions.size(); ++i) {
    const Json& e = expressions[i];
    if (text_at(e, "key") != "kubernetes.io/metadata.name" || text_at(e, "operator") != "In") continue;
    Json longer = selector;
    longer["matchExpressions"][i]["values"].push_back(space);
    if (!matches(longer, namespace_labels(s.c.facts, space))) return std::nullopt;
    auto below = [&](std::vector<std::string> more) {
      std::vector<std::string> path = {"spec", field, "matchExpressions", std::to_string(i)};
      path.insert(path.end(), more.begin(), more.end());
      return path;
    };
    ObjectRef ref = ref_of("prometheus", prometheus);
    return json_patch(ref, prometheus,
                      Json::array({operation("test", below({"key"}), at(e, "key")),
                                   operation("test", below({"operator"}), "In"),
                                   operation("add", below({"values", "-"}), space)}),
                      says, beyond)
        .value_or(advice(says, look_at("get", ref)));
  }
  return std::nullopt;
}

// The monitor's namespace for Prometheus, and no other.
Fix select_namespace(const Scrape& s, const Json& prometheus, const Monitor& m, const std::string& field) {
  std::string says =
      fmt::format("Make Prometheus {} select {}s in namespace {}", full_name(prometheus), m.kind(), m.space);
  std::string beyond = fmt::format(
      "it then also selects every other {} of namespace {} that its selector matches", m.kind(), m.space);
  ObjectRef ref = ref_of("prometheus", prometheus);
  Fix otherwise = advice(says, look_at("get", ref));
  const Json& selector = at(prometheus, "spec." + field);
  if (selector.is_null()) {
    // Not set means its own namespace. `{}` would mean all of the cluster.
    Json both = {{"key", "kubernetes.io/metadata.name"},
                 {"operator", "In"},
                 {"values", Json::array({space_of(prometheus), m.space})}};
    return merge_patch(ref, prometheus, {{"spec", {{field, {{"matchExpressions", Json::array({both})}}}}}},
                       says, beyond)
        .value_or(otherwise);
  }
  if (std::optional<Fix> fix = longer_list(s, prometheus, m.space, field, says, beyond)) return *fix;
  const Json* space = namespace_object(s, m.space);
  if (space == nullptr) return otherwise;
  return labelled({"namespace", "", m.space}, *space, selector, says, beyond).value_or(otherwise);
}

}  // namespace

void not_selected_by(const Scrape& s, const Json& prometheus, const Monitor& m, const Selection& why) {
  std::string field = m.pods ? "podMonitor" : "serviceMonitor";
  std::string ref = full_name(prometheus);
  if (why.by_namespace) {
    s.report.broken(
        cause::monitor_namespace_not_selected,
        fmt::format("Prometheus {} does not select {}s in namespace {}: {}", ref, m.kind(), m.space, why.why),
        {fmt::format("Prometheus {}: spec.{}NamespaceSelector {}", ref, field,
                     at(prometheus, "spec." + field + "NamespaceSelector").dump()),
         fmt::format("namespace {}: labels {}", m.space, labels_text(namespace_labels(s.c.facts, m.space)))},
        select_namespace(s, prometheus, m, field + "NamespaceSelector"));
  } else {
    std::string says = fmt::format("Give {} the labels that Prometheus {} selects", m.ref(), ref);
    s.report.broken(
        cause::monitor_not_selected,
        fmt::format("Prometheus {} does not select {}: {}", ref, m.ref(), why.why),
        {fmt::format("Prometheus {}: spec.{}Selector {}", ref, field,
                     selector_text(at(prometheus, "spec." + field + "Selector"))),
         fmt::format("{}: labels {}", m.ref(), labels_text(at(*m.object, "metadata.labels")))},
        labelled(ref_of_monitor(m), *m.object, at(prometheus, "spec." + field + "Selector"), says)
            .value_or(advice(fmt::format("Change {}Selector of Prometheus {} to select it", field, ref),
                             look_at("get", ref_of("prometheus", prometheus)))));
  }
  s.report.set(Link::prometheus, Mark::unknown, "skipped: needs the monitor");
}

}  // namespace hpawalk::diagnose
