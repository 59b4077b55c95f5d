// A proposed repair as a value: what it does, to which one object, and what it would do beyond the repair.
// Only here does it become a command line, by one quoting rule.
//
// Builders take the object as it was read and check the repair against it: what would change nothing, what
// fits the object no more, and what names an object that Kubernetes could not have, is no fix. hpawalk runs
// none of them. Knows nothing about causes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace hpawalk::diagnose {

struct ObjectRef {
  std::string resource;  // as kubectl takes it: "servicemonitor", "rollouts.argoproj.io"
  std::string space;     // empty: of the whole cluster
  std::string name;
};
ObjectRef ref_of(std::string resource, const Json& object);
// For kinds that are not known here: "rollouts.argoproj.io" of Rollout, argoproj.io/v1alpha1.
std::string resource_of(const std::string& kind, const std::string& api_version);

struct Fix {
  // advice has no command: somebody has to decide, or to write something that cannot be known here.
  enum class Kind { advice, patch, create, remove, scale, restart, rollback };
  Kind kind = Kind::advice;
  ObjectRef object;
  std::vector<std::string> more;  // of remove: names of others of its kind and namespace
  std::string says;               // what is to be done, in one sentence
  std::string beyond;             // what the command does beyond the repair; empty: nothing
  std::string patch_type;         // "json" or "merge"
  Json body;                      // the patch, or what is created; of advice: what to write, if that is known
  long long replicas = 0;         // of scale
  std::vector<std::string> look;  // a kubectl command that only reads, for somebody who follows advice
};
std::string_view name_of(Fix::Kind kind);

Fix advice(std::string says, std::vector<std::string> look = {});
Fix advice_with(std::string says, Json body, std::vector<std::string> look = {});
// kubectl VERB RESOURCE NAME -n NAMESPACE; nothing for an object that cannot have that name.
std::vector<std::string> look_at(const std::string& verb, const ObjectRef& object);
std::vector<std::string> look_for(const std::string& resources,
                                  const std::string& space);  // all in a namespace

// A JSON patch. Where a path goes through an index, `test` operations before it say what has to stand there.
std::optional<Fix> json_patch(const ObjectRef& ref, const Json& object, Json operations, std::string says,
                              std::string beyond = {});
// For fields of maps only: a merge patch replaces lists.
std::optional<Fix> merge_patch(const ObjectRef& ref, const Json& object, Json patch, std::string says,
                               std::string beyond = {});
// One object, or a List of a role and the binding that names it. Not over one that is there already.
std::optional<Fix> create(const ObjectRef& ref, Json manifest, std::string says, std::string beyond = {});
// `more`: names of others of its kind and namespace, that go with it.
std::optional<Fix> remove(const ObjectRef& ref, std::string says, std::string beyond = {},
                          std::vector<std::string> more = {});
std::optional<Fix> scale(const ObjectRef& ref, long long from, long long to, std::string says);
std::optional<Fix> restart(const ObjectRef& ref, std::string says);
std::optional<Fix> rollback(const ObjectRef& ref, std::string says, std::string beyond = {});

// {"op": "test", "path": "/spec/ports/0/port", "value": 80}; the steps are escaped here.
Json operation(const std::string& op, const std::vector<std::string>& path, Json value = nullptr);

std::string command_of(const Fix& fix);  // a line for a POSIX shell, in ASCII; empty for advice
std::string look_of(const Fix& fix);     // likewise; empty: none
// As it is shown and pasted: what is no command is a comment, as soon as there is a command.
std::string text_of(const Fix& fix);
Json to_json(const Fix& fix);  // a null: there is nothing to be done

}  // namespace hpawalk::diagnose
