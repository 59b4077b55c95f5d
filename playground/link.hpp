// What is entered in the page, as the part of an address that is behind its #. page/state.js reads it.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace hpawalk::playground {

// {"hpa": YAML, "load": TEXT, "linear": BOOL, "options": {"kube-version": "1.36", ...}}; what is missing is
// as usual.
std::string link_fragment(const nlohmann::ordered_json& state);

}  // namespace hpawalk::playground
