// What was read about a chain, as plain data: every answer under a key, with the path it came from, or why it
// could not be read. Judging needs nothing else, so a saved file is judged like a live cluster.
//
// Of each object only the fields are here that some rule looks at: diagnose/kept.hpp lists them. Knows
// nothing about what is right or wrong.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/error_id.hpp"
#include "base/json.hpp"
#include "world/clock.hpp"

namespace hpawalk::diagnose {

struct Reading {
  std::string path;      // what was asked
  std::string error_id;  // empty: it was read; else kube-not-found, kube-forbidden, prometheus-query, ...
  std::string error;     // what the refusal said
  std::string right;     // with kube-forbidden: "list pods in namespace web"
  Json value;
  long long ms = 0;  // how long the answer took

  bool read() const { return error_id.empty(); }
  bool failed_with(ErrorId id) const { return error_id == id.text(); }
  bool absent() const { return failed_with("kube-not-found"); }
  bool refused() const { return !read() && !absent(); }  // cannot be judged
};

class FactsIndex;

// Where an index of the facts is, while there is one (StillFacts). A copy of facts has none.
struct IndexPlace {
  IndexPlace() = default;
  IndexPlace(const IndexPlace&) {}
  IndexPlace& operator=(const IndexPlace&) { return *this; }
  FactsIndex* index = nullptr;
};

struct Facts {
  static constexpr int version = 1;
  world::WallTime taken{};
  std::string asked_space, asked_name;  // what the user asked about; empty: everything
  size_t requests = 0;                  // to the API server
  std::map<std::string, Reading> readings;

  const Reading* find(const std::string& key) const;
  // The objects of a resource that was listed in the whole cluster ("pods") or by namespace ("pods/web").
  std::vector<const Json*> items(const std::string& resource) const;
  std::vector<const Json*> items(const std::string& resource, std::string_view space) const;
  // The one of that name; null: it was not read.
  const Json* object(const std::string& resource, std::string_view space, std::string_view name) const;
  // Those of the namespace that can have all these labels ({name: value}): it is left to the caller to look
  // whether they do.
  std::vector<const Json*> labelled(const std::string& resource, std::string_view space,
                                    const Json& labels) const;
  // The reading that answers for a resource in a namespace; null: nobody asked.
  const Reading* listing(const std::string& resource, const std::string& space) const;
  // The reading of the resource's list of the whole cluster, also where namespaces had to be read instead.
  const Reading* whole(const std::string& resource) const;

  mutable IndexPlace place;
};

// While this lives, the facts do not change, and what is in a namespace, has a name or a label is looked up
// in an index instead of one object after the other: thousands of HPAs ask for their own few objects. For one
// thread.
class StillFacts {
 public:
  explicit StillFacts(const Facts& facts);
  ~StillFacts();
  StillFacts(const StillFacts&) = delete;
  StillFacts& operator=(const StillFacts&) = delete;

 private:
  const Facts& facts_;
  std::unique_ptr<FactsIndex> index_;  // null: somebody else's is in use
};

Json to_json(const Facts& facts);
Result<Facts> facts_from(std::string_view text);

}  // namespace hpawalk::diagnose
