#include "world/workers.hpp"

#include <stdexcept>
#include <system_error>
#include <utility>

namespace hpawalk::world {

Error error_of(const std::exception& exception) {
  return Error{ErrorClass::internal,
               "internal",
               "Internal error (this is a bug in hpawalk)",
               exception.what(),
               "Report it, with the command line that you used",
               {},
               {}};
}

Workers::~Workers() {
  if (!threads_.empty() && stop_) stop_();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::start(std::function<void()> work) {
  threads_.reserve(threads_.size() + 1);  // so that a thread that runs is one that is joined
  try {
    threads_.emplace_back([this, work = std::move(work)] { guarded(work); });
  } catch (const std::system_error& error) {  // the system has no thread left
    failed(error);
  }
}

Status Workers::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (std::optional<Error> error = std::exchange(error_, std::nullopt)) return failure(*std::move(error));
  return {};
}

void Workers::guarded(const std::function<void()>& work) noexcept {
  try {
    work();
  } catch (const std::exception& exception) {
    failed(exception);
  } catch (...) {
    failed(std::runtime_error("an exception that is not a std::exception was thrown"));
  }
}

void Workers::failed(const std::exception& exception) {
  {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = error_of(exception);
  }
  if (stop_) stop_();
}

}  // namespace hpawalk::world
