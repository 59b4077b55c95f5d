// A load over time: what the metric's value would be, or the whole load that the pods share. Read from the
// short language that people type (`step 5..50 at 1m`), from CSV, or from recorded samples. Piecewise linear.
// Knows nothing about HPAs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "hpasim/version.hpp"

namespace hpawalk::hpasim {

class Profile {
 public:
  struct Point {
    Time at{0};
    double value = 0;
  };

  Profile() = default;
  explicit Profile(std::vector<Point> points);  // times never decrease; two points at one time are a jump

  double at(Time t) const;                   // after a jump: the later value; outside: the nearest end's
  double average(Time from, Time to) const;  // over an interval, exactly
  Time end() const { return points_.empty() ? Time(0) : points_.back().at; }
  const std::vector<Point>& points() const { return points_; }
  double highest() const;

  // The same answers, faster, for times that mostly grow.
  class Cursor {
   public:
    explicit Cursor(const Profile& profile) : profile_(&profile) {}
    double at(Time t);

   private:
    const Profile* profile_;
    std::size_t next_ = 0;
  };

 private:
  double integral(Time t) const;  // from the first point on
  std::vector<Point> points_;
  std::vector<double> sums_;  // the integral up to each point, value x microseconds
};

// "step 5..50 at 1m; hold 50 for 5m": segments one after the other.
Result<Profile> parse_profile(std::string_view text, std::uint64_t seed = 0);

// Lines of time,value. Times: seconds, durations, or dates as in 2026-01-31T12:00:00Z; they begin at 0 with
// the first line. Each value holds until the next line, or (linear) changes evenly towards it.
Result<Profile> read_csv(std::string_view text, bool linear);

// What to set, one after the other, to follow the load: at most one value every `every`, none twice in a row,
// and at a jump at once.
std::vector<Profile::Point> sampled(const Profile& profile, Time every);

Result<Time> parse_duration(std::string_view text);  // "90", "90s", "1m30s", "1.5h", "250ms"
std::string time_text(Time t);                       // "0:15", "1:02:30"

// What --help and errors show.
std::string_view profile_help();

}  // namespace hpawalk::hpasim
