// The pods that expose the metric and the Service before them.
#include <algorithm>
#include <array>
#include <map>

#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

static Fix other_object(const Scrape& s, const std::optional<std::string>& near) {
  std::optional<Fix> fix;
  const std::vector<std::string> path = {"spec",   "metrics",         std::to_string(s.c.need.index),
                                         "object", "describedObject", "name"};
  if (near)
    fix = json_patch(
        ref_of("hpa", *s.c.hpa.object), *s.c.hpa.object,
        Json::array({operation("test", path, s.c.need.object_name), operation("replace", path, *near)}),
        fmt::format("Make the HPA use the metric of Service {}", *near));
  return fix.value_or(
      advice("Create the Service, or correct its name in the HPA", look_for("services", s.c.hpa.space)));
}

void no_such_service(const Scrape& s) {
  std::vector<std::string> names;
  for (const Json* service : s.c.facts.items("services", s.c.hpa.space)) names.push_back(name_of(*service));
  std::optional<std::string> near = text::nearest(s.c.need.object_name, names);
  s.report.broken("object-missing", Link::service,
                  fmt::format("The HPA uses a metric of Service {}, which does not exist in namespace {}{}",
                              s.c.need.object_name, s.c.hpa.space, near ? "; there is " + *near : ""),
                  {fmt::format("HPA {}/{}: spec.metrics[{}].object.describedObject.name is {}", s.c.hpa.space,
                               s.c.hpa.name, s.c.need.index, s.c.need.object_name)},
                  other_object(s, near));
  unknown_from(s, Link::monitor, "Service not found");
}

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
  std::vector<const Json*> all = s.c.facts.items("replicasets", s.c.hpa.space);
  return !owners.empty() && std::any_of(all.begin(), all.end(), [&](const Json* other) {
    return list_at(*other, "metadata.ownerReferences") == owners &&
           int_at(*other, "spec.replicas", 1) > int_at(replica_set, "spec.replicas", 1);
  });
}

// The workload whose pods, if it had any, the selector would match; of several, one that wants pods.
std::optional<Workload> workload_behind(const Scrape& s, const Json& selector) {
  std::optional<Workload> found;
  for (const auto& [resource, kind] : workload_kinds) {
    for (const Json* object : s.c.facts.items(resource, s.c.hpa.space)) {
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
  const std::string ref = workload.kind + " " + workload.name, &space = s.c.hpa.space;
  const ObjectRef object = {resource_of(workload.kind, workload.api), space, workload.name};
  std::string sentence;
  Fix fix;
  if (workload.wanted > 0) {
    sentence = fmt::format("{} desires {}, but none exists{}", ref,
                           plural_count(static_cast<size_t>(workload.wanted), "pod"),
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
  s.report.broken("source-without-pods", Link::pods,
                  fmt::format("Service {} has no pod: {}", name_of(service), sentence),
                  {fmt::format("Service {}: spec.selector {}", full_name(service),
                               labels_text(at(service, "spec.selector"))),
                   fmt::format("{}: the labels of its pods match, {} desired", ref, workload.wanted)},
                  fix);
}

// The pod whose labels are the nearest to what the selector asks for, without those that it does not ask for.
std::pair<const Json*, Json> nearest_pod(const Scrape& s, const Json& selector) {
  std::map<std::string, std::pair<const Json*, Json>> pods;
  for (const Json* pod : s.c.facts.items("pods", s.c.hpa.space)) {
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

void selects_no_pod(const Scrape& s, const Json& service) {
  const Json& selector = at(service, "spec.selector");
  std::string why;
  Fix fix = advice(fmt::format("Create pods with the labels {}, or change the selector of Service {}",
                               labels_text(selector), name_of(service)),
                   look_for("pods", s.c.hpa.space));
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
      fmt::format("pods of namespace {}: none matches", s.c.hpa.space)};
  Certainty certainty = Certainty::certain;
  for (const auto& [resource, kind] : workload_kinds) {
    const Reading* listed = s.c.facts.listing(resource, s.c.hpa.space);
    if (listed != nullptr && !listed->refused()) continue;
    certainty = Certainty::likely;  // it may be one that is scaled to 0
    evidence.push_back(fmt::format("{}: {}", resource, why_unread(listed)));
  }
  s.report.broken("service-selects-no-pod", Link::service,
                  fmt::format("Service {} selects no pod: its selector is {}{}", name_of(service),
                              labels_text(selector), why),
                  evidence, fix, certainty);
  s.report.set(Link::pods, near == nullptr ? Mark::broken : Mark::ok,
               near == nullptr ? "no pod" : "pod " + name_of(*near));
}

}  // namespace

bool service_has_pods(const Scrape& s, const Json& service) {
  if (s.report.mark(Link::pods) == Mark::unknown) return true;
  const Json& selector = at(service, "spec.selector");
  if (!s.pods.empty()) {
    if (s.report.mark(Link::pods) == Mark::broken) {
      std::string why;
      for (const Json* pod : s.pods) {
        for (const Json& container : list_at(*pod, "status.containerStatuses")) {
          for (const char* state : {"state.waiting", "state.terminated", "lastState.terminated"}) {
            if (why.empty()) why = text_at(at(container, state), "reason");
          }
        }
      }
      s.report.broken("source-pods-not-ready", Link::pods,
                      fmt::format("No pod behind Service {} is ready{}", name_of(service),
                                  why.empty() ? "" : " (" + why + ")"),
                      {fmt::format("{}: none ready", plural_count(s.pods.size(), "pod"))},
                      advice("Fix the problem that keeps it from becoming ready",
                             look_at("describe", ref_of("pod", *s.pods.front()))));
      return false;
    }
    return true;
  }
  if (!selector.is_object() || selector.empty()) return true;  // its endpoints are made by hand
  if (std::optional<Workload> workload = workload_behind(s, selector)) {
    workload_without_pods(s, service, *workload);
  } else {
    selects_no_pod(s, service);
  }
  unknown_from(s, Link::monitor, "the Service has no pods");
  return false;
}

// The marks of pods and Service; with `proven`, they only inform.
void pods_and_services(const Scrape& s, bool proven) {
  const Reading* pods = s.c.facts.listing("pods", s.c.hpa.space);
  const Reading* services = s.c.facts.listing("services", s.c.hpa.space);
  if (s.pods.empty() && s.services.empty() &&
      (s.c.need.external() || s.c.need.resource.resource != "services")) {
    if (s.c.need.type != "Pods") {
      s.report.set(Link::pods, Mark::not_applicable, "unknown which pods expose it");
      s.report.set(Link::service, Mark::not_applicable, "unknown which Service it comes from");
      return;
    }
  }
  size_t ready = static_cast<size_t>(
      std::count_if(s.pods.begin(), s.pods.end(), [](const Json* p) { return pod_ready(*p); }));
  bool by_service = s.c.need.type == "Object" && s.c.need.resource.resource == "services";
  if (pods == nullptr || pods->refused()) {
    s.report.set(Link::pods, Mark::unknown, why_unread(pods));
  } else if (by_service && s.services.empty() && (services == nullptr || services->refused())) {
    s.report.set(Link::pods, Mark::unknown, "the Service that says which they are: " + why_unread(services));
  } else {
    s.report.set(Link::pods, ready > 0 || proven ? Mark::ok : Mark::broken,
                 fmt::format("{} of {} ready", ready, plural_count(s.pods.size(), "pod")));
  }
  if (services == nullptr || services->refused()) {
    s.report.set(Link::service, Mark::unknown, why_unread(services));
  } else if (s.services.empty()) {
    s.report.set(Link::service,
                 s.c.need.type == "Pods" ? Mark::not_applicable
                 : proven                ? Mark::ok
                                         : Mark::broken,
                 "no Service in front of these pods");
  } else {
    s.report.set(Link::service, Mark::ok, "Service " + full_name(*s.services.front()));
  }
}

}  // namespace hpawalk::diagnose
