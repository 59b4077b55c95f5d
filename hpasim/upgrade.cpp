#include "hpasim/upgrade.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/controller.hpp"
#include "hpasim/older_version.hpp"

namespace hpawalk::hpasim {

namespace {

constexpr double kMostReplicas = std::numeric_limits<std::int32_t>::max();

// The mistakes of an invalid HPA in one line.
std::string in_one_line(const std::string& mistakes) {
  std::vector<std::string> parts;
  for (const std::string& line : text::lines(mistakes)) parts.emplace_back(text::trim(line));
  return text::join(parts, "; ");
}

bool wakes_from_zero(const Spec& spec) {
  return std::any_of(spec.metrics.begin(), spec.metrics.end(), [](const MetricSpec& metric) {
    return metric.kind == MetricKind::object || metric.kind == MetricKind::external;
  });
}

struct Comparison {
  const Upgrade& upgrade;
  const Standing& standing;
  std::string from, to;  // "1.34", "1.37"
  Compared result = {};

  void change(std::string_view id, std::string text) { result.changes.push_back({id, std::move(text)}); }
};

// --- tolerance

// No version stops to count it, once it does.
void one_tolerance(Comparison& c, const char* field, double before, double after, bool up) {
  if (before == after) return;
  const char* words = up ? "scales up above" : "scales down below";
  double sign = up ? 1 : -1;
  std::string text = fmt::format(
      "spec.behavior.{}.tolerance: Kubernetes {} {}, so the HPA {} {:g} times the target. In {} the field "
      "counts, and the HPA {} {:g} times the target",
      field, c.from, c.standing.stored ? "ignores the field" : "drops the field when the file is applied",
      words, 1 + sign * before, c.to, words, 1 + sign * after);
  if (!c.standing.stored)
    text += ". An HPA that was applied before the upgrade lacks the field: apply the file again";
  c.change("tolerance", text);
}

// The first value at which the two tolerances judge differently, in words; they can only at their very edge.
std::string edge(const MetricSpec& metric, std::int32_t most_pods, const Tolerance& before,
                 const Tolerance& after) {
  bool divides = metric.target_kind == TargetKind::average_value &&
                 (metric.kind == MetricKind::object || metric.kind == MetricKind::external);
  constexpr std::int32_t enough_pods = 1000;
  for (std::int32_t pods = 1; pods <= (divides ? std::min(most_pods, enough_pods) : 1); ++pods) {
    double whole = static_cast<double>(metric.target) * static_cast<double>(pods);
    for (double limit : {1 + after.up, 1 - after.down}) {
      for (double value : {std::floor(whole * limit), std::ceil(whole * limit)}) {
        if (before.within(value / whole) == after.within(value / whole)) continue;
        if (metric.target_kind == TargetKind::utilization)
          return fmt::format("{:g}% of {}%", value, metric.target);
        return fmt::format("{:g} of {:g}{}", value / 1000, whole / 1000,
                           divides ? " for " + text::count(pods, "pod") : "");
      }
    }
  }
  return {};
}

void tolerances(Comparison& c, const Spec& before, const Spec& after) {
  Tolerance old = Controller(before, c.upgrade.from, c.upgrade.flags).tolerance();
  Tolerance now = Controller(after, c.upgrade.to, c.upgrade.flags).tolerance();
  one_tolerance(c, "scaleUp", old.up, now.up, true);
  one_tolerance(c, "scaleDown", old.down, now.down, false);
  if (old.absolute == now.absolute || old.up != now.up || old.down != now.down) return;
  for (const MetricSpec& metric : after.metrics) {
    std::string value = edge(metric, after.max, old, now);
    if (value.empty()) continue;
    c.change(
        "tolerance-edge",
        fmt::format("{}: {} is exactly at the edge of the tolerance. Kubernetes {} scales there, {} does not",
                    describe(metric), value, old.absolute ? c.from : c.to, old.absolute ? c.to : c.from));
  }
}

// --- huge values

void huge_values(Comparison& c, const Spec& spec) {
  for (const MetricSpec& metric : spec.metrics) {
    bool external = metric.kind == MetricKind::external;
    bool average = metric.target_kind == TargetKind::average_value;
    if (metric.kind != MetricKind::object && !external) continue;
    if (average && !external) continue;  // no version has a limit there
    bool before = average ? c.upgrade.from.external_saturates : c.upgrade.from.ratio_saturates;
    bool after = average ? c.upgrade.to.external_saturates : c.upgrade.to.ratio_saturates;
    if (before == after) continue;
    c.change("huge-value",
             fmt::format("{}: a value that asks for more than {} replicas ({:.3g}{}) wraps to a negative "
                         "number in Kubernetes {}, which then scales down; {} scales up to maxReplicas {}",
                         describe(metric), std::numeric_limits<std::int32_t>::max(),
                         static_cast<double>(metric.target) / 1000 * kMostReplicas,
                         average ? "" : " with 1 ready pod", c.from, c.to, spec.max));
  }
}

// --- zero replicas

void zero(Comparison& c, const Spec& spec) {
  const Rules &from = c.upgrade.from, &to = c.upgrade.to;
  bool back_before = !from.zero_by_condition || from.zero_allowed;
  bool back_after = !to.zero_by_condition || to.zero_allowed;
  if (spec.min != 0 || !wakes_from_zero(spec)) return;
  if (from.zero_by_condition == to.zero_by_condition && back_before == back_after) return;
  bool remembered = c.standing.scaled_to_zero && from.zero_by_condition && from.zero_allowed;
  if (!back_after) {
    c.change("zero-needs-gate",
             fmt::format("minReplicas 0: Kubernetes {0} scales up from 0 replicas only with the feature gate "
                         "HPAScaleToZero, which {0} does not enable by default. Without the gate, 0 replicas "
                         "stay 0: set minReplicas 1, or enable the gate",
                         c.to));
  } else if (c.standing.at_zero && !remembered) {
    c.change(
        "zero-stays",
        fmt::format("minReplicas 0: the workload has 0 replicas now. Kubernetes {} scales up from 0 only "
                    "with the condition ScaledToZero, which {} does not write: the workload stays at 0 "
                    "after the upgrade. To bring it back, run kubectl scale --replicas=1 after the "
                    "upgrade; from then on the HPA scales to 0 and back by itself",
                    c.to, c.from));
  } else if (!back_before) {
    c.change("zero-comes-back",
             fmt::format("minReplicas 0: once the HPA has scaled to 0, Kubernetes {} leaves the workload at "
                         "0; {} scales it up again (condition ScaledToZero). A workload that has 0 replicas "
                         "during the upgrade stays at 0",
                         c.from, c.to));
  } else {
    c.change(
        "zero-by-hand",
        fmt::format("minReplicas 0: Kubernetes {} scales up from 0 replicas whoever scaled to 0; {} only "
                    "if the HPA itself did (condition ScaledToZero). A workload that a person scales to "
                    "0 stays at 0, and so does one that has 0 replicas during the upgrade",
                    c.from, c.to));
  }
}

// --- requests

void requests(Comparison& c, const Spec& spec) {
  if (c.upgrade.from.pod_level_requests == c.upgrade.to.pod_level_requests) return;
  if (!c.standing.pod_template.is_object()) return;
  static const Document::json_pointer own("/spec/resources/requests");
  if (!c.standing.pod_template.contains(own)) return;
  const Document& requests = c.standing.pod_template[own];
  if (!requests.is_object() || requests.empty()) return;
  for (const MetricSpec& metric : spec.metrics) {
    if (metric.kind != MetricKind::resource || metric.target_kind != TargetKind::utilization) continue;
    c.change("pod-level-requests",
             fmt::format("{}: the pods have requests of their own (spec.resources.requests). Kubernetes {} "
                         "computes the utilization from the containers' requests, {} from the pods' own: the "
                         "same usage is another percentage",
                         describe(metric), c.from, c.to));
  }
}

// An older version of the API: what the document says counts all the same, once it is written anew.
Document in_v2(Comparison& c, const Document& hpa) {
  const std::string version =
      hpa.is_object() && hpa.contains("apiVersion") && hpa["apiVersion"].is_string() ? hpa["apiVersion"] : "";
  const std::optional<int> gone = gone_since(version);
  std::optional<AsV2> v2 = gone ? as_v2(hpa) : std::nullopt;
  if (!v2) return hpa;
  const bool before = c.upgrade.from.minor >= *gone;
  if (!before && c.upgrade.to.minor < *gone) return hpa;
  c.change(
      "version-gone",
      fmt::format("{} is not served since Kubernetes 1.{}: {}. Write autoscaling/v2{}", version, *gone,
                  before ? fmt::format("the API servers of {} and of {} refuse the file", c.from, c.to)
                         : fmt::format("the API server of {} refuses the file that {} takes", c.to, c.from),
                  version == "autoscaling/v2beta2"
                      ? "; the fields are the same"
                      : ", whose metrics have other fields; hpawalk lint --fix does it"));
  return v2->hpa;
}

void selector(Comparison& c) {
  constexpr int new_text = 37;
  if (!c.standing.ambiguous || c.upgrade.from.minor >= new_text || c.upgrade.to.minor < new_text) return;
  c.change("ambiguous-selector-text",
           fmt::format("AmbiguousSelector: other HPAs select the same pods, and neither version scales this "
                       "HPA. The message differs: Kubernetes {} names all these HPAs, {} two of them "
                       "(\"controlled by more than one HPA (e.g. ...)\")",
                       c.from, c.to));
}

}  // namespace

std::string version_name(const Rules& rules) {
  return fmt::format("1.{}", rules.minor);
}

Result<Compared> compare(const Document& written, const Upgrade& upgrade, const Standing& standing) {
  Comparison c{upgrade, standing, version_name(upgrade.from), version_name(upgrade.to)};
  const Document hpa = in_v2(c, written);
  auto read = [&](const Rules& rules) {
    return standing.stored ? parse_spec(hpa) : parse_spec(hpa, Submission{rules});
  };
  Result<Spec> before = read(upgrade.from), after = read(upgrade.to);
  if (!before && !after) return failure(after.error());
  if (!before || !after) {
    const Error& error = before ? after.error() : before.error();
    c.change(before ? "refused" : "accepted",
             fmt::format("The API server of Kubernetes {} refuses this HPA, that of {} takes it: {}",
                         before ? c.to : c.from, before ? c.from : c.to, in_one_line(error.because)));
    if (before) c.result.before = *before;
    if (after) c.result.after = *after;
    return c.result;
  }
  tolerances(c, *before, *after);
  huge_values(c, *after);
  zero(c, *after);
  requests(c, *after);
  selector(c);
  c.result.before = *before;
  c.result.after = *after;
  return c.result;
}

std::vector<Change> changes_everywhere(const Upgrade& upgrade) {
  const Rules &from = upgrade.from, &to = upgrade.to;
  if (from.first_sync_at_once || !to.first_sync_at_once) return {};
  return {{"first-sync",
           fmt::format("An HPA that is created, or whose spec changes, syncs at once in Kubernetes {}; in {} "
                       "only after up to one sync period ({:g}s)",
                       version_name(to), version_name(from), in_seconds(upgrade.flags.sync_period))}};
}

}  // namespace hpawalk::hpasim
