#include "observe/goal.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::observe {
namespace {

const std::vector<std::string> names = {"replicas", "ready", "desired", "value", "metric", "settled"};

std::optional<double> number_at(const std::string& what, const Hops& hops) {
  bool pods = hops.workload.there, hpa = hops.hpa.there;
  if (what == "replicas") return pods ? std::optional<double>(hops.workload.wanted) : std::nullopt;
  if (what == "ready") return pods ? std::optional<double>(hops.workload.ready) : std::nullopt;
  if (what == "desired") return hpa ? std::optional<double>(hops.hpa.desired) : std::nullopt;
  if (what == "value") return hops.first().number;
  return hops.hpa.metric.number;
}

bool holds(const Goal::Clause& clause, double number) {
  if (clause.relation == ">=") return number >= clause.number;
  if (clause.relation == "<=") return number <= clause.number;
  return same_number(number, clause.number);
}

}  // namespace

Result<Goal> parse_goal(const std::string& text) {
  auto wrong = [&](const std::string& because) {
    return failure(ErrorClass::usage, "until", fmt::format("--until {} is invalid", text), because,
                   "For example --until replicas=10, --until 'ready>=4,metric=50', --until settled");
  };
  Goal goal{{}, text};
  for (const std::string& part : text::split(text, ',')) {
    size_t end = part.find_first_of("=<>");
    std::string name(text::trim(part.substr(0, end)));
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      auto near = text::nearest(name, names);
      return wrong(fmt::format("unknown name `{}`{} Valid names: {}", name,
                               near ? "; did you mean " + *near + "?" : ".", text::join(names, ", ")));
    }
    if (name == "settled") {
      if (end != std::string::npos) return wrong("settled takes no number");
      goal.clauses.push_back({name, "", 0});
      continue;
    }
    if (end == std::string::npos) return wrong(fmt::format("{} requires a number, as in {}=10", name, name));
    size_t number_at = part.find_first_not_of("=<>", end);
    std::string relation =
        part.substr(end, number_at == std::string::npos ? std::string::npos : number_at - end);
    auto number = text::number(text::trim(number_at == std::string::npos ? "" : part.substr(number_at)));
    if (!number || (relation != "=" && relation != ">=" && relation != "<="))
      return wrong(fmt::format("`{}` is not NAME=NUMBER, NAME>=NUMBER or NAME<=NUMBER", part));
    goal.clauses.push_back({name, relation, *number});
  }
  if (goal.clauses.empty()) return wrong("it is empty");
  return goal;
}

std::optional<std::string> missing(const Goal& goal, const Hops& hops, const Outlook& outlook) {
  for (const Goal::Clause& clause : goal.clauses) {
    if (clause.what == "settled") {
      if (!outlook.at_rest()) return "it has not settled: " + outlook.text;
      continue;
    }
    std::optional<double> number = number_at(clause.what, hops);
    if (!number) return fmt::format("{} is unknown: {}", clause.what, outlook.text);
    if (!holds(clause, *number)) return fmt::format("{} is {}; {}", clause.what, *number, outlook.text);
  }
  return std::nullopt;
}

}  // namespace hpawalk::observe
