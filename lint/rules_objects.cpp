// Objects by themselves: HPAs as the API server reads them, and what workloads and quotas say about them.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "hpasim/older_version.hpp"
#include "hpasim/spec.hpp"
#include "lint/rules.hpp"
#include "lint/scaled_object.hpp"

namespace hpawalk::lint {

namespace {

void judge_hpa(const Chains& chains, const Object& object, Findings& findings) {
  const std::string version = text_at(object.value, "apiVersion");
  hpasim::Document hpa = object.source;
  std::optional<int> gone = hpasim::gone_since(version);
  if (gone && chains.rules.minor >= *gone) {
    Finding finding = finding_at("hpa-version-gone", &object, "apiVersion",
                                 fmt::format("{} is not served since Kubernetes 1.{}", version, *gone));
    finding.fix = "Write autoscaling/v2: hpawalk lint --fix does";
    findings.push_back(std::move(finding));
    hpa = hpasim::as_v2(hpa)->hpa;
  }
  std::vector<hpasim::Mistake> mistakes;
  if (hpasim::parse_spec(hpa, {chains.rules, nullptr, &mistakes})) return;
  for (const hpasim::Mistake& mistake : mistakes) {
    findings.push_back(finding_at("hpa-refused", &object, mistake.path, mistake.path + ": " + mistake.what));
    findings.back().fix = "kubectl explain hpa.spec shows every field";
  }
}

void judge_twins(const Chains& chains, Findings& findings) {
  std::map<std::string, const Object*> seen;
  for (const Object& object : chains.contents.objects) {
    std::string id = text_at(object.value, "apiVersion") + " " + object.ref();
    auto [before, first] = seen.try_emplace(id, &object);
    if (first || diagnose::name_of(object.value).empty() || before->second->value == object.value) continue;
    Place other = before->second->written.of("");
    Finding finding = finding_at(
        "duplicate-object", &object, "metadata.name",
        fmt::format("{} is also in {}, line {}, with other fields: the last one that is applied wins",
                    object.ref(), other.file, other.line));
    finding.level = Level::warning;
    finding.certainty = diagnose::Certainty::likely;
    finding.fix = "Keep one of them, or lint each environment by itself";
    findings.push_back(std::move(finding));
  }
}

// The HPA's workload sets its replicas too: who applies it undoes what the HPA chose.
void judge_replicas(const Chains& chains, const diagnose::Hpa& hpa, Findings& findings) {
  const Object* workload = chains.find(hpa.target_kind, hpa.space, hpa.target_name);
  if (workload == nullptr || at(workload->value, "spec.replicas").is_null()) return;
  long long replicas = int_at(workload->value, "spec.replicas", -1);
  bool asleep = replicas == 0 && scaled_object_of(*hpa.object).empty();  // KEDA wakes it up
  Finding finding = finding_at(
      asleep ? diagnose::cause::scaling_disabled.id : diagnose::cause::replicas_reset.id, workload,
      "spec.replicas",
      asleep ? fmt::format("{} has replicas: 0, which disables HPA {}", workload->ref(), title(hpa))
             : fmt::format("{} sets replicas: {}, and HPA {} scales it: each time it is applied, the HPA's "
                           "number is undone",
                           workload->ref(), replicas, title(hpa)));
  finding.level = asleep ? Level::error : Level::note;
  finding.certainty = asleep ? diagnose::Certainty::likely : diagnose::Certainty::certain;
  finding.fix = "Remove spec.replicas; the HPA then has it alone";
  finding.hpas = {title(hpa)};
  findings.push_back(std::move(finding));
}

// A ResourceQuota of the namespace has room for fewer pods than the HPA may want.
void judge_quota(const Chains& chains, const diagnose::Hpa& hpa, Findings& findings) {
  long long most = int_at(*hpa.object, "spec.maxReplicas");
  for (const Object& object : chains.contents.objects) {
    if (object.kind() != "ResourceQuota" || diagnose::space_of(object.value) != hpa.space) continue;
    for (const char* field : {"pods", "count/pods"}) {
      const Json& limit = at(object.value, {"spec", "hard", field});
      if (limit.is_null()) continue;
      long long pods = std::atoll(text_at(at(object.value, "spec.hard"), field).c_str());
      bool scoped =
          !at(object.value, "spec.scopes").is_null() || !at(object.value, "spec.scopeSelector").is_null();
      if (pods >= most) continue;
      Finding finding =
          finding_at(diagnose::cause::pods_not_created.id, &object, fmt::format("spec.hard.{}", field),
                     fmt::format("{} has room for {}, and HPA {} may want {}", object.ref(),
                                 text::count(pods, "pod"), title(hpa), most));
      finding.level = scoped ? Level::warning : Level::error;
      finding.certainty = scoped ? diagnose::Certainty::possible : diagnose::Certainty::certain;
      finding.fix = "Raise the quota, or lower maxReplicas";
      finding.hpas = {title(hpa)};
      findings.push_back(std::move(finding));
    }
  }
}

// With minReplicas 0, a metric that only the workload's own pods expose cannot wake it.
void judge_zero(const Chains& chains, const diagnose::Hpa& hpa, Findings& findings) {
  if (int_at(*hpa.object, "spec.minReplicas", 1) != 0 || hpa.needs.size() != 1) return;
  const diagnose::MetricNeed& need = hpa.needs.front();
  const Json* service = need.type == "Object" && need.resource.resource == "services"
                            ? chains.facts.object("services", hpa.space, need.object_name)
                            : nullptr;
  if (service == nullptr || hpa.pods.empty()) return;
  std::vector<const Json*> behind = diagnose::pods_of_service(chains.facts, *service);
  bool own = !behind.empty() && std::all_of(behind.begin(), behind.end(), [&](const Json* pod) {
    return std::find(hpa.pods.begin(), hpa.pods.end(), pod) != hpa.pods.end();
  });
  if (!own) return;
  Finding finding = finding_at(
      diagnose::cause::metric_gone_at_zero.id, chains.autoscaler(hpa), "spec.minReplicas",
      fmt::format(
          "Service {} selects only the pods of {}: once the HPA has scaled to 0, no metric exists that could "
          "scale it up again",
          diagnose::name_of(*service), hpa.target_text()));
  finding.level = Level::warning;
  finding.certainty = diagnose::Certainty::likely;
  finding.fix = "Set spec.minReplicas to 1, or use a metric that exists without these pods";
  finding.hpas = {title(hpa)};
  findings.push_back(std::move(finding));
}

}  // namespace

void judge_objects(const Chains& chains, Findings& findings) {
  for (const Object& object : chains.contents.objects) {
    if (object.kind() == "HorizontalPodAutoscaler") judge_hpa(chains, object, findings);
  }
  judge_twins(chains, findings);
}

void judge_workloads(const Chains& chains, Findings& findings) {
  for (const diagnose::Hpa& hpa : chains.parts.hpas) {
    judge_replicas(chains, hpa, findings);
    judge_quota(chains, hpa, findings);
    judge_zero(chains, hpa, findings);
  }
}

}  // namespace hpawalk::lint
