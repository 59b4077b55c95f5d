#include "chain/reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.hpp"
#include "chain/controller.hpp"
#include "world/workers.hpp"

namespace hpawalk {

using namespace std::chrono_literals;

static constexpr size_t few_spaces =
    4;  // more namespaces than this are read with one list of the whole cluster

void Reader::run_round() {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < tasks_.size() && !fatal;) tasks_[i]();
  };
  {
    Workers workers([&] { next = tasks_.size(); });
    for (size_t i = 0; i < std::min(options_.parallel, tasks_.size()); ++i) workers.start(work);
    if (Status done = workers.join(); !done && !fatal) fatal = done.error();
  }
  tasks_.clear();
  // Was it only those behind the API server that did not answer, or the API server itself?
  if (std::exchange(silence_, false) && !fatal) get_now(version_key, version_path);
}

// What the API server only passes on: that an adapter, Prometheus or a node does not answer says nothing
// about the cluster itself.
static bool asks_somebody_else(const std::string& key) {
  for (const char* kind : {"prom:", "api ", "discovery ", "podmetrics", "log "}) {
    if (key.starts_with(kind)) return true;
  }
  return false;
}

void Reader::record(const std::string& key, Reading reading, const Error* error) {
  std::lock_guard lock(mutex_);
  if (error != nullptr) {
    bool hopeless = error->kind == ErrorClass::environment || error->kind == ErrorClass::interrupted;
    bool own = !asks_somebody_else(key) || error->kind == ErrorClass::interrupted;
    if (hopeless && own && !fatal) fatal = *error;
    silence_ |= (hopeless && !own) || error->id == "prometheus-http";
    reading.error_id = error->id;
    reading.error = text::redact(error->because.empty() ? error->what : error->because);
    if (error->id == "kube-forbidden") reading.right = right_needed("GET", reading.path);
  }
  facts.readings[key] = std::move(reading);
}

std::string Reader::get_now(const std::string& key, const std::string& path) {
  TimePoint start = clock_.now();
  Result<Json> answer = kube_get(api_, path);
  Reading reading{path, {}, {}, {}, {}, (clock_.now() - start).count()};
  if (answer) reading.value = trimmed(std::move(*answer));
  record(key, std::move(reading), answer ? nullptr : &answer.error());
  return answer ? std::string() : answer.error().id;
}

void Reader::get(const std::string& key, const std::string& path) {
  later([=, this] { get_now(key, path); });
}

void Reader::list(const std::string& key, const std::string& group, const std::string& resource,
                  const std::vector<std::string>& spaces) {
  later([=, this] {
    bool refused = get_now(key, group + "/" + resource) == "kube-forbidden";
    if (!refused || spaces.empty()) return;
    for (const std::string& space : spaces) {
      get_now(key + "/" + space, fmt::format("{}/namespaces/{}/{}", group, space, resource));
    }
    std::lock_guard lock(mutex_);
    auto whole = facts.readings.extract(key);
    whole.key() = whole_key(key);
    facts.readings.insert(std::move(whole));
  });
}

void Reader::list_by_space(const std::string& key, const std::string& group, const std::string& resource,
                           const std::vector<std::string>& spaces) {
  if (spaces.size() > few_spaces) return list(key, group, resource, spaces);
  for (const std::string& space : spaces) {
    get(key + "/" + space, fmt::format("{}/namespaces/{}/{}", group, space, resource));
  }
}

void Reader::ask(const AccessQuestion& question) {
  later([=, this] {
    std::string kind = question.user.empty() ? "selfsubjectaccessreviews" : "subjectaccessreviews";
    Reading reading{"/apis/authorization.k8s.io/v1/" + kind, {}, {}, {}, {}, 0};
    Result<bool> allowed = may(api_, question);
    if (allowed) reading.value = *allowed;
    record(may_key(question), std::move(reading), allowed ? nullptr : &allowed.error());
  });
}

static bool speaks_of_trouble(const std::string& line) {
  if (line.starts_with('E') || line.starts_with('F')) return true;
  for (const char* sign : {"unable to", "x509", "panic"}) {
    if (line.find(sign) != std::string::npos) return true;
  }
  return false;
}

void Reader::read_log(const Json& pod) {
  std::string path =
      fmt::format("/api/v1/namespaces/{}/pods/{}/log?tailLines=400", space_of(pod), name_of(pod));
  long long restarts = 0;
  for (const Json& c : list_at(pod, "status.containerStatuses")) restarts += int_at(c, "restartCount");
  if (restarts > 0 && !pod_ready(pod)) path += "&previous=true";
  const Json& containers = list_at(pod, "spec.containers");
  if (containers.size() > 1) path += "&container=" + main_container(pod);
  std::string key = "log " + full_name(pod);
  later([=, this] {
    Result<HttpResponse> answer = api_.send(KubeRequest{"GET", path});
    Reading reading{path, {}, {}, {}, {}, 0};
    if (!answer || !answer->ok()) {
      Error error = answer ? kube_error(KubeRequest{"GET", path}, *answer) : answer.error();
      // A node that does not answer, not the API.
      if (error.kind == ErrorClass::environment) error.kind = ErrorClass::check_failed;
      record(key, std::move(reading), &error);
      return;
    }
    reading.value = Json::array();
    for (const std::string& line : text::lines(answer->body)) {
      if (speaks_of_trouble(line)) reading.value.push_back(text::redact(line.substr(0, 600)));
    }
    constexpr size_t most = 40;
    if (reading.value.size() > most) {
      reading.value.erase(reading.value.begin(), reading.value.end() - most);
    }
    record(key, std::move(reading), nullptr);
  });
}

Result<Json> Reader::ask_prometheus_now(const PrometheusAddress& address, const std::string& path) {
  bool directly = !options_.prometheus_url.empty();
  PrometheusApi prometheus = directly ? prometheus_at(http_, options_.prometheus_url)
                                      : prometheus_behind(api_, address.backend, address.prefix);
  Result<Json> answer = prometheus.get(path, 15s);
  if (answer || directly || answer.error().id != "prometheus-http") return answer;
  // The API server's own refusal to pass it on, told from one of Prometheus's.
  const Error& error = answer.error();
  bool by_the_api =
      error.what.ends_with("403") && (error.because.find("services/proxy") != std::string::npos ||
                                      error.because.find("pods/proxy") != std::string::npos);
  if (by_the_api) return failure(ErrorClass::check_failed, "kube-forbidden", error.what, error.because);
  return answer;
}

void Reader::ask_prometheus(const PrometheusAddress& address, const std::string& what,
                            const std::string& path, std::function<Json(Json)> shape) {
  later([=, this] {
    TimePoint start = clock_.now();
    Result<Json> answer = ask_prometheus_now(address, path);
    Reading reading{
        proxy_path(address.backend, address.prefix + path), {}, {}, {}, {}, (clock_.now() - start).count()};
    if (answer) reading.value = trimmed(shape ? shape(*std::move(answer)) : *std::move(answer));
    record(address.key() + " " + what, std::move(reading), answer ? nullptr : &answer.error());
  });
}

}  // namespace hpawalk
