// Where the walkthrough runs, behind one small interface: a cluster of hpawalk's own, or one that the user names.
//
// A target makes its cluster if that is its job, says how to reach it, and brings an image into it in its own way.
// Knows nothing about stages. hpawalk never touches a cluster that it was not pointed at: there is no guessing here.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "world/kube_proxy.hpp"
#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk {

struct ClusterAccess {
  KubeTarget kube;                   // kubectl's flags: always a context by name
  std::string helm = "helm";
  std::string operator_bundle = {};  // upstream's file of the configured version, where this machine has it
};

class ClusterTarget {
 public:
  virtual ~ClusterTarget() = default;

  virtual std::string name() const = 0;                     // "local cluster local", "context prod"
  virtual std::vector<std::string> plan() const = 0;        // what ensure() runs, as commands a person could type

  // How it will be reached, whether it is there or not. Asks nobody.
  virtual ClusterAccess expected() const = 0;

  // How it is reached. Changes nothing; an error when there is no such cluster (id `no-cluster`).
  virtual Result<ClusterAccess> find() = 0;

  // Makes the cluster if that is the target's job and it is not there; then as find().
  virtual Result<ClusterAccess> ensure(Progress& progress) = 0;

  // Makes hpawalk's own prom-fake image available to pods under `image`.
  virtual Status load_image(KubeApi& api, const std::string& image, Progress& progress) = 0;

  virtual Status remove(Progress& progress) = 0;            // the cluster itself, if the target made it
};

// By the setting `cluster`.
std::unique_ptr<ClusterTarget> make_target(World& world, const Config& config);

}  // namespace hpawalk
