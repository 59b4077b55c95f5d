// What is kept of what was read: for each kind of reading the fields that some rule looks at, and nothing
// else. Facts are made to be sent away, so they hold what is listed here rather than what no pattern took for
// a secret; the texts that are left are searched for secrets all the same (base/redact.hpp).
//
// A rule that looks at another field needs it here: without it, it finds it neither in a saved file nor live.
#pragma once

#include <string>

#include "diagnose/facts.hpp"

namespace hpawalk::diagnose {

// `key`: the reading's, which says what kind it is. Of a kind that is not listed nothing is kept. What was
// kept is kept as it is.
Json kept(const std::string& key, const Json& value);

// In the data of a ConfigMap instead of a text: why that text holds no rules of an adapter.
inline constexpr const char* config_error_field = "hpawalkError";

// Takes out of pods and pod templates the labels that no selector among the facts names.
void keep_selected_labels(Facts& facts);

}  // namespace hpawalk::diagnose
