// What was read about a chain, as plain data: every answer under a key, with the path it came from, or why it
// could not be read. Judging needs nothing else, so a saved file is judged like a live cluster.
//
// Objects are the API server's, without what no rule needs (environment variables, managed fields beyond who
// set the replicas) and with secrets redacted. Knows nothing about what is right or wrong.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "world/clock.hpp"

namespace hpawalk {

struct Reading {
  std::string path;      // what was asked
  std::string error_id;  // empty: it was read; else kube-not-found, kube-forbidden, prometheus-query, ...
  std::string error;     // what the refusal said
  std::string right;     // with kube-forbidden: "list pods in namespace web"
  Json value;
  long long ms = 0;  // how long the answer took

  bool read() const { return error_id.empty(); }
  bool absent() const { return error_id == "kube-not-found"; }
  bool refused() const { return !read() && !absent(); }  // cannot be judged
};

struct Facts {
  static constexpr int version = 1;
  WallTime taken{};
  std::string asked_space, asked_name;  // what the user asked about; empty: everything
  size_t requests = 0;                  // to the API server
  std::map<std::string, Reading> readings;

  const Reading* find(const std::string& key) const;
  // The objects of a resource that was listed in the whole cluster ("pods") or by namespace ("pods/web").
  std::vector<const Json*> items(const std::string& resource) const;
  std::vector<const Json*> items(const std::string& resource, std::string_view space) const;
  // The reading that answers for a resource in a namespace; null: nobody asked.
  const Reading* listing(const std::string& resource, const std::string& space) const;
  // The reading of the resource's list of the whole cluster, also where namespaces had to be read instead.
  const Reading* whole(const std::string& resource) const;
};

std::string whole_key(const std::string& resource);

Json to_json(const Facts& facts);
Result<Facts> facts_from(std::string_view text);

// The object without what no rule needs, and without secrets.
Json trimmed(Json object);

}  // namespace hpawalk
