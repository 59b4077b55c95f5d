// The live view as lines of a terminal: every hop, a plot of value and replicas, what it means, the last Events.
// Pure: it is given the time and the terminal's size.
#pragma once

#include <string>
#include <vector>

#include "observe/forecast.hpp"
#include "cli/timeline_text.hpp"

namespace hpawalk {

class LiveScreen {
 public:
  LiveScreen(std::string title, ControllerSettings controller) : title_(std::move(title)), controller_(std::move(controller)) {}
  void note(const Hops& hops, WallTime at);  // a point of the plot
  std::vector<Painted> draw(const Hops& hops, const Outlook& outlook, WallTime now, const Canvas& canvas, int rows) const;

 private:
  struct Point {
    WallTime at;
    double value;
    int wanted, ready;
  };
  std::vector<Painted> plot(const Hops& hops, WallTime now, const Canvas& canvas, int height) const;
  std::string title_;
  ControllerSettings controller_;
  std::vector<Point> points_;
};

}  // namespace hpawalk
