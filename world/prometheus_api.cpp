#include "world/prometheus_api.hpp"

#include <fmt/format.h>

#include "base/printable.hpp"
#include "base/redact.hpp"
#include "base/text.hpp"

namespace hpawalk {
namespace {

Labels labels_of(const Json& object) {
  Labels labels;
  if (!object.is_object()) return labels;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) labels[name] = value;
  }
  return labels;
}

std::string text_of(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<Json> PrometheusApi::get(const std::string& path_and_query, Duration limit) const {
  Result<HttpResponse> response = transport_(path_and_query, limit);
  if (!response) return failure(response.error());
  Json answer = Json::parse(response->body, nullptr, false);
  if (answer.is_object() && text_of(answer, "status") == "success" && answer.contains("data")) return answer["data"];
  if (answer.is_object() && text_of(answer, "status") == "error") {
    return failure(ErrorClass::check_failed, "prometheus-query", "Prometheus refused the query",
                   text_of(answer, "errorType") + ": " + text_of(answer, "error"));
  }
  std::string said = answer.is_object() ? text_of(answer, "message") : std::string(shortened(text::trim(response->body), 300));
  return failure(ErrorClass::check_failed, "prometheus-http",
                 fmt::format("Prometheus's API did not answer: HTTP {}", response->status), text::redact(said));
}

Result<std::vector<Sample>> PrometheusApi::query(const std::string& expression, Duration limit) const {
  Result<Json> data = get("/api/v1/query?query=" + query_value(expression), limit);
  if (!data) return failure(data.error());
  if (text_of(*data, "resultType") != "vector") {
    return failure(ErrorClass::check_failed, "prometheus-not-vector", "The query does not return a vector",
                   "it returns a " + text_of(*data, "resultType"));
  }
  std::vector<Sample> samples;
  for (const Json& row : data->value("result", Json::array())) {
    const Json& value = row.value("value", Json::array());
    if (value.size() != 2 || !value[0].is_number() || !value[1].is_string()) continue;
    samples.push_back({labels_of(row.value("metric", Json::object())), value[0], value[1]});
  }
  return samples;
}

Result<std::vector<Labels>> PrometheusApi::series(const std::vector<std::string>& selectors, double start,
                                                  Duration limit) const {
  std::string path = "/api/v1/series?";
  if (start > 0) path += fmt::format("start={:.3f}", start);
  for (const std::string& selector : selectors) path += "&match%5B%5D=" + query_value(selector);
  Result<Json> data = get(path, limit);
  if (!data) return failure(data.error());
  std::vector<Labels> series;
  for (const Json& labels : *data) series.push_back(labels_of(labels));
  return series;
}

Result<std::vector<Target>> PrometheusApi::targets() const {
  Result<Json> data = get("/api/v1/targets?state=active");
  if (!data) return failure(data.error());
  std::vector<Target> targets;
  for (const Json& t : data->value("activeTargets", Json::array())) {
    targets.push_back({labels_of(t.value("labels", Json::object())), labels_of(t.value("discoveredLabels", Json::object())),
                       text_of(t, "scrapePool"), text_of(t, "scrapeUrl"), text_of(t, "health"), text_of(t, "lastError"),
                       text_of(t, "lastScrape"), t.value("lastScrapeDuration", 0.0)});
  }
  return targets;
}

Result<std::string> PrometheusApi::config() const {
  Result<Json> data = get("/api/v1/status/config");
  if (!data) return failure(data.error());
  return text_of(*data, "yaml");
}

PrometheusApi prometheus_behind(KubeApi& api, Backend backend, std::string path_prefix) {
  return PrometheusApi([&api, backend = std::move(backend), path_prefix = std::move(path_prefix)](
                           const std::string& path, Duration limit) {
    return backend_get(api, backend, path_prefix + path, limit);
  });
}

PrometheusApi prometheus_at(Http& http, std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return PrometheusApi([&http, url = std::move(url)](const std::string& path, Duration limit) {
    return http.send(HttpRequest{"GET", url + path, {}, {}, {}, limit});
  });
}

}  // namespace hpawalk
