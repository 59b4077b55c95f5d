// What a finding says has to hold on the evidence that it prints itself: here a reader's eye looks at the
// printed lines, without the rules' own data, on all facts files and on files in which values were exchanged.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "diagnose/diagnosis.hpp"
#include "diagnose/rules.hpp"
#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/sample.hpp"
#include "world/times.hpp"

using namespace hpawalk;
using namespace hpawalk::diagnose;

namespace {

using Pairs = std::map<std::string, std::string>;

// What stands between `before` and the next of `ends` in the first line that has `before`.
std::optional<std::string> after(const std::vector<std::string>& lines, const std::string& before,
                                 const std::string& ends = "") {
  for (const std::string& line : lines) {
    size_t at = line.find(before);
    if (at == std::string::npos) continue;
    std::string rest = line.substr(at + before.size());
    return ends.empty() ? rest : rest.substr(0, rest.find_first_of(ends));
  }
  return std::nullopt;
}

// "a=1,b=2" or "a=1, b=2"; nothing: it is not made of pairs alone.
std::optional<Pairs> pairs(const std::string& text) {
  Pairs all;
  for (std::string part : text::split(text, ',')) {
    part = std::string(text::trim(part));
    size_t equals = part.find('=');
    if (equals == std::string::npos || part.find_first_of("! (") != std::string::npos) return std::nullopt;
    all[part.substr(0, equals)] = part.substr(equals + 1);
  }
  return all;
}

// Nothing: these lines do not state the claim in a way that can be read.
using Verdict = std::optional<bool>;

Verdict does_not_match(const Finding& f, const std::string& selector_after) {
  std::optional<std::string> selector = after(f.evidence, selector_after),
                             labels = after(f.evidence, ": labels ");
  if (!selector || !labels) return std::nullopt;
  std::optional<Pairs> wanted = pairs(*selector);
  if (!wanted) return std::nullopt;
  if (*labels == "no labels") return true;
  std::optional<Pairs> had = pairs(*labels);
  if (!had) return std::nullopt;
  return std::any_of(wanted->begin(), wanted->end(), [&](const auto& pair) {
    auto found = had->find(pair.first);
    return found == had->end() || found->second != pair.second;
  });
}

Verdict namespace_not_selected(const Finding& f, const std::string& field) {
  std::optional<std::string> selector = after(f.evidence, field), labels = after(f.evidence, ": labels ");
  if (!selector || !labels) return std::nullopt;
  Json json = Json::parse(*selector, nullptr, false);
  if (!json.is_object() || json.contains("matchExpressions") || !json.contains("matchLabels"))
    return std::nullopt;
  Pairs had = pairs(*labels).value_or(Pairs{});
  for (const auto& [name, value] : json["matchLabels"].items()) {
    if (!had.contains(name) || had[name] != value) return true;
  }
  return false;
}

Verdict port_is_none_of(const Finding& f) {
  std::optional<std::string> port = after(f.evidence, "].port is "), ports = after(f.evidence, ": ports ");
  if (!port || !ports) return std::nullopt;
  for (const std::string& one : text::split(*ports, ',')) {
    if (std::string name(text::trim(one)); name.substr(0, name.find(' ')) == *port) return false;
  }
  return true;
}

Verdict shorter(const std::optional<std::string>& less, const std::optional<std::string>& more, int times) {
  if (!less || !more) return std::nullopt;
  std::optional<world::Duration> a = read_duration(*less), b = read_duration(*more);
  return a && b ? Verdict(*a < *b * times) : std::nullopt;
}

Verdict not_after(const std::optional<std::string>& first, const std::optional<std::string>& second) {
  if (!first || !second) return std::nullopt;
  std::optional<world::WallTime> a = world::parse_time(*first), b = world::parse_time(*second);
  return a && b ? Verdict(*a <= *b) : std::nullopt;
}

// "resources label=resource, label=resource": is the resource of the sentence none of them?
Verdict resource_is_not_mapped(const Finding& f) {
  std::optional<std::string> resources = after(f.evidence, "): resources "),
                             said = after({f.sentence}, ", and not for ");
  if (!resources || !said) return std::nullopt;
  std::optional<Pairs> mapped = pairs(*resources);
  if (!mapped) return std::nullopt;
  return std::none_of(mapped->begin(), mapped->end(), [&](const auto& p) {
    return p.second == *said || p.second.substr(0, p.second.find('.')) == said->substr(0, said->find('.'));
  });
}

Verdict label_is_missing(const Finding& f) {
  std::optional<std::string> label = after({f.sentence}, ": label ", ",; "),
                             series = after(f.evidence, "{", "}");
  if (!label || !series) return std::nullopt;
  return (*series + ",").find(*label + "=") != 0 &&
         ("," + *series).find("," + *label + "=") == std::string::npos;
}

Verdict value_is_missing(const Finding& f) {
  std::optional<std::string> wanted = after({f.sentence}, " has ", " "),
                             space = after({f.sentence}, " in namespace ", ";"),
                             series = after(f.evidence, "{", "}");
  if (!wanted || !space || !series || wanted->find('=') == std::string::npos) return std::nullopt;
  std::string all = "," + *series + ",";
  return all.find("," + *wanted + ",") == std::string::npos ||
         all.find("=" + *space + ",") == std::string::npos;
}

Verdict within_tolerance(const Finding& f) {
  std::optional<std::string> ratio = after(f.evidence, ": ratio "),
                             tolerance = after(f.evidence, "-tolerance is ", " ");
  if (!ratio || !tolerance) return std::nullopt;
  return std::abs(text::number(*ratio).value_or(9) - 1) <= text::number(*tolerance).value_or(0) + 0.001;
}

// "no NAME" in the evidence, "there is OTHER" in the sentence.
Verdict another_name(const Finding& f) {
  std::optional<std::string> other = after({f.sentence}, "; there is ", "; ,");
  if (!other) return std::nullopt;
  return f.sentence.find(" " + *other + ",") == std::string::npos &&
         f.sentence.find(" " + *other + " ") == std::string::npos;
}

Verdict other_group(const Finding& f) {
  std::optional<std::string> said = after({f.sentence}, "apiVersion is ", ","),
                             right = after({f.sentence}, "that kind is in ");
  if (!said || !right) return std::nullopt;
  auto group = [](const std::string& v) {
    return v.find('/') == std::string::npos ? "" : v.substr(0, v.find('/'));
  };
  return group(*said) != group(*right);
}

const std::map<std::string, std::function<Verdict(const Finding&)>> claims = {
    {"monitor-not-selected", [](const Finding& f) { return does_not_match(f, "MonitorSelector "); }},
    {"recording-rule-not-selected",
     [](const Finding& f) {
       Verdict by_space = namespace_not_selected(f, "spec.ruleNamespaceSelector ");
       return by_space ? by_space : does_not_match(f, "spec.ruleSelector ");
     }},
    {"monitor-namespace-not-selected",
     [](const Finding& f) { return namespace_not_selected(f, "MonitorNamespaceSelector "); }},
    {"monitor-selects-no-service", [](const Finding& f) { return does_not_match(f, ": spec.selector "); }},
    {"monitor-port-name", port_is_none_of},
    {"rule-not-namespaced", resource_is_not_mapped},
    {"rule-labels-mismatch", label_is_missing},
    {"object-not-in-series", value_is_missing},
    {"within-tolerance", within_tolerance},
    {"object-missing", another_name},
    {"target-missing", another_name},
    {"target-api-version", other_group},
    {"object-api-version", other_group},
    {"adapter-max-age",
     [](const Finding& f) {
       return shorter(after(f.evidence, "--metrics-max-age is ", " "), after(f.evidence, "scrape interval "),
                      1);
     }},
    {"rate-window-too-short",
     [](const Finding& f) {
       return shorter(after({f.sentence}, "window is ", ","), after(f.evidence, "scrape interval "), 2);
     }},
    {"adapter-config-stale",
     [](const Finding& f) {
       return not_after(after(f.evidence, ": started "), after(f.evidence, ": last changed "));
     }},
    {"replicas-reset",
     [](const Finding& f) {
       return not_after(after(f.evidence, "by the HPA at "), after(f.evidence, ") at ", ","));
     }},
    {"prometheus-config-pending",
     [](const Finding& f) {
       if (after(f.evidence, ": no job ") || after(f.evidence, ": no rule ")) return Verdict(true);
       return not_after(after(f.evidence, "lastConfigTime "), after(f.evidence, ": last changed "));
     }},
};

// "by 03:04:05 UTC", "until 03:04:05 UTC": not before the facts were read. Within half a day of it.
bool no_time_has_passed(const Finding& f, world::WallTime taken) {
  using namespace std::chrono;
  auto of_day = [](const std::string& clock) {
    return hours(std::stoi(clock)) + minutes(std::stoi(clock.substr(3))) +
           seconds(std::stoi(clock.substr(6)));
  };
  seconds now = floor<seconds>(taken.time_since_epoch()) % days(1);
  for (const std::string& text : {f.sentence, text_of(f.fix)}) {
    for (const char* before : {"by ", "until ", "about "}) {
      for (size_t at = text.find(before); at != std::string::npos; at = text.find(before, at + 1)) {
        std::string clock = text.substr(at + std::string(before).size(), 12);
        if (clock.size() < 12 || clock.substr(8) != " UTC" || clock[2] != ':') continue;
        if (text.substr(0, at).ends_with("was there ")) continue;  // of the past
        seconds ahead = (of_day(clock) - now + days(1)) % days(1);
        if (ahead > hours(12)) return false;
      }
    }
  }
  return true;
}

std::vector<HpaDiagnosis> diagnosed(const Facts& facts) {
  return diagnose_hpas(facts, facts.asked_space, facts.asked_name);
}

// Calls `check` for each finding.
void each_finding(const Facts& facts, const std::function<void(const Finding&)>& check) {
  for (const HpaDiagnosis& hpa : diagnosed(facts)) {
    for (const ChainDiagnosis& chain : hpa.chains)
      std::for_each(chain.findings.begin(), chain.findings.end(), check);
  }
}

std::string whole_text(const Finding& f) {
  return f.cause + ": " + f.sentence + "\n  " + text::join(f.evidence, "\n  ") + "\n  " + text_of(f.fix);
}

// Whether the claims of all findings hold; which of them could be read is counted by cause.
void check_claims(const Facts& facts, std::map<std::string, size_t>& read) {
  each_finding(facts, [&](const Finding& f) {
    CHECK_MESSAGE(no_time_has_passed(f, facts.taken), whole_text(f));
    auto claim = claims.find(f.cause);
    if (claim == claims.end()) return;
    Verdict holds = claim->second(f);
    if (!holds) return;
    ++read[f.cause];
    CHECK_MESSAGE(*holds, whole_text(f));
  });
}

// Strings below metadata.labels, spec and samples' labels, which an exchange turns into other objects.
void collect_strings(Json& value, std::vector<Json*>& strings, bool inside) {
  if (value.is_string() && inside) strings.push_back(&value);
  if (!value.is_structured()) return;
  for (auto& [key, child] : value.items())
    collect_strings(child, strings, inside || key == "labels" || key == "spec" || key == "matchLabels");
}

}  // namespace

TEST_CASE("A finding's claim holds on the evidence that it prints") {
  std::map<std::string, size_t> read;
  for (const std::filesystem::path& file : fakes::facts_files()) {
    INFO(file.string());
    check_claims(fakes::facts_of(file), read);
  }
  for (const auto& [cause, claim] : claims) CHECK_MESSAGE(read[cause] > 0, cause);
}

TEST_CASE("A finding's claim holds on the evidence that it prints, also where values were exchanged") {
  std::mt19937 random(20261126);
  std::map<std::string, size_t> read;
  for (const std::filesystem::path& file : fakes::facts_files()) {
    for (int round = 0; round < 4; ++round) {
      Facts facts = fakes::facts_of(file);
      std::vector<Json*> strings;
      for (auto& [key, reading] : facts.readings) collect_strings(reading.value, strings, false);
      if (strings.size() < 2) continue;
      for (int i = 0; i < 4; ++i) {
        Json &one = *strings[random() % strings.size()], &other = *strings[random() % strings.size()];
        std::swap(one, other);
      }
      INFO(file.string() << " round " << round);
      check_claims(facts, read);
    }
  }
  CHECK(read.size() > 8);
}

// What one reading says, and no other could contradict: only why it is so could be told by more readings.
static const std::set<std::string> plain = {"adapter-not-ready", "apiservice-missing", "keda-scaledobject",
                                            "prometheus-not-ready", "target-down"};

TEST_CASE("Nothing is certain for want of a reading: what is certain then, all readings together say too") {
  fakes::Sample sample(7);
  for (const std::filesystem::path& file : fakes::facts_files()) {
    if (file.parent_path().filename() == "saved") continue;  // these were shrunk to what the finding needs
    Facts facts = fakes::facts_of(file);
    std::set<std::string> known = plain;
    each_finding(facts, [&](const Finding& f) { known.insert(f.cause); });
    for (auto& [key, reading] : facts.readings) {
      if (key == "hpas" || !reading.read() || !sample.takes()) continue;
      Reading read = std::exchange(reading, {reading.path, "kube-forbidden", "no", "read " + key, {}, 0});
      each_finding(facts, [&](const Finding& f) {
        bool wrong =
            f.severity == Mark::broken && f.certainty == Certainty::certain && !known.contains(f.cause);
        CHECK_MESSAGE(!wrong, file.filename().string() << " without " << key << "\n" << whole_text(f));
      });
      reading = std::move(read);
    }
  }
}
