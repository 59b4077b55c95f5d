// One change to a cluster: a command line that a person could have typed, and what it brings about. Data
// only.
#pragma once

#include <string>
#include <vector>

namespace hpawalk::steps {

enum class Does {
  apply,       // kubectl apply of `input`
  bundle,      // stands for the operator's bundle in a plan; expanded into `apply`s when it is run
  restart,     // kubectl rollout restart
  helm,        // helm upgrade --install with `input` as values
  load_image,  // the target brings the image `subject` into the cluster
};

struct Operation {
  Does does = Does::apply;
  std::string subject;  // "the workload", "CRD probes.monitoring.coreos.com"
  std::vector<std::string> argv;
  std::string input = {};               // given to its stdin
  std::vector<std::string> after = {};  // milestones that must be reached before it may run
  std::string reaches = {};             // the milestone that holds once it is done
  std::string served = {};              // wait until monitoring.coreos.com/v1 serves this resource ("probes")
  std::string keep_replicas_of = {};    // a Deployment whose replicas are the HPA's business once it exists
};

}  // namespace hpawalk::steps
