// One change to a cluster: what a person could have typed, what it needs and what it brings about. Data, and
// the command line that is made of it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/target.hpp"
#include "steps/milestone.hpp"

namespace hpawalk::steps {

// kubectl apply.
struct Apply {
  std::string yaml = {};
  std::string keep_replicas_of = {};  // a Deployment whose replicas are the HPA's business once it exists
  std::string crd =
      {};  // "probes.monitoring.coreos.com": done when the API server serves the custom resource
};

// Stands for the operator's bundle in a plan: steps/stage_operator.hpp turns the bundle into Applies and a
// Restart.
struct InstallBundle {};

// kubectl rollout restart.
struct Restart {
  std::string name_space, deployment;
};

// helm upgrade --install.
struct HelmUpgrade {
  std::string name_space, release;
  std::vector<std::string> chart = {};  // "oci://..." and flags; empty: the bundled chart
  std::string values = {};              // YAML
  std::string mark = {};                // fingerprint of chart and values, a label of the release
  std::string instance = {};            // hpawalk's instance, a label of the release
  std::string installer = {};           // the process that installs it, a label of the release; empty: none
};

// The target brings the image to the nodes.
struct LoadImage {
  std::string image;
};

// The target makes KEDA's images available, where the nodes cannot pull them.
struct BringKeda {};

struct Operation {
  std::string subject;  // "Deployment nginx"
  std::variant<Apply, InstallBundle, Restart, HelmUpgrade, LoadImage, BringKeda> action;
  std::vector<Milestone> after = {};                // must be reached before it may run
  std::optional<Milestone> reaches = std::nullopt;  // holds once it is done
};

// A command that a person could paste, without its input.
struct CommandLine {
  std::vector<std::string> argv;
  std::string input = {};  // for stdin
};

// `bundled_chart`: the folder with the bundled chart (chart.hpp). None for LoadImage and BringKeda, which are
// the target's.
std::optional<CommandLine> command_line(const Operation& operation, const cluster::ClusterAccess& access,
                                        const std::string& bundled_chart);

// helm with the flags that say which cluster, followed by `arguments`.
std::vector<std::string> helm_line(const cluster::ClusterAccess& access, std::vector<std::string> arguments);

}  // namespace hpawalk::steps
