// Colours, where they are wanted: on a terminal, without NO_COLOR (no-color.org) and with a TERM that has them.
#pragma once

#include <string>
#include <string_view>

#include "world/world.hpp"

namespace hpawalk {

class Style {
 public:
  Style(const World& world, bool is_terminal) : on_(is_terminal && wanted(world.environment)) {}
  std::string good(std::string_view s) const { return paint("32", s); }
  std::string bad(std::string_view s) const { return paint("1;31", s); }
  std::string warn(std::string_view s) const { return paint("33", s); }
  std::string dim(std::string_view s) const { return paint("2", s); }
  std::string bold(std::string_view s) const { return paint("1", s); }

 private:
  static bool wanted(const Environment& environment) {
    auto no_color = environment.find("NO_COLOR");
    auto term = environment.find("TERM");
    return (no_color == environment.end() || no_color->second.empty()) &&
           (term == environment.end() || term->second != "dumb");
  }
  std::string paint(std::string_view code, std::string_view s) const {
    if (!on_) return std::string(s);
    return "\x1b[" + std::string(code) + "m" + std::string(s) + "\x1b[0m";
  }
  bool on_;
};

}  // namespace hpawalk
