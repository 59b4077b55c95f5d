#include "cluster/local/network.hpp"

#include <algorithm>
#include <arpa/inet.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace hpawalk::local {

namespace {

constexpr const char* forwarding_file = "/proc/sys/net/ipv4/ip_forward";
constexpr const char* forwarding_table = "hpawalk-forwarding";
// There when hpawalk switched forwarding on. In /run: after a restart of the machine it is the machine's own affair.
constexpr const char* forwarding_marker = "/run/hpawalk-forwarding";

struct Range {
  std::uint32_t first, last;
  bool overlaps(const Range& other) const { return first <= other.last && other.first <= last; }
};

Range range_of(const std::string& address, int prefix) {
  in_addr parsed{};
  if (inet_pton(AF_INET, address.c_str(), &parsed) != 1) return {1, 0};  // overlaps nothing
  std::uint32_t size = prefix >= 32 ? 0 : (0xffffffffU >> static_cast<unsigned>(prefix));
  std::uint32_t first = ntohl(parsed.s_addr) & ~size;
  return {first, first + size};
}

Range range_of(const std::string& destination) {  // "10.0.0.0/8", "10.1.2.3"
  size_t slash = destination.find('/');
  return range_of(destination.substr(0, slash), slash == std::string::npos ? 32 : std::atoi(destination.c_str() + slash + 1));
}

Result<nlohmann::json> ip_json(World& world, std::vector<std::string> words) {
  std::vector<std::string> argv = {"ip", "-json", "-4"};
  argv.insert(argv.end(), words.begin(), words.end());
  Result<std::string> text = run_checked(world.processes, Command{.argv = argv}, "network-read", "Cannot read the host's network");
  if (!text) return failure(text.error());
  nlohmann::json parsed = nlohmann::json::parse(text->empty() ? "[]" : *text, nullptr, false);
  if (parsed.is_discarded()) return failure(ErrorClass::environment, "network-read", "Cannot read the answer of ip", *text);
  return parsed;
}

Result<std::vector<Range>> used_ranges(World& world) {
  std::vector<Range> used;
  Result<nlohmann::json> addresses = ip_json(world, {"address", "show"});
  if (!addresses) return failure(addresses.error());
  for (const auto& interface : *addresses) {
    for (const auto& a : interface.value("addr_info", nlohmann::json::array())) {
      used.push_back(range_of(a.value("local", ""), a.value("prefixlen", 32)));
    }
  }
  Result<nlohmann::json> routes = ip_json(world, {"route", "show", "table", "all"});
  if (!routes) return failure(routes.error());
  for (const auto& route : *routes) {
    std::string destination = route.value("dst", "");
    if (destination != "default" && route.value("type", "unicast") == "unicast") used.push_back(range_of(destination));
  }
  return used;
}

Status ip(World& world, const std::string& line) {
  std::vector<std::string> argv = text::split(line, ' ');
  argv.insert(argv.begin(), "ip");
  Result<std::string> done = run_checked(world.processes, Command{.argv = argv}, "network-link", "Cannot set up the cluster's network");
  if (!done) return failure(done.error());
  return {};
}

Status nft(World& world, const std::string& rules) {
  Result<std::string> done = run_checked(world.processes, Command{.argv = {"nft", "-f", "-"}, .input = rules}, "network-rules",
                                         "Cannot set the cluster's netfilter rules");
  if (!done) return failure(done.error());
  return {};
}

// "table" twice: the first makes it exist, so that the delete cannot fail.
std::string without_table(const std::string& name) {
  return fmt::format("table inet {0}\ndelete table inet {0}\n", name);
}

}  // namespace

Result<Link> free_link(World& world, const std::vector<int>& taken) {
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
                 "ip route show match 10.201.0.0/16 tells which; remove that route (a VPN's, perhaps) while the cluster runs");
}

Status connect(World& world, const Link& link, pid_t node, long user) {
  Result<Outcome> old = world.processes.run(Command{.argv = {"ip", "link", "delete", link.interface()}});
  if (!old) return failure(old.error());
  const std::string name = link.interface();
  for (const std::string& line :
       {fmt::format("link add {} type veth peer name eth0 netns {}", name, node),
        fmt::format("address add {}/30 dev {}", link.host_address(), name), fmt::format("link set {} up", name)}) {
    if (Status done = ip(world, line); !done) return done;
  }
  std::string rules = without_table(name);
  rules += fmt::format(R"(table inet {name} {{
  chain output {{
    type filter hook output priority 0;
    oifname "{name}" meta skuid != {{ 0, {user} }} reject with icmpx type admin-prohibited
  }}
  chain forward {{
    type filter hook forward priority 0;
    oifname "{name}" ct state != {{ established, related }} drop
  }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    ip saddr {node} oifname != "{name}" masquerade
  }}
}}
)",
                       fmt::arg("name", name), fmt::arg("user", user), fmt::arg("node", link.node_address()));
  return nft(world, rules);
}

Status disconnect(World& world, const Link& link) {
  // The interface goes with the node's namespace, but only when the kernel has cleaned that up: do not wait.
  Result<Outcome> gone = world.processes.run(Command{.argv = {"ip", "link", "delete", link.interface()}});
  if (!gone) return failure(gone.error());
  return nft(world, without_table(link.interface()));
}

Status disable_forwarding(World& world) {
  if (!world.files.exists(forwarding_marker)) return {};
  if (Status removed = nft(world, without_table(forwarding_table)); !removed) return removed;
  if (Status off = world.files.write_in_place(forwarding_file, "0\n"); !off) return off;
  return world.files.remove_all(forwarding_marker);
}

Status enable_forwarding(World& world) {
  Result<std::string> now = world.files.read(forwarding_file);
  if (!now) return failure(now.error());
  if (text::trim(*now) == "1") return {};
  if (Status marked = world.files.write(forwarding_marker, "switched on by hpawalk\n"); !marked) return marked;
  // The machine was no router before: for everybody but the clusters it stays none.
  std::string rules = without_table(forwarding_table);
  rules += fmt::format(R"(table inet {} {{
  chain forward {{
    type filter hook forward priority 0; policy drop;
    iifname "hpawalk-*" accept
    oifname "hpawalk-*" accept
  }}
}}
)",
                       forwarding_table);
  if (Status set = nft(world, rules); !set) return set;
  return world.files.write_in_place(forwarding_file, "1\n");
}

}  // namespace hpawalk::local
