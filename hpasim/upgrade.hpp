// What changes for one HPA when its cluster goes from one version of Kubernetes to another: the differences
// between two Rules (version.hpp) that the HPA's spec can meet, each in a sentence. Pure. Knows nothing about
// how versions are read, nor about loads.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hpasim/spec.hpp"
#include "hpasim/version.hpp"

namespace hpawalk::hpasim {

struct Upgrade {
  Rules from, to;
  Flags flags;  // the same ones before and after
};

// What the HPA's spec does not say.
struct Standing {
  bool stored = false;          // a cluster has it; else it is a file that somebody applies
  bool at_zero = false;         // its workload has 0 replicas now
  bool scaled_to_zero = false;  // its condition ScaledToZero is True
  bool ambiguous = false;       // its condition has the reason AmbiguousSelector
  Document pod_template = {};   // of its workload; null: not known
};

struct Change {
  std::string_view id;  // stable: "tolerance", "zero-stays", ...
  std::string text;
};

struct Compared {
  std::optional<Spec> before, after;  // as each version's controller has it; none: its API server refuses it
  std::vector<Change> changes;
};

// The error `hpa-spec` where neither version takes the HPA. One of an apiVersion that is not served any more
// is compared as autoscaling/v2, and "version-gone" says so.
Result<Compared> compare(const Document& hpa, const Upgrade& upgrade, const Standing& standing);

// The differences that every HPA meets.
std::vector<Change> changes_everywhere(const Upgrade& upgrade);

std::string version_name(const Rules& rules);  // "1.37"

}  // namespace hpawalk::hpasim
