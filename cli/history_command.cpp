// hpawalk history: what an HPA did in the past and why, from what Prometheus recorded. Read-only.
#include <memory>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "cli/history_report.hpp"
#include "cli/read_chain.hpp"
#include "cli/simulation_options.hpp"
#include "observe/simulation_parts.hpp"
#include "oncall/read_trace.hpp"
#include "world/kube_resource.hpp"
#include "world/times.hpp"

namespace hpawalk::cli {
namespace {

using hpasim::Time;

struct HistoryOptions : HpaScope {
  std::string since = "6h", until = "0s", output = "text";
  observe::SimulationRequest controller;
};

// A time ("2026-01-31T12:00:00Z"), or how long before now.
Result<Time> past_time(const std::string& text, Time now) {
  if (text.find('T') != std::string::npos) {
    if (std::optional<world::WallTime> at = world::parse_time(text)) return Time(at->time_since_epoch());
  }
  Result<Time> ago = hpasim::parse_duration(text);
  if (ago) return now - *ago;
  return failure(ErrorClass::usage, "duration", "\"" + text + "\" is neither a duration nor a time", {},
                 "For example --since 6h, or --since 2026-01-31T12:00:00Z");
}

struct Period {
  Time from{0}, to{0};
};

Result<Period> period_of(const HistoryOptions& o, Time now) {
  Result<Time> from = past_time(o.since, now), to = past_time(o.until, now);
  if (!from) return failure(from.error());
  if (!to) return failure(to.error());
  if (*from < Time(0) || *from + std::chrono::minutes(1) > *to || *to > now)
    return failure(
        ErrorClass::usage, "duration",
        fmt::format("From --since {} to --until {} is not a minute of the past", o.since, o.until));
  return Period{*from, *to};
}

const diagnose::Hpa* find_hpa(const diagnose::Parts& parts, const std::string& space,
                              const std::string& name) {
  for (const diagnose::Hpa& hpa : parts.hpas) {
    if (hpa.space == space && hpa.name == name) return &hpa;
  }
  return nullptr;
}

// The Prometheus that the HPA's adapter asks; of one that needs no adapter, the first that is known.
const diagnose::PrometheusAddress* address_for(const diagnose::Parts& parts, const diagnose::Hpa& hpa) {
  for (const diagnose::MetricNeed& need : hpa.needs) {
    const diagnose::Group& group = parts.groups.at(need.api_group());
    if (group.prometheus.address) return &*group.prometheus.address;
  }
  for (const auto& [name, group] : parts.groups) {
    if (group.prometheus.address) return &*group.prometheus.address;
  }
  return nullptr;
}

// When the HPA's spec was last written, and by whom.
struct LastWrite {
  Time at{0};
  std::string manager;
};
LastWrite last_write(const Json& hpa) {
  LastWrite last;
  for (const Json& entry : list_at(hpa, "metadata.managedFields")) {
    std::optional<world::WallTime> at = world::parse_time(text_at(entry, "time"));
    if (!text_at(entry, "subresource").empty() || !at || Time(at->time_since_epoch()) < last.at) continue;
    last = {at->time_since_epoch(), text_at(entry, "manager")};
  }
  return last;
}

// What the HPA itself says about how far its past can be told: a period before it was created has none.
Status take_age(const Json& hpa, ToldHistory& told, Period& period) {
  const hpasim::TimeText when = clock_of(period.from, period.to);
  std::optional<world::WallTime> created = world::parse_time(text_at(hpa, "metadata.creationTimestamp"));
  if (created && Time(created->time_since_epoch()) > period.from) {
    period.from = created->time_since_epoch();
    told.notes.push_back(
        fmt::format("The HPA was created at {}; what was before that is left out.", when(period.from)));
    if (period.from >= period.to)
      return failure(ErrorClass::check_failed, "no-history", "The HPA did not exist in this period", {},
                     "It was created at " + world::rfc3339(*created));
  }
  const LastWrite last = last_write(hpa);
  if (last.at > period.from)
    told.notes.push_back(fmt::format(
        "The HPA was last written at {} by {}: before that, its metrics, targets and behavior may have been "
        "others; those of now are assumed.",
        when(last.at), last.manager));
  return {};
}

observe::SimulationRequest request_of(const HistoryOptions& o, const std::string& space,
                                      const std::string& name) {
  observe::SimulationRequest request = o.controller;
  request.hpa = name;
  request.name_space = space;
  request.cluster_named = request.never_file = true;
  return request;
}

Result<ToldHistory> load_history(Session& session, const HistoryOptions& o) {
  world::World& world = session.world;
  Result<diagnose::CollectOptions> what = collect_options(session, o);
  if (!what) return failure(what.error());
  Result<Period> period = period_of(o, world.clock.wall_now().time_since_epoch());
  if (!period) return failure(period.error());
  Result<std::unique_ptr<world::KubeApi>> connected = world::connect(world, o.target, tell_waits(session));
  if (!connected) return failure(connected.error());
  world::KubeApi& api = **connected;
  Result<diagnose::Facts> facts = read_chain(session, api, *what);
  if (!facts) return failure(facts.error());
  const diagnose::StillFacts still(*facts);
  const diagnose::Parts parts = diagnose::parts_of(*facts);
  const diagnose::Hpa* hpa = find_hpa(parts, what->space, what->name);
  if (hpa == nullptr)
    return failure(ErrorClass::usage, "hpa-not-found",
                   fmt::format("HPA {} not found in namespace {}", what->name, what->space));
  const diagnose::PrometheusAddress* address = address_for(parts, *hpa);
  if (address == nullptr)
    return failure(ErrorClass::check_failed, "no-prometheus",
                   "No Prometheus was found that this HPA depends on", {}, "Name one with --prometheus URL");

  observe::Cluster cluster(world, what->space, *std::move(connected));
  Result<observe::Simulation> simulation =
      observe::load_subject(world, request_of(o, what->space, what->name), cluster);
  if (!simulation) return failure(simulation.error());
  Result<Json> object = observe::read_hpa(cluster, what->name);
  if (!object) return failure(object.error());
  ToldHistory told{what->name, what->space, hpa->target_text(), *std::move(simulation), {}, {}, {}, {}};
  told.notes = told.simulation.notes;
  if (Status aged = take_age(*object, told, *period); !aged) return failure(aged.error());

  const hpasim::Setup& setup = told.simulation.setup;
  const observe::Subject subject{told.simulation.spec, setup.rules, setup.flags, setup.keda};
  const std::string step = "read the past";
  session.progress.started(step);
  const world::PrometheusApi prometheus = prometheus_api(session, api, *address, *what);
  Result<oncall::ReadTrace> read =
      oncall::read_trace(prometheus, {*facts, parts, *hpa, subject, period->from, period->to},
                         [&](const std::string& now) { session.progress.now(step, now); });
  if (!read) {
    session.progress.failed(step, read.error().what);
    return failure(read.error());
  }
  session.progress.done(step, fmt::format("{} values a series", read->trace.scale().size()));
  told.trace = std::move(read->trace);
  told.states = read->states;
  told.notes.insert(told.notes.end(), read->notes.begin(), read->notes.end());
  // What a rollout may add or take away, by the workload as it is now.
  if (Result<Json> workload = world::kube_get(
          api,
          world::kube_collection(hpa->scaled.place.api_version(), hpa->space, hpa->scaled.place.resource) +
              "/" + hpa->target_name))
    told.trace.rollout = oncall::rollout_limits(*workload);
  const std::string replay = "replay";
  session.progress.started(replay);
  told.account = observe::account_of(subject, told.trace, clock_of(told.trace.from, told.trace.to));
  session.progress.done(replay, fmt::format("{} changes and times", told.account.entries.size()));
  return told;
}

Status run_history(Session& session, const HistoryOptions& o) {
  Result<ToldHistory> told = load_history(session, o);
  if (!told) return failure(told.error());
  world::Terminal& terminal = session.world.terminal;
  if (o.output == "json") {
    terminal.out(json_text(history_json(*told), 2) + "\n");
  } else if (o.output == "markdown") {
    terminal.out(history_markdown(*told));
  } else if (o.output == "html") {
    terminal.out(html::render(history_report(*told)));
  } else {
    terminal.out(history_text(*told, canvas_for(session.world)) + "\n");
  }
  session.printed = true;
  return {};
}

}  // namespace

void add_history(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand(
      "history", "Tell what an HPA did in the past and why, from what Prometheus recorded (read-only)");
  auto options = std::make_shared<HistoryOptions>();
  add_one_hpa(*command, *options);
  command->add_option("--since", options->since, "Beginning: how long ago, or a time (2026-01-31T12:00:00Z)")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--until", options->until, "End: how long ago, or a time; default: now")
      ->type_name("TIME");
  add_controller_options(*command, options->controller);
  command->add_option("-o,--output", options->output, "Output format")
      ->check(CLI::IsMember({"text", "json", "markdown", "html"}))
      ->type_name("text|json|markdown|html")
      ->capture_default_str();
  command->footer(
      "Examples:\n  hpawalk history web -n shop --since 6h\n"
      "  hpawalk history web -n shop --since 2026-01-31T12:00:00Z --until 2026-01-31T14:00:00Z -o html > "
      "web.html\n"
      "  hpawalk history web -n shop --since 2h -o markdown > post-mortem.md\n\n"
      "The replicas come from kube-state-metrics or `hpawalk exporter`, whichever the HPA's Prometheus "
      "scrapes; "
      "the\n"
      "metric comes by the query of the adapter or of KEDA. The controller is replayed along them. Where the "
      "record\n"
      "contradicts the controller, history says what happened instead, or that it is unknown.");
  command->callback([options, &chosen] {
    chosen.output = options->output == "json" ? "json" : "text";
    chosen.action = [options](Session& session) { return run_history(session, *options); };
  });
}

}  // namespace hpawalk::cli
