// Prometheus's HTTP API as a thin typed client: through the API server's proxy (a Service or a pod), or a
// URL. Asks and parses; knows nothing about what the series mean.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "world/kube_api.hpp"

namespace hpawalk::world {

using Labels = std::map<std::string, std::string>;

struct Sample {
  Labels labels;      // with __name__ where the query keeps it
  double time = 0;    // seconds since the epoch
  std::string value;  // as Prometheus writes it: "50", "NaN", "+Inf", "1.5e+06"
};

// One point of a range query's series.
struct Point {
  double time = 0;  // seconds since the epoch
  double value = 0;
};
// The points of a series as /api/v1/query_range writes it: [[time, "value"], ...]. What is no point, or of a
// time that no clock shows, is left out.
std::vector<Point> points_of(const Json& values);

struct Target {
  Labels labels;
  Labels discovered;
  std::string pool;  // "serviceMonitor/prom-metrics/prom-fake/0"
  std::string url;
  std::string health;  // up, down, unknown
  std::string last_error;
  std::string last_scrape;  // RFC 3339; "0001-01-01T00:00:00Z": never
  double scrape_seconds = 0;
};

// One Prometheus. Errors: `prometheus-query` when it refuses (`because` says what it said),
// `prometheus-login` when it, or what is in front of it, answers 401 or 403, `prometheus-http` when something
// else answered (a login page, a proxy's 503), `prometheus-forbidden` when the API server does not pass the
// question on, or the transport's.
class PrometheusApi {
 public:
  using Transport = std::function<Result<HttpResponse>(const std::string& path_and_query, Duration limit)>;
  explicit PrometheusApi(Transport transport) : transport_(std::move(transport)) {}

  Result<std::vector<Sample>> query(const std::string& expression,
                                    Duration limit = std::chrono::seconds(10)) const;
  // The values at `start`, `start` + `step` and so on up to `end` (seconds), as Prometheus writes them:
  // [{"metric": {...}, "values": [[time, "value"], ...]}, ...]. points_of() reads the values of one.
  Result<Json> range(const std::string& expression, double start, double end, double step,
                     Duration limit = std::chrono::seconds(10)) const;
  // Label sets of the series that any of the selectors matches, seen since `start` (seconds since the epoch;
  // 0: Prometheus's default).
  Result<std::vector<Labels>> series(const std::vector<std::string>& selectors, double start = 0,
                                     Duration limit = std::chrono::seconds(10)) const;
  Result<std::vector<Target>> targets() const;  // active ones
  Result<std::string> config() const;           // YAML
  Result<Json> get(const std::string& path_and_query,
                   Duration limit = std::chrono::seconds(10)) const;  // its `data`

 private:
  Transport transport_;
};

PrometheusApi prometheus_behind(KubeApi& api, Backend backend, std::string path_prefix = {});

// What a Prometheus at a URL, or what is in front of it, requires of each request. It is sent to that URL
// only (redirects are not followed), and is in no error.
struct PrometheusLogin {
  std::map<std::string, std::string> headers = {};
  std::function<Result<std::string>()> token = {};  // asked before each request, as tokens expire; or none
  std::string client_certificate = {}, client_key = {}, ca = {};  // PEM files, as in HttpRequest
  std::string when_refused = {};                                  // what to do after a 401 or 403
};
PrometheusApi prometheus_at(Http& http, std::string url,  // "http://host:9090/prefix"
                            PrometheusLogin login = {});

// Is this host, or the host of this https URL, the query endpoint of an Azure Monitor workspace? Only there
// may a token go that was made for such endpoints.
bool is_azure_monitor_host(std::string_view host);
bool is_azure_monitor_url(const std::string& url);

}  // namespace hpawalk::world
