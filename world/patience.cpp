#include "world/patience.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace hpawalk::world {
namespace {

using namespace std::chrono_literals;

// Sending it twice is as good as once. Reviews are POSTs, but make nothing.
bool repeatable(const KubeRequest& request) {
  return request.method == "GET" || request.path.find("accessreviews") != std::string::npos;
}

// kubectl proxy's own words, in plain text: it does not reach the API server, which is no matter of patience.
bool by_the_proxy(const HttpResponse& response) {
  return (response.status == 500 || response.status == 502) && !response.body.starts_with("{");
}

// Of an answer that does not say when to come again: will the same question be answered soon?
bool passes_by_itself(const KubeRequest& request, const HttpResponse& response) {
  if (response.status == 429) return true;  // nothing was done: any method
  bool busy =
      response.status == 500 || response.status == 502 || response.status == 503 || response.status == 504;
  return busy && repeatable(request) && !passed_on(request.path) && !by_the_proxy(response);
}

std::optional<Duration> pause_before_next(const KubeRequest& request, const HttpResponse& response,
                                          int attempt) {
  bool later = response.status == 429 || response.status >= 500;
  if (later && response.retry_after) return *response.retry_after;
  if (!passes_by_itself(request, response)) return std::nullopt;
  return 250ms * (1 << (attempt - 1));
}

}  // namespace

bool passed_on(std::string_view path) {
  path = path.substr(0, path.find('?'));
  if (path.find("/proxy/") != std::string_view::npos || path.ends_with("/proxy")) return true;
  for (std::string_view group :
       {"/apis/custom.metrics.k8s.io", "/apis/external.metrics.k8s.io", "/apis/metrics.k8s.io"}) {
    if (path.starts_with(group)) return true;
  }
  return false;
}

Result<HttpResponse> send_patiently(Clock& clock, const KubeRequest& request, const Waiting& waiting,
                                    const std::function<Result<HttpResponse>(int attempt)>& send) {
  Duration waited = 0ms;
  for (int attempt = 1;; ++attempt) {
    Result<HttpResponse> response = send(attempt);
    if (!response || attempt == most_attempts) return response;
    std::optional<Duration> pause = pause_before_next(request, *response, attempt);
    if (!pause || waited + *pause > longest_patience) return response;
    waited += *pause;
    if (waiting && waited > 1s) {
      waiting(fmt::format("the API server is busy ({}): {} {} again in {}", response->status, request.method,
                          request.path.substr(0, request.path.find('?')), text::duration(*pause)));
    }
    if (!clock.sleep(*pause)) {
      if (request.even_interrupted) return response;
      return interrupted("waiting for the API server");
    }
  }
}

}  // namespace hpawalk::world
