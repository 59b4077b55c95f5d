// The application: a request in, a reply out. Knows the paths and what they mean; knows nothing about
// sockets, the bytes of HTTP or time. Serves the walkthrough's `curl .../value` and what Prometheus scrapes.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "http.hpp"
#include "metrics.hpp"
#include "negotiate.hpp"

namespace promfake {

struct App {
  Metrics metrics;
  SelfMetrics self;
  bool show_self = false;
  bool draining = false;  // /readyz says 503

  // What was rendered last, by format and whether it is compressed.
  struct Rendered {
    std::uint64_t generation = 0;
    std::string body;
  };
  std::array<std::array<Rendered, 2>, 3> rendered;
};

Reply handle(App& app, const Request& request);

// What the answer would be if the body were fine: lets `Expect: 100-continue` be refused before the body is
// sent. Code 200 stands for "send the body".
Reply foresee(const Request& request);

}  // namespace promfake
