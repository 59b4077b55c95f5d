// What the text of prometheus-adapter's configuration says by itself, without a series: would the adapter
// accept it, and would Prometheus? Pure.
//
// Follows prometheus-adapter 0.12: pkg/config/loader.go decodes strictly.
#pragma once

#include <optional>
#include <string>

#include "base/json.hpp"

namespace hpawalk::diagnose {

// The first field that the adapter does not know: then it does not start.
struct UnknownField {
  std::string path;                 // "rules[0].metricQuery"
  std::optional<std::string> near;  // "metricsQuery"
  std::string sentence() const;
};
std::optional<UnknownField> unknown_field(const Json& adapter_config);

// "avg_over_time" of "avg_over_time(x[1m]) by (pod)": only aggregations take `by`. Empty: there is none.
std::string function_before_by(const std::string& query);

// Does what comes out of the query only grow if what goes in does? It has nothing but names, and aggregations
// that keep the order.
bool keeps_growing(const std::string& query);

}  // namespace hpawalk::diagnose
