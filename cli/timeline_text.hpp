// A simulated timeline as text: a plot as wide as the terminal, what changed and why, and the figures. Plain
// ASCII where UTF-8 is not to be expected.
#pragma once

#include <string>
#include <vector>

#include "cli/style.hpp"
#include "observe/simulation.hpp"

namespace hpawalk::cli {

struct Variant {
  std::string name;  // empty where there is only one
  hpasim::Spec spec;
  hpasim::Timeline timeline;
  std::optional<hpasim::Runs> runs;
};

struct Canvas {
  int columns = 80;
  bool unicode = true;
  Style style;
};
Canvas canvas_for(const world::World& world);

Painted plot(const Variant& variant, const hpasim::Profile& load, const Canvas& canvas);
Painted change_table(const Variant& variant, const Canvas& canvas, size_t most = 60);
Painted figure_table(const std::vector<Variant>& variants, const Canvas& canvas);
Painted run_table(const Variant& variant, const Canvas& canvas);

nlohmann::ordered_json timeline_json(const Variant& variant, bool syncs);
std::string timeline_csv(const std::vector<Variant>& variants, const std::vector<hpasim::Profile>& profiles);

}  // namespace hpawalk::cli
