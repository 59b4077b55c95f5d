#include "diagnose/adapter_config.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/duration.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "diagnose/adapter_text.hpp"
#include "world/times.hpp"

namespace hpawalk::diagnose {
namespace {

std::string not_understood(const Error& error) {
  return error.what + ": " + error.because;
}

AdapterRule rule_from(const Json& node, size_t index, bool external) {
  AdapterRule rule;
  rule.index = index;
  rule.external = external;
  rule.series_query = text_at(node, "seriesQuery");
  rule.metrics_query = text_at(node, "metricsQuery");
  auto pattern = [&](const std::string& expression) {
    Result<Pattern> compiled = Pattern::compile(expression);
    if (!compiled && rule.not_understood.empty()) rule.not_understood = not_understood(compiled.error());
    return compiled ? std::optional<Pattern>(*compiled) : std::nullopt;
  };
  Result<NameMatchers> names = name_matchers(rule.series_query);
  if (names)
    rule.names = *std::move(names);
  else
    rule.not_understood = not_understood(names.error());
  for (const Json& filter : list_at(node, "seriesFilters")) {
    std::string is = text_at(filter, "is");
    bool positive = !is.empty();
    if (auto compiled = pattern(positive ? is : text_at(filter, "isNot")))
      rule.filters.push_back({*compiled, positive});
  }
  std::string matches = text_at(node, "name.matches");
  if (!matches.empty()) rule.matches = pattern(matches);
  rule.as = text_at(node, "name.as");
  rule.resource_template = text_at(node, "resources.template");
  rule.namespaced = bool_at(node, "resources.namespaced", true);
  const Json& overrides = at(node, "resources.overrides");
  if (overrides.is_object()) {
    for (const auto& [label, resource] : overrides.items()) {
      rule.overrides[label] = {text_at(resource, "group"), plural(text_at(resource, "resource"))};
    }
  }
  return rule;
}

// Go's Regexp.Expand: $1, ${1}, $name, ${name}, $$. "$1_total" is the group named "1_total", so nothing.
std::string go_expand(const std::string& as, const Pattern::Groups& match,
                      const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < as.size(); ++i) {
    if (as[i] != '$' || i + 1 >= as.size()) {
      out += as[i];
      continue;
    }
    if (as[i + 1] == '$') {
      out += '$';
      ++i;
      continue;
    }
    bool braces = as[i + 1] == '{';
    size_t start = i + (braces ? 2 : 1), end = start;
    while (end < as.size() && (std::isalnum(static_cast<unsigned char>(as[end])) != 0 || as[end] == '_'))
      ++end;
    std::string name = as.substr(start, end - start);
    if (name.empty() || (braces && (end >= as.size() || as[end] != '}'))) {
      out += '$';
      continue;
    }
    size_t group = std::string::npos;
    if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
      group = std::stoul(name.substr(0, 4));
    } else if (auto found = std::find(names.begin() + 1, names.end(), name); found != names.end()) {
      group = static_cast<size_t>(found - names.begin());
    }
    if (group < match.size()) out += match[group];
    i = braces ? end : end - 1;
  }
  return out;
}

struct TemplateArguments {
  std::map<std::string, std::string> fields;  // Series, LabelMatchers, GroupBy / Group, Resource
  std::map<std::string, std::string> values;  // LabelValuesByName
};

// Go's text/template with << and >>, as far as rules use it: fields, index of LabelValuesByName, if/else/end
// on a field, and trimming dashes.
Result<std::string> render(const std::string& source, const TemplateArguments& arguments) {
  std::string out;
  std::vector<bool> shown = {true};
  size_t here = 0;
  bool trim_next = false;
  static const Pattern index_form = Pattern::constant("index \\.LabelValuesByName \"([^\"]*)\"");
  while (here < source.size()) {
    size_t open = source.find("<<", here);
    std::string text = source.substr(here, open == std::string::npos ? open : open - here);
    if (trim_next) text.erase(0, std::min(text.size(), text.find_first_not_of(" \t\r\n")));
    trim_next = false;
    size_t close = open == std::string::npos ? open : source.find(">>", open);
    if (open != std::string::npos && close == std::string::npos) {
      return failure(ErrorClass::check_failed, "adapter-template", "The template has no >> after <<", source);
    }
    std::string action;
    if (open != std::string::npos) {
      action = source.substr(open + 2, close - open - 2);
      if (action.starts_with("- ")) {
        text.erase(text.find_last_not_of(" \t\r\n") + 1);
        action.erase(0, 2);
      }
      if (action.ends_with(" -")) {
        trim_next = true;
        action.erase(action.size() - 2);
      }
    }
    if (shown.back()) out += text;
    if (open == std::string::npos) break;
    here = close + 2;
    action = std::string(text::trim(action));
    if (action.starts_with("if .")) {
      auto field = arguments.fields.find(action.substr(4));
      if (field == arguments.fields.end())
        return failure(ErrorClass::check_failed, "adapter-template", "Not supported: " + action);
      shown.push_back(shown.back() && !field->second.empty());
    } else if (action == "else" && shown.size() > 1) {
      shown.back() = shown[shown.size() - 2] && !shown.back();
    } else if (action == "end" && shown.size() > 1) {
      shown.pop_back();
    } else if (action.starts_with(".") && arguments.fields.contains(action.substr(1))) {
      if (shown.back()) out += arguments.fields.at(action.substr(1));
    } else if (auto match = index_form.match(action)) {
      auto value = arguments.values.find(std::string((*match)[1]));
      if (shown.back() && value != arguments.values.end()) out += value->second;
    } else {
      return failure(ErrorClass::check_failed, "adapter-template", "Not understood: <<" + action + ">>");
    }
  }
  return out;
}

std::string quoted(const std::string& value) {
  std::string out = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// One requirement of a metric selector as a Prometheus matcher.
struct Matcher {
  std::string label, op, value;
};

std::vector<Matcher> matchers_of(const Json& selector) {
  std::map<std::string, std::vector<Matcher>> by_label;  // the adapter sees requirements sorted by key
  const Json& equals = at(selector, "matchLabels");
  if (equals.is_object()) {
    for (const auto& [name, value] : equals.items())
      by_label[name].push_back({name, "=", value.is_string() ? value.get<std::string>() : value.dump()});
  }
  for (const Json& e : list_at(selector, "matchExpressions")) {
    std::string name = text_at(e, "key"), op = text_at(e, "operator");
    std::vector<std::string> values;
    for (const Json& v : list_at(e, "values"))
      values.push_back(v.is_string() ? v.get<std::string>() : v.dump());
    std::sort(values.begin(), values.end());
    std::string joined = text::join(values, "|");
    if (op == "In") by_label[name].push_back({name, "=~", joined});
    if (op == "NotIn") by_label[name].push_back({name, "!~", joined});
    if (op == "Exists") by_label[name].push_back({name, "!=", ""});
    if (op == "DoesNotExist") by_label[name].push_back({name, "=", ""});
  }
  std::vector<Matcher> all;
  for (const auto& [name, some] : by_label) all.insert(all.end(), some.begin(), some.end());
  return all;
}

Result<std::string> expand_with(const AdapterRule& rule, const std::string& series,
                                const std::vector<Matcher>& matchers, const std::string& group_by) {
  TemplateArguments arguments;
  std::vector<std::string> parts;
  for (const Matcher& m : matchers) {
    parts.push_back(m.label + m.op + quoted(m.value));
    arguments.values[m.label] = m.value;
  }
  arguments.fields = {{"Series", series}, {"LabelMatchers", text::join(parts, ",")}, {"GroupBy", group_by}};
  return render(rule.metrics_query, arguments);
}

}  // namespace

std::string AdapterRule::title() const {
  return fmt::format("{} {} (seriesQuery {})", external ? "external rule" : "rule", index + 1,
                     series_query.size() > 60 ? series_query.substr(0, 57) + "..." : series_query);
}

Result<AdapterConfig> parse_adapter_config(const std::string& text) {
  Result<yaml::Value> parsed = yaml::parse(text);
  if (!parsed) {
    return failure(ErrorClass::check_failed, "adapter-config",
                   "The adapter's configuration is not valid YAML",
                   parsed.error().what + ": " + parsed.error().because);
  }
  Json root = *std::move(parsed);
  if (!root.is_object())
    return failure(ErrorClass::check_failed, "adapter-config", "The adapter's configuration is empty");
  for (const char* list : {"rules", "externalRules"}) {
    const Json& value = at(root, list);
    if (value.is_null() || value.is_array()) continue;
    return failure(ErrorClass::check_failed, "adapter-config",
                   fmt::format("The adapter's configuration has no list of rules under `{}`", list),
                   value.is_object() ? "it has a map, as in the values of the Helm chart: the adapter's own "
                                       "file has a list under `rules`, and one under `externalRules`"
                                     : "it has " + value.dump().substr(0, 60));
  }
  if (std::optional<UnknownField> unknown = unknown_field(root)) {
    return failure(ErrorClass::check_failed, "adapter-config",
                   "The adapter's configuration has an unknown field", unknown->sentence());
  }
  AdapterConfig config;
  for (const Json& node : list_at(root, "rules"))
    config.rules.push_back(rule_from(node, config.rules.size(), false));
  for (const Json& node : list_at(root, "externalRules")) {
    config.external_rules.push_back(rule_from(node, config.external_rules.size(), true));
  }
  config.resource_rules = root.contains("resourceRules");
  return config;
}

std::string plural(std::string resource) {
  for (char& c : resource) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (resource.empty() || resource == "endpoints") return resource;
  if (resource.ends_with("ies") || resource.ends_with("sses") || resource.ends_with("xes")) return resource;
  if (resource.ends_with("ss") || resource.ends_with("x") || resource.ends_with("ch") ||
      resource.ends_with("sh"))
    return resource + "es";
  if (resource.ends_with("s")) return resource;
  if (resource.ends_with("y") && resource.size() > 1 &&
      std::string_view("aeiou").find(resource[resource.size() - 2]) == std::string_view::npos) {
    return resource.substr(0, resource.size() - 1) + "ies";
  }
  return resource + "s";
}

std::string singular(std::string resource) {
  if (resource == "endpoints") return resource;
  if (resource.ends_with("ies")) return resource.substr(0, resource.size() - 3) + "y";
  for (std::string_view end : {"sses", "xes", "ches", "shes"}) {
    if (resource.ends_with(end)) return resource.substr(0, resource.size() - 2);
  }
  if (resource.ends_with("s") && !resource.ends_with("ss")) resource.pop_back();
  return resource;
}

bool accepts(const AdapterRule& rule, const std::string& series) {
  for (const SeriesFilter& filter : rule.filters) {
    if (filter.pattern.found_in(series) != filter.positive) return false;
  }
  return !rule.matches || rule.matches->found_in(series);
}

std::optional<std::string> api_name(const AdapterRule& rule, const std::string& series) {
  static const Pattern anything = Pattern::constant(".*");
  const Pattern& pattern = rule.matches ? *rule.matches : anything;
  std::optional<Pattern::Groups> match = pattern.search(series);
  if (!match) return std::nullopt;
  std::vector<std::string> names = pattern.group_names();
  std::string as = rule.as.empty() ? (names.size() == 2 ? "$1" : "$0") : rule.as;
  return go_expand(as, *match, names);
}

std::optional<std::string> label_for(const AdapterRule& rule, const GroupResource& resource) {
  for (const auto& [label, target] : rule.overrides) {
    if (target == resource) return label;
  }
  if (rule.resource_template.empty()) return std::nullopt;
  std::string group = resource.group;
  std::replace(group.begin(), group.end(), '.', '_');
  std::replace(group.begin(), group.end(), '-', '_');
  Result<std::string> label =
      render(rule.resource_template, {{{"Group", group}, {"Resource", singular(resource.resource)}}, {}});
  if (!label || label->empty()) return std::nullopt;
  return *label;
}

std::vector<GroupResource> resources_of(const AdapterRule& rule, const world::Labels& labels) {
  std::vector<GroupResource> found;
  // What a template makes of every label cannot be listed without the cluster's resource types: these matter.
  static const std::vector<GroupResource> usual = {{"", "pods"},
                                                   {"", "services"},
                                                   {"", "namespaces"},
                                                   {"", "nodes"},
                                                   {"apps", "deployments"},
                                                   {"apps", "statefulsets"},
                                                   {"networking.k8s.io", "ingresses"},
                                                   {"batch", "jobs"}};
  for (const auto& [label, value] : labels) {
    if (auto override = rule.overrides.find(label); override != rule.overrides.end()) {
      found.push_back(override->second);
      continue;
    }
    for (const GroupResource& resource : usual) {
      if (!rule.resource_template.empty() && label_for(rule, resource) == label) found.push_back(resource);
    }
  }
  return found;
}

bool in_metric_name(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == ':';
}

static std::vector<std::string> literal_names(const std::string& query) {
  std::vector<std::string> names;
  size_t start = query.find_first_not_of(" \t\n");
  if (start == std::string::npos) return names;
  size_t end = start;
  while (end < query.size() && in_metric_name(query[end])) ++end;
  if (end > start) return {query.substr(start, end - start)};
  static const Pattern quoted = Pattern::constant(R"re((?s)\{\s*"([^"\\]+)"\s*[,}].*)re");  // Prometheus 3
  if (auto match = quoted.match(std::string_view(query).substr(start))) return {std::string((*match)[1])};
  static const Pattern by_name = Pattern::constant(R"(__name__\s*=(~?)\s*["'`]([^"'`]*)["'`])");
  auto match = by_name.search(query);
  if (!match) return names;
  std::string value((*match)[2]);
  if ((*match)[1].empty()) return value.empty() ? names : std::vector<std::string>{value};
  if (value.starts_with('^')) value.erase(0, 1);
  if (value.ends_with('$')) value.pop_back();
  if (value.starts_with('(') && value.ends_with(')')) value = value.substr(1, value.size() - 2);
  for (const std::string& name : text::split(value, '|')) {
    bool plain = !name.empty() && std::all_of(name.begin(), name.end(), in_metric_name);
    if (!plain) return {};
    names.push_back(name);
  }
  return names;
}

Result<NameMatchers> name_matchers(const std::string& query) {
  NameMatchers names{literal_names(query), {}};
  if (!names.literal.empty()) return names;
  static const Pattern by_name = Pattern::constant(R"(__name__\s*(=~|!~|!=)\s*["'`]([^"'`]*)["'`])");
  for (const Pattern::Groups& found : by_name.search_all(query)) {
    std::string value(found[2]);
    std::string whole = found[1] == "!=" ? "^\\Q" + value + "\\E$" : "^(?:" + value + ")$";
    Result<Pattern> pattern = Pattern::compile(whole);
    if (!pattern) return failure(pattern.error());
    names.patterns.push_back({*pattern, found[1] == "=~"});
  }
  return names;
}

bool may_match(const NameMatchers& names, const std::string& name) {
  if (!names.literal.empty())
    return std::find(names.literal.begin(), names.literal.end(), name) != names.literal.end();
  return std::all_of(names.patterns.begin(), names.patterns.end(),
                     [&](const SeriesFilter& f) { return f.pattern.found_in(name) == f.positive; });
}

// `op` and `names`: the matcher of the resource's label.
static Result<std::string> expand_for(const AdapterRule& rule, const std::string& series,
                                      const GroupResource& resource, const std::string& space,
                                      const Json& metric_selector, const char* op, const std::string& names) {
  auto no_label = [&](const std::string& what) {
    return failure(ErrorClass::check_failed, "adapter-no-label", rule.title() + " maps no label to " + what);
  };
  std::vector<Matcher> matchers = matchers_of(metric_selector);
  if (!space.empty()) {
    std::optional<std::string> label = label_for(rule, {"", "namespaces"});
    if (!label) return no_label("namespaces");
    matchers.push_back({*label, "=", space});
  }
  std::optional<std::string> label = label_for(rule, resource);
  if (!label) return no_label(resource.text());
  matchers.push_back({*label, op, names});
  return expand_with(rule, series, matchers, *label);
}

Result<std::string> expand(const AdapterRule& rule, const std::string& series, const GroupResource& resource,
                           const std::string& space, const Json& metric_selector,
                           const std::vector<std::string>& names) {
  return expand_for(rule, series, resource, space, metric_selector, names.size() > 1 ? "=~" : "=",
                    text::join(names, "|"));
}

Result<std::string> expand_matching(const AdapterRule& rule, const std::string& series,
                                    const GroupResource& resource, const std::string& space,
                                    const Json& metric_selector, const std::string& pattern) {
  return expand_for(rule, series, resource, space, metric_selector, "=~", pattern);
}

Result<std::string> expand_external(const AdapterRule& rule, const std::string& series,
                                    const std::string& space, const Json& metric_selector) {
  std::vector<Matcher> matchers = matchers_of(metric_selector);
  if (rule.namespaced && !space.empty()) {
    std::optional<std::string> label = label_for(rule, {"", "namespaces"});
    if (!label)
      return failure(ErrorClass::check_failed, "adapter-no-label",
                     rule.title() + " maps no label to namespaces");
    matchers.push_back({*label, "=", space});
  }
  return expand_with(rule, series, matchers, "");
}

std::optional<world::Duration> smallest_window(const std::string& query) {
  static const Pattern window = Pattern::constant(R"(\[([0-9][0-9a-z]*)(?::[^\]]*)?\])");
  std::optional<world::Duration> smallest;
  for (const Pattern::Groups& found : window.search_all(query)) {
    std::optional<world::Duration> d = read_duration(std::string(found[1]));
    if (d && (!smallest || *d < *smallest)) smallest = d;
  }
  return smallest;
}

}  // namespace hpawalk::diagnose
