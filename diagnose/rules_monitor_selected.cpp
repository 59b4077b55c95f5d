// Does Prometheus select the monitor, by its labels and its namespace?
#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::monitor_not_selected = {
    .id = "monitor-not-selected",
    .link = Link::monitor,
    .symptom = "The job is not in Prometheus at all",
    .reason =
        "The monitor's labels do not match Prometheus's serviceMonitorSelector (or podMonitorSelector, "
        "scrapeConfigSelector, probeSelector)",
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
Fix select_namespace(const Scrape& s, const Json& prometheus, const Selectable& what) {
  const std::string field = what.field + "NamespaceSelector", own = space_of(*what.object);
  std::string says =
      fmt::format("Make Prometheus {} select {}s in namespace {}", full_name(prometheus), what.kind, own);
  std::string beyond = fmt::format(
      "it then also selects every other {} of namespace {} that its selector matches", what.kind, own);
  ObjectRef ref = ref_of("prometheus", prometheus);
  Fix otherwise = advice(says, look_at("get", ref));
  const Json& selector = at(prometheus, "spec." + field);
  if (selector.is_null()) {
    // Not set means its own namespace. `{}` would mean all of the cluster.
    Json both = {{"key", "kubernetes.io/metadata.name"},
                 {"operator", "In"},
                 {"values", Json::array({space_of(prometheus), own})}};
    return merge_patch(ref, prometheus, {{"spec", {{field, {{"matchExpressions", Json::array({both})}}}}}},
                       says, beyond)
        .value_or(otherwise);
  }
  if (std::optional<Fix> fix = longer_list(s, prometheus, own, field, says, beyond)) return *fix;
  const Json* space = namespace_object(s.c.facts, own);
  if (space == nullptr) return otherwise;
  return labelled({"namespace", "", own}, *space, selector, says, beyond).value_or(otherwise);
}

// The Prometheuses beside this one that select it.
std::vector<const Json*> selected_elsewhere(const Scrape& s, const Json& prometheus, const Selectable& what) {
  std::vector<const Json*> others;
  for (const Json* other : s.c.facts.items("prometheuses")) {
    if (other != &prometheus && selects(s.c.facts, *other, what).answer == Selection::Answer::yes)
      others.push_back(other);
  }
  return others;
}

// The labels that Prometheus asks for, unless that takes the object away from another Prometheus.
Fix select_by_labels(const Scrape& s, const Json& prometheus, const Selectable& what,
                     const std::vector<const Json*>& others) {
  const std::string ref = full_name(prometheus), field = what.field + "Selector";
  const Json& selector = at(prometheus, "spec." + field);
  Json labels = labels_with(*what.object, at(selector, "matchLabels"));
  const Json after = {
      {"metadata",
       {{"name", name_of(*what.object)}, {"namespace", space_of(*what.object)}, {"labels", labels}}}};
  Selectable changed{&after, what.kind, what.resource, what.field};
  for (const Json* other : others) {
    if (selects(s.c.facts, *other, changed).answer == Selection::Answer::yes) continue;
    return advice(
        fmt::format("Make the adapter query Prometheus {0}, or change {1} of Prometheus {2} to select {3} "
                    "too. The labels that Prometheus {2} selects now would take it away from {0}",
                    full_name(*other), field, ref, what.ref()),
        look_at("get", ref_of("prometheus", prometheus)));
  }
  return labelled(ref_of(what.resource, *what.object), *what.object, selector,
                  fmt::format("Give {} the labels that Prometheus {} selects", what.ref(), ref))
      .value_or(advice(fmt::format("Change {} of Prometheus {} to select it", field, ref),
                       look_at("get", ref_of("prometheus", prometheus))));
}

}  // namespace

void not_selected_by(const Scrape& s, const Json& prometheus, const Selectable& what, const Selection& why,
                     const SelectionCauses& causes) {
  std::string ref = full_name(prometheus), space = space_of(*what.object), beside;
  std::vector<const Json*> others = selected_elsewhere(s, prometheus, what);
  for (const Json* other : others)
    beside += (beside.empty() ? "; selected by Prometheus " : ", ") + full_name(*other);
  if (why.by_namespace) {
    s.report.broken(
        causes.by_namespace,
        fmt::format("Prometheus {} does not select {}s in namespace {}: {}", ref, what.kind, space, why.why) +
            beside,
        {fmt::format("Prometheus {}: spec.{}NamespaceSelector {}", ref, what.field,
                     at(prometheus, "spec." + what.field + "NamespaceSelector").dump()),
         fmt::format("namespace {}: labels {}", space, labels_text(namespace_labels(s.c.facts, space)))},
        select_namespace(s, prometheus, what));
  } else {
    const Json& selector = at(prometheus, "spec." + what.field + "Selector");
    s.report.broken(
        causes.by_labels,
        fmt::format("Prometheus {} does not select {}: {}", ref, what.ref(), why.why) + beside,
        {fmt::format("Prometheus {}: spec.{}Selector {}", ref, what.field, selector_text(selector)),
         fmt::format("{}: labels {}", what.ref(), labels_text(at(*what.object, "metadata.labels")))},
        select_by_labels(s, prometheus, what, others));
  }
}

}  // namespace hpawalk::diagnose
