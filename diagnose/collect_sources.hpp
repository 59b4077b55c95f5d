// What is read about series that Prometheus does not have now. Inside diagnose/.
#pragma once

#include "diagnose/reader.hpp"

namespace hpawalk::diagnose {

void read_past(Reader& reader, const Parts& parts);     // who exposed them last
void read_targets(Reader& reader, const Parts& parts);  // what their targets expose now

}  // namespace hpawalk::diagnose
