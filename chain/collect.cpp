#include "chain/collect.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "base/text.hpp"
#include "chain/times.hpp"
#include "chain/view.hpp"

namespace hpawalk {

std::string eval_key(const std::string& prometheus_key, const std::string& expression) { return prometheus_key + " eval " + expression; }
std::string range_key(const std::string& prometheus_key, const std::string& expression) { return prometheus_key + " range " + expression; }
std::string may_key(const AccessQuestion& q) {
  return fmt::format("may {} {} {}/{} in {}", q.user, q.verb, q.group, q.resource, q.space.empty() ? "all" : q.space);
}
std::string user_of(const Json& pod) {
  return fmt::format("system:serviceaccount:{}:{}", space_of(pod), text_at(pod, "spec.serviceAccountName", "default"));
}
std::vector<AccessQuestion> discovery_questions(const std::string& user, const std::string& space) {
  return {{"list", "", "services", space, user}, {"list", "", "endpoints", space, user}, {"list", "", "pods", space, user}};
}
AccessQuestion hpa_question(const std::string& group, const std::string& space) {
  std::string resource = group == "external.metrics.k8s.io" ? "any-metric" : group == "metrics.k8s.io" ? "pods" : "services/any-metric";
  return {group == "custom.metrics.k8s.io" ? "get" : "list", group, resource, space, "system:serviceaccount:kube-system:horizontal-pod-autoscaler"};
}

static constexpr const char* assumed_mark = "hpawalk/assumed";
bool assumed(const Json& hpa) { return !at(hpa, {"metadata", "annotations", assumed_mark}).is_null(); }

namespace {

using namespace std::chrono_literals;
using Task = std::function<void()>;

constexpr size_t few_spaces = 4;        // more namespaces than this are read with one list of the whole cluster
constexpr size_t most_rows = 3000;      // of a series that are looked at one by one
constexpr size_t longest_query = 60'000;

// Runs all tasks on at most `width` threads.
void run_all(std::vector<Task>& tasks, size_t width) {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < tasks.size();) tasks[i]();
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min(width, tasks.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& t : threads) t.join();
  tasks.clear();
}

class Collector {
 public:
  Collector(KubeApi& api, Http& http, Clock& clock, const CollectOptions& options)
      : api_(api), http_(http), clock_(clock), options_(options) {}

  Result<Facts> run() {
    facts_.taken = clock_.wall_now();
    cluster();
    if (fatal_) return failure(*fatal_);
    Status chosen = choose();
    if (!chosen) return failure(chosen.error());
    neighbourhood();
    details();
    prometheus_basics();
    prometheus_metrics();
    if (fatal_) return failure(*fatal_);
    return std::move(facts_);
  }

 private:
  // Records an answer. Environment errors end the whole collection: nothing else would be read either.
  void record(const std::string& key, Reading reading, const Error* error) {
    std::lock_guard lock(mutex_);
    if (error != nullptr) {
      bool hopeless = error->kind == ErrorClass::environment || error->kind == ErrorClass::interrupted;
      if (hopeless && !key.starts_with("prom:") && !fatal_) fatal_ = *error;
      reading.error_id = error->id;
      reading.error = error->because.empty() ? error->what : error->because;
      if (error->id == "kube-forbidden") reading.right = right_needed("GET", reading.path);
    }
    facts_.readings[key] = std::move(reading);
  }

  bool get(const std::string& key, const std::string& path, Duration limit = 10s) {
    TimePoint start = clock_.now();
    Result<Json> answer = kube_get(api_, path, limit);
    Reading reading{path, {}, {}, {}, {}, (clock_.now() - start).count()};
    if (answer) reading.value = trimmed(std::move(*answer));
    bool forbidden = !answer && answer.error().id == "kube-forbidden";
    record(key, std::move(reading), answer ? nullptr : &answer.error());
    return !forbidden;
  }

  // The whole cluster's, or where that is not allowed, the namespaces' that matter.
  void list(const std::string& key, const std::string& group, const std::string& resource,
            const std::vector<std::string>& spaces, bool by_space_first) {
    auto one = [&](const std::string& space) { return get(key + "/" + space, fmt::format("{}/namespaces/{}/{}", group, space, resource)); };
    if (by_space_first && spaces.size() <= few_spaces) {
      for (const std::string& space : spaces) one(space);
      return;
    }
    if (get(key, group + "/" + resource) || spaces.empty()) return;
    for (const std::string& space : spaces) one(space);
    std::lock_guard lock(mutex_);
    auto refused = facts_.readings.extract(key);
    refused.key() = "whole cluster " + key;
    facts_.readings.insert(std::move(refused));
  }

  void task(Task task) { tasks_.push_back(std::move(task)); }
  void run_tasks() { run_all(tasks_, options_.parallel); }

  // Round 1: what is listed in the whole cluster.
  void cluster() {
    std::string hpas = options_.space.empty() ? "/apis/autoscaling/v2/horizontalpodautoscalers"
                                              : "/apis/autoscaling/v2/namespaces/" + options_.space + "/horizontalpodautoscalers";
    std::vector<std::string> own = options_.space.empty() ? std::vector<std::string>{} : std::vector{options_.space};
    task([=, this] { get("hpas", hpas); });
    task([this] { get("apiservices", "/apis/apiregistration.k8s.io/v1/apiservices"); });
    task([=, this] { list("services", "/api/v1", "services", own, false); });
    task([=, this] { list("servicemonitors", "/apis/monitoring.coreos.com/v1", "servicemonitors", own, false); });
    task([=, this] { list("podmonitors", "/apis/monitoring.coreos.com/v1", "podmonitors", own, false); });
    task([=, this] { list("prometheuses", "/apis/monitoring.coreos.com/v1", "prometheuses", own, false); });
    task([this] { get("namespaces", "/api/v1/namespaces"); });
    task([this] { get("rejections", "/api/v1/events?fieldSelector=reason%3DInvalidConfiguration"); });
    task([this] { get("rescales", "/api/v1/events?fieldSelector=reason%3DSuccessfulRescale"); });
    task([this] { get("adapter-pods", "/api/v1/pods?labelSelector=app.kubernetes.io%2Fname%3Dprometheus-adapter"); });
    task([this] { get("operator-pods", "/api/v1/pods?labelSelector=app.kubernetes.io%2Fname%3Dprometheus-operator"); });
    run_tasks();
  }

  // Keeps the HPA that was asked for, and those that touch the same workload.
  Status choose() {
    const Reading* hpas = facts_.find("hpas");
    if (!hpas->read()) {
      Error error{hpas->absent() ? ErrorClass::check_failed : ErrorClass::environment, hpas->error_id,
                  "HorizontalPodAutoscalers cannot be listed", hpas->error, {}, {}, {}};
      if (!hpas->right.empty()) error.hint = "The right that is missing: " + hpas->right;
      return failure(std::move(error));
    }
    if (options_.name.empty()) return {};
    std::vector<std::string> names;
    const Json* wanted = nullptr;
    for (const Json& hpa : list_at(hpas->value, "items")) {
      names.push_back(name_of(hpa));
      if (name_of(hpa) == options_.name) wanted = &hpa;
    }
    if (wanted == nullptr && !options_.assumed.is_null()) {
      Json hpa = options_.assumed;
      hpa["metadata"]["annotations"][assumed_mark] = "true";
      facts_.readings["hpas"].value["items"].push_back(std::move(hpa));
      return {};
    }
    if (wanted == nullptr) {
      Error error{ErrorClass::usage, "hpa-not-found",
                  fmt::format("There is no HPA {} in namespace {}", options_.name, options_.space), {}, {}, {}, {}};
      std::optional<std::string> near = text::nearest(options_.name, names);
      error.hint = near            ? fmt::format("Did you mean {}?  hpawalk diagnose {} -n {}", *near, *near, options_.space)
                   : names.empty() ? "This namespace has none: hpawalk diagnose -A looks everywhere"
                                   : "There are: " + text::join(names, ", ");
      return failure(std::move(error));
    }
    return {};
  }

  // Round 2: the namespaces that matter.
  void neighbourhood() {
    std::vector<std::string> spaces = spaces_of_interest(facts_);
    auto listing = [&](const std::string& key, const std::string& group, const std::string& resource) {
      task([=, this] { list(key, group, resource, spaces, true); });
    };
    listing("pods", "/api/v1", "pods");
    listing("endpointslices", "/apis/discovery.k8s.io/v1", "endpointslices");
    listing("deployments", "/apis/apps/v1", "deployments");
    listing("statefulsets", "/apis/apps/v1", "statefulsets");
    listing("replicasets", "/apis/apps/v1", "replicasets");
    listing("networkpolicies", "/apis/networking.k8s.io/v1", "networkpolicies");
    std::set<std::string> groups, spaces_of_hpas;
    size_t odd_targets = 0;
    for (const Hpa& hpa : hpas_of(facts_)) {
      for (const MetricNeed& need : hpa.needs) groups.insert(need.api_group());
      spaces_of_hpas.insert(hpa.space);
      static const std::set<std::string> listed = {"Deployment", "StatefulSet", "ReplicaSet"};
      size_t slash = hpa.target_api.find('/');
      if (listed.contains(hpa.target_kind) || slash == std::string::npos || ++odd_targets > 16) continue;
      std::string resource = plural(hpa.target_kind);
      std::string key = fmt::format("scale/{}/{}/{}", hpa.space, resource, hpa.target_name);
      std::string path = fmt::format("/apis/{}/namespaces/{}/{}/{}/scale", hpa.target_api, hpa.space, resource, hpa.target_name);
      task([=, this] { get(key, path); });
    }
    for (const std::string& group : groups) {
      Adapter adapter = adapter_of(facts_, group);
      if (adapter.api_services.empty()) continue;
      std::string version = version_of(adapter);
      if (!version.empty()) task([=, this] { get("discovery " + group, "/apis/" + group + "/" + version); });
      ask(hpa_question(group, *spaces_of_hpas.begin()));
      if (group == "metrics.k8s.io") {
        std::vector<std::string> all(spaces_of_hpas.begin(), spaces_of_hpas.end());
        task([=, this] { list("podmetrics", "/apis/metrics.k8s.io/v1beta1", "pods", all, true); });
      }
      if (adapter.service_name.find("keda") != std::string::npos) {
        task([=, this] { list("scaledobjects", "/apis/keda.sh/v1alpha1", "scaledobjects", {}, false); });
      }
    }
    run_tasks();
  }

  void ask(const AccessQuestion& question) {
    task([=, this] {
      std::string kind = question.user.empty() ? "selfsubjectaccessreviews" : "subjectaccessreviews";
      Reading reading{"/apis/authorization.k8s.io/v1/" + kind, {}, {}, {}, {}, 0};
      Result<bool> allowed = may(api_, question);
      if (allowed) reading.value = *allowed;
      record(may_key(question), std::move(reading), allowed ? nullptr : &allowed.error());
    });
  }

  std::vector<Adapter> adapters() const {
    std::vector<Adapter> all;
    for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io"}) {
      Adapter adapter = adapter_of(facts_, group);
      if (facts_.find(std::string("discovery ") + group) != nullptr || !needed(group).empty()) all.push_back(std::move(adapter));
    }
    return all;
  }

  std::vector<std::pair<Hpa, MetricNeed>> needed(const std::string& group) const {
    std::vector<std::pair<Hpa, MetricNeed>> needs;
    for (const Hpa& hpa : hpas_of(facts_)) {
      for (const MetricNeed& need : hpa.needs) {
        if (need.api_group() == group) needs.emplace_back(hpa, need);
      }
    }
    return needs;
  }

  // Round 3: what the adapters and Prometheuses that were found are made of.
  void details() {
    std::set<std::string> seen;
    for (const Adapter& adapter : adapters()) {
      if (!adapter.config_map.empty() && seen.insert(adapter.config_map).second) {
        std::string key = "configmaps/" + adapter.space + "/" + adapter.config_map;
        std::string path = fmt::format("/api/v1/namespaces/{}/configmaps/{}", adapter.space, adapter.config_map);
        task([=, this] { get(key, path); });
      }
      for (const Json* pod : adapter.pods) {
        if (seen.insert("log " + full_name(*pod)).second) read_log(*pod);
      }
      if (!adapter.pods.empty()) ask({"list", "", "pods", options_.space, user_of(*adapter.pods.front())});
      PrometheusView prometheus = prometheus_of(facts_, adapter);
      if (prometheus.pods.empty()) continue;
      std::string user = user_of(*prometheus.pods.front());
      if (!seen.insert(user).second) continue;
      std::set<std::string> spaces;
      for (const Json* hpa : facts_.items("hpas")) spaces.insert(space_of(*hpa));
      size_t asked = 0;
      for (const std::string& space : spaces) {
        if (++asked > 8) break;
        for (const AccessQuestion& question : discovery_questions(user, space)) ask(question);
      }
    }
    run_tasks();
  }

  // The lines of the adapter's log that speak of trouble.
  void read_log(const Json& pod) {
    std::string base = fmt::format("/api/v1/namespaces/{}/pods/{}/log?tailLines=400", space_of(pod), name_of(pod));
    long long restarts = 0;
    for (const Json& c : list_at(pod, "status.containerStatuses")) restarts += int_at(c, "restartCount");
    bool previous = restarts > 0 && !pod_ready(pod);
    std::string path = base + (previous ? "&previous=true" : "");
    std::string key = "log " + full_name(pod);
    task([=, this] {
      Result<HttpResponse> answer = api_.send(KubeRequest{"GET", path});
      Reading reading{path, {}, {}, {}, {}, 0};
      if (!answer || !answer->ok()) {
        Error error = answer ? kube_error(KubeRequest{"GET", path}, *answer) : answer.error();
        if (error.kind == ErrorClass::environment) error.kind = ErrorClass::check_failed;  // a node, not the API
        record(key, std::move(reading), &error);
        return;
      }
      reading.value = Json::array();
      for (const std::string& line : text::lines(answer->body)) {
        bool trouble = line.starts_with('E') || line.starts_with('F') || line.find("unable to") != std::string::npos ||
                       line.find("x509") != std::string::npos || line.find("panic") != std::string::npos;
        if (trouble) reading.value.push_back(text::redact(line.substr(0, 600)));
      }
      if (reading.value.size() > 40) reading.value.erase(reading.value.begin(), reading.value.end() - 40);
      record(key, std::move(reading), nullptr);
    });
  }

  PrometheusApi client(const PrometheusAddress& address) {
    if (!options_.prometheus_url.empty()) return prometheus_at(http_, options_.prometheus_url);
    return prometheus_behind(api_, address.backend, address.prefix);
  }

  // One question to a Prometheus, recorded.
  void ask_prometheus(const PrometheusAddress& address, const std::string& what, const std::string& path,
                      std::function<Json(Json)> shape = {}) {
    task([=, this] {
      TimePoint start = clock_.now();
      Result<Json> answer = client(address).get(path, 15s);
      Reading reading{proxy_path(address.backend, address.prefix + path), {}, {}, {}, {}, (clock_.now() - start).count()};
      if (answer) reading.value = shape ? shape(std::move(*answer)) : std::move(*answer);
      if (!answer && answer.error().id == "prometheus-http" && answer.error().what.ends_with("403") &&
          answer.error().because.find("services/proxy") != std::string::npos) {
        Error forbidden{ErrorClass::check_failed, "kube-forbidden", "", answer.error().because, {}, {}, {}};
        record(address.key() + " " + what, std::move(reading), &forbidden);
        return;
      }
      record(address.key() + " " + what, std::move(reading), answer ? nullptr : &answer.error());
    });
  }

  struct Asked {
    PrometheusAddress address;
    Adapter adapter;
    PrometheusView view;
  };

  std::vector<Asked> prometheuses() const {
    std::vector<Asked> all;
    for (Adapter& adapter : adapters()) {
      PrometheusView view = prometheus_of(facts_, adapter);
      if (!view.address) continue;
      all.push_back({*view.address, std::move(adapter), std::move(view)});
    }
    return all;
  }

  // Round 4: each Prometheus about itself, and which names each rule finds.
  void prometheus_basics() {
    std::set<std::string> seen;
    for (const Asked& asked : prometheuses()) {
      const PrometheusAddress& address = asked.address;
      if (seen.insert(address.key()).second) {
        ask_prometheus(address, "runtime", "/api/v1/status/runtimeinfo");
        ask_prometheus(address, "config", "/api/v1/status/config");
        ask_prometheus(address, "names", "/api/v1/label/__name__/values");
        ask_prometheus(address, "targets", "/api/v1/targets?state=active", [](Json data) {
          Json kept = Json::array();
          for (const Json& t : list_at(data, "activeTargets")) {
            kept.push_back({{"labels", at(t, "labels")}, {"pool", at(t, "scrapePool")}, {"url", at(t, "scrapeUrl")},
                            {"health", at(t, "health")}, {"lastError", at(t, "lastError")}, {"lastScrape", at(t, "lastScrape")},
                            {"interval", at(t, "scrapeInterval")}});
          }
          return kept;
        });
      }
      double start = static_cast<double>(facts_.taken.time_since_epoch().count()) / 1000.0 -
                     static_cast<double>(asked.adapter.max_age.value_or(10min).count()) / 1000.0;
      for (bool external : {false, true}) {
        for (const AdapterRule& rule : asked.adapter.rules(external)) {
          if (!seen.insert(names_key(address, rule.series_query)).second) continue;
          ask_prometheus(address, "names " + rule.series_query,
                         fmt::format("/api/v1/label/__name__/values?start={:.0f}&match%5B%5D={}", start, query_value(rule.series_query)));
        }
      }
    }
    run_tasks();
  }

  // Round 5: samples of the series that matter, the adapter's queries, and the metrics API's answers.
  void prometheus_metrics() {
    std::map<std::string, std::set<std::string>> series, expressions, windows;
    std::map<std::string, PrometheusAddress> addresses;
    std::vector<Asked> all = prometheuses();
    for (const Asked& asked : all) {
      std::string key = asked.address.key();
      addresses[key] = asked.address;
      for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io"}) {
        Adapter adapter = adapter_of(facts_, group);
        if (adapter.service_name != asked.adapter.service_name || adapter.space != asked.adapter.space) continue;
        for (const auto& [hpa, need] : needed(group)) {
          series[key].insert(need.metric);
          for (const Candidate& candidate : candidates(facts_, adapter, asked.view, need)) {
            series[key].insert(candidate.series);
            Result<std::string> query = expression(hpa, need, candidate);
            if (!query) continue;
            expressions[key].insert(*query);
            if (text_at(condition(*hpa.object, "AbleToScale"), "reason") == "ScaleDownStabilized") windows[key].insert(*query);
          }
        }
      }
    }
    for (const auto& [key, names] : series) read_samples(addresses[key], names);
    for (const auto& [key, queries] : expressions) evaluate(addresses[key], {queries.begin(), queries.end()}, false);
    for (const auto& [key, queries] : windows) evaluate(addresses[key], {queries.begin(), queries.end()}, true);
    for (const Asked& asked : all) {
      if (asked.adapter.rules(false).empty()) continue;
      count_rules(asked);
    }
    probe();
    run_tasks();
  }

  void read_samples(const PrometheusAddress& address, const std::set<std::string>& names) {
    std::string pattern;
    for (const std::string& name : names) {
      bool plain = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") == std::string::npos;
      if (plain) pattern += (pattern.empty() ? "" : "|") + name;
    }
    if (pattern.empty()) return;
    // Those with very many series are counted, not read.
    std::string selector = "{__name__=~\"" + pattern + "\"}";
    std::string query = fmt::format("{} and on(__name__) (count by (__name__) ({}) <= {})", selector, selector, most_rows);
    ask_prometheus(address, "samples", "/api/v1/query?query=" + query_value(query), [](Json data) {
      Json rows = Json::array();
      for (const Json& row : list_at(data, "result")) {
        const Json& value = list_at(row, "value");
        rows.push_back({{"labels", at(row, "metric")}, {"value", value.size() == 2 ? value[1] : Json()}, {"time", value.size() == 2 ? value[0] : Json()}});
      }
      return rows;
    });
    ask_prometheus(address, "counts", "/api/v1/query?query=" + query_value("count by (__name__) (" + selector + ")"), [](Json data) {
      Json counts = Json::object();
      for (const Json& row : list_at(data, "result")) {
        const Json& value = list_at(row, "value");
        if (value.size() == 2) counts[text_at(row, "metric.__name__")] = value[1];
      }
      return counts;
    });
  }

  // How many series each rule of the adapter matches, in one query.
  void count_rules(const Asked& asked) {
    std::vector<std::string> parts;
    std::set<std::string> seen;
    for (const AdapterRule& rule : asked.adapter.rules(false)) {
      const Reading* names = facts_.find(names_key(asked.address, rule.series_query));
      if (names == nullptr || !names->read() || !seen.insert(rule.series_query).second) continue;
      parts.push_back(fmt::format("label_replace(count({}),\"hpawalk\",\"{}\",\"\",\"\")", rule.series_query, rule.index));
    }
    if (parts.empty()) return;
    ask_prometheus(asked.address, "rule counts", "/api/v1/query?query=" + query_value(text::join(parts, " or ")), [](Json data) {
      Json counts = Json::object();
      for (const Json& row : list_at(data, "result")) {
        const Json& value = list_at(row, "value");
        if (value.size() == 2) counts[text_at(row, "metric.hpawalk")] = value[1];
      }
      return counts;
    });
  }

  // Many expressions in one query, told apart by a label. If Prometheus refuses it, halves find the guilty one.
  void evaluate(const PrometheusAddress& address, std::vector<std::string> expressions, bool over_time) {
    size_t start = 0;
    while (start < expressions.size()) {
      size_t end = start, length = 0;
      while (end < expressions.size() && (end == start || length + expressions[end].size() < longest_query)) length += expressions[end++].size();
      std::vector<std::string> batch(expressions.begin() + static_cast<std::ptrdiff_t>(start), expressions.begin() + static_cast<std::ptrdiff_t>(end));
      task([=, this] { evaluate_batch(address, batch, over_time); });
      start = end;
    }
  }

  void evaluate_batch(const PrometheusAddress& address, const std::vector<std::string>& batch, bool over_time) {
    std::vector<std::string> parts;
    for (size_t i = 0; i < batch.size(); ++i) {
      parts.push_back(batch.size() == 1 && !over_time ? batch[i] : fmt::format("label_replace({},\"hpawalk\",\"{}\",\"\",\"\")", batch[i], i));
    }
    std::string query = query_value(text::join(parts, " or "));
    double now = static_cast<double>(facts_.taken.time_since_epoch().count()) / 1000.0;
    std::string path = over_time ? fmt::format("/api/v1/query_range?start={:.0f}&end={:.0f}&step=15&query={}", now - 3600, now, query)
                                 : "/api/v1/query?query=" + query;
    Result<Json> answer = client(address).get(path, 15s);
    std::string shown = proxy_path(address.backend, address.prefix + (over_time ? "/api/v1/query_range" : "/api/v1/query"));
    auto key = [&](const std::string& e) { return over_time ? range_key(address.key(), e) : eval_key(address.key(), e); };
    if (!answer) {
      if (batch.size() > 1 && answer.error().id == "prometheus-query") {
        auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
        evaluate_batch(address, {batch.begin(), middle}, over_time);
        evaluate_batch(address, {middle, batch.end()}, over_time);
        return;
      }
      for (const std::string& e : batch) record(key(e), Reading{shown, {}, {}, {}, {}, 0}, &answer.error());
      return;
    }
    std::string type = text_at(*answer, "resultType");
    if (type != "vector" && type != "matrix") {
      Error error{ErrorClass::check_failed, "prometheus-not-vector", "", "the query returns a " + type + ", not a vector", {}, {}, {}};
      for (const std::string& e : batch) record(key(e), Reading{shown, {}, {}, {}, {}, 0}, &error);
      return;
    }
    std::vector<Json> rows(batch.size(), Json::array());
    for (Json row : list_at(*answer, "result")) {
      size_t index = 0;
      if (row["metric"].contains("hpawalk")) {
        index = static_cast<size_t>(std::atoi(text_at(row, "metric.hpawalk").c_str()));
        row["metric"].erase("hpawalk");
      }
      if (index >= rows.size()) continue;
      const Json& value = list_at(row, "value");
      Json kept = {{"labels", row["metric"]}};
      if (over_time) kept["values"] = at(row, "values");
      if (value.size() == 2) kept.update({{"value", value[1]}, {"time", value[0]}});
      rows[index].push_back(std::move(kept));
    }
    for (size_t i = 0; i < batch.size(); ++i) record(key(batch[i]), Reading{shown, {}, {}, {}, std::move(rows[i]), 0}, nullptr);
  }

  // What the metrics API answers to the HPA controller's own question: first for those that do not work.
  void probe() {
    std::set<std::string> broken, fine;
    for (const char* group : {"custom.metrics.k8s.io", "external.metrics.k8s.io"}) {
      std::string version = version_of(adapter_of(facts_, group));
      if (version.empty()) continue;
      for (const auto& [hpa, need] : needed(group)) {
        if (!options_.name.empty() && hpa.name != options_.name) continue;
        bool active = text_at(condition(*hpa.object, "ScalingActive"), "status") == "True";
        (active ? fine : broken).insert(metric_path(hpa, need, version));
      }
    }
    std::vector<std::string> paths(broken.begin(), broken.end());
    paths.insert(paths.end(), fine.begin(), fine.end());
    if (paths.size() > options_.probe_limit) paths.resize(options_.probe_limit);
    for (const std::string& path : paths) {
      task([=, this] { get("api " + path, path); });
    }
  }

  KubeApi& api_;
  Http& http_;
  Clock& clock_;
  const CollectOptions& options_;
  Facts facts_;
  std::mutex mutex_;
  std::vector<Task> tasks_;
  std::optional<Error> fatal_;
};

}  // namespace

Result<Facts> collect(KubeApi& api, Http& http, Clock& clock, const CollectOptions& options) {
  return Collector(api, http, clock, options).run();
}

}  // namespace hpawalk
