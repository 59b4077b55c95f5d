// The exporter command without its server (tests/cli/exporter.py has that).
#include <doctest/doctest.h>

#include "base/json.hpp"
#include "cli/run.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;

namespace {

int call(fakes::FakeWorld& fake, std::vector<std::string> words) {
  words.insert(words.begin(), {"hpawalk", "exporter"});
  return cli::run(words, fake.world);
}

}  // namespace

TEST_CASE("exporter prints its objects and its dashboard without a cluster") {
  fakes::FakeWorld manifests, dashboard;
  CHECK(call(manifests, {"--manifests", "--image", "registry.example.com/hpawalk:1", "--every", "2m", "-n",
                         "watch", "--monitor-label", "release=kps"}) == 0);
  for (const char* part :
       {"kind: ClusterRole\n", "image: registry.example.com/hpawalk:1\n", "--every=2m", "release: kps\n"})
    CHECK_MESSAGE(manifests.terminal.output.find(part) != std::string::npos, part);
  CHECK(call(dashboard, {"--dashboard"}) == 0);
  CHECK(parse_json(dashboard.terminal.output, "The dashboard"));
}

TEST_CASE("exporter says what is wrong with its words before it does anything") {
  for (std::vector<std::string> words : {std::vector<std::string>{"--manifests"},
                                         {"--image", "x"},
                                         {"--manifests", "--dashboard"},
                                         {"--manifests", "--image", "x", "--monitor-label", "release"},
                                         {"--manifests", "--image", "x", "--prometheus", "http://p:9090",
                                          "--prometheus-header", "X-Scope-OrgID: a"},
                                         {"--listen", "localhost"},
                                         {"--every", "1s"},
                                         {"--every", "soon"},
                                         {"--prometheus-header", "X-Scope-OrgID: a"}}) {
    CAPTURE(words.back());
    fakes::FakeWorld fake;
    CHECK(call(fake, words) == 2);
    CHECK(fake.terminal.output.empty());
    CHECK(fake.terminal.errors.starts_with("error: "));
  }
}
