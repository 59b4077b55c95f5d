#include "oncall/exposition.hpp"

#include <iterator>
#include <set>

#include <fmt/format.h>

#include "base/json_text.hpp"
#include "diagnose/view.hpp"

namespace hpawalk::oncall {
namespace {

// The text format's escapes: backslash, double quote, line feed.
std::string escaped(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

// One metric with all of its series, which must follow one another.
class Metric {
 public:
  Metric(std::string_view name, std::string_view type, std::string_view help)
      : name_(name), text_(fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type)) {}

  // labels: "namespace=\"shop\",...", or empty.
  void add(std::string_view labels, std::string_view value) {
    auto end = std::back_inserter(text_);
    if (labels.empty()) {
      fmt::format_to(end, "{} {}\n", name_, value);
    } else {
      fmt::format_to(end, "{}{{{}}} {}\n", name_, labels, value);
    }
  }
  const std::string& text() const { return text_; }

 private:
  std::string_view name_;
  std::string text_;
};

std::string labels_of(std::string_view space, std::string_view name) {
  return fmt::format("namespace=\"{}\",horizontalpodautoscaler=\"{}\"", escaped(space), escaped(name));
}

// The first cause on a link: what is broken before the notes.
std::string cause_on(const diagnose::ChainDiagnosis& chain, diagnose::Link link) {
  for (const diagnose::Finding& finding : chain.findings) {
    if (finding.link == link) return finding.cause;
  }
  return {};
}

std::string number_at(const Json& object, const char* path, std::string_view otherwise) {
  const Json& value = at(object, path);
  return value.is_number() ? json_text(value) : std::string(otherwise);
}

}  // namespace

std::string hpa_metrics(const diagnose::Facts& facts, const std::vector<diagnose::HpaDiagnosis>& hpas) {
  Metric links(link_state_metric, "gauge",
               "How a link of a metric's path to the HPA stands (ok, note, broken, unknown), with the first "
               "cause that diagnose names there; 1 for the state that holds.");
  Metric causes(
      cause_metric, "gauge",
      "A cause that diagnose names on a metric's path to the HPA; severity: broken or note; always 1.");
  Metric states(hpa_state_metric, "gauge",
                "The worst state of all links of an HPA; 1 for the state that holds.");
  Metric conditions(hpa_condition_metric, "gauge", "A condition of the HPA; 1 for the status that holds.");
  Metric min(min_replicas_metric, "gauge", "The HPA's spec.minReplicas.");
  Metric max(max_replicas_metric, "gauge", "The HPA's spec.maxReplicas.");
  Metric current(current_replicas_metric, "gauge", "The HPA's status.currentReplicas.");
  Metric desired(desired_replicas_metric, "gauge", "The HPA's status.desiredReplicas.");
  diagnose::StillFacts still(facts);
  for (const diagnose::HpaDiagnosis& hpa : hpas) {
    const std::string labels = labels_of(hpa.space, hpa.name);
    states.add(fmt::format("{},state=\"{}\"", labels, name_of(hpa.verdict())), "1");
    std::set<std::string> seen;  // two entries of spec.metrics can have the same title
    for (const diagnose::ChainDiagnosis& chain : hpa.chains) {
      for (const diagnose::LinkState& link : chain.links) {
        if (link.mark == Mark::not_applicable) continue;
        std::string series = fmt::format("{},metric=\"{}\",link=\"{}\",state=\"{}\",cause=\"{}\"", labels,
                                         escaped(chain.metric), name_of(link.link), name_of(link.mark),
                                         cause_on(chain, link.link));
        if (seen.insert(series).second) links.add(series, "1");
      }
      for (const diagnose::Finding& finding : chain.findings) {
        std::string series = fmt::format("{},metric=\"{}\",link=\"{}\",cause=\"{}\",severity=\"{}\"", labels,
                                         escaped(chain.metric), name_of(finding.link), finding.cause,
                                         name_of(finding.severity));
        if (seen.insert(series).second) causes.add(series, "1");
      }
    }
    const Json* object = facts.object("hpas", hpa.space, hpa.name);
    if (object == nullptr) continue;
    min.add(labels, number_at(*object, "spec.minReplicas", "1"));
    max.add(labels, number_at(*object, "spec.maxReplicas", "NaN"));
    current.add(labels, number_at(*object, "status.currentReplicas", "0"));
    desired.add(labels, number_at(*object, "status.desiredReplicas", "0"));
    for (const Json& condition : list_at(*object, "status.conditions")) {
      conditions.add(fmt::format("{},condition=\"{}\",status=\"{}\"", labels,
                                 escaped(text_at(condition, "type")), escaped(text_at(condition, "status"))),
                     "1");
    }
  }
  std::string text;
  for (const Metric* metric : {&states, &links, &causes, &conditions, &min, &max, &current, &desired})
    text += metric->text();
  return text;
}

std::string health_metrics(const Health& health) {
  std::string text;
  auto add = [&](std::string_view name, std::string_view type, std::string_view help, std::string_view labels,
                 std::string_view value) {
    Metric metric(name, type, help);
    metric.add(labels, value);
    text += metric.text();
  };
  add("hpawalk_build_info", "gauge", "The version of hpawalk; always 1.",
      fmt::format("version=\"{}\"", escaped(health.version)), "1");
  add("hpawalk_exporter_diagnoses_total", "counter", "Diagnoses of all HPAs, including those that failed.",
      "", std::to_string(health.diagnoses));
  add("hpawalk_exporter_diagnosis_failures_total", "counter", "Diagnoses that failed as a whole.", "",
      std::to_string(health.failures));
  add("hpawalk_exporter_last_diagnosis_success", "gauge", "1 if the last diagnosis succeeded, 0 if not.", "",
      health.diagnoses > 0 && !health.last_failed ? "1" : "0");
  add(last_success_metric, "gauge",
      "When the last diagnosis that succeeded began, which is the age of all hpawalk_hpa metrics; 0: never.",
      "", fmt::format("{:.3f}", health.last_success));
  add("hpawalk_exporter_last_diagnosis_duration_seconds", "gauge", "How long the last diagnosis took.", "",
      fmt::format("{:.3f}", health.last_seconds));
  add("hpawalk_exporter_api_requests_total", "counter",
      "Requests to the API server in diagnoses that succeeded.", "", std::to_string(health.requests));
  return text;
}

}  // namespace hpawalk::oncall
