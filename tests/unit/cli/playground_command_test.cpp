// The playground command, without its server (tests/world has that).
#include <doctest/doctest.h>

#include "cli/run.hpp"
#include "playground/page.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;

TEST_CASE("A hpawalk without the playground's page says so, and how to get one") {
  fakes::FakeWorld world;
  if (!playground::page().empty()) return;  // this build has it
  CHECK(cli::run({"hpawalk", "playground"}, world.world) == 2);
  for (const char* part : {"[no-page]", "HPAWALK_PLAYGROUND=ON", "--page playground.html"})
    CHECK_MESSAGE(world.terminal.errors.find(part) != std::string::npos, world.terminal.errors);
}

TEST_CASE("The playground's page can be written to a file") {
  fakes::FakeWorld world;
  world.files.content["built.html"] = "<!DOCTYPE html>";
  CHECK(cli::run({"hpawalk", "playground", "--page", "built.html", "--write", "out.html"}, world.world) == 0);
  CHECK(world.files.content["out.html"] == "<!DOCTYPE html>");
  CHECK(world.terminal.output == "page: out.html\n");
  CHECK(cli::run({"hpawalk", "playground", "--page", "missing.html"}, world.world) == 3);
}
