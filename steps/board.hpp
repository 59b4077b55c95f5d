// Where the threads of one run meet: which milestones are reached, and whether everybody is to stop.
// Knows nothing about stages.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "steps/milestone.hpp"

namespace hpawalk::steps {

class Board {
 public:
  void expect(const Milestone& milestone) { expected_.insert(milestone); }  // before threads start
  void reach(const Milestone& milestone) {
    std::lock_guard lock(mutex_);
    reached_.insert(milestone);
    changed_.notify_all();
  }
  void stop() {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  bool stopped() {
    std::lock_guard lock(mutex_);
    return stopped_;
  }
  // The first milestone that somebody in this run will reach, but has not yet.
  std::optional<Milestone> missing(const std::vector<Milestone>& milestones) {
    std::lock_guard lock(mutex_);
    return find_missing(milestones);
  }
  bool wait(const std::vector<Milestone>& milestones) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || !find_missing(milestones); });
    return !stopped_;
  }

 private:
  std::optional<Milestone> find_missing(const std::vector<Milestone>& milestones) {
    for (const Milestone& milestone : milestones) {
      if (expected_.contains(milestone) && !reached_.contains(milestone)) return milestone;
    }
    return std::nullopt;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<Milestone> expected_, reached_;
  bool stopped_ = false;
};

}  // namespace hpawalk::steps
