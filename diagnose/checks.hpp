// Reads one object or answer of a chain whose names are known (the walkthrough's) and says whether it is
// ready, by readiness.hpp: for `up`, which waits for it and asks many times a second, and for `status`. Each
// takes one or two requests of a few milliseconds. `diagnose`, which has to find the chain first and says why
// a link is broken, is in diagnosis.hpp.
#pragma once

#include <string>
#include <vector>

#include "base/mark.hpp"
#include "diagnose/readiness.hpp"
#include "world/clock.hpp"
#include "world/kube_api.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::diagnose {

// broken means "not yet" while something is being built; `unknown` is for what could not be read (forbidden,
// the API out of reach), where waiting may not help.
struct Judgement {
  Mark mark = Mark::unknown;
  std::string evidence;       // one sentence: what was seen, or what is still missing
  std::string error_id = {};  // of the read that failed ("kube-forbidden"); empty: nothing failed
  bool ok() const { return mark == Mark::ok; }
  bool forbidden() const;  // a permission is missing: waiting does not help
};

struct ObjectName {
  std::string space, name;  // namespace
};

// Of a read: what it shows, or why nothing was read.
Judgement judge(const Result<Json>& read, Readiness (*readiness)(const Json&));
Judgement judge_target(const Result<std::vector<world::Target>>& targets, const std::string& pool_prefix,
                       world::WallTime now);

Judgement check_workload(world::KubeApi& api, const std::string& resource,
                         const ObjectName& object);  // "deployments"
// Why the first pod that is not ready is not, in its own words ("pod web-1: ImagePullBackOff: ..."). Empty
// when all are, or when they cannot be read.
std::string pod_trouble(const Json& pods);
std::string look_for_pod_trouble(world::KubeApi& api, const std::string& space,
                                 const std::string& label_selector);
Judgement check_prometheus(world::KubeApi& api,
                           const ObjectName& resource);  // ready, as the operator sees it
Judgement check_prometheus_answers(world::KubeApi& api, const world::Backend& prometheus);
// The ServiceMonitor's (or PodMonitor's) target is up, and when it was last scraped.
// pool_prefix: "serviceMonitor/NAMESPACE/NAME/"
Judgement check_target(world::KubeApi& api, world::Clock& clock, const world::Backend& prometheus,
                       const std::string& pool_prefix);
Judgement check_value(world::KubeApi& api, const world::Backend& prometheus, const std::string& expression);
Judgement check_api_service(world::KubeApi& api, const std::string& name = "v1beta1.custom.metrics.k8s.io");
// resource: "services"; name may be "*"
Judgement check_metric(world::KubeApi& api, const std::string& space, const std::string& resource,
                       const std::string& name, const std::string& metric);
// The metrics API's answer to a path (world/kube_resource.hpp).
Judgement check_value_at(world::KubeApi& api, const std::string& path, const std::string& metric);
Judgement check_scaled_object(world::KubeApi& api, const ObjectName& scaled_object);
Judgement check_hpa(world::KubeApi& api, const ObjectName& hpa);

}  // namespace hpawalk::diagnose
