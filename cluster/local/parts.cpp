#include "cluster/local/parts.hpp"

#include <array>
#include <cassert>
#include <set>

#include <fmt/format.h>

#include "base/fingerprint.hpp"
#include "base/text.hpp"
#include "cluster/local/downloads.hpp"
#include "world/trust.hpp"

namespace hpawalk::local {

const std::vector<KubernetesRelease>& kubernetes_releases() {
  static const std::vector<KubernetesRelease> releases = {
      {"1.37", "v1.37.2"}, {"1.36", "v1.36.3"}, {"1.35", "v1.35.4"}, {"1.34", "v1.34.4"}};
  return releases;
}

Result<KubernetesRelease> find_kubernetes(const std::string& text) {
  if (text.empty()) return kubernetes_releases().front();
  std::vector<std::string> known;
  for (const KubernetesRelease& release : kubernetes_releases()) {
    if (text == release.minor || text == "v" + release.minor || text == release.version ||
        "v" + text == release.version) {
      return release;
    }
    known.push_back(fmt::format("{} ({})", release.minor, release.version));
  }
  return failure(ErrorClass::usage, "kubernetes-version",
                 "A local cluster of Kubernetes " + text + " cannot be compiled", {},
                 "Choose one of " + text::join(known, ", "));
}

namespace {

PartSet kubernetes_set(const KubernetesRelease& release) {
  const bool newest = release.version == kubernetes_releases().front().version;
  const std::string flags = fmt::format(
      "-s -w -X k8s.io/component-base/version.gitVersion={0} -X k8s.io/component-base/version.gitMajor=1 "
      "-X k8s.io/component-base/version.gitMinor={1} -X k8s.io/component-base/version.gitTreeState=clean "
      "-X k8s.io/client-go/pkg/version.gitVersion={0}",
      release.version, release.minor.substr(2));
  PartSet set{
      "kubernetes", "Kubernetes " + release.minor,    newest ? "current" : "kubernetes-" + release.minor,
      {},           {"-trimpath", "-ldflags", flags}, {}};
  for (const char* program : {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy",
                              "kubelet", "kubeadm", "kubectl"}) {
    set.packages.push_back(std::string("k8s.io/kubernetes/cmd/") + program);
    set.programs[program] = program;
  }
  return set;
}

}  // namespace

std::vector<PartSet> part_sets(const KubernetesRelease& release) {
  const std::string monitoring = "github.com/prometheus-operator/prometheus-operator/cmd/";
  return {
      kubernetes_set(release),
      {"chain",
       "etcd, CoreDNS, Helm and Prometheus's operator",
       "current",
       {monitoring + "operator", monitoring + "prometheus-config-reloader", "go.etcd.io/etcd/server/v3",
        "go.etcd.io/etcd/etcdctl/v3", "helm.sh/helm/v3/cmd/helm", "./coredns", "./pause"},
       {"-trimpath", "-ldflags", "-s -w"},
       {{"operator", "operator"},
        {"prometheus-config-reloader", "prometheus-config-reloader"},
        {"etcd", "server"},
        {"etcdctl", "etcdctl"},
        {"helm", "helm"},
        {"coredns", "coredns"},
        {"pause", "pause"}}},
      {"prometheus",
       "Prometheus",
       "prometheus",
       {"github.com/prometheus/prometheus/cmd/prometheus", "github.com/prometheus/prometheus/cmd/promtool"},
       {"-trimpath", "-tags", "remove_all_sd,enable_kubernetes_sd", "-ldflags", "-s -w"},
       {{"prometheus", "prometheus"}, {"promtool", "promtool"}}},
      {"adapter",
       "prometheus-adapter",
       "adapter",
       {"sigs.k8s.io/prometheus-adapter/cmd/adapter"},
       {"-trimpath", "-ldflags", "-s -w"},
       {{"adapter", "adapter"}}},
  };
}

PartSet keda_set() {
  const std::string commands = "github.com/kedacore/keda/v2/cmd/";
  const std::string flags =
      fmt::format("-s -w -X github.com/kedacore/keda/v2/version.Version={}", version::keda);
  return {"keda",
          "KEDA",
          "keda",
          {commands + "operator", commands + "adapter"},
          {"-trimpath", "-ldflags", flags},
          {{"keda", "operator"}, {"keda-adapter", "adapter"}}};
}

fs::path Parts::program(const std::string& name) const {
  std::vector<PartSet> sets = part_sets(kubernetes_releases().front());
  sets.push_back(keda_set());
  for (const PartSet& set : sets) {
    if (set.programs.contains(name)) return folders_.at(set.name) / name;
  }
  assert(false && "unknown component");
  return {};
}

// The key keeps different inputs in different folders; it protects against nothing.
std::string key_of(const PartSet& set, const std::string& go_version) {
  std::uint64_t hash = fnv1a(go_version);
  for (const auto& [path, content] : embedded_files()) {
    if (!path.starts_with("parts/" + set.module + "/")) continue;
    hash = fnv1a(content, fnv1a(path, hash));
  }
  for (const std::string& word : set.packages) hash = fnv1a(word, hash);
  for (const std::string& word : set.flags) hash = fnv1a(word, hash);
  return fmt::format("{:016x}", hash);
}

namespace {

// From 1.21 on, Go fetches the newer toolchain that a go.mod asks for, if it may. Distributions switch that
// off in their packages; what the user says in the environment counts.
std::string toolchain(const world::World& world) {
  auto set = world.environment.find("GOTOOLCHAIN");
  return set == world.environment.end() || set->second.empty() ? "auto" : set->second;
}

struct Builder {
  world::World& world;
  const PartSet& set;
  fs::path folder;  // final name
  world::Progress& progress;

  fs::path source() const { return folder.string() + ".source"; }
  fs::path partial() const { return folder.string() + ".partial"; }
  std::string step() const { return "build " + set.title; }

  world::Command go(std::vector<std::string> words) const {
    words.insert(words.begin(), "go");
    return world::Command{.argv = std::move(words),
                          .env = {{"CGO_ENABLED", "0"},
                                  {"GOWORK", "off"},
                                  {"GOTOOLCHAIN", toolchain(world)},
                                  {"GOFLAGS", "-mod=readonly -buildvcs=false"}},
                          .folder = source(),
                          .limit = std::chrono::hours(3)};
  }

  std::vector<std::string> with_flags(std::vector<std::string> words) const {
    words.insert(words.end(), set.flags.begin(), set.flags.end());
    return words;
  }

  Status write_source() {
    for (const auto& [path, content] : embedded_files()) {
      std::string prefix = "parts/" + set.module + "/";
      if (!path.starts_with(prefix)) continue;
      Status written = world.files.write(source() / path.substr(prefix.size()), content);
      if (!written) return written;
    }
    return {};
  }

  // Fetches the modules (go list needs their sources) and returns the packages that are yet to be compiled.
  Result<std::set<std::string>> stale_packages() {
    std::vector<std::string> words = with_flags({"list", "-deps"});
    words.insert(words.end(), {"-f", "{{if .Stale}}{{.ImportPath}}{{end}}"});
    words.insert(words.end(), set.packages.begin(), set.packages.end());
    world::Command list = go(std::move(words));
    int fetched = 0;
    list.on_error_line = [&](std::string_view line) {
      constexpr std::string_view download = "go: downloading ";
      if (!line.starts_with(download)) return;
      progress.now(step(), fmt::format("module {}: {}", ++fetched, line.substr(download.size())));
    };
    Result<std::string> listed = world::run_checked(world.processes, list, "parts-modules",
                                                    "Cannot fetch the Go modules of " + set.title);
    if (!listed) return failure(with_hint(listed.error()));
    std::vector<std::string> names = text::lines(*listed);
    return std::set<std::string>(names.begin(), names.end());
  }

  Status compile(const std::set<std::string>& stale) {
    std::vector<std::string> words = with_flags({"build", "-v"});
    words.insert(words.end(), {"-o", partial().string() + "/"});
    words.insert(words.end(), set.packages.begin(), set.packages.end());
    world::Command build = go(std::move(words));
    size_t seen = 0;
    build.on_error_line = [&](std::string_view package) {
      if (!stale.contains(std::string(package))) return;
      ++seen;
      progress.now(step(), fmt::format("package {} of {}: {}", seen, stale.size(), package));
    };
    Result<std::string> built =
        world::run_checked(world.processes, build, "parts-build", "Cannot compile " + set.title);
    if (!built) return failure(with_hint(built.error()));
    return {};
  }

  Status finish() {
    for (const auto& [name, built_as] : set.programs) {
      if (name == built_as) continue;
      if (Status renamed = world.files.rename(partial() / built_as, partial() / name); !renamed)
        return renamed;
    }
    if (set.programs.contains("operator")) {
      if (Status copied = copy_bundle(); !copied) return copied;
    }
    if (Status renamed = world.files.rename(partial(), folder); !renamed) return renamed;
    return world.files.remove_all(source());
  }

  Status copy_bundle() {
    Result<std::string> module = world::run_checked(
        world.processes,
        go({"list", "-m", "-f", "{{.Dir}}", "github.com/prometheus-operator/prometheus-operator"}),
        "parts-modules", "Cannot find the operator's module");
    if (!module) return failure(module.error());
    Result<std::string> bundle = world.files.read(fs::path(text::trim(*module)) / "bundle.yaml");
    if (!bundle) return failure(bundle.error());
    return world.files.write(partial() / "bundle.yaml", *bundle);
  }

  static Error with_hint(Error error) {
    if (error.output.find("no space left") != std::string::npos) {
      error.id = ErrorId("disk-full").text();
      error.kind = ErrorClass::environment;
      error.hint = "Free about 8 GiB (df -h), then run the command again: it continues where it stopped";
    } else if (error.kind != ErrorClass::interrupted) {
      error.kind = ErrorClass::environment;
      error.hint =
          "Go fetches modules through GOPROXY (go env GOPROXY): check the network, then run the command "
          "again: it continues where it stopped";
    }
    return error;
  }

  Status build() {
    progress.started(step());
    Status done = write_source();
    if (done) done = world.files.remove_all(partial());
    if (done) done = world.files.make_folder(partial());
    size_t compiled = 0;
    if (done) {
      progress.now(step(), "reading the modules");
      Result<std::set<std::string>> stale = stale_packages();
      if (!stale) {
        done = failure(stale.error());
      } else {
        compiled = stale->size();
        progress.now(step(), fmt::format("{} packages to compile", compiled));
        done = compile(*stale);
      }
    }
    if (done) done = finish();
    if (done) {
      progress.done(step(), fmt::format("{} programs, {} packages compiled", set.programs.size(), compiled));
    } else {
      progress.failed(step(), done.error().what);
    }
    return done;
  }
};

// "go1.26.8" -> 1, 26, 8
std::array<int, 3> parse_go_version(const std::string& text) {
  std::array<int, 3> v{};
  std::sscanf(text.c_str(), "go%d.%d.%d", &v[0], &v[1], &v[2]);
  return v;
}

Result<std::string> go_version(world::World& world) {
  const std::string hint =
      "Install Go 1.26.7 or newer (go.dev/doc/install) and have its bin folder in PATH; ./walk does it where "
      "the distribution has one. With internet access, --from release needs none";
  if (!world.processes.find("go")) {
    return failure(ErrorClass::environment, "go-missing",
                   "Cannot compile the cluster's components: Go is not installed",
                   "program `go` not found in PATH", hint);
  }
  Result<std::string> told = world::run_checked(
      world.processes, world::Command{.argv = {"go", "env", "GOVERSION"}, .env = {{"GOTOOLCHAIN", "local"}}},
      "go-version", "Cannot determine Go's version");
  if (!told) return told;
  std::string version(text::trim(*told));
  const std::array<int, 3> fetches_newer = {1, 21, 0}, newest_asked_for = {1, 26, 7};
  const std::array<int, 3>& oldest = toolchain(world) == "local" ? newest_asked_for : fetches_newer;
  if (parse_go_version(version) < oldest) {
    return failure(ErrorClass::environment, "go-too-old",
                   "The cluster's components require Go 1.26.7 or later", "found: " + version, hint);
  }
  return version;
}

Status check_space(world::World& world, const Layout& layout, bool downloads) {
  const unsigned long long needed = (downloads ? 3ULL : 8ULL) << 30U;
  Result<unsigned long long> free = world.files.free_bytes(layout.cache);
  if (!free || *free >= needed) return {};
  return failure(
      ErrorClass::environment, "disk-full",
      fmt::format("Not enough disk space to {} the cluster's components", downloads ? "download" : "compile"),
      text::bytes(*free) + " free below " + layout.cache.string() + ", " + text::bytes(needed) + " needed",
      fmt::format("Free some space, or set XDG_CACHE_HOME{} to a larger disk",
                  downloads ? "" : " and GOCACHE"));
}

}  // namespace

Result<Parts> build_parts(world::World& world, const Layout& layout, const KubernetesRelease& release,
                          Source source, world::Progress& progress) {
  // Which Go is here matters only when something has to be compiled, but it is part of the key: an image
  // compiled with another Go is another image.
  Result<std::string> go = source == Source::release ? std::string() : go_version(world);
  // Without Go, upstream's release may still do.
  if (!go && (source == Source::compile || go.error().kind != ErrorClass::environment))
    return failure(go.error());
  auto compiled = [&](const PartSet& set) {
    return layout.parts() / (set.name + "-" + key_of(set, go.value_or("")));
  };
  auto released = [&](const PartSet& set) { return layout.parts() / released_folder(set, release); };
  std::map<std::string, fs::path> folders;
  const std::vector<PartSet> sets = part_sets(release);
  std::vector<const PartSet*> missing;
  for (const PartSet& set : sets) {
    std::vector<fs::path> places;
    if (source != Source::release && go) places.push_back(compiled(set));
    if (source != Source::compile) places.push_back(released(set));
    for (const fs::path& place : places) {
      // Its programs run as root.
      if (Status trusted = world::check_trusted(world, place); !trusted) return failure(trusted.error());
      if (!folders.contains(set.name) && world.files.exists(place)) folders[set.name] = place;
    }
    if (!folders.contains(set.name)) missing.push_back(&set);
  }
  if (missing.empty()) return Parts(folders);
  Result<bool> take = source == Source::release;
  if (source == Source::automatic) take = upstream_answers(world, missing, release, progress);
  if (!take) return failure(take.error());
  if (!*take && !go) return failure(go.error());
  if (Status enough = check_space(world, layout, *take); !enough) return failure(enough.error());
  for (const PartSet* set : missing) {
    if (*take) {
      folders[set->name] = released(*set);
      Status fetched = fetch_set(world, *set, release, folders[set->name], progress);
      if (fetched) continue;
      const bool other_way = source == Source::automatic && fetched.error().is("release-unavailable") && go;
      if (!other_way) return failure(fetched.error());
      progress.started("upstream");
      progress.done("upstream", "does not have " + set->title + ": compiling");
      if (Status enough = check_space(world, layout, false); !enough) return failure(enough.error());
    }
    folders[set->name] = compiled(*set);
    if (Status built = Builder{world, *set, folders[set->name], progress}.build(); !built)
      return failure(built.error());
  }
  return Parts(folders);
}

Result<std::optional<Parts>> build_keda(world::World& world, const Layout& layout,
                                        world::Progress& progress) {
  const PartSet set = keda_set();
  Result<std::string> go = go_version(world);
  fs::path folder;
  if (go) {
    folder = layout.parts() / (set.name + "-" + key_of(set, *go));
    // Its programs become an image of a cluster that this machine's root runs.
    if (Status trusted = world::check_trusted(world, folder); !trusted) return failure(trusted.error());
    if (world.files.exists(folder)) return Parts({{set.name, folder}});
  }
  Result<bool> pull = upstream_answers(world, {&set}, kubernetes_releases().front(), progress);
  if (!pull) return failure(pull.error());
  if (*pull) return std::nullopt;
  if (!go) return failure(go.error());
  if (Status enough = check_space(world, layout, false); !enough) return failure(enough.error());
  if (Status built = Builder{world, set, folder, progress}.build(); !built) return failure(built.error());
  return Parts({{set.name, folder}});
}

}  // namespace hpawalk::local
