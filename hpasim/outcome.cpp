#include "hpasim/outcome.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/explain.hpp"

namespace hpawalk::hpasim {

std::int32_t count_at(const std::vector<Step>& steps, Time at) {
  auto later =
      std::upper_bound(steps.begin(), steps.end(), at, [](Time t, const Step& step) { return t < step.at; });
  return later == steps.begin() ? steps.front().count : std::prev(later)->count;
}

std::vector<Apart> apart(const std::vector<Step>& first, const std::vector<Step>& second, Time end) {
  std::vector<Time> times = {end};
  for (const std::vector<Step>* steps : {&first, &second}) {
    for (const Step& step : *steps) times.push_back(step.at);
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  std::vector<Apart> all;
  for (std::size_t i = 0; i + 1 < times.size(); ++i) {
    Apart span{times[i], times[i + 1], count_at(first, times[i]), count_at(second, times[i])};
    if (span.first != span.second) all.push_back(span);
  }
  return all;
}

std::vector<Span> shortages(const Timeline& t, const Profile& load) {
  std::vector<Span> spans;
  Time step = std::max<Time>(t.duration / 2000, std::chrono::milliseconds(100));
  Profile::Cursor cursor(load);
  std::size_t ready = 0;
  bool open = false;
  for (Time at{0}; at < t.duration; at += step) {
    while (ready + 1 < t.ready.size() && t.ready[ready + 1].at <= at) ++ready;
    bool is_short = cursor.at(at) > t.ready[ready].count * t.carried[0] + 1e-9;
    if (is_short && !open) spans.push_back({at, at + step});
    if (is_short) spans.back().to = at + step;
    open = is_short;
  }
  return spans;
}

std::vector<Span> held_by(const Timeline& timeline, std::initializer_list<Rule> rules) {
  std::vector<Span> spans;
  bool open = false;
  for (const Sync& sync : timeline.syncs) {
    if (open) spans.back().to = sync.at;
    bool held = std::find(rules.begin(), rules.end(), sync.decision.rule) != rules.end();
    if (held && !open) spans.push_back({sync.at, sync.at});
    open = held;
  }
  return spans;
}

std::vector<Holders> holders(const Timeline& timeline) {
  return {{"held by a stabilization window", held_by(timeline, {Rule::stabilized_down, Rule::stabilized_up})},
          {"held by a policy, or by the limit of doubling",
           held_by(timeline, {Rule::policy, Rule::doubling, Rule::disabled})},
          {"held by maxReplicas", held_by(timeline, {Rule::at_max})}};
}

std::vector<const Sync*> telling_syncs(const Timeline& timeline) {
  std::vector<const Sync*> telling;
  Rule held = Rule::metric;
  for (const Sync& sync : timeline.syncs) {
    const Decision& d = sync.decision;
    bool newly_held = !d.rescaled() && d.proposed != d.from && d.rule != held;
    held = d.rescaled() ? Rule::metric : d.rule;
    if (d.rescaled() || newly_held) telling.push_back(&sync);
  }
  return telling;
}

std::vector<std::pair<std::string, std::string>> figure_rows(const Figures& f) {
  auto seconds = [](Time t) {
    return t == Time(0) ? std::string("0s")
                        : text::duration(std::chrono::duration_cast<std::chrono::milliseconds>(t));
  };
  return {{"first wait for enough pods", seconds(f.first_short)},
          {"time with too few ready pods", seconds(f.time_short)},
          {"  longest", seconds(f.longest_short)},
          {"unserved load", fmt::format("{:.2f}%", f.share_short * 100)},
          {"pod-hours", fmt::format("{:.2f}", f.pod_hours)},
          {"  of these, not needed", fmt::format("{:.2f}", f.idle_pod_hours)},
          {"changes of replicas", std::to_string(f.changes)},
          {"  back and forth", std::to_string(f.reversals)},
          {"replicas", fmt::format("{} to {}", f.lowest, f.highest)}};
}

Document sync_json(const Spec& spec, const Sync& sync) {
  const Decision& d = sync.decision;
  Document one = {{"at", in_seconds(sync.at)},
                  {"from", d.from},
                  {"to", d.to},
                  {"proposed", d.proposed},
                  {"rule", rule_name(d.rule)},
                  {"ready", sync.ready},
                  {"why", explain(spec, d, sync.proposal)},
                  {"ableToScale", reason(d.conditions.able)},
                  {"scalingActive", reason(d.conditions)},
                  {"scalingLimited", reason(d.conditions.limited)}};
  if (d.until) one["until"] = in_seconds(*d.until);
  return one;
}

Document timeline_json(const Spec& spec, const Timeline& timeline, bool with_syncs) {
  const Figures& f = timeline.figures;
  Document syncs = Document::array();
  for (const Sync& sync : timeline.syncs) {
    if (with_syncs || sync.decision.rescaled()) syncs.push_back(sync_json(spec, sync));
  }
  return {{"sequence", timeline.sequence()},
          {"figures",
           {{"firstShortSeconds", in_seconds(f.first_short)},
            {"shortSeconds", in_seconds(f.time_short)},
            {"longestShortSeconds", in_seconds(f.longest_short)},
            {"shareShort", f.share_short},
            {"podHours", f.pod_hours},
            {"idlePodHours", f.idle_pod_hours},
            {"changes", f.changes},
            {"reversals", f.reversals},
            {"lowest", f.lowest},
            {"highest", f.highest}}},
          {with_syncs ? "syncs" : "changes", syncs}};
}

}  // namespace hpawalk::hpasim
