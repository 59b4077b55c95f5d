#include "diagnose/controller.hpp"

#include "base/duration.hpp"
#include "base/text.hpp"
#include "diagnose/fact_key.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {
namespace {

void take_gates(ControllerSettings& settings, std::string_view gates) {
  hpasim::Rules& rules = settings.rules;
  for (const std::string& gate : text::split(gates, ',')) {
    if (gate == "HPAConfigurableTolerance=true") rules.tolerance_from_spec = rules.minor >= 33;
    if (gate == "HPAConfigurableTolerance=false") rules.tolerance_from_spec = false;
    if (gate == "HPAScaleToZero=true") rules.zero_allowed = true;
    if (gate == "HPAScaleToZero=false") rules.zero_allowed = false;
    if (gate == "PodLevelResources=false") settings.pod_level_requests = false;
  }
}

void take_flag(ControllerSettings& settings, const std::string& word) {
  const std::string gates = "--feature-gates=";
  if (word.starts_with(gates)) take_gates(settings, std::string_view(word).substr(gates.size()));
  const std::string prefix = "--horizontal-pod-autoscaler-";
  size_t equals = word.find('=');
  if (!word.starts_with(prefix) || equals == std::string::npos) return;
  std::string name = word.substr(prefix.size(), equals - prefix.size()), value = word.substr(equals + 1);
  if (name == "tolerance") settings.flags.tolerance = text::number(value).value_or(settings.flags.tolerance);
  std::optional<world::Duration> duration = read_duration(value);
  if (!duration) return;
  if (name == "sync-period") settings.flags.sync_period = *duration;
  if (name == "downscale-stabilization") settings.flags.downscale_stabilization = *duration;
  if (name == "cpu-initialization-period") settings.flags.cpu_initialization_period = *duration;
  if (name == "initial-readiness-delay") settings.flags.initial_readiness_delay = *duration;
}

}  // namespace

ControllerSettings controller_from(const Json& version, const Json& pods) {
  ControllerSettings settings;
  std::string text = text_at(version, "gitVersion");
  if (auto rules = hpasim::rules_for(text.substr(0, text.find_first_of("+-")))) {
    settings.rules = *rules;
    settings.version = text;
    settings.pod_level_requests = rules->minor >= 34;
  }
  for (const Json& pod : list_at(pods, "items")) {
    settings.seen = true;
    for (const Json& container : list_at(pod, "spec.containers")) {
      for (const char* words : {"command", "args"}) {
        for (const Json& word : list_at(container, words)) {
          if (word.is_string()) take_flag(settings, word.get<std::string>());
        }
      }
    }
  }
  return settings;
}

ControllerSettings controller_of(const Facts& facts) {
  auto answer = [&](const char* key) {
    const Reading* reading = facts.find(key);
    return reading == nullptr ? Json() : reading->value;
  };
  return controller_from(answer(version_key), answer(controller_key));
}

ControllerSettings read_controller(world::KubeApi& api) {
  return controller_from(world::kube_get(api, version_path).value_or(Json()),
                         world::kube_get(api, controller_pods_path).value_or(Json()));
}

}  // namespace hpawalk::diagnose
