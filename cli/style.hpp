// Colours, where they are wanted: on a terminal, without NO_COLOR (no-color.org) and with a TERM that has
// them.
#pragma once

#include <fmt/format.h>

#include "base/mark.hpp"
#include "base/painted.hpp"
#include "world/world.hpp"

namespace hpawalk::cli {

class Style {
 public:
  Style(const world::World& world, bool is_terminal) : on_(is_terminal && wanted(world.environment)) {}
  Painted good(const Painted& s) const { return paint("32", s); }
  Painted bad(const Painted& s) const { return paint("1;31", s); }
  Painted warn(const Painted& s) const { return paint("33", s); }
  Painted dim(const Painted& s) const { return paint("2", s); }
  Painted bold(const Painted& s) const { return paint("1", s); }

 private:
  static bool wanted(const world::Environment& environment) {
    auto no_color = environment.find("NO_COLOR");
    auto term = environment.find("TERM");
    return (no_color == environment.end() || no_color->second.empty()) &&
           (term == environment.end() || term->second != "dumb");
  }
  Painted paint(std::string_view code, const Painted& s) const {
    if (!on_) return s;
    return Painted::control(fmt::format("\x1b[{}m", code)) + s + Painted::control("\x1b[0m");
  }
  bool on_;
};

// The sign before a check: four columns.
inline Painted check_sign(const Style& style, Mark mark) {
  switch (mark) {
    case Mark::ok: return style.good("ok  ");
    case Mark::broken: return style.bad("FAIL");
    case Mark::unknown: return style.warn("?   ");
    case Mark::note: return style.warn("note");
    case Mark::not_applicable: return style.dim("-   ");
  }
  return "?   ";
}

}  // namespace hpawalk::cli
