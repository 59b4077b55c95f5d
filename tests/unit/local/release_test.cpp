// Parts from upstream's release: what is published, what is fetched and checked, and when it is compiled
// instead.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.hpp"
#include "cluster/local/containerd.hpp"
#include "cluster/local/downloads.hpp"
#include "cluster/local/images.hpp"
#include "cluster/local/published.hpp"
#include "tests/fakes/fakes.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::local;

namespace {

struct RecordedProgress final : Progress {
  std::vector<std::string> lines;
  void started(const std::string&) override {}
  void now(const std::string&, const std::string& detail) override { lines.push_back(detail); }
  void done(const std::string& step, const std::string& evidence) override {
    lines.push_back(step + ": " + evidence);
  }
  void failed(const std::string& step, const std::string& reason) override {
    lines.push_back(step + " failed: " + reason);
  }
  bool says(const std::string& text) const {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
};

const KubernetesRelease& newest() {
  return kubernetes_releases().front();
}

PartSet set_named(const std::string& name) {
  const std::vector<PartSet> sets = part_sets(newest());
  return *std::find_if(sets.begin(), sets.end(), [&](const PartSet& set) { return set.name == name; });
}

const std::string curl =
    "curl --fail --location --silent --show-error --proto =https --connect-timeout 10 --speed-limit 1024 "
    "--speed-time 30 ";
const std::string hash_a(64, 'a'), hash_b(64, 'b');

// A machine with the newest Kubernetes' programs (compiled, unless `folders` is changed) and without the
// adapter's set, which has no files; tests name what else there is.
struct Machine {
  fakes::FakeWorld fake;
  RecordedProgress progress;
  Layout layout = make_layout(fake.world.environment);

  fs::path compiled(const std::string& set) const {
    return layout.parts() / (set + "-" + key_of(set_named(set), "go1.26.8"));
  }
  static std::string released_name(const std::string& set) {
    return released_folder(set_named(set), newest());
  }
  fs::path released(const std::string& set) const { return layout.parts() / released_name(set); }
  void has(const fs::path& folder) { fake.files.folders.insert(folder); }
  void has_go() {
    fake.processes.programs.insert("go");
    fake.processes.expect("go env GOVERSION", {0, "go1.26.8\n", ""});
  }
  Result<Parts> build(Source source) { return build_parts(fake.world, layout, newest(), source, progress); }

  // The short look at the hosts of the set "chain" and what each answers.
  void look(const std::string& quay_says) {
    fake.processes.programs.insert("curl");
    std::string line =
        "curl --silent --head --parallel --proto =https --max-time 4 --write-out '%{url} %{http_code}\n'";
    std::string answers;
    for (const char* host : {"get.helm.sh", "github.com", "quay.io", "registry.k8s.io"}) {
      line += std::string(" --output /dev/null https://") + host + "/";
      answers +=
          std::string("https://") + host + "/ " + (host == std::string("quay.io") ? quay_says : "302") + "\n";
    }
    fake.processes.expect(line, {quay_says == "000" ? 6 : 0, answers, ""});
  }

  fs::path download(const std::string& set, const ReleaseFile& file) const {
    return fs::path(released(set).string() + ".partial/downloads") / file.name();
  }
  // Its published checksum, and a download that arrives.
  void serves(const std::string& set, const ReleaseFile& file) {
    if (!file.sums.empty())
      fake.processes.expect(curl + file.sums, {0, hash_a + "  " + file.name() + "\n", ""});
    arrives(set, file, file.sums.empty() ? file.sha256 : hash_a);
  }
  void arrives(const std::string& set, const ReleaseFile& file, const std::string& hash) {
    const std::string path = download(set, file);
    fake.processes.expect(curl + "--continue-at - --output " + path + " " + file.url);
    fake.processes.expect("sha256sum " + path, {0, hash + "  " + path + "\n", ""});
  }
  // What curl and tar write.
  void write_downloads() {
    fake.processes.on_call = [this](const Command& command) {
      auto output = std::find(command.argv.begin(), command.argv.end(), "--output");
      if (command.argv[0] == "curl" && output != command.argv.end() && *(output + 1) != "/dev/null")
        fake.files.content[*(output + 1)] = "downloaded";
    };
  }
};

std::vector<ReleaseFile> files_of(const std::string& set) {
  return published(set_named(set), newest(), architecture()).files;
}

}  // namespace

TEST_CASE("Upstream publishes each program of each set, as a file or as an image, for both architectures") {
  for (const char* arch : {"amd64", "arm64"}) {
    for (const KubernetesRelease& release : kubernetes_releases()) {
      for (const PartSet& set : part_sets(release)) {
        const Published from = published(set, release, arch);
        std::set<std::string> there = from.only_as_images;
        for (const ReleaseFile& file : from.files) {
          CHECK(file.url.starts_with("https://"));
          CHECK(file.sums.empty() != file.sha256.empty());
          if (file.members.empty()) there.insert(file.name());
          for (const std::string& member : file.members) there.insert(fs::path(member).filename());
        }
        for (const auto& [program, built_as] : set.programs) CHECK_MESSAGE(there.contains(program), program);
        for (const std::string& program : from.only_as_images) {
          const std::vector<Image> all = images(release);
          // Else it would be in an image that is written from files.
          CHECK_MESSAGE(std::count_if(all.begin(), all.end(),
                                      [&](const Image& image) {
                                        return image.programs == std::vector<std::string>{program};
                                      }) == 1,
                        program);
        }
      }
    }
  }
}

TEST_CASE("The addresses of upstream's files have its projects' own forms") {
  std::vector<std::string> urls;
  for (const PartSet& set : part_sets(kubernetes_releases()[1])) {
    for (const ReleaseFile& file : published(set, kubernetes_releases()[1], "arm64").files) {
      urls.push_back(file.url);
      if (!file.sums.empty()) urls.push_back(file.sums);
    }
  }
  for (const char* url :
       {"https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kubelet",
        "https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kubelet.sha256",
        "https://github.com/etcd-io/etcd/releases/download/v3.7.0/etcd-v3.7.0-linux-arm64.tar.gz",
        "https://github.com/etcd-io/etcd/releases/download/v3.7.0/SHA256SUMS",
        "https://github.com/coredns/coredns/releases/download/v1.14.6/coredns_1.14.6_linux_arm64.tgz",
        "https://github.com/coredns/coredns/releases/download/v1.14.6/coredns_1.14.6_linux_arm64.tgz.sha256",
        "https://get.helm.sh/helm-v3.22.0-linux-arm64.tar.gz",
        "https://get.helm.sh/helm-v3.22.0-linux-arm64.tar.gz.sha256sum",
        "https://github.com/prometheus/prometheus/releases/download/v3.16.0/"
        "prometheus-3.16.0.linux-arm64.tar.gz",
        "https://github.com/prometheus/prometheus/releases/download/v3.16.0/sha256sums.txt",
        "https://github.com/prometheus-operator/prometheus-operator/releases/download/v0.92.1/bundle.yaml"}) {
    CHECK_MESSAGE(std::count(urls.begin(), urls.end(), url) == 1, url);
  }
}

TEST_CASE("What is downloaded has the versions that would be compiled") {
  const std::string_view module = embedded_files().at("parts/current/go.mod");
  CHECK(module.find(std::string("helm.sh/helm/v3 ") + version::helm) != std::string_view::npos);
  CHECK(std::string("v") + KnownBundle::version == version::prometheus_operator);
}

TEST_CASE("A published checksum stands alone, or beside its file's name") {
  CHECK(published_sum(hash_a, "kubelet") == hash_a);
  CHECK(published_sum(hash_a + "\n", "kubelet") == hash_a);
  CHECK(published_sum(hash_b + "  other.tgz\n" + hash_a + "  etcd.tgz\n", "etcd.tgz") == hash_a);
  CHECK(published_sum(hash_a + " *etcd.tgz\r\n", "etcd.tgz") == hash_a);
  for (const std::string& text :
       {std::string(), std::string("<html>"), hash_a.substr(1), hash_a + "a", std::string(64, 'x'),
        hash_a + "  my-etcd.tgz", hash_a + "  etcd.tgz.asc", hash_a + " etcd.tgz extra"}) {
    CHECK_MESSAGE(published_sum(text, "etcd.tgz").empty(), text);
  }
}

TEST_CASE("The folder's name says which way a set was made, and of what") {
  const PartSet kubernetes = part_sets(newest())[0], older = part_sets(kubernetes_releases()[1])[0];
  const std::string name = released_folder(kubernetes, newest());
  CHECK(name.starts_with("kubernetes-release-"));
  CHECK(is_released("/c/parts/" + name));
  CHECK_FALSE(is_released("/c/parts/kubernetes-" + key_of(kubernetes, "go1.26.8")));
  CHECK(name != released_folder(older, kubernetes_releases()[1]));
  CHECK(released_folder(set_named("chain"), newest()) ==
        released_folder(set_named("chain"), kubernetes_releases()[1]));
}

TEST_CASE("A set that is there is used whichever way it was made, and no host is asked") {
  Machine machine;
  machine.has_go();
  machine.has(machine.released("kubernetes"));
  machine.has(machine.released("prometheus"));
  machine.has(machine.compiled("chain"));
  machine.has(machine.released("adapter"));
  machine.has(machine.compiled("adapter"));
  Result<Parts> parts = machine.build(Source::automatic);
  REQUIRE(parts);
  CHECK(parts->folders().at("kubernetes") == machine.released("kubernetes"));
  CHECK(parts->folders().at("chain") == machine.compiled("chain"));
  CHECK(parts->folders().at("prometheus") == machine.released("prometheus"));
  CHECK(parts->folders().at("adapter") == machine.compiled("adapter"));
}

TEST_CASE("What was taken from upstream needs no Go") {
  Machine machine;
  for (const char* set : {"kubernetes", "chain", "prometheus", "adapter"}) machine.has(machine.released(set));
  CHECK(machine.build(Source::automatic));
  CHECK(machine.build(Source::release));
  CHECK(machine.build(Source::compile).error().id == "go-missing");
}

TEST_CASE("A release is fetched beside its place, each file compared with what is published") {
  Machine machine;
  machine.has(machine.released("kubernetes"));
  machine.has(machine.released("prometheus"));
  machine.write_downloads();
  const std::string partial = machine.released("chain").string() + ".partial";
  for (const ReleaseFile& file : files_of("chain")) {
    machine.serves("chain", file);
    if (file.members.empty()) continue;
    const auto folders = std::count(file.members[0].begin(), file.members[0].end(), '/');
    machine.fake.processes.expect("tar --extract --gzip --file " + machine.download("chain", file).string() +
                                  " --no-same-owner --directory " + partial + " --strip-components=" +
                                  std::to_string(folders) + " " + text::join(file.members, " "));
  }
  std::string chmod = "chmod 755";
  for (const char* program : {"coredns", "etcd", "etcdctl", "helm"}) chmod += " " + partial + "/" + program;
  machine.fake.processes.expect(chmod);
  Result<Parts> parts = machine.build(Source::release);
  REQUIRE(parts);
  CHECK(parts->folders().at("chain") == machine.released("chain"));
  CHECK(machine.fake.files.content.contains(machine.released("chain") / "bundle.yaml"));
  CHECK_FALSE(machine.fake.files.exists(machine.released("chain") / "downloads"));
  CHECK_FALSE(machine.fake.files.exists(partial));
  CHECK(machine.fake.files.exists(machine.released("adapter")));  // its only program is in an image
  CHECK(machine.progress.says("1 of 4: https://github.com/etcd-io/"));
}

TEST_CASE("A file with another checksum stops, in auto too, and is removed") {
  for (Source source : {Source::automatic, Source::release}) {
    Machine machine;
    const ReleaseFile first = files_of("chain")[0];
    machine.has(machine.released("kubernetes"));
    machine.has(machine.released("prometheus"));
    machine.has(machine.released("adapter"));
    machine.write_downloads();
    if (source == Source::automatic) {
      machine.has_go();
      machine.look("401");
    }
    machine.fake.processes.expect(curl + first.sums, {0, hash_a + "  " + first.name() + "\n", ""});
    machine.arrives("chain", first, hash_b);
    Result<Parts> parts = machine.build(source);
    REQUIRE_FALSE(parts);
    CHECK(parts.error().id == "release-checksum");
    CHECK(parts.error().kind == ErrorClass::environment);
    CHECK(parts.error().because ==
          "its SHA-256 is " + hash_b + ", not " + hash_a + ", which " + first.sums + " says");
    CHECK_FALSE(machine.fake.files.exists(machine.download("chain", first)));
    CHECK_FALSE(machine.fake.files.exists(machine.released("chain")));
  }
}

TEST_CASE("A checksum file that does not name the file is no reason to do without") {
  Machine machine;
  const ReleaseFile first = files_of("chain")[0];
  machine.has(machine.released("kubernetes"));
  machine.has(machine.released("prometheus"));
  machine.fake.processes.expect(curl + first.sums, {0, "<html>moved</html>\n", ""});
  CHECK(machine.build(Source::release).error().id == "release-checksum");
}

TEST_CASE("A file that was cut off stops, stays, and is gone on with") {
  Machine machine;
  const ReleaseFile first = files_of("chain")[0];
  const std::string path = machine.download("chain", first);
  machine.has(machine.released("kubernetes"));
  machine.has(machine.released("prometheus"));
  machine.write_downloads();
  machine.has_go();
  machine.look("401");
  machine.fake.processes.expect(curl + first.sums, {0, hash_a + "  " + first.name() + "\n", ""});
  machine.fake.processes.expect(curl + "--continue-at - --output " + path + " " + first.url,
                                {18, "", "curl: (18) transfer closed with 5 bytes remaining to read\n"});
  Result<Parts> parts = machine.build(Source::automatic);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().id == "release-download");
  CHECK(parts.error().because.find("5 bytes remaining") != std::string::npos);
  CHECK(machine.fake.files.exists(path));
  // Again, from release: half a file has another checksum, is gone on with, and then has the right one.
  machine.fake.processes.expect(curl + first.sums, {0, hash_a + "  " + first.name() + "\n", ""});
  machine.fake.processes.expect("sha256sum " + path, {0, hash_b + "  " + path + "\n", ""});
  machine.arrives("chain", first, hash_a);
  const ReleaseFile second = files_of("chain")[1];
  machine.fake.processes.expect(curl + second.sums,
                                {6, "", "curl: (6) Could not resolve host: github.com\n"});
  CHECK(machine.build(Source::release).error().id == "release-unavailable");
  // A third time: what came whole is not fetched again.
  machine.fake.processes.expect(curl + first.sums, {0, hash_a + "  " + first.name() + "\n", ""});
  machine.fake.processes.expect("sha256sum " + path, {0, hash_a + "  " + path + "\n", ""});
  machine.fake.processes.expect(curl + second.sums,
                                {6, "", "curl: (6) Could not resolve host: github.com\n"});
  CHECK(machine.build(Source::release).error().id == "release-unavailable");
}

TEST_CASE("A server that cannot go on in the middle does not stop all further attempts") {
  Machine machine;
  const ReleaseFile first = files_of("chain")[0];
  machine.has(machine.released("kubernetes"));
  machine.has(machine.released("prometheus"));
  machine.write_downloads();
  machine.fake.processes.expect(curl + first.sums, {0, hash_a + "  " + first.name() + "\n", ""});
  machine.fake.processes.expect(
      curl + "--continue-at - --output " + machine.download("chain", first).string() + " " + first.url,
      {33, "", "curl: (33) HTTP server doesn't seem to support byte ranges. Cannot resume.\n"});
  CHECK(machine.build(Source::release).error().id == "release-download");
  CHECK_FALSE(machine.fake.files.exists(machine.download("chain", first)));
}

TEST_CASE("What upstream does not have is compiled in auto, which says so, and is an error in release") {
  const std::string list =
      "go list -deps -trimpath -ldflags '-s -w' -f '{{if .Stale}}{{.ImportPath}}{{end}}' ";
  for (Source source : {Source::automatic, Source::release}) {
    Machine machine;
    const ReleaseFile first = files_of("chain")[0];
    machine.has(machine.released("kubernetes"));
    machine.has(machine.released("prometheus"));
    machine.has(machine.released("adapter"));
    machine.fake.processes.expect(curl + first.sums,
                                  {22, "", "curl: (22) The requested URL returned error: 404\n"});
    if (source == Source::automatic) {
      machine.has_go();
      machine.look("401");
      // Far enough: the compiler is called.
      machine.fake.processes.expect(list + text::join(set_named("chain").packages, " "),
                                    {1, "", "stop here"});
    }
    Result<Parts> parts = machine.build(source);
    REQUIRE_FALSE(parts);
    if (source == Source::automatic) {
      CHECK(parts.error().id == "parts-modules");
      CHECK(machine.progress.says(
          "upstream: does not have etcd, CoreDNS, Helm and Prometheus's operator: compiling"));
    } else {
      CHECK(parts.error().id == "release-unavailable");
      CHECK(parts.error().what == "Cannot fetch " + first.sums);
      CHECK(parts.error().because.find("404") != std::string::npos);
      CHECK(parts.error().hint.find("--from compile") != std::string::npos);
    }
  }
}

TEST_CASE("Auto compiles where one of the hosts does not answer, and names it") {
  Machine machine;
  machine.has(machine.released("kubernetes"));
  machine.has(machine.released("prometheus"));
  machine.has(machine.released("adapter"));
  machine.look("000");  // and no Go: what is said then is what compiling needs
  Result<Parts> parts = machine.build(Source::automatic);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().id == "go-missing");
  CHECK(machine.progress.says("upstream: no answer from quay.io: compiling"));
  CHECK(machine.fake.processes.calls.back().limit <= std::chrono::seconds(10));
}

TEST_CASE("Without curl auto compiles, and says why") {
  Machine machine;
  CHECK(machine.build(Source::automatic).error().id == "go-missing");
  CHECK(machine.progress.says("curl is not installed: compiling"));
}

TEST_CASE("Too little space is told before anything is downloaded") {
  Machine machine;
  machine.fake.files.free = 1U << 30U;
  Result<Parts> parts = machine.build(Source::release);
  REQUIRE_FALSE(parts);
  CHECK(parts.error().id == "disk-full");
  CHECK(parts.error().what.find("download") != std::string::npos);
}

TEST_CASE("What somebody else can have written is not used, whichever way it was made") {
  Machine machine;
  machine.has(machine.released("chain"));
  machine.fake.files.modes[machine.released("chain")] = 0777;
  CHECK(machine.build(Source::release).error().id == "folder-not-trusted");
}

TEST_CASE("An image that cannot be found is told from one that broke off or is another one") {
  for (const auto& [said, id] : {
           std::pair{"ctr: failed to resolve reference \"quay.io/x:1\": failed to do request: dial tcp: no "
                     "such host",
                     "release-unavailable"},
           {"ctr: failed to resolve reference \"quay.io/x:1\": quay.io/x:1: not found",
            "release-unavailable"},
           {"ctr: failed commit on ref \"layer-sha256:0\": unexpected commit digest", "image-pull"},
           {"ctr: failed to copy: httpReadSeeker: connection reset by peer", "image-pull"},
       }) {
    fakes::FakeWorld fake;
    fake.files.content["/w/containerd.sock"] = "";
    fake.processes.expect("unshare --mount --kill-child containerd --config /w/containerd.toml");
    fake.processes.expect(
        "ctr --address /w/containerd.sock --namespace k8s.io images pull --platform linux/" + architecture() +
            " quay.io/x:1",
        {1, "", said});
    Result<std::unique_ptr<Containerd>> containerd = Containerd::start(fake.world, "/r", "/w");
    REQUIRE(containerd);
    Status pulled = (*containerd)->pull_image("quay.io/x:1");
    REQUIRE_FALSE(pulled);
    CHECK(pulled.error().id == id);
    CHECK(pulled.error().kind == ErrorClass::environment);
  }
}
