// One HTML page on 127.0.0.1, for a browser of this machine's user. Serves nothing else, and nobody who
// reaches it by another name: a page of another site could otherwise make its own name point here.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "world/interrupt.hpp"

namespace hpawalk::world {

// The response to a request's head (the request line and the headers, without the empty line). Pure.
std::string page_response(std::string_view head, std::string_view page, int port);

// Serves until it is interrupted. `ready` is told the port, once the page can be had; port 0: a free one.
Status serve_page(std::string_view page, int port, const Interrupt& interrupt,
                  const std::function<void(int port)>& ready);

}  // namespace hpawalk::world
