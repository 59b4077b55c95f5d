// An HPA's past as text, JSON, Markdown and HTML.
#pragma once

#include <string>
#include <vector>

#include "cli/html_report.hpp"
#include "cli/timeline_text.hpp"
#include "hpasim/explain.hpp"
#include "observe/account.hpp"

namespace hpawalk::cli {

struct ToldHistory {
  std::string hpa, space, workload;  // "web", "shop", "Deployment web"
  observe::Simulation simulation;    // the HPA as it is now, and its controller
  observe::Trace trace;
  observe::Account account;
  std::string states;  // who exports the replicas: "kube-state-metrics"
  std::vector<std::string> notes;
};

// A time since the epoch: the time of day in UTC, with the date where the period is a day or longer.
hpasim::TimeText clock_of(hpasim::Time from, hpasim::Time to);

Painted history_text(const ToldHistory& told, const Canvas& canvas);
nlohmann::ordered_json history_json(const ToldHistory& told);
std::string history_markdown(const ToldHistory& told);
html::Report history_report(const ToldHistory& told);

}  // namespace hpawalk::cli
