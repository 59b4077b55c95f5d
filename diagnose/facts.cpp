#include "diagnose/facts.hpp"

#include <algorithm>

#include "diagnose/fact_key.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {

const Reading* Facts::find(const std::string& key) const {
  auto found = readings.find(key);
  return found == readings.end() ? nullptr : &found->second;
}

const Reading* Facts::listing(const std::string& resource, const std::string& space) const {
  const Reading* by_space = find(space_key(resource, space));
  return by_space != nullptr ? by_space : find(resource);
}

const Reading* Facts::whole(const std::string& resource) const {
  const Reading* instead = find(whole_key(resource));
  return instead != nullptr ? instead : find(resource);
}

Json to_json(const Facts& facts) {
  Json readings = Json::object();
  for (const auto& [key, r] : facts.readings) {
    Json& out = readings[key];
    out["path"] = r.path;
    if (r.read()) {
      out["value"] = r.value;
      out["ms"] = r.ms;
    } else {
      out["error"] = {{"id", r.error_id}, {"message", r.error}};
      if (!r.right.empty()) out["error"]["right"] = r.right;
    }
  }
  return {{"hpawalkFacts", Facts::version},
          {"taken", world::rfc3339(facts.taken)},
          {"asked", {{"namespace", facts.asked_space}, {"name", facts.asked_name}}},
          {"requests", facts.requests},
          {"readings", std::move(readings)}};
}

Result<Facts> facts_from(std::string_view text) {
  auto bad = [](std::string because) {
    return failure(ErrorClass::usage, "facts-file", "This is not a facts file", std::move(because),
                   "Facts files are written by hpawalk diagnose --save FILE");
  };
  // A large cluster's facts may be larger than any single answer.
  Result<Json> parsed = parse_json(text, "It", {.memory = size_t{3} << 30});
  if (!parsed) return bad(parsed.error().because);
  Json& document = *parsed;
  long long version = int_at(document, "hpawalkFacts", -1);
  if (version < 0) return bad("it has no hpawalkFacts");
  if (version > Facts::version)
    return bad("it was written by a newer hpawalk (version " + std::to_string(version) + ")");
  Facts facts;
  facts.taken = world::parse_time(text_at(document, "taken")).value_or(world::WallTime{});
  facts.asked_space = text_at(document, "asked.namespace");
  facts.asked_name = text_at(document, "asked.name");
  facts.requests = static_cast<size_t>(std::max(0LL, int_at(document, "requests")));
  if (!at(document, "readings").is_object()) return bad("it has no readings");
  for (const auto& [key, in] : document["readings"].items()) {
    Reading& r = facts.readings[key];
    r = {text_at(in, "path"),
         text_at(in, "error.id"),
         text_at(in, "error.message"),
         text_at(in, "error.right"),
         {},
         int_at(in, "ms")};
    if (auto value = in.is_object() ? in.find("value") : in.end(); value != in.end())
      r.value = std::move(*value);
  }
  return facts;
}

}  // namespace hpawalk::diagnose
