// Threads that cannot take the program down: what one throws becomes an Error (`internal`), and no path out
// of the scope that started them leaves one running. Knows nothing about what they do.
#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/error.hpp"

namespace hpawalk::world {

// An exception that nobody foresaw is a bug of hpawalk.
Error error_of(const std::exception& exception);

// Declared behind all that its work refers to: the destructor waits for the work's end.
class Workers {
 public:
  // `stop` tells work that would go on for good to end. It is called, from any thread, when work has thrown
  // and when the scope is left without join().
  explicit Workers(std::function<void()> stop = {}) : stop_(std::move(stop)) {}
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start(std::function<void()> work);
  // Waits for all; then the first exception among them as an error. Work may be started again behind it.
  Status join();

 private:
  void guarded(const std::function<void()>& work) noexcept;
  void failed(const std::exception& exception);

  std::function<void()> stop_;
  std::mutex mutex_;
  std::optional<Error> error_;
  std::vector<std::thread> threads_;
};

}  // namespace hpawalk::world
