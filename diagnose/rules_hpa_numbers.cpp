// The metric's number and its target: how they read, and whether the controller sees a difference.
#include <cmath>

#include "base/quantity.hpp"
#include "diagnose/rules_hpa.hpp"
#include "hpasim/explain.hpp"

namespace hpawalk::diagnose {

const Cause cause::quantity_readability = {.id = "quantity-readability",
                                           .link = Link::hpa,
                                           .symptom = "10500m looks huge; 10m is not 10",
                                           .reason = "Quantities are written in thousandths",
                                           .detection = "Both numbers in the same unit",
                                           .fix = "Read the decimals; correct the target"};

const Cause cause::within_tolerance = {.id = "within-tolerance",
                                       .link = Link::hpa,
                                       .symptom = "Above the target, and nothing happens",
                                       .reason = "Within the tolerance (10%), the controller does not scale",
                                       .detection = "The ratio",
                                       .fix = "Nothing; or set the tolerance"};

namespace {

// 10500 -> "10.5"
std::string decimal(std::int64_t thousandths) {
  std::string text = fmt::format("{}.{:03}", thousandths / 1000, std::abs(thousandths % 1000));
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

struct Numbers {
  std::int64_t current = 0, target = 0;
};

std::string shown_value(const Context& c) {
  return text_at(*c.need.current,
                 c.need.target_type == "AverageValue" ? "current.averageValue" : "current.value");
}

std::optional<Numbers> read_numbers(const Context& c) {
  if (c.need.target_type == "Utilization") return std::nullopt;
  std::optional<std::int64_t> current = milli_of(shown_value(c)), target = milli_of(c.need.target);
  if (!current || !target || *target <= 0) return std::nullopt;
  return Numbers{*current, *target};
}

void readability(const HpaSide& s, const Numbers& n) {
  const MetricNeed& need = s.c.need;
  std::string shown = shown_value(s.c);
  bool target_milli = need.target.ends_with('m');
  if (target_milli && n.target < 1000 && n.current >= n.target * 100) {
    s.report.broken(
        cause::quantity_readability,
        fmt::format(
            "The target {} means {}, and the metric is {}, which is {} times as much; did you mean {}?",
            need.target, decimal(n.target), decimal(n.current), n.current / n.target,
            need.target.substr(0, need.target.size() - 1)),
        {fmt::format("HPA {}: target {}, current {}", s.ref, need.target, shown)},
        advice("If you meant whole units, write the target without m: 10 is ten, 10m is 0.010",
               look_at("get", ref_of("hpa", s.hpa))),
        Certainty::likely);
  } else if ((shown.ends_with('m') && n.current >= 1000) || (target_milli && n.target >= 1000)) {
    s.report.note(
        cause::quantity_readability,
        fmt::format("{} is {}, not {}: m means thousandths (the target {} is {})", shown, decimal(n.current),
                    shown.substr(0, shown.size() - 1), need.target, decimal(n.target)),
        {fmt::format("HPA {}: current {}, target {}", s.ref, shown, need.target)});
  }
}

void tolerance(const HpaSide& s) {
  if (s.c.need.index >= s.state.metrics.size()) return;
  std::optional<hpasim::Proposal> p = s.proposal_of(s.state.metrics[s.c.need.index]);
  if (!p || p->because != hpasim::Because::within_tolerance || p->ratio == 1.0) return;
  const ControllerSettings& controller = s.c.controller;
  hpasim::Tolerance allowed = hpasim::tolerance_of(*s.spec, controller.rules, controller.flags);
  bool up = p->ratio > 1;
  const std::string field = up ? "spec.behavior.scaleUp.tolerance" : "spec.behavior.scaleDown.tolerance";
  bool own = !at(s.hpa, field).is_null() && controller.rules.tolerance_from_spec;
  s.report.note(
      cause::within_tolerance,
      fmt::format("{} is {:.1f}% {} the target, within the {:.4g}% tolerance{}, so the HPA does not scale",
                  hpasim::against_target(s.spec->metrics[s.c.need.index], *p), std::abs(p->ratio - 1) * 100,
                  up ? "above" : "below", (up ? allowed.up : allowed.down) * 100, own ? "" : if_assumed(s.c)),
      {fmt::format("HPA {}: ratio {:.3f}", s.ref, p->ratio),
       own ? fmt::format("HPA {}: {} is {}", s.ref, field, text_at(s.hpa, field))
           : flag_evidence(s.c, "tolerance", fmt::format("{:.4g}", controller.flags.tolerance))},
      advice("The tolerance is the controller's --horizontal-pod-autoscaler-tolerance; from Kubernetes 1.35 "
             "also spec.behavior.*.tolerance"));
}

}  // namespace

void judge_numbers(const HpaSide& s) {
  if (s.c.need.current == nullptr) return;
  tolerance(s);
  if (std::optional<Numbers> n = read_numbers(s.c)) readability(s, *n);
}

}  // namespace hpawalk::diagnose
