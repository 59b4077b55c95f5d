// hpawalk set-value: sets the number that the whole chain carries.
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "base/pattern.hpp"
#include "base/text.hpp"
#include "cli/columns.hpp"
#include "cli/live_text.hpp"
#include "cli/live_view.hpp"
#include "cli/timeline_text.hpp"
#include "steps/chain_names.hpp"

namespace hpawalk::cli {
namespace {

struct SetValueOptions {
  std::string value;
  bool watch = false;
};

// What Prometheus and prom-fake take: decimal numbers, Inf and NaN. Refused here, before anything is asked.
Status check_value(const std::string& value) {
  static const Pattern pattern =
      Pattern::constant(R"((?i)[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|infinity|nan))");
  auto wrong = [&](const std::string& because) {
    return failure(ErrorClass::usage, "bad-value", fmt::format("`{}` is not a valid metric value", value),
                   because, "For example: hpawalk set-value 50, 0.25, 1e3, -5, NaN or +Inf");
  };
  if (!pattern.matches(value)) return wrong("It must be a decimal number, Inf or NaN");
  bool digits = value.find_first_of("0123456789") != std::string::npos;
  if (digits && std::isinf(text::number(value).value_or(0)))
    return wrong("It is beyond the largest float, 1.797e308");
  return {};
}

// "1", or "50 (prom-fake-a), 5 (prom-fake-b)" where pods differ.
std::string values_text(const std::map<std::string, std::string>& pods) {
  std::set<std::string> different;
  std::vector<std::string> all;
  for (const auto& [pod, value] : pods) {
    different.insert(value);
    all.push_back(fmt::format("{} ({})", value, pod));
  }
  return different.size() == 1 ? *different.begin() : text::join(all, ", ");
}

struct ValueChange {
  std::map<std::string, std::string> before, after;  // pod -> value
};

Result<ValueChange> change(world::KubeApi& api, const observe::Source& source, const std::string& value) {
  Result<std::map<std::string, std::string>> before = observe::source_values(api, source);
  if (!before) return failure(before.error());
  if (Status set = observe::set_source(api, source, value); !set) return failure(set.error());
  Result<std::map<std::string, std::string>> after = observe::source_values(api, source);
  if (!after) return failure(after.error());
  return ValueChange{*before, *after};
}

std::string to_text(const ValueChange& change, const std::string& metric) {
  std::string several = change.after.size() > 1 ? fmt::format(" on each of {}; the adapter adds them up",
                                                              text::count(change.after.size(), "pod"))
                                                : "";
  return fmt::format("{} was {}, is {}{}", metric, values_text(change.before), values_text(change.after),
                     several);
}

Json to_json(const ValueChange& change, const std::string& metric) {
  return {{"metric", metric}, {"before", change.before}, {"after", change.after}};
}

std::string after(world::WallTime from, const std::optional<world::WallTime>& at) {
  return at ? text::duration(std::max<world::Duration>(world::Duration(0), *at - from)) : "unknown";
}

// How the value travelled, and what became of it.
std::string summary(const observe::Followed& followed, const char* api, const Canvas& canvas) {
  std::string arrow = canvas.unicode ? " → " : " -> ", chain, times;
  for (size_t i = 0; i < followed.replicas.size(); ++i) {
    chain += (i > 0 ? arrow : "") + std::to_string(followed.replicas[i].second);
    if (i > 0) times += (times.empty() ? "" : ", ") + after(followed.began, followed.replicas[i].first);
  }
  std::string out =
      fmt::format("in Prometheus after {}, in the {} metrics API after {}, read by the HPA after {}\n",
                  after(followed.began, followed.in_prometheus), api, after(followed.began, followed.in_api),
                  after(followed.began, followed.in_hpa));
  out += fmt::format("replicas {}{}", chain, times.empty() ? ", unchanged" : " (after " + times + ")");
  if (!times.empty() && followed.ready)
    out += fmt::format(", all ready after {}", after(followed.began, followed.ready));
  return out + "\n" + followed.outlook.text;
}

Json summary_json(const observe::Followed& followed) {
  auto seconds = [&](const std::optional<world::WallTime>& at) {
    return at ? Json(static_cast<double>((*at - followed.began).count()) / 1000.0) : Json();
  };
  Json replicas = Json::array();
  for (const auto& [at, n] : followed.replicas)
    replicas.push_back({{"replicas", n}, {"after", std::max(0.0, seconds(at).get<double>())}});
  Json outcome = {{"state", name_of(followed.outlook.state)},
                  {"rule", followed.outlook.rule},
                  {"text", followed.outlook.text}};
  if (followed.outlook.until) outcome["until"] = time_text(*followed.outlook.until);
  if (followed.outlook.next) outcome["next"] = *followed.outlook.next;
  return {{"settled",
           {{"inPrometheusAfter", seconds(followed.in_prometheus)},
            {"inMetricsApiAfter", seconds(followed.in_api)},
            {"inHpaAfter", seconds(followed.in_hpa)},
            {"replicas", replicas},
            {"readyAfter", seconds(followed.ready)},
            {"outlook", outcome}}}};
}

Status set_and_watch(Session& session, OpenChain& open, const observe::LiveChain& chain,
                     const std::string& value) {
  const std::string metric = open.config->text("prom-fake.metric");
  std::optional<ValueChange> changed;
  observe::Follow what;
  what.goal = observe::Goal{{{"settled", "", 0}}, "the HPA to settle"};
  what.limit = open.config->duration("timeout");
  what.give_up = true;
  what.begin = [&](const observe::Hops&) -> Status {
    Result<ValueChange> done = change(*open.api, *chain.source, value);
    if (!done) return failure(done.error());
    changed = *done;
    if (session.json) session.world.terminal.out(json_text(Json{{"set", to_json(*changed, metric)}}) + "\n");
    session.printed = true;
    return {};
  };
  Result<observe::Followed> followed = follow_shown(session, open, what);
  world::World& world = session.world;
  if (followed && session.json) world.terminal.out(json_text(summary_json(*followed)) + "\n");
  if (changed && !session.json) {
    Canvas canvas = canvas_for(world);
    const char* api = chain.metric().kind == hpasim::MetricKind::external ? "external" : "custom";
    std::string text = to_text(*changed, metric) + (followed ? "\n" + summary(*followed, api, canvas) : "");
    for (const std::string& line : text::lines(text)) {
      if (!world.terminal.out_is_terminal())
        world.terminal.out(line + "\n");
      else
        for (const std::string& part : wrap(line, static_cast<size_t>(canvas.columns - 1)))
          world.terminal.out(part + "\n");
    }
  }
  return followed ? Status{} : failure(followed.error());
}

Status set_value(Session& session, const SettingFlags& flags, const SetValueOptions& options) {
  if (Status fine = check_value(options.value); !fine) return fine;
  Result<OpenChain> open = open_chain(session, flags);
  if (!open) return failure(open.error());
  observe::LiveChain chain = steps::chain_names(*open->config);
  if (options.watch) {
    // A prom-fake that is not there is said before the view opens.
    if (Result<std::map<std::string, std::string>> there = observe::source_values(*open->api, *chain.source);
        !there)
      return failure(there.error());
    return set_and_watch(session, *open, chain, options.value);
  }
  Result<ValueChange> done = change(*open->api, *chain.source, options.value);
  if (!done) return failure(done.error());
  const std::string metric = open->config->text("prom-fake.metric");
  session.print(to_text(*done, metric), json_text(to_json(*done, metric), 2));
  return {};
}

}  // namespace

void add_set_value(CLI::App& app, Chosen& chosen) {
  CLI::App& command = *app.add_subcommand("set-value", "Set prom-fake's value, and watch how the HPA reacts");
  auto options = std::make_shared<SetValueOptions>();
  auto* value = command.add_option("N", options->value,
                                   "Any float that Prometheus supports: 50, 0.25, 1e3, -5, NaN, +Inf");
  command.add_flag("-w,--watch", options->watch,
                   "Follow the value through the chain until the HPA has settled, for at most --timeout");
  command.allow_extras();  // CLI11 takes -5 for an option: it comes as an extra
  auto flags = add_settings(command,
                            "  hpawalk set-value 50 --watch\n  hpawalk set-value -5\n  hpawalk set-value 50 "
                            "--watch -o json | jq -c '.outlook'\n\n"
                            "Sets the value in every pod of prom-fake. With --watch, the command ends with "
                            "exit code 0 when nothing more changes soon; exit code 1\n"
                            "if the value does not reach the HPA, or --timeout expires.");
  add_output_option(command, chosen);
  command.callback([&command, value, flags, options, &chosen] {
    std::vector<std::string> extras = command.remaining();
    if (options->value.empty() && extras.size() == 1 && extras[0].starts_with('-')) {
      options->value = extras[0];
      extras.clear();
    }
    if (!extras.empty()) throw CLI::ExtrasError(command.get_name(), extras);
    if (options->value.empty()) throw CLI::RequiredError(value->get_name());
    chosen.action = [flags, options](Session& session) { return set_value(session, *flags, *options); };
  });
}

}  // namespace hpawalk::cli
