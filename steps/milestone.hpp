// What has to be there before an operation may run. A type, so that nobody can wait for a name that nobody
// reaches.
#pragma once

#include <compare>
#include <string>

namespace hpawalk::steps {

struct Milestone {
  enum class Kind {
    custom_resource,      // the API server serves it; `name` is its plural: "servicemonitors"
    operator_rights,      // the operator's account, rights and Service
    operator_deployment,  // applied, not yet available
    prometheus_rights,
    prometheus,  // the Prometheus resource
    name_space,  // `name`
    image,       // prom-fake's, on the nodes
    keda_image,  // KEDA's: on the nodes, or in a registry that these can pull from
    service_monitor,
    stage,  // all rules of the stage `name` hold
  };
  Kind kind = Kind::stage;
  std::string name = {};
  auto operator<=>(const Milestone&) const = default;
};

std::string to_text(const Milestone& milestone);  // "custom resource servicemonitors"

}  // namespace hpawalk::steps
