// prometheus-operator's upstream bundle, made ours: labelled, in the configured namespace, and without the
// CPU limits that make it start slowly. Pure: the caller reads the file.
//
// The bundle is 4 MB, nearly all of it the schemas of ten custom resources. Those are passed on as they are,
// except for their metadata: parsing them would take longer than everything else.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace hpawalk::manifests {

struct BundleObject {
  std::string kind;
  std::string name;
  std::string text;  // one YAML document
};

// The resources without which the operator does nothing at all. The others can follow later.
bool needed_first(const BundleObject& object);

// Definitions of custom resources, labelled; in the order of the text.
Result<std::vector<BundleObject>> adapt_definitions(std::string_view text, const config::Config& config);

// In the order of the bundle. The error `operator-bundle` says what is wrong with the text.
Result<std::vector<BundleObject>> adapt_bundle(std::string_view bundle, const config::Config& config);

}  // namespace hpawalk::manifests
