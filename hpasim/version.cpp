#include "hpasim/version.hpp"

#include <string>

#include "base/text.hpp"

namespace hpawalk::hpasim {

Result<Rules> rules_for(std::string_view kubernetes_version) {
  std::string_view version = kubernetes_version;
  if (!version.empty() && version[0] == 'v') version.remove_prefix(1);
  auto parts = text::split(version, '.');
  std::string digits = parts.empty() ? "" : parts.size() > 1 && parts[0] == "1" ? parts[1] : parts[0];
  bool number =
      !digits.empty() && digits.size() <= 2 && digits.find_first_not_of("0123456789") == std::string::npos;
  int minor = number ? std::stoi(digits) : 0;
  if (minor < 23) {
    return failure(
        ErrorClass::usage, "kube-version",
        "\"" + std::string(kubernetes_version) + "\" is not a Kubernetes version that has autoscaling/v2",
        "It came with 1.23", "For example --kube-version 1.34");
  }
  Rules rules;
  rules.minor = minor;
  rules.tolerance_is_absolute = minor <= 32;
  rules.tolerance_from_spec = minor >= 35;
  rules.external_saturates = minor >= 34;
  rules.ratio_saturates = minor >= 35;
  rules.zero_by_condition = minor >= 36;
  rules.zero_allowed = minor >= 37;
  rules.first_sync_at_once = minor >= 37;
  rules.change_at_once = minor >= 37;
  return rules;
}

}  // namespace hpawalk::hpasim
