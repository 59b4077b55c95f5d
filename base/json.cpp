#include "base/json.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "base/text.hpp"

template class nlohmann::basic_json<>;

namespace hpawalk {
namespace {

// What a text will become, counted over its signs outside of strings. A text that is not JSON is counted too:
// then the numbers mean nothing, and the parser says what is wrong.
struct Extent {
  int depth = 0;
  size_t memory = 0;
};

Extent extent_of(std::string_view text) {
  // What nlohmann's values take: a value 16 bytes in a list, an entry of a map its node with the key, a list
  // or a map its own head, a text its std::string.
  constexpr size_t per_value = 16, per_entry = 96, per_container = 64, per_text = 48;
  Extent extent{0, text.size()};
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '{':
      case '[':
        extent.depth = std::max(extent.depth, ++depth);
        extent.memory += per_container;
        break;
      case '}':
      case ']': --depth; break;
      case ',': extent.memory += per_value; break;
      case ':': extent.memory += per_entry; break;
      case '"':
        extent.memory += per_text;
        for (++i; i < text.size() && text[i] != '"'; ++i) {
          if (text[i] == '\\') ++i;
        }
        break;
      default: break;
    }
  }
  return extent;
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what, JsonLimits limits) {
  auto wrong = [&](std::string because) {
    return failure(ErrorClass::check_failed, "json", std::string(what) + " cannot be read",
                   std::move(because));
  };
  if (text::trim(text).empty()) return wrong("it is empty");
  Extent extent = extent_of(text);
  if (extent.depth > limits.depth)
    return wrong(fmt::format("its lists and maps are nested deeper than {} levels", limits.depth));
  if (extent.memory > limits.memory) {
    return wrong(fmt::format("it has {}, more than hpawalk can hold in {}", text::bytes(text.size()),
                             text::bytes(limits.memory)));
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return wrong(fmt::format("invalid JSON at byte {}", error.byte));
  } catch (const Json::out_of_range&) {
    return wrong("invalid JSON: it contains a number beyond the largest float");
  }
}

bool is_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
    unsigned char first = byte(i);
    size_t length = first < 0x80   ? 1
                    : first < 0xC2 ? 0
                    : first < 0xE0 ? 2
                    : first < 0xF0 ? 3
                    : first < 0xF5 ? 4
                                   : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t j = 1; j < length; ++j) {
      if ((byte(i + j) & 0xC0) != 0x80) return false;
    }
    // Too long forms, halves of UTF-16, and what is beyond Unicode.
    unsigned char second = length > 1 ? byte(i + 1) : 0x80;
    if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
        (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

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
  if (found.is_number_unsigned()) {
    return static_cast<long long>(
        std::min<unsigned long long>(found.get<unsigned long long>(), std::numeric_limits<long long>::max()));
  }
  if (found.is_number_integer()) return found.get<long long>();
  if (!found.is_number()) return otherwise;
  // What a conversion does with a number beyond the type's range is undefined.
  double number = found.get<double>();
  if (number >= 0x1p63) return std::numeric_limits<long long>::max();
  if (number <= -0x1p63) return std::numeric_limits<long long>::min();
  return static_cast<long long>(number);
}

double real_at(const Json& object, std::string_view dotted, double otherwise) {
  const Json& found = at(object, dotted);
  return found.is_number() ? found.get<double>() : otherwise;
}

bool bool_at(const Json& object, std::string_view dotted, bool otherwise) {
  const Json& found = at(object, dotted);
  return found.is_boolean() ? found.get<bool>() : otherwise;
}

const Json& list_at(const Json& object, std::string_view dotted) {
  const Json& found = at(object, dotted);
  return found.is_array() ? found : no_items;
}

void erase_field(Json& object, std::string_view name) {
  if (object.is_object()) object.erase(name);
}

const Json& condition(const Json& object, std::string_view type) {
  for (const Json& c : list_at(object, "status.conditions")) {
    if (text_at(c, "type") == type) return c;
  }
  return nothing;
}

}  // namespace hpawalk
