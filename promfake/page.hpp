// The page at /: one self-contained HTML file, embedded by the build from page.html.
#pragma once

#include <string>

namespace promfake {

const std::string& page();

}  // namespace promfake
