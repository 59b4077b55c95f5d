// Kubernetes quantities ("500m", "1.5", "2Ki", "3e2"), exactly: no floating point between the text and the
// number. Rules: apimachinery pkg/api/resource/quantity.go. Knows nothing about what a quantity measures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace hpawalk {

__extension__ using Int128 = __int128;

struct Quantity {
  Int128 nano = 0;  // finer than a nano is rounded away from zero when parsed, as the API server does

  bool operator==(const Quantity&) const = default;
};

Result<Quantity> parse_quantity(std::string_view text);

// Whole milli-units, rounded up: what the controller compares with (Quantity.MilliValue).
std::int64_t to_milli(const Quantity& quantity);

std::optional<std::int64_t> milli_of(std::string_view text);  // of a quantity's text; nothing of any other

// The double that the controller makes of a quantity that has been stored by the API server, which writes it
// in canonical form (Quantity.AsApproximateFloat64: mantissa times a power of ten, two roundings).
double to_double(const Quantity& quantity);

// "1500m", "10", "10k": the canonical decimal form of so many milli-units.
std::string milli_text(std::int64_t milli);

}  // namespace hpawalk
