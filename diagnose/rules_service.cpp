// The pods that expose the metric and the Service in front of them.
#include <algorithm>

#include "diagnose/rules_scrape.hpp"

namespace hpawalk::diagnose {

const Cause cause::source_pods_not_ready = {.id = "source-pods-not-ready",
                                            .link = Link::pods,
                                            .symptom = "The target is missing or down",
                                            .reason = "No pod that should expose the metric is ready",
                                            .detection = "Ready conditions of the pods behind the Service",
                                            .fix = "Look at the pods' events and logs"};

const Cause cause::object_missing = {
    .id = "object-missing",
    .link = Link::service,
    .symptom = "The metric of a Service is never found",
    .reason = "The HPA names a Service that does not exist",
    .detection = "The HPA's describedObject against the Services of its namespace",
    .fix = "Correct the name; the closest name is suggested"};

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
      advice("Create the Service, or correct its name in the HPA", look_for("services", s.space)));
}

void no_such_service(const Scrape& s) {
  std::vector<std::string> names;
  for (const Json* service : s.c.facts.items("services", s.space)) names.push_back(name_of(*service));
  std::optional<std::string> near = text::nearest(s.c.need.object_name, names);
  s.report.broken(cause::object_missing,
                  fmt::format("The HPA uses a metric of Service {}, which does not exist in namespace {}{}",
                              s.c.need.object_name, s.space, near ? "; there is " + *near : ""),
                  {fmt::format("HPA {}/{}: spec.metrics[{}].object.describedObject.name is {}", s.space,
                               s.c.hpa.name, s.c.need.index, s.c.need.object_name)},
                  other_object(s, near));
  unknown_from(s, Link::monitor, "Service not found");
}

static void pods_not_ready(const Scrape& s, const Json& service) {
  std::string why;
  for (const Json* pod : s.pods) {
    for (const Json& container : list_at(*pod, "status.containerStatuses")) {
      for (const char* state : {"state.waiting", "state.terminated", "lastState.terminated"}) {
        if (why.empty()) why = text_at(at(container, state), "reason");
      }
    }
  }
  const Json& first = *s.pods.front();
  bool no_node = !why_no_node(first).empty();
  std::vector<std::string> evidence = without_node(s.pods);
  evidence.insert(evidence.begin(), fmt::format("{}: none ready", text::count(s.pods.size(), "pod")));
  s.report.broken(cause::source_pods_not_ready,
                  fmt::format("No pod behind Service {} is ready{}", name_of(service),
                              no_node       ? ": " + evidence[1]
                              : why.empty() ? ""
                                            : " (" + why + ")"),
                  evidence,
                  no_node ? give_node(first)
                          : advice("Fix the problem that keeps it from becoming ready",
                                   look_at("describe", ref_of("pod", first))));
}

bool service_has_pods(const Scrape& s, const Json& service) {
  if (s.report.mark(Link::pods) == Mark::unknown) return true;
  if (!s.pods.empty()) {
    if (s.report.mark(Link::pods) != Mark::broken) return true;
    pods_not_ready(s, service);
    return false;
  }
  const Json& selector = at(service, "spec.selector");
  if (!selector.is_object() || selector.empty()) return true;  // its endpoints are made by hand
  no_pods_behind(s, service);
  unknown_from(s, Link::monitor, "the Service has no pods");
  return false;
}

static void mark_pods(const Scrape& s, bool proven) {
  const Reading* pods = s.c.facts.listing("pods", s.space);
  const Reading* services = s.c.facts.listing("services", s.space);
  bool by_service = s.c.need.type == "Object" && s.c.need.resource.resource == "services";
  if (pods == nullptr || pods->refused()) {
    s.report.set(Link::pods, Mark::unknown, why_unread(pods));
  } else if (by_service && s.services.empty() && (services == nullptr || services->refused())) {
    s.report.set(Link::pods, Mark::unknown, "the Service that says which they are: " + why_unread(services));
  } else if (s.c.need.type == "Pods" && s.c.hpa.pod_selector.is_null()) {
    s.report.set(Link::pods, Mark::unknown, "the selector of the scale target's pods is unknown");
  } else {
    size_t ready = static_cast<size_t>(
        std::count_if(s.pods.begin(), s.pods.end(), [](const Json* p) { return pod_ready(*p); }));
    s.report.set(Link::pods, ready > 0 || proven ? Mark::ok : Mark::broken,
                 fmt::format("{} of {} ready", ready, text::count(s.pods.size(), "pod")));
  }
}

static void mark_service(const Scrape& s, bool proven) {
  const Reading* services = s.c.facts.listing("services", s.space);
  if (services == nullptr || services->refused()) {
    s.report.set(Link::service, Mark::unknown, why_unread(services));
  } else if (s.services.empty()) {
    s.report.set(Link::service,
                 s.c.need.type == "Pods" || s.remembered ? Mark::not_applicable
                 : proven                                ? Mark::ok
                                                         : Mark::broken,
                 "no Service in front of these pods");
  } else {
    s.report.set(Link::service, Mark::ok, "Service " + full_name(*s.services.front()));
  }
}

// The marks of pods and Service; with `proven`, they only inform.
void pods_and_services(const Scrape& s, bool proven) {
  bool of_services = !s.c.need.external() && s.c.need.resource.resource == "services";
  if (s.pods.empty() && s.services.empty() && !of_services && s.c.need.type != "Pods") {
    s.report.set(Link::pods, Mark::not_applicable, "unknown which pods expose it");
    s.report.set(Link::service, Mark::not_applicable, "unknown which Service it comes from");
    return;
  }
  mark_pods(s, proven);
  mark_service(s, proven);
}

}  // namespace hpawalk::diagnose
