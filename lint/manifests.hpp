// What files of manifests hold: the objects, each with the place where it is written, and what is no
// manifest. YAML or JSON, several documents, Lists, and the rules of prometheus-adapter as its own file or as
// the values of its Helm chart. Pure. Knows nothing about what is right or wrong with an object.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/yaml.hpp"

namespace hpawalk::lint {

// A file's name, as findings tell it, and its text.
struct Source {
  std::string file, text;
};

struct Place {
  std::string file;
  int line = 0;  // counts from 1; 0: not known
};

// Where the fields of one object are written.
class Written {
 public:
  Written() = default;
  Written(std::string file, std::shared_ptr<const yaml::Lines> lines, std::string prefix)
      : file_(std::move(file)), lines_(std::move(lines)), prefix_(std::move(prefix)) {}
  // Of the field ("spec.ports[0].port"), else of the nearest one above it; empty: where the object begins.
  Place of(std::string path) const;

 private:
  std::string file_;
  std::shared_ptr<const yaml::Lines> lines_;
  std::string prefix_;  // of the object's fields: "items[0]."
};

struct Object {
  Json value;          // metadata.namespace is set where the kind has namespaces
  yaml::Value source;  // as it is written
  Written written;
  std::string kind() const { return text_at(value, "kind"); }
  std::string ref() const;  // "Service shop/web"
};

// The rules of prometheus-adapter outside of a ConfigMap.
struct AdapterFile {
  Json config;              // as the adapter has it: rules, externalRules, resourceRules
  Json values;              // of the chart; a null: it is the adapter's own file
  bool more_rules = false;  // the chart adds its default rules to these
  Written written;
  std::string rules_path, external_path;  // of the lists, in the file
};

// A text that could not be read as manifests.
struct Unreadable {
  Place place;
  std::string because;
  std::string render;  // the command that renders it; empty: it is no template
};

// "# hpawalk/ignore: TEXT", at the end of a line or above one.
struct Comment {
  Place place;
  int line = 0;        // that it is about: its own, or the next one that is not only a comment
  bool above = false;  // it is on a line of its own
  std::string text;
};

struct Contents {
  std::vector<Object> objects;
  std::vector<AdapterFile> adapters;
  std::vector<Unreadable> unreadable;
  std::vector<Comment> comments;
  size_t files = 0;
};

// `space`: of objects that name none.
Contents read(const std::vector<Source>& sources, const std::string& space);

}  // namespace hpawalk::lint
