#include "base/pattern.hpp"

#include <algorithm>
#include <stdexcept>

#include <re2/re2.h>

namespace hpawalk {
namespace {

// For one pattern: its program and its cache of states. RE2 refuses a larger program and does with a smaller
// cache.
constexpr int64_t most_memory = 8 << 20;
// Go refuses a deeper nesting. No pattern that somebody means has more groups, and each costs at every match.
constexpr size_t most_groups = 1000;

// Where a set like [^]a-z] ends, behind its bracket.
size_t end_of_set(std::string_view expression, size_t open) {
  size_t i = open + 1;
  if (i < expression.size() && expression[i] == '^') ++i;
  if (i < expression.size() && expression[i] == ']') ++i;
  while (i < expression.size() && expression[i] != ']') {
    if (expression.substr(i, 2) == "[:") {
      size_t end = expression.find(":]", i);
      i = end == std::string_view::npos ? i + 1 : end + 2;
    } else {
      i += expression[i] == '\\' ? 2 : 1;
    }
  }
  return std::min(i + 1, expression.size());
}

struct Rewritten {
  std::string expression;
  size_t groups = 0;
};

// Go (since 1.22) also takes (?<name>x) for (?P<name>x).
Rewritten with_old_group_names(std::string_view expression) {
  Rewritten result;
  std::string& out = result.expression;
  for (size_t i = 0; i < expression.size();) {
    size_t end = i + 1;
    if (expression[i] == '(') ++result.groups;
    if (expression.substr(i, 2) == "\\Q") {
      end = std::min(expression.find("\\E", i), expression.size());
    } else if (expression[i] == '\\') {
      end = std::min(i + 2, expression.size());
    } else if (expression[i] == '[') {
      end = end_of_set(expression, i);
    } else if (expression.substr(i, 3) == "(?<") {
      out += "(?P<";
      i += 3;
      continue;
    }
    out += expression.substr(i, end - i);
    i = end;
  }
  return result;
}

std::optional<Pattern::Groups> groups_of(const re2::RE2& compiled, std::string_view text, size_t from,
                                         re2::RE2::Anchor anchor) {
  std::vector<re2::StringPiece> pieces(static_cast<size_t>(compiled.NumberOfCapturingGroups()) + 1);
  re2::StringPiece subject(text.data(), text.size());
  if (!compiled.Match(subject, from, text.size(), anchor, pieces.data(), static_cast<int>(pieces.size()))) {
    return std::nullopt;
  }
  Pattern::Groups groups;
  for (const re2::StringPiece& piece : pieces) groups.emplace_back(piece.data(), piece.size());
  return groups;
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view expression) {
  std::string shown(expression.substr(0, 80));
  if (shown.size() < expression.size()) shown += "...";
  auto wrong = [&](std::string because) {
    return failure(ErrorClass::usage, "pattern", "`" + shown + "` is not a valid Go regular expression",
                   std::move(because));
  };
  Rewritten rewritten = with_old_group_names(expression);
  if (rewritten.groups > most_groups) return wrong("it has more than 1000 groups");
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(most_memory);
  auto compiled = std::make_shared<const re2::RE2>(rewritten.expression, options);
  if (compiled->ok()) return Pattern(std::string(expression), std::move(compiled));
  return wrong(compiled->error().substr(0, 200));
}

Pattern Pattern::constant(std::string_view expression) {
  Result<Pattern> pattern = compile(expression);
  if (!pattern) throw std::logic_error(pattern.error().what + ": " + pattern.error().because);
  return *std::move(pattern);
}

std::string Pattern::quoted(const std::string& text) {
  return re2::RE2::QuoteMeta(text);
}

bool Pattern::matches(std::string_view text) const {
  return compiled_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

bool Pattern::found_in(std::string_view text) const {
  return compiled_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

std::optional<Pattern::Groups> Pattern::match(std::string_view text) const {
  return groups_of(*compiled_, text, 0, re2::RE2::ANCHOR_BOTH);
}

std::optional<Pattern::Groups> Pattern::search(std::string_view text) const {
  return groups_of(*compiled_, text, 0, re2::RE2::UNANCHORED);
}

std::vector<Pattern::Groups> Pattern::search_all(std::string_view text) const {
  std::vector<Groups> all;
  for (size_t from = 0; from <= text.size();) {
    std::optional<Groups> groups = groups_of(*compiled_, text, from, re2::RE2::UNANCHORED);
    if (!groups) break;
    size_t end = static_cast<size_t>(groups->front().data() - text.data()) + groups->front().size();
    from = groups->front().empty() ? end + 1 : end;
    all.push_back(*std::move(groups));
  }
  return all;
}

std::vector<std::string> Pattern::group_names() const {
  std::vector<std::string> names(static_cast<size_t>(compiled_->NumberOfCapturingGroups()) + 1);
  for (const auto& [number, name] : compiled_->CapturingGroupNames())
    names[static_cast<size_t>(number)] = name;
  return names;
}

}  // namespace hpawalk
