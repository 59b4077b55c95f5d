// Request paths of the Kubernetes API, made of names that come from objects: no name, whatever it is, leads
// to another path than the one that was meant. Pure.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace hpawalk::world {

// A name as one segment of a path. One that no object can have ("..", or with a slash or a percent sign in
// it) is encoded twice: servers decode a path before they look at its segments, and then find nothing by that
// name.
std::string path_segment(std::string_view name);

// The same for each part between slashes: "apps/v1".
std::string path_segments(std::string_view parts);

// An API group and version, or what else holds slashes on purpose.
struct Segments {
  std::string_view parts;
};

namespace kube {

template <typename T>
decltype(auto) encoded(const T& value) {
  if constexpr (std::same_as<T, Segments>)
    return path_segments(value.parts);
  else if constexpr (std::convertible_to<const T&, std::string_view>)
    return path_segment(value);
  else
    return value;
}

}  // namespace kube

// fmt::format whose texts are segments. A query is written into the form, its values by query_value
// (kube_api.hpp).
template <typename... T>
std::string kube_path(fmt::format_string<decltype(kube::encoded(std::declval<const T&>()))...> form,
                      const T&... values) {
  auto formatted = [&](const auto&... encoded) {
    return fmt::vformat(form, fmt::make_format_args(encoded...));
  };
  return formatted(kube::encoded(values)...);
}

}  // namespace hpawalk::world
