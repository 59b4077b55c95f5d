// Follows a load with prom-fake's value and records what every hop of the chain does. The engine of `drive`;
// knows nothing about how it is told or shown.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "diagnose/controller.hpp"
#include "hpasim/profile.hpp"
#include "observe/recording.hpp"
#include "world/world.hpp"

namespace hpawalk::observe {

// Values, each to be set at its time from the beginning on.
struct Load {
  std::vector<hpasim::Profile::Point> settings;
  hpasim::Time duration{0};
};

// The recording in memory and, if wanted, in its file: after every line, so that nothing is lost whatever
// happens. May be used by several threads.
class Recorder {
 public:
  Recorder(world::World& world, std::string file) : world_(world), file_(std::move(file)) {}
  Status take(const std::string& line);
  Status end(double at, std::string_view why);
  Recording recording() const;  // a copy, while others may still write

 private:
  world::World& world_;
  std::string file_;  // empty: none
  mutable std::mutex mutex_;
  Recording recording_;
  bool ended_ = false;
};

// What a recording begins with; the chain has a source. `hpa`: as the API server has it now.
RecordingHead recording_head(world::Clock& clock, const LiveChain& chain,
                             const diagnose::ControllerSettings& controller, const Json& hpa);

// Sets every value of the load at its time and records, until the load is over. `on_change`: after every
// change, with whether it was recorded. What went wrong, or nothing; the recording is complete either way.
Status drive(world::World& world, world::KubeApi& api, const LiveChain& chain, const Load& load,
             Recorder& recorder, const RecordingHead& head,
             const std::function<void(const Change&, bool recorded)>& on_change);

// Each pod's value as it was, also after Ctrl-C. A pod that is gone needs none.
Status put_back(world::KubeApi& api, const Source& source, const std::map<std::string, std::string>& values);

}  // namespace hpawalk::observe
