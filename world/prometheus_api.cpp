#include "world/prometheus_api.hpp"

#include <curl/curl.h>

#include <cctype>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/printable.hpp"
#include "base/redact.hpp"
#include "base/text.hpp"

namespace hpawalk::world {
namespace {

Labels labels_of(const Json& object) {
  Labels labels;
  if (!object.is_object()) return labels;
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) labels[name] = value;
  }
  return labels;
}

Error another_shape(const std::string& path) {
  return Error{ErrorClass::check_failed,
               "prometheus-http",
               "The server is not a Prometheus API",
               "its answer to " + path + " has an unexpected format",
               {},
               {},
               {}};
}

// The API server's own refusal to pass a question on, told from one of Prometheus's by what is forbidden.
std::optional<Error> refused_by_api_server(const HttpResponse& response) {
  if (response.status != 403) return std::nullopt;
  Result<Json> answer = parse_json(response.body, "The API server's answer");
  std::string said = answer ? text_at(*answer, "message") : std::string(shortened(response.body, 300));
  if (said.find("services/proxy") == std::string::npos && said.find("pods/proxy") == std::string::npos)
    return std::nullopt;
  return Error{ErrorClass::check_failed,
               "prometheus-forbidden",
               "The API server forbids queries to Prometheus through its proxy",
               text::redact(said),
               {},
               {},
               {}};
}

// Prometheus knows no logins: it, or a proxy in front of it, was set up to require one.
std::optional<Error> refused_login(const HttpResponse& response, std::string hint) {
  if (response.status != 401 && response.status != 403) return std::nullopt;
  return Error{
      ErrorClass::check_failed,
      "prometheus-login",
      response.status == 401 ? "Prometheus requires other credentials"
                             : "Prometheus forbids the query with these credentials",
      fmt::format("HTTP {}: {}", response.status, text::redact(shortened(text::trim(response.body), 300))),
      std::move(hint),
      {},
      {}};
}

// What was sent may come back in what a proxy says about it.
void take_out(std::string& body, const std::string& secret) {
  constexpr size_t shortest = 8;  // "1", a tenant, is no secret, and is part of too much else
  if (secret.size() < shortest) return;
  for (size_t at = body.find(secret); at != std::string::npos; at = body.find(secret, at))
    body.replace(at, secret.size(), "[redacted]");
}

}  // namespace

Result<Json> PrometheusApi::get(const std::string& path_and_query, Duration limit) const {
  Result<HttpResponse> response = transport_(path_and_query, limit);
  if (!response) return failure(response.error());
  Result<Json> answer = parse_json(response->body, "Prometheus's answer");
  if (answer && text_at(*answer, "status") == "success" && answer->contains("data"))
    return std::move((*answer)["data"]);
  if (answer && text_at(*answer, "status") == "error") {
    return failure(ErrorClass::check_failed, "prometheus-query", "Prometheus rejected the query",
                   text_at(*answer, "errorType") + ": " + text_at(*answer, "error"));
  }
  std::string begin(shortened(text::trim(response->body), 300));
  std::string said = answer           ? text_at(*answer, "message")
                     : response->ok() ? answer.error().because + "; it begins with: " + begin
                                      : begin;
  return failure(ErrorClass::check_failed, "prometheus-http",
                 fmt::format("The Prometheus API failed: HTTP {}", response->status), text::redact(said));
}

Result<std::vector<Sample>> PrometheusApi::query(const std::string& expression, Duration limit) const {
  Result<Json> data = get("/api/v1/query?query=" + query_value(expression), limit);
  if (!data) return failure(data.error());
  std::string type = text_at(*data, "resultType");
  if (type.empty() || !at(*data, "result").is_array()) return failure(another_shape("/api/v1/query"));
  if (type != "vector") {
    return failure(ErrorClass::check_failed, "prometheus-not-vector", "The query does not return a vector",
                   "it returns a " + type);
  }
  std::vector<Sample> samples;
  for (const Json& row : list_at(*data, "result")) {
    const Json& value = list_at(row, "value");
    if (value.size() != 2 || !value[0].is_number() || !value[1].is_string()) continue;
    samples.push_back({labels_of(at(row, "metric")), value[0], value[1]});
  }
  return samples;
}

Result<Json> PrometheusApi::range(const std::string& expression, double start, double end, double step,
                                  Duration limit) const {
  Result<Json> data = get(fmt::format("/api/v1/query_range?query={}&start={:.15g}&end={:.15g}&step={:g}",
                                      query_value(expression), start, end, step),
                          limit);
  if (!data) return failure(data.error());
  if (!at(*data, "result").is_array()) return failure(another_shape("/api/v1/query_range"));
  return std::move((*data)["result"]);
}

Result<std::vector<Labels>> PrometheusApi::series(const std::vector<std::string>& selectors, double start,
                                                  Duration limit) const {
  std::string path = "/api/v1/series?";
  if (start > 0) path += fmt::format("start={:.3f}", start);
  for (const std::string& selector : selectors) path += "&match%5B%5D=" + query_value(selector);
  Result<Json> data = get(path, limit);
  if (!data) return failure(data.error());
  if (!data->is_array()) return failure(another_shape("/api/v1/series"));
  std::vector<Labels> series;
  for (const Json& labels : *data) series.push_back(labels_of(labels));
  return series;
}

Result<std::vector<Target>> PrometheusApi::targets() const {
  Result<Json> data = get("/api/v1/targets?state=active");
  if (!data) return failure(data.error());
  std::vector<Target> targets;
  if (!at(*data, "activeTargets").is_array()) return failure(another_shape("/api/v1/targets"));
  for (const Json& t : list_at(*data, "activeTargets")) {
    targets.push_back({labels_of(at(t, "labels")), labels_of(at(t, "discoveredLabels")),
                       text_at(t, "scrapePool"), text_at(t, "scrapeUrl"), text_at(t, "health"),
                       text_at(t, "lastError"), text_at(t, "lastScrape"), real_at(t, "lastScrapeDuration")});
  }
  return targets;
}

Result<std::string> PrometheusApi::config() const {
  Result<Json> data = get("/api/v1/status/config");
  if (!data) return failure(data.error());
  return text_at(*data, "yaml");
}

std::vector<Point> points_of(const Json& values) {
  constexpr double latest = 1e11;  // in some 3,000 years
  std::vector<Point> points;
  if (!values.is_array()) return points;
  for (const Json& pair : values) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_string()) continue;
    auto time = pair[0].get<double>();
    std::optional<double> value = text::number(pair[1].get_ref<const std::string&>());
    if (value && time > 0 && time < latest) points.push_back({time, *value});
  }
  return points;
}

PrometheusApi prometheus_behind(KubeApi& api, Backend backend, std::string path_prefix) {
  return PrometheusApi([&api, backend = std::move(backend), path_prefix = std::move(path_prefix)](
                           const std::string& path, Duration limit) -> Result<HttpResponse> {
    Result<HttpResponse> response = backend_get(api, backend, path_prefix + path, limit);
    if (!response) return response;
    if (std::optional<Error> refused = refused_by_api_server(*response)) return failure(*std::move(refused));
    std::optional<Error> login = refused_login(
        *response,
        "The API server passes no credentials on: use --prometheus URL with --prometheus-token-file FILE or "
        "--prometheus-header 'NAME: VALUE'");
    if (login) return failure(*std::move(login));
    return response;
  });
}

PrometheusApi prometheus_at(Http& http, std::string url, PrometheusLogin login) {
  while (url.ends_with('/')) url.pop_back();
  return PrometheusApi([&http, url = std::move(url), login = std::move(login)](
                           const std::string& path, Duration limit) -> Result<HttpResponse> {
    HttpRequest request{"GET", url + path, {}, login.headers, {}, limit};
    request.client_certificate = login.client_certificate;
    request.client_key = login.client_key;
    request.ca = login.ca;
    if (login.token) {
      Result<std::string> token = login.token();
      if (!token) return failure(token.error());
      request.headers["Authorization"] = "Bearer " + *token;
    }
    Result<HttpResponse> response = http.send(request);
    if (!response || response->ok()) return response;
    for (const auto& [name, value] : request.headers) {
      take_out(response->body, value);
      take_out(response->body, value.substr(value.find(' ') + 1));  // without "Bearer"
    }
    if (std::optional<Error> refused = refused_login(*response, login.when_refused))
      return failure(*std::move(refused));
    return response;
  });
}

bool is_azure_monitor_host(std::string_view host) {
  constexpr std::string_view domain = ".prometheus.monitor.azure.com";
  if (host.size() <= domain.size()) return false;
  std::string lower(host);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower.ends_with(domain);
}

// Taken apart by the library that sends the request, so that both see the same host.
bool is_azure_monitor_url(const std::string& url) {
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), curl_url_cleanup);
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return false;
  auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string result;
    if (curl_url_get(parts.get(), which, &text, 0) == CURLUE_OK) result = text;
    curl_free(text);
    return result;
  };
  return part(CURLUPART_SCHEME) == "https" && part(CURLUPART_USER).empty() &&
         is_azure_monitor_host(part(CURLUPART_HOST));
}

}  // namespace hpawalk::world
