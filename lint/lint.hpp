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
  std::string ignored;  // the reason that an annotation or a comment gives; empty: it counts

  // The same as long as it is the same fault of the same object: for baselines.
  std::string fingerprint() const;
};

// A cause that only files show.
struct FileCause {
  std::string_view id, meaning, reason, fix;
};
inline constexpr std::array<FileCause, 8> file_causes = {{
    {"manifest-unreadable", "The file is neither YAML nor JSON",
     "kubectl reads neither; the line is the first that is wrong", "Correct the line"},
    {"manifest-template", "The file is a template of a chart, and not rendered",
     "What a template becomes depends on values that are not in the file",
     "Render it first: helm template CHART | hpawalk lint -"},
    {"hpa-refused", "The API server, or the HPA controller, refuses the HPA",
     "A field is unknown, missing, or has a value that is not allowed",
     "kubectl explain hpa.spec shows every field"},
    {"hpa-version-gone", "The HPA's apiVersion is not served since Kubernetes 1.25 or 1.26",
     "Kubernetes removed autoscaling/v2beta1 and autoscaling/v2beta2",
     "hpawalk lint --fix writes autoscaling/v2"},
    {"keda-refused", "The API server, or KEDA, refuses the ScaledObject or the TriggerAuthentication",
     "A field is unknown, missing, or has a value that is not allowed",
     "kubectl explain scaledobject.spec shows every field"},
    {"duplicate-object", "Two manifests have the same kind, namespace and name: the last one wins",
     "Environments, or a base and its copy, were linted together",
     "Keep one of them, or lint each environment by itself"},
    {"ignore-without-reason",
     "An annotation or a comment ignores a cause without saying why, and does not count",
     "Who reads it later cannot tell whether it still holds", "Write the reason behind the cause"},
    {"ignore-unused", "An annotation or a comment ignores a cause that was not found there",
     "The fault was repaired, the cause's name is wrong, or the comment is at another line than the finding",
     "Remove it, or move it"},
}};

// "replicas-reset: the HPA owns them; at-max: known" on an object ignores these causes of it; behind this
// name in a comment, those of a line.
inline constexpr const char* ignore_annotation = "hpawalk/ignore";

struct Report {
  std::vector<Finding> findings;  // by file and line
  size_t files = 0, objects = 0, hpas = 0;
};

// `known`: facts of the cluster in which the manifests will be applied; null: there are none.
Report lint(const Contents& contents, const hpasim::Rules& rules, const diagnose::Facts* known = nullptr);

}  // namespace hpawalk::lint
