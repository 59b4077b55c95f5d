// Numbers as Prometheus writes them: text and JSON in, the shortest text that reads back the same out.
// Knows nothing about metrics or HTTP. Serves the walkthrough's `curl -d 50 .../value`.
#pragma once

#include <string>
#include <string_view>

#include "outcome.hpp"

namespace promfake {

// What Prometheus' own parser takes: decimal numbers, Inf, Infinity and NaN in any case, with or without a
// sign.
Outcome<double> parse_value(std::string_view text);

// The body of a POST: a plain number, or a JSON object whose one member "value" is a number or a number in
// quotes.
Outcome<double> parse_value_body(std::string_view body);

// NaN, +Inf, -Inf, -0, 1e+300, 0.1: what parse_value turns into the same bits again.
void append_value(std::string& out, double value);
std::string format_value(double value);

}  // namespace promfake
