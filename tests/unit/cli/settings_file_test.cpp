#include "cli/settings_file.hpp"

#include <doctest/doctest.h>

#include "cli/run.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::cli;

TEST_CASE("A settings file that was only found is trusted when nobody else can have written it") {
  const std::vector<unsigned> callers = {0, 1000};
  const FileStatus mine{1000, 0644}, folder{1000, 0755, true};
  auto why = [&](const FileStatus& file, const FileStatus& its_folder) {
    return why_not_trusted(file, its_folder, callers);
  };
  CHECK(why(mine, folder).empty());
  CHECK(why({0, 0644}, {0, 0755, true}).empty());
  CHECK(why({1001, 0644}, folder) == "it belongs to user 1001");
  CHECK(why({1000, 0664}, folder) == "users other than its owner can write to it");
  CHECK(why({1000, 0646}, folder) == "users other than its owner can write to it");
  CHECK(why(mine, {0, 01777, true}) == "everybody can write to its folder");
  CHECK(why(mine, {1001, 0755, true}) == "its folder belongs to user 1001");
}

namespace {

struct Folder {
  fakes::FakeWorld fake;
  explicit Folder(const std::string& text = "hpa: {max: 5}\ncluster: kind\n") {
    fake.files.content["hpawalk.yaml"] = text;
  }
  int call(std::vector<std::string> words) {
    words.insert(words.begin(), "hpawalk");
    return run(words, fake.world);
  }
};

}  // namespace

TEST_CASE(
    "Which settings file is used is said on stderr, and a file of somebody else is refused unless it is "
    "named") {
  Folder own;
  CHECK(own.call({"config", "-o", "json"}) == 0);
  CHECK(own.fake.terminal.errors == "Using the settings in ./hpawalk.yaml: cluster kind\n");
  CHECK(own.fake.terminal.output.starts_with("{"));

  Folder strangers;
  strangers.fake.files.owners["hpawalk.yaml"] = 4'000'000;
  CHECK(strangers.call({"config"}) == 2);
  CHECK(strangers.fake.terminal.errors.find("it belongs to user 4000000") != std::string::npos);
  CHECK(strangers.fake.terminal.errors.find("[config-not-trusted]") != std::string::npos);

  Folder named;
  named.fake.files.owners["hpawalk.yaml"] = 4'000'000;
  CHECK(named.call({"config", "--config", "hpawalk.yaml"}) == 0);
  CHECK(named.fake.terminal.errors.empty());
}

TEST_CASE("A program that a found settings file names is never started") {
  for (std::vector<std::string> command :
       {std::vector<std::string>{"status"}, {"doctor"}, {"plan"}, {"down"}, {"verify"}, {"get-value"}}) {
    Folder folder("tools: {kubectl: ./evil}\ncluster: current\n");
    CHECK(folder.call(command) == 2);
    CHECK(folder.fake.terminal.errors.find("`tools.kubectl` is accepted only from a file that you name") !=
          std::string::npos);
    CHECK(folder.fake.processes.calls.empty());
  }
}
