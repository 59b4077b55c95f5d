// Proves a chain whose names are known, link by link: the facts and rules of `diagnose`, and what it does not
// need to say: when the target was last scraped, the metric's value for the pods, every condition of the HPA.
//
// Facts are collected once; judging them is pure. Unlike diagnose it also judges a chain that has no HPA yet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnose/collect.hpp"
#include "diagnose/diagnosis.hpp"

namespace hpawalk::diagnose {

struct KnownChain {
  std::string space;         // namespace
  Json hpa;                  // as it should be: used where there is none
  std::string pool;          // of the ServiceMonitor's targets: "serviceMonitor/prom-metrics/prom-fake/"
  std::string pod_selector;  // of the pods that expose the metric
};

Result<Facts> collect_known(world::KubeApi& api, world::Http& http, world::Clock& clock,
                            const KnownChain& chain);

struct VerifiedLink {
  std::string name;  // as name_of(Link), and "pods-value"
  Mark mark = Mark::unknown;
  std::string evidence;
};

struct Verification {
  std::vector<VerifiedLink> links;  // in the order in which a value travels
  std::optional<Finding> first_broken;
  std::vector<Finding> notes;
  Mark verdict() const;  // broken, unknown or ok: a note is no reason to fail
};

Verification verify(const Facts& facts, const KnownChain& chain);

}  // namespace hpawalk::diagnose
