// What a simulated timeline says, as data and in words: printed by `simulate`, drawn by its reports and by
// the page of `playground`. Knows nothing about terminals, HTML or files.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "hpasim/simulate.hpp"

namespace hpawalk::hpasim {

// How many there are at that time, of steps by time; before the first one as many as from then on.
std::int32_t count_at(const std::vector<Step>& steps, Time at);

struct Span {
  Time from{0}, to{0};
};

// Where two timelines have different numbers of replicas.
struct Apart {
  Time from{0}, to{0};
  std::int32_t first = 0, second = 0;
};
std::vector<Apart> apart(const std::vector<Step>& first, const std::vector<Step>& second, Time end);

// Where there are fewer ready pods than the load needs, looked at every so often.
std::vector<Span> shortages(const Timeline& timeline, const Profile& load);

// Where one of these rules keeps the replicas from following the metrics.
std::vector<Span> held_by(const Timeline& timeline, std::initializer_list<Rule> rules);

// The rules that hold replicas back, in the groups in which they are shown.
struct Holders {
  std::string name;
  std::vector<Span> spans;
};
std::vector<Holders> holders(const Timeline& timeline);

// The syncs that people are told of: the changes, and the first of a row that would change something, were it
// not for a rule.
std::vector<const Sync*> telling_syncs(const Timeline& timeline);

// Name and value of each figure, in the order in which people look at them; a part of the one above is
// indented.
std::vector<std::pair<std::string, std::string>> figure_rows(const Figures& figures);

// {"sequence": ..., "figures": ..., "changes": ...}, or with every sync "syncs" instead of "changes".
Document timeline_json(const Spec& spec, const Timeline& timeline, bool with_syncs);

Document sync_json(const Spec& spec, const Sync& sync);

}  // namespace hpawalk::hpasim
