#include "chain/json_read.hpp"

namespace hpawalk {

static const Json nothing;
static const Json no_items = Json::array();

static const Json& step(const Json& object, std::string_view name) {
  if (!object.is_object()) return nothing;
  auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

const Json& at(const Json& object, std::string_view dotted) {
  const Json* here = &object;
  while (!dotted.empty()) {
    size_t dot = dotted.find('.');
    here = &step(*here, dotted.substr(0, dot));
    if (dot == std::string_view::npos) break;
    dotted.remove_prefix(dot + 1);
  }
  return *here;
}

const Json& at(const Json& object, const std::vector<std::string>& steps) {
  const Json* here = &object;
  for (const std::string& name : steps) here = &step(*here, name);
  return *here;
}

std::string text_at(const Json& object, std::string_view dotted, std::string_view otherwise) {
  const Json& found = at(object, dotted);
  if (found.is_string()) return found.get<std::string>();
  if (found.is_number()) return found.dump();
  return std::string(otherwise);
}

long long int_at(const Json& object, std::string_view dotted, long long otherwise) {
  const Json& found = at(object, dotted);
  return found.is_number() ? found.get<long long>() : otherwise;
}

bool bool_at(const Json& object, std::string_view dotted, bool otherwise) {
  const Json& found = at(object, dotted);
  return found.is_boolean() ? found.get<bool>() : otherwise;
}

const Json& list_at(const Json& object, std::string_view dotted) {
  const Json& found = at(object, dotted);
  return found.is_array() ? found : no_items;
}

const Json& condition(const Json& object, std::string_view type) {
  for (const Json& c : list_at(object, "status.conditions")) {
    if (text_at(c, "type") == type) return c;
  }
  return nothing;
}

}  // namespace hpawalk
