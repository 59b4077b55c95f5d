// Reads everything that the rules need about some HPAs, in a number of requests that does not grow with how
// many HPAs there are: collections are listed whole, Prometheus is asked about many metrics at once, and so
// is the metrics API where the adapter can answer for all objects; elsewhere it is probed for at most
// `probe_limit` distinct questions (what it said about the others is in their conditions).
//
// Read-only. What could not be read is recorded as such, with the right that is missing.
#pragma once

#include <functional>

#include "diagnose/fact_key.hpp"
#include "diagnose/facts.hpp"
#include "world/kube_api.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::diagnose {

struct CollectOptions {
  std::string space = {};  // namespace; empty: all
  std::string name = {};   // of one HPA; empty: all
  size_t probe_limit = 48;
  size_t parallel = 8;
  // Also ScaledObjects of KEDA without an HPA; `name` can then be a ScaledObject's.
  bool scaled_objects = false;
  Json assumed = {};  // an HPA: if the one that is asked for is not there, its chain is read all the same
  std::string prometheus_url = {};               // asked instead of going through the API server's proxy
  world::PrometheusLogin prometheus_login = {};  // for that URL
  std::function<void(const std::string& what)> reading = {};  // told what is read next
};

// An error only when nothing can be said at all: the cluster is out of reach, the login failed, the HPAs may
// not be listed, or hpawalk was interrupted.
Result<Facts> collect(world::KubeApi& api, world::Http& http, world::Clock& clock,
                      const CollectOptions& options);

// Was this HPA only assumed? And of one that was: because a ScaledObject has none?
bool assumed(const Json& hpa);
bool without_hpa(const Json& assumed_hpa);

// What a Prometheus must be allowed to in a namespace to find targets there. `prometheus`: its object, if an
// operator made it.
std::vector<world::AccessQuestion> discovery_questions(const std::string& user, const std::string& space,
                                                       const Json* prometheus);
std::string user_of(const Json& pod);  // "system:serviceaccount:ns:name"
inline constexpr const char* hpa_controller_user =
    "system:serviceaccount:kube-system:horizontal-pod-autoscaler";
// May this adapter ask whether others may read metrics?
world::AccessQuestion delegation_question(const std::string& user);
// The ConfigMap that says how the API server authenticates clients to API services, and who may read it.
inline constexpr const char *authentication_space = "kube-system",
                            *authentication_config = "extension-apiserver-authentication",
                            *authentication_reader = "extension-apiserver-authentication-reader";
world::AccessQuestion hpa_question(const std::string& group, const std::string& space);

}  // namespace hpawalk::diagnose
