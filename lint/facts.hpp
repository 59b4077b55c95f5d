// Manifests as the facts that diagnose's rules judge: what a cluster would answer once it runs these objects,
// and nothing about what the files do not hold.
//
// A list of a kind is a reading of the namespaces in which the files have objects of that kind; for the
// others it is a reading that was not made. Pods, endpoints and an APIService's condition, which nobody
// writes, follow from what is written: pods run and are ready. Series, values and events are not known.
#pragma once

#include "diagnose/facts.hpp"
#include "lint/manifests.hpp"

namespace hpawalk::lint {

// `known`: facts of the cluster in which the objects will be; null: there are none.
diagnose::Facts facts_of(const Contents& contents, const diagnose::Facts* known = nullptr);

// The name of the objects that stand for an adapter of which the files have only the rules or the chart's
// values, and its namespace.
inline constexpr const char* chart_adapter = "prometheus-adapter";

}  // namespace hpawalk::lint
