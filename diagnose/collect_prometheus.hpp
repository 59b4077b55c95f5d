// What is asked of the Prometheuses that the adapters ask. Inside diagnose/.
#pragma once

#include <set>

#include "diagnose/reader.hpp"

namespace hpawalk::diagnose {

// About itself, and which names each rule of the adapters finds.
void read_prometheus_basics(Reader& reader, const Parts& parts);
// Samples of the series that matter, what the adapters' queries give for every HPA, and how broad rules are.
void read_prometheus_metrics(Reader& reader, const Parts& parts);
// The results of these queries, under their eval_key; with `past` their history, under range_key.
void evaluate(Reader& reader, const PrometheusAddress& address, const std::set<std::string>& expressions,
              std::chrono::seconds past = std::chrono::seconds(0));

}  // namespace hpawalk::diagnose
