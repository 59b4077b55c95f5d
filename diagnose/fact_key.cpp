#include "diagnose/fact_key.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

static constexpr std::string_view prometheus_prefix = "prom:";

std::string subject_of(std::string_view key) {
  if (!key.starts_with(prometheus_prefix)) return std::string(key.substr(0, key.find_first_of("/ ")));
  size_t space = std::min(key.find(' '), key.size() - 1);
  std::string_view question = key.substr(space + 1);
  return std::string(question.substr(0, question.find(' ')));
}

KeyKind kind_of(std::string_view key) {
  static const std::map<std::string, KeyKind> kinds = {{pod_metrics, KeyKind::resource_metrics},
                                                       {"api", KeyKind::metrics_api},
                                                       {"discovery", KeyKind::discovery},
                                                       {"log", KeyKind::log},
                                                       {"page", KeyKind::page}};
  if (key.starts_with(prometheus_prefix)) return KeyKind::prometheus;
  auto found = kinds.find(subject_of(key));
  return found == kinds.end() ? KeyKind::api_server : found->second;
}

bool lists(std::string_view key, std::string_view resource) {
  return key.starts_with(resource) && (key.size() == resource.size() || key[resource.size()] == '/');
}

std::string space_key(const std::string& resource, const std::string& space) {
  return resource + "/" + space;
}

std::string azure_monitors_key(std::string_view plural) {
  return fmt::format("{}.{}", plural, world::azure_monitoring_group);
}

std::string object_key(const std::string& resource, const std::string& space, const std::string& name) {
  return fmt::format("{}/{}/{}", resource, space, name);
}

std::string scale_key(const std::string& space, const std::string& resource, const std::string& name) {
  return fmt::format("scale/{}/{}/{}", space, resource, name);
}

std::string scaled_key(const std::string& space, const std::string& resource, const std::string& name) {
  return fmt::format("scaled/{}/{}/{}", space, resource, name);
}

std::string whole_key(const std::string& resource) {
  return "whole cluster " + resource;
}

std::string log_key(const std::string& pod) {
  return "log " + pod;
}

std::string page_key(const std::string& url, const std::string& series) {
  return fmt::format("page {} {}", url, series);
}

std::string value_key(const std::string& path) {
  return "api " + path;
}

std::string discovery_key(const std::string& group) {
  return "discovery " + group;
}

std::string may_key(const world::AccessQuestion& q) {
  return fmt::format("may {} {} {}/{} in {}", q.user, q.verb, q.group, q.resource,
                     q.space.empty() ? "all" : q.space);
}

std::string prometheus_key(const world::Backend& backend, const std::string& prefix) {
  return fmt::format("{}{}/{}:{}{}", prometheus_prefix, backend.space, backend.name, backend.port, prefix);
}

std::string prometheus_key(const std::string& url) {
  return std::string(prometheus_prefix) + url;
}

std::string question_key(const std::string& prometheus, const std::string& question) {
  return prometheus + " " + question;
}

std::string names_key(const std::string& prometheus, const std::string& series_query) {
  return question_key(prometheus, "names " + series_query);
}

std::string eval_key(const std::string& prometheus, const std::string& expression) {
  return question_key(prometheus, "eval " + expression);
}

std::string range_key(const std::string& prometheus, const std::string& expression) {
  return question_key(prometheus, "range " + expression);
}

}  // namespace hpawalk::diagnose
