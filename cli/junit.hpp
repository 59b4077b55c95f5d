// JUnit's XML. Pure.
#pragma once

#include <string>
#include <string_view>

#include "world/clock.hpp"

namespace hpawalk::cli {

struct JunitCounts {
  size_t tests = 0, failures = 0, errors = 0, skipped = 0;
};

std::string xml(std::string_view raw);  // as XML has it, also inside an attribute
std::string junit(const std::string& suite, const JunitCounts& counts, world::Duration took,
                  const std::string& cases);
// `inside` is XML.
std::string junit_case(const std::string& class_name, const std::string& name, const std::string& inside);

}  // namespace hpawalk::cli
