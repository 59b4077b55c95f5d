// Regular expressions in Go's dialect, which is what prometheus-adapter, Prometheus and Kubernetes speak.
// Matching takes time linear in the text and bounded memory, whoever wrote the pattern. Pure.
//
// A pattern that does not compile is an error, never "does not match". Knows nothing about what is matched.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace re2 {
class RE2;
}

namespace hpawalk {

// Compiled once; copies share it. Safe to use from several threads.
class Pattern {
 public:
  // Group 0 is the whole match; a group that took no part is empty. They point into the text that was
  // searched.
  using Groups = std::vector<std::string_view>;

  // The error `pattern` says where the expression is wrong.
  static Result<Pattern> compile(std::string_view expression);
  // For expressions that are part of hpawalk: a wrong one is a bug, and throws.
  static Pattern constant(std::string_view expression);

  // The expression that matches this text and no other.
  static std::string quoted(const std::string& text);

  bool matches(std::string_view text) const;   // from its begin to its end
  bool found_in(std::string_view text) const;  // anywhere
  std::optional<Groups> match(std::string_view text) const;
  std::optional<Groups> search(std::string_view text) const;
  std::vector<Groups> search_all(std::string_view text) const;  // those that do not overlap

  const std::string& expression() const { return expression_; }
  // By the group's number; the one at 0, and those without a name, are empty.
  std::vector<std::string> group_names() const;

 private:
  Pattern(std::string expression, std::shared_ptr<const re2::RE2> compiled)
      : expression_(std::move(expression)), compiled_(std::move(compiled)) {}

  std::string expression_;  // as it was written
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace hpawalk
