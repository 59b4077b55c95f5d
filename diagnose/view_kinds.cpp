// The kinds that HPAs name: which group of the API server serves them.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/view.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

std::string ServedKind::api_version() const {
  return group.empty() ? version : group + "/" + version;
}

namespace {

bool known_kind(const std::string& group, const std::string& kind) {
  return std::any_of(
      std::begin(world::kube_resources), std::end(world::kube_resources),
      [&](const world::KubeResource& known) { return known.kind == kind && known.group == group; });
}

const Json& read_kinds(const Facts& facts) {
  static const Json none;
  const Reading* reading = facts.find(kinds_key);
  return reading != nullptr && reading->read() ? reading->value : none;
}

std::vector<ServedKind> served_as(const Facts& facts, const std::string& kind) {
  std::vector<ServedKind> all;
  for (const Json& k : list_at(read_kinds(facts), "kinds")) {
    if (text_at(k, "kind") == kind)
      all.push_back({text_at(k, "group"), text_at(k, "version"), text_at(k, "resource")});
  }
  const world::KubeResource* known = world::find_kube_kind(kind);
  if (read_kinds(facts).is_null() && known != nullptr)
    all.push_back({std::string(known->group), std::string(known->version), std::string(known->plural)});
  return all;
}

// Nothing: it was not read, and the kind is none of those that hpawalk knows.
std::optional<bool> served_in(const Facts& facts, const std::string& group, const std::string& kind) {
  if (known_kind(group, kind)) return true;
  const Json& read = read_kinds(facts);
  if (read.is_null()) return std::nullopt;
  for (const Json& k : list_at(read, "kinds")) {
    if (text_at(k, "kind") == kind && text_at(k, "group") == group) return true;
  }
  for (const Json& unread : list_at(read, "unread")) {
    bool everything = text_at(unread, "group").empty() && text_at(unread, "version").empty();
    if (everything || text_at(unread, "group") == group) return std::nullopt;
  }
  return false;
}

}  // namespace

KindRef kind_ref(const Facts& facts, const std::string& kind, const std::string& api_version,
                 const std::string& said) {
  size_t slash = api_version.find('/');
  std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
  KindRef ref{kind,
              api_version,
              served_in(facts, group, kind),
              served_as(facts, kind),
              {group, api_version.substr(slash + 1), kind.empty() ? "" : plural(kind)}};  // npos + 1 is 0
  std::string unknown = fmt::format("no matches for kind \"{}\" in group \"{}\"", kind, group);
  if (!ref.served && said.find(unknown) != std::string::npos) ref.served = false;
  for (const ServedKind& place : ref.places) {
    bool only = ref.served == false && ref.places.size() == 1;
    if (place.group == group || only) ref.place = place;
  }
  return ref;
}

}  // namespace hpawalk::diagnose
