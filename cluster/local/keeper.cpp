#include "cluster/local/keeper.hpp"

#include <unistd.h>

#include "cluster/local/cgroups.hpp"
#include "cluster/local/network.hpp"

namespace hpawalk::local {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// What the lines of keeper.log say. They are no result: a full disk must not end the keeper.
void say(world::World& world, const std::string& line) {
  world.terminal.err(line + "\n");
}

Result<world::ProcessIdentity> start_node(world::World& world, const ClusterFiles& files,
                                          const Description& description) {
  if (Status emptied = world.files.remove_all(files.run()); !emptied) return failure(emptied.error());
  // What a dead node's containers left: a kubelet that finds them asks the runtime about each for 3 seconds.
  Status swept = destroy_cgroups(world, cgroup_name(description.name) + "/kubepods");
  if (!swept) return failure(swept.error());
  std::optional<world::ProcessIdentity> node;
  // Everything that ties the process to the cluster happens before it may run: a keeper that dies in between
  // leaves nothing behind that nobody knows of.
  Result<pid_t> pid = world::spawn_in_namespaces(
      {files.program(), "node", "run", files.root}, files.logs() / "node.log", [&](pid_t child) -> Status {
        node = world::identify(child);
        if (!node)
          return failure(ErrorClass::environment, "node-start",
                         "The node's first process exited immediately");
        if (Status joined = join_cgroup(world, cgroup_name(description.name), "node", child); !joined)
          return joined;
        if (Status written = world.files.write(files.node(), world::to_text(*node)); !written) return written;
        return connect(world, Link{description.link}, child, description.user);
      });
  if (!pid) return failure(pid.error());
  return *node;
}

Result<world::ProcessIdentity> start_partner(const ClusterFiles& files) {
  Result<pid_t> pid =
      world::spawn_detached({files.program(), "node", "keep", files.root}, files.logs() / "keeper.log");
  if (!pid) return failure(pid.error());
  return world::identify(*pid).value_or(world::ProcessIdentity{*pid, 0});
}

}  // namespace

std::optional<world::ProcessIdentity> running_node(world::World& world, const ClusterFiles& files) {
  Result<std::string> text = world.files.read(files.node());
  if (!text) return std::nullopt;
  std::optional<world::ProcessIdentity> node = world::identity_from_text(*text);
  if (!node || !world::alive(*node)) return std::nullopt;
  return node;
}

bool kept(const ClusterFiles& files) {
  return !world::FileLock::take(files.keeper_lock(), false);
}

Status keep(world::World& world, const fs::path& cluster_root) {
  ClusterFiles files{cluster_root};
  Result<Description> description = read_description(world, files);
  if (!description) return failure(description.error());
  Status joined = join_cgroup(world, cgroup_name(description->name), "keepers", getpid());
  if (!joined) return joined;
  std::optional<world::FileLock> duty = world::FileLock::take(files.keeper_lock(), true);
  if (!duty)
    return failure(ErrorClass::environment, "keeper-lock", "Cannot lock " + files.keeper_lock().string());
  say(world, "active supervisor: process " + std::to_string(getpid()));

  std::optional<world::ProcessIdentity> node = running_node(world, files), partner;
  world::Backoff node_pause, partner_pause;
  // Without its folder nothing of the cluster can be started again, and nobody would read what is said about
  // it.
  while (!world.files.exists(files.stopping()) && world.files.exists(files.description())) {
    world::TimePoint now = world.clock.now();
    if (!node && node_pause.may_start(now)) {
      node_pause.started(now);
      if (Result<world::ProcessIdentity> started = start_node(world, files, *description); started) {
        node = *started;
        say(world, "node started, process " + std::to_string(node->pid));
      } else {
        say(world, "cannot start the node: " + started.error().what + ": " + started.error().because + " " +
                       started.error().output);
        node_pause.ended(world.clock.now());
      }
    }
    if (!partner && partner_pause.may_start(now)) {
      partner_pause.started(now);
      if (Result<world::ProcessIdentity> started = start_partner(files); started) {
        partner = *started;
      } else {
        say(world, "cannot start the other supervisor: " + started.error().because);
        partner_pause.ended(world.clock.now());
      }
    }
    std::vector<world::ProcessIdentity> both;
    for (const auto& each : {node, partner}) {
      if (each) both.push_back(*each);
    }
    // While something is to be started again, its pause is looked at; else there is nothing to do but to see
    // whether the folder is still there.
    std::optional<size_t> ended =
        world::wait_for_any_exit(both, both.size() == 2 ? seconds(5) : milliseconds(100));
    world::cap_own_log();
    if (!ended) continue;
    bool of_node = node && both[*ended].pid == node->pid;
    say(world, of_node ? "the node ended" : "the other supervisor ended");
    (of_node ? node : partner).reset();
    (of_node ? node_pause : partner_pause).ended(world.clock.now());
  }
  // Reaped here: left behind, it would stay in the process table until the machine's first process looks.
  if (partner) world::end(*partner);
  return {};
}

}  // namespace hpawalk::local
