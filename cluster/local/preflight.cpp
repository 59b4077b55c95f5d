#include "cluster/local/preflight.hpp"

#include <unistd.h>
#include <set>

#include "base/text.hpp"

namespace hpawalk::local {

namespace {

struct Tool {
  const char* program;
  const char* package;  // of Debian and Ubuntu
};
constexpr Tool tools[] = {{"containerd", "containerd"},
                          {"runc", "runc"},
                          {"nft", "nftables"},
                          {"iptables", "iptables"},
                          {"ip", "iproute2"},
                          {"nsenter", "util-linux"},
                          {"unshare", "util-linux"},
                          {"mount", "mount"},
                          {"conntrack", "conntrack"},
                          {"tar", "tar"},
                          {"apt-get", "apt"},
                          {"dpkg-deb", "dpkg"},
                          {"/usr/lib/cni/ptp", "containernetworking-plugins"}};

Status check_tools(world::World& world) {
  std::vector<std::string> missing;
  std::set<std::string> packages;
  for (const Tool& tool : tools) {
    if (world.processes.find(tool.program)) continue;
    missing.emplace_back(tool.program);
    packages.insert(tool.package);
  }
  if (missing.empty()) return {};
  return failure(
      ErrorClass::environment, "packages-missing", "Programs that a local cluster requires are missing",
      text::join(missing, ", "),
      "apt-get install " + text::join(std::vector<std::string>(packages.begin(), packages.end()), " "));
}

Status check_disk(world::World& world, const Layout& layout) {
  constexpr unsigned long long needed = 1ULL << 30U;
  Result<unsigned long long> free = world.files.free_bytes(layout.clusters);
  if (!free) return failure(free.error());
  if (*free >= needed) return {};
  return failure(
      ErrorClass::environment, "disk-full", "Not enough disk space for a cluster",
      text::bytes(*free) + " free below " + layout.clusters.string() + ", " + text::bytes(needed) + " needed",
      "Free some space, or set XDG_STATE_HOME to a larger disk");
}

}  // namespace

Status check_machine(world::World& world, const Layout& layout) {
  if (geteuid() != 0) {
    return failure(ErrorClass::environment, "not-root",
                   "A local cluster requires root: it creates namespaces, mounts and interfaces",
                   "this is user " + std::to_string(geteuid()), "Run the same command with sudo");
  }
  if (!world.files.exists("/sys/fs/cgroup")) {
    return failure(ErrorClass::environment, "no-cgroups", "This machine has no control groups",
                   "/sys/fs/cgroup does not exist",
                   "Run it on a Linux machine (or in a container) with /sys/fs/cgroup mounted");
  }
  if (Status tools_there = check_tools(world); !tools_there) return tools_there;
  return check_disk(world, layout);
}

}  // namespace hpawalk::local
