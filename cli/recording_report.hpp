// A recording for people: as text, as JSON, and as the parts of an HTML report; with or without what the
// simulator predicted. Knows nothing about how it was recorded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "cli/html_report.hpp"
#include "cli/timeline_text.hpp"
#include "observe/prediction.hpp"

namespace hpawalk::cli {

Painted recorded_text(const observe::Recorded& recorded, const Canvas& canvas);
nlohmann::ordered_json recorded_json(const observe::Recorded& recorded);
html::Report recorded_report(const observe::Recorded& recorded);

// "as the simulator says: one of 3 possible sequences, every change within 4.2s"
std::string verdict(const observe::Recorded& recorded);

// Prints it, and writes the HTML report to this file; empty: none.
Status show_recorded(Session& session, const observe::Recorded& recorded, const std::string& report);
// The error where the simulator had not expected it: `prediction-differs`.
Status differs(const observe::Recorded& recorded);

// One thing that happened, as drive tells it while it goes on and the reports list it.
struct Happening {
  double at = 0;
  std::string hop, text;
};
// What the last line that was taken says; nothing where it says nothing new to people.
std::optional<Happening> last_happening(const observe::Recording& recording, std::string_view hop);
std::vector<Happening> happenings(const observe::Recording& recording);

}  // namespace hpawalk::cli
