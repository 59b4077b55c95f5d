#include "manifests/operator_bundle.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/text.hpp"
#include "manifests/manifests.hpp"

namespace hpawalk::manifests {
namespace {

tl::unexpected<Error> mistake(const std::string& because) {
  return failure(ErrorClass::usage, "operator-bundle", "The operator's bundle cannot be used", because,
                 "--operator-bundle names a prometheus-operator bundle.yaml, a file or a URL");
}

std::vector<std::string_view> documents(std::string_view text) {
  std::vector<std::string_view> result;
  size_t start = 0;
  while (start < text.size()) {
    size_t end = text.find("\n---", start);
    std::string_view document = text.substr(start, end == std::string_view::npos ? end : end + 1 - start);
    if (document.starts_with("---"))
      document.remove_prefix(std::min(document.size(), document.find('\n') + 1));
    if (!text::trim(document).empty()) result.push_back(document);
    if (end == std::string_view::npos) break;
    start = end + 1;
  }
  return result;
}

// The top-level entry `key:` with its lines: where it begins and ends.
std::pair<size_t, size_t> top_entry(std::string_view document, const std::string& key) {
  size_t begin = document.starts_with(key + ":") ? 0 : document.find("\n" + key + ":");
  if (begin == std::string_view::npos) return {0, 0};
  if (document[begin] == '\n') ++begin;
  size_t end = begin;
  do {
    end = document.find('\n', end);
    if (end == std::string_view::npos) return {begin, document.size()};
    ++end;
  } while (end < document.size() && (document[end] == ' ' || document[end] == '\n'));
  return {begin, end};
}

void add_labels(yaml::Value& metadata, const config::Config& config) {
  metadata["labels"][std::string(managed_by_label)] = label_value;
  metadata["labels"][std::string(part_of_label)] = label_value;
  metadata["labels"][std::string(instance_label)] = config.text("instance");
  for (const auto& [name, value] : config.value("labels").items()) metadata["labels"][name] = value;
}

// Only metadata is read and written again.
Result<BundleObject> adapt_crd(std::string_view document, const config::Config& config) {
  auto [begin, end] = top_entry(document, "metadata");
  Result<yaml::Value> head = yaml::parse(document.substr(begin, end - begin));
  if (!head || !head->contains("metadata") || !(*head)["metadata"].contains("name"))
    return mistake("a custom resource without a name");
  add_labels((*head)["metadata"], config);
  std::string text =
      std::string(document.substr(0, begin)) + yaml::block(*head) + std::string(document.substr(end));
  return BundleObject{"CustomResourceDefinition", (*head)["metadata"]["name"].get<std::string>(), text};
}

// A limit of 200m CPU makes the operator's start slow, and its own default of 10m for the reloader beside
// Prometheus costs seconds at every start and reload. Limits of memory slow nothing down: they stay.
void lift_cpu_limits(yaml::Value& deployment) {
  for (yaml::Value& container : deployment["spec"]["template"]["spec"]["containers"]) {
    yaml::Value& resources = container["resources"];
    if (resources.is_object() && resources.contains("limits")) {
      resources["limits"].erase("cpu");
      if (resources["limits"].empty()) resources.erase("limits");
    }
    if (container.value("name", "") == "prometheus-operator")
      container["args"].push_back("--config-reloader-cpu-limit=0");
  }
}

// Upstream's arguments let the operator keep a Service `kubelet` in kube-system, with every node's address in
// it, for who scrapes kubelets. The chain does not; and what an operator makes there nobody removes when it
// goes.
void leave_kubelets_alone(yaml::Value& deployment) {
  for (yaml::Value& container : deployment["spec"]["template"]["spec"]["containers"]) {
    yaml::Value kept = yaml::Value::array();
    for (const yaml::Value& argument : container["args"]) {
      if (!argument.is_string() || !argument.get_ref<const std::string&>().starts_with("--kubelet-"))
        kept.push_back(argument);
    }
    container["args"] = kept;
  }
}

// Then it needs to know of no node, and to write no endpoints.
void take_rights_on_nodes(yaml::Value& role) {
  yaml::Value kept = yaml::Value::array();
  for (const yaml::Value& rule : role["rules"]) {
    bool of_kubelets = rule.contains("resources") && (rule.at("resources") == yaml::Value{"nodes"} ||
                                                      rule.at("resources") == yaml::Value{"endpoints"});
    if (!of_kubelets) kept.push_back(rule);
  }
  role["rules"] = kept;
}

Result<BundleObject> adapt_object(yaml::Value object, const config::Config& config) {
  if (!object.is_object() || !object.contains("kind") || !object["metadata"].contains("name")) {
    return mistake("an object without kind or name");
  }
  std::string space = config.text("operator.namespace");
  add_labels(object["metadata"], config);
  if (object["metadata"].contains("namespace")) object["metadata"]["namespace"] = space;
  if (object.contains("subjects")) {
    for (yaml::Value& subject : object["subjects"]) {
      if (subject.contains("namespace")) subject["namespace"] = space;
    }
  }
  if (object["kind"] == "Deployment") {
    lift_cpu_limits(object);
    leave_kubelets_alone(object);
  }
  if (object["kind"] == "ClusterRole") take_rights_on_nodes(object);
  return BundleObject{object["kind"].get<std::string>(), object["metadata"]["name"].get<std::string>(),
                      yaml::block(object)};
}

}  // namespace

bool needed_first(const BundleObject& object) {
  constexpr std::array<std::string_view, 5> names = {"prometheuses", "servicemonitors", "podmonitors",
                                                     "probes", "prometheusrules"};
  std::string plural = object.name.substr(0, object.name.find('.'));
  return object.kind == "CustomResourceDefinition" &&
         std::find(names.begin(), names.end(), plural) != names.end();
}

Result<std::vector<BundleObject>> adapt_definitions(std::string_view text, const config::Config& config) {
  std::vector<BundleObject> objects;
  for (std::string_view document : documents(text)) {
    if (document.find("\nkind: CustomResourceDefinition\n") == std::string_view::npos) continue;  // a comment
    Result<BundleObject> object = adapt_crd(document, config);
    if (!object) return failure(object.error());
    objects.push_back(*std::move(object));
  }
  return objects;
}

Result<std::vector<BundleObject>> adapt_bundle(std::string_view bundle, const config::Config& config) {
  std::vector<BundleObject> objects;
  for (std::string_view document : documents(bundle)) {
    bool crd = document.find("\nkind: CustomResourceDefinition\n") != std::string_view::npos ||
               document.starts_with("kind: CustomResourceDefinition\n");
    if (crd) {
      Result<BundleObject> object = adapt_crd(document, config);
      if (!object) return failure(object.error());
      objects.push_back(*std::move(object));
      continue;
    }
    Result<yaml::Value> parsed = yaml::parse(document);
    if (!parsed) return mistake(parsed.error().what + ": " + parsed.error().because);
    if (parsed->is_null()) continue;
    Result<BundleObject> object = adapt_object(*std::move(parsed), config);
    if (!object) return failure(object.error());
    objects.push_back(*std::move(object));
  }
  bool deployment =
      std::any_of(objects.begin(), objects.end(), [](const auto& o) { return o.kind == "Deployment"; });
  if (!deployment || std::count_if(objects.begin(), objects.end(), needed_first) < 5) {
    return mistake("it does not have the operator's Deployment and its custom resources");
  }
  return objects;
}

}  // namespace hpawalk::manifests
