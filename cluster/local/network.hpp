// The link between a node's network namespace and the host: a veth pair with a /30 of its own, and host rules
// that keep other users of the machine, and other machines, away from it.
//
// Cluster number N has host 10.201.N.1, node 10.201.N.2, and the host's interface hpawalk-N. Pods and
// Services have the same ranges in every cluster: they exist only inside the node's namespace, and a packet
// to one of them never leaves it, as on a bridge, where nobody answers for an address that no pod has.
#pragma once

#include <string>
#include <vector>

#include "world/world.hpp"

namespace hpawalk::local {

inline constexpr const char* pod_subnet = "10.244.0.0/24";
inline constexpr const char* service_subnet = "10.96.0.0/16";
inline constexpr const char* dns_address =
    "10.96.0.10";  // the tenth of the Service range, by kubeadm's convention

struct Link {
  int number;  // 0 to 255
  std::string interface() const { return "hpawalk-" + std::to_string(number); }
  std::string host_address() const { return "10.201." + std::to_string(number) + ".1"; }
  std::string node_address() const { return "10.201." + std::to_string(number) + ".2"; }
};

// The first number whose subnet no interface and no route of the host touches, and no other cluster has.
Result<Link> free_link(world::World& world, const std::vector<int>& taken);

// Connects the namespace of process `node` and sets the host's rules. Idempotent. `user` may talk to the node
// besides root (the one who called sudo; 0: nobody).
Status connect(world::World& world, const Link& link, pid_t node, long user);

// Removes the host's side.
Status disconnect(world::World& world, const Link& link);

// Netfilter rules for nft: those of the host about this link, and those inside the node.
std::string host_rules(const Link& link, long user);
std::string node_rules(const Link& link);

// Lets the host forward the nodes' packets to the world, if it does not forward already.
Status enable_forwarding(world::World& world);

// With the last cluster: back to what it was, if it was enable_forwarding that switched it on, and if nobody
// else has come meanwhile who forwards packets too: then the result says that it stays on, and for whom.
Result<std::string> disable_forwarding(world::World& world);

}  // namespace hpawalk::local
