// One gzip member from bytes in memory. Knows nothing about who asked for it.
#pragma once

#include <string>
#include <string_view>

namespace promfake {

std::string gzipped(std::string_view data);

}  // namespace promfake
