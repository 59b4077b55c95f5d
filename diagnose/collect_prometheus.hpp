// What is asked of the Prometheuses that the adapters ask. Inside diagnose/.
#pragma once

#include "diagnose/reader.hpp"

namespace hpawalk::diagnose {

// About itself, and which names each rule of the adapters finds.
void read_prometheus_basics(Reader& reader, const Parts& parts);
// Samples of the series that matter, what the adapters' queries give for every HPA, and how broad rules are.
void read_prometheus_metrics(Reader& reader, const Parts& parts);

}  // namespace hpawalk::diagnose
