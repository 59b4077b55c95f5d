// The Kubernetes API as a thin typed client: paths in, JSON out, refusals as errors with stable ids.
//
// Reads, access reviews, watches, and requests through the API server's proxy to Services and pods
// (Prometheus, prom-fake). Changes go through kubectl and helm, deletes through kube_change.hpp. Knows
// nothing about what the objects mean. How it reaches the cluster is in kube_proxy.hpp; tests use
// tests/fakes/fake_kube_api.hpp.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "world/clock.hpp"
#include "world/http.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::world {

struct KubeRequest {
  std::string method = "GET";
  std::string path;  // "/api/v1/pods?labelSelector=..."; queries are encoded by the caller (query_value)
  std::string body = {};
  Duration limit = std::chrono::seconds(10);  // of silence, see HttpRequest
  std::map<std::string, std::string> headers =
      {};                         // Content-Type: application/json when there is a body and no other
  bool even_interrupted = false;  // see HttpRequest
};

// Safe to call from several threads. Everything that waits ends at Ctrl-C.
class KubeApi {
 public:
  virtual ~KubeApi() = default;
  // Any HTTP answer is a response; an error means that no answer came.
  virtual Result<HttpResponse> send(const KubeRequest& request) = 0;
  // Hands over each line of the answer, and an empty line about once a second, until `on_line` returns false.
  virtual Result<HttpResponse> stream(const std::string& path,
                                      const std::function<bool(std::string_view line)>& on_line) = 0;
};

// What a refusal means. The error's id is stable:
//   kube-not-found      404; `because` is the server's message
//   kube-forbidden      403; `what` names the right that is missing, `hint` how to test it
//   kube-unauthorized   401, or the kubeconfig's login failed
//   kube-unavailable    503: an aggregated API or a Service has nobody behind it, or the API server cannot
//   serve now kube-busy           429: too many requests, also after waiting as long as it asked for
//   kube-slow           504, or nothing came for the request's limit
//   kube-too-large      more came than hpawalk takes
//   kube-unreachable    the API server does not answer (address, network)
//   kube-tls            its certificate is not trusted
//   kube-gone           410: the place of a list or watch is forgotten
//   kube-refused        any other answer that is not 2xx
// unauthorized, unreachable, tls, busy, slow and too-large are of class environment. Of these, busy, slow and
// too-large are about one question: another may be answered.
Error kube_error(const KubeRequest& request, const HttpResponse& response);
// What it means that no answer came at all. `error` is the HTTP client's.
Error kube_silence(const KubeRequest& request, const Error& error);
bool about_one_question(const Error& error);

// "list servicemonitors.monitoring.coreos.com in namespace web": the right that a request needs.
std::string right_needed(std::string_view method, std::string_view path);

// One object, or a collection that is short by its nature; others are read by kube_list (kube_list.hpp).
Result<Json> kube_get(KubeApi& api, const std::string& path, Duration limit = std::chrono::seconds(10));
Result<Json> kube_send(KubeApi& api, const KubeRequest& request);  // any request that is answered with JSON
Result<Json> kube_create(KubeApi& api, const std::string& path,
                         const Json& object);  // reviews; changes go through kubectl

struct AccessQuestion {
  std::string verb, group, resource;  // resource may be "pods/proxy"
  std::string space = {};             // namespace; empty: the whole cluster
  std::string user = {};              // empty: may I?  else e.g. "system:serviceaccount:ns:name"
};
const KubeResource& review_kind_of(const AccessQuestion& question);  // Self- or SubjectAccessReview
Result<bool> may(KubeApi& api, const AccessQuestion& question);

// A Service's or pod's port behind the API server's proxy, e.g. {"web", "prom-fake", "web"}.
struct Backend {
  std::string space;            // namespace
  std::string name;             // of the Service, or of the pod
  std::string port;             // number or (Services) name
  std::string scheme = "http";  // or https
  bool pod = false;
};
std::string proxy_path(const Backend& backend, std::string_view path);  // path: "/value"
Result<HttpResponse> backend_get(KubeApi& api, const Backend& backend, std::string_view path,
                                 Duration limit = std::chrono::seconds(10));
Result<HttpResponse> backend_put(KubeApi& api, const Backend& backend, std::string_view path,
                                 std::string body);

struct WatchEvent {
  // ADDED, MODIFIED, DELETED as the API server sends them; RELISTED: forget everything, ADDED follows for all
  // that exists (also first of all); SYNCED: that was all; IDLE: about once a second while nothing happens.
  std::string type;
  Json object = {};
};
// Lists `path` (a collection, possibly with a query), then watches it, resuming after broken connections, and
// listing again when the server has forgotten our place (410). Ends when `on_event` returns false, with an
// error when the list is refused, or interrupted.
Status watch(KubeApi& api, Clock& clock, const std::string& path,
             const std::function<bool(const WatchEvent&)>& on_event);

std::string query_value(std::string_view text);  // percent-encoded

}  // namespace hpawalk::world
