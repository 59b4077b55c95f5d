#include "base/json_text.hpp"
#include "base/pattern.hpp"
#include "base/yaml.hpp"

namespace hpawalk::yaml {
namespace {

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
