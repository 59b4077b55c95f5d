// A reply as the bytes of HTTP/1.x. Knows nothing about connections or paths.
#pragma once

#include <string>
#include <string_view>

#include "http.hpp"

namespace promfake {

struct WriteOptions {
  bool head_only = false;  // the answer to HEAD
  bool keep_alive = true;
  bool http_1_0 = false;  // where staying open has to be said
};

void append_reply(std::string& out, const Reply& reply, std::string_view date, WriteOptions options);

std::string_view reason_phrase(int code);

}  // namespace promfake
