#include "hpasim/spec.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/quantity.hpp"
#include "base/text.hpp"
#include "hpasim/field_reader.hpp"
#include "hpasim/older_version.hpp"

namespace hpawalk::hpasim {

namespace {

const std::vector<std::string> kKinds = {"Object", "Pods", "External", "Resource", "ContainerResource"};

struct Reader : FieldReader {
  const Submission* submission = nullptr;  // null: a cluster has stored it
};

void read_reference(Reader& reader, const Document& reference, const std::string& path, std::string& kind,
                    std::string& name) {
  reader.known(reference, path, {"apiVersion", "kind", "name"});
  kind = reader.segment(reference, path, "kind");
  name = reader.segment(reference, path, "name");
}

bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

// Labels joined by dots; of each, the length does not matter here.
bool is_dns_subdomain(const std::string& text) {
  std::vector<std::string> labels = text::split(text, '.');
  return text.size() <= 253 && !text.empty() && !text.ends_with('.') &&
         std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
           return !label.empty() && label.front() != '-' && label.back() != '-' &&
                  label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
         });
}

// A map of texts, such as labels.
void read_texts(Reader& reader, const Document& object, const std::string& path, const std::string& key) {
  const Document* texts = reader.find(object, key);
  if (texts == nullptr) return;
  if (!texts->is_object()) return reader.wrong(path + "." + key, "must be a map of strings");
  for (const auto& [name, value] : texts->items()) {
    if (!value.is_string() && !value.is_null())
      reader.wrong(path + "." + key + "." + name,
                   fmt::format("must be a string, not {}: write it in quotes", value.dump()));
  }
}

// What the API server asks of a new object's metadata.
void judge_metadata(Reader& reader, const Document& metadata, const Spec& spec) {
  reader.known(metadata, "metadata",
               {"annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp",
                "finalizers", "generateName", "generation", "labels", "managedFields", "name", "namespace",
                "ownerReferences", "resourceVersion", "selfLink", "uid"});
  read_texts(reader, metadata, "metadata", "labels");
  read_texts(reader, metadata, "metadata", "annotations");
  const Document* name = reader.find(metadata, "name");
  if (spec.name.empty() && (name == nullptr || name->is_string())) {
    if (reader.find(metadata, "generateName") == nullptr)
      reader.wrong("metadata.name", "name or generateName is required");
  } else if (!spec.name.empty() && !is_dns_subdomain(spec.name)) {
    reader.wrong("metadata.name",
                 fmt::format("\"{}\": a lowercase RFC 1123 subdomain must consist of lower case "
                             "alphanumeric characters, '-' or '.', and must start and end with "
                             "an alphanumeric character",
                             spec.name));
  }
  if (!spec.name_space.empty() && !is_dns_label(spec.name_space)) {
    reader.wrong("metadata.namespace",
                 fmt::format("\"{}\": a lowercase RFC 1123 label must consist of lower case alphanumeric "
                             "characters or '-', and must start and end with an alphanumeric character",
                             spec.name_space));
  }
}

// The series of a metric, by labels.
void read_selector(Reader& reader, const Document& selector, const std::string& path) {
  reader.known(selector, path, {"matchLabels", "matchExpressions"});
  read_texts(reader, selector, path, "matchLabels");
  const Document* expressions = reader.find(selector, "matchExpressions");
  if (expressions == nullptr) return;
  if (!expressions->is_array()) return reader.wrong(path + ".matchExpressions", "must be a list");
  for (size_t i = 0; i < expressions->size(); ++i) {
    const std::string here = fmt::format("{}.matchExpressions[{}]", path, i);
    const Document& expression = (*expressions)[i];
    reader.known(expression, here, {"key", "operator", "values"});
    (void)reader.string(expression, here, "key", false);
    (void)reader.string(expression, here, "operator", false);
    const Document* values = reader.find(expression, "values");
    bool texts = values == nullptr ||
                 (values->is_array() && std::all_of(values->begin(), values->end(),
                                                    [](const Document& value) { return value.is_string(); }));
    if (!texts) reader.wrong(here + ".values", "must be a list of strings");
  }
}

// The group of a reference's apiVersion; nothing if it is none, which is told.
std::optional<std::string> group_of(Reader& reader, const Document& reference, const std::string& path) {
  std::string version = reader.string(reference, path, "apiVersion", false);
  if (std::count(version.begin(), version.end(), '/') > 1) {
    reader.wrong(path + ".apiVersion", "unexpected GroupVersion string: " + version);
    return std::nullopt;
  }
  size_t slash = version.find('/');
  return slash == std::string::npos ? std::string() : version.substr(0, slash);
}

ScalingRules default_up() {
  return {0, SelectPolicy::max, {{PolicyKind::pods, 4, 15}, {PolicyKind::percent, 100, 15}}, {}};
}
ScalingRules default_down() {
  return {std::nullopt, SelectPolicy::max, {{PolicyKind::percent, 100, 15}}, {}};
}

Policy read_policy(Reader& reader, const Document& document, const std::string& path) {
  Policy policy;
  reader.known(document, path, {"type", "value", "periodSeconds"});
  policy.kind = reader.one_of(document, path, "type", {"Pods", "Percent"}) == "Percent" ? PolicyKind::percent
                                                                                        : PolicyKind::pods;
  policy.value = reader.integer(document, path, "value", 1, INT32_MAX, true).value_or(1);
  policy.period_seconds = reader.integer(document, path, "periodSeconds", 1, 1800, true).value_or(1);
  return policy;
}

ScalingRules read_rules(Reader& reader, const Document& behavior, const std::string& path,
                        const std::string& key, ScalingRules rules) {
  const Document* document = reader.find(behavior, key);
  if (document == nullptr) return rules;
  std::string here = path + "." + key;
  reader.known(*document, here, {"stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance"});
  if (auto window = reader.integer(*document, here, "stabilizationWindowSeconds", 0, 3600))
    rules.window_seconds = window;
  if (reader.find(*document, "selectPolicy") != nullptr) {
    std::string select = reader.one_of(*document, here, "selectPolicy", {"Max", "Min", "Disabled"});
    rules.select = select == "Min"        ? SelectPolicy::min
                   : select == "Disabled" ? SelectPolicy::disabled
                                          : SelectPolicy::max;
  }
  if (const Document* policies = reader.find(*document, "policies")) {
    rules.policies.clear();
    if (!policies->is_array() || policies->empty()) {
      reader.wrong(here + ".policies", "must be a list of at least one policy");
    } else {
      for (size_t i = 0; i < policies->size(); ++i) {
        rules.policies.push_back(
            read_policy(reader, (*policies)[i], fmt::format("{}.policies[{}]", here, i)));
      }
    }
  }
  auto tolerance = reader.quantity(*document, here, "tolerance");
  bool dropped = reader.submission != nullptr && !reader.submission->rules.tolerance_from_spec;
  if (tolerance && !dropped) {
    if (tolerance->sign < 0) reader.wrong(here + ".tolerance", "must not be negative");
    rules.tolerance = to_double(*tolerance);
  }
  return rules;
}

void read_target(Reader& reader, const Document& source, const std::string& path, MetricSpec& metric) {
  const Document* target = reader.find(source, "target");
  std::string here = path + ".target";
  if (target == nullptr) return reader.wrong(here, "is required");
  reader.known(*target, here, {"type", "value", "averageValue", "averageUtilization"});
  std::string type = reader.one_of(*target, here, "type", {"Value", "AverageValue", "Utilization"});
  auto value = reader.quantity(*target, here, "value");
  auto average = reader.quantity(*target, here, "averageValue");
  auto utilization = reader.integer(*target, here, "averageUtilization", 1, INT32_MAX);
  for (auto [quantity, name] : {std::pair{value, "value"}, {average, "averageValue"}}) {
    if (quantity && quantity->sign <= 0) reader.wrong(here + "." + name, "must be positive");
  }
  bool resource = metric.kind == MetricKind::resource || metric.kind == MetricKind::container_resource;
  // What is there and cannot be read has been told.
  auto given = [&](const char* name) { return reader.find(*target, name) != nullptr; };
  bool unreadable = (given("value") && !value) || (given("averageValue") && !average);
  auto missing = [&](const char* name, const char* what) {
    if (!given(name) && !unreadable) reader.wrong(here + "." + name, what);
  };
  auto take_average = [&] {
    metric.target_kind = TargetKind::average_value, metric.target = to_milli(*average);
  };
  if (resource) {
    if (utilization && average)
      return reader.wrong(here, "must not have both averageValue and averageUtilization");
    if (average) return take_average();
    if (!utilization) return missing("averageUtilization", "is required (or averageValue)");
    metric.target_kind = TargetKind::utilization;
    metric.target = *utilization;
    return;
  }
  if (metric.kind == MetricKind::pods) {
    if (!average) return missing("averageValue", "is required for a Pods metric");
    return take_average();
  }
  if (!value && !average && !unreadable) return reader.wrong(here, "requires value or averageValue");
  if (metric.kind == MetricKind::external && value && average)
    return reader.wrong(here, "must not have both value and averageValue");
  // An Object metric goes by the target's type, an External one by the field that is set. The API server lets
  // these pass; the controller does not.
  constexpr const char* refused = "; the HPA controller refuses the metric otherwise";
  if (unreadable) return;
  if (metric.kind == MetricKind::object && type == "Value" && !value)
    return reader.wrong(here + ".value", std::string("is required for type Value") + refused);
  if (metric.kind == MetricKind::object && type == "AverageValue" && !average) {
    return reader.wrong(here + ".averageValue", std::string("is required for type AverageValue") + refused);
  }
  if (metric.kind == MetricKind::object && type == "Utilization")
    return reader.wrong(here + ".type",
                        std::string("must be Value or AverageValue for an Object metric") + refused);
  bool by_average = metric.kind == MetricKind::external ? average.has_value() : type == "AverageValue";
  if (by_average) return take_average();
  if (!value) return;  // the type is wrong, which has been said
  metric.target_kind = TargetKind::value;
  metric.target = to_milli(*value);
}

// Of one container, the API server minds which resource and container that can be.
void read_container(Reader& reader, const Document& source, const std::string& path, MetricSpec& metric) {
  metric.container = reader.string(source, path, "container");
  if (!metric.container.empty() && !is_dns_label(metric.container))
    reader.wrong(path + ".container", "must be the name of a container (RFC 1123 label)");
  const std::string& name = metric.name;
  bool standard = name == "cpu" || name == "memory" || name == "ephemeral-storage" ||
                  name.starts_with("hugepages-") || name.find('/') != std::string::npos;
  if (!name.empty() && !standard) reader.wrong(path + ".name", "must be a standard resource for containers");
}

MetricSpec read_metric(Reader& reader, const Document& document, const std::string& path) {
  static const std::vector<std::string> fields = {"object", "pods", "external", "resource",
                                                  "containerResource"};
  MetricSpec metric;
  std::vector<std::string> names = fields;
  names.push_back("type");
  reader.known(document, path, names);
  std::string type = reader.one_of(document, path, "type", kKinds);
  if (type.empty()) return metric;
  size_t index = static_cast<size_t>(std::find(kKinds.begin(), kKinds.end(), type) - kKinds.begin());
  metric.kind = static_cast<MetricKind>(index);
  for (const std::string& field : fields) {
    if (field != fields[index] && reader.find(document, field) != nullptr) {
      reader.wrong(path + "." + field, "a metric of type " + type + " has only ." + fields[index]);
    }
  }
  const Document* source = reader.find(document, fields[index]);
  std::string here = path + "." + fields[index];
  if (source == nullptr) {
    reader.wrong(here, "is required for type " + type);
    return metric;
  }
  if (metric.kind == MetricKind::resource || metric.kind == MetricKind::container_resource) {
    bool container = metric.kind == MetricKind::container_resource;
    reader.known(*source, here,
                 container ? std::vector<std::string>{"name", "container", "target"}
                           : std::vector<std::string>{"name", "target"});
    metric.name = reader.string(*source, here, "name");
    if (container) read_container(reader, *source, here, metric);
  } else {
    bool object = metric.kind == MetricKind::object;
    reader.known(*source, here,
                 object ? std::vector<std::string>{"describedObject", "metric", "target"}
                        : std::vector<std::string>{"metric", "target"});
    if (const Document* identifier = reader.find(*source, "metric")) {
      reader.known(*identifier, here + ".metric", {"name", "selector"});
      metric.name = reader.segment(*identifier, here + ".metric", "name");
      if (const Document* selector = reader.find(*identifier, "selector"))
        read_selector(reader, *selector, here + ".metric.selector");
    } else {
      reader.wrong(here + ".metric", "is required");
    }
    const Document* described = object ? reader.find(*source, "describedObject") : nullptr;
    if (described != nullptr) {
      read_reference(reader, *described, here + ".describedObject", metric.object_kind, metric.object_name);
      if (reader.submission != nullptr) (void)group_of(reader, *described, here + ".describedObject");
    } else if (object) {
      reader.wrong(here + ".describedObject", "is required");
    }
  }
  read_target(reader, *source, here, metric);
  return metric;
}

void read_v1(Reader& reader, const Document& fields, Spec& spec) {
  reader.known(fields, "spec",
               {"scaleTargetRef", "minReplicas", "maxReplicas", "targetCPUUtilizationPercentage"});
  MetricSpec cpu{MetricKind::resource, TargetKind::utilization, 80, "cpu", {}, {}, {}};
  cpu.target = reader.integer(fields, "spec", "targetCPUUtilizationPercentage", 1, INT32_MAX).value_or(80);
  spec.metrics = {cpu};
}

void read_v2(Reader& reader, const Document& fields, Spec& spec) {
  reader.known(fields, "spec", {"scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"});
  const Document* metrics = reader.find(fields, "metrics");
  if (metrics != nullptr && !metrics->is_array()) {
    reader.wrong("spec.metrics", "must be a list");
  } else if (metrics != nullptr) {
    for (size_t i = 0; i < metrics->size(); ++i) {
      spec.metrics.push_back(read_metric(reader, (*metrics)[i], fmt::format("spec.metrics[{}]", i)));
    }
  }
  if (spec.metrics.empty())
    spec.metrics = {{MetricKind::resource, TargetKind::utilization, 80, "cpu", {}, {}, {}}};
  if (const Document* behavior = reader.find(fields, "behavior")) {
    reader.known(*behavior, "spec.behavior", {"scaleUp", "scaleDown"});
    spec.behavior = Behavior{read_rules(reader, *behavior, "spec.behavior", "scaleUp", default_up()),
                             read_rules(reader, *behavior, "spec.behavior", "scaleDown", default_down())};
  }
}

// The scale target's API group must be named, unless it was stored without one.
void judge_group(Reader& reader, const Document& target, const std::string& kind) {
  const Document* stored = reader.submission->stored;
  const Document* old = stored == nullptr ? nullptr : reader.find(*stored, "spec");
  const Document* was = old == nullptr ? nullptr : reader.find(*old, "scaleTargetRef");
  auto same = [&](const char* key) {
    const Document *before = reader.find(*was, key), *now = reader.find(target, key);
    return before == nullptr || now == nullptr ? before == now : *before == *now;
  };
  if (was != nullptr && same("kind") && same("apiVersion")) return;
  const std::string path = "spec.scaleTargetRef";
  std::optional<std::string> group = group_of(reader, target, path);
  if (group && group->empty() && kind != "ReplicationController")
    reader.wrong(path + ".apiVersion", "apiVersion must specify API group");
}

void judge_minimum(Reader& reader, const Spec& spec) {
  bool wakes = std::any_of(spec.metrics.begin(), spec.metrics.end(), [](const MetricSpec& m) {
    return m.kind == MetricKind::object || m.kind == MetricKind::external;
  });
  if (!wakes) {
    reader.wrong("spec.metrics",
                 "must specify at least one Object or External metric to support scaling to zero replicas");
  }
  const Submission* submission = reader.submission;
  if (submission == nullptr || submission->rules.zero_allowed) return;
  const Document* old = submission->stored == nullptr ? nullptr : reader.find(*submission->stored, "spec");
  const Document* was = old == nullptr ? nullptr : reader.find(*old, "minReplicas");
  if (was == nullptr || *was != 0) {
    reader.wrong("spec.minReplicas",
                 fmt::format("must be greater than or equal to 1: 0 needs the feature gate HPAScaleToZero, "
                             "which Kubernetes 1.{} does not enable by default",
                             submission->rules.minor));
  }
}

// A version of the API that the API server has.
void judge_version(Reader& reader, const std::string& version) {
  const std::vector<std::string> versions = {"autoscaling/v2", "autoscaling/v1"};
  std::optional<int> gone = gone_since(version);
  if (!gone && std::find(versions.begin(), versions.end(), version) == versions.end()) {
    auto nearest = text::nearest(version, versions);
    reader.wrong("apiVersion", fmt::format("\"{}\" is not one of {}{}", version, text::join(versions, ", "),
                                           nearest ? "; did you mean " + *nearest + "?" : ""));
  }
  const Submission* submission = reader.submission;
  if (gone && submission != nullptr && submission->rules.minor >= *gone)
    reader.wrong("apiVersion",
                 fmt::format("{} is not served since Kubernetes 1.{}; write autoscaling/v2", version, *gone));
}

Result<Spec> read_hpa(const Document& written, const Submission* submission) {
  Reader reader;
  reader.submission = submission;
  Spec spec;
  judge_version(reader, reader.string(written, "", "apiVersion", false));
  const std::optional<AsV2> converted = as_v2(written);
  const Document& hpa = converted ? converted->hpa : written;
  const std::string version = reader.string(hpa, "", "apiVersion", false);
  if (submission != nullptr) reader.known(hpa, "", {"apiVersion", "kind", "metadata", "spec", "status"});
  if (const Document* metadata = reader.find(hpa, "metadata")) {
    spec.name = reader.string(*metadata, "metadata", "name", false);
    spec.name_space = reader.string(*metadata, "metadata", "namespace", false);
    if (!metadata->is_object()) {
      reader.wrong("metadata", "must be a map of fields");
    } else if (submission != nullptr) {
      judge_metadata(reader, *metadata, spec);
    }
  } else if (submission != nullptr) {
    reader.wrong("metadata.name", "name or generateName is required");
  }
  const Document* fields = reader.find(hpa, "spec");
  if (fields == nullptr || !fields->is_object()) {
    reader.wrong("spec", "is required");
  } else {
    if (const Document* target = reader.find(*fields, "scaleTargetRef")) {
      read_reference(reader, *target, "spec.scaleTargetRef", spec.target_kind, spec.target_name);
      if (submission != nullptr) judge_group(reader, *target, spec.target_kind);
    } else {
      reader.wrong("spec.scaleTargetRef", "is required");
    }
    spec.min = reader.integer(*fields, "spec", "minReplicas", 0, INT32_MAX).value_or(1);
    spec.max = reader.integer(*fields, "spec", "maxReplicas", 1, INT32_MAX, true).value_or(INT32_MAX);
    if (spec.max < spec.min) {
      reader.wrong("spec.maxReplicas",
                   fmt::format("must be at least minReplicas ({}), not {}", spec.min, spec.max));
    }
    version == "autoscaling/v1" ? read_v1(reader, *fields, spec) : read_v2(reader, *fields, spec);
    if (spec.min == 0) judge_minimum(reader, spec);
  }
  if (!reader.mistakes.empty()) {
    if (submission != nullptr && submission->mistakes != nullptr) *submission->mistakes = reader.mistakes;
    return failure(
        ErrorClass::usage, "hpa-spec",
        fmt::format("The HorizontalPodAutoscaler {}is not valid", spec.name.empty() ? "" : spec.name + " "),
        reader.reason(), "kubectl explain hpa.spec shows every field");
  }
  return spec;
}

}  // namespace

Result<Spec> parse_spec(const Document& hpa) {
  return read_hpa(hpa, nullptr);
}

Result<Spec> parse_spec(const Document& hpa, const Submission& submission) {
  return read_hpa(hpa, &submission);
}

std::string_view kind_name(MetricKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

std::string describe(const MetricSpec& metric) {
  switch (metric.kind) {
    case MetricKind::object:
      return fmt::format("{} {}'s {}", metric.object_kind, metric.object_name, metric.name);
    case MetricKind::pods: return metric.name + " (of the pods)";
    case MetricKind::external: return metric.name + " (external)";
    case MetricKind::resource: break;
    case MetricKind::container_resource:
      return fmt::format("{} of container {}", metric.name, metric.container);
  }
  return metric.name;
}

std::string describe(const Policy& policy) {
  return fmt::format("{}{} in {}s", policy.value,
                     policy.kind == PolicyKind::percent ? "%"
                     : policy.value == 1                ? " pod"
                                                        : " pods",
                     policy.period_seconds);
}

}  // namespace hpawalk::hpasim
