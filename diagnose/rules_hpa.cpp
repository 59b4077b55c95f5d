// The HPA's own view, and the workload that it scales; also what looks stuck but is fine.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/printable.hpp"
#include "diagnose/collect.hpp"
#include "diagnose/rules.hpp"
#include "hpasim/calculator.hpp"
#include "hpasim/quantity.hpp"

namespace hpawalk::diagnose {
namespace {

std::optional<std::int64_t> milli(const std::string& quantity) {
  Result<hpasim::Quantity> parsed = hpasim::parse_quantity(quantity);
  if (!parsed) return std::nullopt;
  return hpasim::to_milli(*parsed);
}

// 10500 -> "10.5"
std::string decimal(std::int64_t thousandths) {
  std::string text = fmt::format("{}.{:03}", thousandths / 1000, std::abs(thousandths % 1000));
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

long long in_seconds(hpasim::Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time).count();
}

class HpaRules {
 public:
  HpaRules(const Context& c, Report& report) : c_(c), hpa_(*c.hpa.object), report_(report) {
    current_replicas_ = int_at(hpa_, "status.currentReplicas");
    ref_ = c.hpa.space + "/" + c.hpa.name;
  }

  void judge() {
    const Json& active = condition(hpa_, "ScalingActive");
    std::string reason = text_at(active, "reason"), message = text_at(active, "message");
    if (condition(hpa_, "AbleToScale").is_null()) {
      report_.set(Link::hpa, Mark::unknown,
                  fmt::format("the controller has not synced it yet (it syncs every {})", sync_period()));
      return;
    }
    std::string replicas =
        fmt::format("{} replicas, {} desired", current_replicas_, int_at(hpa_, "status.desiredReplicas"));
    if (text_at(active, "status") == "True") {
      report_.set(Link::hpa, Mark::ok, reason + ", " + replicas);
      numbers();
      limits();
      return;
    }
    if (active.is_null()) {  // above max or below min, or no scale: the metrics are not even looked at
      report_.set(Link::hpa,
                  text_at(condition(hpa_, "AbleToScale"), "status") == "True" ? Mark::ok : Mark::broken,
                  replicas);
      limits();
      return;
    }
    report_.set(Link::hpa, Mark::broken, reason + ": " + std::string(shortened(message, 300)));
    std::vector<std::string> evidence = {
        fmt::format("HPA {}: ScalingActive is False: {}: {}", ref_, reason, message)};
    if (reason == "ScalingDisabled") {
      report_.broken("scaling-disabled", Link::hpa,
                     fmt::format("{} {} was manually scaled to 0, which disables the HPA", c_.hpa.target_kind,
                                 c_.hpa.target_name),
                     evidence, wake_target());
    } else if (reason == "AmbiguousSelector") {
      ambiguous(evidence);
    } else if (has(message, "forbidden")) {
      forbidden(evidence);
    } else if (!report_.broken_before(Link::hpa)) {
      nothing_before(reason, message, evidence);
    }
  }

 private:
  void ambiguous(std::vector<std::string> evidence) {
    std::vector<std::string> others;
    for (const Hpa& other : c_.hpas) {
      if (other.space == c_.hpa.space && other.name != c_.hpa.name &&
          other.target_kind == c_.hpa.target_kind && other.target_name == c_.hpa.target_name)
        others.push_back(other.name);
    }
    std::string which = others.empty() ? "another HPA" : "HPA " + text::join(others, " and ");
    for (const std::string& other : others)
      evidence.push_back(fmt::format("HPA {}/{}: scaleTargetRef is the same {} {}", c_.hpa.space, other,
                                     c_.hpa.target_kind, c_.hpa.target_name));
    report_.broken("ambiguous-selector", Link::hpa,
                   fmt::format("{} scales the same pods, so the controller scales neither", which), evidence,
                   advice("Merge the metrics into one HPA (spec.metrics is a list) and delete the other",
                          look_for("hpa", c_.hpa.space)));
  }

  ObjectRef target_ref() const {
    return {resource_of(c_.hpa.target_kind, c_.hpa.target_api), c_.hpa.space, c_.hpa.target_name};
  }

  // To as many as the HPA would have at least: with one replica it takes over.
  Fix wake_target() const {
    std::string says =
        fmt::format("Scale {} {} up; the HPA then takes over", c_.hpa.target_kind, c_.hpa.target_name);
    long long now = c_.hpa.target == nullptr ? -1 : int_at(*c_.hpa.target, "spec.replicas", -1);
    std::optional<Fix> up;
    if (now == 0) up = scale(target_ref(), now, std::max(1LL, int_at(hpa_, "spec.minReplicas", 1)), says);
    return up.value_or(advice(says, look_at("get", target_ref())));
  }

  void forbidden(std::vector<std::string> evidence) {
    const Reading* answer = c_.facts.find(may_key(hpa_question(c_.need.api_group(), c_.hpa.space)));
    if (answer != nullptr && answer->read() && answer->value == false)
      evidence.push_back("SubjectAccessReview: the HPA controller is forbidden to read " +
                         c_.need.api_group());
    std::string group = c_.need.api_group();
    report_.broken("hpa-forbidden", Link::hpa,
                   fmt::format("The HPA controller is forbidden to read {}", group), evidence,
                   let_read(group));
  }

  static Fix let_read(const std::string& group) {
    std::string name = "hpa-reads-" + group;
    Json rule = rule_for(group, {"*"});
    rule["verbs"] = Json::array({"get", "list"});
    Json role = {{"apiVersion", "rbac.authorization.k8s.io/v1"},
                 {"kind", "ClusterRole"},
                 {"metadata", {{"name", name}}},
                 {"rules", Json::array({rule})}};
    std::string says = "Allow the HPA controller to read " + group;
    return create({"clusterrolebinding", "", name},
                  role_and_binding(role, "ClusterRoleBinding",
                                   "system:serviceaccount:kube-system:horizontal-pod-autoscaler"),
                  says)
        .value_or(advice(says));
  }

  // The HPA complains, but everything before it is whole.
  void nothing_before(const std::string& reason, const std::string& message,
                      std::vector<std::string> evidence) {
    const Reading* answer = c_.facts.find(may_key(hpa_question(c_.need.api_group(), c_.hpa.space)));
    if (answer != nullptr && answer->read() && answer->value == false && !c_.need.resource_metric())
      return forbidden(std::move(evidence));
    // With several metrics the condition speaks of one: the others are judged by themselves.
    if (c_.hpa.needs.size() > 1 && !has(message, c_.need.metric)) {
      report_.set(Link::hpa, Mark::ok, "the condition is about another metric");
      return;
    }
    if (reason.starts_with("FailedGet") && report_.mark(Link::value) == Mark::ok) {
      report_.set(Link::hpa, Mark::note,
                  fmt::format("the last sync failed, but the metric is available now; the next sync, within "
                              "{}, should succeed",
                              sync_period()));
      report_.note("waiting-for-sync", Link::hpa,
                   "The metric is available again; the HPA has not synced since", evidence,
                   advice("Wait for the next sync", look_at("describe", ref_of("hpa", hpa_))));
      return;
    }
    if (reason == "InvalidSelector") {
      report_.broken(
          "target-selector", Link::target, "The scale target has no usable pod selector", evidence,
          advice("Make the workload's scale subresource report its pod selector (of a custom resource: "
                 "labelSelectorPath)",
                 look_at("get", target_ref())));
    }
  }

  // What follows a value of the controller that could only be assumed.
  std::string if_assumed() const {
    return c_.controller.seen ? ""
                              : " (assumed from Kubernetes' default: the controller's flags are not visible)";
  }

  // Where a flag's value is known from.
  std::string flag_evidence(const std::string& flag, const std::string& value) const {
    std::string name = "--horizontal-pod-autoscaler-" + flag;
    if (c_.controller.seen) return fmt::format("kube-controller-manager's pod: {} is {}", name, value);
    const Reading* pods = c_.facts.find(controller_key);
    return fmt::format("{} is assumed to be {}: {}", name, value,
                       pods != nullptr && pods->read()
                           ? "no pod of kube-controller-manager is visible in kube-system"
                           : why_unread(pods));
  }

  std::string sync_period() const {
    return fmt::format("{}s{}", in_seconds(c_.controller.flags.sync_period), if_assumed());
  }

  struct Numbers {
    std::int64_t current = 0, target = 0;
  };

  std::optional<Numbers> read_numbers() const {
    if (c_.need.current == nullptr || c_.need.target_type == "Utilization") return std::nullopt;
    std::string shown = text_at(
        *c_.need.current, c_.need.target_type == "AverageValue" ? "current.averageValue" : "current.value");
    std::optional<std::int64_t> current = milli(shown), target = milli(c_.need.target);
    if (!current || !target || *target <= 0) return std::nullopt;
    return Numbers{*current, *target};
  }

  void numbers() {
    if (c_.need.current == nullptr) return;
    tolerance();
    std::optional<Numbers> n = read_numbers();
    if (!n) return;
    std::string shown = text_at(
        *c_.need.current, c_.need.target_type == "AverageValue" ? "current.averageValue" : "current.value");
    bool target_milli = c_.need.target.ends_with('m');
    if (target_milli && n->target < 1000 && n->current >= n->target * 100) {
      report_.broken(
          "quantity-readability", Link::hpa,
          fmt::format(
              "The target {} means {}, and the metric is {}, which is {} times as much; did you mean {}?",
              c_.need.target, decimal(n->target), decimal(n->current), n->current / n->target,
              c_.need.target.substr(0, c_.need.target.size() - 1)),
          {fmt::format("HPA {}: target {}, current {}", ref_, c_.need.target, shown)},
          advice("If you meant whole units, write the target without m: 10 is ten, 10m is 0.010",
                 look_at("get", ref_of("hpa", hpa_))),
          Certainty::likely);
    } else if ((shown.ends_with('m') && n->current >= 1000) || (target_milli && n->target >= 1000)) {
      report_.note("quantity-readability", Link::hpa,
                   fmt::format("{} is {}, not {}: m means thousandths (the target {} is {})", shown,
                               decimal(n->current), shown.substr(0, shown.size() - 1), c_.need.target,
                               decimal(n->target)),
                   {fmt::format("HPA {}: current {}, target {}", ref_, shown, c_.need.target)});
    }
  }

  void tolerance() {
    double ratio = 0;
    std::string what;
    if (c_.need.target_type == "Utilization") {
      double now = static_cast<double>(int_at(*c_.need.current, "current.averageUtilization")),
             target = std::atof(c_.need.target.c_str());
      if (target <= 0 || now <= 0) return;
      ratio = now / target;
      what = fmt::format("{}% of {}%", now, target);
    } else {
      std::optional<Numbers> n = read_numbers();
      if (!n) return;
      ratio = static_cast<double>(n->current) / static_cast<double>(n->target);
      what = fmt::format("{} against {}", decimal(n->current), decimal(n->target));
    }
    const ControllerSettings& controller = c_.controller;
    hpasim::Tolerance allowed{controller.flags.tolerance, controller.flags.tolerance,
                              controller.rules.tolerance_is_absolute};
    bool up = ratio > 1;
    const std::string field = up ? "spec.behavior.scaleUp.tolerance" : "spec.behavior.scaleDown.tolerance";
    std::optional<std::int64_t> own = milli(text_at(hpa_, field));
    if (!controller.version.empty() && !controller.rules.tolerance_from_spec) own.reset();
    if (own) (up ? allowed.up : allowed.down) = static_cast<double>(*own) / 1000.0;
    if (ratio == 1.0 || !allowed.within(ratio)) return;
    double percent = (up ? allowed.up : allowed.down) * 100;
    report_.note(
        "within-tolerance", Link::hpa,
        fmt::format("{} is {:.1f}% {} the target, within the {:.4g}% tolerance{}, so the HPA does not scale",
                    what, std::abs(ratio - 1) * 100, up ? "above" : "below", percent,
                    own ? "" : if_assumed()),
        {fmt::format("HPA {}: ratio {:.3f}", ref_, ratio),
         own ? fmt::format("HPA {}: {} is {}", ref_, field, text_at(hpa_, field))
             : flag_evidence("tolerance", fmt::format("{:.4g}", controller.flags.tolerance))},
        advice("The tolerance is the controller's --horizontal-pod-autoscaler-tolerance; from Kubernetes "
               "1.35 also "
               "spec.behavior.*.tolerance"));
  }

  void limits() {
    const Json& able = condition(hpa_, "AbleToScale");
    const Json& limited = condition(hpa_, "ScalingLimited");
    std::string reason = text_at(limited, "reason");
    std::string evidence =
        fmt::format("HPA {}: ScalingLimited: {}: {}", ref_, reason, text_at(limited, "message"));
    if (text_at(able, "status") == "False" && text_at(able, "reason") == "FailedUpdateScale") {
      report_.broken("scale-refused", Link::target,
                     "The controller cannot change the replicas: " + text_at(able, "message"),
                     {fmt::format("HPA {}: AbleToScale is False: FailedUpdateScale", ref_)},
                     advice("Change the admission webhook, policy or quota that the message names, so that "
                            "it allows the change",
                            look_at("get", target_ref())));
    }
    if (text_at(able, "reason") == "ScaleDownStabilized") stabilized(able, true);
    if (text_at(able, "reason") == "ScaleUpStabilized") stabilized(able, false);
    if (text_at(limited, "status") != "True") return;
    if (reason == "TooManyReplicas") {
      report_.note("at-max", Link::hpa,
                   fmt::format("The metric needs more replicas, but maxReplicas is {}",
                               int_at(hpa_, "spec.maxReplicas")),
                   {evidence},
                   advice("The HPA works as configured. If you can afford more pods, raise spec.maxReplicas",
                          look_at("describe", ref_of("hpa", hpa_))));
    } else if (reason == "TooFewReplicas") {
      report_.note("at-min", Link::hpa,
                   fmt::format("The metric needs fewer replicas, but minReplicas is {}",
                               int_at(hpa_, "spec.minReplicas", 1)),
                   {evidence});
    } else if (reason == "ScaleUpLimit" || reason == "ScaleDownLimit") {
      report_.note("rate-limited", Link::hpa,
                   fmt::format("The HPA is scaling, but a policy limits the rate ({})", reason), {evidence},
                   advice("Wait; spec.behavior sets the rate", look_at("get", ref_of("hpa", hpa_))));
    }
  }

  // Until when: the last moment at which the metric asked for as many replicas as there are, plus the window.
  void stabilized(const Json& able, bool down) {
    long long current = int_at(hpa_, "status.currentReplicas");
    bool at_limit =
        down ? current <= int_at(hpa_, "spec.minReplicas", 1) : current >= int_at(hpa_, "spec.maxReplicas");
    if (at_limit) return;  // a window that holds back nothing
    const std::string field = down ? "spec.behavior.scaleDown.stabilizationWindowSeconds"
                                   : "spec.behavior.scaleUp.stabilizationWindowSeconds";
    bool own = !at(hpa_, field).is_null() || !down;  // there is no flag for scaling up
    long long window =
        int_at(hpa_, field, down ? in_seconds(c_.controller.flags.downscale_stabilization) : 0);
    std::string until;
    std::optional<world::WallTime> last = down ? last_high() : std::nullopt;
    if (last)
      until = fmt::format(", until about {} (the metric was last high at {})",
                          world::clock_time(*last + std::chrono::seconds(window)), world::clock_time(*last));
    report_.note(
        "stabilization", Link::hpa,
        fmt::format("Scaling {} is delayed by the stabilization window of {}s{}{}", down ? "down" : "up",
                    window, own ? "" : if_assumed(), until),
        {fmt::format("HPA {}: AbleToScale: {}: {}", ref_, text_at(able, "reason"), text_at(able, "message")),
         own ? fmt::format("HPA {}: {} is {}", ref_, field, window)
             : flag_evidence("downscale-stabilization", fmt::format("{}s", window))},
        advice("Wait; the window is set in " + field, look_at("get", ref_of("hpa", hpa_))));
  }

  std::optional<world::WallTime> last_high() const {
    const Candidate* candidate = c_.candidate();
    if (candidate == nullptr || !c_.prometheus.address) return std::nullopt;
    Result<std::string> query = expression(c_.hpa, c_.need, *candidate);
    const Reading* history = query ? c_.facts.find(range_key(c_.prometheus.address->key(), *query)) : nullptr;
    std::optional<std::int64_t> target = milli(c_.need.target);
    if (history == nullptr || !history->read() || !target || *target <= 0) return std::nullopt;
    // What kept it at this many: a value v with ceil(v / target * ready) >= replicas. With AverageValue,
    // ceil(v / target).
    double last = 0;
    for (const Json& row : list_at(history->value, "")) {
      for (const Json& point : list_at(row, "values")) {
        if (point.size() != 2 || !point[0].is_number() || !point[1].is_string()) continue;
        double ratio = std::atof(point[1].get<std::string>().c_str()) * 1000.0 / static_cast<double>(*target);
        bool high = c_.need.target_type == "Value"
                        ? ratio > 1 - c_.controller.flags.tolerance
                        : std::ceil(ratio) >= static_cast<double>(current_replicas_);
        if (high) last = std::max(last, point[0].get<double>());
      }
    }
    if (last <= 0 || last > 1e11) return std::nullopt;  // no time that a clock shows
    return world::WallTime(world::Duration(static_cast<long long>(last * 1000)));
  }

  const Context& c_;
  const Json& hpa_;
  Report& report_;
  long long current_replicas_ = 0;
  std::string ref_;
};

}  // namespace

void judge_hpa(const Context& c, Report& report) {
  HpaRules(c, report).judge();
}

}  // namespace hpawalk::diagnose
