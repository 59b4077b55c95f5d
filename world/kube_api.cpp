#include "world/kube_api.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "base/redact.hpp"
#include "base/text.hpp"
#include "world/kube_list.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"
#include "world/patience.hpp"

namespace hpawalk::world {
namespace {

using namespace std::chrono_literals;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The API server's own words: a Status object's message, or the plain text of whoever answered.
std::string message_of(const HttpResponse& response) {
  Result<Json> status = parse_json(response.body, "The answer");
  if (status && at(*status, "message").is_string()) return text_at(*status, "message");
  std::string plain(text::trim(response.body));
  return text::redact(shortened(plain, 500));
}

// kubectl proxy answers with a plain-text 500 or 502 when it cannot reach the API server or log in.
std::optional<Error> transport_error(const HttpResponse& response) {
  if (response.status != 500 && response.status != 502) return std::nullopt;
  if (parse_json(response.body, "The answer")) return std::nullopt;
  std::string message = message_of(response);
  auto environment = [&](ErrorId id, std::string what, std::string hint) {
    return Error{ErrorClass::environment, id, std::move(what), message, std::move(hint), {}, {}};
  };
  if (has(message, "x509") || has(message, "tls:") || has(message, "certificate")) {
    return environment("kube-tls", "The API server's certificate is not trusted",
                       "Fetch the kubeconfig again, or check certificate-authority-data in it");
  }
  if (has(message, "getting credentials") || has(message, "oauth2") || has(message, "exec plugin")) {
    return environment("kube-unauthorized", "The kubeconfig's credentials were rejected",
                       "Log in again, then repeat the command");
  }
  for (std::string_view sign :
       {"dial tcp", "connection refused", "no such host", "i/o timeout", "no route to host",
        "connection reset", "EOF", "context deadline exceeded", "TLS handshake timeout"}) {
    if (has(message, sign)) {
      return environment("kube-unreachable", "The API server does not respond",
                         "Is the cluster running, and does this network reach it?  kubectl cluster-info");
    }
  }
  return std::nullopt;
}

}  // namespace

std::string right_needed(std::string_view method, std::string_view full_path) {
  std::string_view path = full_path.substr(0, full_path.find('?'));
  bool watching = has(full_path, "watch=1") || has(full_path, "watch=true");
  std::vector<std::string> parts = text::split(path.substr(std::min<size_t>(1, path.size())), '/');
  std::string group;
  size_t next = 0;
  if (parts.size() >= 2 && parts[0] == "api") {
    next = 2;
  } else if (parts.size() >= 3 && parts[0] == "apis") {
    group = "." + parts[1];
    next = 3;
  }
  if (next == 0 || parts.size() <= next) return fmt::format("get {}", path);
  std::string space;
  if (parts[next] == "namespaces" && parts.size() > next + 2) {
    space = parts[next + 1];
    next += 2;
  }
  std::string resource = parts[next] + group;
  bool named = parts.size() > next + 1;
  if (parts.size() > next + 2) resource = parts[next] + "/" + parts[next + 2] + group;
  std::string verb = method == "POST"     ? "create"
                     : method == "PUT"    ? "update"
                     : method == "PATCH"  ? "patch"
                     : method == "DELETE" ? "delete"
                     : watching           ? "watch"
                     : named              ? "get"
                                          : "list";
  return fmt::format("{} {}{}", verb, resource,
                     space.empty() ? " in all namespaces" : " in namespace " + space);
}

Error kube_error(const KubeRequest& request, const HttpResponse& response) {
  if (std::optional<Error> error = transport_error(response)) return *error;
  std::string message = message_of(response);
  std::string place = request.path.substr(0, request.path.find('?'));
  auto make = [&](ErrorId id, std::string what, std::string hint = {}) {
    return Error{ErrorClass::check_failed, id, std::move(what), message, std::move(hint), {}, {}};
  };
  auto environment = [&](ErrorId id, std::string what, std::string hint = {}) {
    Error error = make(id, std::move(what), std::move(hint));
    error.kind = ErrorClass::environment;
    return error;
  };
  switch (response.status) {
    case 401:
      return environment("kube-unauthorized", "Unauthorized: the API server rejected these credentials",
                         "Log in again, then repeat the command");
    case 403: {
      std::string right = right_needed(request.method, request.path);
      return make("kube-forbidden", "Forbidden: this login cannot " + right,
                  "Ask the cluster's administrator for the right to " + right);
    }
    case 404: return make("kube-not-found", "Not found: " + place);
    case 410:
      return make("kube-gone",
                  "Expired: the API server no longer has the continue token for the list of " + place);
    case 429:
      return environment("kube-busy", "Too many requests: the API server is too busy for " + place,
                         "Try again later, or ask for less: one HPA, one namespace");
    case 503:
      return make("kube-unavailable", passed_on(place) ? "Unavailable: no backend responds for " + place
                                                       : "The API server cannot serve " + place + " now");
    case 504:
      return environment("kube-slow", "Timed out: no response in time to " + request.method + " " + place);
    default:
      return make("kube-refused", fmt::format("The API server returned {} for {} {}", response.status,
                                              request.method, place));
  }
}

Error kube_silence(const KubeRequest& request, const Error& error) {
  std::string question = request.method + " " + request.path.substr(0, request.path.find('?'));
  auto environment = [&](ErrorId id, std::string what, std::string hint = {}) {
    return Error{ErrorClass::environment,
                 id,
                 std::move(what),
                 question + ": " + error.because,
                 std::move(hint),
                 {},
                 {}};
  };
  if (error.is("http-slow")) return environment("kube-slow", "Timed out: no response in time");
  if (error.is("http-too-large"))
    return environment("kube-too-large", "The response is larger than hpawalk accepts");
  return environment("kube-unreachable", "The API server does not respond",
                     "Is the cluster running, and does this network reach it?  kubectl cluster-info");
}

bool about_one_question(const Error& error) {
  return error.is("kube-busy") || error.is("kube-slow") || error.is("kube-too-large");
}

Result<Json> kube_send(KubeApi& api, const KubeRequest& request) {
  Result<HttpResponse> response = api.send(request);
  if (!response) return failure(response.error());
  if (!response->ok()) return failure(kube_error(request, *response));
  Result<Json> json = parse_json(response->body, "The answer to " + request.path);
  if (json) return json;
  return failure(ErrorClass::check_failed, "kube-refused", json.error().what,
                 fmt::format("{}; it begins with: {}", json.error().because,
                             text::redact(shortened(response->body, 200))));
}

Result<Json> kube_get(KubeApi& api, const std::string& path, Duration limit) {
  return kube_send(api, KubeRequest{"GET", path, {}, limit});
}

Result<Json> kube_create(KubeApi& api, const std::string& path, const Json& object) {
  return kube_send(api, KubeRequest{"POST", path, json_text(object)});
}

const KubeResource& review_kind_of(const AccessQuestion& question) {
  return question.user.empty() ? kube_kind("SelfSubjectAccessReview") : kube_kind("SubjectAccessReview");
}

Result<bool> may(KubeApi& api, const AccessQuestion& question) {
  size_t slash = question.resource.find('/');
  Json attributes = {{"verb", question.verb},
                     {"group", question.group},
                     {"resource", question.resource.substr(0, slash)},
                     {"namespace", question.space}};
  if (slash != std::string::npos) attributes["subresource"] = question.resource.substr(slash + 1);
  Json spec = {{"resourceAttributes", attributes}};
  const KubeResource& review_kind = review_kind_of(question);
  if (!question.user.empty()) {
    spec["user"] = question.user;
    if (question.user.starts_with("system:serviceaccount:")) {  // as the API server sees such a caller
      std::vector<std::string> parts = text::split(question.user, ':');
      std::string space = parts.size() > 2 ? parts[2] : "";
      spec["groups"] = {"system:authenticated", "system:serviceaccounts", "system:serviceaccounts:" + space};
    }
  }
  Result<Json> review =
      kube_create(api, review_kind.collection(),
                  {{"apiVersion", review_kind.api_version()}, {"kind", review_kind.kind}, {"spec", spec}});
  if (!review) return failure(review.error());
  const Json& allowed = at(*review, "status.allowed");
  if (allowed.is_boolean()) return allowed.get<bool>();
  return failure(ErrorClass::check_failed, "kube-refused",
                 "The response to an access review does not say whether the request is allowed",
                 text::redact(review->dump().substr(0, 200)));
}

std::string proxy_path(const Backend& backend, std::string_view path) {
  std::string scheme = backend.scheme == "http" ? "" : backend.scheme + ":";
  const KubeResource& kind = backend.pod ? kube_kind("Pod") : kube_kind("Service");
  return kind.object(backend.space, fmt::format("{}{}:{}", scheme, backend.name, backend.port)) + "/proxy" +
         std::string(path);
}

Result<HttpResponse> backend_get(KubeApi& api, const Backend& backend, std::string_view path,
                                 Duration limit) {
  return api.send(KubeRequest{"GET", proxy_path(backend, path), {}, limit});
}

Result<HttpResponse> backend_put(KubeApi& api, const Backend& backend, std::string_view path,
                                 std::string body) {
  return api.send(
      KubeRequest{"PUT", proxy_path(backend, path), std::move(body), 10s, {{"Content-Type", "text/plain"}}});
}

namespace {

// One watch connection. True: connect again; false: list again or stop (see `stopped`).
struct Watcher {
  KubeApi& api;
  const std::function<bool(const WatchEvent&)>& on_event;
  std::string path;
  std::string version = {};
  bool stopped = false;
  bool forgotten = false;  // 410: our resourceVersion is too old
  std::optional<Error> error = {};

  bool emit(const WatchEvent& event) {
    if (!stopped && !on_event(event)) stopped = true;
    return !stopped;
  }

  Status list() {
    Result<Json> answer = kube_list(api, path);
    if (!answer) return failure(answer.error());
    version = text_at(*answer, "metadata.resourceVersion");
    emit({"RELISTED"});
    for (const Json& item : list_at(*answer, "items")) {
      if (!emit({"ADDED", item})) return {};
    }
    emit({"SYNCED"});
    return {};
  }

  bool line(std::string_view text) {
    if (text.empty()) return emit({"IDLE"});
    Result<Json> event = parse_json(text, "The event");
    if (!event || !event->is_object()) return true;
    std::string type = text_at(*event, "type");
    const Json& object = at(*event, "object");
    if (type == "ERROR") {
      forgotten = true;  // 410 Gone, or anything else that a fresh list cures
      return false;
    }
    std::string seen = text_at(object, "metadata.resourceVersion");
    if (!seen.empty()) version = seen;
    if (type == "BOOKMARK") return true;
    return emit({type, object});
  }
};

}  // namespace

Status watch(KubeApi& api, Clock& clock, const std::string& path,
             const std::function<bool(const WatchEvent&)>& on_event) {
  Watcher watcher{api, on_event, path};
  Duration pause = 0ms;
  Status listed = watcher.list();
  if (!listed) return listed;
  while (!watcher.stopped) {
    if (watcher.forgotten) {
      Status again = watcher.list();
      if (!again && again.error().kind == ErrorClass::interrupted) return again;
      if (again) watcher.forgotten = false;
    }
    if (!watcher.forgotten && !watcher.stopped) {
      std::string query = fmt::format("{}{}watch=1&allowWatchBookmarks=true&resourceVersion={}", path,
                                      has(path, "?") ? "&" : "?", watcher.version);
      std::string before = watcher.version;
      Result<HttpResponse> end = api.stream(query, [&](std::string_view line) { return watcher.line(line); });
      if (watcher.stopped) return {};
      if (!end && end.error().kind == ErrorClass::interrupted) return failure(end.error());
      if (end && end->status == 410) watcher.forgotten = true;
      if (end && (end->status == 403 || end->status == 404)) {
        return failure(kube_error(KubeRequest{"GET", query}, *end));
      }
      if (end && end->ok() && watcher.version != before) pause = 0ms;
    }
    // A server that keeps hanging up must not be hammered.
    if (!clock.sleep(pause)) return interrupted("watching " + path);
    watcher.emit({"IDLE"});
    pause = std::min<Duration>(pause * 2 + 100ms, 5s);
  }
  return {};
}

std::string query_value(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += fmt::format("%{:02X}", c);
    }
  }
  return out;
}

}  // namespace hpawalk::world
