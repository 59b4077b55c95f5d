// How a link of the chain stands.
#pragma once

#include <string_view>

namespace hpawalk {

enum class Mark {
  ok,              // seen to work
  broken,          // seen not to work
  unknown,         // could not be read: never to be taken for ok
  note,            // works, but somebody should know something
  not_applicable,  // this chain has no such link
};

constexpr std::string_view name_of(Mark mark) {
  switch (mark) {
    case Mark::ok: return "ok";
    case Mark::broken: return "broken";
    case Mark::unknown: return "unknown";
    case Mark::note: return "note";
    case Mark::not_applicable: return "not-applicable";
  }
  return "unknown";
}

}  // namespace hpawalk
