// Whose an object is, by its labels: this chain's, another chain's of hpawalk's on the same cluster, or
// somebody else's.
//
// Every object that hpawalk makes carries app.kubernetes.io/managed-by and part-of, and hpawalk/instance,
// which says whose chain it is (docs/decisions/ownership.md). Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "world/kube_api.hpp"

namespace hpawalk::steps {

enum class Owner {
  mine,     // of the configured instance
  earlier,  // of an hpawalk that knew no instances: whoever's configuration names it
  another,  // of another instance
  stranger  // not hpawalk's
};

Owner owner_of(const Json& object, const std::string& instance);
std::string instance_of(const Json& object);  // the label's value

// For an object that was looked up under a name of the configuration.
bool is_ours(const Json& object, const config::Config& config);

// What this configuration makes, but for the operator and the adapter's release, which are no templates.
Result<std::vector<yaml::Value>> configured_objects(const config::Config& config);
// "KIND/NAMESPACE/NAME" of what this configuration makes, but for the adapter's release.
Result<std::set<std::string>> configured_names(const config::Config& config);
std::string configured_name(std::string_view kind, const std::string& space, const std::string& name);

}  // namespace hpawalk::steps
