#include "lint/lint.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "base/text.hpp"
#include "lint/facts.hpp"
#include "lint/rules.hpp"
#include "lint/scaled_object.hpp"
#include "lint/suppress.hpp"

namespace hpawalk::lint {

std::string_view name_of(Level level) {
  return level == Level::error ? "error" : level == Level::warning ? "warning" : "note";
}

std::string Finding::fingerprint() const {
  return fmt::format("{}|{}|{}|{}", cause, place.file, object, text::join(hpas, ","));
}

const Object* Chains::find(const std::string& kind, const std::string& space, const std::string& name) const {
  const Object* last = nullptr;
  for (const Object& object : contents.objects) {
    bool same = object.kind() == kind && diagnose::name_of(object.value) == name &&
                diagnose::space_of(object.value) == space;
    if (same) last = &object;
  }
  return last;
}

const Object* Chains::of(const Json& object, const std::string& kind) const {
  return find(kind, diagnose::space_of(object), diagnose::name_of(object));
}

const Object* Chains::autoscaler(const diagnose::Hpa& hpa) const {
  if (const Object* own = of(*hpa.object, "HorizontalPodAutoscaler")) return own;
  return find("ScaledObject", hpa.space, scaled_object_of(*hpa.object));
}

std::string title(const diagnose::Hpa& hpa) {
  return hpa.space + "/" + hpa.name;
}

Finding finding_at(std::string_view cause, const Object* object, const std::string& path,
                   std::string sentence) {
  Finding finding;
  finding.cause = cause;
  finding.sentence = std::move(sentence);
  if (object != nullptr) {
    finding.place = object->written.of(path);
    finding.object = object->ref();
  }
  return finding;
}

namespace {

void judge_texts(const Contents& contents, Findings& findings) {
  for (const Unreadable& text : contents.unreadable) {
    Finding finding;
    const bool is_template = !text.render.empty();
    finding.cause = is_template ? "manifest-template" : "manifest-unreadable";
    finding.level = is_template ? Level::warning : Level::error;
    finding.place = text.place;
    finding.sentence = is_template ? "It has to be rendered first: " + text.because
                                   : "It is neither YAML nor JSON: " + text.because;
    if (is_template) finding.fix = text.render + " | hpawalk lint -";
    findings.push_back(std::move(finding));
  }
}

// One fault of what several HPAs share is one finding.
Findings merged(Findings findings) {
  Findings all;
  for (Finding& finding : findings) {
    auto same = std::find_if(all.begin(), all.end(), [&](const Finding& other) {
      return other.cause == finding.cause && other.object == finding.object &&
             other.place.file == finding.place.file && other.place.line == finding.place.line &&
             (other.sentence == finding.sentence || other.hpas == finding.hpas);
    });
    if (same == all.end()) {
      all.push_back(std::move(finding));
      continue;
    }
    for (std::string& hpa : finding.hpas) {
      if (std::find(same->hpas.begin(), same->hpas.end(), hpa) == same->hpas.end())
        same->hpas.push_back(std::move(hpa));
    }
  }
  return all;
}

// What is to be repaired elsewhere is told at the HPA, and left out if the files do not hold that either.
Findings in_files(const Chains& chains, Findings findings) {
  for (Finding& finding : findings) {
    if (!finding.place.file.empty()) continue;
    for (const Object& object : chains.contents.objects) {
      const std::string hpa = hpa_title(object);
      bool meant =
          !hpa.empty() && std::find(finding.hpas.begin(), finding.hpas.end(), hpa) != finding.hpas.end();
      if (meant) finding.place = object.written.of("metadata.name");
    }
  }
  std::erase_if(findings, [](const Finding& finding) { return finding.place.file.empty(); });
  return findings;
}

}  // namespace

Report lint(const Contents& contents, const hpasim::Rules& rules, const diagnose::Facts* known) {
  Report report;
  report.files = contents.files;
  report.objects = contents.objects.size();
  diagnose::Facts facts = facts_of(contents, known);
  diagnose::StillFacts still(facts);
  const diagnose::Parts parts = diagnose::parts_of(facts);
  report.hpas = parts.hpas.size();
  const Chains chains{contents, facts, parts, rules};
  Findings findings;
  judge_texts(contents, findings);
  for (auto judge : {judge_objects, judge_workloads, judge_services, judge_adapter_rules, judge_keda,
                     judge_rights, judge_chains, judge_together})
    judge(chains, findings);
  findings = merged(in_files(chains, std::move(findings)));
  suppress(contents, findings);
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.place.file, a.place.line, a.level) < std::tie(b.place.file, b.place.line, b.level);
  });
  report.findings = std::move(findings);
  return report;
}

}  // namespace hpawalk::lint
