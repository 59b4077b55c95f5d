// Kinds that the HPA names in an API group that does not serve them. The controller looks a kind up by its
// group: an object of that name in another group does not count.
#include "diagnose/rules.hpp"

namespace hpawalk::diagnose {

const Cause cause::target_api_version = {
    .id = "target-api-version",
    .link = Link::target,
    .symptom = "FailedGetScale: no matches for kind ... in group ...",
    .reason = "spec.scaleTargetRef.apiVersion names an API group that does not serve the kind",
    .detection = "The kinds that the API server lists, and the condition AbleToScale",
    .fix = "Use the group that serves it"};

const Cause cause::object_api_version = {
    .id = "object-api-version",
    .link = Link::hpa,
    .symptom = "unable to map kind ... to resource: no matches for kind ... in group ...",
    .reason = "describedObject.apiVersion is not set, or names an API group that does not serve the kind",
    .detection = "The kinds that the API server lists, and the condition ScalingActive",
    .fix = "Use the group that serves it"};

namespace {

using Path = std::vector<std::string>;

Path below(Path path, const char* field) {
  path.emplace_back(field);
  return path;
}

std::string group_text(const std::string& group) {
  return group.empty() ? "the core API group" : "API group " + group;
}

std::string places_text(const KindRef& ref) {
  std::vector<std::string> all;
  for (const ServedKind& place : ref.places) all.push_back(place.api_version());
  return text::join(all, " and ");
}

std::string sentence(const KindRef& ref, const std::string& field) {
  size_t slash = ref.api_version.find('/');
  std::string group = slash == std::string::npos ? "" : ref.api_version.substr(0, slash);
  std::string where =
      ref.places.empty() ? "this API server does not have that kind" : "that kind is in " + places_text(ref);
  return fmt::format("{} {}, and {} does not serve kind {}; {}", field,
                     ref.api_version.empty() ? "is not set" : "is " + ref.api_version, group_text(group),
                     ref.kind, where);
}

std::vector<std::string> evidence(const Context& c, const KindRef& ref, const char* type) {
  const Json& said = condition(*c.hpa.object, type);
  std::vector<std::string> all;
  if (has(text_at(said, "message"), "no matches for kind"))
    all.push_back(fmt::format("HPA {}: {} is {}: {}: {}", full_name(*c.hpa.object), type,
                              text_at(said, "status"), text_at(said, "reason"), text_at(said, "message")));
  const Reading* kinds = c.facts.find(kinds_key);
  if (kinds != nullptr && kinds->read())
    all.push_back(seen(
        *kinds, fmt::format("kind {}: {}", ref.kind, ref.places.empty() ? "in no group" : places_text(ref))));
  return all;
}

// `path` leads to the object with kind, name and apiVersion.
Fix right_group(const Context& c, const KindRef& ref, const std::string& field, const Path& path,
                const std::string& name) {
  ObjectRef hpa = ref_of("hpa", *c.hpa.object);
  if (ref.places.empty())
    return advice(fmt::format("Install what provides kind {}, or make the HPA name another kind", ref.kind),
                  look_at("get", hpa));
  std::string says = fmt::format("Set {} to {}", field, places_text(ref));
  if (ref.places.size() > 1) return advice(says + ", whichever is meant", look_at("get", hpa));
  return json_patch(hpa, *c.hpa.object,
                    Json::array({operation("test", below(path, "kind"), ref.kind),
                                 operation("test", below(path, "name"), name),
                                 operation("add", below(path, "apiVersion"), ref.place.api_version())}),
                    says)
      .value_or(advice(says, look_at("get", hpa)));
}

}  // namespace

bool target_kind_unserved(const Context& c, Report& report) {
  const KindRef& ref = c.hpa.scaled;
  if (ref.served != false) return false;
  const std::string field = "spec.scaleTargetRef.apiVersion";
  report.broken(cause::target_api_version, sentence(ref, field), evidence(c, ref, "AbleToScale"),
                right_group(c, ref, field, {"spec", "scaleTargetRef"}, c.hpa.target_name));
  return true;
}

bool object_kind_unserved(const Context& c, Report& report) {
  const KindRef& ref = c.need.described;
  if (c.need.type != "Object" || ref.served != false) return false;
  std::string index = std::to_string(c.need.index);
  std::string field = fmt::format("spec.metrics[{}].object.describedObject.apiVersion", index);
  report.broken(cause::object_api_version, sentence(ref, field), evidence(c, ref, "ScalingActive"),
                right_group(c, ref, field, {"spec", "metrics", index, "object", "describedObject"},
                            c.need.object_name));
  return true;
}

}  // namespace hpawalk::diagnose
