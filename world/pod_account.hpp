// Reaches the API server from inside a pod, with its service account and without kubectl: an image that has
// nothing but hpawalk is enough.
//
// Source: k8s.io/client-go/rest.InClusterConfig. The kubelet renews the token's file, so it is read for each
// request.
#pragma once

#include <memory>
#include <optional>

#include "world/kube_api.hpp"
#include "world/patience.hpp"
#include "world/world.hpp"

namespace hpawalk::world {

inline constexpr const char* account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";

// "https://10.96.0.1:443". Nothing: this is not a pod, or a kubeconfig says which cluster is meant
// ($KUBECONFIG or ~/.kube/config), as kubectl decides it.
std::optional<std::string> api_server_of_pod(const Environment& environment, Files& files);

std::unique_ptr<KubeApi> connect_in_pod(World& world, std::string api_server, Waiting waiting = {});

}  // namespace hpawalk::world
