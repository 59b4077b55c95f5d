// Compares what hpawalk would apply with what is in the cluster, and finds whose it is. Changes nothing.
//
// This is what makes `up` idempotent without a state file, and keeps it away from other people's objects.
#pragma once

#include <string>
#include <vector>

#include "base/yaml.hpp"
#include "steps/operation.hpp"
#include "world/kube_api.hpp"

namespace hpawalk {

enum class Standing {
  absent,     // something of it is not there
  different,  // all of it is there, but not as it should be
  same,       // nothing to do
  foreign     // one of its objects is there and is not hpawalk's
};

struct Comparison {
  Standing standing = Standing::absent;
  std::string foreign = {};  // "Deployment nginx in namespace default"
  Operation operation;       // what is left to apply: without Namespaces that are somebody else's
};

// Where an object is in the API; empty for kinds that hpawalk does not make.
std::string object_path(const yaml::Value& object);
std::string object_title(const yaml::Value& object);  // "Deployment nginx in namespace default"

bool is_ours(const Json& object);

// Every field of `wanted` is in `live` with the same value (lists as a whole).
bool includes(const Json& live, const Json& wanted);

// hpawalk applied a field earlier that `wanted` does not have any more, by the API server's own records.
bool owns_more(const Json& live, const Json& wanted);

Result<Comparison> compare_apply(KubeApi& api, const Operation& operation);

inline constexpr std::string_view release_mark = "hpawalk/values=";  // a label of the release's Secrets

// A Helm release, by the Secrets in which Helm keeps it. `pending`: an install or upgrade did not end.
struct Release {
  bool there = false;
  bool ours = false;
  bool pending = false;
  std::string values = {};  // hpawalk's mark on what is deployed
};
Result<Release> find_release(KubeApi& api, const std::string& space, const std::string& name);

}  // namespace hpawalk
