#include "diagnose/controller.hpp"

#include "base/duration.hpp"
#include "base/text.hpp"
#include "diagnose/fact_key.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {
namespace {

void take_flag(ControllerSettings& settings, const std::string& word) {
  const std::string gates = "--feature-gates=";
  if (word.starts_with(gates)) {
    for (const std::string& gate : text::split(std::string_view(word).substr(gates.size()), ',')) {
      settings.gates.push_back(gate);
      hpasim::take_gate(settings.rules, gate);
    }
  }
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
  if (auto rules = hpasim::rules_of_cluster(text)) {
    settings.rules = *rules;
    settings.version = text;
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
