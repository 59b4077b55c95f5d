// Searches targets, windows and policies of an HPA for what a goal asks for, by simulating each candidate
// under the same load and the same drawn delays. Deterministic by its seed. What a pod carries stays what the
// original target says: a lower target buys reserve, it does not make pods weaker.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hpasim/simulate.hpp"

namespace hpawalk::hpasim {

enum class Measure : std::uint8_t { time_short, first_short, share_short, pod_hours, changes, reversals };

struct Limit {
  Measure measure;
  double most = 0;  // seconds, a share, hours, a count
};

// "short <= 30s, changes <= 10, least pod-hours": limits, and what to make small, the first the most.
struct Goal {
  std::vector<Limit> limits;
  std::vector<Measure> least;
};
Result<Goal> parse_goal(std::string_view text);

struct Candidate {
  Document hpa;
  Spec spec;
  Figures figures;       // means over the drawn runs
  std::string settings;  // what was changed, in words
  bool within = true;    // of all limits
};

struct Tuned {
  Candidate original;
  std::vector<Candidate> front;  // nothing beats them: better in one of shortage, pod-hours, changes and the
                                 // goal's measures, and not worse in the rest
  std::size_t best = 0;          // in the front, by the goal
  int tried = 0;
};

Tuned tune(const Document& hpa, const std::vector<Profile>& profiles, const Setup& setup, const Goal& goal,
           int candidates, const KeepOn& keep_on = {});

double value_of(const Figures& figures, Measure measure);
std::string_view measure_name(Measure measure);

}  // namespace hpawalk::hpasim
