#include "self_metrics.hpp"

namespace promfake {

std::string_view label_of(Route route) {
  constexpr std::string_view labels[] = {"/",        "/value",   "/value/{metric}", "/values",
                                         "/metrics", "/healthz", "/readyz",         "other"};
  return labels[static_cast<size_t>(route)];
}

void SelfMetrics::count(Route route, int code) {
  for (size_t i = 0; i < codes.size(); ++i)
    if (codes[i] == code) ++requests[static_cast<size_t>(route)][i];
}

}  // namespace promfake
