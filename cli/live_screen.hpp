// The live view as lines of a terminal: every hop, a plot of value and replicas, what it means, the last
// Events. Pure: it is given the time and the terminal's size.
#pragma once

#include <string>
#include <vector>

#include "cli/timeline_text.hpp"
#include "observe/forecast.hpp"

namespace hpawalk::cli {

class LiveScreen {
 public:
  LiveScreen(std::string title, diagnose::ControllerSettings controller)
      : title_(std::move(title)), controller_(std::move(controller)) {}
  void note(const observe::Hops& hops, world::WallTime at);  // a point of the plot
  std::vector<Painted> draw(const observe::Hops& hops, const observe::Outlook& outlook, world::WallTime now,
                            const Canvas& canvas, int rows) const;

 private:
  struct Point {
    world::WallTime at;
    double value;
    int wanted, ready;
  };
  std::vector<Painted> plot(const observe::Hops& hops, world::WallTime now, const Canvas& canvas,
                            int height) const;
  std::string title_;
  diagnose::ControllerSettings controller_;
  std::vector<Point> points_;
};

}  // namespace hpawalk::cli
