// The pods that expose the metric and the Service before them.
#include <algorithm>

#include "chain/rules_scrape.hpp"

namespace hpawalk {

void no_such_service(const Scrape& s) {
  std::vector<std::string> names;
  for (const Json* service : s.c.facts.items("services", s.c.hpa.space)) names.push_back(name_of(*service));
  std::optional<std::string> near = text::nearest(s.c.need.object_name, names);
  s.report.broken(
      "object-missing", Link::service,
      fmt::format("The HPA asks for a metric of Service {}, which does not exist in namespace {}{}",
                  s.c.need.object_name, s.c.hpa.space, near ? "; there is " + *near : ""),
      {fmt::format("HPA {}/{}: spec.metrics[{}].object.describedObject.name is {}", s.c.hpa.space,
                   s.c.hpa.name, s.c.need.index, s.c.need.object_name)},
      near ? fmt::format("kubectl patch hpa {} -n {} --type json -p "
                         "'[{{\"op\":\"replace\",\"path\":\"/spec/metrics/{}/object/describedObject/"
                         "name\",\"value\":\"{}\"}}]'",
                         s.c.hpa.name, s.c.hpa.space, s.c.need.index, *near)
           : "Create the Service, or name the right one in the HPA");
  unknown_from(s, Link::monitor, "there is no Service");
}

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
                      fmt::format("kubectl describe pod {} -n {}", name_of(*s.pods.front()), s.c.hpa.space));
      return false;
    }
    return true;
  }
  if (!selector.is_object() || selector.empty()) return true;  // its endpoints are made by hand
  const Json* near = nullptr;
  std::string why;
  size_t best = 0;
  for (const Json* pod : s.c.facts.items("pods", s.c.hpa.space)) {
    const Json& labels = at(*pod, "metadata.labels");
    size_t common = 0;
    for (const auto& [name, value] : selector.items())
      common += labels.is_object() && labels.contains(name) ? (labels[name] == value ? 2 : 1) : 0;
    if (common <= best) continue;
    best = common;
    near = pod;
    why = mismatch(from_map(selector), labels).value_or("");
  }
  Json patch = {{"spec", {{"selector", Json::object()}}}};
  std::string fix = fmt::format("Pods with the labels {} are needed, or another selector in Service {}",
                                labels_text(selector), name_of(service));
  if (near != nullptr) {
    for (const auto& [name, value] : selector.items()) {
      const Json& has = at(*near, {"metadata", "labels", name});
      patch["spec"]["selector"][name] = has;
    }
    fix = patch_command("service " + name_of(service), s.c.hpa.space, patch);
  }
  s.report.broken(
      "service-selects-no-pod", Link::service,
      fmt::format("Service {} selects no pod: its selector is {}{}", name_of(service), labels_text(selector),
                  near == nullptr ? "" : ", and of the nearest pod " + name_of(*near) + ", " + why),
      {fmt::format("Service {}: spec.selector {}", full_name(service), labels_text(selector)),
       fmt::format("pods of namespace {}: none matches", s.c.hpa.space)},
      fix);
  s.report.set(Link::pods, near == nullptr ? Mark::broken : Mark::ok,
               near == nullptr ? "no pod" : "pod " + name_of(*near));
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
      s.report.set(Link::pods, Mark::not_applicable, "nothing says which pods expose it");
      s.report.set(Link::service, Mark::not_applicable, "nothing says which Service it comes from");
      return;
    }
  }
  size_t ready = static_cast<size_t>(
      std::count_if(s.pods.begin(), s.pods.end(), [](const Json* p) { return pod_ready(*p); }));
  if (pods == nullptr || pods->refused()) {
    s.report.set(Link::pods, Mark::unknown, why_unread(pods));
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
                 "no Service before these pods");
  } else {
    s.report.set(Link::service, Mark::ok, "Service " + full_name(*s.services.front()));
  }
}

}  // namespace hpawalk
