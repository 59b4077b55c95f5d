#include "diagnose/created.hpp"

#include "diagnose/fact_key.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

std::string CreatedObject::key() const {
  return object_key(ref.resource, ref.space, ref.name);
}

std::vector<CreatedObject> created_by(const Fix& fix) {
  std::vector<CreatedObject> created;
  if (fix.kind != Fix::Kind::create) return created;
  const Json one = Json::array({fix.body});
  for (const Json& object : text_at(fix.body, "kind") == "List" ? list_at(fix.body, "items") : one) {
    const world::KubeResource* kind = world::find_kube_kind(text_at(object, "kind"));
    if (kind == nullptr) continue;
    std::string space = text_at(object, "metadata.namespace"), name = text_at(object, "metadata.name");
    created.push_back(
        {std::string(kind->kind), {std::string(kind->plural), space, name}, kind->object(space, name)});
  }
  return created;
}

}  // namespace hpawalk::diagnose
