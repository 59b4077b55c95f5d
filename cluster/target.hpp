// Where the walkthrough runs, behind one small interface: a cluster of hpawalk's own, or one that the user
// names.
//
// A target makes its cluster if that is its job, says how to reach it, and brings an image into it in its own
// way. Knows nothing about stages. hpawalk never touches a cluster that it was not pointed at: there is no
// guessing here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/precondition.hpp"
#include "config/config.hpp"
#include "world/kube_proxy.hpp"
#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk::cluster {

struct PlannedCommand {
  std::string note;     // what it is for
  std::string command;  // as a person could type it; empty where hpawalk does it itself
};

struct ClusterAccess {
  world::KubeTarget kube;  // kubectl's flags: always a context by name
  std::string helm = "helm";
  std::string operator_bundle = {};   // upstream's file of the configured version, where this machine has it
  std::string registry = {};          // the host that pods pull hpawalk's own image from, where it is known
  std::string when_unreachable = {};  // what its owner says about who may reach it
  std::vector<PlannedCommand> bring_image = {};  // what load_image() runs; empty: hpawalk does it itself
  bool keda_addon = false;                       // AKS installs and maintains KEDA in it
};

struct TargetPlan {
  ClusterAccess access;                 // how it will be reached, whether it is there or not
  std::vector<PlannedCommand> cluster;  // what ensure() would run
};

// What down did about that which is not in the cluster.
struct Leftovers {
  std::vector<std::string> removed;
  std::vector<std::string> left;  // with the reason
};

class ClusterTarget {
 public:
  virtual ~ClusterTarget() = default;

  virtual std::string name() const = 0;  // "local cluster local", "context prod"

  virtual TargetPlan plan() = 0;  // changes nothing, and asks no daemon and no cloud

  // The tools, daemon and login that this target needs beside kubectl and helm. Changes nothing.
  virtual std::vector<Precondition> look() { return {}; }

  // How it is reached. Changes nothing; an error when there is no such cluster (id `no-cluster`).
  virtual Result<ClusterAccess> find() = 0;

  // Makes the cluster if that is the target's job and it is not there; then as find().
  virtual Result<ClusterAccess> ensure(world::Progress& progress) = 0;

  // Makes hpawalk's own prom-fake image available to pods under `image`.
  virtual Status load_image(world::KubeApi& api, const std::string& image, world::Progress& progress) = 0;

  // Makes KEDA's images available to pods where the nodes cannot pull them.
  virtual Status bring_keda(world::Progress&) { return {}; }

  // Takes away what load_image() made outside of the cluster. The chain is gone by then.
  virtual Result<Leftovers> clean_up(world::KubeApi& api, world::Progress& progress);

  virtual Status remove(world::Progress& progress) = 0;  // the cluster itself, if hpawalk made it
};

// By the setting `cluster`.
std::unique_ptr<ClusterTarget> make_target(world::World& world, const config::Config& config);

// One file each; kind, minikube and k3d: made_target.hpp.
std::unique_ptr<ClusterTarget> make_local_target(world::World& world, const config::Config& config);
std::unique_ptr<ClusterTarget> make_current_target(world::World& world, const config::Config& config);
std::unique_ptr<ClusterTarget> make_aks_target(world::World& world, const config::Config& config);

// Upstream's bundle of the configured version, where a local cluster's parts are on this machine: for any
// cluster, and without the internet. Empty where they are not.
std::string bundle_on_this_machine(world::World& world, const config::Config& config);

// prom-fake's archive as a file that only this user can read, for as long as `use` needs it.
Status with_archive(world::World& world, const std::function<Status(const fs::path&)>& use);

}  // namespace hpawalk::cluster
