// A recording in the simulator's terms, and what the simulator says to it: the same HPA, the values that were
// set, the same controller; and how far what really happened is from that. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hpasim/simulate.hpp"
#include "observe/recording.hpp"

namespace hpawalk::observe {

// What happened.
struct Happened {
  hpasim::Spec spec;
  hpasim::Setup setup;             // the controller and the metric's way, as far as they are known
  hpasim::Profile load;            // what was set
  hpasim::Timeline timeline;       // replicas, ready pods and the figures of them
  std::vector<std::string> notes;  // what may make a comparison worse than the simulator is
};
// An error when the recording has too little: no value, or no replicas.
Result<Happened> happened(const Recording& recording);

struct PredictedChange {
  std::optional<double> real,
      predicted;  // seconds since the recording began; one is missing where only the other changed
  int from = 0, to = 0;
  std::string why;  // the simulator's explanation
};

struct Prediction {
  hpasim::Timeline timeline;  // of the simulated run that is nearest to what happened
  int runs = 0;               // that were simulated, with drawn delays and phases
  int same = 0;               // of them, with the real sequence of replicas
  int sequences = 0;          // different ones among them
  std::vector<std::int32_t> likeliest;
  double worst = 0;  // seconds between a real change and the nearest run's, at most
  std::vector<PredictedChange> changes;
  bool possible() const { return same > 0; }
};
Prediction predict(const Happened& happened, int runs = 500);

struct Recorded {
  Recording recording;
  Happened happened;
  std::optional<Prediction> prediction;
};
// `compare`: with the prediction.
Result<Recorded> looked_at(Recording recording, bool compare);

}  // namespace hpawalk::observe
