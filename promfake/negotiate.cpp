#include "negotiate.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "text.hpp"

namespace promfake {
namespace {

// One element of the header: what is offered, its version parameter and its weight in thousandths.
struct Range {
  std::string_view name, version;
  int weight = 1000;
};

// 0, 1, 0.5, 0.123; what is not a weight counts as 0, so that nobody gets what he did not ask for.
int parse_weight(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return 0;
  int weight = (text[0] - '0') * 1000;
  if (text.size() == 1) return weight;
  if (text[1] != '.' || text.size() > 5) return 0;
  int place = 100;
  for (char c : text.substr(2)) {
    if (!is_digit(c)) return 0;
    weight += (c - '0') * place;
    place /= 10;
  }
  return std::min(weight, 1000);
}

std::vector<Range> parse_ranges(std::string_view header) {
  std::vector<Range> ranges;
  for (std::string_view element : split(header, ',')) {
    if (element.empty()) continue;
    Range range;
    bool first = true;
    for (std::string_view part : split(element, ';')) {
      if (std::exchange(first, false)) {
        range.name = part;
        continue;
      }
      size_t equals = part.find('=');
      if (equals == std::string_view::npos) continue;
      std::string_view key = trimmed(part.substr(0, equals)), value = trimmed(part.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      if (equal_ignoring_case(key, "q")) range.weight = parse_weight(value);
      if (equal_ignoring_case(key, "version")) range.version = value;
    }
    ranges.push_back(range);
  }
  return ranges;
}

// The weight of the most specific range that fits; -1 when none does. `version` empty: any version fits.
int weight_of(const std::vector<Range>& ranges, std::string_view type, std::string_view version) {
  int best_rank = 0, weight = -1;
  std::string group = std::string(type.substr(0, type.find('/'))) + "/*";
  for (const Range& range : ranges) {
    int rank = 0;
    if (equal_ignoring_case(range.name, type) &&
        (range.version.empty() || range.version == version || version.empty()))
      rank = range.version.empty() ? 3 : 4;
    else if (equal_ignoring_case(range.name, group))
      rank = 2;
    else if (range.name == "*/*" || range.name == "*")
      rank = 1;
    if (rank == 0 || rank < best_rank || (rank == best_rank && range.weight <= weight)) continue;
    best_rank = rank;
    weight = range.weight;
  }
  return weight;
}

bool names(const std::vector<Range>& ranges, std::string_view type, std::string_view version) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    return equal_ignoring_case(range.name, type) && range.weight > 0 &&
           (range.version.empty() || range.version == version || version.empty());
  });
}

constexpr std::string_view openmetrics = "application/openmetrics-text";

}  // namespace

std::string_view content_type(Format format) {
  switch (format) {
    case Format::openmetrics_1: return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case Format::openmetrics_0: return "application/openmetrics-text; version=0.0.1; charset=utf-8";
    case Format::text: break;
  }
  return "text/plain; version=0.0.4; charset=utf-8";
}

Format choose_format(std::string_view accept) {
  if (accept.empty()) return Format::text;
  auto ranges = parse_ranges(accept);
  int text = weight_of(ranges, "text/plain", "");
  auto chosen = Format::text;
  int best = text;
  auto consider = [&](Format format, std::string_view version) {
    int weight = weight_of(ranges, openmetrics, version);
    bool better = chosen == Format::text ? weight >= best : weight > best;
    if (names(ranges, openmetrics, version) && better) chosen = format, best = weight;
  };
  consider(Format::openmetrics_1, "1.0.0");
  consider(Format::openmetrics_0, "0.0.1");
  return chosen;
}

bool prefers_json(std::string_view accept) {
  if (accept.empty()) return false;
  auto ranges = parse_ranges(accept);
  return names(ranges, "application/json", "") &&
         weight_of(ranges, "application/json", "") >= weight_of(ranges, "text/plain", "");
}

bool accepts_gzip(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return false;
  int gzip = -1, any = -1, identity = -1;
  for (const Range& range : parse_ranges(accept_encoding)) {
    if (equal_ignoring_case(range.name, "gzip") || equal_ignoring_case(range.name, "x-gzip"))
      gzip = range.weight;
    if (equal_ignoring_case(range.name, "identity")) identity = range.weight;
    if (range.name == "*") any = range.weight;
  }
  if (gzip < 0) gzip = any;
  return gzip > 0 && gzip >= identity;
}

}  // namespace promfake
