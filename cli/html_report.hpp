// A report as one HTML file: figures, timelines, tables. No script, no outside resource; readable in print,
// in the dark and by a screen reader (every picture has a text and a table beside it). Knows how to draw, not
// what is drawn: simulate, tune and report fill it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace hpawalk::cli::html {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // seconds, value
  bool steps = false;                             // holds until the next point
  bool area = false;                              // filled down to 0
};

struct Band {  // a stretch of time
  double from = 0, to = 0;
};

struct Strip {  // stretches drawn as a narrow bar above the plot: what held something back, and when
  std::string name;
  std::vector<Band> bands;
};

struct Line {  // a limit
  std::string name;
  double value = 0;
};

struct Mark {  // an event
  double at = 0;
  std::string text;
};

struct Chart {
  std::string title;
  std::string summary;  // what it shows, for those who do not see it
  std::string unit;
  double duration = 0;  // seconds
  std::vector<Series> series;
  std::vector<Line> lines;
  std::vector<Band> bands;
  std::string bands_mean;
  std::vector<Strip> strips;
  std::vector<Mark> marks;
};

struct Dot {
  double x = 0, y = 0;
  std::string text;
  bool chosen = false;
};

struct Scatter {
  std::string title, summary, x_name, y_name;
  std::vector<Dot> dots;
};

struct Table {
  std::string title;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  bool folded = false;
};

struct Text {
  std::string title, body;
  bool code = false;
};

struct Report {
  std::string title, subtitle;
  std::string lead;                                        // what it comes to, in a sentence; may be empty
  std::vector<std::pair<std::string, std::string>> facts;  // the figures that count, large
  std::vector<Chart> charts;
  std::vector<Scatter> scatters;
  std::vector<Table> tables;
  std::vector<Text> texts;
};

std::string render(const Report& report);
std::string escape(
    std::string_view text);  // printable, and with nothing that HTML or XML would take for its own

}  // namespace hpawalk::cli::html
