// What belongs to one metric of one HPA, looked up in the facts.
#include <algorithm>

#include "diagnose/collect.hpp"
#include "diagnose/rules.hpp"

namespace hpawalk::diagnose {

const Reading* Context::prometheus_reading(const std::string& what) const {
  return prometheus.address ? facts.find(question_key(prometheus.address->key(), what)) : nullptr;
}

bool Context::samples_known() const {
  const Reading* reading = prometheus_reading("samples");
  return reading != nullptr && reading->read();
}

Samples samples_of(const Facts& facts, const PrometheusView& prometheus) {
  Samples samples;
  const Reading* reading =
      prometheus.address ? facts.find(question_key(prometheus.address->key(), "samples")) : nullptr;
  if (reading == nullptr || !reading->read()) return samples;
  for (Row& row : rows_of(reading->value)) {
    auto name = row.labels.find("__name__");
    if (name != row.labels.end()) samples[name->second].push_back(std::move(row));
  }
  return samples;
}

Context context_of(const Facts& facts, const std::vector<Hpa>& hpas,
                   const std::map<std::string, Group>& groups, const std::map<std::string, Samples>& samples,
                   const ControllerSettings& controller, const Hpa& hpa, const MetricNeed& need) {
  const std::string name = need.api_group();
  const Group& group = groups.at(name);
  return {facts,
          hpas,
          groups,
          hpa,
          need,
          group.adapter,
          group.prometheus,
          group.index,
          samples,
          samples.at(name),
          controller,
          candidates(group, need)};
}

const std::vector<Row>& Context::samples(const std::string& series) const {
  static const std::vector<Row> none;
  auto found = all_samples.find(series);
  return found == all_samples.end() ? none : found->second;
}

long long Context::sample_count(const std::string& series) const {
  const Reading* reading = prometheus_reading("counts");
  if (reading == nullptr) return 0;
  const Json& count = at(reading->value, std::vector<std::string>{series});
  return count.is_string() ? std::atoll(count.get<std::string>().c_str()) : 0;
}

const Reading* Context::evaluation(const Candidate& c) const {
  if (!prometheus.address) return nullptr;
  Result<std::string> query = expression(hpa, need, c);
  return query ? facts.find(eval_key(prometheus.address->key(), *query)) : nullptr;
}

// What the API answered to the controller when it last looked, from the HPA's condition.
static std::optional<Reading> told_by_condition(const Context& c) {
  const Json& active = condition(*c.hpa.object, "ScalingActive");
  std::string message = text_at(active, "message");
  size_t start = message.find(" metrics API: ");
  bool ours = c.hpa.needs.size() == 1 || has(message, c.need.metric);
  if (text_at(active, "status") != "False" || start == std::string::npos || !ours) return std::nullopt;
  if (!quotes_metrics_api(message)) return std::nullopt;  // the question was not asked, or was refused
  std::string answer = message.substr(start + std::string_view(" metrics API: ").size());
  std::string id = has(answer, "could not find")                 ? "kube-not-found"
                   : has(answer, "unable to handle the request") ? "kube-unavailable"
                                                                 : "kube-refused";
  return Reading{"condition ScalingActive of HPA " + full_name(*c.hpa.object), id, answer, {}, {}, 0};
}

std::optional<Reading> Context::probe() const {
  std::string version = version_of(adapter);
  if (version.empty()) return std::nullopt;
  const Reading* own = facts.find(value_key(metric_path(hpa, need, version)));
  if (own != nullptr) return *own;
  const Reading* all =
      need.type == "Object" ? facts.find(value_key(metric_path_of_all(hpa, need, version))) : nullptr;
  if (all == nullptr || !all->read()) return told_by_condition(*this);
  Reading mine{all->path, {}, {}, {}, {{"items", Json::array()}}, all->ms};
  for (const Json& item : list_at(all->value, "items")) {
    if (text_at(item, "describedObject.name") == need.object_name) mine.value["items"].push_back(item);
  }
  if (!mine.value["items"].empty()) return mine;
  mine.error_id = "kube-not-found";
  mine.error = fmt::format("none of {} is {}", text::count(list_at(all->value, "items").size(), "object"),
                           need.object_name);
  return mine;
}

std::vector<std::string> Context::listed_names() const {
  std::vector<std::string> names;
  const Reading* reading = facts.find(discovery_key(need.api_group()));
  if (reading == nullptr || !reading->read()) return names;
  for (const Json& resource : list_at(reading->value, "resources"))
    names.push_back(text_at(resource, "name"));
  return names;
}

std::optional<bool> Context::registered() const {
  const Reading* reading = facts.find(discovery_key(need.api_group()));
  if (reading == nullptr || !reading->read()) return std::nullopt;
  std::string wanted = need.external() ? need.metric : need.resource.text() + "/" + need.metric;
  std::vector<std::string> names = listed_names();
  return std::find(names.begin(), names.end(), wanted) != names.end();
}

std::vector<std::string> Context::listed_by_other_api() const {
  std::vector<std::string> names;
  const Reading* reading =
      facts.find(discovery_key(need.external() ? "custom.metrics.k8s.io" : "external.metrics.k8s.io"));
  if (reading == nullptr || !reading->read()) return names;
  for (const Json& resource : list_at(reading->value, "resources")) {
    std::string name = text_at(resource, "name");
    if (name == need.metric || name.ends_with("/" + need.metric)) names.push_back(name);
  }
  return names;
}

std::vector<std::string> Context::log() const {
  std::vector<std::string> lines;
  for (const Json* pod : adapter.pods) {
    const Reading* reading = facts.find(log_key(full_name(*pod)));
    if (reading == nullptr || !reading->read()) continue;
    for (const std::string& line : text_list(reading->value)) lines.push_back(line);
  }
  return lines;
}

std::string Context::expected_series() const {
  return candidate() != nullptr ? candidate()->series : need.metric;
}

std::vector<std::string> Context::object_names() const {
  if (need.type == "Object") return {need.object_name};
  std::vector<std::string> names;
  for (const Json* pod : hpa.pods) names.push_back(diagnose::name_of(*pod));
  return names;
}

// One that another API group leads to is a rival only if its rules are about this group's metrics too.
std::vector<std::string> Context::other_adapters() const {
  std::vector<std::string> others;
  for (const auto& [group_name, group] : groups) {
    const Reading* pods = facts.listing("pods", group.adapter.space);
    const Reading* services = facts.listing("services", group.adapter.space);
    bool unseen = pods == nullptr || pods->refused() || services == nullptr || services->refused();
    if (!group.adapter.api_services.empty() && unseen) return others;  // whose a pod is cannot be said
  }
  for (const Json* pod : facts.items(adapter_pods)) {
    bool rival = true;
    for (const auto& [group_name, group] : groups) {
      bool behind = std::any_of(group.adapter.pods.begin(), group.adapter.pods.end(),
                                [&](const Json* p) { return full_name(*p) == full_name(*pod); });
      if (!behind) continue;
      rival = group_name != need.api_group() && !group.adapter.rules(need.external()).empty();
      if (!rival) break;
    }
    if (rival) others.push_back(full_name(*pod));
  }
  return others;
}

bool Context::works() const {
  // Without the scale, the controller leaves what it said of the metrics as it was.
  return text_at(condition(*hpa.object, "ScalingActive"), "status") == "True" && need.current != nullptr &&
         !scale_failed(*hpa.object);
}

}  // namespace hpawalk::diagnose
