// A verification as text, JSON and JUnit's XML. Pure.
#pragma once

#include <string>

#include "cli/style.hpp"
#include "diagnose/verify.hpp"

namespace hpawalk::cli {

Painted verification_text(const diagnose::Verification& verification, const Style& style,
                          int columns);  // columns 0: no limit
Json verification_json(const diagnose::Verification& verification, const std::string& cluster,
                       world::Duration took);
std::string verification_junit(const diagnose::Verification& verification, const std::string& cluster,
                               world::Duration took);
std::string verification_junit(const Error& error, const std::string& cluster);  // nothing could be looked at

}  // namespace hpawalk::cli
