#include "hpasim/profile.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <numbers>
#include <optional>

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/quantity.hpp"
#include "base/text.hpp"
#include "hpasim/sync_clock.hpp"

namespace hpawalk::hpasim {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using Points = std::vector<Profile::Point>;

auto wrong(std::string what, std::string because,
           std::string hint = "hpawalk simulate --help shows the profiles") {
  return failure(ErrorClass::usage, "profile", std::move(what), std::move(because), std::move(hint));
}

constexpr Time longest = std::chrono::hours(24 * 366);
constexpr std::size_t most_points = 1'000'000;

double between(const Profile::Point& a, const Profile::Point& b, Time t) {
  if (b.at == a.at) return b.value;
  double share = static_cast<double>((t - a.at).count()) / static_cast<double>((b.at - a.at).count());
  return a.value + (b.value - a.value) * share;
}

}  // namespace

Profile::Profile(Points points) : points_(std::move(points)) {
  sums_.resize(points_.size(), 0);
  for (std::size_t i = 1; i < points_.size(); ++i) {
    double width = static_cast<double>((points_[i].at - points_[i - 1].at).count());
    sums_[i] = sums_[i - 1] + width * (points_[i].value + points_[i - 1].value) / 2;
  }
}

double Profile::at(Time t) const {
  return Cursor(*this).at(t);
}

double Profile::Cursor::at(Time t) {
  const Points& points = profile_->points_;
  if (points.empty()) return 0;
  // next_: the first point later than t.
  if (next_ > 0 && points[next_ - 1].at > t) next_ = 0;
  if (next_ == 0 && points.size() > 32) {
    next_ = static_cast<std::size_t>(
        std::upper_bound(points.begin(), points.end(), t, [](Time a, const Point& p) { return a < p.at; }) -
        points.begin());
  }
  while (next_ < points.size() && points[next_].at <= t) ++next_;
  if (next_ == 0) return points.front().value;
  if (next_ == points.size()) return points.back().value;
  return between(points[next_ - 1], points[next_], t);
}

double Profile::integral(Time t) const {
  auto later =
      std::upper_bound(points_.begin(), points_.end(), t, [](Time a, const Point& p) { return a < p.at; });
  if (later == points_.begin())
    return points_.front().value * static_cast<double>((t - points_.front().at).count());
  auto i = static_cast<std::size_t>(later - points_.begin()) - 1;
  double width = static_cast<double>((t - points_[i].at).count());
  double value = later == points_.end() ? points_.back().value : between(points_[i], *later, t);
  return sums_[i] + width * (points_[i].value + value) / 2;
}

double Profile::average(Time from, Time to) const {
  if (points_.empty() || to <= from) return at(to);
  return (integral(to) - integral(from)) / static_cast<double>((to - from).count());
}

double Profile::highest() const {
  double highest = 0;
  for (const Point& point : points_) highest = std::max(highest, point.value);
  return highest;
}

std::vector<Profile::Point> sampled(const Profile& profile, Time every) {
  std::vector<Time> jumps;
  for (std::size_t i = 1; i < profile.points().size(); ++i) {
    const auto& [before, now] = std::pair{profile.points()[i - 1], profile.points()[i]};
    if (before.at == now.at && before.value != now.value) jumps.push_back(now.at);
  }
  Points out = {{Time(0), profile.at(Time(0))}};
  std::size_t jump = 0;
  while (out.back().at < profile.end() || jump < jumps.size()) {
    while (jump < jumps.size() && jumps[jump] <= out.back().at) ++jump;
    Time next = out.back().at + every;
    // A jump is on time: it comes instead of the regular values just before it.
    if (jump < jumps.size() && jumps[jump] < next + every) next = std::max(jumps[jump], next);
    if (next > profile.end()) break;
    out.push_back({next, profile.at(next)});
  }
  Points changes;
  for (const Profile::Point& point : out) {
    if (changes.empty() || changes.back().value != point.value) changes.push_back(point);
  }
  return changes;
}

Result<Time> parse_duration(std::string_view text) {
  auto bad = [&] {
    return failure(ErrorClass::usage, "duration", "\"" + std::string(text) + "\" is not a duration", {},
                   "For example 90s, 1m30s, 2h");
  };
  std::string words(text::trim(text));
  if (!words.empty() && words.find_first_not_of("0123456789.") == std::string::npos) words += "s";
  std::optional<std::chrono::milliseconds> read = read_duration(words);
  if (!read || *read > std::chrono::hours(24 * 366)) return bad();
  return Time(*read);
}

std::string time_text(Time t) {
  auto whole = std::chrono::duration_cast<seconds>(t + std::chrono::milliseconds(500)).count();
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// --- the language: a segment is its name and words; `A..B` and plain numbers are values, `key TEXT` and
// `key=TEXT` are options.

namespace {

struct Segment {
  std::string name, text;
  std::vector<double> values;
  std::map<std::string, Time> times;
  std::map<std::string, double> numbers;

  Time time(const std::string& key, Time fallback) const {
    auto found = times.find(key);
    return found == times.end() ? fallback : found->second;
  }
  double number(const std::string& key, double fallback) const {
    auto found = numbers.find(key);
    return found == numbers.end() ? fallback : found->second;
  }
};

struct Shape {
  std::size_t least_values, most_values;
  std::vector<std::string> times, numbers;
  std::string_view example;
};

const std::map<std::string, Shape>& shapes() {
  static const std::map<std::string, Shape> all = {
      {"hold", {1, 1, {"for"}, {"noise"}, "hold 50 for 5m"}},
      {"step", {2, 2, {"at", "for"}, {"from", "to", "noise"}, "step 5..50 at 1m for 15m"}},
      {"steps", {1, 1000, {"every", "for"}, {"noise"}, "steps 5,20,80,5 every 2m"}},
      {"ramp", {2, 2, {"at", "over", "for"}, {"from", "to", "noise"}, "ramp 5..50 over 10m"}},
      {"sine", {2, 2, {"every", "for"}, {"min", "max", "noise"}, "sine 5..50 every 10m for 30m"}},
      {"spike",
       {2, 2, {"at", "lasting", "for"}, {"base", "peak", "noise"}, "spike 5..100 at 2m lasting 30s for 15m"}},
  };
  return all;
}

Result<double> parse_number(std::string_view text) {
  auto quantity = typed_quantity(text);
  if (!quantity) return tl::unexpected(quantity.error());
  return quantity->number;
}

Status take_values(Segment& segment, std::string_view word) {
  for (const std::string& part : text::split(word, ',')) {
    size_t dots = part.find("..");
    std::vector<std::string> ends =
        dots == std::string::npos ? std::vector<std::string>{part}
                                  : std::vector<std::string>{part.substr(0, dots), part.substr(dots + 2)};
    for (const std::string& end : ends) {
      auto number = parse_number(end);
      if (!number)
        return wrong(fmt::format("The profile's \"{}\" is invalid", segment.text),
                     fmt::format("\"{}\" is neither a value nor an option", word),
                     fmt::format("For example: {}", shapes().at(segment.name).example));
      segment.values.push_back(*number);
    }
  }
  return {};
}

Result<Segment> parse_segment(std::string_view written) {
  Segment segment;
  segment.text = std::string(text::trim(written));
  // "step:from=5,to=50" and "step from=5 to=50" are the same; a comma between values stays.
  std::string spaced;
  for (size_t i = 0; i < segment.text.size(); ++i) {
    char c = segment.text[i];
    bool before_option = c == ',' && i + 1 < segment.text.size() &&
                         std::isalpha(static_cast<unsigned char>(segment.text[i + 1]));
    spaced += c == ':' || c == '\t' || c == '\n' || before_option ? ' ' : c;
  }
  std::vector<std::string> words;
  for (const std::string& word : text::split(spaced, ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  std::vector<std::string> names;
  for (const auto& [name, shape] : shapes()) names.push_back(name);
  segment.name = words.empty() ? "" : words[0];
  if (segment.name == "constant") segment.name = "hold";
  auto shape = shapes().find(segment.name);
  if (shape == shapes().end()) {
    auto nearest = text::nearest(segment.name, names);
    return wrong(
        fmt::format("Unknown profile \"{}\"", segment.name),
        "Valid profiles: " + text::join(names, ", ") + ", or a CSV file's name",
        nearest ? fmt::format("Did you mean {}? For example: {}", *nearest, shapes().at(*nearest).example)
                : "hpawalk simulate --help shows the profiles");
  }
  std::vector<std::string> keys = shape->second.times;
  keys.insert(keys.end(), shape->second.numbers.begin(), shape->second.numbers.end());
  for (size_t i = 1; i < words.size(); ++i) {
    std::string key = words[i], value;
    size_t equals = key.find('=');
    if (equals != std::string::npos) {
      value = key.substr(equals + 1);
      key.resize(equals);
    } else if (!std::isalpha(static_cast<unsigned char>(key[0]))) {
      if (auto taken = take_values(segment, key); !taken) return tl::unexpected(taken.error());
      continue;
    } else if (i + 1 < words.size()) {
      value = words[++i];
    }
    bool is_time =
        std::find(shape->second.times.begin(), shape->second.times.end(), key) != shape->second.times.end();
    bool is_number = std::find(shape->second.numbers.begin(), shape->second.numbers.end(), key) !=
                     shape->second.numbers.end();
    if (!is_time && !is_number) {
      auto nearest = text::nearest(key, keys);
      return wrong(
          fmt::format("The profile {} has no option \"{}\"", segment.name, key),
          "It has " + text::join(keys, ", "),
          nearest ? "Did you mean " + *nearest + "?" : fmt::format("For example: {}", shape->second.example));
    }
    if (is_time) {
      auto time = parse_duration(value);
      if (!time) return tl::unexpected(time.error());
      segment.times[key] = *time;
    } else {
      bool percent = !value.empty() && value.back() == '%';
      auto number = parse_number(percent ? value.substr(0, value.size() - 1) : value);
      if (!number) return wrong(fmt::format("The profile's {}={} is not a number", key, value), {});
      segment.numbers[key] = percent ? *number / 100 : *number;
    }
  }
  for (const auto& [low, high] : {std::pair{"from", "to"}, {"min", "max"}, {"base", "peak"}}) {
    if (segment.numbers.contains(low) && segment.numbers.contains(high) && segment.values.empty())
      segment.values = {segment.numbers[low], segment.numbers[high]};
  }
  if (segment.values.size() < shape->second.least_values ||
      segment.values.size() > shape->second.most_values) {
    return wrong(fmt::format("The profile {} needs {}", segment.name,
                             shape->second.least_values == 2 ? "two values, as in 5..50" : "a value"),
                 fmt::format("\"{}\" has {}", segment.text, segment.values.size()),
                 fmt::format("For example: {}", shape->second.example));
  }
  return segment;
}

// The cosine of so many turns, from 0 to 1. By additions and multiplications alone, which are the same
// everywhere: libraries' cosines differ in the last bit, and with them a simulation on another machine or in
// a browser.
double cosine_of_turns(double turns) {
  double t = turns > 0.5 ? 1 - turns : turns;
  double sign = t > 0.25 ? -1 : 1;
  if (t > 0.25) t = 0.5 - t;
  bool by_sine = t > 0.125;  // of the rest of a quarter: the series are short near 0
  double x = 2 * std::numbers::pi * (by_sine ? 0.25 - t : t), sum = 0;
  for (int n = by_sine ? 21 : 20; n > 1; n -= 2) sum = (1 - sum) * x * x / (n * (n - 1));
  return sign * (by_sine ? x * (1 - sum) : 1 - sum);
}

void sine(Points& points, const Segment& s, Time start) {
  Time every = s.time("every", minutes(10)), length = s.time("for", every * 3);
  Time step = std::max<Time>({every / 120, std::chrono::milliseconds(100), length / 100'000});
  double middle = (s.values[0] + s.values[1]) / 2, swing = (s.values[1] - s.values[0]) / 2;
  for (Time t{0};; t = std::min(t + step, length)) {  // it begins at its lowest
    double turns = static_cast<double>((t % every).count()) / static_cast<double>(every.count());
    points.push_back({start + t, middle - swing * cosine_of_turns(turns)});
    if (t >= length) return;
  }
}

Points draw(const Segment& s, Time start) {
  Points points;
  auto add = [&](Time at, double value) { points.push_back({start + at, value}); };
  double first = s.values.front(), last = s.values.back();
  if (s.name == "hold") {
    add(Time(0), first), add(s.time("for", minutes(10)), first);
  } else if (s.name == "step") {
    Time at = s.time("at", minutes(1));
    add(Time(0), first), add(at, first), add(at, last),
        add(std::max(at, s.time("for", at + minutes(15))), last);
  } else if (s.name == "steps") {
    Time every = s.time("every", minutes(5));
    for (size_t i = 0; i < s.values.size(); ++i)
      add(every * static_cast<int>(i), s.values[i]), add(every * static_cast<int>(i + 1), s.values[i]);
  } else if (s.name == "ramp") {
    Time at = s.time("at", Time(0)), over = s.time("over", minutes(10));
    add(Time(0), first), add(at, first), add(at + over, last),
        add(std::max(at + over, s.time("for", at + over + minutes(5))), last);
  } else if (s.name == "spike") {
    Time at = s.time("at", minutes(1)), lasting = s.time("lasting", minutes(1));
    add(Time(0), first), add(at, first), add(at, last), add(at + lasting, last), add(at + lasting, first);
    add(std::max(at + lasting, s.time("for", at + lasting + minutes(15))), first);
  } else {
    sine(points, s, start);
  }
  return points;
}

// Multiplies with 1 +- noise, anew every five seconds (more seldom in what is weeks long).
Points with_noise(const Points& points, double noise, Random& random) {
  Points noisy;
  Profile smooth(points);
  Time stretch = std::max<Time>(seconds(5), (points.back().at - points.front().at) / 100'000);
  auto point = points.begin();
  for (Time t = points.front().at; t < points.back().at; t += stretch) {
    double factor = 1 + noise * (2 * random.unit() - 1);
    Time until = std::min(t + stretch, points.back().at);
    noisy.push_back({t, smooth.at(t) * factor});
    while (point != points.end() && point->at <= t) ++point;
    for (; point != points.end() && point->at < until; ++point)
      noisy.push_back({point->at, point->value * factor});
    noisy.push_back({until, smooth.at(until - Time(1)) * factor});
  }
  return noisy;
}

}  // namespace

Result<Profile> parse_profile(std::string_view text, std::uint64_t seed) {
  std::string normal(text);
  for (size_t at; (at = normal.find(" then ")) != std::string::npos;) normal.replace(at, 6, ";");
  Points points;
  Random random(seed ^ 0x70726f66696c65ULL);
  for (const std::string& part : text::split(normal, ';')) {
    if (text::trim(part).empty()) continue;
    auto segment = parse_segment(part);
    if (!segment) return tl::unexpected(segment.error());
    Points drawn = draw(*segment, points.empty() ? Time(0) : points.back().at);
    if (double noise = segment->number("noise", 0); noise > 0) drawn = with_noise(drawn, noise, random);
    points.insert(points.end(), drawn.begin(), drawn.end());
    if (points.back().at > longest)
      return wrong("The profile takes longer than a year",
                   fmt::format("The limit is exceeded at \"{}\"", text::trim(part)));
    if (points.size() > most_points)
      return wrong("The profile has more than a million points",
                   fmt::format("The limit is exceeded at \"{}\"", text::trim(part)));
  }
  if (points.empty()) return wrong("The profile is empty", {});
  for (const Profile::Point& point : points) {
    if (point.value < 0)
      return wrong("A load cannot be negative", fmt::format("\"{}\" goes down to {}", text, point.value));
  }
  return Profile(points);
}

// --- CSV

namespace {

// How far a time is from UTC, as it is written behind a date: Z, +02:00, -0700; nothing if it is none of
// these.
std::optional<double> offset_seconds(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z" || text == "UTC") return 0;
  std::string digits(text.substr(1));
  if (text.size() == 6 && text[3] == ':') digits.erase(2, 1);
  bool valid = (text[0] == '+' || text[0] == '-') && digits.size() == 4 &&
               digits.find_first_not_of("0123456789") == std::string::npos;
  if (!valid) return std::nullopt;
  int offset = std::stoi(digits.substr(0, 2)) * 3600 + std::stoi(digits.substr(2)) * 60;
  return text[0] == '-' ? -offset : offset;
}

// "2026-01-31T12:00:00.5Z", "2026-01-31 12:00", "2026/01/31 12:00:00 +02:00".
std::optional<double> csv_date(const std::string& text) {
  int year, month, day, hour, minute, read = 0;
  if (std::sscanf(text.c_str(), "%4d%*1[-/]%2d%*1[-/]%2d%*1[T ]%2d:%2d%n", &year, &month, &day, &hour,
                  &minute, &read) != 5 ||
      read == 0)
    return std::nullopt;
  std::string rest = text.substr(static_cast<size_t>(read));
  double second = 0;
  if (int more = 0; std::sscanf(rest.c_str(), ":%lf%n", &second, &more) == 1)
    rest.erase(0, static_cast<size_t>(more));
  auto offset = offset_seconds(text::trim(rest));
  using namespace std::chrono;
  year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                      std::chrono::day(static_cast<unsigned>(day))};
  bool there_is = offset && year > 0 && year < 10'000 && month > 0 && day > 0 && date.ok() && hour >= 0 &&
                  hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second < 61;  // 60: a leap second
  if (!there_is) return std::nullopt;
  return static_cast<double>(
             sys_seconds(sys_days(date) + hours(hour) + minutes(minute)).time_since_epoch().count()) +
         second - *offset;
}

constexpr double milliseconds_from = 1e11;  // as seconds: the year 5138

std::optional<double> csv_time(const std::string& text) {
  if (auto date = csv_date(text)) return date;
  char* end = nullptr;
  double number = std::strtod(text.c_str(), &end);
  if (end != text.c_str() && *end == '\0' && std::isfinite(number))
    return std::abs(number) > milliseconds_from ? number / 1000 : number;
  if (auto duration = parse_duration(text)) return static_cast<double>(duration->count()) / 1e6;
  return std::nullopt;
}

std::optional<double> csv_value(const std::string& text) {
  if (auto value = parse_number(text)) return *value;
  char* end = nullptr;  // what programs write: 1.2345678901234567e-05
  double read = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' && std::isfinite(read) ? std::optional(read) : std::nullopt;
}

// What exports write where a series has no value.
bool is_gap(const std::string& text) {
  return text.empty() || text == "NaN" || text == "null" || text == "undefined";
}

// The fields of a line, without the quotes around them.
std::vector<std::string> csv_fields(std::string_view line) {
  char separator = line.find(';') != std::string_view::npos    ? ';'
                   : line.find('\t') != std::string_view::npos ? '\t'
                                                               : ',';
  std::vector<std::string> fields;
  bool quoted = false;
  std::string field;
  for (char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == separator && !quoted) {
      fields.emplace_back(text::trim(field));
      field.clear();
    } else {
      field += c;
    }
  }
  fields.emplace_back(text::trim(field));
  return fields;
}

constexpr const char* csv_formats = "For example 60,12.5 or 2026-01-31T12:00:00Z,12.5";

}  // namespace

Result<Profile> read_csv(std::string_view text, bool linear) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  Points points;
  std::optional<double> first;
  size_t number = 0;
  bool began = false;
  for (const std::string& line : text::lines(text)) {
    ++number;
    std::string_view content = text::trim(line);
    if (content.empty() || content[0] == '#') continue;
    std::vector<std::string> fields = csv_fields(content);
    auto time = csv_time(fields[0]);
    auto value = fields.size() < 2 ? std::nullopt : csv_value(fields[1]);
    bool title = !began && !time && !value;
    began = true;
    if (title) continue;
    if (time && fields.size() >= 2 && is_gap(fields[1])) continue;  // the value before it holds
    if (!time || !value)
      return wrong(fmt::format("Line {} of the CSV file is not in the form time,value", number),
                   std::string(content), csv_formats);
    if (!first) first = *time;
    if (std::abs(*time - *first) > std::chrono::duration<double>(longest).count()) {
      return wrong(fmt::format("Line {} of the CSV file is more than a year from the first", number),
                   std::string(content));
    }
    Time at(std::llround((*time - *first) * 1e6));
    if (!points.empty() && at < points.back().at)
      return wrong(fmt::format("Line {} of the CSV file goes back in time", number), std::string(content),
                   "Sort the lines by time");
    if (*value < 0)
      return wrong(fmt::format("Line {} of the CSV file has a negative load", number), std::string(content));
    if (!linear && !points.empty()) points.push_back({at, points.back().value});
    points.push_back({at, *value});
  }
  if (points.empty()) return wrong("The CSV file has no line with time,value", {}, csv_formats);
  return Profile(points);
}

std::string_view profile_help() {
  return "Profiles (values are quantities; times are 90s, 1m30s, 2h; join profiles with ';'):\n"
         "  hold 50 for 5m                          step 5..50 at 1m for 15m\n"
         "  steps 5,20,80,5 every 2m                ramp 5..50 over 10m [at 1m]\n"
         "  sine 5..50 every 10m for 30m            spike 5..100 at 2m lasting 30s for 15m\n"
         "  load.csv                                lines of time,value\n"
         "Each takes noise=10%.";
}

}  // namespace hpawalk::hpasim
