// Flagger runs a canary only while it analyses it: in between, the workload that the HPA scales has no pods,
// and a copy of it, NAME-primary with an HPA of its own, has the load.
#include "diagnose/rules.hpp"

namespace hpawalk::diagnose {

const Cause cause::canary_idle = {
    .id = "canary-idle",
    .link = Link::hpa,
    .symptom = "ScalingDisabled, and no values",
    .reason = "The workload is a canary of Flagger, which has 0 replicas between two analyses",
    .detection = "The Canary objects whose targetRef is the scale target, and its primary workload",
    .fix = "Nothing; see the HPA of the primary workload"};

namespace {

const Json* canary_of(const Context& c) {
  for (const Json* canary : c.facts.items("canaries", c.hpa.space)) {
    if (text_at(*canary, "spec.targetRef.kind") == c.hpa.target_kind &&
        text_at(*canary, "spec.targetRef.name") == c.hpa.target_name)
      return canary;
  }
  return nullptr;
}

// False: without pods there, nobody has the load.
bool may_have_pods(const Context& c, const std::string& primary) {
  const Reading* listing = c.facts.listing(plural(c.hpa.target_kind), c.hpa.space);
  if (listing == nullptr || !listing->read()) return true;
  const Json* object = c.facts.object(plural(c.hpa.target_kind), c.hpa.space, primary);
  return object != nullptr && int_at(*object, "spec.replicas", 1) > 0;
}

std::string hpa_of(const Context& c, const std::string& primary) {
  for (const Hpa& other : c.hpas) {
    if (other.space == c.hpa.space && other.target_kind == c.hpa.target_kind && other.target_name == primary)
      return other.name;
  }
  return {};
}

void idle(const Context& c, Report& report, const Json& canary, const std::string& primary) {
  const std::string ref = c.hpa.target_text(), hpa = hpa_of(c, primary);
  for (Link link : all_links) report.set(link, Mark::not_applicable, "an idle canary has no pods to scale");
  report.set(Link::hpa, Mark::ok, "idle: Flagger has scaled the canary to 0");
  report.note(cause::canary_idle,
              fmt::format("{} is an idle canary of Flagger: {} {} has the load{}", ref, c.hpa.target_kind,
                          primary, hpa.empty() ? "" : ", and HPA " + hpa + " scales it"),
              {fmt::format("Canary {}: targetRef {}, phase {}", full_name(canary), ref,
                           text_at(canary, "status.phase", "not set")),
               fmt::format("HPA {}/{}: ScalingActive is False: ScalingDisabled", c.hpa.space, c.hpa.name)},
              advice("Nothing is to be done", hpa.empty() ? look_for("hpa", c.hpa.space)
                                                          : look_at("describe", {"hpa", c.hpa.space, hpa})));
}

}  // namespace

bool judge_canary(const Context& c, Report& report) {
  const Reading* served = c.facts.find(discovery_key(flagger_group));
  bool disabled = text_at(condition(*c.hpa.object, "ScalingActive"), "reason") == "ScalingDisabled";
  if (!disabled || served == nullptr || served->absent()) return false;
  const Reading* canaries = served->read() ? c.facts.listing("canaries", c.hpa.space) : served;
  if (canaries == nullptr || !canaries->read()) {
    report.set(Link::hpa, Mark::unknown,
               fmt::format("{} {} has 0 replicas; unknown whether it is a canary of Flagger: {}",
                           c.hpa.target_kind, c.hpa.target_name, why_unread(canaries)));
    return true;
  }
  const Json* canary = canary_of(c);
  std::string primary = c.hpa.target_name + "-primary";
  if (canary == nullptr || !may_have_pods(c, primary)) return false;
  idle(c, report, *canary, primary);
  return true;
}

}  // namespace hpawalk::diagnose
