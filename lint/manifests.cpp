#include "lint/manifests.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "diagnose/view.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::lint {

namespace {

using Lines = std::shared_ptr<const yaml::Lines>;

const yaml::Value* member(const yaml::Value& map, const char* name) {
  if (!map.is_object()) return nullptr;
  auto found = map.find(name);
  return found == map.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const yaml::Value& map, const char* name) {
  const yaml::Value* value = member(map, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// Kinds that are not known here mostly have namespaces, unless their name says otherwise ("ClusterIssuer").
bool has_namespace(const std::string& kind) {
  const world::KubeResource* known = world::find_kube_kind(kind);
  return known == nullptr ? kind == "Cluster" || !kind.starts_with("Cluster") : known->namespaced;
}

// Lists of rules make a file one of the adapter; other programs have `rules` too.
bool holds_rules(const yaml::Value& list) {
  return list.is_array() && std::any_of(list.begin(), list.end(), [](const yaml::Value& rule) {
           return member(rule, "seriesQuery") != nullptr || member(rule, "metricsQuery") != nullptr;
         });
}

class Reading {
 public:
  Reading(Contents& contents, const std::string& space) : contents_(contents), space_(space) {}

  void text(const Source& source) {
    ++contents_.files;
    comments(source);
    yaml::Places places;
    Result<std::vector<yaml::Value>> documents =
        yaml::parse_all(source.text, &places, yaml::Scalars::kubectl);
    if (!documents) return unreadable(source, places);
    for (size_t i = 0; i < documents->size(); ++i) {
      file_ = source.file;
      lines_ = std::make_shared<const yaml::Lines>(std::move(places.documents[i]));
      document((*documents)[i], "");
    }
  }

 private:
  void comments(const Source& source) {
    static constexpr std::string_view name = "hpawalk/ignore:";
    if (source.text.find(name) == std::string::npos) return;
    const std::vector<std::string> lines = text::lines(source.text);
    auto no_content = [&](size_t i) {
      std::string_view line = text::trim(lines[i]);
      return line.empty() || line.starts_with('#') || line == "---" || line.starts_with("--- #");
    };
    for (size_t i = 0; i < lines.size(); ++i) {
      const std::string_view line = lines[i];
      const size_t at = line.find(name);
      if (at == std::string_view::npos) continue;
      const std::string_view before = line.substr(0, at);
      const size_t hash = before.find_last_not_of(" \t");
      if (hash == std::string_view::npos || before[hash] != '#') continue;
      const bool above = text::trim(before.substr(0, hash)).empty();
      if (!above && before[hash - 1] != ' ' && before[hash - 1] != '\t') continue;
      size_t about = i;
      while (above && about < lines.size() && no_content(about)) ++about;
      contents_.comments.push_back({{source.file, static_cast<int>(i) + 1},
                                    static_cast<int>(about) + 1,
                                    above,
                                    std::string(text::trim(line.substr(at + name.size())))});
    }
  }

  void unreadable(const Source& source, const yaml::Places& places) {
    bool may_be_manifest =
        source.text.find("kind") != std::string::npos || source.text.find("seriesQuery") != std::string::npos;
    if (!may_be_manifest) return;
    size_t braces = source.text.find("{{");
    if (braces == std::string::npos) {
      contents_.unreadable.push_back({{source.file, places.mistake}, places.because, ""});
      return;
    }
    auto end = source.text.begin() + static_cast<std::ptrdiff_t>(braces);
    int line = 1 + static_cast<int>(std::count(source.text.begin(), end, '\n'));
    contents_.unreadable.push_back({{source.file, line}, "it has {{", "helm template CHART"});
  }

  void document(const yaml::Value& value, const std::string& prefix) {
    if (!value.is_object()) return;
    std::string kind = text_of(value, "kind");
    const yaml::Value* items = member(value, "items");
    if (kind.ends_with("List") && items != nullptr && items->is_array()) {
      for (size_t i = 0; i < items->size(); ++i) {
        yaml::Value item = (*items)[i];
        if (kind != "List" && item.is_object() && !item.contains("kind")) {
          item["kind"] = kind.substr(0, kind.size() - 4);
          item["apiVersion"] = text_of(value, "apiVersion");
        }
        document(item, fmt::format("{}items[{}].", prefix, i));
      }
      return;
    }
    if (!kind.empty()) return object(value, kind, prefix);
    adapter(value, prefix);
  }

  void object(const yaml::Value& value, const std::string& kind, const std::string& prefix) {
    Object found{value, value, {file_, lines_, prefix}};
    Json& metadata = found.value["metadata"];
    if (!metadata.is_object()) metadata = Json::object();
    if (has_namespace(kind) && text_at(metadata, "namespace").empty()) metadata["namespace"] = space_;
    contents_.objects.push_back(std::move(found));
  }

  // The adapter's own file, or values of its chart, also under the name of the chart in a larger one.
  void adapter(const yaml::Value& value, const std::string& prefix) {
    const yaml::Value* rules = member(value, "rules");
    const yaml::Value* external = member(value, "externalRules");
    if ((rules != nullptr && holds_rules(*rules)) || (external != nullptr && holds_rules(*external))) {
      contents_.adapters.push_back(
          {value, nullptr, false, {file_, lines_, prefix}, "rules", "externalRules"});
      return;
    }
    bool of_chart = rules != nullptr && rules->is_object() &&
                    (rules->contains("custom") || rules->contains("external") || rules->contains("default"));
    if (of_chart) return chart_values(value, *rules, prefix);
    if (const yaml::Value* below = member(value, "prometheus-adapter"))
      adapter(*below, prefix + "prometheus-adapter.");
  }

  void chart_values(const yaml::Value& value, const yaml::Value& rules, const std::string& prefix) {
    Json config = Json::object();
    const yaml::Value* custom = member(rules, "custom");
    const yaml::Value* external = member(rules, "external");
    const yaml::Value* resource = member(rules, "resource");
    if (custom != nullptr) config["rules"] = *custom;
    if (external != nullptr && !external->empty()) config["externalRules"] = *external;
    if (resource != nullptr && !resource->empty()) config["resourceRules"] = *resource;
    const yaml::Value* defaults = member(rules, "default");
    bool more = defaults == nullptr || *defaults != false || member(rules, "existing") != nullptr;
    contents_.adapters.push_back(
        {config, value, more, {file_, lines_, prefix}, "rules.custom", "rules.external"});
  }

  Contents& contents_;
  const std::string& space_;
  std::string file_;
  Lines lines_;
};

}  // namespace

Place Written::of(std::string path) const {
  if (lines_ == nullptr) return {file_, 0};
  std::string full = prefix_ + path;
  while (full.size() > prefix_.size()) {
    if (auto found = lines_->find(full); found != lines_->end()) return {file_, found->second};
    size_t above = full.find_last_of(".[");
    full.resize(above == std::string::npos || above < prefix_.size() ? prefix_.size() : above);
  }
  int first = 0;
  for (const auto& [name, line] : *lines_) {
    if (name.starts_with(prefix_) && (first == 0 || line < first)) first = line;
  }
  return {file_, first};
}

std::string Object::ref() const {
  std::string space = diagnose::space_of(value);
  return kind() + " " + (space.empty() ? "" : space + "/") + diagnose::name_of(value);
}

Contents read(const std::vector<Source>& sources, const std::string& space) {
  Contents contents;
  Reading reading(contents, space);
  for (const Source& source : sources) reading.text(source);
  return contents;
}

}  // namespace hpawalk::lint
