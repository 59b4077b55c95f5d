#include "hpasim/version.hpp"

#include <string>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::hpasim {

std::optional<int> minor_of(std::string_view kubernetes_version) {
  std::string_view version = kubernetes_version.substr(0, kubernetes_version.find_first_of("+-"));
  if (version.starts_with('v')) version.remove_prefix(1);
  auto parts = text::split(version, '.');
  std::string digits = parts.empty() ? "" : parts.size() > 1 && parts[0] == "1" ? parts[1] : parts[0];
  bool number =
      !digits.empty() && digits.size() <= 2 && digits.find_first_not_of("0123456789") == std::string::npos;
  if (!number) return std::nullopt;
  return std::stoi(digits);
}

Rules rules_of_minor(int minor) {
  Rules rules;
  rules.minor = minor;
  rules.tolerance_is_absolute = minor <= 32;
  rules.tolerance_from_spec = minor >= 35;
  rules.external_saturates = minor >= 34;
  rules.ratio_saturates = minor >= 35;
  rules.pod_level_requests = minor >= 34;
  rules.zero_by_condition = minor >= 36;
  rules.zero_allowed = minor >= 37;
  rules.first_sync_at_once = minor >= 37;
  rules.tolerance_gate_locked = minor >= 37;
  return rules;
}

std::optional<Rules> rules_of_cluster(std::string_view kubernetes_version) {
  std::optional<int> minor = minor_of(kubernetes_version);
  if (!minor || *minor < oldest_minor) return std::nullopt;
  return rules_of_minor(*minor);
}

Result<Rules> rules_for(std::string_view kubernetes_version) {
  int minor = minor_of(kubernetes_version).value_or(0);
  std::string example = fmt::format("For example 1.34, or {}", newest_version);
  if (minor < oldest_minor) {
    return failure(
        ErrorClass::usage, "kube-version",
        "\"" + std::string(kubernetes_version) + "\" is not a Kubernetes version that has autoscaling/v2",
        fmt::format("It came with 1.{}", oldest_minor), example);
  }
  if (minor > newest_minor) {
    return failure(ErrorClass::usage, "kube-version",
                   "Kubernetes \"" + std::string(kubernetes_version) + "\" is not known to this hpawalk",
                   fmt::format("It knows the HPA controllers from 1.{} to {}", oldest_minor, newest_version),
                   example);
  }
  return rules_of_minor(minor);
}

void take_gate(Rules& rules, std::string_view gate) {
  if (gate == "HPAConfigurableTolerance=true") rules.tolerance_from_spec = rules.minor >= 33;
  if (gate == "HPAConfigurableTolerance=false" && !rules.tolerance_gate_locked)
    rules.tolerance_from_spec = false;
  if (gate == "HPAScaleToZero=true") rules.zero_allowed = true;
  if (gate == "HPAScaleToZero=false") rules.zero_allowed = false;
  if (gate == "PodLevelResources=false") rules.pod_level_requests = false;
}

}  // namespace hpawalk::hpasim
