// Reads from a cluster's APIs in parallel, and records under a key what was answered, or why nothing was.
// Knows paths and how answers are cut to what rules need; what to read, and why, is in collect.cpp. Inside
// diagnose/.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "diagnose/collect.hpp"
#include "diagnose/view.hpp"
#include "world/kube_list.hpp"
#include "world/kube_resource.hpp"

namespace hpawalk::diagnose {

// Counts what goes to the API server.
class CountingApi final : public world::KubeApi {
 public:
  explicit CountingApi(world::KubeApi& api) : api_(api) {}
  Result<world::HttpResponse> send(const world::KubeRequest& request) override {
    ++count;
    return api_.send(request);
  }
  Result<world::HttpResponse> stream(const std::string& path,
                                     const std::function<bool(std::string_view line)>& on_line) override {
    ++count;
    return api_.stream(path, on_line);
  }
  std::atomic<size_t> count = 0;

 private:
  world::KubeApi& api_;
};

class Reader {
 public:
  using Task = std::function<void()>;
  Reader(world::KubeApi& api, world::Http& http, world::Clock& clock, const CollectOptions& options)
      : api_(api), http_(http), clock_(clock), options_(options) {}

  Facts facts;                 // to be looked at between rounds only: tasks write to it
  std::optional<Error> fatal;  // nothing else will be read either: out of reach, login failed, interrupted

  // Each of these is done in the next run_round(), together with the others.
  // Tasks may add tasks.
  void later(Task task);
  void get(const std::string& key, const std::string& path);
  void get_metadata(const std::string& key, const std::string& path);  // the server sends nothing else
  // A collection at this path, by pages.
  void list_at_path(const std::string& key, const std::string& path, bool metadata_only = false);
  // The whole cluster's; where that is not allowed, these namespaces'.
  void list(const std::string& key, const world::KubeResource& kind, const std::vector<std::string>& spaces);
  // These namespaces'. If they are many: the whole cluster's, unless its first page shows that so many
  // objects are elsewhere that the namespaces are fewer requests.
  void list_by_space(const std::string& key, const world::KubeResource& kind,
                     const std::vector<std::string>& spaces);
  void ask(const world::AccessQuestion& question);
  void read_kinds(const std::set<std::string>& names);  // where the API server serves kinds of these names
  void read_log(const Json& pod);                       // the lines that speak of trouble
  // Of what the pod serves at a target's URL, the samples of this series.
  void read_page(const std::string& key, const Json& pod, const std::string& url, const std::string& series);
  void ask_prometheus(const PrometheusAddress& address, const std::string& key, const std::string& path,
                      std::function<Json(Json)> shape = {});
  void run_round();

  // For tasks that decide by themselves what comes next.
  // The error's id; empty: read.
  std::string get_now(const std::string& key, const std::string& path);
  std::string list_now(const std::string& key, const std::string& path, bool metadata_only = false);
  Result<Json> ask_prometheus_now(const PrometheusAddress& address, const std::string& path);
  void record(const std::string& key, Reading reading, const Error* error);
  void record_list(const std::string& key, const std::string& path, world::TimePoint start,
                   Result<Json> list);
  size_t requests() const { return api_.count; }

 private:
  void run_tasks(std::vector<Task> tasks);
  void keep(const std::string& key, Reading reading, const Error* error);
  void list_each(const std::string& key, const world::KubeResource& kind,
                 const std::vector<std::string>& spaces);
  void list_whole_or_each(const std::string& key, const world::KubeResource& kind,
                          const std::vector<std::string>& spaces);
  void replaced_by_spaces(const std::string& key);

  CountingApi api_;
  world::Http& http_;
  world::Clock& clock_;
  const CollectOptions& options_;
  std::mutex mutex_, tasks_mutex_;
  std::vector<Task> tasks_;
  bool silence_ = false;  // in this round something was not answered at all
};

}  // namespace hpawalk::diagnose
