#include "playground/answer.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/text.hpp"
#include "hpasim/outcome.hpp"
#include "hpasim/setup_request.hpp"
#include "hpasim/why.hpp"

namespace hpawalk::playground {

using namespace hpasim;

namespace {

// What was asked, read; and where a mistake in it is.
struct Question {
  Spec spec;
  std::vector<Profile> load;
  Setup setup;
  std::string version;
};
struct Trouble {
  Error error;
  std::string where;                   // hpa, load, options
  Document lines = Document::array();  // of the HPA's text
};
template <typename T>
using Asked = tl::expected<T, Trouble>;

tl::unexpected<Trouble> trouble(const Error& error, std::string where) {
  return tl::unexpected<Trouble>({error, std::move(where)});
}

// --- the options, by their names in `simulate`

struct TextOption {
  const char* name;
  std::string SetupRequest::*text;
};
constexpr TextOption text_options[] = {
    {"kube-version", &SetupRequest::version},
    {"metric-is", &SetupRequest::meaning},
    {"duration", &SetupRequest::duration},
    {"pod-start", &SetupRequest::pod_start},
    {"pod-warmup", &SetupRequest::pod_warmup},
    {"pod-request", &SetupRequest::request},
    {"scrape-interval", &SetupRequest::scrape},
    {"query-window", &SetupRequest::window},
    {"relist-interval", &SetupRequest::relist},
    {"hpa-sync-period", &SetupRequest::sync_period},
    {"hpa-downscale-stabilization", &SetupRequest::downscale_stabilization},
    {"controller-delay", &SetupRequest::controller_delay}};

Result<double> number(const std::string& name, const std::string& text, double most, bool whole) {
  std::optional<double> value = text::number(text);
  if (value && *value >= 0 && *value <= most &&
      (!whole || *value == static_cast<double>(static_cast<long long>(*value))))
    return *value;
  return failure(ErrorClass::usage, "usage",
                 fmt::format("--{} is not {}", name, whole ? "a whole number" : "a number"),
                 fmt::format("\"{}\"", text), fmt::format("From 0 to {:.0f}", most));
}

Status read_option(const std::string& name, const std::string& text, SetupRequest& request) {
  if (text.empty()) return {};
  for (const TextOption& option : text_options) {
    if (name == option.name) {
      request.*option.text = text;
      return {};
    }
  }
  auto take = [&](double most, bool whole, auto&& into) -> Status {
    auto value = number(name, text, most, whole);
    if (!value) return failure(value.error());
    into(*value);
    return {};
  };
  if (name == "replicas")
    return take(INT32_MAX, true, [&](double v) { request.replicas = static_cast<int>(v); });
  if (name == "hpa-tolerance") return take(10, false, [&](double v) { request.tolerance = v; });
  if (name == "seed")
    return take(1e15, true,
                [&](double v) { request.seed = static_cast<std::uint64_t>(v), request.has_seed = true; });
  bool on = text == "true";
  if (name == "gate-configurable-tolerance") request.tolerance_gate = on;
  if (name == "gate-scale-to-zero") request.zero_gate = on;
  return {};
}

Result<SetupRequest> read_options(const Json& asked) {
  SetupRequest request;
  for (const auto& [name, value] : at(asked, "options").items()) {
    if (auto ok = read_option(name, std::string(text::trim(text_at(asked["options"], name))), request); !ok)
      return failure(ok.error());
  }
  return request;
}

// --- the whole question

Asked<Spec> read_spec(const std::string& yaml, const Rules& rules) {
  Lines lines;
  auto line = [&](int number, const std::string& text) { return Document{{"line", number}, {"text", text}}; };
  auto document = find_hpa(yaml, {}, &lines);
  if (!document) {
    Trouble found{document.error(), "hpa"};
    if (lines.mistake > 0) found.lines.push_back(line(lines.mistake, lines.because));
    return tl::unexpected(found);
  }
  std::vector<Mistake> mistakes;
  auto spec = parse_spec(*document, Submission{rules, nullptr, &mistakes});
  if (spec) return *spec;
  Trouble found{spec.error(), "hpa"};
  for (const Mistake& mistake : mistakes)
    found.lines.push_back(line(lines.of(mistake.path), mistake.path + ": " + mistake.what));
  return tl::unexpected(found);
}

Asked<Question> read_question(const Json& asked) {
  Question question;
  auto request = read_options(asked);
  if (!request) return trouble(request.error(), "options");
  question.version = request->version.empty() ? std::string(newest_version) : request->version;
  auto rules = rules_for(question.version);
  if (!rules) return trouble(rules.error(), "options");
  question.setup.rules = *rules;
  if (auto ok = read_setup(*request, question.setup); !ok) return trouble(ok.error(), "options");
  take_gate_options(*request, question.setup.rules);
  if (request->tolerance) question.setup.flags.tolerance = *request->tolerance;
  auto spec = read_spec(text_at(asked, "hpa"), question.setup.rules);
  if (!spec) return tl::unexpected(spec.error());
  question.spec = *spec;
  std::string load = text_at(asked, "load");
  auto profile = bool_at(asked, "csv") ? read_csv(load, bool_at(asked, "linear"))
                                       : parse_profile(load, seed_of_all(question.setup.seed));
  if (!profile) return trouble(profile.error(), "load");
  question.load.push_back(*profile);
  if (auto ok = check_length(question.load, question.setup); !ok)
    return trouble(ok.error(), ok.error().is("profile") ? "load" : "options");
  return question;
}

// --- the answers

// Points as [[seconds, value], ...]: of more than a screen can show, the least and the most of each stretch.
using Points = std::vector<std::pair<double, double>>;

Document drawn(const Points& points) {
  constexpr std::size_t most = 2000;
  Document out = Document::array();
  auto add = [&](const auto& point) { out.push_back({point.first, point.second}); };
  if (points.size() <= most) {
    for (const auto& point : points) add(point);
    return out;
  }
  std::size_t stretch = points.size() / (most / 2) + 1;
  for (std::size_t i = 0; i < points.size(); i += stretch) {
    auto begin = points.begin() + static_cast<std::ptrdiff_t>(i);
    auto end = points.begin() + static_cast<std::ptrdiff_t>(std::min(i + stretch, points.size()));
    auto [least, greatest] =
        std::minmax_element(begin, end, [](const auto& a, const auto& b) { return a.second < b.second; });
    add(*std::min(least, greatest));
    if (least != greatest) add(*std::max(least, greatest));
  }
  add(points.back());
  return out;
}

Document drawn(const std::vector<Step>& steps) {
  Points points;
  for (const Step& step : steps) points.emplace_back(in_seconds(step.at), step.count);
  return drawn(points);
}

Document drawn(const Profile& load, Time duration) {
  Points points;
  for (const Profile::Point& point : load.points()) {
    if (point.at <= duration) points.emplace_back(in_seconds(point.at), point.value);
  }
  points.emplace_back(in_seconds(duration), load.at(duration));
  return drawn(points);
}

Document proposals(const Timeline& timeline) {
  Points points;
  for (const Sync& sync : timeline.syncs) {
    double proposed = sync.decision.proposed;
    if (points.empty() || points.back().second != proposed)
      points.emplace_back(in_seconds(sync.at), proposed);
  }
  return drawn(points);
}

Document drawn(const std::vector<Span>& spans) {
  Document out = Document::array();
  for (const Span& span : spans) out.push_back({in_seconds(span.from), in_seconds(span.to)});
  return out;
}

// What simulate's table has; of more than people read, only the changes.
Document told(const Question& question, const Timeline& timeline) {
  constexpr std::size_t most = 500;
  Document all = Document::array();
  std::vector<const Sync*> telling = telling_syncs(timeline);
  if (telling.size() > most)
    std::erase_if(telling, [](const Sync* sync) { return !sync->decision.rescaled(); });
  for (const Sync* sync : telling) {
    if (all.size() == most) break;
    Document one = sync_json(question.spec, *sync);
    one["time"] = time_text(sync->at);
    all.push_back(one);
  }
  return all;
}

// What is so at that time: of the last sync until then.
Document moment(const Question& question, const Timeline& timeline, double seconds) {
  Time at(static_cast<Time::rep>(std::clamp(seconds, 0.0, in_seconds(timeline.duration)) * 1e6));
  auto after = std::upper_bound(timeline.syncs.begin(), timeline.syncs.end(), at,
                                [](Time time, const Sync& sync) { return time < sync.at; });
  auto count = [&](const std::vector<Step>& steps) {
    auto later = std::upper_bound(steps.begin(), steps.end(), at,
                                  [](Time time, const Step& s) { return time < s.at; });
    return later == steps.begin() ? steps.front().count : std::prev(later)->count;
  };
  Document out = {{"time", time_text(at)},
                  {"load", question.load.front().at(at)},
                  {"replicas", count(timeline.replicas)},
                  {"readyPods", count(timeline.ready)}};
  if (after == timeline.syncs.begin()) return out;
  out.update(sync_json(question.spec, *std::prev(after)));
  return out;
}

Document whole(const Question& question, const Timeline& timeline) {
  const Spec& spec = question.spec;
  Document metrics = Document::array(), held = Document::array();
  for (const MetricSpec& metric : spec.metrics) metrics.push_back(describe(metric));
  for (const Holders& one : holders(timeline))
    held.push_back({{"name", one.name}, {"spans", drawn(one.spans)}});
  return {{"result", timeline_json(spec, timeline, false)},
          {"hpa", spec.name},
          {"kubernetes", question.version},
          {"minReplicas", spec.min},
          {"maxReplicas", spec.max},
          {"metrics", metrics},
          {"windowSeconds",
           {{"down", in_seconds(window_of(spec, question.setup.flags, true))},
            {"up", in_seconds(window_of(spec, question.setup.flags, false))}}},
          {"carried", timeline.carried.front()},
          {"durationSeconds", in_seconds(timeline.duration)},
          {"load", drawn(question.load.front(), timeline.duration)},
          {"replicas", drawn(timeline.replicas)},
          {"ready", drawn(timeline.ready)},
          {"proposed", proposals(timeline)},
          {"short", drawn(shortages(timeline, question.load.front()))},
          {"held", held},
          {"told", told(question, timeline)},
          {"figures", figure_rows(timeline.figures)}};
}

Document error_document(const Trouble& trouble) {
  const Error& error = trouble.error;
  return {{"error",
           {{"id", error.id},
            {"what", error.what},
            {"because", error.because},
            {"hint", error.hint},
            {"where", trouble.where},
            {"lines", trouble.lines}}}};
}

}  // namespace

std::string answer(std::string_view text) {
  auto asked = parse_json(text, "The question");
  if (!asked) return json_text(error_document({asked.error(), "options"}));
  auto question = read_question(*asked);
  if (!question) return json_text(error_document(question.error()));
  Timeline timeline = simulate(question->spec, question->load, question->setup);
  const Json& at_seconds = at(*asked, "at");
  if (at_seconds.is_number())
    return json_text(Document{{"moment", moment(*question, timeline, at_seconds.get<double>())}});
  return json_text(whole(*question, timeline));
}

}  // namespace hpawalk::playground
