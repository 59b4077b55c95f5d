// Whether a browser sent a request that sets a value on behalf of somebody else's page. Knows nothing about
// paths.
//
// A page anywhere can make a browser send a POST to whatever that browser reaches: a forwarded port, an
// internal address. Browsers say which page asked; programs like curl say nothing about it and are not
// concerned.
#pragma once

#include <string>

#include "http.hpp"

namespace promfake {

// Why the request must not set anything; empty: it may.
std::string refused_origin(const Request& request);

}  // namespace promfake
