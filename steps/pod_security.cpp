#include "steps/pod_security.hpp"

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "config/pod_security.hpp"
#include "steps/ownership.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

namespace {

// What the workload's namespace enforces once the workload is to start.
Result<std::string> enforced_level(world::KubeApi& api, const config::Config& config) {
  Result<Json> space = world::kube_get(api, world::kube_kind("Namespace").object(config.text("namespace")));
  if (!space && !space.error().is("kube-not-found")) return failure(space.error());
  if (!space || is_ours(*space, config)) return config.text("pod-security");
  return text_at(Json{{"level", at(*space, {"metadata", "labels", config::enforce_label})}}, "level");
}

}  // namespace

cluster::Precondition look_at_pod_security(world::KubeApi& api, const config::Config& config) {
  constexpr const char* name = "Pod Security";
  std::string space = config.text("namespace"), image = config.text("workload.image");
  Result<std::string> level = enforced_level(api, config);
  if (!level)
    return {name, Mark::note, level.error().what + ": " + level.error().because, level.error().hint};
  const yaml::Value& context = config.value("workload.security-context");
  std::vector<std::string> missing = config::missing_for_restricted(context);
  if (*level == "restricted" && !missing.empty()) {
    return {name, Mark::broken,
            fmt::format("namespace {} enforces `restricted`, which forbids the workload's pods: "
                        "workload.security-context lacks {}",
                        space, text::join(missing, ", ")),
            "Set workload.security-context accordingly, or use another namespace"};
  }
  bool as_user = context.contains("runAsNonRoot") && context.at("runAsNonRoot") == true;
  bool own_image = image != config::find_setting("workload.image")->fallback;
  if (as_user && own_image) {
    return {name, Mark::note,
            fmt::format("the workload's image {} must run as a user other than root", image),
            *level == "restricted"
                ? fmt::format(
                      "Namespace {} enforces `restricted`: an image that runs as root does not start there",
                      space)
                : "For an image that must run as root: --workload-security-context '{}'"};
  }
  return {name, Mark::ok,
          level->empty() ? fmt::format("namespace {} enforces no level", space)
                         : fmt::format("namespace {} enforces `{}`; the workload complies", space, *level)};
}

}  // namespace hpawalk::steps
