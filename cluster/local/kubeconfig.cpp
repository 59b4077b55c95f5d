#include "cluster/local/kubeconfig.hpp"

#include <unistd.h>

#include "base/text.hpp"
#include "cluster/local/local_cluster.hpp"

namespace hpawalk::local {

static void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
}

static fs::path merged_marker(const ClusterFiles& files) { return files.root / "merged-into"; }

static fs::path users_kubeconfig(const World& world) {
  auto variable = world.environment.find("KUBECONFIG");
  if (variable != world.environment.end() && !variable->second.empty()) return text::split(variable->second, ':')[0];
  auto home = world.environment.find("HOME");
  return fs::path(home == world.environment.end() ? "/root" : home->second) / ".kube/config";
}

Status write_kubeconfig(World& world, const ClusterFiles& files, const Description& d) {
  Result<std::string> admin = world.files.read(files.etc_kubernetes() / "admin.conf");
  if (!admin) return failure(admin.error());
  const std::string context = context_name(d.name);
  replace_all(*admin, "kubernetes-admin@" + context, context);
  replace_all(*admin, "kubernetes-admin", context);
  if (Status written = world.files.write(files.kubeconfig(), *admin, 0600); !written) return written;
  if (d.user != 0 && chown(files.kubeconfig().c_str(), static_cast<uid_t>(d.user), static_cast<gid_t>(-1)) != 0) {
    return failure(ErrorClass::environment, "kubeconfig-owner", "Cannot give the kubeconfig to user " + std::to_string(d.user));
  }
  return {};
}

Result<fs::path> merge_kubeconfig(World& world, const std::string& name) {
  ClusterFiles files = cluster_files(make_layout(world.environment), name);
  Result<Description> d = read_description(world, files);
  Result<std::string> ours = world.files.read(files.kubeconfig());
  if (!d) return failure(d.error());
  if (!ours) return failure(ours.error());
  // The first file wins: ours, so that entries of an earlier cluster of this name go, but without a current
  // context, so that the user's stays.
  replace_all(*ours, "current-context: " + context_name(name) + "\n", "");
  fs::path without_context = files.root / "kubeconfig.merge", target = users_kubeconfig(world);
  if (Status written = world.files.write(without_context, *ours, 0600); !written) return failure(written.error());
  Command view{.argv = {fs::path(d->parts.at("kubernetes")) / "kubectl", "config", "view", "--flatten"},
               .env = {{"KUBECONFIG", without_context.string() + ":" + target.string()}}};
  Result<std::string> merged = run_checked(world.processes, view, "kubeconfig-merge", "Cannot merge the kubeconfig into " + target.string());
  if (!merged) return failure(merged.error());
  Status done = world.files.write(target, *merged, 0600);
  if (done) done = world.files.write(merged_marker(files), target.string());
  if (done) done = world.files.remove_all(without_context);
  if (!done) return failure(done.error());
  return target;
}

Status unmerge_kubeconfig(World& world, const ClusterFiles& files, const Description& d) {
  Result<std::string> target = world.files.read(merged_marker(files));
  if (!target || !world.files.exists(*target)) return {};
  const std::string context = context_name(d.name);
  const fs::path kubectl = fs::path(d.parts.at("kubernetes")) / "kubectl";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"delete-context", context},
                                                {"delete-cluster", context}, {"delete-user", context}}) {
    Command remove{.argv = {kubectl, "--kubeconfig", *target, "config"}};
    remove.argv.insert(remove.argv.end(), words.begin(), words.end());
    // An entry that the user has taken out already is no failure.
    if (Result<Outcome> removed = world.processes.run(remove); !removed) return failure(removed.error());
  }
  return {};
}

}  // namespace hpawalk::local
