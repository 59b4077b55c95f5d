// A Service without pods: has the workload behind it none, or does the selector match no workload?
#include <algorithm>
#include <array>
#include <map>

#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

const Cause cause::source_without_pods = {
    .id = "source-without-pods",
    .link = Link::pods,
    .symptom = "0/0 targets",
    .reason = "The workload behind the Service is scaled to 0, or its pods cannot be created",
    .detection =
        "The Service's selector against the labels in the templates of Deployments, StatefulSets, DaemonSets "
        "and ReplicaSets (which also cover custom kinds), and their desired pods",
    .fix = "Scale it up, or see the FailedCreate events"};

const Cause cause::service_selects_no_pod = {
    .id = "service-selects-no-pod",
    .link = Link::service,
    .symptom = "0/0 targets",
    .reason = "The Service's selector matches no pod, so it has no endpoints",
    .detection = "The selector against the pods' labels; EndpointSlices",
    .fix = "Correct the selector or the labels"};

namespace {

struct Workload {
  std::string kind, name, api;
  long long wanted = 0;  // pods
  std::string trouble;   // why none can be made, as its controller says: "exceeded quota ..."
};

constexpr std::array<std::pair<const char*, const char*>, 4> workload_kinds = {
    {{"deployments", "Deployment"},
     {"statefulsets", "StatefulSet"},
     {"daemonsets", "DaemonSet"},
     {"replicasets", "ReplicaSet"}}};

Workload workload_from(const Json& object, const std::string& kind) {
  long long wanted = kind == "DaemonSet" ? int_at(object, "status.desiredNumberScheduled")
                                         : int_at(object, "spec.replicas", 1);
  Workload workload{kind, name_of(object), "apps/v1", wanted,
                    text_at(condition(object, "ReplicaFailure"), "message")};
  // Kinds that are not read (an Argo Rollout) are seen by their ReplicaSets.
  for (const Json& owner : list_at(object, "metadata.ownerReferences")) {
    workload.kind = text_at(owner, "kind");
    workload.name = text_at(owner, "name");
    workload.api = text_at(owner, "apiVersion", "apps/v1");
  }
  return workload;
}

// An older ReplicaSet: its owner wants the pods of another one.
bool outdated(const Scrape& s, const Json& replica_set) {
  const Json& owners = list_at(replica_set, "metadata.ownerReferences");
  std::vector<const Json*> all = s.c.facts.items("replicasets", s.space);
  return !owners.empty() && std::any_of(all.begin(), all.end(), [&](const Json* other) {
    return list_at(*other, "metadata.ownerReferences") == owners &&
           int_at(*other, "spec.replicas", 1) > int_at(replica_set, "spec.replicas", 1);
  });
}

// The workload whose pods, if it had any, the selector would match; of several, one that wants pods.
std::optional<Workload> workload_behind(const Scrape& s, const Json& selector) {
  std::optional<Workload> found;
  for (const auto& [resource, kind] : workload_kinds) {
    for (const Json* object : s.c.facts.items(resource, s.space)) {
      if (!map_matches(selector, at(*object, "spec.template.metadata.labels")) || outdated(s, *object))
        continue;
      Workload workload = workload_from(*object, kind);
      if (!found || workload.wanted > found->wanted) found = workload;
    }
  }
  return found;
}

// The selector is right, but there is nothing to select.
void workload_without_pods(const Scrape& s, const Json& service, const Workload& workload) {
  const std::string ref = workload.kind + " " + workload.name, &space = s.space;
  const ObjectRef object = {resource_of(workload.kind, workload.api), space, workload.name};
  std::string sentence;
  Fix fix;
  if (workload.wanted > 0) {
    sentence = fmt::format("{} desires {}, but none exists{}", ref,
                           text::count(static_cast<size_t>(workload.wanted), "pod"),
                           workload.trouble.empty() ? "" : ": " + workload.trouble);
    fix = advice(
        "Fix the problem that prevents the creation of its pods: a quota, a webhook, a service account",
        look_at("describe", object));
  } else if (workload.kind == "DaemonSet") {
    sentence = ref + " fits no node";
    fix = advice("Give a node the labels and taints that the pod requires", look_at("describe", object));
  } else {
    sentence = ref + " is scaled to 0";
    fix = scale(object, 0, 1, "Scale it up").value_or(advice("Scale it up"));
  }
  s.report.broken(cause::source_without_pods,
                  fmt::format("Service {} has no pod: {}", name_of(service), sentence),
                  {fmt::format("Service {}: spec.selector {}", full_name(service),
                               labels_text(at(service, "spec.selector"))),
                   fmt::format("{}: the labels of its pods match, {} desired", ref, workload.wanted)},
                  fix);
}

// The pod whose labels are the nearest to what the selector asks for, without those that it does not ask for.
std::pair<const Json*, Json> nearest_pod(const Scrape& s, const Json& selector) {
  std::map<std::string, std::pair<const Json*, Json>> pods;
  for (const Json* pod : s.c.facts.items("pods", s.space)) {
    Json labels = Json::object();
    for (const auto& [name, value] : selector.items()) {
      const Json& own = at(*pod, {"metadata", "labels", name});
      if (own.is_string()) labels[name] = own;
    }
    if (labels.size() == selector.size()) pods.try_emplace(labels_text(labels), pod, labels);
  }
  std::vector<std::string> texts;
  for (const auto& [text, pod] : pods) texts.push_back(text);
  std::optional<std::string> near = text::nearest(labels_text(selector), texts);
  return near ? pods.at(*near) : std::pair<const Json*, Json>{};
}

// Of the workloads that could not be listed, one could be the one whose pods are missing.
std::vector<std::string> unread_workloads(const Scrape& s) {
  std::vector<std::string> unread;
  for (const auto& [resource, kind] : workload_kinds) {
    const Reading* listed = s.c.facts.listing(resource, s.space);
    if (listed == nullptr || listed->refused())
      unread.push_back(fmt::format("{}: {}", resource, why_unread(listed)));
  }
  return unread;
}

void selects_no_pod(const Scrape& s, const Json& service) {
  const Json& selector = at(service, "spec.selector");
  std::string why;
  Fix fix = advice(fmt::format("Create pods with the labels {}, or change the selector of Service {}",
                               labels_text(selector), name_of(service)),
                   look_for("pods", s.space));
  auto [near, labels] = nearest_pod(s, selector);
  if (near != nullptr) {
    why = fmt::format(", and of the closest pod {}, {}", name_of(*near),
                      mismatch(from_map(selector), labels).value_or(""));
    fix = merge_patch(ref_of("service", service), service, {{"spec", {{"selector", labels}}}},
                      fmt::format("Make Service {} select pods such as {}", name_of(service), name_of(*near)),
                      "all requests to this Service then go to those pods")
              .value_or(fix);
  }
  std::vector<std::string> evidence = {
      fmt::format("Service {}: spec.selector {}", full_name(service), labels_text(selector)),
      fmt::format("pods of namespace {}: none matches", s.space)};
  std::vector<std::string> unread = unread_workloads(s);
  evidence.insert(evidence.end(), unread.begin(), unread.end());
  s.report.broken(cause::service_selects_no_pod,
                  fmt::format("Service {} selects no pod: its selector is {}{}", name_of(service),
                              labels_text(selector), why),
                  evidence, fix, unread.empty() ? Certainty::certain : Certainty::likely);
  s.report.set(Link::pods, near == nullptr ? Mark::broken : Mark::ok,
               near == nullptr ? "no pod" : "pod " + name_of(*near));
}

}  // namespace

void no_pods_behind(const Scrape& s, const Json& service) {
  if (std::optional<Workload> workload = workload_behind(s, at(service, "spec.selector"))) {
    workload_without_pods(s, service, *workload);
  } else {
    selects_no_pod(s, service);
  }
}

}  // namespace hpawalk::diagnose
