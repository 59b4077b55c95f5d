// The HPA that KEDA makes of a ScaledObject, as far as chains are judged by it: which workload it scales,
// between which bounds, by which metrics. Inside lint/.
//
// Source: KEDA 2.21: controllers/keda/hpa.go, apis/keda/v1alpha1/scaledobject_types.go.
#pragma once

#include <string>

#include "lint/manifests.hpp"

namespace hpawalk::lint {

// Its values are not judged: also of an object that KEDA refuses, it names the workload.
Json hpa_made_of(const Json& scaled_object);

// Whether the HPA is one of these: the name of its ScaledObject, else empty.
std::string scaled_object_of(const Json& hpa);

// "shop/web": of the HPA that the object is, or that KEDA makes of it; empty: it is neither.
std::string hpa_title(const Object& object);

}  // namespace hpawalk::lint
