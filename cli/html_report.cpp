#include "cli/html_report.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "base/printable.hpp"
#include "cli/columns.hpp"

namespace hpawalk::cli::html {

const std::map<std::string_view, std::string_view>& embedded_files();  // report.css

namespace {

constexpr double kWidth = 960, kHeight = 250, kLeft = 56, kRight = 12, kTop = 14, kBottom = 28, kStrip = 9;

// Of what charts can show of a value: an axis needs room for its steps between a double's least and most.
constexpr double kLeast = 1e-300, kMost = 1e300;

// Where an axis from 0 to `end` has its marks. Counted: adding up a step may never pass the end, or never
// leave 0.
std::vector<double> marks_of(double end, double step) {
  std::vector<double> marks;
  for (int i = 0; i < 40 && i * step <= end; ++i) marks.push_back(i * step);
  return marks;
}

double nice_step(double span, int parts) {
  double raw = span / parts, magnitude = std::pow(10, std::floor(std::log10(raw)));
  for (double m : {1.0, 2.0, 5.0, 10.0}) {
    if (raw <= m * magnitude) return m * magnitude;
  }
  return 10 * magnitude;
}

double time_step(double duration) {
  for (double step :
       {1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400}) {
    if (duration / step <= 9) return step;
  }
  return std::max(7 * 86400.0, duration / 9);
}

std::string clock(double seconds) {
  auto s = static_cast<long>(std::lround(seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

struct Scale {
  double from, to, low, high;
  double operator()(double v) const {
    return to == from ? low : low + (v - from) / (to - from) * (high - low);
  }
};

// At most so many points a line: the least and the most of each stretch, so that no peak is lost.
std::vector<std::pair<double, double>> thinned(const std::vector<std::pair<double, double>>& points) {
  constexpr std::size_t most = 2400;
  if (points.size() <= most) return points;
  std::vector<std::pair<double, double>> out;
  std::size_t stride = (points.size() + most / 2 - 1) / (most / 2);
  for (std::size_t i = 0; i < points.size(); i += stride) {
    auto end = points.begin() + static_cast<std::ptrdiff_t>(std::min(i + stride, points.size()));
    auto [lowest, highest] =
        std::minmax_element(points.begin() + static_cast<std::ptrdiff_t>(i), end,
                            [](const auto& a, const auto& b) { return a.second < b.second; });
    out.push_back(lowest < highest ? *lowest : *highest);
    if (lowest != highest) out.push_back(lowest < highest ? *highest : *lowest);
  }
  out.push_back(points.back());
  return out;
}

std::string path(const Series& series, const Scale& x, const Scale& y, double duration, bool close) {
  std::string d;
  double last = 0;
  auto to = [&](double px, double py) { d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? "M" : "L", px, py); };
  for (const auto& [t, v] : thinned(series.points)) {
    if (series.steps && !d.empty()) to(x(t), y(last));
    to(x(t), y(v));
    last = v;
  }
  if (series.steps && !d.empty()) to(x(duration), y(last));
  if (close && !d.empty()) {
    double end = series.steps ? duration : series.points.back().first;
    d += fmt::format("L{:.1f} {:.1f}L{:.1f} {:.1f}Z", x(end), y(0), x(series.points.front().first), y(0));
  }
  return d;
}

std::string frame(const std::string& id, const std::string& title, const std::string& summary) {
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{}t {}d\"><title id=\"{}t\">{}</title><desc "
      "id=\"{}d\">{}</desc>\n",
      kWidth, kHeight, id, id, id, escape(title), id, escape(summary));
}

std::string y_axis(const Scale& y, double highest) {
  std::string out;
  double step = nice_step(highest, 5);
  for (double v : marks_of(highest * 1.0001, step)) {
    out += fmt::format(
        "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text x=\"{}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kLeft, kWidth - kRight, y(v), y(v), kLeft - 8, y(v) + 4, number(v));
  }
  return out;
}

std::string chart(const Chart& c, const std::string& id) {
  double highest = 0;
  for (const Series& series : c.series) {
    for (const auto& point : series.points) highest = std::max(highest, point.second);
  }
  for (const Line& line : c.lines) {
    if (line.value <= highest * 3)
      highest = std::max(highest, line.value);  // a limit far away must not flatten the rest
  }
  highest = highest <= 0 ? 1 : std::clamp(highest, kLeast, kMost);
  std::vector<Strip> strips;
  for (const Strip& strip : c.strips) {
    if (!strip.bands.empty()) strips.push_back(strip);
  }
  double top = kTop + kStrip * static_cast<double>(strips.size()) +
               (strips.empty() ? 0 : 8);  // room for a limit's name
  Scale x{0, std::max(c.duration, 1e-9), kLeft, kWidth - kRight},
      y{0, highest * 1.05, kHeight - kBottom, top};
  std::string out = fmt::format("<h2>{}</h2>\n<figure>{}", escape(c.title), frame(id, c.title, c.summary));
  for (const Band& band : c.bands) {
    out += fmt::format("<rect class=\"band\" x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>",
                       x(band.from), top, std::max(1.0, x(band.to) - x(band.from)), kHeight - kBottom - top);
  }
  for (std::size_t i = 0; i < strips.size(); ++i) {
    for (const Band& hold : strips[i].bands) {
      out += fmt::format("<rect class=\"h{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\"/>",
                         i % 3, x(hold.from), kTop + kStrip * static_cast<double>(i),
                         std::max(1.0, x(hold.to) - x(hold.from)), kStrip - 3);
    }
  }
  out += y_axis(y, highest * 1.05);
  double step = time_step(c.duration);
  for (double t : marks_of(c.duration * 1.0001, step)) {
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"{}\">{}</text>", x(t), kHeight - 8,
                       t == 0               ? "start"
                       : x(t) > kWidth - 40 ? "end"
                                            : "middle",
                       clock(t));
  }
  for (const Line& line : c.lines) {
    if (line.value > highest * 1.05) continue;
    out += fmt::format(
        "<line class=\"limit\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/><text x=\"{}\" y=\"{:.1f}\" "
        "text-anchor=\"end\">{}</text>",
        kLeft, kWidth - kRight, y(line.value), y(line.value), kWidth - kRight - 4, y(line.value) - 4,
        escape(line.name));
  }
  for (const Mark& mark : c.marks) {
    out += fmt::format(
        "<line class=\"mark\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\"><title>{}</title></line>",
        x(mark.at), x(mark.at), top, kHeight - kBottom, escape(mark.text));
  }
  for (std::size_t i = 0; i < c.series.size(); ++i) {
    if (c.series[i].points.empty()) continue;
    if (c.series[i].area)
      out += fmt::format("<path class=\"f{}\" d=\"{}\"/>", i % 4, path(c.series[i], x, y, c.duration, true));
    out += fmt::format("<path class=\"s s{}\" d=\"{}\"/>", i % 4, path(c.series[i], x, y, c.duration, false));
  }
  out += "</svg>\n<ul class=\"legend\">";
  for (std::size_t i = 0; i < c.series.size(); ++i) {
    out += fmt::format(
        "<li><svg viewBox=\"0 0 30 10\" aria-hidden=\"true\"><line class=\"s s{}\" x1=\"0\" x2=\"30\" "
        "y1=\"5\" y2=\"5\"/></svg>{}</li>",
        i % 4, escape(c.series[i].name));
  }
  if (!c.bands.empty()) {
    out += fmt::format(
        "<li><svg viewBox=\"0 0 30 10\" aria-hidden=\"true\"><rect class=\"band\" width=\"30\" "
        "height=\"10\"/></svg>{}</li>",
        escape(c.bands_mean));
  }
  for (std::size_t i = 0; i < strips.size(); ++i) {
    out += fmt::format(
        "<li><svg viewBox=\"0 0 30 10\" aria-hidden=\"true\"><rect class=\"h{}\" y=\"2\" width=\"30\" "
        "height=\"6\"/></svg>{}</li>",
        i % 3, escape(strips[i].name));
  }
  return out + fmt::format("</ul><figcaption>{}</figcaption></figure>\n", escape(c.summary));
}

std::string scatter(const Scatter& s, const std::string& id) {
  double right = 0, top = 0;
  for (const Dot& dot : s.dots) right = std::max(right, dot.x), top = std::max(top, dot.y);
  right = right <= 0 ? 1 : std::clamp(right, kLeast, kMost);
  top = top <= 0 ? 1 : std::clamp(top, kLeast, kMost);
  Scale x{0, right * 1.05, kLeft, kWidth - kRight}, y{0, top * 1.05, kHeight - kBottom, kTop};
  std::string out = fmt::format("<h2>{}</h2>\n<figure>{}", escape(s.title), frame(id, s.title, s.summary)) +
                    y_axis(y, top * 1.05);
  double step = nice_step(right, 8);
  for (double v : marks_of(right * 1.0501, step)) {
    out += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"{}\">{}</text>", x(v), kHeight - 8,
                       v == 0 ? "start" : "middle", number(v));
  }
  for (const Dot& dot : s.dots) {
    out +=
        fmt::format("<circle class=\"dot{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"><title>{}</title></circle>",
                    dot.chosen ? " chosen" : "", x(dot.x), y(dot.y), dot.chosen ? 7 : 5, escape(dot.text));
  }
  return out + fmt::format("</svg><figcaption>Across: {}. Upwards: {}. {}</figcaption></figure>\n",
                           escape(s.x_name), escape(s.y_name), escape(s.summary));
}

std::string table(const Table& t) {
  std::string out = t.folded ? fmt::format("<details><summary>{}</summary>", escape(t.title))
                             : fmt::format("<h2>{}</h2>", escape(t.title));
  out +=
      fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table><thead><tr>",
                  escape(t.title));
  for (const std::string& column : t.columns) out += fmt::format("<th scope=\"col\">{}</th>", escape(column));
  out += "</tr></thead><tbody>\n";
  for (const auto& row : t.rows) {
    out += "<tr>";
    for (const std::string& cell : row) out += fmt::format("<td>{}</td>", escape(cell));
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>" + (t.folded ? "</details>\n" : "\n");
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  for (char c : printable(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string render(const Report& r) {
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light "
      "dark\"><title>{}</title><style>{}</style></head>\n<body><main><h1>{}</h1><p class=\"sub\">{}</p>\n",
      escape(r.title), embedded_files().at("report.css"), escape(r.title), escape(r.subtitle));
  if (!r.lead.empty()) out += fmt::format("<p class=\"lead\">{}</p>\n", escape(r.lead));
  if (!r.facts.empty()) {
    out += "<dl class=\"facts\">";
    for (const auto& [name, value] : r.facts)
      out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
    out += "</dl>\n";
  }
  int id = 0;
  for (const Chart& c : r.charts) out += chart(c, fmt::format("c{}", id++));
  for (const Scatter& s : r.scatters) out += scatter(s, fmt::format("c{}", id++));
  for (const Table& t : r.tables) out += table(t);
  for (const Text& t : r.texts) {
    out += fmt::format("<h2>{}</h2>", escape(t.title));
    out += t.code ? fmt::format("<pre tabindex=\"0\">{}</pre>\n", escape(t.body))
                  : fmt::format("<p>{}</p>\n", escape(t.body));
  }
  return out + "</main><footer>Made by hpawalk. This file needs nothing else.</footer></body></html>\n";
}

}  // namespace hpawalk::cli::html
