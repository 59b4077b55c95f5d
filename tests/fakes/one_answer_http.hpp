// A server that answers every request the same, and keeps what it was sent: headers and certificates too.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "world/http.hpp"

namespace hpawalk::fakes {

class OneAnswerHttp final : public world::Http {
 public:
  explicit OneAnswerHttp(world::HttpResponse answer) : answer_(std::move(answer)) {}
  Result<world::HttpResponse> send(const world::HttpRequest& request) override {
    std::lock_guard lock(mutex_);
    requests.push_back(request);
    return answer_;
  }
  Result<world::HttpResponse> stream(const world::HttpRequest& request,
                                     const std::function<bool(std::string_view)>&) override {
    return send(request);
  }
  std::vector<world::HttpRequest> requests;

 private:
  std::mutex mutex_;
  world::HttpResponse answer_;
};

}  // namespace hpawalk::fakes
