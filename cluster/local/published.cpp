#include "cluster/local/published.hpp"

#include <fmt/format.h>

#include "base/fingerprint.hpp"
#include "base/text.hpp"
#include "cluster/local/images.hpp"

namespace hpawalk::local {

std::string architecture() {
#if defined(__aarch64__)
  return "arm64";
#else
  return "amd64";
#endif
}

namespace {

// "v3.16.0", "3.7.0-0" (an image's tag) -> "3.16.0", "3.7.0"
std::string bare(const std::string& version) {
  const std::string without = version.starts_with("v") ? version.substr(1) : version;
  return without.substr(0, without.find('-'));
}

Published kubernetes_files(const PartSet& set, const KubernetesRelease& release, const std::string& arch) {
  Published all;
  for (const auto& [program, built_as] : set.programs) {
    const std::string url =
        fmt::format("https://dl.k8s.io/release/{}/bin/linux/{}/{}", release.version, arch, program);
    all.files.push_back({.url = url, .sums = url + ".sha256"});
  }
  return all;
}

Published chain_files(const std::string& arch) {
  const std::string github = "https://github.com/";
  const std::string etcd = bare(version::etcd), coredns = bare(version::coredns);
  const std::string etcd_base = fmt::format("{}etcd-io/etcd/releases/download/v{}/", github, etcd);
  const std::string etcd_folder = fmt::format("etcd-v{}-linux-{}", etcd, arch);
  const std::string coredns_archive = fmt::format(
      "{0}coredns/coredns/releases/download/v{1}/coredns_{1}_linux_{2}.tgz", github, coredns, arch);
  const std::string helm_archive =
      fmt::format("https://get.helm.sh/helm-{}-linux-{}.tar.gz", version::helm, arch);
  return {{{.url = etcd_base + etcd_folder + ".tar.gz",
            .sums = etcd_base + "SHA256SUMS",
            .members = {etcd_folder + "/etcd", etcd_folder + "/etcdctl"}},
           {.url = coredns_archive, .sums = coredns_archive + ".sha256", .members = {"coredns"}},
           {.url = helm_archive, .sums = helm_archive + ".sha256sum", .members = {"linux-" + arch + "/helm"}},
           {.url = fmt::format("{}prometheus-operator/prometheus-operator/releases/download/v{}/bundle.yaml",
                               github, KnownBundle::version),
            .sha256 = KnownBundle::sha256}},
          {"operator", "prometheus-config-reloader", "pause"}};
}

Published prometheus_files(const std::string& arch) {
  const std::string version = bare(version::prometheus);
  const std::string base =
      fmt::format("https://github.com/prometheus/prometheus/releases/download/v{}/", version);
  const std::string folder = fmt::format("prometheus-{}.linux-{}", version, arch);
  return {{{.url = base + folder + ".tar.gz",
            .sums = base + "sha256sums.txt",
            .members = {folder + "/prometheus", folder + "/promtool"}}},
          {}};
}

// "https://dl.k8s.io/release/..." or "quay.io/prometheus/..." -> the host
std::string host_of(const std::string& reference) {
  const size_t scheme = reference.find("://"), start = scheme == std::string::npos ? 0 : scheme + 3;
  return reference.substr(start, reference.find('/', start) - start);
}

// The names of the images that have to be pulled for a set.
std::vector<std::string> pulled_images(const Published& from, const KubernetesRelease& release) {
  std::vector<std::string> names;
  std::vector<Image> all = images(release);
  all.push_back(keda_image());
  for (const Image& image : all) {
    if (!image.programs.empty() && from.only_as_images.contains(image.programs.front()))
      names.insert(names.end(), image.names.begin(), image.names.end());
  }
  return names;
}

bool is_sum(std::string_view word) {
  return word.size() == 64 && word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Published published(const PartSet& set, const KubernetesRelease& release, const std::string& architecture) {
  if (set.name == "kubernetes") return kubernetes_files(set, release, architecture);
  if (set.name == "chain") return chain_files(architecture);
  if (set.name == "prometheus") return prometheus_files(architecture);
  if (set.name == "keda") return {{}, {"keda", "keda-adapter"}};
  return {{}, {"adapter"}};
}

std::string released_folder(const PartSet& set, const KubernetesRelease& release) {
  const Published from = published(set, release, architecture());
  std::uint64_t hash = fnv1a("release");
  for (const ReleaseFile& file : from.files) {
    for (const std::string& word : {file.url, file.sums, file.sha256, text::join(file.members, " ")})
      hash = fnv1a(word, hash);
  }
  for (const std::string& name : pulled_images(from, release)) hash = fnv1a(name, hash);
  return fmt::format("{}-release-{:016x}", set.name, hash);
}

bool is_released(const fs::path& folder) {
  return folder.filename().string().find("-release-") != std::string::npos;
}

std::set<std::string> upstream_hosts(const std::vector<const PartSet*>& sets,
                                     const KubernetesRelease& release) {
  std::set<std::string> hosts;
  for (const PartSet* set : sets) {
    const Published from = published(*set, release, architecture());
    for (const ReleaseFile& file : from.files) hosts.insert(host_of(file.url));
    for (const std::string& name : pulled_images(from, release)) hosts.insert(host_of(name));
  }
  return hosts;
}

std::string published_sum(const std::string& text, const std::string& file) {
  const std::string_view all = text::trim(text);
  if (is_sum(all)) return std::string(all);
  for (const std::string& line : text::lines(text)) {
    // "SUM  NAME"; "SUM *NAME" where it was read as binary.
    if (line.size() < 66 || !is_sum(std::string_view(line).substr(0, 64))) continue;
    if (text::trim(std::string_view(line).substr(66)) == file) return line.substr(0, 64);
  }
  return {};
}

}  // namespace hpawalk::local
