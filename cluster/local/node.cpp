#include "cluster/local/node.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "base/text.hpp"
#include "cluster/local/containerd.hpp"
#include "cluster/local/mount_points.hpp"
#include "cluster/local/network.hpp"
#include "world/daemon.hpp"
#include "world/https_probe.hpp"

namespace hpawalk::local {

namespace {

const fs::path containerd_socket = "/run/containerd/containerd.sock";

Status run(world::World& world, std::vector<std::string> argv, std::string input = {}) {
  Result<std::string> done =
      world::run_checked(world.processes, world::Command{.argv = std::move(argv), .input = std::move(input)},
                         "node-setup", "Cannot set up the node");
  if (!done) return failure(done.error());
  return {};
}

// The name servers that the node can reach: the host's, unless they listen on a loopback address (that of the
// host, which is another one than the node's). Then those that systemd-resolved itself asks.
std::string reachable_resolv_conf(world::World& world, const Link& link) {
  for (const char* file : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}) {
    Result<std::string> text = world.files.read(file);
    if (!text) continue;
    std::string kept;
    for (const std::string& line : text::lines(*text)) {
      if (line.starts_with("nameserver") && !line.starts_with("nameserver 127.") &&
          line.find("::1") == std::string::npos) {
        kept += line + "\n";
      }
    }
    if (!kept.empty()) return kept;
  }
  return "nameserver " + link.host_address() + "\n";  // never a loopback address: CoreDNS would see a loop
}

Status mount_all(world::World& world, const ClusterFiles& files, const Link& link) {
  std::string resolv = reachable_resolv_conf(world, link);  // before /run is covered
  fs::path resolv_target = fs::weakly_canonical("/etc/resolv.conf");
  if (Status done = run(world, {"mount", "--make-rprivate", "/"}); !done) return done;
  if (Status done = run(world, {"mount", "-t", "proc", "proc", "/proc"}); !done) return done;
  if (Status done = run(world, {"mount", "-t", "tmpfs", "tmpfs", "/run"}); !done) return done;
  for (const Bind& bind : binds) {
    fs::path kept = files.root / bind.kept;
    if (Status made = world.files.make_folder(kept); !made) return made;
    if (Status done = run(world, {"mount", "--bind", kept, bind.inside}); !done) return done;
  }
  if (Status done = run(world, {"mount", "--make-rshared", "/var/lib/kubelet"}); !done) return done;
  if (Status written = world.files.write(files.run() / "resolv.conf", resolv); !written) return written;
  if (resolv_target.string().starts_with("/run/")) return world.files.write(resolv_target, resolv);
  return run(world, {"mount", "--bind", files.run() / "resolv.conf", resolv_target});
}

Status join_network(world::World& world, const Link& link) {
  Status there = world::wait_until(
      world.clock, {std::chrono::seconds(10), std::chrono::milliseconds(5)}, "waiting for eth0",
      [&]() -> Result<world::StillWaiting> {
        if (world.files.exists("/sys/class/net/eth0") || access("/proc/sys/net/ipv4/conf/eth0", F_OK) == 0) {
          return world::StillWaiting{};
        }
        return world::StillWaiting{"the host has not connected it yet"};
      });
  if (!there) return there;
  if (Status on = world.files.write_in_place("/proc/sys/net/ipv4/ip_forward", "1\n"); !on) return on;
  // Before there is a way out.
  if (Status rules = run(world, {"nft", "-f", "-"}, node_rules(link)); !rules) return rules;
  for (const std::string& line :
       {std::string("link set lo up"), "address add " + link.node_address() + "/30 dev eth0",
        std::string("link set eth0 up"), "route add default via " + link.host_address()}) {
    std::vector<std::string> argv = text::split(line, ' ');
    argv.insert(argv.begin(), "ip");
    if (Status done = run(world, argv); !done) return done;
  }
  return {};
}

// ptp: every packet between pods is routed, so that Service addresses work without bridge netfilter.
std::string cni_config() {
  return fmt::format(
      R"({{"cniVersion": "0.4.0", "name": "hpawalk", "plugins": [
  {{"type": "ptp", "ipMasq": false,
    "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
]}})",
      pod_subnet);
}

// KUBELET_KUBEADM_ARGS="--a=b --c=d", written by kubeadm for a unit of systemd.
std::vector<std::string> kubelet_arguments() {
  world::DiskFiles disk;
  Result<std::string> text = disk.read("/var/lib/kubelet/kubeadm-flags.env");
  if (!text) return {};
  size_t first = text->find('"'), last = text->rfind('"');
  if (first == std::string::npos || last <= first) return {};
  return text::split(std::string_view(*text).substr(first + 1, last - first - 1), ' ');
}

std::vector<world::Service> node_services(world::World& world, const ClusterFiles& files,
                                          const Description& description, const fs::path& containerd_toml) {
  const fs::path parts = description.kubernetes_programs();
  auto kubelet = [parts] {
    std::vector<std::string> argv = {parts / "kubelet", "--config=/var/lib/kubelet/config.yaml",
                                     "--kubeconfig=/etc/kubernetes/kubelet.conf",
                                     "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf"};
    for (std::string& flag : kubelet_arguments()) argv.push_back(std::move(flag));
    return argv;
  };
  auto proxy = [parts, name = description.name] {
    return std::vector<std::string>{parts / "kube-proxy",
                                    "--kubeconfig=/etc/kubernetes/kube-proxy.conf",
                                    "--proxy-mode=nftables",
                                    "--hostname-override=" + name,
                                    std::string("--cluster-cidr=") + pod_subnet,
                                    "--conntrack-max-per-core=0",
                                    "--conntrack-tcp-timeout-established=0",
                                    "--conntrack-tcp-timeout-close-wait=0"};
  };
  // Started earlier, kube-proxy is refused, and waits longer each time before it asks again.
  auto api_ready = [address = Link{description.link}.node_address()] {
    return world::https_says_ok("https://" + address + ":6443/readyz", "/etc/kubernetes/pki/ca.crt",
                                std::chrono::seconds(1));
  };
  // A kube-proxy that finds an endpoint's chain takes its rules for granted. One that was killed may leave
  // such a chain emptied (Kubernetes 1.34, epChainSkipUpdate): its Service would never answer again.
  auto clear_rules = [&world] {
    Status cleared = run(world, {"nft", "-f", "-"},
                         "table ip kube-proxy\ndelete table ip kube-proxy\n"
                         "table ip6 kube-proxy\ndelete table ip6 kube-proxy\n");
    if (!cleared) world.terminal.err("cannot clear kube-proxy's rules: " + cleared.error().output + "\n");
  };
  return {
      {"containerd",
       [containerd_toml] {
         return std::vector<std::string>{"containerd", "--config", containerd_toml};
       },
       {},
       files.logs() / "containerd.log"},
      {"kubelet",
       kubelet,
       {containerd_socket, "/var/lib/kubelet/config.yaml", "/var/lib/kubelet/kubeadm-flags.env",
        "/etc/kubernetes/kubelet.conf"},
       files.logs() / "kubelet.log"},
      {"kube-proxy",
       proxy,
       {"/etc/kubernetes/kube-proxy.conf"},
       files.logs() / "kube-proxy.log",
       api_ready,
       clear_rules},
  };
}

}  // namespace

Status run_node(world::World& world, const fs::path& cluster_root) {
  ClusterFiles files{cluster_root};
  Result<Description> description = read_description(world, files);
  if (!description) return failure(description.error());
  Link link{description->link};
  if (sethostname(description->name.c_str(), description->name.size()) != 0) {
    return failure(ErrorClass::environment, "node-setup", "Cannot set the node's host name");
  }
  if (Status done = mount_all(world, files, link); !done) return done;
  if (Status done = join_network(world, link); !done) return done;
  if (Status done = world.files.write("/etc/cni/net.d/10-hpawalk.conflist", cni_config()); !done) return done;
  fs::path toml = files.run() / "containerd.toml";
  if (Status done = world.files.write(
          toml, containerd_config(files.containerd(), "/run/containerd", containerd_socket));
      !done) {
    return done;
  }
  if (Status done = world.files.write(files.node_ready(), "\n"); !done) return done;
  world::supervise(node_services(world, files, *description, toml), files.description());
  return {};
}

}  // namespace hpawalk::local
