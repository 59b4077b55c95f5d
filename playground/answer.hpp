// What the page of `playground` asks, and what it shows: JSON text in, JSON text out. Compiled for the page
// as WebAssembly, and natively for the tests. Pure; all that it calculates and says is hpasim's.
//
// Asked:    {"hpa": YAML, "load": TEXT, "csv": BOOL, "linear": BOOL, "options": {"kube-version": "1.34",
// ...}}
//           The load is a profile's words or CSV; the options are those of `simulate`, as texts without "--".
//           With "at": SECONDS, only what the sync at that time decided, and why.
// Answered: {"result": as `simulate -o json` has it, and what the page draws: "load", "replicas", ...},
//           {"moment": ...} for "at", or
//           {"error": {"what", "because", "hint", "where": "hpa"|"load"|"options", "lines": [{"line",
//           "text"}]}}
#pragma once

#include <string>
#include <string_view>

namespace hpawalk::playground {

std::string answer(std::string_view question);

}  // namespace hpawalk::playground
