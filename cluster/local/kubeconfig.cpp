#include "cluster/local/kubeconfig.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "cluster/local/local_cluster.hpp"
#include "cluster/local/machine.hpp"

namespace hpawalk::local {

static void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

static fs::path shared_kubeconfig(const std::string& name) {
  return "/run/hpawalk-kubeconfig-" + name;
}

static Status give(const fs::path& file, uid_t user, gid_t group) {
  if (chown(file.c_str(), user, group) == 0) return {};
  return failure(ErrorClass::environment, "kubeconfig-owner",
                 "Cannot give " + file.string() + " to user " + std::to_string(user), std::strerror(errno));
}

static fs::path merged_marker(const ClusterFiles& files) {
  return files.root / "merged-into";
}

static fs::path users_kubeconfig(const world::World& world) {
  auto variable = world.environment.find("KUBECONFIG");
  if (variable != world.environment.end() && !variable->second.empty())
    return text::split(variable->second, ':')[0];
  auto home = world.environment.find("HOME");
  return fs::path(home == world.environment.end() ? "/root" : home->second) / ".kube/config";
}

Status write_kubeconfig(world::World& world, const ClusterFiles& files, const Description& d) {
  Result<std::string> admin = world.files.read(files.etc_kubernetes() / "admin.conf");
  if (!admin) return failure(admin.error());
  const std::string context = context_name(d.name);
  replace_all(*admin, "kubernetes-admin@" + context, context);
  replace_all(*admin, "kubernetes-admin", context);
  if (Status written = world.files.write(files.kubeconfig(), *admin, 0600); !written) return written;
  return share_kubeconfig(world, files, d);
}

Status share_kubeconfig(world::World& world, const ClusterFiles& files, const Description& d) {
  if (d.user == 0) return {};
  Result<std::string> ours = world.files.read(files.kubeconfig());
  if (!ours) return failure(ours.error());
  const fs::path copy = shared_kubeconfig(d.name);
  if (Status written = world.files.write(copy, *ours, 0600); !written) return written;
  return give(copy, static_cast<uid_t>(d.user), static_cast<gid_t>(-1));
}

Status withdraw_kubeconfig(world::World& world, const std::string& name) {
  return world.files.remove_all(shared_kubeconfig(name));
}

fs::path kubeconfig_for_caller(world::World& world, const ClusterFiles& files, const Description& d) {
  auto user = world.environment.find("SUDO_UID");
  bool shared = d.user != 0 && user != world.environment.end() && user->second == std::to_string(d.user);
  return shared ? shared_kubeconfig(d.name) : files.kubeconfig();
}

namespace {

// The names in a kubeconfig's list of contexts.
Result<std::set<std::string>> contexts_of(const std::string& kubeconfig) {
  Result<yaml::Value> value = yaml::parse(kubeconfig);
  if (!value) return failure(value.error());
  std::set<std::string> names;
  if (!value->is_object() || !value->contains("contexts") || !(*value)["contexts"].is_array()) return names;
  for (const yaml::Value& context : (*value)["contexts"]) {
    if (context.is_object() && context.contains("name") && context["name"].is_string())
      names.insert(context["name"].get<std::string>());
  }
  return names;
}

// As kubectl locks it: by a file that must not be there. kubectl itself does not wait.
class KubeconfigLock {
 public:
  static Result<KubeconfigLock> take(world::World& world, const fs::path& kubeconfig) {
    const std::string file = kubeconfig.string() + ".lock";
    Status taken = world::wait_until(world.clock, {std::chrono::seconds(5), std::chrono::milliseconds(50)},
                                     "locking " + kubeconfig.string(), [&]() -> Result<world::StillWaiting> {
                                       int fd =
                                           open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
                                       if (fd >= 0) {
                                         close(fd);
                                         return world::StillWaiting{};
                                       }
                                       if (errno == EEXIST) return world::StillWaiting{file + " is there"};
                                       return failure(ErrorClass::environment, "kubeconfig-busy",
                                                      "Cannot make " + file, std::strerror(errno));
                                     });
    if (taken) return KubeconfigLock(file);
    if (!taken.error().is("timeout")) return failure(taken.error());
    return failure(ErrorClass::environment, "kubeconfig-busy",
                   "Another program is changing " + kubeconfig.string(), file + " is there",
                   "Run the command again; if no such program runs, remove that file");
  }
  KubeconfigLock(KubeconfigLock&& other) noexcept : file_(std::exchange(other.file_, {})) {}
  KubeconfigLock& operator=(KubeconfigLock&&) = delete;
  ~KubeconfigLock() {
    if (!file_.empty()) unlink(file_.c_str());
  }

 private:
  explicit KubeconfigLock(std::string file) : file_(std::move(file)) {}
  std::string file_;
};

struct Owner {
  uid_t user;
  gid_t group;
};

// Of the file, or of the nearest folder above it that is there.
Owner owner_of(fs::path path) {
  struct stat is {};
  while (stat(path.c_str(), &is) != 0 && path.has_parent_path() && path != path.parent_path())
    path = path.parent_path();
  return {is.st_uid, is.st_gid};
}

// Everything that was in the old one must be in the new one.
Status check_merged(const std::string& old, const std::string& merged, const std::string& context,
                    const fs::path& target) {
  Result<std::set<std::string>> before = contexts_of(old), after = contexts_of(merged);
  if (!before) return failure(before.error());
  if (!after) return failure(after.error());
  before->insert(context);
  std::vector<std::string> lost;
  std::set_difference(before->begin(), before->end(), after->begin(), after->end(), std::back_inserter(lost));
  if (lost.empty()) return {};
  return failure(
      ErrorClass::environment, "kubeconfig-merge", "Cannot merge the kubeconfig into " + target.string(),
      "what kubectl config view printed lacks contexts: " + text::join(lost, ", "), "Nothing was changed");
}

}  // namespace

Result<fs::path> merge_kubeconfig(world::World& world, const std::string& name) {
  if (Status valid = check_name(name); !valid) return failure(valid.error());
  ClusterFiles files = locate(world, name);
  Result<Description> d = read_description(world, files);
  Result<std::string> ours = world.files.read(files.kubeconfig());
  if (!d) return failure(d.error());
  if (!ours) return failure(ours.error());
  // The first file wins: ours, so that entries of an earlier cluster of this name go, but without a current
  // context, so that the user's stays.
  replace_all(*ours, "current-context: " + context_name(name) + "\n", "");
  fs::path without_context = files.root / "kubeconfig.merge", target = users_kubeconfig(world);
  if (Status written = world.files.write(without_context, *ours, 0600); !written)
    return failure(written.error());
  const bool fresh = !world.files.exists(target), fresh_folder = !world.files.exists(target.parent_path());
  const Owner owner = owner_of(target);
  if (Status made = world.files.make_folder(target.parent_path(), 0755); !made) return failure(made.error());
  Result<KubeconfigLock> lock = KubeconfigLock::take(world, target);
  if (!lock) return failure(lock.error());
  std::string old = world.files.read(target).value_or("");
  world::Command view{
      .argv = {fs::path(d->parts.at("kubernetes")) / "kubectl", "config", "view", "--flatten"},
      .env = {{"KUBECONFIG", without_context.string() + ":" + target.string()}}};
  Result<std::string> merged = world::run_checked(world.processes, view, "kubeconfig-merge",
                                                  "Cannot merge the kubeconfig into " + target.string());
  if (!merged) return failure(merged.error());
  Status done = check_merged(old, *merged, context_name(name), target);
  const fs::path backup = target.string() + ".before-hpawalk";
  if (done && !fresh) done = world.files.write(backup, old, 0600);
  if (done && !fresh) done = give(backup, owner.user, owner.group);
  if (done) done = world.files.write(target, *merged, 0600);
  // With sudo, a file in the home of a user is that user's.
  if (done && fresh_folder) done = give(target.parent_path(), owner.user, owner.group);
  if (done && fresh) done = give(target, owner.user, owner.group);
  if (done) done = world.files.write(merged_marker(files), target.string());
  if (done) done = world.files.remove_all(without_context);
  if (!done) return failure(done.error());
  return target;
}

Status unmerge_kubeconfig(world::World& world, const ClusterFiles& files, const Description& d) {
  Result<std::string> target = world.files.read(merged_marker(files));
  if (!target || !world.files.exists(*target)) return {};
  const std::string context = context_name(d.name);
  const fs::path kubectl = fs::path(d.parts.at("kubernetes")) / "kubectl";
  for (const std::vector<std::string>& words : {std::vector<std::string>{"delete-context", context},
                                                {"delete-cluster", context},
                                                {"delete-user", context}}) {
    world::Command remove{.argv = {kubectl, "--kubeconfig", *target, "config"}};
    remove.argv.insert(remove.argv.end(), words.begin(), words.end());
    // An entry that the user has taken out already is no failure.
    if (Result<world::Outcome> removed = world.processes.run(remove); !removed)
      return failure(removed.error());
  }
  return {};
}

}  // namespace hpawalk::local
