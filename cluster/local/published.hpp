// What upstream publishes of the sets of parts: release files with checksums, and images. Pure: the table
// only.
//
// downloads.hpp fetches the files; images.cpp has the images pulled whose programs are in no file.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cluster/local/parts.hpp"

namespace hpawalk::local {

// prometheus-operator's bundle.yaml, as its Go module (whose checksum parts/current/go.sum has) carries it.
struct KnownBundle {
  static constexpr const char* version = "0.92.1";
  static constexpr const char* sha256 = "153c7189c21481eaed2327e3c651ba5ba102d5b3f8aee114fd4f81a240e2aeed";
};

struct ReleaseFile {
  std::string url;
  std::string sums = {};                  // URL of the published SHA-256; empty: hpawalk knows it
  std::string sha256 = {};                // which is this
  std::vector<std::string> members = {};  // an archive's paths of the programs; empty: the file itself is one
  std::string name() const { return url.substr(url.rfind('/') + 1); }
};

struct Published {
  std::vector<ReleaseFile> files;
  std::set<std::string> only_as_images;  // programs of the set that are in no file
};

// For a machine of that architecture, in the words of Go and of images: "amd64" or "arm64".
Published published(const PartSet& set, const KubernetesRelease& release, const std::string& architecture);
std::string architecture();  // this machine's

// The folder below Layout::parts() of a set that was taken from upstream: its name says so, and carries a key
// of all that it is made of.
std::string released_folder(const PartSet& set, const KubernetesRelease& release);
bool is_released(const fs::path& folder);

// The hosts that must answer before the sets can be taken from upstream.
std::set<std::string> upstream_hosts(const std::vector<const PartSet*>& sets,
                                     const KubernetesRelease& release);

// What is published for the file of that name: the only SHA-256 in the text, or the one beside the name, as
// sha256sum writes it. Empty: none.
std::string published_sum(const std::string& text, const std::string& file);

}  // namespace hpawalk::local
