// Text for people with hpawalk's own paint: the one form in which a terminal takes text (world/terminal.hpp).
//
// Raw text becomes printable when it turns into Painted, and it turns into it by itself, so that no call can
// be forgotten: what a cluster, a file or a child process says cannot reach a terminal in any other way.
// Escape sequences come in by Painted::control alone. A string that holds paint must not be treated as text
// again: formatting and joining are done here.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/printable.hpp"

namespace hpawalk {

class Painted {
 public:
  Painted() = default;
  template <std::convertible_to<std::string_view> Text>
  Painted(const Text& raw) : bytes_(printable(raw)) {}

  // An escape sequence of hpawalk's own.
  static Painted control(std::string_view sequence) {
    Painted painted;
    painted.bytes_ = sequence;
    return painted;
  }

  Painted& operator+=(const Painted& more) {
    bytes_ += more.bytes_;
    return *this;
  }
  friend Painted operator+(Painted a, const Painted& b) { return a += b; }

  bool empty() const { return bytes_.empty(); }
  const std::string& bytes() const { return bytes_; }  // for a terminal

  // Without the last line end.
  Painted without_line_end() && {
    if (bytes_.ends_with('\n')) bytes_.pop_back();
    return std::move(*this);
  }

 private:
  std::string bytes_;
};

namespace paint {

template <typename T>
decltype(auto) shown(const T& value) {
  if constexpr (std::same_as<T, Painted>)
    return std::string(value.bytes());
  else if constexpr (std::convertible_to<const T&, std::string_view>)
    return printable(value);
  else
    return value;
}

}  // namespace paint

// fmt::format whose texts may be painted, and are made printable where they are not.
template <typename... T>
Painted painted(fmt::format_string<decltype(paint::shown(std::declval<const T&>()))...> form,
                const T&... values) {
  auto formatted = [&](const auto&... shown) { return fmt::vformat(form, fmt::make_format_args(shown...)); };
  return Painted::control(formatted(paint::shown(values)...));
}

}  // namespace hpawalk
