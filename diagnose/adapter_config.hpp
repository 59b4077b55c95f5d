// prometheus-adapter's rules, understood as the adapter understands them: which series a rule takes, what
// they are called in the API, which label stands for which resource, and the query that a request becomes.
//
// Follows prometheus-adapter 0.12 (pkg/naming, pkg/config). Pure; Prometheus itself is asked by collect.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "base/pattern.hpp"
#include "world/prometheus_api.hpp"

namespace hpawalk::diagnose {

struct GroupResource {
  std::string group, resource;  // resource: plural, "services"
  bool operator==(const GroupResource&) const = default;
  auto operator<=>(const GroupResource&) const = default;
  std::string text() const { return group.empty() ? resource : resource + "." + group; }
};

struct SeriesFilter {
  Pattern pattern;
  bool positive = true;  // is / isNot
};

// What a seriesQuery says about the series' names.
struct NameMatchers {
  std::vector<std::string> literal;  // spelt out: "up", `{__name__="up"}`; empty if there are only patterns
  std::vector<SeriesFilter> patterns;
};

struct AdapterRule {
  size_t index = 0;
  bool external = false;
  std::string series_query;
  NameMatchers names;
  std::vector<SeriesFilter> filters;
  std::optional<Pattern> matches;
  std::string as;
  // Why nothing can be said about what it does: one of its patterns does not compile. Empty for all others.
  std::string not_understood;
  std::string resource_template;
  std::map<std::string, GroupResource> overrides;  // label -> resource
  bool namespaced = true;
  std::string metrics_query;

  std::string title() const;  // "rule 3 (seriesQuery http_requests_total)"
};

struct AdapterConfig {
  std::vector<AdapterRule> rules, external_rules;
  bool resource_rules = false;
};

Result<AdapterConfig> parse_adapter_config(const std::string& text);

std::string plural(std::string resource);
std::string singular(std::string resource);

// May the letter stand in the name of a metric, as queries write it without quotes?
bool in_metric_name(char letter);

// Do the filters (and `name.matches`) let this series through?
bool accepts(const AdapterRule& rule, const std::string& series);
// Its name in the API; nothing if `name.matches` does not match.
std::optional<std::string> api_name(const AdapterRule& rule, const std::string& series);
// The label that stands for the resource; nothing if neither the overrides nor the template name one.
std::optional<std::string> label_for(const AdapterRule& rule, const GroupResource& resource);
// The resources that these labels belong to.
std::vector<GroupResource> resources_of(const AdapterRule& rule, const world::Labels& labels);
Result<NameMatchers> name_matchers(const std::string& series_query);
// Can the seriesQuery match a series of this name, as far as its matchers on __name__ say?
bool may_match(const NameMatchers& names, const std::string& name);

// The PromQL that the adapter sends. Errors say which part of the template hpawalk does not understand.
Result<std::string> expand(const AdapterRule& rule, const std::string& series, const GroupResource& resource,
                           const std::string& space, const Json& metric_selector,
                           const std::vector<std::string>& names);
// The same for the objects whose names match a regular expression.
Result<std::string> expand_matching(const AdapterRule& rule, const std::string& series,
                                    const GroupResource& resource, const std::string& space,
                                    const Json& metric_selector, const std::string& pattern);
Result<std::string> expand_external(const AdapterRule& rule, const std::string& series,
                                    const std::string& space, const Json& metric_selector);

// The smallest range window in a query ("[1m]"), if it has any.
std::optional<world::Duration> smallest_window(const std::string& query);

}  // namespace hpawalk::diagnose
