#include "metrics.hpp"

#include <algorithm>
#include <cmath>

#include "text.hpp"
#include "value.hpp"

namespace promfake {
namespace {

bool is_name(std::string_view name, bool colons) {
  auto fits = [&](char c, bool first) {
    return is_letter(c) || c == '_' || (colons && c == ':') || (!first && is_digit(c));
  };
  if (name.empty()) return false;
  for (size_t i = 0; i < name.size(); ++i)
    if (!fits(name[i], i == 0)) return false;
  return true;
}

std::string family_of(const Series& series) {
  return series.kind == Kind::counter ? series.name.substr(0, series.name.size() - 6) : series.name;
}

std::string reason_against(const Series& series, double value) {
  if (series.kind == Kind::counter && !(value >= 0 && std::isfinite(value)))
    return series.name + " is a counter: it takes only finite numbers from 0 upwards";
  return {};
}

void check_one(const Series& series, std::vector<std::string>& wrong) {
  std::string what = "metric " + quoted(series.name) + ": ";
  if (!is_name(series.name, true)) {
    wrong.push_back(what + "a name consists of letters, digits, _ and :, and does not begin with a digit");
    return;
  }
  if (series.name.starts_with("promfake_"))
    wrong.push_back(what + "names that begin with promfake_ are reserved for the server");
  if (series.kind == Kind::counter && (!series.name.ends_with("_total") || series.name.size() == 6))
    wrong.push_back(what + "a counter's name must end with _total (required by OpenMetrics)");
  if (!is_utf8(series.help)) wrong.push_back(what + "the help is not UTF-8");
  for (size_t i = 0; i < series.labels.size(); ++i) {
    const Label& label = series.labels[i];
    if (!is_name(label.name, false) || label.name.starts_with("__"))
      wrong.push_back(what + "bad label name " + quoted(label.name) +
                      " (letters, digits and _, no digit first, not __ first)");
    if (!is_utf8(label.value)) wrong.push_back(what + "label " + label.name + " is not UTF-8");
    for (size_t k = 0; k < i; ++k)
      if (series.labels[k].name == label.name)
        wrong.push_back(what + "label " + label.name + " is a duplicate");
  }
  if (auto why = reason_against(series, series.value); !why.empty()) wrong.push_back(why);
}

bool same_labels(const Series& a, const Series& b) {
  return a.labels.size() == b.labels.size() &&
         std::is_permutation(a.labels.begin(), a.labels.end(), b.labels.begin());
}

}  // namespace

std::string_view name_of(Kind kind) {
  return kind == Kind::gauge ? "gauge" : "counter";
}

std::vector<std::string> arrange(std::vector<Series>& series) {
  std::vector<std::string> wrong;
  for (const Series& one : series) check_one(one, wrong);
  if (!wrong.empty()) return wrong;
  std::vector<Series> arranged;
  for (Series& one : series) {
    size_t place = arranged.size();
    for (size_t i = 0; i < arranged.size(); ++i) {
      const Series& other = arranged[i];
      if (other.name != one.name && family_of(other) != family_of(one)) continue;
      place = i + 1;
      if (other.name != one.name)
        wrong.push_back("metrics " + other.name + " and " + one.name + " clash in OpenMetrics");
      else if (other.kind != one.kind)
        wrong.push_back("metric " + one.name + " is both a gauge and a counter");
      else if (same_labels(other, one))
        wrong.push_back("metric " + series_title(one) + " is a duplicate");
      one.help = other.help;  // a family has one help, its first series' one
    }
    arranged.insert(arranged.begin() + static_cast<std::ptrdiff_t>(place), std::move(one));
  }
  series = std::move(arranged);
  return wrong;
}

std::vector<size_t> matching(const Metrics& metrics, std::string_view name,
                             const std::vector<Label>& labels) {
  std::vector<size_t> found;
  for (size_t i = 0; i < metrics.series.size(); ++i) {
    const Series& one = metrics.series[i];
    bool fits = one.name == name && std::all_of(labels.begin(), labels.end(), [&](const Label& wanted) {
                  return std::find(one.labels.begin(), one.labels.end(), wanted) != one.labels.end();
                });
    if (fits) found.push_back(i);
  }
  return found;
}

std::string set_value(Metrics& metrics, size_t index, double value) {
  Series& series = metrics.series[index];
  if (auto why = reason_against(series, value); !why.empty()) return why;
  series.value = value;
  ++metrics.generation;
  return {};
}

void replace_series(Metrics& metrics, std::vector<Series> series) {
  for (Series& one : series)
    for (const Series& old : metrics.series)
      if (old.name == one.name && old.kind == one.kind && same_labels(old, one)) one.value = old.value;
  metrics.series = std::move(series);
  ++metrics.generation;
}

Outcome<Label> parse_label(std::string_view text) {
  size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return Outcome<Label>::fail("a label is KEY=VALUE, not " + quoted(text));
  Label label{std::string(trimmed(text.substr(0, equals))), {}};
  std::string_view value = trimmed(text.substr(equals + 1));
  if (!value.starts_with('"')) {
    label.value = value;
    return Outcome<Label>::ok(std::move(label));
  }
  for (value.remove_prefix(1); !value.empty() && value[0] != '"'; value.remove_prefix(1)) {
    if (value[0] != '\\') {
      label.value += value[0];
      continue;
    }
    value.remove_prefix(1);
    if (value.empty()) break;
    label.value += value[0] == 'n' ? '\n' : value[0];
  }
  if (value != "\"")
    return Outcome<Label>::fail("label " + quoted(label.name) + ": the closing quote is missing");
  return Outcome<Label>::ok(std::move(label));
}

Outcome<Series> parse_series(std::string_view text) {
  Series series;
  text = trimmed(text);
  size_t end = text.find_first_of("{= \t");
  series.name = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : trimmed(text.substr(end));
  if (text.starts_with('{')) {
    size_t close = 0;
    for (bool in_quotes = false; close < text.size() && (in_quotes || text[close] != '}'); ++close) {
      if (in_quotes && text[close] == '\\')
        ++close;
      else if (text[close] == '"')
        in_quotes = !in_quotes;
    }
    if (close >= text.size()) return Outcome<Series>::fail("metric " + series.name + ": the } is missing");
    for (std::string_view part : split(text.substr(1, close - 1), ',')) {
      if (part.empty()) continue;
      auto label = parse_label(part);
      if (!label) return Outcome<Series>::fail("metric " + series.name + ": " + label.why);
      series.labels.push_back(std::move(*label));
    }
    text = trimmed(text.substr(close + 1));
  }
  if (text.starts_with('=')) text = trimmed(text.substr(1));
  if (series.name.ends_with("_total")) series.kind = Kind::counter;
  if (!text.empty()) {
    auto value = parse_value(text);
    if (!value) return Outcome<Series>::fail("metric " + series.name + ": " + value.why);
    series.value = *value;
  }
  return Outcome<Series>::ok(std::move(series));
}

std::string series_title(const Series& series) {
  std::string out = series.name;
  for (size_t i = 0; i < series.labels.size(); ++i)
    out += (i ? "," : "{") + series.labels[i].name + "=\"" + json_escaped(series.labels[i].value) + "\"";
  return series.labels.empty() ? out : out + "}";
}

}  // namespace promfake
