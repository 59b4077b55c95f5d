#include "base/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/pattern.hpp"
#include "base/text.hpp"

namespace hpawalk::yaml {
namespace {

constexpr int deepest = 64;
constexpr size_t most_values = 500'000;  // after aliases were replaced; a long text counts as several
constexpr size_t largest = 8 << 20;      // bytes

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
    if (auto [end, bad] = std::from_chars(first, last, number); bad == std::errc() && end == last)
      return number;
  }
  if (text.size() < 40 && real.matches(text)) {
    double number = 0;
    auto [end, bad] = std::from_chars(first, last, number);
    if (bad == std::errc() && end == last && std::isfinite(number)) return number;
  }
  return text;
}

Error mistake(int line, const std::string& because) {
  return Error{ErrorClass::usage,
               "yaml",
               line > 0 ? fmt::format("line {} is not valid YAML", line) : "Not valid YAML",
               because,
               {},
               {},
               {}};
}

// From yaml-cpp's nodes to values. Aliases make one node stand in many places: 380 bytes of them can mean
// gigabytes, and an alias inside of its own anchor never ends. So what comes out is counted, not what was
// read.
class Converter {
 public:
  explicit Converter(Lines* lines) : lines_(lines) {}

  Result<Value> convert(const YAML::Node& node, const std::string& path, int depth) {
    if (depth > deepest) return failure(mistake(line_of(node), "it is nested too deeply"));
    if (!within(1 + (node.IsScalar() ? node.Scalar().size() / 64 : 0))) return failure(too_much(node));
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: return Value(nullptr);
      case YAML::NodeType::Scalar:
        return node.Tag() == "?" ? plain_scalar(node.Scalar()) : Value(node.Scalar());
      case YAML::NodeType::Sequence: return list(node, path, depth);
      case YAML::NodeType::Map: break;
    }
    return map(node, path, depth);
  }

 private:
  static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

  bool within(size_t more) { return (weight_ += more) <= most_values; }

  static Error too_much(const YAML::Node& node) {
    return mistake(line_of(node), fmt::format("it expands to more than {} values", most_values));
  }

  Result<Value> list(const YAML::Node& node, const std::string& path, int depth) {
    Value all = Value::array();
    Lines* lines = std::exchange(lines_, nullptr);  // entries of lists have no path
    for (const YAML::Node& item : node) {
      Result<Value> value = convert(item, path, depth + 1);
      if (!value) return value;
      all.push_back(*std::move(value));
    }
    lines_ = lines;
    return all;
  }

  Result<Value> map(const YAML::Node& node, const std::string& path, int depth) {
    Value result = Value::object();
    // Looking a key up, or in, would go through all before it: a hundred thousand keys would take minutes.
    auto& entries = static_cast<Value::object_t::Container&>(result.get_ref<Value::object_t&>());
    std::unordered_set<std::string> keys;
    for (const auto& entry : node) {
      int line = line_of(entry.first);
      if (!entry.first.IsScalar()) return failure(mistake(line, "a key must be a plain string"));
      const std::string& key = entry.first.Scalar();
      std::string below = path.empty() ? key : path + "." + key;
      if (!within(below.size() / 64)) return failure(too_much(entry.first));
      if (!keys.insert(key).second) return failure(mistake(line, fmt::format("duplicate key `{}`", below)));
      if (lines_ != nullptr) (*lines_)[below] = line;
      Result<Value> value = convert(entry.second, below, depth + 1);
      if (!value) return value;
      entries.emplace_back(key, *std::move(value));
    }
    return result;
  }

  Lines* lines_;
  size_t weight_ = 0;
};

// yaml-cpp takes some hundred bytes for a node, so a text is looked at before it gets it.
Status check_text(std::string_view text) {
  auto marks = std::count_if(text.begin(), text.end(),
                             [](char c) { return c == ',' || c == '[' || c == '{' || c == '\n'; });
  if (text.size() <= largest && static_cast<size_t>(marks) <= most_values) {
    return is_utf8(text) ? Status() : failure(mistake(0, "it is not UTF-8"));
  }
  return failure(mistake(
      0, fmt::format("it has {}, more than the limit of hpawalk for YAML", text::bytes(text.size()))));
}

// At a bracket that nobody opened yaml-cpp (0.7) begins one empty document after the other, without an end.
class EachDocumentIsLater final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos <= last_) throw YAML::ParserException(mark, "no open list or map ends here");
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

void check_documents(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  EachDocumentIsLater handler;
  while (parser.HandleNextDocument(handler)) {
  }
}

Result<std::vector<Value>> read(std::string_view text, Lines* lines, bool only_one) {
  if (Status fits = check_text(text); !fits) return failure(fits.error());
  try {
    std::vector<Value> values;
    std::string whole(text);
    check_documents(whole);
    std::vector<YAML::Node> documents = YAML::LoadAll(whole);
    if (only_one && documents.size() > 1) {
      return failure(
          mistake(documents[1].Mark().line + 1, "expected one document, but a second one begins here"));
    }
    Converter converter(lines);
    for (const YAML::Node& document : documents) {
      Result<Value> value = converter.convert(document, {}, 0);
      if (!value) return failure(value.error());
      if (!value->is_null()) values.push_back(*std::move(value));
    }
    return values;
  } catch (const YAML::Exception& exception) {
    return failure(mistake(exception.mark.line + 1, exception.msg));
  }
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
  Result<std::vector<Value>> values = read(text, lines, true);
  if (!values) return failure(values.error());
  return values->empty() ? Value(nullptr) : std::move(values->front());
}

Result<std::vector<Value>> parse_all(std::string_view text) {
  return read(text, nullptr, false);
}

std::string escaped(std::string_view text) {
  std::string quoted = json_text(Value(std::string(text)));
  return quoted.substr(1, quoted.size() - 2);
}

std::string scalar(const Value& value) {
  if (value.is_number_float()) {  // 1e+300 is a text to YAML 1.1, and 1.0e+300 is not
    std::string number = value.dump();
    size_t exponent = number.find('e');
    if (exponent != std::string::npos && number.find('.') == std::string::npos) number.insert(exponent, ".0");
    return number;
  }
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
