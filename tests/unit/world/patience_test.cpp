#include "world/patience.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace std::chrono_literals;

namespace {

// A server that gives these answers, the last one for ever.
struct Asked {
  fakes::FakeClock clock;
  std::vector<std::string> told;
  int attempts = 0;
  Result<HttpResponse> result = HttpResponse{};

  Asked(const KubeRequest& request, std::deque<HttpResponse> answers,
        Duration interrupt_at = Duration::max()) {
    clock.interrupt_at = interrupt_at;
    result = send_patiently(
        clock, request, [&](const std::string& what) { told.push_back(what); },
        [&](int attempt) -> Result<HttpResponse> {
          attempts = attempt;
          HttpResponse answer = answers.front();
          if (answers.size() > 1) answers.pop_front();
          return answer;
        });
  }
};

const KubeRequest pods{"GET", "/api/v1/pods?limit=500"};
const std::string status = R"({"kind":"Status"})";

}  // namespace

TEST_CASE(
    "A busy API server is asked again when it says, and that is told if it takes longer than a second") {
  Asked asked(pods, {{429, status, 3s}, {503, status, 2s}, {200, "{}"}});
  CHECK(asked.result->status == 200);
  CHECK(asked.attempts == 3);
  CHECK(asked.clock.elapsed == 5s);
  CHECK(asked.told ==
        std::vector<std::string>{"the API server is busy (429): GET /api/v1/pods again in 3.0s",
                                 "the API server is busy (503): GET /api/v1/pods again in 2.0s"});
}

TEST_CASE(
    "Without a time of its own, a busy API server is asked again after growing pauses, and not for ever") {
  for (int code : {429, 500, 502, 503, 504}) {
    Asked asked(pods, {{code, status}});
    CHECK(asked.result->status == code);
    CHECK(asked.attempts == most_attempts);
    CHECK(asked.clock.elapsed == 3750ms);
  }
}

TEST_CASE("A server that asks for more time than there is patience is not waited for") {
  Asked asked(pods, {{429, status, 60s}});
  CHECK(asked.attempts == 1);
  CHECK(asked.clock.elapsed == 0s);
  Asked often(pods, {{429, status, 5s}});
  CHECK(often.attempts == 3);
  CHECK(often.clock.elapsed <= longest_patience);
}

TEST_CASE("A request with a permanent error is not repeated") {
  CHECK(Asked(pods, {{403, status}}).attempts == 1);
  CHECK(Asked(pods, {{404, status}}).attempts == 1);
  // kubectl proxy does not reach the API server
  CHECK(Asked(pods, {{502, "dial tcp 10.0.0.1:443: connection refused"}}).attempts == 1);
  // Nobody behind an aggregated API or a Service
  CHECK(Asked({"GET", "/apis/custom.metrics.k8s.io/v1beta1"}, {{503, status}}).attempts == 1);
  CHECK(Asked({"GET", "/api/v1/namespaces/m/services/p:9090/proxy/api/v1/query"}, {{503, status}}).attempts ==
        1);
  // A change may have been made
  CHECK(Asked({"PUT", "/api/v1/namespaces/m/services/p:web/x"}, {{500, status}}).attempts == 1);
  // but a review makes nothing, and 429 says that nothing was done
  CHECK(
      Asked({"POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}, {{500, status}, {201, "{}"}})
          .attempts == 2);
  CHECK(Asked({"PUT", "/api/v1/namespaces/m/services/p:web/x"}, {{429, status}, {200, "{}"}}).attempts == 2);
}

TEST_CASE("Ctrl-C ends the wait for a busy API server") {
  Asked asked(pods, {{429, status, 3s}}, 1s);
  REQUIRE_FALSE(asked.result);
  CHECK(asked.result.error().kind == ErrorClass::interrupted);
  KubeRequest last = pods;
  last.even_interrupted = true;
  CHECK(Asked(last, {{429, status, 3s}}, 1s).result->status == 429);
}

TEST_CASE("A missing response is reported by its kind: too slow, too large, or unreachable") {
  auto id = [](ErrorId http) {
    return kube_silence(pods, Error{ErrorClass::environment, http, "No answer", "because", {}, {}, {}}).id;
  };
  CHECK(id("http") == "kube-unreachable");
  CHECK(id("http-slow") == "kube-slow");
  CHECK(id("http-too-large") == "kube-too-large");
  CHECK(kube_error(pods, {429, status}).id == "kube-busy");
  CHECK(kube_error(pods, {504, status}).id == "kube-slow");
  CHECK(kube_error(pods, {503, status}).what == "The API server cannot serve /api/v1/pods now");
}
