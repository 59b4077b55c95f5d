#include "cluster/local/network.hpp"

#include <arpa/inet.h>
#include <algorithm>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"

namespace hpawalk::local {

namespace {

constexpr const char* forwarding_file = "/proc/sys/net/ipv4/ip_forward";
constexpr const char* forwarding_table = "hpawalk-forwarding";
// There when hpawalk switched forwarding on. In /run: after a restart of the machine it is the machine's own
// affair.
constexpr const char* forwarding_marker = "/run/hpawalk-forwarding";

struct Range {
  std::uint32_t first, last;
  bool overlaps(const Range& other) const { return first <= other.last && other.first <= last; }
};

Range range_of(const std::string& address, int prefix) {
  in_addr parsed{};
  if (inet_pton(AF_INET, address.c_str(), &parsed) != 1) return {1, 0};  // overlaps nothing
  if (prefix < 0 || prefix > 32) return {1, 0};
  std::uint32_t size = prefix == 32 ? 0 : (0xffffffffU >> static_cast<unsigned>(prefix));
  std::uint32_t first = ntohl(parsed.s_addr) & ~size;
  return {first, first + size};
}

Range range_of(const std::string& destination) {  // "10.0.0.0/8", "10.1.2.3"
  size_t slash = destination.find('/');
  return range_of(destination.substr(0, slash),
                  slash == std::string::npos ? 32 : std::atoi(destination.c_str() + slash + 1));
}

Result<Json> ip_json(world::World& world, std::vector<std::string> words) {
  std::vector<std::string> argv = {"ip", "-json", "-4"};
  argv.insert(argv.end(), words.begin(), words.end());
  Result<std::string> text = world::run_checked(world.processes, world::Command{.argv = argv}, "network-read",
                                                "Cannot read the host's network");
  if (!text) return failure(text.error());
  if (text->empty()) return Json::array();
  Result<Json> parsed = parse_json(*text, "The answer of ip");
  if (parsed) return parsed;
  return failure(ErrorClass::environment, "network-read", parsed.error().what, parsed.error().because);
}

Result<std::vector<Range>> used_ranges(world::World& world) {
  std::vector<Range> used;
  Result<Json> addresses = ip_json(world, {"address", "show"});
  if (!addresses) return failure(addresses.error());
  for (const Json& interface : *addresses) {
    for (const Json& a : list_at(interface, "addr_info")) {
      used.push_back(range_of(text_at(a, "local"), static_cast<int>(int_at(a, "prefixlen", 32))));
    }
  }
  Result<Json> routes = ip_json(world, {"route", "show", "table", "all"});
  if (!routes) return failure(routes.error());
  for (const Json& route : *routes) {
    std::string destination = text_at(route, "dst");
    if (destination != "default" && text_at(route, "type", "unicast") == "unicast")
      used.push_back(range_of(destination));
  }
  return used;
}

Status ip(world::World& world, const std::string& line) {
  std::vector<std::string> argv = text::split(line, ' ');
  argv.insert(argv.begin(), "ip");
  Result<std::string> done = world::run_checked(world.processes, world::Command{.argv = argv}, "network-link",
                                                "Cannot set up the cluster's network");
  if (!done) return failure(done.error());
  return {};
}

Status nft(world::World& world, const std::string& rules) {
  Result<std::string> done =
      world::run_checked(world.processes, world::Command{.argv = {"nft", "-f", "-"}, .input = rules},
                         "network-rules", "Cannot set the cluster's netfilter rules");
  if (!done) return failure(done.error());
  return {};
}

// "table" twice: the first makes it exist, so that the delete cannot fail.
std::string without_table(const std::string& name) {
  return fmt::format("table inet {0}\ndelete table inet {0}\n", name);
}

}  // namespace

std::string host_rules(const Link& link, long user) {
  // The node itself refuses what is for pods and Services and has nowhere to go (node_rules): what still
  // comes here must not go on to whoever has such an address in the world. Link-local addresses tell a cloud
  // machine's programs its credentials; a name server may have one too.
  return without_table(link.interface()) +
         fmt::format(R"(table inet {name} {{
  chain refuse {{
    counter
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}
  chain from_node {{
    ip saddr != {node} goto refuse
    ip daddr {{ {pods}, {services} }} goto refuse
    ip daddr 169.254.0.0/16 meta l4proto {{ tcp, udp }} th dport 53 return
    ip daddr 169.254.0.0/16 goto refuse
  }}
  chain output {{
    type filter hook output priority 0;
    oifname "{name}" meta skuid != {{ 0, {user} }} reject with icmpx type admin-prohibited
  }}
  chain input {{
    type filter hook input priority 0;
    iifname "{name}" jump from_node
  }}
  chain forward {{
    type filter hook forward priority 0;
    oifname "{name}" ct state != {{ established, related }} drop
    iifname "{name}" jump from_node
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    ip saddr {node} oifname != "{name}" masquerade
  }}
}}
)",
                     fmt::arg("name", link.interface()), fmt::arg("user", user),
                     fmt::arg("node", link.node_address()), fmt::arg("pods", pod_subnet),
                     fmt::arg("services", service_subnet));
}

std::string node_rules(const Link& link) {
  // A connection that was translated to a pod which is no more has no route but the default one. `rt nexthop`
  // is what was decided after the translation; the interface that a locally made packet shows is still the
  // one from before. A reset instead of silence: whoever keeps a connection open to that pod makes a new one
  // at once.
  return fmt::format(R"(table ip hpawalk {{
  chain refuse {{
    counter
    meta l4proto tcp reject with tcp reset
    reject with icmp type host-unreachable
  }}
  chain nowhere {{
    ip daddr {services} goto refuse
    ip daddr {pods} rt nexthop {host} goto refuse
  }}
  chain output {{
    type filter hook output priority 0;
    jump nowhere
  }}
  chain forward {{
    type filter hook forward priority 0;
    jump nowhere
    oifname "eth0" ct state invalid drop
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    ip saddr {pods} oifname "eth0" masquerade
  }}
}}
)",
                     fmt::arg("host", link.host_address()), fmt::arg("pods", pod_subnet),
                     fmt::arg("services", service_subnet));
}

Result<Link> free_link(world::World& world, const std::vector<int>& taken) {
  Result<std::vector<Range>> used = used_ranges(world);
  if (!used) return failure(used.error());
  for (int number = 0; number <= 255; ++number) {
    if (std::find(taken.begin(), taken.end(), number) != taken.end()) continue;
    Link link{number};
    Range wanted = range_of(link.host_address(), 30);
    bool free = std::none_of(used->begin(), used->end(), [&](const Range& r) { return r.overlaps(wanted); });
    if (free) return link;
  }
  return failure(ErrorClass::environment, "subnet-in-use", "No subnet is left for the cluster",
                 "addresses or routes of this machine cover all of 10.201.0.0/16",
                 "ip route show match 10.201.0.0/16 tells which; remove that route (a VPN's, perhaps) while "
                 "the cluster runs");
}

Status connect(world::World& world, const Link& link, pid_t node, long user) {
  Result<world::Outcome> old =
      world.processes.run(world::Command{.argv = {"ip", "link", "delete", link.interface()}});
  if (!old) return failure(old.error());
  const std::string name = link.interface();
  for (const std::string& line : {fmt::format("link add {} type veth peer name eth0 netns {}", name, node),
                                  fmt::format("address add {}/30 dev {}", link.host_address(), name),
                                  fmt::format("link set {} up", name)}) {
    if (Status done = ip(world, line); !done) return done;
  }
  return nft(world, host_rules(link, user));
}

Status disconnect(world::World& world, const Link& link) {
  // The interface goes with the node's namespace, but only when the kernel has cleaned that up: do not wait.
  Result<world::Outcome> gone =
      world.processes.run(world::Command{.argv = {"ip", "link", "delete", link.interface()}});
  if (!gone) return failure(gone.error());
  return nft(world, without_table(link.interface()));
}

namespace {

// What there was when hpawalk switched forwarding on.
struct Found {
  std::vector<std::string> interfaces, chains;
};

// The machine's interfaces, but for the clusters' own.
Result<std::vector<std::string>> interfaces(world::World& world) {
  Result<nlohmann::json> links = ip_json(world, {"link", "show"});
  if (!links) return failure(links.error());
  std::vector<std::string> names;
  for (const auto& link : *links) {
    std::string name = text_at(link, "ifname");
    if (name != "lo" && !name.starts_with("hpawalk-")) names.push_back(name);
  }
  return names;
}

// "FAMILY TABLE CHAIN" of every chain, but for the clusters' own, that decides on forwarded packets.
Result<std::vector<std::string>> forward_chains(world::World& world) {
  Result<std::string> text =
      world::run_checked(world.processes, world::Command{.argv = {"nft", "--json", "list", "chains"}},
                         "network-read", "Cannot read the host's netfilter rules");
  if (!text) return failure(text.error());
  Result<Json> parsed = parse_json(*text, "The answer of nft");
  if (!parsed || !at(*parsed, "nftables").is_array()) {
    return failure(ErrorClass::environment, "network-read", "Cannot read the answer of nft",
                   parsed ? "it has no nftables" : parsed.error().because);
  }
  std::vector<std::string> names;
  for (const Json& entry : list_at(*parsed, "nftables")) {
    const Json& chain = at(entry, "chain");
    if (text_at(chain, "hook") != "forward") continue;
    std::string table = text_at(chain, "table");
    if (!table.starts_with("hpawalk-"))
      names.push_back(text_at(chain, "family") + " " + table + " " + text_at(chain, "name"));
  }
  return names;
}

// Those of `now` that were not there before.
std::vector<std::string> new_ones(const std::vector<std::string>& now,
                                  const std::vector<std::string>& before) {
  std::vector<std::string> fresh;
  for (const std::string& name : now) {
    if (std::find(before.begin(), before.end(), name) == before.end()) fresh.push_back(name);
  }
  return fresh;
}

// Whose forwarding would be cut. A network card that was plugged in is nobody's: it has a device.
Result<std::vector<std::string>> others_that_forward(world::World& world, const Found& found) {
  Result<std::vector<std::string>> chains = forward_chains(world);
  if (!chains) return failure(chains.error());
  Result<std::vector<std::string>> links = interfaces(world);
  if (!links) return failure(links.error());
  std::vector<std::string> others = new_ones(*chains, found.chains);
  for (const std::string& name : new_ones(*links, found.interfaces)) {
    if (!world.files.exists(fs::path("/sys/class/net") / name / "device")) others.push_back(name);
  }
  return others;
}

Found found_from(const std::string& marker) {
  Result<Json> json = parse_json(marker, "The marker");
  Found found;
  if (!json) return found;
  for (const Json& name : list_at(*json, "interfaces")) found.interfaces.push_back(text_at(name, ""));
  for (const Json& name : list_at(*json, "chains")) found.chains.push_back(text_at(name, ""));
  return found;
}

}  // namespace

Result<std::string> disable_forwarding(world::World& world) {
  Result<std::string> marker = world.files.read(forwarding_marker);
  if (!marker) return std::string();
  Result<std::vector<std::string>> others = others_that_forward(world, found_from(*marker));
  if (!others) return failure(others.error());
  if (Status removed = nft(world, without_table(forwarding_table)); !removed) return failure(removed.error());
  if (others->empty()) {
    if (Status off = world.files.write_in_place(forwarding_file, "0\n"); !off) return failure(off.error());
  }
  if (Status forgotten = world.files.remove_all(forwarding_marker); !forgotten)
    return failure(forgotten.error());
  if (others->empty()) return std::string();
  return "packet forwarding stays on: " + text::join(*others, ", ") +
         (others->size() == 1 ? " was" : " were") + " added while clusters were running, and may need it";
}

Status enable_forwarding(world::World& world) {
  Result<std::string> now = world.files.read(forwarding_file);
  if (!now) return failure(now.error());
  if (text::trim(*now) == "1") return {};
  Result<std::vector<std::string>> links = interfaces(world);
  if (!links) return failure(links.error());
  Result<std::vector<std::string>> chains = forward_chains(world);
  if (!chains) return failure(chains.error());
  nlohmann::json found = {{"interfaces", *links}, {"chains", *chains}};
  if (Status marked = world.files.write(forwarding_marker, found.dump() + "\n"); !marked) return marked;
  // The machine was no router before, and stays none between the interfaces that it had. Those that come
  // later (Docker's, libvirt's, a VPN's) bring their own rules, and are left alone.
  std::string rules = without_table(forwarding_table);
  if (!links->empty()) {
    std::string set = "{ \"" + text::join(*links, "\", \"") + "\" }";
    rules += fmt::format(R"(table inet {} {{
  chain forward {{
    type filter hook forward priority 0;
    iifname {} oifname {} drop
  }}
}}
)",
                         forwarding_table, set, set);
  }
  if (Status set = nft(world, rules); !set) return set;
  return world.files.write_in_place(forwarding_file, "1\n");
}

}  // namespace hpawalk::local
