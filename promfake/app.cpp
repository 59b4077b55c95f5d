#include "app.hpp"

#include <cmath>
#include <vector>

#include "cross_site.hpp"
#include "exposition.hpp"
#include "gzip.hpp"
#include "page.hpp"
#include "text.hpp"
#include "value.hpp"

namespace promfake {
namespace {

struct Target {
  Route route = Route::other;
  std::string metric;  // of /value/{metric}
  std::string_view query;
};

Target resolve(std::string_view target) {
  if (!target.starts_with('/')) {  // http://host/path, as proxies send it
    size_t host = target.find("://");
    size_t path = host == std::string_view::npos ? host : target.find('/', host + 3);
    target = path == std::string_view::npos ? std::string_view("*") : target.substr(path);
  }
  target = target.substr(0, target.find('#'));
  size_t mark = target.find('?');
  Target found;
  if (mark != std::string_view::npos) found.query = target.substr(mark + 1);
  std::string path = percent_decoded(target.substr(0, mark));
  constexpr std::pair<std::string_view, Route> paths[] = {
      {"/metrics", Route::metrics}, {"/value", Route::value},     {"/values", Route::values},
      {"/", Route::page},           {"/healthz", Route::healthz}, {"/readyz", Route::readyz}};
  for (auto [name, route] : paths)
    if (path == name) found.route = route;
  if (path.starts_with("/value/") && path.size() > 7) {
    found.route = Route::value_of;
    found.metric = path.substr(7);
  }
  return found;
}

bool takes_values(Route route) {
  return route == Route::value || route == Route::value_of;
}

// Whether the method may be used on the path, by who asks; otherwise the reply says what may.
bool allowed(const Request& request, const Target& target, Reply& reply) {
  bool reads = request.method == Method::get || request.method == Method::head;
  bool writes = request.method == Method::post || request.method == Method::put;
  bool sets = takes_values(target.route);
  if (request.target == "*" && request.method == Method::options) {
    reply.code = 204;
    reply.headers = "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n";
    return false;
  }
  if (target.route == Route::other) {
    reply = refusal(404, Route::other,
                    "path not found; valid paths are /, /metrics, /value, /value/{metric}, /values, /healthz "
                    "and /readyz");
    return false;
  }
  if (writes && sets) {
    std::string why = refused_origin(request);
    if (!why.empty()) reply = refusal(403, target.route, why);
    return why.empty();
  }
  if (reads) return true;
  if (request.method == Method::options)
    reply.code = 204, reply.route = target.route;
  else
    reply = refusal(405, target.route, std::string(request.method_name) + " is not supported for this path");
  reply.headers = sets ? "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n" : "Allow: GET, HEAD, OPTIONS\r\n";
  return false;
}

Reply serve_metrics(App& app, const Request& request) {
  Format format = choose_format(request.accept);
  bool gzip = accepts_gzip(request.accept_encoding);
  App::Rendered& kept = app.rendered[static_cast<size_t>(format)][gzip];
  if (kept.generation != app.metrics.generation || app.show_self) {
    kept.body = render(app.metrics, app.show_self ? &app.self : nullptr, format);
    if (gzip) kept.body = gzipped(kept.body);
    kept.generation = app.metrics.generation;
  }
  Reply reply;
  reply.content_type = content_type(format);
  reply.headers = gzip ? "Vary: Accept, Accept-Encoding\r\nContent-Encoding: gzip\r\n"
                       : "Vary: Accept, Accept-Encoding\r\n";
  reply.shared = &kept.body;
  return reply;
}

std::string json_number(double value) {
  return std::isfinite(value) ? format_value(value) : "\"" + format_value(value) + "\"";
}

std::string json_of(const Series& series) {
  std::string out = "{\"metric\": \"" + series.name + "\", \"kind\": \"" + std::string(name_of(series.kind)) +
                    "\", \"help\": \"" + json_escaped(series.help) + "\", \"labels\": {";
  for (size_t i = 0; i < series.labels.size(); ++i)
    out +=
        (i ? ", \"" : "\"") + series.labels[i].name + "\": \"" + json_escaped(series.labels[i].value) + "\"";
  return out + "}, \"value\": " + json_number(series.value) + "}";
}

Reply serve_values(const App& app) {
  Reply reply;
  reply.content_type = "application/json";
  reply.headers = "Cache-Control: no-store\r\n";
  reply.own = "[";
  for (const Series& series : app.metrics.series)
    reply.own += (reply.own.size() > 1 ? ",\n " : "") + json_of(series);
  reply.own += "]\n";
  return reply;
}

// Which series the path and the query (?label=value) mean.
Outcome<size_t> selected(const App& app, const Target& target, int& code) {
  code = 404;
  std::vector<Label> labels;
  if (!target.query.empty())
    for (std::string_view part : split(target.query, '&')) {
      size_t equals = part.find('=');
      if (equals != std::string_view::npos)
        labels.push_back({percent_decoded(part.substr(0, equals)), percent_decoded(part.substr(equals + 1))});
    }
  bool first = target.route == Route::value && labels.empty();
  if (first) return Outcome<size_t>::ok(0);
  const std::string& name = target.route == Route::value ? app.metrics.series[0].name : target.metric;
  auto found = matching(app.metrics, name, labels);
  if (found.size() == 1) return Outcome<size_t>::ok(found[0]);
  if (found.empty()) {
    std::string why =
        "metric not found: " + quoted(name) + (labels.empty() ? "" : " with these labels") + "; there are";
    for (const Series& series : app.metrics.series) why += " " + series_title(series);
    return Outcome<size_t>::fail(why);
  }
  code = 409;
  std::string why = "several series match; select one with ?label=value:";
  for (size_t i : found) why += " " + series_title(app.metrics.series[i]);
  return Outcome<size_t>::fail(why);
}

Reply serve_value(App& app, const Request& request, const Target& target) {
  int code = 0;
  auto index = selected(app, target, code);
  if (!index) return refusal(code, target.route, index.why);
  if (request.method == Method::post || request.method == Method::put) {
    if (!request.content_encoding.empty() && !equal_ignoring_case(request.content_encoding, "identity"))
      return refusal(415, target.route, "send the value as it is, without Content-Encoding");
    auto value = parse_value_body(request.body);
    std::string why = value ? set_value(app.metrics, *index, *value) : value.why;
    if (!why.empty()) return refusal(400, target.route, why);
  }
  Reply reply;
  reply.headers = "Cache-Control: no-store\r\nVary: Accept\r\n";
  const Series& series = app.metrics.series[*index];
  bool json = prefers_json(request.accept);
  if (json) reply.content_type = "application/json";
  reply.own = (json ? json_of(series) : format_value(series.value)) + "\n";
  return reply;
}

Reply dispatch(App& app, const Request& request, const Target& target) {
  Reply reply;
  switch (target.route) {
    case Route::metrics: return serve_metrics(app, request);
    case Route::value:
    case Route::value_of: return serve_value(app, request, target);
    case Route::values: return serve_values(app);
    case Route::page:
      reply.content_type = "text/html; charset=utf-8";
      reply.headers =
          "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
          "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src "
          "'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'\r\n";
      reply.shared = &page();
      return reply;
    case Route::readyz:
      if (app.draining) return refusal(503, target.route, "draining");
      [[fallthrough]];
    default:
      reply.headers = "Cache-Control: no-store\r\n";
      reply.own = "ok\n";
      return reply;
  }
}

}  // namespace

Reply handle(App& app, const Request& request) {
  Target target = resolve(request.target);
  Reply reply;
  if (allowed(request, target, reply)) {
    reply = dispatch(app, request, target);
    reply.route = target.route;
  }
  return reply;
}

Reply foresee(const Request& request) {
  Reply reply;
  allowed(request, resolve(request.target), reply);
  return reply;
}

}  // namespace promfake
