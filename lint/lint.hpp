// Judges manifests: the causes that diagnose names, wherever a fault is visible in files, and those that only
// files show (file_causes). Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/diagnosis.hpp"
#include "hpasim/version.hpp"
#include "lint/manifests.hpp"

namespace hpawalk::lint {

enum class Level { error, warning, note };
std::string_view name_of(Level level);

struct Finding {
  std::string cause;  // an id of diagnose/causes.hpp, or of file_causes
  Level level = Level::error;
  diagnose::Certainty certainty = diagnose::Certainty::certain;
  Place place;
  std::string object;             // where it is to be repaired: "ServiceMonitor shop/web"
  std::vector<std::string> hpas;  // whose metric it is about: "shop/web"
  std::optional<size_t> metric;   // of that HPA: its index in spec.metrics
  std::string sentence;
  std::vector<std::string> evidence;
  std::string fix;
  std::string ignored;  // the reason that an annotation gives; empty: it counts

  // The same as long as it is the same fault of the same object: for baselines.
  std::string fingerprint() const;
};

// A cause that only files show.
struct FileCause {
  std::string_view id, meaning;
};
inline constexpr std::array<FileCause, 6> file_causes = {{
    {"manifest-unreadable", "The file is neither YAML nor JSON"},
    {"manifest-template", "The file is a template of a chart, and not rendered"},
    {"hpa-refused", "The API server, or the HPA controller, refuses the HPA"},
    {"hpa-version-gone", "The HPA's apiVersion is not served since Kubernetes 1.25 or 1.26"},
    {"duplicate-object", "Two manifests have the same kind, namespace and name: the last one wins"},
    {"ignore-without-reason", "An annotation ignores a cause without saying why, and does not count"},
}};

// "replicas-reset: the HPA owns them; at-max: known" on an object ignores these causes of it.
inline constexpr const char* ignore_annotation = "hpawalk/ignore";

struct Report {
  std::vector<Finding> findings;  // by file and line
  size_t files = 0, objects = 0, hpas = 0;
};

// `known`: facts of the cluster in which the manifests will be applied; null: there are none.
Report lint(const Contents& contents, const hpasim::Rules& rules, const diagnose::Facts* known = nullptr);

}  // namespace hpawalk::lint
