#include <doctest/doctest.h>

#include "cluster/local/cgroups.hpp"
#include "tests/fakes/fake_cgroups.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::local;
using fakes::FakeCgroups;

namespace {

const fs::path root = "/sys/fs/cgroup";

// A World on that file system.
struct On {
  explicit On(FakeCgroups& files)
      : world{fake.processes, fake.http, files, fake.clock, fake.terminal, fake.interrupt, {}} {}
  fakes::FakeWorld fake;
  World world;
};

}  // namespace

TEST_CASE("On cgroup v2 a cluster's groups get the controllers, and its processes a leaf of their own") {
  FakeCgroups files = FakeCgroups::version_2(false, "cpuset cpu io memory pids");
  files.memory.content[root / "cgroup.procs"] = "1\n77\n";  // the machine's real root may keep its processes
  On on(files);
  REQUIRE(make_cgroups(on.world, "hpawalk-x"));
  REQUIRE(make_cgroups(on.world, "hpawalk-x"));
  CHECK(files.memory.content[root / "cgroup.procs"] == "1\n77\n");
  CHECK_FALSE(files.exists(root / "hpawalk.others"));
  CHECK(files.memory.content[root / "hpawalk-x/cgroup.subtree_control"] == "cpuset cpu io memory pids\n");
  REQUIRE(join_cgroup(on.world, "hpawalk-x", "node", 77));
  REQUIRE(join_cgroup(on.world, "hpawalk-x", "keepers", 78));
  CHECK(files.memory.content[root / "hpawalk-x/node/cgroup.procs"] == "77\n");
  CHECK(cgroup_processes(on.world, "hpawalk-x") == std::vector<pid_t>{77, 78});
  CHECK(cluster_cgroups(on.world) == std::vector<std::string>{"hpawalk-x"});
}

TEST_CASE(
    "In a container with cgroup v2 the root's processes make room, and come back with the last cluster") {
  FakeCgroups files = FakeCgroups::version_2(true, "cpu memory pids");
  files.memory.content[root / "cgroup.procs"] = "1\n77\n";
  On on(files);
  REQUIRE(make_cgroups(on.world, "hpawalk-x"));
  CHECK(files.memory.content[root / "cgroup.procs"].empty());
  CHECK(files.memory.content[root / "hpawalk.others/cgroup.procs"] == "1\n77\n");
  CHECK(files.memory.content[root / "hpawalk-x/cgroup.controllers"] == "cpu memory pids\n");
  CHECK(cluster_cgroups(on.world) == std::vector<std::string>{"hpawalk-x"});
  REQUIRE(return_to_root(on.world));
  CHECK(files.memory.content[root / "cgroup.procs"] == "1\n77\n");
  CHECK(files.memory.content[root / "cgroup.subtree_control"] == "\n");
}

TEST_CASE("An unavailable cgroup controller is an error that names the controller") {
  FakeCgroups files = FakeCgroups::version_2(true, "cpu pids");
  On on(files);
  Status made = make_cgroups(on.world, "hpawalk-x");
  REQUIRE_FALSE(made);
  CHECK(made.error().id == "no-cgroups");
  CHECK(made.error().because == "not available below /sys/fs/cgroup: memory");
}

TEST_CASE("On cgroup v1 a cluster has its groups in every hierarchy, and a cpuset that is not empty") {
  FakeCgroups files = FakeCgroups::version_1({"cpu,cpuacct", "cpuset", "memory", "systemd"});
  On on(files);
  REQUIRE(make_cgroups(on.world, "hpawalk-x"));
  REQUIRE(join_cgroup(on.world, "hpawalk-x", "node", 77));
  for (const char* hierarchy : {"cpu,cpuacct", "cpuset", "memory", "systemd"}) {
    CHECK(files.memory.content[root / hierarchy / "hpawalk-x/node/cgroup.procs"] == "77\n");
  }
  CHECK(files.memory.content[root / "cpuset/hpawalk-x/node/cpuset.cpus"] == "0-1\n");
  CHECK(cgroup_processes(on.world, "hpawalk-x") == std::vector<pid_t>{77});
}
