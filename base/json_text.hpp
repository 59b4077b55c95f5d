// The one way in which a JSON value becomes text, for people, files and requests. Bytes that are no UTF-8,
// which come from logs and files and never from a parsed answer, become U+FFFD instead of an exception.
#pragma once

#include <string>

namespace hpawalk {

// On one line, or with `indent` blanks a level.
template <typename Value>
std::string json_text(const Value& value, int indent = -1) {
  return value.dump(indent, ' ', false, Value::error_handler_t::replace);
}

}  // namespace hpawalk
