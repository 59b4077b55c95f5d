// Looking up objects in the facts: one after the other, or while the facts stand still, by an index.
#include <algorithm>
#include <unordered_map>

#include "diagnose/fact_key.hpp"
#include "diagnose/facts.hpp"

namespace hpawalk::diagnose {
namespace {

using Objects = std::vector<const Json*>;

std::string key_of(std::initializer_list<std::string_view> parts) {
  std::string key;
  for (std::string_view part : parts) {
    key += part;
    key += '\0';
  }
  return key;
}

Objects all_of(const Facts& facts, const std::string& resource) {
  Objects all;
  for (auto here = facts.readings.lower_bound(resource);
       here != facts.readings.end() && here->first.starts_with(resource); ++here) {
    if (!lists(here->first, resource)) continue;
    for (const Json& item : list_at(here->second.value, "items")) all.push_back(&item);
  }
  return all;
}

}  // namespace

class FactsIndex {
 public:
  struct Of {  // one resource
    Objects all;
    std::unordered_map<std::string, Objects> by_space, by_label;
    std::unordered_map<std::string, const Json*> by_name;
  };

  const Of& of(const Facts& facts, const std::string& resource) {
    auto [found, fresh] = resources_.try_emplace(resource);
    if (fresh) fill(found->second, all_of(facts, resource));
    return found->second;
  }

 private:
  static void fill(Of& of, Objects all) {
    for (const Json* object : all) {
      std::string space = text_at(*object, "metadata.namespace");
      of.by_space[space].push_back(object);
      of.by_name[key_of({space, text_at(*object, "metadata.name")})] = object;
      const Json& labels = at(*object, "metadata.labels");
      if (!labels.is_object()) continue;
      for (const auto& [name, value] : labels.items()) {
        if (value.is_string())
          of.by_label[key_of({space, name, value.get_ref<const std::string&>()})].push_back(object);
      }
    }
    of.all = std::move(all);
  }

  std::unordered_map<std::string, Of> resources_;
};

StillFacts::StillFacts(const Facts& facts) : facts_(facts) {
  if (facts.place.index != nullptr) return;
  index_ = std::make_unique<FactsIndex>();
  facts.place.index = index_.get();
}

StillFacts::~StillFacts() {
  if (index_ != nullptr) facts_.place.index = nullptr;
}

static const Objects& found_in(const std::unordered_map<std::string, Objects>& map, const std::string& key) {
  static const Objects none;
  auto found = map.find(key);
  return found == map.end() ? none : found->second;
}

std::vector<const Json*> Facts::items(const std::string& resource) const {
  return place.index != nullptr ? place.index->of(*this, resource).all : all_of(*this, resource);
}

std::vector<const Json*> Facts::items(const std::string& resource, std::string_view space) const {
  if (place.index != nullptr) return found_in(place.index->of(*this, resource).by_space, std::string(space));
  Objects some;
  for (const Json* item : items(resource)) {
    if (text_at(*item, "metadata.namespace") == space) some.push_back(item);
  }
  return some;
}

const Json* Facts::object(const std::string& resource, std::string_view space, std::string_view name) const {
  if (place.index != nullptr) {
    const auto& names = place.index->of(*this, resource).by_name;
    auto found = names.find(key_of({space, name}));
    return found == names.end() ? nullptr : found->second;
  }
  const Json* last = nullptr;
  for (const Json* item : items(resource, space)) {
    if (text_at(*item, "metadata.name") == name) last = item;
  }
  return last;
}

std::vector<const Json*> Facts::labelled(const std::string& resource, std::string_view space,
                                         const Json& labels) const {
  if (place.index == nullptr || !labels.is_object()) return items(resource, space);
  const Objects* fewest = nullptr;
  const auto& by_label = place.index->of(*this, resource).by_label;
  for (const auto& [name, value] : labels.items()) {
    if (!value.is_string()) continue;
    const Objects& some = found_in(by_label, key_of({space, name, value.get_ref<const std::string&>()}));
    if (fewest == nullptr || some.size() < fewest->size()) fewest = &some;
  }
  return fewest == nullptr ? items(resource, space) : *fewest;
}

}  // namespace hpawalk::diagnose
