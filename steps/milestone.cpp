#include "steps/milestone.hpp"

namespace hpawalk::steps {

std::string to_text(const Milestone& milestone) {
  switch (milestone.kind) {
    case Milestone::Kind::custom_resource: return "custom resource " + milestone.name;
    case Milestone::Kind::operator_rights: return "the operator's permissions";
    case Milestone::Kind::operator_deployment: return "the operator's Deployment";
    case Milestone::Kind::prometheus_rights: return "Prometheus's permissions";
    case Milestone::Kind::prometheus: return "Prometheus";
    case Milestone::Kind::name_space: return "namespace " + milestone.name;
    case Milestone::Kind::image: return "image";
    case Milestone::Kind::keda_image: return "KEDA's images";
    case Milestone::Kind::service_monitor: return "ServiceMonitor";
    case Milestone::Kind::stage: return "stage " + milestone.name;
  }
  return {};
}

}  // namespace hpawalk::steps
