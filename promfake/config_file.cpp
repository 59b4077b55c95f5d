#include "config_file.hpp"

#include <yaml.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "text.hpp"
#include "value.hpp"

namespace promfake {
namespace {

constexpr size_t largest_file = 1024 * 1024;

struct Reader {
  yaml_document_t document{};
  Layer layer;
  std::string name;

  void wrong(const yaml_node_t& node, const std::string& why) {
    layer.mistakes.push_back(at(node) + ": " + why);
  }
  std::string at(const yaml_node_t& node) const {
    return name + ":" + std::to_string(node.start_mark.line + 1);
  }
  const yaml_node_t& node(int index) { return *yaml_document_get_node(&document, index); }

  std::string_view scalar(const yaml_node_t& of) {
    if (of.type != YAML_SCALAR_NODE) {
      wrong(of, "expected a plain value here");
      return {};
    }
    return {reinterpret_cast<const char*>(of.data.scalar.value), of.data.scalar.length};
  }

  template <class Use>
  void each_member(const yaml_node_t& map, const char* what, Use use) {
    if (map.type != YAML_MAPPING_NODE) return wrong(map, std::string(what) + " was expected here");
    std::vector<std::string_view> seen;
    for (auto* pair = map.data.mapping.pairs.start; pair < map.data.mapping.pairs.top; ++pair) {
      std::string_view key = scalar(node(pair->key));
      for (std::string_view earlier : seen)
        if (earlier == key) wrong(node(pair->key), quoted(key) + " is a duplicate");
      seen.push_back(key);
      use(key, node(pair->key), node(pair->value));
    }
  }

  Series series(const yaml_node_t& map) {
    Series series;
    std::optional<Kind> kind;
    each_member(map, "a metric (name, help, type, labels, value)",
                [&](auto key, auto& key_node, auto& value) {
                  if (key == "name")
                    series.name = scalar(value);
                  else if (key == "help")
                    series.help = scalar(value);
                  else if (key == "type")
                    kind = this->kind(value);
                  else if (key == "value")
                    series.value = number(value);
                  else if (key == "labels")
                    each_member(value, "the labels, key: value,", [&](auto label, auto&, auto& text) {
                      series.labels.push_back({std::string(label), std::string(scalar(text))});
                    });
                  else
                    wrong(key_node,
                          "unknown key " + quoted(key) + ", a metric has name, help, type, labels and value");
                });
    if (series.name.empty()) wrong(map, "this metric has no name");
    series.kind = kind.value_or(series.name.ends_with("_total") ? Kind::counter : Kind::gauge);
    return series;
  }

  Kind kind(const yaml_node_t& value) {
    std::string_view text = scalar(value);
    if (text != "gauge" && text != "counter") wrong(value, "type is gauge or counter, not " + quoted(text));
    return text == "counter" ? Kind::counter : Kind::gauge;
  }

  // YAML's own words for the special numbers are understood as well.
  double number(const yaml_node_t& value) {
    std::string_view text = scalar(value);
    std::string plain(text);
    if (size_t dot = plain.find(".inf"); dot != std::string::npos) plain.erase(dot, 1);
    if (equal_ignoring_case(plain, ".nan")) plain.erase(0, 1);
    auto parsed = parse_value(plain);
    if (!parsed) wrong(value, parsed.why);
    return parsed ? *parsed : 0;
  }

  void metrics(const yaml_node_t& list) {
    if (list.type != YAML_SEQUENCE_NODE || list.data.sequence.items.start == list.data.sequence.items.top)
      return wrong(list, "expected a list of at least one metric");
    auto& all = layer.metrics.emplace();
    for (auto* item = list.data.sequence.items.start; item < list.data.sequence.items.top; ++item)
      all.push_back(series(node(*item)));
  }

  void top(const yaml_node_t& map) {
    each_member(map, "key: value", [&](auto key, auto& key_node, auto& value) {
      if (key == "metrics") return metrics(value);
      bool here = key != "config" && !key.starts_with("metric") && !key.starts_with("label") &&
                  !key.starts_with("add_") && key != "value";
      if (!here || !set_from_text(layer, key, scalar(value), at(value)))
        wrong(key_node, "unknown key " + quoted(key) +
                            "; there are listen, log_requests, self_metrics, max_connections, idle_timeout, "
                            "request_timeout and metrics");
    });
  }
};

}  // namespace

Layer parse_config_file(std::string_view text, const std::string& name) {
  Reader reader;
  reader.name = name;
  yaml_parser_t parser;
  if (!yaml_parser_initialize(&parser)) return {};
  yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  if (!yaml_parser_load(&parser, &reader.document)) {
    reader.layer.mistakes.push_back(name + ":" + std::to_string(parser.problem_mark.line + 1) +
                                    ": not YAML: " + (parser.problem ? parser.problem : "it cannot be read"));
  } else {
    if (const yaml_node_t* root = yaml_document_get_root_node(&reader.document)) reader.top(*root);
    yaml_document_delete(&reader.document);
  }
  yaml_parser_delete(&parser);
  return std::move(reader.layer);
}

Layer load_config_file(const std::string& path) {
  Layer layer;
  errno = 0;
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  std::string text(largest_file + 1, '\0');
  size_t size = file ? std::fread(text.data(), 1, text.size(), file.get()) : 0;
  if (!file || std::ferror(file.get())) {
    layer.mistakes.push_back("the configuration " + path + " cannot be read: " + std::strerror(errno));
    return layer;
  }
  if (size > largest_file) {
    layer.mistakes.push_back("the configuration " + path + " is larger than 1 MiB");
    return layer;
  }
  text.resize(size);
  return parse_config_file(text, path);
}

}  // namespace promfake
