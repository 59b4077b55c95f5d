// Compares what hpawalk would apply with what is in the cluster, and finds whose it is. Changes nothing.
//
// This is what makes `up` idempotent without a state file, and keeps it away from other people's objects.
#pragma once

#include <string>
#include <vector>

#include "base/yaml.hpp"
#include "config/config.hpp"
#include "steps/operation.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::steps {

enum class Standing {
  absent,     // something of it is not there
  different,  // all of it is there, but not as it should be
  same,       // nothing to do
  foreign     // one of its objects is there and is not hpawalk's
};

struct Comparison {
  Standing standing = Standing::absent;
  std::string foreign = {};   // "Deployment nginx in namespace default"
  std::string left = {};      // the YAML that is left to apply: without Namespaces that are somebody else's
  std::string instance = {};  // of the foreign one, when it is of another instance of hpawalk's
};

// Where an object is in the API; empty for kinds that hpawalk does not make.
std::string object_path(const yaml::Value& object);
std::string object_title(const yaml::Value& object);  // "Deployment nginx in namespace default"

// Every field of `wanted` is in `live` with the same value (lists as a whole).
bool includes(const Json& live, const Json& wanted);

// hpawalk applied a field earlier that `wanted` does not have any more, by the API server's own records.
bool owns_more(const Json& live, const Json& wanted);

// An apply of `wanted` would change `live`. Where the texts differ, a dry run on the API server decides.
bool would_change(world::KubeApi& api, const std::string& path, const Json& live, const Json& wanted);

Result<Comparison> compare_apply(world::KubeApi& api, const config::Config& config, const Apply& apply);

}  // namespace hpawalk::steps
