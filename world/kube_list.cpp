#include "world/kube_list.hpp"

#include <fmt/format.h>

namespace hpawalk::world {
namespace {

constexpr const char* metadata_form =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

std::string text_in(const Json& object, const char* pointer) {
  Json::json_pointer place(pointer);
  if (!object.is_object() || !object.contains(place) || !object[place].is_string()) return {};
  return object[place].get<std::string>();
}

// Servers that do not know the short form (aggregated ones) send whole objects.
void keep_metadata(Json& item) {
  if (!item.is_object()) return;
  Json kept = Json::object();
  for (const char* name : {"apiVersion", "kind", "metadata"}) {
    if (auto field = item.find(name); field != item.end()) kept[name] = std::move(*field);
  }
  item = std::move(kept);
}

// One page. Its items go to the end of `all`; what is left is the page without them.
Result<Json> read_page(KubeApi& api, const std::string& path, const ListOptions& options, Json& all) {
  KubeRequest request{"GET", path};
  if (options.metadata_only) request.headers["Accept"] = metadata_form;
  Result<Json> page = kube_send(api, request);
  if (!page || !page->is_object()) return page;
  Json items = Json::array();
  if (auto found = page->find("items"); found != page->end()) {
    items = std::move(*found);
    page->erase(found);
  }
  if (!items.is_array()) return page;
  for (Json& item : items) {
    if (options.metadata_only) keep_metadata(item);
    if (options.each) options.each(item);
    all.push_back(std::move(item));
  }
  return page;
}

size_t remaining_in(const Json& page) {
  Json::json_pointer place("/metadata/remainingItemCount");
  return page.contains(place) && page[place].is_number_unsigned() ? page[place].get<size_t>() : 0;
}

}  // namespace

Result<Json> kube_list(KubeApi& api, const std::string& path, const ListOptions& options) {
  const char* joint = path.find('?') == std::string::npos ? "?" : "&";
  Json all = Json::array();
  std::string place;     // the continue token
  size_t forgotten = 0;  // how often it came too late
  while (true) {
    bool whole = forgotten > 1;
    std::string query = whole ? path : fmt::format("{}{}limit={}", path, joint, options.page);
    if (!place.empty()) query += "&continue=" + query_value(place);
    Result<Json> page = read_page(api, query, options, all);
    if (!page && page.error().is("kube-gone") && !place.empty()) {
      ++forgotten;
      place.clear();
      all = Json::array();
      continue;
    }
    if (!page || !page->is_object()) return page;
    bool first = place.empty();
    place = text_in(*page, "/metadata/continue");
    bool enough = first && !place.empty() && options.go_on && !options.go_on(remaining_in(*page));
    if (place.empty() || enough) {
      (*page)["items"] = std::move(all);
      return page;
    }
  }
}

}  // namespace hpawalk::world
