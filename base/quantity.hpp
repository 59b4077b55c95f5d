// Kubernetes quantities ("500m", "1.5", "2Ki", "3e2"), exactly: no floating point between the text and the
// number. Source: apimachinery pkg/api/resource (quantity.go, amount.go, scale_int.go, suffix.go), also where
// it surprises: "+" is 0, and what is too large for an int64 wraps. Knows nothing about what a quantity
// measures.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace hpawalk {

// As the API server accepts it, stores it in canonical form, and a controller reads it back.
struct Quantity {
  int sign = 0;            // -1, 0 or 1: of the text, before it is stored
  std::int64_t milli = 0;  // Quantity.MilliValue: rounded up; what does not fit wraps
  double number = 0;       // Quantity.AsApproximateFloat64: mantissa times a power of ten, two roundings

  bool operator==(const Quantity&) const = default;
};

// Of an object of Kubernetes.
Result<Quantity> parse_quantity(std::string_view text);

// As people type it: it has a digit, and its milli-units fit an int64. `number` is the nearest double.
Result<Quantity> typed_quantity(std::string_view text);

// Whole milli-units: what the controller compares with.
inline std::int64_t to_milli(const Quantity& quantity) {
  return quantity.milli;
}

std::optional<std::int64_t> milli_of(std::string_view text);  // of a quantity's text; nothing of any other

inline double to_double(const Quantity& quantity) {
  return quantity.number;
}

// "1500m", "10", "10k": the canonical decimal form of so many milli-units.
std::string milli_text(std::int64_t milli);

}  // namespace hpawalk
