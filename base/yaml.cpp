#include "base/yaml.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <sstream>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "base/json.hpp"
#include "base/text.hpp"

namespace hpawalk::yaml {
namespace {

constexpr int deepest = 64;
constexpr size_t most_values = 500'000;  // after aliases were replaced; a long text counts as several
constexpr size_t largest = 8 << 20;      // bytes

size_t after_digits(std::string_view text, size_t from) {
  return std::min(text.find_first_not_of("0123456789", from), text.size());
}

// Where a number ends that begins the text: whole ([-+]?(0|[1-9][0-9]*)), or with
// (\.[0-9]+)?([eE][-+]?[0-9]+)? behind it. 0: there is none. By hand, so that reading YAML needs no library
// of patterns.
size_t whole_end(std::string_view text) {
  size_t begin = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  size_t end = after_digits(text, begin);
  bool leading_zero = end > begin + 1 && text[begin] == '0';
  return end == begin || leading_zero ? 0 : end;
}
size_t real_end(std::string_view text) {
  size_t end = whole_end(text);
  if (end == 0) return 0;
  if (text.substr(end).starts_with('.')) {
    size_t after = after_digits(text, end + 1);
    if (after == end + 1) return 0;
    end = after;
  }
  if (end == text.size() || (text[end] != 'e' && text[end] != 'E')) return end;
  size_t digits = end + 1;
  if (digits < text.size() && (text[digits] == '-' || text[digits] == '+')) ++digits;
  size_t after = after_digits(text, digits);
  return after == digits ? 0 : after;
}

Value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text.size() < 20 && whole_end(text) == text.size()) {
    const char* first = text.data() + (text[0] == '+' ? 1 : 0);
    const char* last = text.data() + text.size();
    int64_t number = 0;
    if (auto [end, bad] = std::from_chars(first, last, number); bad == std::errc() && end == last)
      return number;
  }
  if (text.size() < 40 && real_end(text) == text.size()) {
    if (double number = std::strtod(text.c_str(), nullptr); std::isfinite(number)) return number;
  }
  return text;
}

// --- as resolve.go of goyaml.v2 does it

// strconv.ParseInt and ParseUint with base 0: 10, 0x10, 0o10, 010, 0b10.
std::optional<Value> whole_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(std::tolower(static_cast<unsigned char>(text[1])));
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  uint64_t number = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (bad != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr uint64_t most = std::numeric_limits<int64_t>::max();
  if (negative)
    return number > most + 1 ? std::nullopt : std::optional<Value>(static_cast<int64_t>(0 - number));
  return number > most ? Value(number) : Value(static_cast<int64_t>(number));
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
std::optional<Value> real_number(const std::string& text) {
  size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  size_t whole = after_digits(text, at), end = whole;
  if (text.substr(whole).starts_with('.')) end = after_digits(text, whole + 1);
  if (whole == at && end < whole + 2) return std::nullopt;
  if (end < text.size()) {
    if (text[end] != 'e' && text[end] != 'E') return std::nullopt;
    size_t digits = end + 1;
    if (digits < text.size() && (text[digits] == '-' || text[digits] == '+')) ++digits;
    if (digits == text.size() || after_digits(text, digits) != text.size()) return std::nullopt;
  }
  const double number = std::strtod(text.c_str(), nullptr);
  return std::isfinite(number) ? std::optional<Value>(number) : std::nullopt;
}

Value kubectl_scalar(const std::string& text) {
  static const std::unordered_set<std::string_view> yes = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                                           "True", "TRUE", "on",  "On",  "ON"},
                                                    no = {"n",     "N",     "no",  "No",  "NO", "false",
                                                          "False", "FALSE", "off", "Off", "OFF"},
                                                    none = {"", "~", "null", "Null", "NULL"};
  if (none.contains(text)) return nullptr;
  if (yes.contains(text)) return true;
  if (no.contains(text)) return false;
  constexpr std::string_view begins_number = "+-.0123456789";
  if (begins_number.find(text[0]) == std::string_view::npos) return text;
  std::string plain = text;
  if (text[0] != '.') std::erase(plain, '_');
  if (text[0] != '.') {
    if (std::optional<Value> number = whole_number(plain)) return *number;
  }
  return real_number(plain).value_or(text);
}

struct Mistake {
  int line = 0;  // 0: of the text as a whole
  std::string because;
};
template <typename T>
using Read = tl::expected<T, Mistake>;

tl::unexpected<Mistake> mistake(int line, std::string because) {
  return tl::unexpected<Mistake>({line, std::move(because)});
}

Error as_error(const Mistake& found) {
  return Error{ErrorClass::usage, "yaml",
               found.line > 0 ? fmt::format("line {} is not valid YAML", found.line) : "Not valid YAML",
               found.because};
}

// From yaml-cpp's nodes to values. Aliases make one node stand in many places: 380 bytes of them can mean
// gigabytes, and an alias inside of its own anchor never ends. So what comes out is counted, not what was
// read.
class Converter {
 public:
  explicit Converter(Scalars scalars) : scalars_(scalars) {}

  Read<Value> convert(const YAML::Node& document, Lines* lines) {
    lines_ = lines;
    return convert(document, {}, 0);
  }

 private:
  Read<Value> convert(const YAML::Node& node, const std::string& path, int depth) {
    if (depth > deepest)
      return mistake(
          line_of(node),
          fmt::format("it is nested more than {} levels deep, or an anchor contains itself", deepest));
    if (!within(1 + (node.IsScalar() ? node.Scalar().size() / 64 : 0))) return too_much(node);
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null: return Value(nullptr);
      case YAML::NodeType::Scalar:
        if (node.Tag() != "?") return Value(node.Scalar());
        return scalars_ == Scalars::kubectl ? kubectl_scalar(node.Scalar()) : plain_scalar(node.Scalar());
      case YAML::NodeType::Sequence: return list(node, path, depth);
      case YAML::NodeType::Map: break;
    }
    return map(node, path, depth);
  }

  static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

  bool within(size_t more) { return (weight_ += more) <= most_values; }

  static tl::unexpected<Mistake> too_much(const YAML::Node& node) {
    return mistake(line_of(node), fmt::format("it expands to more than {} values", most_values));
  }

  Read<Value> list(const YAML::Node& node, const std::string& path, int depth) {
    Value all = Value::array();
    for (const YAML::Node& item : node) {
      std::string below = fmt::format("{}[{}]", path, all.size());
      if (lines_ != nullptr) (*lines_)[below] = line_of(item);
      Read<Value> value = convert(item, below, depth + 1);
      if (!value) return value;
      all.push_back(*std::move(value));
    }
    return all;
  }

  Read<Value> map(const YAML::Node& node, const std::string& path, int depth) {
    Value result = Value::object();
    // Looking a key up, or in, would go through all before it: a hundred thousand keys would take minutes.
    auto& entries = static_cast<Value::object_t::Container&>(result.get_ref<Value::object_t&>());
    std::unordered_set<std::string> keys;
    Value merged = Value::object();
    for (const auto& entry : node) {
      int line = line_of(entry.first);
      if (!entry.first.IsScalar()) return mistake(line, "a key must be a plain string");
      const std::string& key = entry.first.Scalar();
      if (key == "<<" && entry.first.Tag() == "?") {
        Read<Value> value = convert(entry.second, path, depth + 1);
        if (!value) return value;
        if (!merge(*value, merged)) return mistake(line, "a merge key (<<) needs a map, or a list of maps");
        continue;
      }
      std::string below = path.empty() ? key : path + "." + key;
      if (!within(below.size() / 64)) return too_much(entry.first);
      if (!keys.insert(key).second) return mistake(line, fmt::format("duplicate key `{}`", below));
      if (lines_ != nullptr) (*lines_)[below] = line;
      Read<Value> value = convert(entry.second, below, depth + 1);
      if (!value) return value;
      entries.emplace_back(key, *std::move(value));
    }
    for (auto& [key, value] : merged.items()) {
      if (!keys.contains(key)) entries.emplace_back(key, std::move(value));
    }
    return result;
  }

  // What a merge key (<<) brings: of several maps, the first that has a key. YAML 1.1, which kubectl reads.
  static bool merge(const Value& from, Value& into) {
    if (from.is_array())
      return std::all_of(from.begin(), from.end(),
                         [&](const Value& one) { return one.is_object() && merge(one, into); });
    if (!from.is_object()) return false;
    for (const auto& [key, value] : from.items()) {
      if (!into.contains(key)) into[key] = value;
    }
    return true;
  }

  Scalars scalars_;
  Lines* lines_ = nullptr;
  size_t weight_ = 0;
};

// yaml-cpp takes some hundred bytes for a node, so a text is looked at before it gets it.
Read<void> check_text(std::string_view text) {
  auto marks = std::count_if(text.begin(), text.end(),
                             [](char c) { return c == ',' || c == '[' || c == '{' || c == '\n'; });
  if (text.size() <= largest && static_cast<size_t>(marks) <= most_values) {
    return is_utf8(text) ? Read<void>() : mistake(0, "it is not UTF-8");
  }
  return mistake(0,
                 fmt::format("it has {}, more than the limit of hpawalk for YAML", text::bytes(text.size())));
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

struct Document {
  Value value;
  Lines lines;  // where they are asked for
};

Read<std::vector<Document>> read(std::string_view text, bool with_lines, bool only_one, Scalars scalars) {
  if (auto fits = check_text(text); !fits) return tl::unexpected(fits.error());
  try {
    std::vector<Document> found;
    std::string whole(text);
    check_documents(whole);
    std::vector<YAML::Node> documents = YAML::LoadAll(whole);
    if (only_one && documents.size() > 1)
      return mistake(documents[1].Mark().line + 1, "expected one document, but a second one begins here");
    Converter converter(scalars);
    for (const YAML::Node& document : documents) {
      Lines lines;
      Read<Value> value = converter.convert(document, with_lines ? &lines : nullptr);
      if (!value) return tl::unexpected(value.error());
      if (!value->is_null()) found.push_back({*std::move(value), std::move(lines)});
    }
    return found;
  } catch (const YAML::Exception& exception) {
    return mistake(exception.mark.line + 1, exception.msg);
  }
}

}  // namespace

Result<Value> parse(std::string_view text, Lines* lines, Scalars scalars) {
  auto documents = read(text, lines != nullptr, true, scalars);
  if (!documents) return failure(as_error(documents.error()));
  if (documents->empty()) return Value(nullptr);
  if (lines != nullptr) *lines = std::move(documents->front().lines);
  return std::move(documents->front().value);
}

Result<std::vector<Value>> parse_all(std::string_view text, Places* places, Scalars scalars) {
  auto documents = read(text, places != nullptr, false, scalars);
  if (!documents) {
    if (places != nullptr) {
      places->mistake = documents.error().line;
      places->because = documents.error().because;
    }
    return failure(as_error(documents.error()));
  }
  std::vector<Value> values;
  for (Document& document : *documents) {
    values.push_back(std::move(document.value));
    if (places != nullptr) places->documents.push_back(std::move(document.lines));
  }
  return values;
}

}  // namespace hpawalk::yaml
