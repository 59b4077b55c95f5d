#include "cluster/local/local_cluster.hpp"

#include <unistd.h>
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/redact.hpp"
#include "base/text.hpp"
#include "cluster/local/cgroups.hpp"
#include "cluster/local/images.hpp"
#include "cluster/local/keeper.hpp"
#include "cluster/local/kubeadm.hpp"
#include "cluster/local/kubeconfig.hpp"
#include "cluster/local/machine.hpp"
#include "cluster/local/mount_points.hpp"
#include "cluster/local/network.hpp"
#include "cluster/local/preflight.hpp"
#include "cluster/local/published.hpp"
#include "world/workers.hpp"

namespace hpawalk::local {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// One command at a time may change a cluster.
Result<world::FileLock> lock_cluster(world::World& world, const ClusterFiles& files) {
  if (Status made = world.files.make_folder(files.root, 0700); !made) return failure(made.error());
  std::optional<world::FileLock> lock = world::FileLock::take(files.command_lock(), false);
  if (lock) return std::move(*lock);
  return failure(ErrorClass::environment, "cluster-busy",
                 "Another hpawalk command is changing this cluster right now", {},
                 "Wait until it has ended, then run the command again");
}

// Parts and images, made where they are missing. One command at a time does that; the others wait, and then
// find them made.
struct Material {
  Parts parts;
  fs::path image_store;
};

Result<world::FileLock> lock_cache(world::World& world, const fs::path& file, world::Progress& progress) {
  if (Status made = world.files.make_folder(file.parent_path()); !made) return failure(made.error());
  std::optional<world::FileLock> lock = world::FileLock::take(file, false);
  if (lock) return std::move(*lock);
  const std::string step = "cache";
  progress.started(step);
  Status free =
      world::wait_until(world.clock, {std::chrono::hours(3), milliseconds(500)},
                        "waiting for another hpawalk command", [&]() -> Result<world::StillWaiting> {
                          lock = world::FileLock::take(file, false);
                          if (lock) return world::StillWaiting{};
                          progress.now(step, "another hpawalk command is preparing it");
                          return world::StillWaiting{"it is still preparing the cluster's components"};
                        });
  if (!free) {
    progress.failed(step, free.error().what);
    return failure(free.error());
  }
  progress.done(step, "the other command has ended");
  return std::move(*lock);
}

Result<Material> make_material(world::World& world, const Layout& layout, const KubernetesRelease& release,
                               Source source, world::Progress& progress) {
  Result<Parts> parts = build_parts(world, layout, release, source, progress);
  if (!parts) return failure(parts.error());
  Result<fs::path> store = make_image_store(world, layout, release, *parts, progress);
  if (!store) return failure(store.error());
  return Material{*parts, *store};
}

Result<Material> gather(world::World& world, const Layout& layout, const KubernetesRelease& release,
                        Source source, world::Progress& progress) {
  Result<world::FileLock> lock = lock_cache(world, layout.cache_lock(), progress);
  if (!lock) return failure(lock.error());
  Result<Material> made = make_material(world, layout, release, source, progress);
  if (made || source != Source::automatic || !made.error().is("release-unavailable")) return made;
  progress.started("upstream");
  progress.done("upstream", "not all of its release is to be had: compiling");
  return make_material(world, layout, release, Source::compile, progress);
}

// In the node's namespaces, as a person could with nsenter.
world::Command inside(const world::ProcessIdentity& node, std::vector<std::string> argv,
                      world::Duration limit) {
  std::vector<std::string> all = {
      "nsenter", "--target", std::to_string(node.pid), "--mount", "--pid", "--net", "--uts", "--ipc"};
  all.insert(all.end(), argv.begin(), argv.end());
  return world::Command{.argv = std::move(all), .limit = limit};
}

world::Command kubectl(const Description& d, const ClusterFiles& files, std::vector<std::string> words,
                       world::Duration limit) {
  std::vector<std::string> argv = {d.kubernetes_programs() / "kubectl", "--kubeconfig", files.kubeconfig()};
  argv.insert(argv.end(), words.begin(), words.end());
  return world::Command{.argv = std::move(argv), .limit = limit};
}

// The node, and then its keepers by themselves: so each process is reaped by the one that started it. What
// does not end in time goes with the control groups.
Status stop(world::World& world, const ClusterFiles& files) {
  if (!world.files.exists(files.root)) return {};
  if (Status written = world.files.write(files.stopping(), "\n"); !written) return written;
  if (std::optional<world::ProcessIdentity> node = running_node(world, files)) world::end(*node);
  Status stopped = world::wait_until(
      world.clock, {seconds(2), milliseconds(5)}, "stopping the node", [&]() -> Result<world::StillWaiting> {
        return kept(files) ? world::StillWaiting{"its supervisor has not ended"} : world::StillWaiting{};
      });
  if (!stopped && stopped.error().kind == ErrorClass::interrupted) return stopped;
  return {};
}

// With the last cluster: what was changed for all of them. Under the machine's lock. The result is what could
// not be put back, if anything.
Result<std::string> restore_machine(world::World& world) {
  Result<std::string> left = disable_forwarding(world);
  if (!left) return left;
  Status removed = remove_mount_points(world);
  if (removed) removed = return_to_root(world);
  if (!removed) return failure(removed.error());
  return left;
}

// Works by the machine's list and the control groups too: the state folder may be gone. The result is what of
// the machine could not be put back, if anything.
Result<std::string> remove_everything(world::World& world, const ClusterFiles& files,
                                      const std::string& name) {
  if (Status stopped = stop(world, files); !stopped) return failure(stopped.error());
  if (Status destroyed = destroy_cgroups(world, cgroup_name(name)); !destroyed)
    return failure(destroyed.error());
  Result<Description> d = read_description(world, files);
  if (d) {
    if (Status unmerged = unmerge_kubeconfig(world, files, *d); !unmerged) return failure(unmerged.error());
  }
  if (Status withdrawn = withdraw_kubeconfig(world, name); !withdrawn) return failure(withdrawn.error());
  Result<world::FileLock> lock = lock_machine(world);
  if (!lock) return failure(lock.error());
  std::map<std::string, Registered> known = registered(world);
  std::optional<int> link;
  if (d) link = d->link;
  if (auto entry = known.find(name); entry != known.end()) link = entry->second.link;
  if (link) {
    if (Status disconnected = disconnect(world, Link{*link}); !disconnected)
      return failure(disconnected.error());
  }
  Result<std::string> left = std::string();
  if (cluster_cgroups(world).empty()) left = restore_machine(world);
  if (!left) return left;
  if (Status gone = world.files.remove_all(files.root); !gone) return failure(gone.error());
  if (Status forgotten = leave(world, name); !forgotten) return failure(forgotten.error());
  return left;
}

// A cluster of this name that belongs to another state folder must not be mistaken for this one: they would
// share control groups.
Status check_not_elsewhere(world::World& world, const ClusterFiles& files, const std::string& name) {
  std::map<std::string, Registered> known = registered(world);
  auto entry = known.find(name);
  if (entry == known.end() || entry->second.root == files.root || !world.files.exists(entry->second.root))
    return {};
  return failure(ErrorClass::environment, "cluster-elsewhere",
                 "A cluster named \"" + name + "\" already exists in another state folder",
                 "the folder is " + entry->second.root.string(),
                 "Choose another --name; or set XDG_STATE_HOME to " +
                     entry->second.root.parent_path().parent_path().parent_path().string() +
                     " to work on that one");
}

Result<Description> describe(world::World& world, const Layout& layout, const UpOptions& options,
                             const KubernetesRelease& release, const Parts& parts) {
  Description d{.name = options.name,
                .hpa_sync_period = options.hpa_sync_period,
                .hpa_downscale_stabilization = options.hpa_downscale_stabilization,
                .kubernetes = release.version};
  std::vector<int> taken;
  // Stopped ones are in no list of the machine.
  Result<std::vector<fs::path>> folders = world.files.list(layout.clusters);
  if (!folders) return failure(folders.error());
  for (const fs::path& folder : *folders) {
    std::string other = folder.filename();
    if (Result<Description> theirs = read_description(world, cluster_files(layout, other)); theirs)
      taken.push_back(theirs->link);
  }
  Result<world::FileLock> lock = lock_machine(world);
  if (!lock) return failure(lock.error());
  for (const auto& [other, theirs] : registered(world)) {
    if (other != options.name) taken.push_back(theirs.link);
  }
  Result<Link> link = free_link(world, taken);
  if (!link) return failure(link.error());
  if (Status entered = enter(world, options.name, {link->number, cluster_files(layout, options.name).root});
      !entered)
    return failure(entered.error());
  d.link = link->number;
  for (const auto& [set, folder] : parts.folders()) d.parts[set] = folder;
  if (auto user = world.environment.find("SUDO_UID"); user != world.environment.end())
    d.user = std::atol(user->second.c_str());
  return d;
}

// The folder of a new cluster, up to the point where its node can start.
Status lay_out(world::World& world, const ClusterFiles& files, const Description& d, const fs::path& store) {
  Status done = write_description(world, files, d);
  for (const fs::path& folder : {files.logs(), files.program().parent_path()}) {
    if (done) done = world.files.make_folder(folder, 0700);
  }
  if (done) done = world.files.write(files.root / "kubeadm/patches" / coredns_patch_file, coredns_patch());
  if (done) {
    done = world.files.write(files.root / "kubeadm/config.yaml",
                             kubeadm_config(d, files.root / "kubeadm/patches", files.run() / "resolv.conf"),
                             0600);
  }
  if (done) {
    // The keepers must be able to start again whatever happens to the file that the user called.
    Result<std::string> copied = world::run_checked(
        world.processes,
        world::Command{.argv = {"cp", "/proc/" + std::to_string(getpid()) + "/exe", files.program()}},
        "cluster-files", "Cannot copy the program into the cluster's folder");
    if (!copied) return failure(copied.error());
  }
  if (done) done = clone_image_store(world, store, files.containerd());
  return done;
}

Status prepare_machine(world::World& world, const ClusterFiles& files, const Description& d) {
  Result<world::FileLock> lock = lock_machine(world);
  if (!lock) return failure(lock.error());
  Status ready =
      enter(world, d.name, {d.link, files.root});  // again: after a restart of the machine the list is empty
  // By the control groups the end of another cluster sees that it is not the last one.
  if (ready) ready = make_cgroups(world, cgroup_name(d.name));
  if (ready) ready = make_mount_points(world);
  if (ready) ready = enable_forwarding(world);
  return ready;
}

// Keepers and node, if they do not run. Returns when the node's mounts and network are there.
Result<world::ProcessIdentity> start_node(world::World& world, const ClusterFiles& files,
                                          const Description& d) {
  if (Status ready = prepare_machine(world, files, d); !ready) return failure(ready.error());
  if (Status ready = world.files.remove_all(files.stopping()); !ready) return failure(ready.error());
  if (!kept(files)) {
    Result<pid_t> keeper =
        world::spawn_detached({files.program(), "node", "keep", files.root}, files.logs() / "keeper.log");
    if (!keeper) return failure(keeper.error());
  }
  std::optional<world::ProcessIdentity> node;
  Status up = world::wait_until(
      world.clock, {seconds(20), milliseconds(10)}, "starting the node",
      [&]() -> Result<world::StillWaiting> {
        node = running_node(world, files);
        if (node && world.files.exists(files.node_ready())) return world::StillWaiting{};
        Result<std::string> log = world.files.read(files.logs() / (node ? "node.log" : "keeper.log"));
        return world::StillWaiting{log ? text::last_lines(*log, 3) : "its supervisor has not started it yet"};
      });
  if (!up) return failure(up.error());
  return *node;
}

// kube-proxy's credentials, as soon as the certificate authority that signs them exists.
Status configure_proxy(world::World& world, const ClusterFiles& files, const Description& d,
                       const world::ProcessIdentity& node) {
  Status there = world::wait_until(world.clock, {seconds(60), milliseconds(20)},
                                   "waiting for the certificates", [&]() -> Result<world::StillWaiting> {
                                     if (world.files.exists(files.etc_kubernetes() / "kubelet.conf"))
                                       return world::StillWaiting{};
                                     return world::StillWaiting{"kubeadm has not written them yet"};
                                   });
  if (!there) return there;
  world::Command make = inside(node,
                               {d.kubernetes_programs() / "kubeadm", "kubeconfig", "user", "--client-name",
                                "system:kube-proxy", "--config", files.root / "kubeadm/config.yaml"},
                               seconds(30));
  Result<std::string> kubeconfig =
      world::run_checked(world.processes, make, "kube-proxy-config", "Cannot make kube-proxy's credentials");
  if (!kubeconfig) return failure(kubeconfig.error());
  return world.files.write(files.etc_kubernetes() / "kube-proxy.conf", *kubeconfig, 0600);
}

Status run_kubeadm(world::World& world, world::Progress& progress, const ClusterFiles& files,
                   const Description& d, const world::ProcessIdentity& node) {
  const std::string step = "control plane";
  world::Command init =
      inside(node,
             {d.kubernetes_programs() / "kubeadm", "init", "--config", files.root / "kubeadm/config.yaml",
              "--skip-phases", "preflight,addon/kube-proxy,show-join-command"},
             std::chrono::minutes(5));
  // kubeadm init reports everything on stdout: the lines become the details, and the evidence of a failure.
  init.on_line = [&](std::string_view line) {
    if (line.starts_with("[")) progress.now(step, std::string(line));
  };
  Result<world::Outcome> ended = world.processes.run(init);
  if (!ended) return failure(ended.error());
  if (ended->ok()) return {};
  return failure(
      Error{ErrorClass::environment, "control-plane", "kubeadm could not start the control plane",
            "kubeadm ended with exit code " + std::to_string(ended->exit_code),
            "hpawalk cluster logs --name " + d.name +
                " shows the components' logs; to start from scratch, run hpawalk cluster down, then up",
            text::shell_quote(init.argv), text::redact(text::last_lines(ended->output + ended->errors, 12))});
}

Status start_control_plane(world::World& world, world::Progress& progress, const ClusterFiles& files,
                           const Description& d, const world::ProcessIdentity& node) {
  const std::string step = "control plane";
  progress.started(step);
  Status proxy;
  world::Workers workers;
  workers.start([&] { proxy = configure_proxy(world, files, d, node); });
  Status done = run_kubeadm(world, progress, files, d, node);
  if (Status configured = workers.join(); !configured) proxy = configured;
  if (done) done = proxy;
  if (done) done = write_kubeconfig(world, files, d);
  if (!done) {
    progress.failed(step, done.error().what);
    return done;
  }
  progress.done(step, "Kubernetes " + d.kubernetes);
  return world.files.write(files.complete(), "\n");
}

Status wait_ready(world::World& world, world::Progress& progress, const ClusterFiles& files,
                  const Description& d) {
  const std::string node_step = "node", dns_step = "DNS";
  progress.started(node_step);
  // Right after a restart the API server is not there yet: kubectl wait ends at once, and is asked again.
  Status ready = world::wait_until(
      world.clock, {seconds(90), milliseconds(200)}, "waiting for the node",
      [&]() -> Result<world::StillWaiting> {
        Result<world::Outcome> waited = world.processes.run(kubectl(
            d, files, {"wait", "--for=condition=Ready", "node/" + d.name, "--timeout=60s"}, seconds(70)));
        if (!waited) return failure(waited.error());
        if (waited->ok()) return world::StillWaiting{};
        return world::StillWaiting{text::last_lines(waited->errors, 2)};
      });
  if (!ready) {
    progress.failed(node_step, ready.error().because);
    return ready;
  }
  progress.done(node_step, "Ready");
  progress.started(dns_step);
  std::optional<world::ProcessIdentity> node = running_node(world, files);
  if (!node) return failure(ErrorClass::environment, "node-gone", "The node exited during its start");
  Result<std::string> answered = world::run_checked(
      world.processes,
      inside(*node, {files.program(), "node", "resolve", "kubernetes.default.svc.cluster.local", dns_address},
             seconds(90)),
      "cluster-dns", "CoreDNS does not respond");
  if (!answered) {
    progress.failed(dns_step, answered.error().what);
    return failure(answered.error());
  }
  progress.done(dns_step, "CoreDNS answers: " + std::string(text::trim(*answered)));
  return {};
}

Status check_same_options(const Description& d, const UpOptions& options, const KubernetesRelease& release) {
  auto differs = [](const std::string& asked, const std::string& is) {
    return !asked.empty() && asked != is;
  };
  if (!options.kubernetes.empty() && release.version != d.kubernetes) {
    return failure(
        ErrorClass::usage, "cluster-options",
        fmt::format("The cluster \"{}\" has Kubernetes {}, not {}", d.name, d.kubernetes, release.version),
        {},
        fmt::format(
            "hpawalk cluster down --name {}, then up with that version; or --name for a second cluster",
            d.name));
  }
  if (!differs(options.hpa_sync_period, d.hpa_sync_period) &&
      !differs(options.hpa_downscale_stabilization, d.hpa_downscale_stabilization)) {
    return {};
  }
  return failure(ErrorClass::usage, "cluster-options",
                 "The cluster \"" + d.name + "\" is running with other HPA options",
                 fmt::format("sync period {}, downscale stabilization {}",
                             d.hpa_sync_period.empty() ? "15s" : d.hpa_sync_period,
                             d.hpa_downscale_stabilization.empty() ? "5m0s" : d.hpa_downscale_stabilization),
                 "hpawalk cluster down --name " + d.name +
                     ", then up with the new options; or --name for a second cluster");
}

// The cluster's programs again, where the cache was removed.
Status restore_programs(world::World& world, world::Progress& progress, const Layout& layout,
                        const Description& d) {
  if (world.files.exists(d.kubernetes_programs())) return {};
  Result<KubernetesRelease> release = find_kubernetes(d.kubernetes);
  if (!release) return failure(release.error());
  const Source source = is_released(d.kubernetes_programs()) ? Source::release : Source::compile;
  if (Result<Material> made = gather(world, layout, *release, source, progress); !made)
    return failure(made.error());
  if (world.files.exists(d.kubernetes_programs())) return {};
  return failure(ErrorClass::environment, "cluster-programs",
                 "The programs of the cluster \"" + d.name + "\" no longer exist",
                 d.kubernetes_programs().string() + " was made by another version of hpawalk or of Go",
                 "hpawalk cluster down --name " + d.name + ", then up again");
}

Status create(world::World& world, world::Progress& progress, const Layout& layout, const ClusterFiles& files,
              const UpOptions& options, const KubernetesRelease& release) {
  Result<Material> material = gather(world, layout, release, options.source, progress);
  if (!material) return failure(material.error());
  Result<Description> d = describe(world, layout, options, release, material->parts);
  if (!d) return failure(d.error());
  if (Status done = lay_out(world, files, *d, material->image_store); !done) return done;
  Result<world::ProcessIdentity> node = start_node(world, files, *d);
  if (!node) return failure(node.error());
  return start_control_plane(world, progress, files, *d, *node);
}

}  // namespace

Status check_name(const std::string& name) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyz0123456789-";
  if (!name.empty() && name.size() <= 40 && name.find_first_not_of(allowed) == std::string::npos &&
      name.front() != '-' && name.back() != '-') {
    return {};
  }
  return failure(ErrorClass::usage, "cluster-name", "\"" + name + "\" is not a valid cluster name", {},
                 "Use 1 to 40 lowercase letters, digits and inner dashes");
}

Status prepare(world::World& world, world::Progress& progress, const std::string& kubernetes, Source source) {
  Layout layout = make_layout(world.environment);
  Result<KubernetesRelease> release = find_kubernetes(kubernetes);
  if (!release) return failure(release.error());
  if (Status fit = check_machine(world, layout); !fit) return fit;
  if (Result<Material> made = gather(world, layout, *release, source, progress); !made)
    return failure(made.error());
  return {};
}

Result<ClusterStatus> up(world::World& world, world::Progress& progress, const UpOptions& options) {
  Layout layout = make_layout(world.environment);
  ClusterFiles files = cluster_files(layout, options.name);
  if (Status valid = check_name(options.name); !valid) return failure(valid.error());
  Result<KubernetesRelease> release = find_kubernetes(options.kubernetes);
  if (!release) return failure(release.error());
  if (Status fit = check_machine(world, layout); !fit) return failure(fit.error());
  if (Status own = check_not_elsewhere(world, files, options.name); !own) return failure(own.error());
  Result<world::FileLock> lock = lock_cluster(world, files);
  if (!lock) return failure(lock.error());
  if (!world.files.exists(files.complete())) {
    // Nothing, what an interrupted start left (it never worked, so nothing of it is worth keeping), or the
    // processes of one whose folder is gone.
    if (Result<std::string> removed = remove_everything(world, files, options.name); !removed)
      return failure(removed.error());
    Result<world::FileLock> fresh = lock_cluster(world, files);
    if (!fresh) return failure(fresh.error());
    if (Status created = create(world, progress, layout, files, options, *release); !created)
      return failure(created.error());
    Result<Description> d = read_description(world, files);
    if (!d) return failure(d.error());
    if (Status ready = wait_ready(world, progress, files, *d); !ready) return failure(ready.error());
    return status(world, options.name);
  }
  Result<Description> d = read_description(world, files);
  if (!d) return failure(d.error());
  if (Status same = check_same_options(*d, options, *release); !same) return failure(same.error());
  if (Status there = restore_programs(world, progress, layout, *d); !there) return failure(there.error());
  if (Result<world::ProcessIdentity> node = start_node(world, files, *d); !node) return failure(node.error());
  if (Status shared = share_kubeconfig(world, files, *d); !shared) return failure(shared.error());
  if (Status ready = wait_ready(world, progress, files, *d); !ready) return failure(ready.error());
  return status(world, options.name);
}

Result<bool> down(world::World& world, world::Progress& progress, const std::string& name) {
  Layout layout = make_layout(world.environment);
  ClusterFiles files = cluster_files(layout, name);
  if (Status valid = check_name(name); !valid) return failure(valid.error());
  if (Status own = world.files.exists(files.root) ? check_not_elsewhere(world, files, name) : Status(); !own)
    return failure(own.error());
  files = locate(world, name);
  Result<std::vector<std::string>> names = cluster_names(world);
  if (!names) return failure(names.error());
  if (std::find(names->begin(), names->end(), name) == names->end()) return false;
  if (Status fit = check_machine(world, layout); !fit && !fit.error().is("disk-full"))
    return failure(fit.error());
  std::optional<world::FileLock> lock;
  if (world.files.exists(files.root)) {
    Result<world::FileLock> taken = lock_cluster(world, files);
    if (!taken) return failure(taken.error());
    lock.emplace(std::move(*taken));
  }
  const std::string step = "down";
  progress.started(step);
  Result<std::string> removed = remove_everything(world, files, name);
  if (!removed) {
    progress.failed(step, removed.error().what);
    return failure(removed.error());
  }
  progress.done(step, "cluster \"" + name + "\" removed" + (removed->empty() ? "" : "; " + *removed));
  return true;
}

Status purge(world::World& world, world::Progress& progress) {
  Layout layout = make_layout(world.environment);
  Result<std::vector<std::string>> names = cluster_names(world);
  if (!names) return failure(names.error());
  if (!names->empty()) {
    return failure(ErrorClass::usage, "cache-in-use", "Cannot remove the cache while a cluster uses it",
                   "clusters: " + text::join(*names, ", "), "hpawalk cluster down --name NAME removes each");
  }
  Result<world::FileLock> lock = lock_cache(world, layout.cache_lock(), progress);
  if (!lock) return failure(lock.error());
  progress.started("purge");
  Status removed = world.files.remove_all(layout.cache);
  if (removed) progress.done("purge", layout.cache.string() + " removed");
  return removed;
}

Result<std::vector<std::string>> cluster_names(world::World& world) {
  Result<std::vector<fs::path>> folders = world.files.list(make_layout(world.environment).clusters);
  if (!folders) return failure(folders.error());
  std::set<std::string> names;
  for (const fs::path& folder : *folders) names.insert(folder.filename());
  if (geteuid() == 0) {  // those of other state folders, and those whose folder is gone
    for (const auto& [name, cluster] : registered(world)) names.insert(name);
    for (const std::string& group : cluster_cgroups(world))
      names.insert(group.substr(cgroup_name("").size()));
  }
  std::erase_if(names, [](const std::string& name) { return !check_name(name); });  // not ours
  return std::vector<std::string>(names.begin(), names.end());
}

Result<ClusterStatus> status(world::World& world, const std::string& name) {
  if (Status valid = check_name(name); !valid) return failure(valid.error());
  ClusterFiles files = locate(world, name);
  ClusterStatus s{.name = name};
  s.processes = cgroup_processes(world, cgroup_name(name)).size();
  if (!world.files.exists(files.root)) {
    Result<std::vector<std::string>> names = cluster_names(world);
    if (!names) return failure(names.error());
    if (std::find(names->begin(), names->end(), name) != names->end()) s.phase = Phase::lost;
    return s;
  }
  s.phase = Phase::incomplete;
  // Removed while it ran: its processes go on making files, so that the folder itself may be there.
  if (s.processes > 0 && !world.files.exists(files.description())) s.phase = Phase::lost;
  Result<Description> d = read_description(world, files);
  if (!world.files.exists(files.complete()) || !d) return s;
  s.node_address = Link{d->link}.node_address();
  s.context = context_name(name);
  s.user = d->user;
  s.kubernetes = d->kubernetes;
  s.programs = d->parts;
  s.kubeconfig = kubeconfig_for_caller(world, files, *d);
  s.kubectl = d->kubernetes_programs() / "kubectl";
  s.phase = running_node(world, files) ? Phase::running : Phase::stopped;
  if (s.phase != Phase::running) return s;
  Result<world::Outcome> ready = world.processes.run(
      kubectl(*d, files, {"get", "--raw", "/readyz", "--request-timeout=10s"}, seconds(15)));
  s.api_ready = ready && ready->ok();
  return s;
}

Result<std::vector<std::pair<std::string, fs::path>>> logs(world::World& world, const std::string& name) {
  if (Status valid = check_name(name); !valid) return failure(valid.error());
  ClusterFiles files = locate(world, name);
  if (!world.files.exists(files.root)) {
    return failure(ErrorClass::usage, "cluster-absent", "Cluster not found: \"" + name + "\"", {},
                   "hpawalk cluster status lists the clusters");
  }
  std::vector<std::pair<std::string, fs::path>> found;
  Result<std::vector<fs::path>> services = world.files.list(files.logs());
  if (!services) return failure(services.error());
  for (const fs::path& file : *services) found.emplace_back(file.stem(), file);
  // POD_LOGS/NAMESPACE_POD_UID/CONTAINER/RESTART.log
  Result<std::vector<fs::path>> pods = world.files.list(files.pod_logs());
  if (!pods) return failure(pods.error());
  for (const fs::path& pod : *pods) {
    if (!pod.filename().string().starts_with("kube-system_")) continue;
    Result<std::vector<fs::path>> containers = world.files.list(pod);
    for (const fs::path& container : containers.value_or(std::vector<fs::path>{})) {
      Result<std::vector<fs::path>> runs = world.files.list(container);
      if (runs && !runs->empty()) found.emplace_back(container.filename(), runs->back());
    }
  }
  return found;
}

Result<fs::path> own_program(world::World& world, const std::string& name, const std::string& program) {
  if (Status valid = check_name(name); !valid) return failure(valid.error());
  Result<Description> d = read_description(world, locate(world, name));
  if (!d) return failure(d.error());
  const fs::path of_kubernetes = d->kubernetes_programs() / program;
  return world.files.exists(of_kubernetes) ? of_kubernetes : d->chain_programs() / program;
}

namespace {

Result<world::ProcessIdentity> node_of(world::World& world, const std::string& name) {
  if (Status valid = check_name(name); !valid) return failure(valid.error());
  std::optional<world::ProcessIdentity> node = running_node(world, locate(world, name));
  if (node) return *node;
  return failure(ErrorClass::environment, "cluster-not-running",
                 "The cluster \"" + name + "\" is not running", {}, "hpawalk cluster up --name " + name);
}

}  // namespace

Status load_image(world::World& world, const std::string& name, const fs::path& archive) {
  Result<world::ProcessIdentity> node = node_of(world, name);
  if (!node) return failure(node.error());
  Result<std::string> imported = world::run_checked(
      world.processes,
      inside(*node, {"ctr", "--namespace", "k8s.io", "images", "import", archive}, std::chrono::minutes(5)),
      "image-import", "Cannot import the image into the cluster");
  if (!imported) return failure(imported.error());
  return {};
}

Status bring_keda(world::World& world, world::Progress& progress, const std::string& name) {
  Result<world::ProcessIdentity> node = node_of(world, name);
  if (!node) return failure(node.error());
  const Image image = keda_image();
  Result<std::string> there = world::run_checked(
      world.processes,
      inside(*node, {"ctr", "--namespace", "k8s.io", "images", "list", "--quiet", "name==" + image.names[0]},
             std::chrono::minutes(1)),
      "image-import", "Cannot list the images of the cluster");
  if (!there) return failure(there.error());
  if (!text::trim(*there).empty()) return {};
  Layout layout = make_layout(world.environment);
  Result<world::FileLock> lock = lock_cache(world, layout.keda_lock(), progress);
  if (!lock) return failure(lock.error());
  Result<std::optional<Parts>> parts = build_keda(world, layout, progress);
  if (!parts) return failure(parts.error());
  if (!*parts) return {};
  const fs::path work = layout.cache / "keda-image", archive = work / "image.tar";
  Status done = world.files.remove_all(work);
  if (done) done = write_image(world, image, **parts, work, archive);
  if (done) done = load_image(world, name, archive);
  Status removed = world.files.remove_all(work);
  return done ? removed : done;
}

}  // namespace hpawalk::local
