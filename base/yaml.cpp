#include "base/yaml.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/json_text.hpp"
#include "base/pattern.hpp"
#include "base/text.hpp"

namespace hpawalk::yaml {
namespace {

constexpr int deepest = 64;

Value plain_scalar(const std::string& text) {
  static const Pattern integer = Pattern::constant("[-+]?(0|[1-9][0-9]*)");
  static const Pattern real = Pattern::constant(R"([-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)");
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* first = text.data() + (text[0] == '+' ? 1 : 0);
  const char* last = text.data() + text.size();
  if (text.size() < 20 && integer.matches(text)) {
    int64_t number = 0;
    if (auto [end, bad] = std::from_chars(first, last, number); bad == std::errc() && end == last) return number;
  }
  if (text.size() < 40 && real.matches(text)) {
    double number = 0;
    auto [end, bad] = std::from_chars(first, last, number);
    if (bad == std::errc() && end == last && std::isfinite(number)) return number;
  }
  return text;
}

Error mistake(int line, const std::string& because) {
  return Error{ErrorClass::usage, "yaml", line > 0 ? fmt::format("line {} is not valid YAML", line) : "Not valid YAML",
               because, {}, {}, {}};
}

Result<Value> convert(const YAML::Node& node, const std::string& path, Lines* lines, int depth) {
  if (depth > deepest) return failure(mistake(node.Mark().line + 1, "it is nested too deeply"));
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return Value(nullptr);
    case YAML::NodeType::Scalar:
      return node.Tag() == "?" ? plain_scalar(node.Scalar()) : Value(node.Scalar());
    case YAML::NodeType::Sequence: {
      Value list = Value::array();
      for (const YAML::Node& item : node) {
        Result<Value> value = convert(item, path, nullptr, depth + 1);
        if (!value) return value;
        list.push_back(*std::move(value));
      }
      return list;
    }
    case YAML::NodeType::Map:
      break;
  }
  Value map = Value::object();
  for (const auto& entry : node) {
    int line = entry.first.Mark().line + 1;
    if (!entry.first.IsScalar()) return failure(mistake(line, "a key must be a plain text"));
    const std::string& key = entry.first.Scalar();
    std::string below = path.empty() ? key : path + "." + key;
    if (map.contains(key)) return failure(mistake(line, fmt::format("`{}` is there twice", below)));
    if (lines != nullptr) (*lines)[below] = line;
    Result<Value> value = convert(entry.second, below, lines, depth + 1);
    if (!value) return value;
    map[key] = *std::move(value);
  }
  return map;
}

bool plain_is_safe(const std::string& text) {
  // Words, paths and images; durations and quantities (5s, 8Mi); versions (1.2.3).
  static const Pattern safe = Pattern::constant(
      "[A-Za-z/][A-Za-z0-9_./@-]*(:[A-Za-z0-9_./@-]+)*|[0-9]+(ms|[smhd]|[kMGT]i?)|[0-9]+[.][0-9]+[.][0-9]+");
  static const Pattern other = Pattern::constant("(?i)y|n|yes|no|on|off|true|false|null|nan|inf");
  return text.size() < 200 && safe.matches(text) && !other.matches(text);
}

void write_block(const Value& value, int indent, std::string& out);

// "key: value", or "- value", with what is below it indented by two more.
void write_entry(const std::string& lead, const Value& value, int indent, std::string& out) {
  bool nested = value.is_structured() && !value.empty();
  out.append(static_cast<size_t>(indent), ' ');
  if (!nested) {
    out += lead + " " + scalar(value) + "\n";
  } else if (lead == "-") {
    std::string below;
    write_block(value, indent + 2, below);
    out += "- " + below.substr(static_cast<size_t>(indent) + 2);
  } else {
    out += lead + "\n";
    write_block(value, indent + (value.is_array() ? 0 : 2), out);
  }
}

void write_block(const Value& value, int indent, std::string& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, below] : value.items()) write_entry(scalar(key) + ":", below, indent, out);
  } else if (value.is_array() && !value.empty()) {
    for (const Value& below : value) write_entry("-", below, indent, out);
  } else {
    out += std::string(static_cast<size_t>(indent), ' ') + scalar(value) + "\n";
  }
}

}  // namespace

Result<Value> parse(std::string_view text, Lines* lines) {
  try {
    std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.empty()) return Value(nullptr);
    if (documents.size() > 1) {
      return failure(mistake(documents[1].Mark().line + 1, "one document was expected, a second one begins here"));
    }
    return convert(documents[0], {}, lines, 0);
  } catch (const YAML::Exception& exception) {
    return failure(mistake(exception.mark.line + 1, exception.msg));
  }
}

Result<std::vector<Value>> parse_all(std::string_view text) {
  try {
    std::vector<Value> values;
    for (const YAML::Node& document : YAML::LoadAll(std::string(text))) {
      Result<Value> value = convert(document, {}, nullptr, 0);
      if (!value) return failure(value.error());
      if (!value->is_null()) values.push_back(*std::move(value));
    }
    return values;
  } catch (const YAML::Exception& exception) {
    return failure(mistake(exception.mark.line + 1, exception.msg));
  }
}

std::string escaped(std::string_view text) {
  std::string quoted = json_text(Value(std::string(text)));
  return quoted.substr(1, quoted.size() - 2);
}

std::string scalar(const Value& value) {
  if (!value.is_string()) return json_text(value);
  const auto& text = value.get_ref<const std::string&>();
  return plain_is_safe(text) ? text : '"' + escaped(text) + '"';
}

std::string block(const Value& value, int indent) {
  std::string out;
  write_block(value, indent, out);
  return out;
}

}  // namespace hpawalk::yaml
