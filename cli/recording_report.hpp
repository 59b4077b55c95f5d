// A recording for people: as text, as JSON, and as the parts of an HTML report; with or without what the simulator
// predicted. Knows nothing about how it was recorded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chain/prediction.hpp"
#include "cli/html_report.hpp"
#include "cli/timeline_text.hpp"

namespace hpawalk {

struct Recorded {
  Recording recording;
  Happened happened;
  std::optional<Prediction> prediction;
};
// `compare`: with the prediction.
Result<Recorded> looked_at(Recording recording, bool compare);

Painted recorded_text(const Recorded& recorded, const Canvas& canvas);
nlohmann::ordered_json recorded_json(const Recorded& recorded);
html::Report recorded_report(const Recorded& recorded);

// "as the simulator says: one of 3 possible sequences, every change within 4.2 s"
std::string verdict(const Recorded& recorded);

// One thing that happened, as drive tells it while it goes on and the reports list it.
struct Happening {
  double at = 0;
  std::string hop, text;
};
// What the last line that was taken says; nothing where it says nothing new to people.
std::optional<Happening> last_happening(const Recording& recording, std::string_view hop);
std::vector<Happening> happenings(const Recording& recording);

// When a value that was set showed at each hop: seconds after it was set; nothing where it never did.
struct Arrival {
  double set = 0, value = 0;
  std::optional<double> prom_fake, prometheus, api, hpa;
};
std::vector<Arrival> arrivals(const Recording& recording);

}  // namespace hpawalk
