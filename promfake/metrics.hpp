// The metrics that anybody can set: names, labels, values, and the rules of Prometheus for them.
// Knows nothing about text formats on the wire, HTTP or the configuration's sources.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "outcome.hpp"

namespace promfake {

enum class Kind { gauge, counter };
std::string_view name_of(Kind kind);

struct Label {
  std::string name, value;
  bool operator==(const Label&) const = default;
};

struct Series {
  std::string name;
  std::string help;
  Kind kind = Kind::gauge;
  std::vector<Label> labels;
  double value = 0;
};

struct Metrics {
  std::vector<Series> series;    // those of one name stand side by side; the first is the default one
  std::uint64_t generation = 1;  // grows with every change, so that what was rendered can be kept
};

// Everything that is wrong with the series, one sentence each; puts those of one name side by side.
std::vector<std::string> arrange(std::vector<Series>& series);

// The series of that name that have all these labels.
std::vector<size_t> matching(const Metrics& metrics, std::string_view name, const std::vector<Label>& labels);

// Empty when the value was set, otherwise the reason why this series cannot have it.
std::string set_value(Metrics& metrics, size_t index, double value);

// The new series, with the values that the old ones of the same name and labels had.
void replace_series(Metrics& metrics, std::vector<Series> series);

// name{label="value"}=5, name=5, name 5 or just name.
Outcome<Series> parse_series(std::string_view text);

// KEY=VALUE or KEY="VALUE".
Outcome<Label> parse_label(std::string_view text);

// name{label="value"}, as Prometheus shows it.
std::string series_title(const Series& series);

}  // namespace promfake
