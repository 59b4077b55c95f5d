// A value, or the reason why there is none. Knows nothing about where the reason is shown.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace promfake {

template <class T>
struct Outcome {
  std::optional<T> value;
  std::string why;  // one sentence without a full stop, only when there is no value

  static Outcome ok(T v) { return {std::move(v), {}}; }
  static Outcome fail(std::string reason) { return {std::nullopt, std::move(reason)}; }
  explicit operator bool() const { return value.has_value(); }
  const T& operator*() const { return *value; }
  T& operator*() { return *value; }
};

}  // namespace promfake
