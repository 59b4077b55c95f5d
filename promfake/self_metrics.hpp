// What the server counts about itself: requests by code and path, connections. A bounded set of labels,
// whatever clients send. Knows nothing about how it is rendered or sent.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace promfake {

enum class Route { page, value, value_of, values, metrics, healthz, readyz, other, count };
std::string_view label_of(Route route);

struct SelfMetrics {
  static constexpr std::array codes{200, 204, 400, 403, 404, 405, 408, 409,
                                    413, 414, 415, 417, 431, 501, 503, 505};
  std::array<std::array<std::uint64_t, codes.size()>, static_cast<size_t>(Route::count)> requests{};
  std::uint64_t connections_accepted = 0;
  std::uint64_t connections_refused = 0;  // answered 503: too many
  std::uint64_t connections_open = 0;
  std::uint64_t reloads = 0;

  void count(Route route, int code);
};

}  // namespace promfake
