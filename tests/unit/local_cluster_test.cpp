#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cluster/local/images.hpp"
#include "cluster/local/kubeadm.hpp"
#include "cluster/local/local_cluster.hpp"
#include "cluster/local/network.hpp"
#include "cluster/local/parts.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::local;

namespace {

struct SilentProgress final : Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
};

const std::string addresses_call = "ip -json -4 address show";
const std::string routes_call = "ip -json -4 route show table all";

}  // namespace

TEST_CASE("Cache and state follow the XDG variables, and HOME without them") {
  Layout set = make_layout({{"XDG_CACHE_HOME", "/big/cache"}, {"XDG_STATE_HOME", "/big/state"}, {"HOME", "/home/user"}});
  CHECK(set.cache == "/big/cache/hpawalk");
  CHECK(set.clusters == "/big/state/hpawalk/clusters");
  Layout unset = make_layout({{"HOME", "/home/user"}, {"XDG_CACHE_HOME", "relative/is/ignored"}});
  CHECK(unset.cache == "/home/user/.cache/hpawalk");
  CHECK(unset.clusters == "/home/user/.local/state/hpawalk/clusters");
}

TEST_CASE("A cluster's name must fit a host name, a context and a control group") {
  CHECK(check_name("local"));
  CHECK(check_name("class-2"));
  for (const char* bad : {"", "Upper", "under_score", "-front", "back-", "a/b", "a name that is much longer than forty characters"}) {
    Status status = check_name(bad);
    REQUIRE_FALSE(status);
    CHECK(status.error().id == "cluster-name");
    CHECK(status.error().kind == ErrorClass::usage);
  }
}

TEST_CASE("The key of a set changes with Go's version, and differs between sets") {
  const PartSet& first = part_sets()[0];
  CHECK(key_of(first, "go1.26.1") == key_of(first, "go1.26.1"));
  CHECK(key_of(first, "go1.26.1") != key_of(first, "go1.26.2"));
  CHECK(key_of(first, "go1.26.1") != key_of(part_sets()[1], "go1.26.1"));
}

TEST_CASE("Parts that are there are not built again") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.1\n", ""});
  Layout layout = make_layout(fake.world.environment);
  for (const PartSet& set : part_sets()) fake.files.folders.insert(layout.parts() / (set.name + "-" + key_of(set, "go1.26.1")));
  Result<Parts> parts = build_parts(fake.world, layout, progress);
  REQUIRE(parts);
  CHECK(parts->program("kubectl").filename() == "kubectl");
  CHECK(parts->program("adapter").parent_path() == parts->folders().at("adapter"));
}

TEST_CASE("Missing parts are compiled beside their place and renamed when they are whole") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.1\n", ""});
  Layout layout = make_layout(fake.world.environment);
  std::map<std::string, fs::path> folders;
  for (const PartSet& set : part_sets()) folders[set.name] = layout.parts() / (set.name + "-" + key_of(set, "go1.26.1"));
  fake.files.folders = {folders["kubernetes"], folders["prometheus"]};
  fake.processes.expect("go list -deps -trimpath -ldflags '-s -w' -f '{{if .Stale}}{{.ImportPath}}{{end}}' tool", {0, "a\nb\n", ""});
  fake.processes.expect("go build -v -trimpath -ldflags '-s -w' -o " + folders["adapter"].string() + ".partial/ tool", {0, "", "a\nb\n"});
  REQUIRE(build_parts(fake.world, layout, progress));
  CHECK(fake.files.folders.contains(folders["adapter"]));
  CHECK_FALSE(fake.files.exists(folders["adapter"].string() + ".partial"));
  CHECK(fake.processes.calls.back().env.at("CGO_ENABLED") == "0");
}

TEST_CASE("A build that fails leaves no folder that could be taken for a whole one") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.1\n", ""});
  Layout layout = make_layout(fake.world.environment);
  std::map<std::string, fs::path> folders;
  for (const PartSet& set : part_sets()) folders[set.name] = layout.parts() / (set.name + "-" + key_of(set, "go1.26.1"));
  fake.files.folders = {folders["kubernetes"], folders["prometheus"]};
  fake.processes.expect("go list -deps -trimpath -ldflags '-s -w' -f '{{if .Stale}}{{.ImportPath}}{{end}}' tool", {0, "a\n", ""});
  fake.processes.expect("go build -v -trimpath -ldflags '-s -w' -o " + folders["adapter"].string() + ".partial/ tool",
                        {1, "", "write /x: no space left on device\n"});
  Result<Parts> parts = build_parts(fake.world, layout, progress);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().id == "disk-full");
  CHECK_FALSE(fake.files.exists(folders["adapter"]));
}

TEST_CASE("No Go, and too old a Go, are told apart and say what to do") {
  fakes::FakeWorld none;
  SilentProgress progress;
  Layout layout = make_layout(none.world.environment);
  Result<Parts> without = build_parts(none.world, layout, progress);
  REQUIRE_FALSE(without);
  CHECK(without.error().id == "go-missing");
  CHECK(without.error().kind == ErrorClass::environment);

  fakes::FakeWorld old;
  old.processes.programs = {"go"};
  old.processes.expect("go env GOVERSION", {0, "go1.19.8\n", ""});
  Result<Parts> with = build_parts(old.world, layout, progress);
  REQUIRE_FALSE(with);
  CHECK(with.error().id == "go-too-old");
  CHECK(with.error().because.find("go1.19.8") != std::string::npos);

  fakes::FakeWorld pinned;  // new enough to fetch a newer toolchain, but the user forbids it
  pinned.world.environment["GOTOOLCHAIN"] = "local";
  pinned.processes.programs = {"go"};
  pinned.processes.expect("go env GOVERSION", {0, "go1.23.1\n", ""});
  CHECK(build_parts(pinned.world, layout, progress).error().id == "go-too-old");
}

TEST_CASE("Too little space is told before anything is compiled") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.1\n", ""});
  fake.files.free = 1U << 30U;
  Result<Parts> parts = build_parts(fake.world, make_layout(fake.world.environment), progress);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().id == "disk-full");
}

TEST_CASE("A cluster takes the first subnet that no address, route or other cluster has") {
  fakes::FakeWorld fake;
  fake.processes.expect(addresses_call, {0, R"([{"addr_info":[{"local":"10.201.0.1","prefixlen":30}]}])", ""});
  fake.processes.expect(routes_call, {0, R"([{"dst":"default"},{"dst":"10.201.1.0/24"},{"type":"broadcast","dst":"10.201.3.0"}])", ""});
  Result<Link> link = free_link(fake.world, {2});
  REQUIRE(link);
  CHECK(link->number == 3);
  CHECK(link->node_address() == "10.201.3.2");
  CHECK(link->interface() == "hpawalk-3");
}

TEST_CASE("A VPN that covers every subnet is an error that names the range") {
  fakes::FakeWorld fake;
  fake.processes.expect(addresses_call, {0, "[]", ""});
  fake.processes.expect(routes_call, {0, R"([{"dst":"10.0.0.0/8","dev":"tun0"}])", ""});
  Result<Link> link = free_link(fake.world, {});
  REQUIRE_FALSE(link);
  CHECK(link.error().id == "subnet-in-use");
}

TEST_CASE("Only root and the caller of sudo may talk to the node") {
  fakes::FakeWorld fake;
  for (const char* call : {"ip link delete hpawalk-7", "ip link add hpawalk-7 type veth peer name eth0 netns 4242",
                           "ip address add 10.201.7.1/30 dev hpawalk-7", "ip link set hpawalk-7 up", "nft -f -"}) {
    fake.processes.expect(call);
  }
  REQUIRE(connect(fake.world, Link{7}, 4242, 1000));
  const std::string& rules = fake.processes.calls.back().input;
  CHECK(rules.find("oifname \"hpawalk-7\" meta skuid != { 0, 1000 } reject") != std::string::npos);
  CHECK(rules.find("oifname \"hpawalk-7\" ct state != { established, related } drop") != std::string::npos);
}

TEST_CASE("Forwarding that hpawalk switched on is switched off again, and forgotten") {
  fakes::FakeWorld fake;
  const fs::path sysctl = "/proc/sys/net/ipv4/ip_forward", marker = "/run/hpawalk-forwarding";
  fake.files.content[sysctl] = "0\n";
  fake.processes.expect("nft -f -");
  REQUIRE(enable_forwarding(fake.world));
  CHECK(fake.files.content[sysctl] == "1\n");
  REQUIRE(enable_forwarding(fake.world));  // a second cluster finds it on, and leaves the mark
  CHECK(fake.files.exists(marker));

  fake.processes.expect("nft -f -");
  REQUIRE(disable_forwarding(fake.world));
  CHECK(fake.files.content[sysctl] == "0\n");
  CHECK_FALSE(fake.files.exists(marker));
}

TEST_CASE("A router's forwarding is left as it was") {
  fakes::FakeWorld fake;
  const fs::path sysctl = "/proc/sys/net/ipv4/ip_forward";
  fake.files.content[sysctl] = "1\n";
  REQUIRE(enable_forwarding(fake.world));
  REQUIRE(disable_forwarding(fake.world));
  CHECK(fake.files.content[sysctl] == "1\n");
}

TEST_CASE("kubeadm gets HPA options only when they were asked for") {
  Description plain;
  plain.name = "local";
  plain.link = 3;
  std::string config = kubeadm_config(plain, "/c/patches", "/c/resolv.conf");
  CHECK(config.find("horizontal-pod-autoscaler") == std::string::npos);
  CHECK(config.find("advertiseAddress: 10.201.3.2") != std::string::npos);
  CHECK(config.find("cgroupRoot: /hpawalk-local") != std::string::npos);
  Description quick = plain;
  quick.hpa_sync_period = "1s";
  quick.hpa_downscale_stabilization = "10s";
  config = kubeadm_config(quick, "/c/patches", "/c/resolv.conf");
  CHECK(config.find(R"(- {name: horizontal-pod-autoscaler-sync-period, value: "1s"})") != std::string::npos);
  CHECK(config.find(R"(- {name: horizontal-pod-autoscaler-downscale-stabilization, value: "10s"})") != std::string::npos);
}

TEST_CASE("An image archive is what image loaders read: manifest, config, one layer and its digest") {
  fakes::FakeWorld fake;
  const std::string tar = "tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf ";
  const std::string digest(64, 'a');
  fake.processes.expect(tar + "/c/image.tar.work/layer.tar -C /c/root .");
  fake.processes.expect("sha256sum /c/image.tar.work/layer.tar", {0, digest + "  layer.tar\n", ""});
  nlohmann::json manifest, config;
  fake.processes.on_call = [&](const Command& command) {
    if (command.argv.back() != "layer.tar") return;
    manifest = nlohmann::json::parse(fake.files.content.at("/c/image.tar.work/manifest.json"));
    config = nlohmann::json::parse(fake.files.content.at("/c/image.tar.work/config.json"));
  };
  fake.processes.expect(tar + "/c/image.tar -C /c/image.tar.work manifest.json config.json layer.tar");
  REQUIRE(write_archive(fake.world, "/c/root", {{"docker.io/hpawalk/prom-fake:1"}, {"/prom-fake"}, "65534:65534"}, "/c/image.tar"));
  CHECK(manifest[0]["RepoTags"][0] == "docker.io/hpawalk/prom-fake:1");
  CHECK(manifest[0]["Layers"][0] == "layer.tar");
  CHECK(config["rootfs"]["diff_ids"][0] == "sha256:" + digest);
  CHECK(config["config"]["Entrypoint"][0] == "/prom-fake");
  CHECK(config["config"]["User"] == "65534:65534");
}

TEST_CASE("Every image has a name, and every program in it is a part") {
  std::set<std::string> parts;
  for (const PartSet& set : part_sets()) {
    for (const auto& [program, built_as] : set.programs) parts.insert(program);
  }
  for (const Image& image : images()) {
    REQUIRE_FALSE(image.names.empty());
    CHECK(image.programs.empty() != image.packages.empty());
    for (const std::string& program : image.programs) CHECK_MESSAGE(parts.contains(program), program);
  }
}

TEST_CASE("Status knows what was never made, and what was interrupted") {
  fakes::FakeWorld fake;
  Result<ClusterStatus> absent = status(fake.world, "local");
  REQUIRE(absent);
  CHECK(absent->phase == Phase::absent);
  ClusterFiles files = cluster_files(make_layout(fake.world.environment), "local");
  REQUIRE(fake.files.write(files.description(), "{}", 0644));
  CHECK(status(fake.world, "local")->phase == Phase::incomplete);
}
