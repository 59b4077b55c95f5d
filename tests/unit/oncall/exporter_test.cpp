// The exporter over time, before a cluster that answers, refuses and goes.
#include "oncall/exporter.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/facts_files.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::oncall;
using namespace std::chrono_literals;

namespace {

// What a fake keeps for the test, lent to the exporter, which owns its connection.
class Lent final : public world::KubeApi {
 public:
  explicit Lent(world::KubeApi& api) : api_(api) {}
  Result<world::HttpResponse> send(const world::KubeRequest& request) override {
    if (ended) return failure(ErrorClass::environment, "kube-proxy-ended", "kubectl proxy ended");
    return api_.send(request);
  }
  Result<world::HttpResponse> stream(const std::string& path,
                                     const std::function<bool(std::string_view line)>& on_line) override {
    return api_.stream(path, on_line);
  }
  bool ended = false;

 private:
  world::KubeApi& api_;
};

struct Lab {
  Lab() {
    fakes::answer_as_read(api, fake.clock, fakes::healthy_document());
    // These questions hold the time, which goes on here: the rules of lab_value, and all others.
    const std::string names = "GET */proxy/api/v1/label/__name__/values?start=*";
    api.script(names, {200, R"({"status":"success","data":[]})"});
    api.script(names + "&match%5B%5D=%7B__name__*",
               {200, R"({"status":"success","data":["lab_jobs","lab_value"]})"});
    options.what.space = "shop";
    options.version = "1.2.3";
  }
  Result<std::unique_ptr<world::KubeApi>> connect() {
    ++connections;
    if (unreachable)
      return failure(ErrorClass::environment, "kubeconfig", "kubectl cannot use this kubeconfig");
    auto one = std::make_unique<Lent>(api);
    lent = one.get();
    return one;
  }
  std::string get(const std::string& path) {
    world::HttpAnswer answer = exporter().respond("GET " + path + " HTTP/1.1\r\nHost: x");
    return answer.head + (answer.body ? *answer.body : "");
  }
  Exporter& exporter() {
    if (!made)
      made = std::make_unique<Exporter>(
          fake.world, [this] { return connect(); }, options,
          [this](const std::string& line) { log += line + "\n"; });
    return *made;
  }
  void refuse(int status) {
    api.refuse("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers", status, "no");
  }

  fakes::FakeWorld fake;
  fakes::FakeKubeApi api;
  ExporterOptions options;
  Lent* lent = nullptr;
  int connections = 0;
  bool unreachable = false;
  std::string log;
  std::unique_ptr<Exporter> made;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("Before the first diagnosis there is only the exporter's own health, then there are the HPAs") {
  Lab lab;
  std::string before = lab.get("/metrics");
  CHECK(before.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  CHECK(has(before, "\nhpawalk_exporter_diagnoses_total 0\n"));
  CHECK_FALSE(has(before, "hpawalk_hpa_state{"));
  lab.exporter().look();
  std::string after = lab.get("/metrics?x=1");
  CHECK(has(after, "\nhpawalk_exporter_diagnoses_total 1\n"));
  CHECK(has(after, "\nhpawalk_exporter_last_diagnosis_success 1\n"));
  CHECK(has(after,
            R"(hpawalk_hpa_state{namespace="shop",horizontalpodautoscaler="object-value",state="ok"} 1)"));
  size_t body = after.find("\r\n\r\n") + 4;
  CHECK(has(after, "Content-Length: " + std::to_string(after.size() - body) + "\r\n"));
  CHECK(has(lab.log, "1 HPA diagnosed in "));
  lab.exporter().look();
  CHECK(lab.connections == 1);
  CHECK(std::count(lab.log.begin(), lab.log.end(), '\n') == 1);  // a success behind a success is not told
}

TEST_CASE("A diagnosis that fails is counted, and the HPAs stay with the time of the last that succeeded") {
  Lab lab;
  lab.exporter().look();
  std::string success = lab.get("/metrics");
  success = success.substr(success.find("\nhpawalk_exporter_last_success_timestamp_seconds "));
  success = success.substr(0, success.find('\n', 1) + 1);
  lab.fake.clock.elapsed += 60s;
  lab.refuse(403);
  lab.exporter().look();
  std::string page = lab.get("/metrics");
  CHECK(has(page, "\nhpawalk_exporter_diagnosis_failures_total 1\n"));
  CHECK(has(page, "\nhpawalk_exporter_last_diagnosis_success 0\n"));
  CHECK(has(page, success));
  CHECK(has(page, "hpawalk_hpa_state{"));
  CHECK(has(lab.log, "diagnosis failed: HorizontalPodAutoscalers cannot be listed: no [kube-forbidden]"));
  SUBCASE("Until the last one is so old that it says nothing any more") {
    lab.fake.clock.elapsed += 11min;
    CHECK_FALSE(has(lab.get("/metrics"), "hpawalk_hpa_state{"));
    CHECK(lab.get("/healthz").starts_with("HTTP/1.1 200 "));  // it does come to its end
  }
  SUBCASE("Until the next one succeeds, which is told") {
    fakes::answer_as_read(lab.api, lab.fake.clock, fakes::healthy_document());
    lab.exporter().look();
    CHECK(has(lab.get("/metrics"), "\nhpawalk_exporter_last_diagnosis_success 1\n"));
    CHECK(lab.log.ends_with(" requests\n"));
  }
}

TEST_CASE("A connection that ended is made again, and one that cannot be made is a failure") {
  Lab lab;
  lab.exporter().look();
  lab.lent->ended = true;
  lab.exporter().look();
  CHECK(has(lab.log, "[kube-proxy-ended]"));
  lab.unreachable = true;
  lab.exporter().look();
  CHECK(has(lab.log, "[kubeconfig]"));
  lab.unreachable = false;
  lab.exporter().look();
  CHECK(lab.connections == 3);
  CHECK(has(lab.get("/metrics"), "\nhpawalk_exporter_last_diagnosis_success 1\n"));
}

TEST_CASE("A diagnosis starts each period, and one that is interrupted is no failure") {
  Lab lab;
  lab.options.every = 60s;
  const world::Duration start = lab.fake.clock.elapsed;
  lab.fake.clock.interrupt_at = start + 150s;
  lab.exporter().keep_looking();
  CHECK(has(lab.get("/metrics"), "\nhpawalk_exporter_diagnoses_total 3\n"));
  Lab stopped;
  stopped.fake.interrupt.now = true;
  stopped.exporter().keep_looking();
  CHECK(has(stopped.get("/metrics"), "\nhpawalk_exporter_diagnoses_total 0\n"));
}

TEST_CASE("A diagnosis that does not come to its end makes the exporter unhealthy") {
  Lab lab;
  CHECK(lab.get("/healthz").ends_with("\r\n\r\nok\n"));
  lab.fake.clock.elapsed += 32min;
  CHECK(lab.get("/healthz").starts_with("HTTP/1.1 503 "));
}

TEST_CASE("The exporter serves two paths, to be read") {
  Lab lab;
  CHECK(lab.get("/").starts_with("HTTP/1.1 404 "));
  CHECK(lab.exporter().respond("POST /metrics HTTP/1.1").head.starts_with("HTTP/1.1 405 "));
  CHECK(has(lab.exporter().respond("POST /metrics HTTP/1.1").head, "\r\nAllow: GET\r\n"));
  CHECK(lab.exporter().respond("\x16\x03\x01").head.starts_with("HTTP/1.1 400 "));
}
