// An HPA of an older version of the API as autoscaling/v2, converted as the API server converts it.
//
// Source: pkg/apis/autoscaling/v1/conversion.go of Kubernetes 1.37; autoscaling/v2beta1 has the same form of
// metrics, and autoscaling/v2beta2 the fields of autoscaling/v2.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hpasim/spec.hpp"

namespace hpawalk::hpasim {

// The first Kubernetes 1.x that does not serve this version of the API; nothing: all of them serve it.
std::optional<int> gone_since(std::string_view api_version);

struct AsV2 {
  Document hpa;
  std::vector<std::string> notes;  // what a reader of the file would not expect
};

// Nothing if the HPA is of autoscaling/v2, or of v1 with nothing in its annotations that would count.
std::optional<AsV2> as_v2(const Document& hpa);

}  // namespace hpawalk::hpasim
