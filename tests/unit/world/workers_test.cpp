#include "world/workers.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>

using namespace hpawalk;
using namespace hpawalk::world;

TEST_CASE("Workers do their work, and may be started again") {
  std::atomic<int> sum = 0;
  Workers workers;
  for (int i = 1; i <= 4; ++i) workers.start([&, i] { sum += i; });
  CHECK(workers.join());
  workers.start([&] { sum += 10; });
  CHECK(workers.join());
  CHECK(sum == 20);
}

TEST_CASE("What a worker throws is an error, and the others are told to stop") {
  std::atomic<bool> stop = false;
  Workers workers([&] { stop = true; });
  workers.start([&] {
    while (!stop) std::this_thread::yield();
  });
  workers.start([] { throw std::runtime_error("no such shape"); });
  Status status = workers.join();
  REQUIRE_FALSE(status);
  CHECK(status.error().id == "internal");
  CHECK(status.error().kind == ErrorClass::internal);
  CHECK(status.error().because == "no such shape");
  CHECK(workers.join());  // it was handed over once
}

TEST_CASE("A scope that is left early stops its workers and waits for them") {
  std::atomic<bool> stop = false, ended = false;
  try {
    Workers workers([&] { stop = true; });
    workers.start([&] {
      while (!stop) std::this_thread::yield();
      ended = true;
    });
    throw 5;
  } catch (int) {
  }
  CHECK(ended);
}
