// Where the threads of one run meet: which milestones are reached, and whether everybody is to stop.
// Knows nothing about stages.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace hpawalk::steps {

class Board {
 public:
  void expect(const std::string& milestone) { expected_.insert(milestone); }  // before threads start
  void reach(const std::string& milestone) {
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
  std::string missing(const std::vector<std::string>& milestones) {
    std::lock_guard lock(mutex_);
    return find_missing(milestones);
  }
  bool wait(const std::vector<std::string>& milestones) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopped_ || find_missing(milestones).empty(); });
    return !stopped_;
  }

 private:
  std::string find_missing(const std::vector<std::string>& milestones) {
    for (const std::string& milestone : milestones) {
      if (expected_.contains(milestone) && !reached_.contains(milestone)) return milestone;
    }
    return {};
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> expected_, reached_;
  bool stopped_ = false;
};

}  // namespace hpawalk::steps
