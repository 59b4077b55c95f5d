// The command lines of az, the Azure CLI, all of them, and what az's refusals mean.
//
// In today's form of what the walkthrough types. Knows nothing about when they are run (aks_target.hpp). A
// test gives every line to the real az.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "world/world.hpp"

namespace hpawalk::cluster {

enum class AzLine {
  version,
  account,  // who is logged in, on which subscription
  cluster,
  registry,
  credentials,  // into a kubeconfig of hpawalk's own
  rights,       // what the cluster's identity may do on the registry
  check_pull,   // the same, asked by a pod in the cluster: where the assignments may not be read
  attach,       // the right to pull, for clusters with a managed identity
  detach,
  assign,  // the same, for clusters with a service principal
  unassign,
  assign_reader,  // the same for any identity, where the registry has ABAC repository permissions
  unassign_reader,
  caller_rights,  // what the login of az may do on the registry
  offer,          // of the subscription: is it paid from free credits?
  image,          // is it in the registry?
  build,
  delete_image,
  quota,             // of public addresses, where prom-fake is to have a load balancer
  enable_keda,       // only shown: hpawalk changes no add-on of a cluster
  prometheus_token,  // for the query endpoint of an Azure Monitor workspace
  count
};

struct AzureNames {
  std::string az = "az";
  std::string subscription = {};  // empty: the one that az has chosen
  std::string group = {}, cluster = {};
  std::string registry_group = {};        // empty: az finds it
  std::string registry = {}, image = {};  // "prom-fake:0.1.0"
  std::string kubeconfig = {}, context = {}, build_folder = {};
  // Known once cluster and registry have been asked for:
  std::string assignee = {};  // the identity that pulls: object id, or a service principal's client id
  std::string registry_id = {}, login_server = {}, location = {};
  std::string caller = {};  // who is logged in: a user's name, or a service principal's client id
  // The registry's role assignment permissions mode is "RBAC Registry + ABAC Repository Permissions":
  // AcrPull, AcrPush, Reader, Contributor and Owner give no access to its images there.
  bool abac = false;
};

// The role that lets a cluster pull from a registry in that mode.
inline constexpr const char* abac_reader = "Container Registry Repository Reader";

std::vector<std::string> az_line(AzLine line, const AzureNames& names);

// Runs it; its stdout. Lines of both outputs go to `on_line` as they come, if it is given.
Result<std::string> run_az(world::World& world, AzLine line, const AzureNames& names, const std::string& what,
                           const std::function<void(std::string_view)>& on_line = {});

// What to do where the registry's tasks build nothing: in sentences, with commands.
std::string without_tasks(const AzureNames& names);

// az said that there is no such thing (in a registry).
bool is_not_found(const Error& error);

}  // namespace hpawalk::cluster
