// The parts of a local cluster: which programs there are, and building them from pinned Go modules, or taking
// them from upstream's release (downloads.hpp).
//
// A set is some programs of one module (cluster/local/parts/MODULE, embedded in the binary), compiled with
// one `go build` into a folder whose name carries a key of all that it is made of. A folder that has its
// final name is whole: it is built beside it and renamed at the end. Go's own build cache makes an
// interrupted build go on where it was, and lets sets share the libraries that they have in common: those of
// the module `current`, and Prometheus, whose module pins the same versions. It is not in `current` because
// its operator needs an older Prometheus as a library.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/local/layout.hpp"
#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk::local {

// A Kubernetes that can be compiled.
struct KubernetesRelease {
  std::string minor;    // "1.37": what the user asks for
  std::string version;  // "v1.37.2": what its module pins
};
const std::vector<KubernetesRelease>& kubernetes_releases();  // the newest, which is the default, comes first

// By its minor version ("1.36", "v1.36") or exactly ("v1.36.3"); the default for an empty text.
Result<KubernetesRelease> find_kubernetes(const std::string& text);

// The other versions that the modules pin; the images' tags are made of them.
namespace version {
inline constexpr const char* etcd = "3.7.0-0";
inline constexpr const char* coredns = "v1.14.6";
inline constexpr const char* pause = "3.10.2";
inline constexpr const char* prometheus_operator = "v0.92.1";
inline constexpr const char* prometheus = "v3.16.0";
inline constexpr const char* adapter = "v0.12.0";
inline constexpr const char* helm = "v3.22.0";
inline constexpr const char* keda = "2.21.0";
}  // namespace version

struct PartSet {
  std::string name;                             // "kubernetes", "chain", "prometheus", "adapter" or "keda"
  std::string title;                            // "Kubernetes 1.37": what people read
  std::string module;                           // the folder below parts/ with its go.mod
  std::vector<std::string> packages;            // given to go build
  std::vector<std::string> flags;               // likewise
  std::map<std::string, std::string> programs;  // file name -> the name that go build gives it
};

// What a cluster of that Kubernetes is made of. Only the set "kubernetes" depends on the release.
std::vector<PartSet> part_sets(const KubernetesRelease& release);

// KEDA's operator and metrics API server. No cluster needs them: they are compiled when they are asked for.
PartSet keda_set();

// Files of a set, by their path inside of it; made by cmake/embed.cmake.
const std::map<std::string_view, std::string_view>& embedded_files();

// Where the parts come from.
enum class Source {
  automatic,  // upstream's release where its hosts answer, else compiled
  compile,
  release  // downloaded; what upstream publishes only as images is pulled by images.hpp
};

// Where the programs are, once there.
class Parts {
 public:
  explicit Parts(std::map<std::string, fs::path> folders) : folders_(std::move(folders)) {}
  fs::path program(const std::string& name) const;  // asserts that the name is one of a set's
  const std::map<std::string, fs::path>& folders() const { return folders_; }

 private:
  std::map<std::string, fs::path> folders_;  // by the set's name
};

// A key of all that a set is made of: module files, flags, Go's version and platform.
std::string key_of(const PartSet& set, const std::string& go_version);

// Makes what is missing for that Kubernetes. Cheap when everything is there; `automatic` takes a set that is
// there whichever way it was made.
Result<Parts> build_parts(world::World& world, const Layout& layout, const KubernetesRelease& release,
                          Source source, world::Progress& progress);

// Likewise KEDA's set alone, compiled. Nothing: it is not compiled yet, and its registry answers, so that
// every node can pull its images.
Result<std::optional<Parts>> build_keda(world::World& world, const Layout& layout, world::Progress& progress);

}  // namespace hpawalk::local
