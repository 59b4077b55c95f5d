#include <doctest/doctest.h>

#include <cmath>

#include "cli/columns.hpp"
#include "cli/live_screen.hpp"
#include "cli/live_text.hpp"
#include "cli/run.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::observe;
using namespace hpawalk::cli;
using namespace std::chrono_literals;

namespace {

int call(fakes::FakeWorld& fake, std::vector<std::string> words, const std::string& program = "hpawalk") {
  words.insert(words.begin(), program);
  return run(words, fake.world);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("A value that no metric can have is refused before anything is asked") {
  for (const char* wrong : {"fifty", "0x10", "1e999", "--", "1 2", "5m", "1,5"}) {
    CAPTURE(wrong);
    fakes::FakeWorld fake;
    CHECK(call(fake, {"set-value", wrong}) == 2);
    CHECK(fake.processes.calls.empty());
  }
  fakes::FakeWorld none;
  CHECK(call(none, {"set-value"}) == 2);
  fakes::FakeWorld unknown;
  CHECK(call(unknown, {"set-value", "5", "--no-such-option"}) == 2);
}

TEST_CASE("Every float that Prometheus knows is taken, negative ones too") {
  for (const char* value : {"50", "-5", "0.25", ".5", "1e3", "NaN", "+Inf", "-inf", "1.7e308"}) {
    CAPTURE(value);
    fakes::FakeWorld fake;
    CHECK(call(fake, {"set-value", value}) != 2);  // it goes on to look for the cluster, and there is none
    CHECK(has(fake.terminal.errors, "[no-cluster]"));
  }
}

TEST_CASE("As a kubectl plugin hpawalk calls itself so") {
  fakes::FakeWorld plugin, plain;
  CHECK(call(plugin, {"watch", "--help"}, "/usr/local/bin/kubectl-hpawalk") == 0);
  CHECK(has(plugin.terminal.output, "Usage: kubectl hpawalk watch"));
  CHECK(has(plugin.terminal.output, "  kubectl hpawalk watch --until replicas=10"));
  CHECK(call(plain, {"watch", "--help"}) == 0);
  CHECK_FALSE(has(plain.terminal.output, "kubectl hpawalk"));
}

TEST_CASE("Text is wrapped at blanks and fitted to a width in characters") {
  CHECK(wrap("a chain of eight parts", 10) == std::vector<std::string>{"a chain of", "eight", "parts"});
  CHECK(fit("→→→", 2) == "→→");
  CHECK(fit("→", 3) == "→  ");
  CHECK(bars({0, 0.5, 1}, 2, true) == std::vector<std::string>{"  █", " ██"});
  CHECK(bars({0, 0.01, 1, std::nan("")}, 1, false) == std::vector<std::string>{" .# "});
}

TEST_CASE("The live view fits the terminal, however narrow") {
  fakes::FakeWorld fake;
  Hops hops;
  WallTime now{std::chrono::seconds(1'800'000'000)};
  hops.source = {"50", 50, {}, now, now, now};
  hops.prometheus = hops.source;
  hops.api = {{},
              {},
              "Unavailable: no backend responds for /apis/custom.metrics.k8s.io/v1beta1, and this goes on "
              "for quite a while",
              now,
              now,
              {}};
  hops.hpa.known = hops.hpa.there = true;
  hops.hpa.max = 10;
  hops.workload = {true, true, {}, 4, 4, 2, now};
  hops.events.push_back({now, "HorizontalPodAutoscaler", "nginx", "Normal", "SuccessfulRescale",
                         "New size: 4; reason: Service metric above target", 1, false});
  Outlook outlook{Outlook::State::broken,
                  "metrics-api",
                  "Unavailable: no backend responds for the custom metrics API, which is a long sentence "
                  "that has to be wrapped",
                  {},
                  {}};
  for (int columns : {40, 60, 80, 120}) {
    Canvas canvas{columns, true, Style(fake.world, false)};
    LiveScreen screen("default/nginx on local cluster local", {});
    screen.note(hops, now - 30s);
    screen.note(hops, now);
    for (const Painted& painted_line : screen.draw(hops, outlook, now, canvas, 24)) {
      const std::string& line = painted_line.bytes();
      CAPTURE(line);
      CHECK(shown_width(line) <= static_cast<size_t>(columns));
    }
    CHECK(screen.draw(hops, outlook, now, canvas, 24).size() < 24);
    CHECK(screen.draw(hops, outlook, now, canvas, 10).size() < 10);
  }
}

TEST_CASE("Values that JSON has no numbers for are texts") {
  Hops hops;
  WallTime now{std::chrono::seconds(1'800'000'000)};
  hops.source = {"NaN", std::nan(""), {}, now, now, now};
  Json json = to_json(hops, {Hop::source, now + 5ms}, {});
  CHECK(json["promFake"]["value"] == "NaN");
  CHECK(json["time"] == "2027-01-15T08:00:00.005Z");
  CHECK(json["changed"] == "prom-fake");
  CHECK(json["prometheus"].is_null());
}
