// The way from the adapter to Prometheus: the URL that it asks, and the credentials that it sends.
#include <algorithm>

#include "base/printable.hpp"
#include "diagnose/rules_adapter.hpp"

namespace hpawalk::diagnose {

const Cause cause::adapter_prometheus_url = {
    .id = "adapter-prometheus-url",
    .link = Link::adapter,
    .symptom = "The API lists nothing: resources: []",
    .reason = "--prometheus-url has the wrong host, port, scheme or path",
    .detection = "The URL against the Services, their ports and endpoints; the adapter's log",
    .fix = "Correct the URL"};

const Cause cause::adapter_prometheus_auth = {
    .id = "adapter-prometheus-auth",
    .link = Link::adapter,
    .symptom = "The adapter's log: 401 or 403",
    .reason = "Prometheus requires authentication, or a mesh's authorization policy blocks the adapter",
    .detection = "The log, or Prometheus's own answer",
    .fix = "Give the adapter credentials"};

const Cause cause::adapter_other_server = {
    .id = "adapter-other-server",
    .link = Link::adapter,
    .symptom = "The adapter's log: unknown response code 404",
    .reason =
        "The adapter's connection leads to another server than Prometheus, for example one that got the "
        "address of a previous pod",
    .detection = "The adapter's log against what Prometheus responds at the same URL",
    .fix = "Restart the adapter, or correct what leads it there"};

namespace {

// klog's "E1124 02:15:33.123456": does the line belong to the last `age` before the facts were taken?
bool recent(const std::string& line, world::WallTime taken, world::Duration age) {
  int month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(line.c_str(), "%*c%2d%2d %2d:%2d:%2d", &month, &day, &hour, &minute, &second) != 5)
    return true;
  std::string year = world::rfc3339(taken).substr(0, 4);
  std::optional<world::WallTime> when = world::parse_time(
      fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, hour, minute, second));
  return !when || taken - *when <= age;
}

Fix fix_url(const Context& c, const std::string& url) {
  if (!url.empty() && url == c.adapter.prometheus_url)
    return advice(
        "--prometheus-url already names this cluster's Prometheus: find what keeps the adapter from it",
        look_at_adapter(c));
  if (url.empty())
    return advice(
        "Set --prometheus-url of the adapter to Prometheus's API (in the chart: prometheus.url, "
        "prometheus.port)",
        look_at_adapter(c));
  return set_adapter_flag(
      c, "prometheus-url", url,
      fmt::format("Point the adapter to {} (--prometheus-url; in the chart: prometheus.url, prometheus.port)",
                  url));
}

bool url_broken(const Context& c, Report& report, std::string sentence, std::vector<std::string> evidence,
                const std::string& right_url, Certainty certainty = Certainty::certain) {
  evidence.insert(evidence.begin(), fmt::format("Deployment {}/{}: --prometheus-url={}", c.adapter.space,
                                                deployment(c), c.adapter.prometheus_url));
  report.broken(cause::adapter_prometheus_url, std::move(sentence), std::move(evidence),
                fix_url(c, right_url), certainty);
  return false;
}

// Then nobody could respond, whatever the URL is.
bool nobody_there(const Report& report) {
  return report.has(cause::prometheus_not_ready) || report.has(cause::operator_not_running);
}

bool auth_broken(const Context& c, Report& report, std::vector<std::string> evidence) {
  std::string token =
      std::any_of(c.adapter.args.begin(), c.adapter.args.end(),
                  [](const std::string& a) {
                    return has(a, "token-file") || has(a, "prometheus-header") || has(a, "auth");
                  })
          ? "its flags contain credentials, which Prometheus rejects"
          : "it sends no credentials";
  report.broken(
      cause::adapter_prometheus_auth,
      fmt::format("Prometheus (or a proxy in front of it) rejects the adapter's requests: {}", token),
      std::move(evidence),
      advice("Give the adapter credentials (--prometheus-token-file, --prometheus-header), or exempt it",
             look_at_adapter(c)));
  return false;
}

// The last line of the adapter's log about Prometheus, if nothing newer contradicts it: a value that was read
// just now, or the list that the adapter reads at each relist interval.
std::string last_trouble(const Context& c) {
  std::optional<Reading> probe = c.probe();
  if (probe && probe->read() && !list_at(probe->value, "items").empty()) return {};
  world::Duration age = std::max<world::Duration>(
      c.adapter.relist.value_or(world::Duration(0)) + std::chrono::seconds(10), std::chrono::seconds(20));
  std::string line;
  for (const std::string& l : c.log()) {
    if ((has(l, "unable to update list of all metrics") ||
         has(l, "unable to fetch metrics from prometheus")) &&
        recent(l, c.facts.taken, age))
      line = l;
  }
  return line;
}

bool has_any(const std::string& line, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](const char* part) { return has(line, part); });
}

bool timed_out(const Context& c, Report& report, const std::vector<std::string>& evidence) {
  if (nobody_there(report)) return true;
  if (policy_broken(c, report, evidence)) return false;
  if (too_broad(c, report, evidence)) return true;
  return url_broken(c, report, "The adapter's requests to Prometheus time out", evidence, likely_url(c),
                    Certainty::likely);
}

// Prometheus has all pages that the adapter asks for, and hpawalk gets them at the adapter's own URL.
bool other_server(const Context& c, Report& report, const std::string& line,
                  std::vector<std::string> evidence) {
  const Reading* names = c.prometheus_reading("names");
  if (!has(line, "unknown response code 404") || names == nullptr || !names->read()) return false;
  evidence.push_back(seen(*names, "Prometheus responds"));
  report.broken(
      cause::adapter_other_server,
      fmt::format(
          "The adapter gets 404 from the server that it reaches at {}, but Prometheus responds there: "
          "the adapter reaches another server",
          c.adapter.prometheus_url),
      std::move(evidence),
      advice("Restart the adapter, so that it connects again. If that does not help, find what leads it "
             "elsewhere: hostAliases of its pods, its DNS, a proxy or a mesh",
             look_at_adapter(c)),
      Certainty::likely);
  return true;
}

// What the adapter's own log says about reaching Prometheus, lately.
bool connection_by_log(const Context& c, Report& report) {
  std::string line = last_trouble(c);
  if (line.empty()) return true;
  std::vector<std::string> evidence = {"adapter's log: " + std::string(shortened(line, 400))};
  // An answer of Prometheus that hpawalk gets itself says that it is up: then the way to it is to blame.
  if (has_any(line, {" 401", " 403", "nauthorized", "orbidden"})) return auth_broken(c, report, evidence);
  if (has(line, "no such host"))
    return url_broken(c, report, "The adapter cannot resolve Prometheus's name", evidence, likely_url(c));
  if (has_any(line, {"HTTP response to HTTPS client", "malformed HTTP response",
                     "HTTP request to an HTTPS server"})) {
    return url_broken(c, report, "The adapter uses the wrong scheme (http or https) for Prometheus", evidence,
                      likely_url(c));
  }
  if (has_any(line, {"i/o timeout", "deadline exceeded", "Client.Timeout"}))
    return timed_out(c, report, evidence);
  if (other_server(c, report, line, evidence)) return false;
  if (has_any(line, {"connection refused", "no route to host", "EOF", "404"})) {
    // After Prometheus has just come back, the last line is still the old one.
    const Reading* runtime = c.prometheus_reading("runtime");
    if (runtime != nullptr && runtime->read() && c.registered() == true) return true;
    if (nobody_there(report)) return true;
    return url_broken(c, report, "The adapter gets no response from Prometheus", evidence, likely_url(c),
                      Certainty::likely);
  }
  return true;  // bad_data and the like: judge_listing finds the rule
}

// hpawalk cannot ask a Prometheus outside of the cluster, but the adapter's log says whether it can.
bool asked_outside(const Context& c, Report& report) {
  std::string host = c.adapter.url_host;
  if (host == "localhost" || host.starts_with("127.")) {
    return url_broken(
        c, report,
        "The adapter connects to Prometheus at localhost, which is its own pod: --prometheus-url is not set",
        {}, likely_url(c));
  }
  if (!connection_by_log(c, report)) return false;
  // --prometheus has led there as well.
  const Reading* names = c.prometheus_reading("names");
  if (names != nullptr && names->read() && has(c.prometheus.address->url, "://" + host)) return true;
  report.set(
      Link::adapter, Mark::unknown,
      c.adapter.prometheus_url + " is outside this cluster; the adapter's log shows no errors with it");
  return true;
}

bool no_service(const Context& c, Report& report) {
  const Reading* services = c.facts.listing("services", c.adapter.url_space);
  if (services == nullptr || services->refused()) {
    report.set(Link::adapter, Mark::unknown,
               "the Service of " + c.adapter.prometheus_url + " could not be read: " + why_unread(services));
    return true;
  }
  return url_broken(
      c, report,
      fmt::format("The adapter connects to {}, but Service {} does not exist in namespace {}",
                  c.adapter.prometheus_url, c.adapter.url_service, c.adapter.url_space),
      {fmt::format("Services of namespace {}: no {}", c.adapter.url_space, c.adapter.url_service)},
      likely_url(c));
}

bool port_exists(const Context& c, Report& report) {
  std::vector<std::string> ports;
  for (const Json& port : list_at(*c.prometheus.service, "spec.ports")) {
    if (int_at(port, "port") == c.adapter.url_port) return true;
    ports.push_back(text_at(port, "port"));
  }
  std::string all = text::join(ports, ", ");
  return url_broken(c, report,
                    fmt::format("The adapter connects to port {} of Service {}/{}, which has only port {}",
                                c.adapter.url_port, c.adapter.url_space, c.adapter.url_service, all),
                    {fmt::format("Service {}/{}: ports {}", c.adapter.url_space, c.adapter.url_service, all)},
                    ports.size() == 1 ? fmt::format("{}://{}:{}{}", c.adapter.url_scheme, c.adapter.url_host,
                                                    ports.front(), c.adapter.url_prefix)
                                      : likely_url(c));
}

// Were the Prometheus objects and the pods read, of which one could be the cause?
bool prometheus_seen(const Context& c) {
  const Reading *objects = c.facts.whole("prometheuses"),
                *pods = c.facts.listing("pods", c.adapter.url_space);
  return (objects == nullptr || !objects->refused()) && pods != nullptr && pods->read();
}

// A Service that is to blame for having no endpoint: its Prometheus runs, or is none of this Service.
bool leads_to_pods(const Context& c, Report& report) {
  if (ready_endpoints(c.facts, *c.prometheus.service) > 0 || nobody_there(report)) return true;
  const Reading* slices = c.facts.listing("endpointslices", c.adapter.url_space);
  if (slices == nullptr || !slices->read()) return true;
  bool prometheus_runs = std::any_of(c.prometheus.pods.begin(), c.prometheus.pods.end(),
                                     [](const Json* p) { return pod_ready(*p); });
  if (!prometheus_runs && c.prometheus.resource != nullptr &&
      !pods_of_service(c.facts, *c.prometheus.service).empty())
    return true;
  return url_broken(c, report,
                    fmt::format("The adapter connects to Service {}/{}, which has no ready pod",
                                c.adapter.url_space, c.adapter.url_service),
                    {fmt::format("EndpointSlices of Service {}/{}: no ready address", c.adapter.url_space,
                                 c.adapter.url_service)},
                    likely_url(c), prometheus_seen(c) ? Certainty::certain : Certainty::likely);
}

// The question that the adapter itself depends on: others that speak PromQL lack some of Prometheus's status
// pages.
bool speaks_prometheus(const Context& c, Report& report) {
  const Reading* names = c.prometheus_reading("names");
  if (names == nullptr || nobody_there(report)) return true;
  bool login = names->failed_with("prometheus-login");
  if (!login && !names->failed_with("prometheus-http")) return true;
  std::string said = names->error.empty() ? "" : ": " + std::string(shortened(names->error, 120));
  // Of hpawalk's own credentials, for --prometheus, nothing follows for the adapter's.
  if (login && c.facts.find(prometheus_url_key) != nullptr) return true;
  if (login || has_any(names->error, {"401", "nauthorized", "orbidden"}))
    return auth_broken(c, report, {seen(*names, names->error)});
  return url_broken(c, report,
                    fmt::format("The server at {} is not a Prometheus API{}", c.adapter.prometheus_url, said),
                    {seen(*names, "no response of Prometheus" + said)}, likely_url(c), Certainty::likely);
}

}  // namespace

bool judge_way_to_prometheus(const Context& c, Report& report) {
  if (!c.adapter.url_in_cluster) return asked_outside(c, report);
  if (c.prometheus.service == nullptr) return no_service(c, report);
  if (!port_exists(c, report)) return false;
  if (report.has(cause::prometheus_not_ready)) return true;  // nothing else can be said of the way there
  return leads_to_pods(c, report) && speaks_prometheus(c, report) && connection_by_log(c, report);
}

}  // namespace hpawalk::diagnose
