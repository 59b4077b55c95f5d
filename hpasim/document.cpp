// Documents in and out: YAML and JSON text, --set, and the HPA among several documents.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hpasim/spec.hpp"

namespace hpawalk::hpasim {

namespace {

// The items of a HorizontalPodAutoscalerList need not say what they are.
void name_items(Document& list) {
  if (!list.is_object() || list.value("kind", Document()) != "HorizontalPodAutoscalerList") return;
  auto items = list.find("items");
  if (items == list.end() || !items->is_array()) return;
  for (Document& item : *items) {
    if (!item.is_object()) continue;
    if (!item.contains("kind")) item["kind"] = "HorizontalPodAutoscaler";
    if (!item.contains("apiVersion") && list.contains("apiVersion")) item["apiVersion"] = list["apiVersion"];
  }
}

Result<std::vector<Document>> read_all(std::string_view text, yaml::Places* places = nullptr) {
  auto documents = yaml::parse_all(text, places, yaml::Scalars::kubectl);
  if (documents) {
    for (Document& document : *documents) name_items(document);
    return documents;
  }
  const Error& error = documents.error();
  if (size_t at = text.find("{{"); at != std::string_view::npos) {
    return failure(
        ErrorClass::usage, "hpa-yaml", "The HPA file is a template, and not rendered",
        fmt::format("line {} has {{{{",
                    1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')),
        "Render it first: helm template CHART | hpawalk simulate --hpa -");
  }
  return failure(ErrorClass::usage, "hpa-yaml", "The HPA file is neither YAML nor JSON",
                 error.what + ": " + error.because);
}

// One of the objects in a text: in which of its documents, below which path.
struct Object {
  std::string kind;
  const Document* value;
  size_t document;
  std::string path;
};

// The objects in a document, which may be a list of them.
void collect(const Document& value, size_t document, const std::string& path, std::vector<Object>& objects) {
  if (!value.is_object()) return;
  std::string kind =
      value.contains("kind") && value["kind"].is_string() ? value["kind"].get<std::string>() : "";
  if (!kind.empty()) objects.push_back({kind, &value, document, path});
  if ((kind == "List" || kind == "HorizontalPodAutoscalerList") && value.contains("items") &&
      value["items"].is_array()) {
    const Document& items = value["items"];
    for (size_t i = 0; i < items.size(); ++i)
      collect(items[i], document, fmt::format("{}items[{}].", path, i), objects);
  }
}

std::vector<Object> objects_in(const std::vector<Document>& documents) {
  std::vector<Object> objects;
  for (size_t i = 0; i < documents.size(); ++i) collect(documents[i], i, "", objects);
  return objects;
}

Result<std::vector<Object>> objects_of(const std::vector<Document>& documents,
                                       const std::vector<std::string>& wanted) {
  std::vector<Object> found;
  std::vector<std::string> kinds;
  for (const Object& object : objects_in(documents)) {
    kinds.push_back(object.kind);
    if (std::find(wanted.begin(), wanted.end(), object.kind) != wanted.end()) found.push_back(object);
  }
  if (!found.empty()) return found;
  return failure(ErrorClass::usage, "hpa-missing", "No " + text::join(wanted, " or ") + " found in the file",
                 kinds.empty() ? "No document in it has a kind" : "It holds " + text::join(kinds, ", "));
}

const std::vector<std::string> only_hpas = {"HorizontalPodAutoscaler"},
                               autoscalers = {"HorizontalPodAutoscaler", "ScaledObject"};

// Of the metadata, whatever its shape: parse_spec says what is wrong with it.
std::string metadata_text(const Document& hpa, const char* key) {
  auto metadata = hpa.find("metadata");
  if (metadata == hpa.end() || !metadata->is_object()) return {};
  auto text = metadata->find(key);
  return text != metadata->end() && text->is_string() ? text->get<std::string>() : std::string();
}
std::string name_of(const Document& hpa) {
  return metadata_text(hpa, "name");
}
// "NAMESPACE/NAME" where a namespace is written.
std::string full_name_of(const Document& hpa) {
  std::string space = metadata_text(hpa, "namespace");
  return space.empty() ? name_of(hpa) : space + "/" + name_of(hpa);
}

struct Step {
  std::string key;  // empty: an index
  size_t index = 0;
};

Result<std::vector<Step>> parse_path(std::string_view path) {
  auto wrong = [&](std::string because) {
    return failure(ErrorClass::usage, "set-path", "\"" + std::string(path) + "\" is not a path",
                   std::move(because),
                   "For example spec.behavior.scaleDown.stabilizationWindowSeconds, or "
                   "spec.metrics[0].object.target.value");
  };
  std::vector<Step> steps;
  for (const std::string& part : text::split(path, '.')) {
    std::string_view rest = part;
    size_t bracket = std::min(rest.find('['), rest.size());
    if (bracket == 0) return wrong("A name is missing");
    steps.push_back({std::string(rest.substr(0, bracket)), 0});
    rest.remove_prefix(bracket);
    while (!rest.empty()) {
      size_t end = rest.find(']');
      if (rest[0] != '[' || end == std::string_view::npos || end == 1 || end > 5)
        return wrong("An index looks like [0]");
      std::string digits(rest.substr(1, end - 1));
      if (!std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); }))
        return wrong("An index looks like [0]");
      steps.push_back({"", std::stoul(digits)});
      rest.remove_prefix(end + 1);
    }
  }
  if (steps.empty()) return wrong("It is empty");
  return steps;
}

}  // namespace

int Lines::of(std::string path) const {
  while (!path.empty()) {
    if (auto found = fields.find(path); found != fields.end()) return found->second;
    size_t above = path.find_last_of(".[");
    path.resize(above == std::string::npos ? 0 : above);
  }
  return 0;
}

Result<std::vector<Document>> all_hpas(std::string_view text) {
  auto documents = read_all(text);
  if (!documents) return tl::unexpected(documents.error());
  auto hpas = objects_of(*documents, only_hpas);
  if (!hpas) return failure(hpas.error());
  std::vector<Document> all;
  for (const Object& hpa : *hpas) all.push_back(*hpa.value);
  return all;
}

namespace {

Result<Document> find_one(std::string_view text, const std::vector<std::string>& kinds, std::string_view name,
                          Lines* lines) {
  yaml::Places places;
  auto documents = read_all(text, lines != nullptr ? &places : nullptr);
  if (!documents) {
    if (lines != nullptr) lines->mistake = places.mistake, lines->because = places.because;
    return tl::unexpected(documents.error());
  }
  auto hpas = objects_of(*documents, kinds);
  if (!hpas) return failure(hpas.error());
  std::vector<std::string> names, short_names;
  std::vector<const Object*> meant;
  for (const Object& hpa : *hpas) {
    names.push_back(full_name_of(*hpa.value));
    short_names.push_back(name_of(*hpa.value));
    if (name.empty() || name == name_of(*hpa.value) || name == names.back()) meant.push_back(&hpa);
  }
  if (meant.empty()) {
    auto nearest = text::nearest(name, name.find('/') == std::string_view::npos ? short_names : names);
    return failure(ErrorClass::usage, "hpa-missing",
                   fmt::format("{} {} not found in the file", text::join(kinds, " or "), name),
                   "It has " + text::join(names, ", "), nearest ? "Did you mean " + *nearest + "?" : "");
  }
  if (meant.size() > 1) {
    std::vector<std::string> several;
    for (const Object* hpa : meant) several.push_back(full_name_of(*hpa->value));
    return failure(ErrorClass::usage, "hpa-ambiguous",
                   fmt::format("The file contains several {}s{}", text::join(kinds, "s or "),
                               name.empty() ? "" : " of the name " + std::string(name)),
                   text::join(several, ", "), "Name one after a #, as in hpas.yaml#" + several.front());
  }
  const Object& hpa = *meant.front();
  if (lines != nullptr) {
    for (const auto& [path, line] : places.documents[hpa.document]) {
      if (path.starts_with(hpa.path)) lines->fields[path.substr(hpa.path.size())] = line;
    }
  }
  return *hpa.value;
}

}  // namespace

Result<Document> find_hpa(std::string_view text, std::string_view name, Lines* lines) {
  return find_one(text, only_hpas, name, lines);
}

Result<Document> find_autoscaler(std::string_view text, std::string_view name) {
  return find_one(text, autoscalers, name, nullptr);
}

std::vector<std::string> autoscaler_names(std::string_view text) {
  std::vector<std::string> names;
  auto documents = read_all(text);
  if (!documents) return names;
  for (const Object& object : objects_in(*documents)) {
    if (std::find(autoscalers.begin(), autoscalers.end(), object.kind) != autoscalers.end())
      names.push_back(full_name_of(*object.value));
  }
  return names;
}

Document find_object(std::string_view text, std::string_view kind, std::string_view name) {
  auto documents = read_all(text);
  if (!documents) return nullptr;
  for (const Object& object : objects_in(*documents)) {
    if (object.kind == kind && name_of(*object.value) == name) return *object.value;
  }
  return nullptr;
}

Status set_field(Document& hpa, std::string_view assignment) {
  size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    return failure(ErrorClass::usage, "set-path", "\"" + std::string(assignment) + "\" has no =", {},
                   "--set takes path=value, as in --set spec.maxReplicas=20");
  }
  auto steps = parse_path(text::trim(assignment.substr(0, equals)));
  if (!steps) return tl::unexpected(steps.error());
  auto value = read_all(assignment.substr(equals + 1));
  if (!value) return tl::unexpected(value.error());
  Document* here = &hpa;
  auto wrong = [&](std::string because) {
    return failure(ErrorClass::usage, "set-path", "Cannot set " + std::string(assignment),
                   std::move(because));
  };
  for (size_t i = 0; i < steps->size(); ++i) {
    const Step& step = (*steps)[i];
    bool last = i + 1 == steps->size();
    bool remove = last && (value->empty() || value->front().is_null());
    if (!step.key.empty()) {
      if (here->is_null()) *here = Document::object();
      if (!here->is_object()) return wrong(step.key + " is below a value that has no fields");
      if (remove) {
        here->erase(step.key);
        return {};
      }
      here = &(*here)[step.key];
    } else {
      if (here->is_null()) *here = Document::array();
      if (!here->is_array()) return wrong(fmt::format("[{}] follows a value that is not a list", step.index));
      if (step.index > here->size())
        return wrong(
            fmt::format("The list has {} entries; the next index is [{}]", here->size(), here->size()));
      if (remove) {
        if (step.index < here->size()) here->erase(step.index);
        return {};
      }
      if (step.index == here->size()) here->push_back(nullptr);
      here = &(*here)[step.index];
    }
  }
  *here = value->front();
  return {};
}

std::string to_yaml(const Document& hpa) {
  return yaml::block(hpa);
}

}  // namespace hpawalk::hpasim
