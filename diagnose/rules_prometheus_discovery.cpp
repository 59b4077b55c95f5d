// A job without targets: may Prometheus look for them, and is there anything to find?
#include "diagnose/collect.hpp"
#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::prometheus_cannot_discover = {
    .id = "prometheus-cannot-discover",
    .link = Link::prometheus,
    .symptom = "The job exists, but has no targets",
    .reason = "Prometheus's service account may not list services, endpoints and pods in the namespace",
    .detection = "SubjectAccessReviews as that account",
    .fix = "A Role and a RoleBinding"};

const Cause cause::target_not_discovered = {
    .id = "target-not-discovered",
    .link = Link::prometheus,
    .symptom = "The job exists, but has no targets",
    .reason = "Relabelings drop the targets, or they have not been discovered yet",
    .detection = "Active targets of the job",
    .fix = "Status > Service discovery in Prometheus"};

namespace {

Fix allow_discovery(const Scrape& s, const std::string& user) {
  const std::string &space = s.space, name = "prometheus-discovery";
  Json rules = Json::array(
      {rule_for("", {"services", "endpoints", "pods"}), rule_for("discovery.k8s.io", {"endpointslices"})});
  Json role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
               {"kind", "Role"},
               {"metadata", {{"name", name}, {"namespace", space}}},
               {"rules", rules}};
  std::string says = fmt::format("Allow {} to discover targets in namespace {}", user, space);
  return create({"rolebinding", space, name}, role_and_binding(role, "RoleBinding", user), says)
      .value_or(advice(says));
}

bool no_endpoints(const Scrape& s, const Json* service) {
  const Reading* slices = s.c.facts.listing("endpointslices", s.space);
  if (service == nullptr || slices == nullptr || !slices->read() || has_endpoints(s.c.facts, *service))
    return false;
  s.report.broken(
      cause::service_selects_no_pod, fmt::format("Service {} has no endpoints", name_of(*service)),
      {fmt::format("EndpointSlices of Service {}: no address", full_name(*service))},
      advice("Make its selector match running pods", look_at("describe", ref_of("service", *service))));
  return true;
}

}  // namespace

bool discovery_forbidden(const Scrape& s) {
  if (s.c.prometheus.pods.empty()) return false;
  std::string user = user_of(*s.c.prometheus.pods.front());
  std::vector<std::string> missing, evidence;
  for (const world::AccessQuestion& q : discovery_questions(user, s.space, s.c.prometheus.resource)) {
    const Reading* answer = s.c.facts.find(may_key(q));
    if (answer == nullptr || !answer->read() || !answer->value.is_boolean() || answer->value.get<bool>())
      continue;
    missing.push_back(q.resource);
    evidence.push_back(fmt::format("SubjectAccessReview: {} is forbidden to {} {} in namespace {}", user,
                                   q.verb, q.resource, s.space));
  }
  if (missing.empty()) return false;
  s.report.broken(
      cause::prometheus_cannot_discover,
      fmt::format("Prometheus is forbidden to list {} in namespace {}, so it finds no targets there",
                  text::join(missing, ", "), s.space),
      evidence, allow_discovery(s, user));
  return true;
}

void nothing_discovered(const Scrape& s, const Monitor& m, const Json* service) {
  if (m.of->by_selector && (discovery_forbidden(s) || no_endpoints(s, service))) return;
  s.report.broken(
      cause::target_not_discovered,
      fmt::format("Prometheus has a job for {}, but no target in it; discovery may still be in progress",
                  m.ref()),
      {seen(*s.c.prometheus_reading("targets"), "no active target of " + m.job())},
      advice("In Prometheus, look at Status > Service discovery: relabelings may drop the target"),
      Certainty::possible);
}

}  // namespace hpawalk::diagnose
