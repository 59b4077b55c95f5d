// What a stage of the walkthrough is: why it is there, what it does, what must hold afterwards, and whose
// logs belong to it. Each stage is a file of its own (stage_NAME.cpp); stages.cpp is their list.
//
// Knows nothing about time, threads or how a stage's state is shown: the scheduler (up.hpp) runs the
// operations as soon as the milestones that they need are reached.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/target.hpp"
#include "config/config.hpp"
#include "diagnose/checks.hpp"
#include "steps/operation.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::steps {

// What a rule looks at.
struct StageContext {
  world::KubeApi& api;
  world::Clock& clock;
  const config::Config& config;
};

struct Rule {
  std::string_view says;  // "the Deployment is available"
  diagnose::Judgement (*check)(const StageContext&);
};

struct LogSource {
  std::string space = {};
  std::string selector = {};   // of the pods; empty: the stage has no pods
  std::string container = {};  // empty: all of them
};

using Operations = Result<std::vector<Operation>>;

inline LogSource no_logs(const config::Config&) {
  return {};
}

// A kind that a stage creates and changes. preflight.hpp asks whether the cluster serves it, and whether the
// user may.
struct Making {
  world::KubeResource kind;
  std::string_view space;  // a setting, or a namespace as it is ("=kube-system"); empty: the whole cluster
  std::string_view since =
      {};  // the first Kubernetes that serves it; empty: every one, or the stages before make it
};

using world::kube_kind;

struct Stage {
  std::string_view name;
  std::string_view why;                 // for `up --step` and the plan
  std::vector<std::string_view> needs;  // the stages without which it cannot become ready
  std::string_view metrics = {};        // only in chains with this value of the setting `metrics`
  std::vector<Making> makes = {};       // what `operations` creates
  Operations (*operations)(const config::Config&, const cluster::ClusterAccess&);
  std::vector<Rule> rules;
  LogSource (*logs)(const config::Config&) = no_logs;
};

Milestone stage_ready(std::string_view stage);

// What is not on the way from the custom resources to a running Prometheus waits until these are there, and
// so leaves the processors of a small machine to them. The HPA too (and later still where its controller
// looks at it at once: up.cpp).
Milestone prometheus_can_be_created();

Operation applying(std::string subject, std::string yaml);

// The one Apply of a stage whose objects are one template of manifests/stages.
Operations apply_stage(const config::Config& config, std::string_view stage, std::string subject);

// A Deployment, and when it is not available what its pods say.
diagnose::Judgement rollout(const StageContext& context, const std::string& space, const std::string& name,
                            const std::string& selector);

}  // namespace hpawalk::steps
