// What the rules on files share. Inside lint/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/causes.hpp"
#include "diagnose/view.hpp"
#include "lint/lint.hpp"

namespace hpawalk::lint {

// The manifests, and the chains in them.
struct Chains {
  const Contents& contents;
  const diagnose::Facts& facts;
  const diagnose::Parts& parts;
  const hpasim::Rules& rules;

  // The last one of that kind and name; null: the files do not hold it.
  const Object* find(const std::string& kind, const std::string& space, const std::string& name) const;
  const Object* of(const Json& object, const std::string& kind) const;
  // The HPA, or the ScaledObject of which KEDA makes it.
  const Object* autoscaler(const diagnose::Hpa& hpa) const;
};

using Findings = std::vector<Finding>;

std::string title(const diagnose::Hpa& hpa);  // "shop/web"
// At a field of an object of the files.
Finding finding_at(std::string_view cause, const Object* object, const std::string& path,
                   std::string sentence);

// Why Prometheus refuses the query, as far as its text shows; empty: nothing is seen.
std::string refused_by_prometheus(const std::string& query);

// Each adds what it finds.
void judge_objects(const Chains& chains, Findings& findings);    // HPAs as the API server sees them, twins
void judge_workloads(const Chains& chains, Findings& findings);  // what an HPA's workload says itself
void judge_services(const Chains& chains, Findings& findings);   // ports of Services, relabelings
void judge_adapter_rules(const Chains& chains, Findings& findings);  // whether they lead to the metrics
void judge_keda(const Chains& chains, Findings& findings);    // ScaledObjects, their triggers and credentials
void judge_rights(const Chains& chains, Findings& findings);  // what the adapter is allowed to do
// What diagnose's rules say about the facts, without what only a cluster can answer.
void judge_chains(const Chains& chains, Findings& findings);
// One metric that fails holds back the others of its HPA.
void judge_together(const Chains& chains, Findings& findings);

}  // namespace hpawalk::lint
