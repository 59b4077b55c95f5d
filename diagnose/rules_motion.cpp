// Between a change of an object and its effect in Prometheus there are minutes. What the objects say, what
// Prometheus has loaded, and what it scrapes with it are compared here, so that neither the old state is
// taken for the new one, nor the new one for a fault.
#include <algorithm>

#include "diagnose/rules_monitor.hpp"

namespace hpawalk::diagnose {

const Cause cause::prometheus_config_pending = {
    .id = "prometheus-config-pending",
    .link = Link::prometheus,
    .symptom = "A change of a monitor has no effect yet",
    .reason = "The operator, the kubelet and the config reloader need a few minutes",
    .detection =
        "The object was changed moments ago, and Prometheus loaded its configuration before that, or has no "
        "job for it",
    .fix = "Wait"};

namespace {

std::optional<world::WallTime> last_load(const Scrape& s) {
  const Reading* runtime = s.c.prometheus_reading("runtime");
  if (runtime == nullptr || !runtime->read()) return std::nullopt;
  return world::parse_time(text_at(runtime->value, "lastConfigTime"));
}

std::string at_load(const std::optional<world::WallTime>& loaded) {
  return loaded ? "at " + world::clock_time(*loaded) : "before";
}

// Why the objects, as they are now, would no longer lead to this target; nothing: they would, or it is
// unknown.
std::optional<Finding> no_longer(const Scrape& s, const Json& target) {
  const Json& labels = at(target, "labels");
  std::string space = text_at(labels, "namespace");
  const Json* service = s.c.facts.object("services", space, text_at(labels, "service"));
  const Json* pod = s.c.facts.object("pods", space, text_at(labels, "pod"));
  if (service == nullptr && pod == nullptr) return std::nullopt;
  Source source{space, {}, {}};
  if (pod != nullptr) source.pods = {pod};
  if (service != nullptr) source.services = {service};
  std::optional<Finding> found = would_break(s, source, monitored);
  return found && found->link == Link::monitor ? found : std::nullopt;
}

// The monitor still leads to the target, but it or the Prometheus object was changed since Prometheus loaded
// its configuration.
std::optional<Finding> outdated(const Scrape& s, const Json& target) {
  const Monitor* m = monitor_of(s, target);
  if (m == nullptr) return std::nullopt;
  std::optional<ConfigLag> lag = config_lag(s, *m);
  if (!lag) return std::nullopt;
  return would_break(s, s, [&](const Scrape& then) { job_outdated(then, *m, *lag, {}); });
}

void note(const Scrape& s, const Finding& f) {
  s.report.note(*find_cause(f.cause), f.sentence, f.evidence, f.fix);
}

}  // namespace

std::string ConfigLag::sentence() const {
  return fmt::format(
      "{} was changed at {}, and the configuration that Prometheus loaded {} does not contain the change; it "
      "should take effect by {}",
      what, world::clock_time(changed), at_load(loaded), world::clock_time(changed + config_delay));
}

Fix ConfigLag::wait() const {
  return advice(fmt::format(
      "Wait until {}: the operator, the kubelet and the config reloader need up to {} for a change",
      world::clock_time(changed + config_delay), text::duration(config_delay)));
}

static std::optional<ConfigLag> recent_change(const Scrape& s, const std::string& what,
                                              const std::vector<const Json*>& objects) {
  std::string last;
  for (const Json* object : objects) last = std::max(last, text_at(*object, "metadata.hpawalkLastChange"));
  std::optional<world::WallTime> changed = world::parse_time(last), loaded = last_load(s);
  if (!changed || s.c.facts.taken - *changed >= config_delay) return std::nullopt;
  return ConfigLag{what, *changed, loaded};
}

std::optional<ConfigLag> config_lag(const Scrape& s, const std::string& what, const Json& object) {
  std::optional<ConfigLag> lag = recent_change(s, what, {&object});
  // Both times are in whole seconds: what was loaded in the second of the change cannot contain it yet.
  return lag && lag->loaded && *lag->loaded <= lag->changed ? lag : std::nullopt;
}

std::optional<ConfigLag> config_lag(const Scrape& s, const Monitor& m) {
  std::optional<ConfigLag> lag = config_lag(s, m.ref(), *m.object);
  const Json* prometheus = s.c.prometheus.resource;
  if (lag || prometheus == nullptr) return lag;
  return config_lag(s, "Prometheus " + full_name(*prometheus), *prometheus);
}

std::optional<ConfigLag> recent_change(const Scrape& s, const Selectable& what) {
  std::vector<const Json*> objects = {what.object};
  if (s.c.prometheus.resource != nullptr) objects.push_back(s.c.prometheus.resource);
  if (const Json* space = namespace_object(s.c.facts, space_of(*what.object))) objects.push_back(space);
  return recent_change(s, what.ref(), objects);
}

// When the object was changed, and when Prometheus loaded its configuration.
static std::vector<std::string> times(const Scrape& s, const ConfigLag& lag,
                                      std::vector<std::string> evidence) {
  evidence.push_back(fmt::format("{}: last changed {}", lag.what, world::rfc3339(lag.changed)));
  if (lag.loaded)
    evidence.push_back(
        seen(*s.c.prometheus_reading("runtime"), "lastConfigTime " + world::rfc3339(*lag.loaded)));
  return evidence;
}

void pending(const Scrape& s, const ConfigLag& lag, std::vector<std::string> evidence) {
  s.report.broken(cause::prometheus_config_pending, lag.sentence(), times(s, lag, std::move(evidence)),
                  lag.wait(), Certainty::likely);
}

void note_pending(const Scrape& s, const ConfigLag& lag) {
  s.report.note(cause::prometheus_config_pending, lag.sentence(), times(s, lag, {}), lag.wait());
}

std::optional<Finding> would_break(const Scrape& s, const Source& source,
                                   const std::function<void(const Scrape&)>& judge) {
  ChainDiagnosis chain;
  Report report(chain);
  judge({source, s.c, report, s.series, s.targets, s.monitors});
  const Finding* found = chain.first_broken();
  return found == nullptr ? std::nullopt : std::optional(*found);
}

void still_served(const Scrape& s, Finding ends) {
  ends.sentence += fmt::format(
      ". Prometheus still uses the configuration that it loaded {}: {} has samples until it loads the next "
      "one",
      at_load(last_load(s)), s.series);
  note(s, ends);
}

static void judge_rights(const Scrape& s) {
  std::optional<Finding> found = would_break(s, s, discovery_forbidden);
  if (!found) return;
  found->sentence += ". It still has the targets that it found before, until it lists them again";
  note(s, *found);
}

void judge_motion(const Scrape& s, const std::vector<const Json*>& targets) {
  if (s.c.prometheus.resource == nullptr) return;
  bool here = std::any_of(targets.begin(), targets.end(), [&](const Json* target) {
    return text_at(at(*target, "labels"), "namespace") == s.space;
  });
  if (here) judge_rights(s);
  if (!monitors_unread(s).empty()) return;
  std::optional<Finding> changes, ends;
  for (const Json* target : targets) {
    if (!by_monitor(*target)) return;  // somebody else's job, of which the objects say nothing
    if (std::optional<Finding> why = no_longer(s, *target)) {
      ends = why;
    } else if (std::optional<Finding> lag = outdated(s, *target)) {
      changes = lag;
    } else {
      return;  // one that stays is enough
    }
  }
  if (changes) return note(s, *changes);
  if (ends) still_served(s, *ends);
}

}  // namespace hpawalk::diagnose
