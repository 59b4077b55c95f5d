#include <doctest/doctest.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cluster/local/images.hpp"
#include "cluster/local/kubeadm.hpp"
#include "cluster/local/kubeconfig.hpp"
#include "cluster/local/local_cluster.hpp"
#include "cluster/local/machine.hpp"
#include "cluster/local/network.hpp"
#include "cluster/local/parts.hpp"
#include "hpasim/version.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::local;

namespace {

struct SilentProgress final : Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
};

const std::string addresses_call = "ip -json -4 address show";
const std::string links_call = "ip -json -4 link show";
const std::string chains_call = "nft --json list chains";
const std::string routes_call = "ip -json -4 route show table all";

}  // namespace

TEST_CASE("Cache and state follow the XDG variables, and HOME without them") {
  Layout set = make_layout(
      {{"XDG_CACHE_HOME", "/big/cache"}, {"XDG_STATE_HOME", "/big/state"}, {"HOME", "/home/user"}});
  CHECK(set.cache == "/big/cache/hpawalk");
  CHECK(set.clusters == "/big/state/hpawalk/clusters");
  Layout unset = make_layout({{"HOME", "/home/user"}, {"XDG_CACHE_HOME", "relative/is/ignored"}});
  CHECK(unset.cache == "/home/user/.cache/hpawalk");
  CHECK(unset.clusters == "/home/user/.local/state/hpawalk/clusters");
}

TEST_CASE("A cluster's name must fit a host name, a context and a control group") {
  CHECK(check_name("local"));
  CHECK(check_name("class-2"));
  for (const char* bad : {"", "Upper", "under_score", "-front", "back-", "a/b",
                          "a name that is much longer than forty characters"}) {
    Status status = check_name(bad);
    REQUIRE_FALSE(status);
    CHECK(status.error().id == "cluster-name");
    CHECK(status.error().kind == ErrorClass::usage);
  }
}

namespace {

const KubernetesRelease& newest() {
  return kubernetes_releases().front();
}

// Where the sets of the newest Kubernetes are kept.
std::map<std::string, fs::path> set_folders(const Layout& layout) {
  std::map<std::string, fs::path> folders;
  for (const PartSet& set : part_sets(newest()))
    folders[set.name] = layout.parts() / (set.name + "-" + key_of(set, "go1.26.8"));
  return folders;
}

}  // namespace

TEST_CASE("A Kubernetes is named by its minor or exact version; without a name it is the newest") {
  for (const char* text : {"1.35", "v1.35", "1.35.4", "v1.35.4"})
    CHECK(find_kubernetes(text)->version == "v1.35.4");
  CHECK(find_kubernetes("")->version == newest().version);
  CHECK(newest().minor == hpasim::newest_version);
  for (const char* text : {"1.33", "1.35.3", "35", "latest", "v", "1.35.4 "}) {
    Result<KubernetesRelease> found = find_kubernetes(text);
    REQUIRE_FALSE(found);
    CHECK(found.error().id == "kubernetes-version");
    CHECK(found.error().hint.find("1.34 (v1.34.4)") != std::string::npos);
  }
}

TEST_CASE("Only the set of Kubernetes' own programs depends on its version; each pins the version it names") {
  const std::vector<PartSet> first = part_sets(newest());
  for (const KubernetesRelease& release : kubernetes_releases()) {
    const std::vector<PartSet> sets = part_sets(release);
    REQUIRE(sets.size() == first.size());
    for (size_t i = 0; i < sets.size(); ++i) {
      bool same = key_of(sets[i], "go1.26.8") == key_of(first[i], "go1.26.8");
      CHECK(same == (sets[i].name != "kubernetes" || release.version == newest().version));
      CHECK(embedded_files().contains("parts/" + sets[i].module + "/go.sum"));
    }
    const std::string_view module = embedded_files().at("parts/" + sets[0].module + "/go.mod");
    CHECK(module.find("k8s.io/kubernetes " + release.version + " // indirect\n") != std::string_view::npos);
    CHECK(module.find("k8s.io/client-go => k8s.io/client-go v0" + release.version.substr(2)) !=
          std::string_view::npos);
  }
}

TEST_CASE("The images' tags are the versions that the modules pin") {
  auto pins = [&](const std::string& module, const std::string& line) {
    const std::string_view text = embedded_files().at("parts/" + module + "/go.mod");
    return text.find(line + "\n") != std::string_view::npos ||
           text.find(line + " // indirect\n") != std::string_view::npos;
  };
  CHECK(pins("current", std::string("github.com/coredns/coredns ") + version::coredns));
  CHECK(pins("current", std::string("github.com/prometheus-operator/prometheus-operator ") +
                            version::prometheus_operator));
  CHECK(pins("keda", std::string("github.com/kedacore/keda/v2 v") + version::keda));
  CHECK(std::string(version::prometheus).substr(0, 3) == "v3.");
  CHECK(pins("prometheus",
             "github.com/prometheus/prometheus v0.3" + std::string(version::prometheus).substr(3)));
  CHECK(pins("current", "go.etcd.io/etcd/server/v3 v" +
                            std::string(version::etcd).substr(0, std::string(version::etcd).find('-'))));
}

TEST_CASE(
    "Prometheus is compiled against the same Kubernetes libraries as the rest, so that they are shared") {
  for (const char* library : {"api", "apimachinery", "client-go"}) {
    const std::string line = fmt::format("k8s.io/{} v0{}", library, newest().version.substr(2));
    for (const char* module : {"current", "prometheus"}) {
      CHECK_MESSAGE(
          embedded_files().at(fmt::format("parts/{}/go.mod", module)).find(line) != std::string_view::npos,
          module, " does not pin ", line);
    }
  }
}

TEST_CASE("The key of a set changes with Go's version, and differs between sets") {
  const PartSet first = part_sets(newest())[0];
  CHECK(key_of(first, "go1.26.1") == key_of(first, "go1.26.1"));
  CHECK(key_of(first, "go1.26.1") != key_of(first, "go1.26.2"));
  CHECK(key_of(first, "go1.26.1") != key_of(part_sets(newest())[1], "go1.26.1"));
}

TEST_CASE("Parts that are there are not built again") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.8\n", ""});
  Layout layout = make_layout(fake.world.environment);
  for (const auto& [set, folder] : set_folders(layout)) fake.files.folders.insert(folder);
  Result<Parts> parts = build_parts(fake.world, layout, newest(), Source::compile, progress);
  REQUIRE(parts);
  CHECK(parts->program("kubectl").filename() == "kubectl");
  CHECK(parts->program("adapter").parent_path() == parts->folders().at("adapter"));
}

TEST_CASE("Missing parts are compiled beside their place and renamed when they are whole") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.8\n", ""});
  Layout layout = make_layout(fake.world.environment);
  std::map<std::string, fs::path> folders = set_folders(layout);
  fake.files.folders = {folders["kubernetes"], folders["chain"], folders["prometheus"]};
  fake.processes.expect(
      "go list -deps -trimpath -ldflags '-s -w' -f '{{if .Stale}}{{.ImportPath}}{{end}}' "
      "sigs.k8s.io/prometheus-adapter/cmd/adapter",
      {0, "a\nb\n", ""});
  fake.processes.expect("go build -v -trimpath -ldflags '-s -w' -o " + folders["adapter"].string() +
                            ".partial/ "
                            "sigs.k8s.io/prometheus-adapter/cmd/adapter",
                        {0, "", "a\nb\n"});
  REQUIRE(build_parts(fake.world, layout, newest(), Source::compile, progress));
  CHECK(fake.files.folders.contains(folders["adapter"]));
  CHECK_FALSE(fake.files.exists(folders["adapter"].string() + ".partial"));
  CHECK(fake.processes.calls.back().env.at("CGO_ENABLED") == "0");
}

TEST_CASE("KEDA is compiled when it is asked for, unless it is there or its registry answers") {
  Layout layout = make_layout(fakes::FakeWorld().world.environment);
  const PartSet set = keda_set();
  const fs::path folder = layout.parts() / ("keda-" + key_of(set, "go1.26.8"));
  auto build = [&](fakes::FakeWorld& fake) {
    SilentProgress progress;
    return build_keda(fake.world, layout, progress);
  };
  fakes::FakeWorld there;
  there.processes.programs = {"go"};
  there.processes.expect("go env GOVERSION", {0, "go1.26.8\n", ""});
  there.files.folders.insert(folder);
  Result<std::optional<Parts>> parts = build(there);
  REQUIRE(parts);
  CHECK((*parts)->program("keda-adapter") == folder / "keda-adapter");

  const std::string look =
      "curl --silent --head --parallel --proto =https --max-time 4 --write-out '%{url} %{http_code}\n' "
      "--output /dev/null https://ghcr.io/";
  fakes::FakeWorld online;
  online.processes.programs = {"curl"};
  online.processes.expect(look, {0, "https://ghcr.io/ 301\n", ""});
  parts = build(online);
  REQUIRE(parts);
  CHECK_FALSE(*parts);

  fakes::FakeWorld offline;
  offline.processes.programs = {"go"};
  offline.processes.expect("go env GOVERSION", {0, "go1.26.8\n", ""});
  const std::string packages =
                        "github.com/kedacore/keda/v2/cmd/operator github.com/kedacore/keda/v2/cmd/adapter",
                    flags =
                        "-trimpath -ldflags '-s -w -X github.com/kedacore/keda/v2/version.Version=2.21.0' ";
  offline.processes.expect("go list -deps " + flags + "-f '{{if .Stale}}{{.ImportPath}}{{end}}' " + packages,
                           {0, "a\n", ""});
  offline.processes.expect("go build -v " + flags + "-o " + folder.string() + ".partial/ " + packages,
                           {0, "", "a\n"});
  offline.processes.on_call = [&](const world::Command& command) {
    if (command.argv[1] != "build") return;
    for (const char* program : {"operator", "adapter"})
      offline.files.content[folder.string() + ".partial/" + program] = "program";
  };
  REQUIRE(build(offline));
  CHECK(offline.files.exists(folder / "keda"));
  CHECK(offline.files.exists(folder / "keda-adapter"));
}

TEST_CASE("A build that fails leaves no folder that could be taken for a whole one") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.8\n", ""});
  Layout layout = make_layout(fake.world.environment);
  std::map<std::string, fs::path> folders = set_folders(layout);
  fake.files.folders = {folders["kubernetes"], folders["chain"], folders["prometheus"]};
  fake.processes.expect(
      "go list -deps -trimpath -ldflags '-s -w' -f '{{if .Stale}}{{.ImportPath}}{{end}}' "
      "sigs.k8s.io/prometheus-adapter/cmd/adapter",
      {0, "a\n", ""});
  fake.processes.expect("go build -v -trimpath -ldflags '-s -w' -o " + folders["adapter"].string() +
                            ".partial/ "
                            "sigs.k8s.io/prometheus-adapter/cmd/adapter",
                        {1, "", "write /x: no space left on device\n"});
  Result<Parts> parts = build_parts(fake.world, layout, newest(), Source::compile, progress);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().id == "disk-full");
  CHECK_FALSE(fake.files.exists(folders["adapter"]));
}

TEST_CASE("No Go, and too old a Go, are told apart and say what to do") {
  fakes::FakeWorld none;
  SilentProgress progress;
  Layout layout = make_layout(none.world.environment);
  Result<Parts> without = build_parts(none.world, layout, newest(), Source::compile, progress);
  REQUIRE_FALSE(without);
  CHECK(without.error().id == "go-missing");
  CHECK(without.error().kind == ErrorClass::environment);

  fakes::FakeWorld old;
  old.processes.programs = {"go"};
  old.processes.expect("go env GOVERSION", {0, "go1.19.8\n", ""});
  Result<Parts> with = build_parts(old.world, layout, newest(), Source::compile, progress);
  REQUIRE_FALSE(with);
  CHECK(with.error().id == "go-too-old");
  CHECK(with.error().because.find("go1.19.8") != std::string::npos);

  fakes::FakeWorld pinned;  // new enough to fetch a newer toolchain, but the user forbids it
  pinned.world.environment["GOTOOLCHAIN"] = "local";
  pinned.processes.programs = {"go"};
  pinned.processes.expect("go env GOVERSION", {0, "go1.23.1\n", ""});
  CHECK(build_parts(pinned.world, layout, newest(), Source::compile, progress).error().id == "go-too-old");
}

TEST_CASE("Too little space is told before anything is compiled") {
  fakes::FakeWorld fake;
  SilentProgress progress;
  fake.processes.programs = {"go"};
  fake.processes.expect("go env GOVERSION", {0, "go1.26.8\n", ""});
  fake.files.free = 1U << 30U;
  Result<Parts> parts =
      build_parts(fake.world, make_layout(fake.world.environment), newest(), Source::compile, progress);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().id == "disk-full");
}

TEST_CASE("A cluster takes the first subnet that no address, route or other cluster has") {
  fakes::FakeWorld fake;
  fake.processes.expect(addresses_call,
                        {0, R"([{"addr_info":[{"local":"10.201.0.1","prefixlen":30}]}])", ""});
  fake.processes.expect(
      routes_call,
      {0, R"([{"dst":"default"},{"dst":"10.201.1.0/24"},{"type":"broadcast","dst":"10.201.3.0"}])", ""});
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
  for (const char* call :
       {"ip link delete hpawalk-7", "ip link add hpawalk-7 type veth peer name eth0 netns 4242",
        "ip address add 10.201.7.1/30 dev hpawalk-7", "ip link set hpawalk-7 up", "nft -f -"}) {
    fake.processes.expect(call);
  }
  REQUIRE(connect(fake.world, Link{7}, 4242, 1000));
  const std::string& rules = fake.processes.calls.back().input;
  CHECK(rules.find("oifname \"hpawalk-7\" meta skuid != { 0, 1000 } reject") != std::string::npos);
  CHECK(rules.find("oifname \"hpawalk-7\" ct state != { established, related } drop") != std::string::npos);
}

TEST_CASE(
    "What comes out of a node for a pod, a Service or a link-local address is refused, but for name "
    "servers") {
  std::string host = host_rules(Link{7}, 0);
  CHECK(host.find("ip saddr != 10.201.7.2 goto refuse") != std::string::npos);
  CHECK(host.find("ip daddr { 10.244.0.0/24, 10.96.0.0/16 } goto refuse") != std::string::npos);
  size_t names = host.find("ip daddr 169.254.0.0/16 meta l4proto { tcp, udp } th dport 53 return");
  CHECK(names < host.find("ip daddr 169.254.0.0/16 goto refuse"));
  std::string node = node_rules(Link{7});
  CHECK(node.find("ip daddr 10.244.0.0/24 rt nexthop 10.201.7.1 goto refuse") != std::string::npos);
  CHECK(node.find("ip daddr 10.96.0.0/16 goto refuse") != std::string::npos);
}

namespace {

const fs::path sysctl = "/proc/sys/net/ipv4/ip_forward", marker = "/run/hpawalk-forwarding";
const char* two_cards = R"([{"ifname":"lo"},{"ifname":"eth0"},{"ifname":"wlan0"},{"ifname":"hpawalk-0"}])";
const char* own_chains =
    R"({"nftables":[{"metainfo":{}},{"chain":{"family":"inet","table":"hpawalk-0","name":"forward","hook":"forward"}}]})";

void switch_on(fakes::FakeWorld& fake) {
  fake.files.content[sysctl] = "0\n";
  fake.processes.expect(links_call, {0, two_cards, ""});
  fake.processes.expect(chains_call, {0, own_chains, ""});
  fake.processes.expect("nft -f -");
  REQUIRE(enable_forwarding(fake.world));
  CHECK(fake.files.content[sysctl] == "1\n");
}

}  // namespace

TEST_CASE("Forwarding that hpawalk switched on is switched off again, and forgotten") {
  fakes::FakeWorld fake;
  switch_on(fake);
  REQUIRE(enable_forwarding(fake.world));  // a second cluster finds it on, and leaves the mark
  CHECK(fake.files.exists(marker));

  fake.processes.expect(links_call, {0, two_cards, ""});
  fake.processes.expect(chains_call, {0, own_chains, ""});
  fake.processes.expect("nft -f -");
  Result<std::string> left = disable_forwarding(fake.world);
  REQUIRE(left);
  CHECK(left->empty());
  CHECK(fake.files.content[sysctl] == "0\n");
  CHECK_FALSE(fake.files.exists(marker));
}

TEST_CASE(
    "While clusters run, nothing is forwarded between the interfaces that there were, and nobody else's is "
    "cut") {
  fakes::FakeWorld fake;
  switch_on(fake);
  const std::string& rules = fake.processes.calls.back().input;
  CHECK(rules.find("iifname { \"eth0\", \"wlan0\" } oifname { \"eth0\", \"wlan0\" } drop") !=
        std::string::npos);
  CHECK(rules.find("policy") == std::string::npos);
}

TEST_CASE("Forwarding stays on when a new interface or rule needs it, and down says so") {
  for (bool interface : {true, false}) {
    fakes::FakeWorld fake;
    switch_on(fake);
    fake.processes.expect(links_call,
                          {0, interface ? R"([{"ifname":"eth0"},{"ifname":"docker0"}])" : two_cards, ""});
    fake.processes.expect(chains_call, {0, interface ? own_chains : R"({"nftables":[
      {"chain":{"family":"ip","table":"filter","name":"FORWARD","hook":"forward"}},
      {"chain":{"family":"ip","table":"filter","name":"INPUT","hook":"input"}}]})",
                                        ""});
    fake.processes.expect("nft -f -");
    Result<std::string> left = disable_forwarding(fake.world);
    REQUIRE(left);
    CHECK(left->find(interface ? "docker0" : "ip filter FORWARD") != std::string::npos);
    CHECK(fake.files.content[sysctl] == "1\n");
    CHECK_FALSE(fake.files.exists(marker));
  }
}

TEST_CASE("A network card that was plugged in needs no forwarding") {
  fakes::FakeWorld fake;
  switch_on(fake);
  fake.files.content["/sys/class/net/usb0/device/uevent"] = "";
  fake.processes.expect(links_call, {0, R"([{"ifname":"eth0"},{"ifname":"wlan0"},{"ifname":"usb0"}])", ""});
  fake.processes.expect(chains_call, {0, own_chains, ""});
  fake.processes.expect("nft -f -");
  CHECK(disable_forwarding(fake.world)->empty());
  CHECK(fake.files.content[sysctl] == "0\n");
}

TEST_CASE("A router's forwarding is left as it was") {
  fakes::FakeWorld fake;
  fake.files.content[sysctl] = "1\n";
  REQUIRE(enable_forwarding(fake.world));
  REQUIRE(disable_forwarding(fake.world));
  CHECK(fake.files.content[sysctl] == "1\n");
}

TEST_CASE("The machine's list has each name and each subnet once, and goes with the last cluster") {
  fakes::FakeWorld fake;
  const fs::path list = "/run/hpawalk-clusters";
  REQUIRE(enter(fake.world, "a", {0, "/root/state/a"}));
  REQUIRE(enter(fake.world, "a", {0, "/root/state/a"}));  // after a restart of the node
  CHECK(enter(fake.world, "a", {1, "/home/user/state/a"}).error().id == "cluster-elsewhere");
  CHECK(enter(fake.world, "b", {0, "/root/state/b"}).error().id == "subnet-in-use");
  REQUIRE(enter(fake.world, "b", {1, "/root/state/b"}));
  CHECK(registered(fake.world).at("b").link == 1);
  REQUIRE(leave(fake.world, "a"));
  CHECK(registered(fake.world).size() == 1);
  REQUIRE(leave(fake.world, "b"));
  CHECK_FALSE(fake.files.exists(list));
  for (const char* damaged :
       {"", "no JSON", "[]", R"({"a": 5, "b": {"link": "x", "root": "/"}, "c": {"link": 1}})"}) {
    fake.files.content[list] = damaged;
    CHECK(registered(fake.world).empty());
  }
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
  CHECK(config.find(R"(- {name: horizontal-pod-autoscaler-downscale-stabilization, value: "10s"})") !=
        std::string::npos);
}

TEST_CASE("An image archive is what image loaders read: manifest, config, one layer and its digest") {
  fakes::FakeWorld fake;
  const std::string tar = "tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner ";
  const std::string digest(64, 'a');
  fake.processes.expect(tar + "--mode=a+rX -cf /c/image.tar.work/layer.tar -C /c/root .");
  fake.processes.expect("sha256sum /c/image.tar.work/layer.tar", {0, digest + "  layer.tar\n", ""});
  nlohmann::json manifest, config;
  fake.processes.on_call = [&](const Command& command) {
    if (command.argv.back() != "layer.tar") return;
    manifest = nlohmann::json::parse(fake.files.content.at("/c/image.tar.work/manifest.json"));
    config = nlohmann::json::parse(fake.files.content.at("/c/image.tar.work/config.json"));
  };
  fake.processes.expect(tar + "-cf /c/image.tar -C /c/image.tar.work manifest.json config.json layer.tar");
  REQUIRE(write_archive(fake.world, "/c/root",
                        {{"localhost/hpawalk/prom-fake:1"}, {"/prom-fake"}, "65534:65534"}, "/c/image.tar"));
  CHECK(manifest[0]["RepoTags"][0] == "localhost/hpawalk/prom-fake:1");
  CHECK(manifest[0]["Layers"][0] == "layer.tar");
  CHECK(config["rootfs"]["diff_ids"][0] == "sha256:" + digest);
  CHECK(config["config"]["Entrypoint"][0] == "/prom-fake");
  CHECK(config["config"]["User"] == "65534:65534");
}

TEST_CASE("Every image has a name, and every program in it is a part") {
  std::set<std::string> parts;
  for (const PartSet& set : part_sets(newest())) {
    for (const auto& [program, built_as] : set.programs) parts.insert(program);
  }
  for (const Image& image : images(newest())) {
    REQUIRE_FALSE(image.names.empty());
    CHECK(image.programs.empty() != image.packages.empty());
    for (const std::string& program : image.programs) CHECK_MESSAGE(parts.contains(program), program);
  }
}

TEST_CASE("The caller of sudo gets a kubeconfig that he can open, everybody else the cluster's own") {
  fakes::FakeWorld fake;
  ClusterFiles files = cluster_files(make_layout(fake.world.environment), "x");
  Description d;
  d.name = "x";
  d.user = 1000;
  CHECK(kubeconfig_for_caller(fake.world, files, d) == files.kubeconfig());
  fake.world.environment["SUDO_UID"] = "1000";
  CHECK(kubeconfig_for_caller(fake.world, files, d) == "/run/hpawalk-kubeconfig-x");
  fake.world.environment["SUDO_UID"] = "1001";
  CHECK(kubeconfig_for_caller(fake.world, files, d) == files.kubeconfig());
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

TEST_CASE("A cluster's name is never a path, whatever is asked of it") {
  for (const std::string name : {"../../../trav", "a/b", ".", "..", "", "$(touch x)", "-x", "x y"}) {
    fakes::FakeWorld fake;
    fake.files
        .content[(make_layout(fake.world.environment).clusters / name / "cluster.json").lexically_normal()] =
        "{}";
    CHECK(status(fake.world, name).error().id == "cluster-name");
    CHECK(logs(fake.world, name).error().id == "cluster-name");
    CHECK(own_program(fake.world, name, "kubectl").error().id == "cluster-name");
    CHECK(merge_kubeconfig(fake.world, name).error().id == "cluster-name");
    CHECK(load_image(fake.world, name, "/x").error().id == "cluster-name");
  }
}

TEST_CASE("No program is started that a cluster.json of another shape names") {
  const std::string parts = "/root/.cache/hpawalk/parts/kubernetes-1";
  auto read = [](const nlohmann::json& json) {
    fakes::FakeWorld fake;
    ClusterFiles files = cluster_files(make_layout(fake.world.environment), "local");
    fake.files.content[files.description()] = json.dump();
    return read_description(fake.world, files);
  };
  nlohmann::json good = {{"name", "local"},
                         {"link", 0},
                         {"hpaSyncPeriod", ""},
                         {"hpaDownscaleStabilization", ""},
                         {"parts", {{"kubernetes", parts}}},
                         {"user", 0}};
  CHECK(read(good));
  for (const nlohmann::json& change : {nlohmann::json{{"name", "other"}},
                                       {{"link", 300}},
                                       {{"parts", nlohmann::json::object()}},
                                       {{"parts", {{"adapter", parts}}}},
                                       {{"parts", {{"kubernetes", "/tmp/evil"}}}},
                                       {{"parts", {{"kubernetes", "/x/hpawalk/parts/../../evil"}}}},
                                       {{"parts", {{"kubernetes", "hpawalk/parts/kubernetes-1"}}}},
                                       {{"parts", {{"kubernetes", "/tmp/parts/kubernetes-1"}}}},
                                       {{"parts", 5}}}) {
    nlohmann::json json = good;
    json.merge_patch(change);
    if (change.contains("parts")) json["parts"] = change["parts"];
    CHECK_MESSAGE(read(json).error().id == "cluster-damaged", json.dump());
  }
}

TEST_CASE("Parts that somebody else can write are not executed") {
  fakes::FakeWorld fake;
  ClusterFiles files = cluster_files(make_layout(fake.world.environment), "local");
  const std::string parts = "/root/.cache/hpawalk/parts/kubernetes-1";
  fake.files.content[files.description()] = nlohmann::json{
      {"name", "local"},
      {"link", 0},
      {"hpaSyncPeriod", ""},
      {"hpaDownscaleStabilization", ""},
      {"parts", {{"kubernetes", parts}}},
      {"user", 0}}.dump();
  fake.files.content[parts + "/kubectl"] = "";
  REQUIRE(read_description(fake.world, files));
  fake.files.modes[parts] = 0775;
  CHECK(read_description(fake.world, files).error().id == "folder-not-trusted");
  fake.files.modes.clear();
  fake.files.owners["/root/.cache/hpawalk"] = 4'000'000;
  CHECK(read_description(fake.world, files).error().because ==
        "/root/.cache/hpawalk belongs to user 4000000");
  fake.files.owners.clear();
  fake.files.modes["/root"] = 0777;
  CHECK(read_description(fake.world, files).error().because == "other users can write to /root");
  fake.files.modes["/root"] = 01777;
  CHECK(read_description(fake.world, files));
}
