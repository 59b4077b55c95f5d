// The compiled parts of a local cluster: which programs there are, and building them from pinned Go modules.
//
// A set is one go.mod (cluster/local/parts/SET, embedded in the binary), compiled with one `go build` into a
// folder whose name carries a key of all that it is made of. A folder that has its final name is whole: it is
// built beside it and renamed at the end. Go's own build cache makes an interrupted build go on where it was.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/local/layout.hpp"
#include "world/progress.hpp"
#include "world/world.hpp"

namespace hpawalk::local {

// The versions that the modules pin; the images' tags are made of them.
namespace version {
inline constexpr const char* kubernetes = "v1.34.4";
inline constexpr const char* etcd = "3.6.5-0";
inline constexpr const char* coredns = "v1.12.4";
inline constexpr const char* pause = "3.10.1";
inline constexpr const char* prometheus_operator = "v0.85.0";
inline constexpr const char* prometheus = "v3.11.0";
inline constexpr const char* adapter = "v0.12.0";
}  // namespace version

struct PartSet {
  std::string name;                             // the folder below parts/
  std::vector<std::string> packages;            // given to go build
  std::vector<std::string> flags;               // likewise
  std::map<std::string, std::string> programs;  // file name -> the name that go build gives it
};

const std::vector<PartSet>& part_sets();

// Files of a set, by their path inside of it; made by cmake/embed.cmake.
const std::map<std::string_view, std::string_view>& embedded_files();

// Where the programs are, once built.
class Parts {
 public:
  explicit Parts(std::map<std::string, fs::path> folders) : folders_(std::move(folders)) {}
  fs::path program(const std::string& name) const;  // asserts that the name is one of part_sets()
  fs::path folder() const { return folders_.at("kubernetes"); }
  fs::path operator_bundle() const { return folder() / "bundle.yaml"; }  // as upstream released it
  const std::map<std::string, fs::path>& folders() const { return folders_; }

 private:
  std::map<std::string, fs::path> folders_;  // by the set's name
};

// A key of all that a set is made of: module files, flags, Go's version and platform.
std::string key_of(const PartSet& set, const std::string& go_version);

// Builds what is missing. Cheap when everything is there.
Result<Parts> build_parts(world::World& world, const Layout& layout, world::Progress& progress);

}  // namespace hpawalk::local
