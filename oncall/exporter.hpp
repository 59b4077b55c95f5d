// Diagnoses all HPAs of a cluster, again and again, and keeps what is to be said about them as metrics. Reads
// only. It is the judge of `diagnose`: collect and the rules, nothing else.
//
// In memory is the text of the last diagnosis, and the facts while a diagnosis runs.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "diagnose/collect.hpp"
#include "oncall/exposition.hpp"
#include "world/http_server.hpp"
#include "world/world.hpp"

namespace hpawalk::oncall {

struct ExporterOptions {
  diagnose::CollectOptions what = {};  // all HPAs
  world::Duration every = std::chrono::seconds(60);
  std::string version;
};

class Exporter {
 public:
  using Connect = std::function<Result<std::unique_ptr<world::KubeApi>>()>;
  // `connect` is called again where a connection can no longer be used. `tell` gets lines for a log: of each
  // failure, and of the first success and the first one behind a failure.
  Exporter(world::World& world, Connect connect, ExporterOptions options,
           std::function<void(const std::string& line)> tell);

  // One diagnosis. A failure is counted, and told.
  void look();
  // A diagnosis each `every`, until interrupted. One that takes longer is followed by a pause all the same.
  void keep_looking();
  // To a request for /metrics or /healthz; safe to call while another thread looks.
  world::HttpAnswer respond(std::string_view head);

 private:
  Result<diagnose::Facts> collect();
  bool healthy();  // with the mutex

  world::World& world_;
  Connect connect_;
  const ExporterOptions options_;
  std::function<void(const std::string& line)> tell_;
  std::unique_ptr<world::KubeApi> api_;  // of the thread that looks

  std::mutex mutex_;  // for what is below
  Health health_;
  std::shared_ptr<const std::string> hpas_;  // null: nothing that is not too old
  world::TimePoint last_end_, last_success_;
};

}  // namespace hpawalk::oncall
