// One line a request on standard output: time, client, request, code, size. Knows nothing about where a
// request came from beyond what it is told.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "http.hpp"

namespace promfake {

std::string http_date(std::time_t time);  // Tue, 24 Nov 2026 02:00:54 GMT
std::string log_time(std::time_t time);   // 2026-11-24T02:00:54Z

// What a client sent is escaped: it can neither forge a line nor reach a terminal.
std::string log_line(std::time_t time, std::string_view peer, std::string_view method,
                     std::string_view target, const Reply& reply);

}  // namespace promfake
