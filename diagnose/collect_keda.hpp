// Reads what KEDA's rules need: ScaledObjects and what their triggers authenticate with. Inside diagnose/.
#pragma once

#include "diagnose/reader.hpp"

namespace hpawalk::diagnose {

// The ScaledObjects, if KEDA is installed, and their TriggerAuthentications, if any is named. After the HPAs.
void read_scaled_objects(Reader& reader, const CollectOptions& options);

// An HPA is assumed for each ScaledObject that has none, so that its chain is judged. The name that was asked
// for can be that of a ScaledObject: then it becomes that of its HPA.
void take_scaled_objects(Facts& facts);

// The log of KEDA's operator, and whether the Secrets exist that triggers of failing ScaledObjects read.
// Of a Secret only its metadata are asked for.
void read_keda(Reader& reader, const Adapter& keda);

}  // namespace hpawalk::diagnose
