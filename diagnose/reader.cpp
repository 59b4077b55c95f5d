#include "diagnose/reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/printable.hpp"
#include "base/redact.hpp"
#include "base/text.hpp"
#include "diagnose/controller.hpp"
#include "diagnose/kept.hpp"
#include "diagnose/view.hpp"
#include "world/kube_discovery.hpp"
#include "world/kube_path.hpp"
#include "world/kube_resource.hpp"
#include "world/workers.hpp"

namespace hpawalk::diagnose {

using namespace std::chrono_literals;

static constexpr size_t few_spaces =
    4;  // more namespaces than this are read with one list of the whole cluster

void Reader::later(Task task) {
  std::lock_guard lock(tasks_mutex_);
  tasks_.push_back(std::move(task));
}

void Reader::run_tasks(std::vector<Task> tasks) {
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < tasks.size() && !fatal;) tasks[i]();
  };
  world::Workers workers([&] { next = tasks.size(); });
  for (size_t i = 0; i < std::min(options_.parallel, tasks.size()); ++i) workers.start(work);
  if (Status done = workers.join(); !done && !fatal) fatal = done.error();
}

void Reader::run_round() {
  while (!tasks_.empty()) run_tasks(std::exchange(tasks_, {}));
  // Was it only this question that was not answered, or does the API server not answer at all?
  if (!std::exchange(silence_, false) || fatal) return;
  if (get_now(version_key, version_path) != "kube-slow") return;
  const Reading& version = facts.readings.at(version_key);
  fatal = Error{ErrorClass::environment,
                "kube-unreachable",
                "The API server does not respond",
                version.error,
                "Is the cluster running, and does this network reach it?  kubectl cluster-info",
                {},
                {}};
}

// Everything that is read comes into the facts by one of these two, and only what rules look at stays.
void Reader::record(const std::string& key, Reading reading, const Error* error) {
  reading.value = error == nullptr ? kept(key, reading.value) : Json();
  keep(key, std::move(reading), error);
}

// Of objects that were cut as they came: whole pods of a large cluster would fill the memory.
void Reader::record_list(const std::string& key, const std::string& path, world::TimePoint start,
                         Result<Json> list) {
  Reading reading{path, {}, {}, {}, {}, (clock_.now() - start).count()};
  if (!list) return keep(key, std::move(reading), &list.error());
  if (!at(*list, "items").is_array())
    return record(key, {path, {}, {}, {}, *std::move(list), reading.ms}, nullptr);
  reading.value = {{"items", std::move((*list)["items"])}};
  keep(key, std::move(reading), nullptr);
}

void Reader::keep(const std::string& key, Reading reading, const Error* error) {
  std::lock_guard lock(mutex_);
  if (error != nullptr) {
    bool stopped = error->kind == ErrorClass::interrupted;
    // That an adapter, Prometheus or a node does not answer says nothing about the cluster itself.
    bool hopeless = error->kind == ErrorClass::environment && !world::about_one_question(*error);
    if ((stopped || (hopeless && kind_of(key) == KeyKind::api_server)) && !fatal) fatal = *error;
    silence_ |= hopeless || error->is("kube-slow") || error->is("prometheus-http");
    reading.error_id = error->id;
    reading.error = text::redact(error->because.empty() ? error->what : error->because);
    if (error->is("kube-forbidden")) reading.right = world::right_needed("GET", reading.path);
  }
  facts.readings[key] = std::move(reading);
}

std::string Reader::get_now(const std::string& key, const std::string& path) {
  world::TimePoint start = clock_.now();
  Result<Json> answer = world::kube_get(api_, path);
  Reading reading{path, {}, {}, {}, {}, (clock_.now() - start).count()};
  if (answer) reading.value = std::move(*answer);
  record(key, std::move(reading), answer ? nullptr : &answer.error());
  return answer ? std::string() : answer.error().id;
}

void Reader::get(const std::string& key, const std::string& path) {
  later([=, this] { get_now(key, path); });
}

void Reader::get_metadata(const std::string& key, const std::string& path) {
  later([=, this] {
    world::TimePoint start = clock_.now();
    world::KubeRequest request{"GET", path};
    request.headers["Accept"] = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    Result<Json> answer = world::kube_send(api_, request);
    Reading reading{path, {}, {}, {}, {}, (clock_.now() - start).count()};
    if (answer) reading.value = {{"metadata", at(*answer, "metadata")}};
    record(key, std::move(reading), answer ? nullptr : &answer.error());
  });
}

static std::function<void(Json&)> cut(const std::string& key) {
  return [key](Json& item) { item = kept(key, item); };
}

std::string Reader::list_now(const std::string& key, const std::string& path, bool metadata_only) {
  world::TimePoint start = clock_.now();
  Result<Json> answer = world::kube_list(api_, path, {.metadata_only = metadata_only, .each = cut(key)});
  std::string id = answer ? "" : answer.error().id;
  record_list(key, path, start, std::move(answer));
  return id;
}

void Reader::list_at_path(const std::string& key, const std::string& path, bool metadata_only) {
  later([=, this] { list_now(key, path, metadata_only); });
}

// The reading of the whole cluster stays to be seen, but not as the one that answers for a namespace.
void Reader::replaced_by_spaces(const std::string& key) {
  std::lock_guard lock(mutex_);
  auto whole = facts.readings.extract(key);
  whole.key() = whole_key(key);
  facts.readings.insert(std::move(whole));
}

void Reader::list_each(const std::string& key, const world::KubeResource& kind,
                       const std::vector<std::string>& spaces) {
  for (const std::string& space : spaces) {
    list_at_path(space_key(key, space), kind.collection(space));
  }
}

void Reader::list(const std::string& key, const world::KubeResource& kind,
                  const std::vector<std::string>& spaces) {
  later([=, this] {
    bool refused = list_now(key, kind.collection()) == "kube-forbidden";
    if (!refused || spaces.empty()) return;
    list_each(key, kind, spaces);
    replaced_by_spaces(key);
  });
}

void Reader::list_by_space(const std::string& key, const world::KubeResource& kind,
                           const std::vector<std::string>& spaces) {
  if (spaces.size() <= few_spaces) return list_each(key, kind, spaces);
  later([=, this] { list_whole_or_each(key, kind, spaces); });
}

void Reader::list_whole_or_each(const std::string& key, const world::KubeResource& kind,
                                const std::vector<std::string>& spaces) {
  bool elsewhere = false;
  world::ListOptions options{.each = cut(key)};
  options.go_on = [&](size_t remaining) {
    elsewhere = remaining / options.page >= spaces.size();
    return !elsewhere;
  };
  std::string path = kind.collection();
  world::TimePoint start = clock_.now();
  Result<Json> answer = world::kube_list(api_, path, options);
  if (elsewhere) return list_each(key, kind, spaces);
  bool refused = !answer && answer.error().is("kube-forbidden");
  record_list(key, path, start, std::move(answer));
  if (!refused) return;
  list_each(key, kind, spaces);
  replaced_by_spaces(key);
}

void Reader::ask(const world::AccessQuestion& question) {
  later([=, this] {
    Reading reading{world::review_kind_of(question).collection(), {}, {}, {}, {}, 0};
    Result<bool> allowed = world::may(api_, question);
    if (allowed) reading.value = *allowed;
    record(may_key(question), std::move(reading), allowed ? nullptr : &allowed.error());
  });
}

void Reader::read_kinds(const std::set<std::string>& names) {
  later([=, this] {
    world::TimePoint start = clock_.now();
    Json kinds = Json::array(), unread = Json::array();
    world::KubeKinds all = world::discover(api_);
    for (const world::KubeKind& k : all.all) {
      if (!names.contains(k.kind)) continue;
      kinds.push_back(
          {{"kind", k.kind}, {"group", k.group}, {"version", k.version}, {"resource", k.resource}});
    }
    for (const world::UnreadKinds& u : all.unread)
      unread.push_back({{"group", u.group}, {"version", u.version}, {"why", u.why}});
    record(kinds_key,
           {"/apis", {}, {}, {}, {{"kinds", kinds}, {"unread", unread}}, (clock_.now() - start).count()},
           nullptr);
  });
}

static bool speaks_of_trouble(const std::string& line) {
  if (line.starts_with('E') || line.starts_with('F')) return true;
  for (const char* sign : {"unable to", "x509", "panic", "\tERROR\t"}) {
    if (line.find(sign) != std::string::npos) return true;
  }
  return false;
}

void Reader::read_log(const Json& pod) {
  std::string path = world::kube_kind("Pod").object(space_of(pod), name_of(pod)) + "/log?tailLines=400";
  long long restarts = 0;
  for (const Json& c : list_at(pod, "status.containerStatuses")) restarts += int_at(c, "restartCount");
  if (restarts > 0 && !pod_ready(pod)) path += "&previous=true";
  const Json& containers = list_at(pod, "spec.containers");
  if (containers.size() > 1) path += "&container=" + world::query_value(main_container(pod));
  std::string key = log_key(full_name(pod));
  later([=, this] {
    Result<world::HttpResponse> answer = api_.send(world::KubeRequest{"GET", path});
    Reading reading{path, {}, {}, {}, {}, 0};
    if (!answer || !answer->ok()) {
      Error error = answer ? world::kube_error(world::KubeRequest{"GET", path}, *answer) : answer.error();
      // A node that does not answer, not the API.
      if (error.kind == ErrorClass::environment) error.kind = ErrorClass::check_failed;
      record(key, std::move(reading), &error);
      return;
    }
    reading.value = Json::array();
    for (const std::string& line : text::lines(answer->body)) {
      if (speaks_of_trouble(line)) reading.value.push_back(shortened(text::redact(line), 600));
    }
    constexpr size_t most = 40;
    if (reading.value.size() > most) {
      reading.value.erase(reading.value.begin(), reading.value.end() - most);
    }
    record(key, std::move(reading), nullptr);
  });
}

// Without what follows it would be the sample of a longer name. A name with other characters than letters,
// digits, _ and : is in quotes, between the labels' braces.
static bool sample_of(const std::string& line, const std::string& series) {
  auto is = [&](const std::string& start, std::string_view next) {
    return line.starts_with(start) && line.size() > start.size() &&
           next.find(line[start.size()]) != std::string_view::npos;
  };
  return is(series, "{ \t") || is("{\"" + series + "\"", ",} \t");
}

void Reader::read_page(const std::string& key, const Json& pod, const std::string& url,
                       const std::string& series) {
  size_t host = url.find("://"), path = url.find('/', host == std::string::npos ? 0 : host + 3);
  size_t colon = url.rfind(':', path);
  if (host == std::string::npos || path == std::string::npos || colon <= host) return;
  world::Backend backend{space_of(pod), name_of(pod), url.substr(colon + 1, path - colon - 1),
                         url.substr(0, host), true};
  std::string asked =
      world::proxy_path(backend, world::path_segments(url.substr(path, url.find('?') - path)));
  if (size_t query = url.find('?'); query != std::string::npos) asked += url.substr(query);
  later([=, this] {
    world::KubeRequest request{"GET", asked};
    request.headers = {
        {"Accept", "text/plain;version=1.0.0;escaping=allow-utf-8,text/plain;version=0.0.4;q=0.5"}};
    Result<world::HttpResponse> answer = api_.send(request);
    Reading reading{asked, {}, {}, {}, Json::array(), 0};
    if (!answer || !answer->ok()) {
      Error error = answer ? world::kube_error(request, *answer) : answer.error();
      record(key, std::move(reading), &error);
      return;
    }
    constexpr size_t most = 5;
    for (const std::string& line : text::lines(answer->body)) {
      if (reading.value.size() < most && sample_of(line, series))
        reading.value.push_back(shortened(text::redact(line), 300));
    }
    record(key, std::move(reading), nullptr);
  });
}

Result<Json> Reader::ask_prometheus_now(const PrometheusAddress& address, const std::string& path) {
  world::PrometheusApi prometheus =
      options_.prometheus_url.empty()
          ? world::prometheus_behind(api_, address.backend, address.prefix)
          : world::prometheus_at(http_, options_.prometheus_url, options_.prometheus_login);
  Result<Json> answer = prometheus.get(path, 15s);
  if (answer) return answer;
  // A reading keeps one sentence of an error.
  if (answer.error().is("prometheus-login")) {
    answer.error().because =
        fmt::format("{} ({}). {}", answer.error().what, answer.error().because, answer.error().hint);
  }
  if (!answer.error().is("prometheus-forbidden")) return answer;
  // A missing right like any other of the API server's.
  const Error& error = answer.error();
  return failure(ErrorClass::check_failed, "kube-forbidden", error.what, error.because);
}

void Reader::ask_prometheus(const PrometheusAddress& address, const std::string& key, const std::string& path,
                            std::function<Json(Json)> shape) {
  later([=, this] {
    world::TimePoint start = clock_.now();
    Result<Json> answer = ask_prometheus_now(address, path);
    Reading reading{address.shown(path), {}, {}, {}, {}, (clock_.now() - start).count()};
    if (answer) reading.value = shape ? shape(*std::move(answer)) : *std::move(answer);
    record(key, std::move(reading), answer ? nullptr : &answer.error());
  });
}

}  // namespace hpawalk::diagnose
