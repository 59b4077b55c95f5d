// Reads everything that the rules need about some HPAs, in a number of requests that does not grow with how many
// HPAs there are: collections are listed whole, Prometheus is asked about many metrics at once, and the metrics API
// is probed for at most `probe_limit` distinct questions (what it says about the others is in their conditions).
//
// Read-only. What could not be read is recorded as such, with the right that is missing.
#pragma once

#include "chain/facts.hpp"
#include "world/kube_api.hpp"

namespace hpawalk {

struct CollectOptions {
  std::string space = {};            // namespace; empty: all
  std::string name = {};             // of one HPA; empty: all
  size_t probe_limit = 48;
  size_t parallel = 8;
  Json assumed = {};                 // an HPA: if the one that is asked for is not there, its chain is read all the same
  std::string prometheus_url = {};   // asked instead of going through the API server's proxy
};

// An error only when nothing can be said at all: the cluster is out of reach, the login failed, the HPAs may not be
// listed, or hpawalk was interrupted.
Result<Facts> collect(KubeApi& api, Http& http, Clock& clock, const CollectOptions& options);

// Was this HPA only assumed?
bool assumed(const Json& hpa);

// Keys of the readings that the rules look up.
std::string eval_key(const std::string& prometheus_key, const std::string& expression);
std::string range_key(const std::string& prometheus_key, const std::string& expression);
std::string may_key(const AccessQuestion& question);
std::vector<AccessQuestion> discovery_questions(const std::string& prometheus_user, const std::string& space);
std::string user_of(const Json& pod);  // "system:serviceaccount:ns:name"
AccessQuestion hpa_question(const std::string& group, const std::string& space);

}  // namespace hpawalk
