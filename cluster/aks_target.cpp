// An AKS cluster with an Azure container registry, as in the walkthrough. Both must be there: hpawalk makes
// neither.
//
// az hands out a kubeconfig of hpawalk's own, lets the registry build prom-fake's image from the sources
// inside this binary, and gives the cluster the right to pull it, in the way that the registry's role
// assignment permissions mode takes (docs/clusters.md). What was made for that is noted in the
// cluster (made_note.hpp).
#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "cluster/azure.hpp"
#include "cluster/made_note.hpp"
#include "cluster/private_kubeconfig.hpp"
#include "cluster/prom_fake_context.hpp"
#include "cluster/target.hpp"
#include "world/workers.hpp"

namespace hpawalk::cluster {

namespace {

std::string text_of(const Json& json, const char* pointer) {
  Json::json_pointer place(pointer);
  bool there = json.is_structured() && json.contains(place) && json[place].is_string();
  return there ? json[place].get<std::string>() : std::string();
}

Result<Json> asked(world::World& world, AzLine line, const AzureNames& names, const std::string& what) {
  Result<std::string> said = run_az(world, line, names, what);
  if (!said) return failure(said.error());
  Result<Json> json = parse_json(*said, "az's answer");
  bool wants_list = line == AzLine::rights || line == AzLine::caller_rights || line == AzLine::quota;
  if (json && (wants_list ? json->is_array() : json->is_object())) return json;
  return failure(ErrorClass::environment, "az-failed", what,
                 fmt::format("az did not return {} in JSON", wants_list ? "a list" : "an object"), {});
}

// Today's clusters pull as the kubelet's managed identity, older ones as a service principal.
bool has_service_principal(const Json& cluster) {
  std::string client = text_of(cluster, "/servicePrincipalProfile/clientId");
  return !client.empty() && client != "msi";
}

std::string puller(const Json& cluster) {
  if (has_service_principal(cluster)) return text_of(cluster, "/servicePrincipalProfile/clientId");
  return text_of(cluster, "/identityProfile/kubeletidentity/objectId");
}

// What Azure says about who may reach the API server; empty: everybody.
std::string closed_to(const Json& cluster) {
  if (bool_at(cluster, "apiServerAccessProfile.enablePrivateCluster")) {
    return "This AKS cluster is private: its API server has no public address. Run hpawalk inside its "
           "virtual network (a jump box, a VPN, a peered network)";
  }
  std::vector<std::string> all;
  for (const Json& range : list_at(cluster, "apiServerAccessProfile.authorizedIpRanges")) {
    if (range.is_string()) all.push_back(range.get<std::string>());
  }
  if (all.empty()) return {};
  return fmt::format(
      "Only {} can reach this AKS cluster's API server; az aks update --api-server-authorized-ip-ranges   "
      "adds an address",
      text::join(all, ", "));
}

// AKS installs and maintains KEDA, in kube-system. An AKS Automatic cluster has it from the start.
bool has_keda_addon(const Json& cluster) {
  return bool_at(cluster, "workloadAutoScalerProfile.keda.enabled");
}

// Pods get tokens of Entra ID, for which KEDA's triggers ask with podIdentity azure-workload.
bool has_workload_identity(const Json& cluster) {
  return bool_at(cluster, "securityProfile.workloadIdentity.enabled") &&
         bool_at(cluster, "oidcIssuerProfile.enabled");
}

std::string keda_addon_text(const Json& cluster) {
  if (!has_keda_addon(cluster)) return "the KEDA add-on is off";
  return fmt::format("the KEDA add-on is on, in namespace kube-system; workload identity is {}",
                     has_workload_identity(cluster) ? "on" : "off");
}

// By what Azure calls them. Custom roles can include the same permissions.
using Roles = std::vector<std::string_view>;

// The first assignment of one of these roles.
const Json* assignment_of(const Json& assignments, const Roles& roles) {
  for (const Json& assignment : assignments) {
    std::string role = text_of(assignment, "/roleDefinitionName");
    if (std::find(roles.begin(), roles.end(), role) != roles.end()) return &assignment;
  }
  return nullptr;
}

// The roles that include pulling.
const Json* pulling_role(const Json& assignments, bool abac) {
  if (!abac) return assignment_of(assignments, {"AcrPull", "AcrPush", "Reader", "Contributor", "Owner"});
  return assignment_of(assignments, {abac_reader, "Container Registry Repository Writer",
                                     "Container Registry Repository Contributor"});
}

// What the login of az needs a role for.
struct Duty {
  std::string_view what;
  Roles roles;
};

std::vector<Duty> duties(bool abac, bool grants) {
  std::vector<Duty> all = {{"to build the image, unless the registry has it",
                            {"Container Registry Tasks Contributor", "Contributor", "Owner"}}};
  if (abac) {
    all.push_back({"to push the image, unless the registry has it",
                   {"Container Registry Repository Writer", "Container Registry Repository Contributor"}});
    all.push_back(
        {"to delete the image that hpawalk built (down)", {"Container Registry Repository Contributor"}});
  } else {
    all.push_back({"to delete the image that hpawalk built (down)", {"AcrDelete", "Contributor", "Owner"}});
  }
  if (grants)
    all.push_back({"to grant the cluster the permission to pull",
                   {"Role Based Access Control Administrator", "User Access Administrator", "Owner"}});
  return all;
}

// "A, B or C"
std::string any_of(const Roles& roles) {
  std::string text(roles.front());
  for (size_t i = 1; i < roles.size(); ++i)
    text += (i + 1 == roles.size() ? " or " : ", ") + std::string(roles[i]);
  return text;
}

// az writes numbers as texts too.
std::optional<long long> whole_number(const Json& object, const char* field) {
  if (!object.is_object() || !object.contains(field)) return std::nullopt;
  const Json& value = object[field];
  if (value.is_number_integer()) return value.get<long long>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  long long number = 0;
  auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  return wrong == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// Without it, a Service's load balancer has an address of the internet.
constexpr const char* internal_annotation = "service.beta.kubernetes.io/azure-load-balancer-internal";

// Azure's names and ids do not tell capital letters from small ones.
bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string host_of(const Json& registry) {
  return text_of(registry, "/loginServer");
}

class AksTarget final : public ClusterTarget {
 public:
  AksTarget(world::World& world, const config::Config& config) : world_(world), config_(config) {
    names_.az = config.text("tools.az");
    names_.subscription = config.text("aks.subscription");
    names_.group = config.text("aks.resource-group");
    names_.cluster = config.text("aks.cluster-name");
    names_.registry_group = config.text("acr.resource-group");
    names_.registry = config.text("acr.name");
    names_.image = "prom-fake:" HPAWALK_VERSION;
    names_.context = names_.cluster;
    std::string file = fmt::format("aks-{}-{}", names_.group, names_.cluster);
    if (!names_.subscription.empty()) file += "-" + names_.subscription;
    names_.kubeconfig = private_kubeconfig(world.environment, file).string();
    names_.build_folder = prom_fake_context_folder(world.environment).string();
  }

  std::string name() const override {
    return fmt::format("AKS cluster {} in resource group {}", names_.cluster, names_.group);
  }

  TargetPlan plan() override {
    auto line = [&](AzLine l, const AzureNames& n) { return text::shell_quote(az_line(l, n)); };
    TargetPlan plan{access(),
                    {{"the logged-in account and its subscription", line(AzLine::account, names_)},
                     {"a kubeconfig for hpawalk; yours is not changed", line(AzLine::credentials, names_)}}};
    plan.access.bring_image = bring_image();
    if (with_keda()) {
      plan.cluster.push_back(
          {"if the cluster has the KEDA add-on, hpawalk uses it, and never changes or disables it; without "
           "it, "
           "hpawalk installs its own KEDA (stage keda). The add-on instead, before up:",
           "# " + line(AzLine::enable_keda, names_)});
    }
    return plan;
  }

  std::vector<Precondition> look() override;

  // From what an earlier run was given, without asking Azure again.
  Result<ClusterAccess> find() override {
    if (!world_.files.exists(names_.kubeconfig)) {
      if (Status fetched = fetch_credentials(); !fetched) return failure(fetched.error());
    }
    return access();
  }

  Result<ClusterAccess> ensure(world::Progress& progress) override {
    progress.started("aks");
    progress.now("aks", "asking Azure for the cluster and the registry");
    Result<std::string> found = ask_azure();
    if (!found) progress.failed("aks", found.error().what);
    if (!found) return failure(found.error());
    progress.done("aks", *found);
    ClusterAccess result = access();
    result.registry = config_.text("acr.login-server").empty() ? names_.login_server : std::string();
    result.when_unreachable = closed_to(cluster_);
    result.keda_addon = has_keda_addon(cluster_);
    result.bring_image = bring_image();
    return result;
  }

  Status load_image(world::KubeApi& api, const std::string&, world::Progress& progress) override {
    Result<Missing> missing = survey();
    if (!missing) return failure(missing.error());
    if (!missing->image && !missing->right) return {};
    // Noted first: whatever then comes to be, down knows of it, even when this run is killed.
    Result<MadeNote> note = read_note(api);
    if (!note) return failure(note.error());
    RegistryNote mine = note->registries[names_.registry];
    mine = {names_.registry, names_.registry_id, subscription_, names_.group,
            names_.cluster,  mine.images,        mine.right,    mine.assignee};
    bool claim_image = missing->image && !missing->image_unsure;
    if (claim_image && std::find(mine.images.begin(), mine.images.end(), names_.image) == mine.images.end()) {
      mine.images.push_back(names_.image);
    }
    std::string right_before = mine.right;
    if (missing->right) {
      mine.right = names_.abac ? "reader" : has_service_principal(cluster_) ? "assigned" : "attached";
    }
    if (missing->right) mine.assignee = names_.assignee;
    note->registries[names_.registry] = mine;
    if (Status written = write_note(world_, access().kube, *note); !written) return written;

    Status built, granted;
    world::Workers building;
    if (missing->image) building.start([&] { built = build(progress); });
    if (missing->right) granted = grant(progress);
    if (Status thrown = building.join(); !thrown) built = thrown;
    if (!granted && granted.error().kind != ErrorClass::interrupted) {
      // Nothing was granted: what somebody else grants later is not hpawalk's to take away.
      note->registries[names_.registry].right = right_before;
      Status written = write_note(world_, access().kube, *note);
      if (!written) return written;
    }
    return built ? granted : built;
  }

  // Only what the configuration and Azure name as well is acted on: the note is an object in the cluster, and
  // whoever may write there must not be able to point this login at something else.
  Result<Leftovers> clean_up(world::KubeApi& api, world::Progress& progress) override {
    Result<MadeNote> note = read_note(api);
    if (!note) return failure(note.error());
    Leftovers all;
    if (note->registries.empty()) return all;
    progress.started("registry");
    progress.now("registry", "asking Azure for the cluster and the registry");
    Status done = ask_for_removal();
    std::map<std::string, RegistryNote> left;
    if (done) {
      for (const auto& [key, registry] : note->registries) {
        RegistryNote mine = confirmed(registry);
        done = remove_from(mine, progress);
        if (!done) break;
        for (const std::string& title : titles(mine)) all.removed.push_back(title);
        RegistryNote rest = without(registry, mine);
        for (const std::string& line : not_removed(rest)) all.left.push_back(line);
        if (!titles(rest).empty()) left[key] = rest;
      }
    }
    if (!done) {
      progress.failed("registry", done.error().what);
      return failure(done.error());
    }
    note->registries = left;
    if (!all.removed.empty()) {
      if (Status written = write_note(world_, access().kube, *note); !written)
        return failure(written.error());
    }
    progress.done("registry", left.empty() ? "everything that hpawalk created in Azure is removed"
                                           : "something was not removed");
    return all;
  }

  Status remove(world::Progress&) override {
    return failure(ErrorClass::usage, "not-our-cluster", "hpawalk neither creates nor deletes AKS clusters",
                   {},
                   "hpawalk down --cluster aks   removes the chain, the image and the permission to pull it");
  }

 private:
  struct Missing {
    bool image = false, image_unsure = false;  // unsure: it could not be read whether the image is there
    bool right = false;
  };

  bool with_keda() const { return config_.text("metrics") == "keda"; }

  ClusterAccess access() const {
    return {.kube = {names_.kubeconfig, names_.context, config_.text("tools.kubectl")},
            .helm = config_.text("tools.helm"),
            .operator_bundle = bundle_on_this_machine(world_, config_)};
  }

  // Before Azure was asked, the ids are written as the commands that would ask for them.
  std::vector<PlannedCommand> bring_image() const {
    if (!config_.text("prom-fake.image").empty()) return {};
    auto line = [&](AzLine l) { return text::shell_quote(az_line(l, names_)); };
    std::vector<PlannedCommand> commands = {
        {"prom-fake's sources, which hpawalk contains, are written to the folder; the registry builds the "
         "image",
         line(AzLine::build)}};
    if (!cluster_.is_null()) {
      commands.push_back({"the cluster's permission to pull, unless it has it", line(granting_line())});
    } else {
      commands.push_back({"the cluster's permission to pull, unless it has it", line(AzLine::attach)});
      std::string names = text::shell_quote({"--resource-group", names_.group, "--name", names_.cluster});
      std::string registry = text::shell_quote({"--name", names_.registry});
      std::string az = text::shell_quote({names_.az});
      commands.push_back({"the same for an older cluster with a service principal",
                          fmt::format("# {0} role assignment create --role acrpull \\\n"
                                      "#   --assignee \"$({0} aks show {1} --query "
                                      "servicePrincipalProfile.clientId --output tsv)\" \\\n"
                                      "#   --scope \"$({0} acr show {2} --query id --output tsv)\"",
                                      az, names, registry)});
      commands.push_back(
          {"for a registry with ABAC repository permissions, instead: the build with --source-acr-auth-id "
           "'[caller]', and",
           fmt::format("# {0} role assignment create --role {3} \\\n"
                       "#   --assignee \"$({0} aks show {1} --query "
                       "identityProfile.kubeletidentity.objectId --output tsv)\" \\\n"
                       "#   --scope \"$({0} acr show {2} --query id --output tsv)\"",
                       az, names, registry, text::shell_quote({abac_reader}))});
    }
    return commands;
  }

  // How this cluster's identity gets the permission to pull from this registry.
  AzLine granting_line() const {
    if (names_.abac) return AzLine::assign_reader;
    return has_service_principal(cluster_) ? AzLine::assign : AzLine::attach;
  }

  static AzLine revoking_line(const RegistryNote& note) {
    if (note.right == "reader") return AzLine::unassign_reader;
    return note.right == "assigned" ? AzLine::unassign : AzLine::detach;
  }

  Status fetch_credentials() {
    if (Status made = make_private_folder(world_); !made) return made;
    Result<std::string> said =
        run_az(world_, AzLine::credentials, names_, "Cannot get the credentials of " + name());
    if (!said) return failure(said.error());
    Result<std::string> kubeconfig = world_.files.read(names_.kubeconfig);
    if (!kubeconfig) return failure(kubeconfig.error());
    if (kubeconfig->find("kubelogin") == std::string::npos || world_.processes.find("kubelogin")) return {};
    return failure(ErrorClass::environment, "kubelogin-missing",
                   name() + " requires a login with Microsoft Entra ID, and kubelogin is not in PATH", {},
                   "az aks install-cli   installs it");
  }

  // All that a run needs to know, in about the time of one az. A sentence for the user.
  Result<std::string> ask_azure() {
    if (!world_.processes.find(names_.az)) return failure(az_missing());
    Result<Json> account = asked(world_, AzLine::account, names_, "Cannot determine the Azure subscription");
    if (!account) return failure(account.error());
    subscription_ = text_of(*account, "/id");
    bool with_registry = config_.text("prom-fake.image").empty();
    Result<Json> cluster, registry = Json();
    Status credentials;
    world::Workers asking;
    asking.start([&] { cluster = asked(world_, AzLine::cluster, names_, "Cannot find " + name()); });
    if (with_registry) {
      asking.start([&] {
        registry =
            asked(world_, AzLine::registry, names_, "Cannot find the container registry " + names_.registry);
      });
    }
    credentials = fetch_credentials();
    if (Status thrown = asking.join(); !thrown) return failure(thrown.error());
    if (!cluster) return failure(cluster.error());
    if (!registry) return failure(registry.error());
    if (Status runs = check_runs(*cluster); !runs) return failure(runs.error());
    if (!credentials) return failure(credentials.error());
    learn(*cluster, *registry);
    return fmt::format("{} in {}, Kubernetes {}, subscription {} ({}){}{}", names_.cluster, names_.location,
                       text_of(cluster_, "/currentKubernetesVersion").empty()
                           ? text_of(cluster_, "/kubernetesVersion")
                           : text_of(cluster_, "/currentKubernetesVersion"),
                       text_of(*account, "/name"), text_of(*account, "/user/name"),
                       with_registry ? "; registry " + host_of(registry_) : "",
                       with_keda() ? "; " + keda_addon_text(cluster_) : "");
  }

  void learn(const Json& cluster, const Json& registry) {
    cluster_ = cluster;
    registry_ = registry;
    names_.assignee = puller(cluster);
    names_.location = text_of(cluster, "/location");
    names_.registry_id = text_of(registry, "/id");
    names_.login_server = host_of(registry);
    names_.abac = text_of(registry, "/roleAssignmentMode") == "AbacRepositoryPermissions";
  }

  Status check_runs(const Json& cluster) const {
    std::string power = text_of(cluster, "/powerState/code"), state = text_of(cluster, "/provisioningState");
    if (power == "Stopped") {
      return failure(ErrorClass::environment, "aks-stopped", name() + " is stopped", {},
                     text::shell_quote({names_.az, "aks", "start", "--resource-group", names_.group, "--name",
                                        names_.cluster}));
    }
    if (state != "Creating" && state != "Deleting" && state != "Failed") return {};
    return failure(ErrorClass::environment, "aks-not-ready", name() + " is not ready",
                   "its provisioning state is " + state,
                   "az aks show   shows details; run the command again when it is Succeeded");
  }

  Error az_missing() const {
    Error error{ErrorClass::environment, "az-missing", names_.az + " is not in PATH", {}, {}, {}, {}};
    error.hint =
        "pipx install azure-cli   installs the Azure CLI; tools.az says where it is when it is not in PATH";
    return error;
  }

  // What is not there yet of the image and of the right to pull it. Both are asked for at once.
  Result<Missing> survey() {
    Result<std::string> image;
    world::Workers asking;
    asking.start([&] {
      image = run_az(world_, AzLine::image, names_, "Cannot determine whether the image is in the registry");
    });
    Result<bool> right = may_pull();
    if (Status thrown = asking.join(); !thrown) return failure(thrown.error());
    if (!right) return failure(right.error());
    bool interrupted_there = !image && image.error().kind == ErrorClass::interrupted;
    if (interrupted_there) return failure(image.error());
    return Missing{.image = !image, .image_unsure = !image && !is_not_found(image.error()), .right = !*right};
  }

  Result<bool> may_pull() {
    Result<Json> assignments =
        asked(world_, AzLine::rights, names_, "Cannot read the cluster's permissions on the registry");
    if (assignments) return pulling_role(*assignments, names_.abac) != nullptr;
    if (!assignments.error().is("az-forbidden")) return failure(assignments.error());
    Result<std::string> checked = run_az(world_, AzLine::check_pull, names_,
                                         "Cannot determine whether the cluster can pull from the registry");
    if (checked) return true;
    if (checked.error().kind == ErrorClass::interrupted) return failure(checked.error());
    return false;
  }

  Status build(world::Progress& progress) {
    if (Status written = write_prom_fake_context(world_); !written) return written;
    progress.now("image", "the registry builds " + names_.image);
    Result<std::string> built =
        run_az(world_, AzLine::build, names_, "The registry could not build prom-fake's image",
               [&](std::string_view line) { progress.line("image", std::string(line)); });
    if (!built) return failure(built.error());
    return {};
  }

  Status grant(world::Progress& progress) {
    progress.now("image", "granting the cluster permission to pull from " + names_.registry);
    Result<std::string> granted = run_az(world_, granting_line(), names_,
                                         "Cannot grant the cluster permission to pull from the registry");
    if (!granted) return failure(granted.error());
    return {};
  }

  Status ask_for_removal() {
    if (!world_.processes.find(names_.az)) return failure(az_missing());
    Result<Json> account = asked(world_, AzLine::account, names_, "Cannot determine the Azure subscription");
    if (!account) return failure(account.error());
    subscription_ = text_of(*account, "/id");
    Result<Json> cluster = asked(world_, AzLine::cluster, names_, "Cannot find " + name());
    if (!cluster) return failure(cluster.error());
    Result<Json> registry = Json();
    if (!names_.registry.empty())
      registry =
          asked(world_, AzLine::registry, names_, "Cannot find the container registry " + names_.registry);
    if (!registry) return failure(registry.error());
    learn(*cluster, *registry);
    return {};
  }

  // Of what the note names, that which this configuration would have made.
  RegistryNote confirmed(const RegistryNote& note) const {
    RegistryNote mine = note;
    bool same = same_name(note.name, names_.registry) && same_name(note.id, names_.registry_id) &&
                same_name(note.subscription, subscription_) && same_name(note.group, names_.group) &&
                same_name(note.cluster, names_.cluster);
    std::erase_if(mine.images, [&](const std::string& image) { return !same || image != names_.image; });
    bool assigned = note.right == "assigned" || note.right == "reader";
    bool right =
        same && (note.right == "attached" || (assigned && same_name(note.assignee, names_.assignee)));
    if (!right) mine.right.clear();
    return mine;
  }

  static RegistryNote without(const RegistryNote& note, const RegistryNote& removed) {
    RegistryNote rest = note;
    std::erase_if(rest.images, [&](const std::string& image) {
      return std::find(removed.images.begin(), removed.images.end(), image) != removed.images.end();
    });
    if (!removed.right.empty()) rest.right.clear();
    return rest;
  }

  // az asks before it deletes an image: without --yes.
  std::vector<std::string> not_removed(const RegistryNote& rest) const {
    AzureNames names = named_by(rest);
    auto line = [&](AzLine l) {
      std::vector<std::string> words = az_line(l, names);
      std::erase(words, "--yes");
      return text::shell_quote(words);
    };
    const std::string why =
        "the cluster's record names it, but this configuration and this version of hpawalk do not; if it is "
        "yours: ";
    std::vector<std::string> lines;
    for (const std::string& image : rest.images) {
      names.image = image;
      lines.push_back(
          fmt::format("image {} in registry {}: {}{}", image, rest.name, why, line(AzLine::delete_image)));
    }
    RegistryNote right = rest;
    right.images.clear();
    for (const std::string& title : titles(right)) {
      lines.push_back(fmt::format("{}: {}{}", title, why, line(revoking_line(rest))));
    }
    return lines;
  }

  AzureNames named_by(const RegistryNote& note) const {
    AzureNames names = names_;
    names.registry = note.name;
    names.registry_id = note.id;
    names.subscription = note.subscription;
    names.group = note.group;
    names.cluster = note.cluster;
    names.assignee = note.assignee;
    return names;
  }

  // `note` was confirmed: it says what the configuration says.
  Status remove_from(const RegistryNote& note, world::Progress& progress) {
    AzureNames names = named_by(note);
    std::vector<std::pair<AzLine, std::string>> lines;
    for (const std::string& image : note.images) lines.emplace_back(AzLine::delete_image, image);
    if (!note.right.empty()) lines.emplace_back(revoking_line(note), "");
    for (const auto& [line, image] : lines) {
      names.image = image;
      progress.now("registry", line == AzLine::delete_image ? "deleting image " + image
                                                            : "revoking the permission to pull");
      Result<std::string> done = run_az(world_, line, names, "Cannot remove what hpawalk created in Azure");
      if (!done && !is_not_found(done.error())) return failure(done.error());
    }
    return {};
  }

  Precondition keda_addon() const;
  Precondition registry_right(const Result<Json>& assignments);
  Precondition caller_roles(const Json& account, bool grants);
  std::optional<Precondition> paused_tasks();
  std::optional<Precondition> address_quota();

  world::World& world_;
  const config::Config& config_;
  AzureNames names_;
  std::string subscription_;
  Json cluster_, registry_;
};

Precondition broken(const std::string& name, const Error& error) {
  return {name, Mark::broken, error.what + (error.because.empty() ? "" : ": " + error.because), error.hint};
}

std::vector<Precondition> AksTarget::look() {
  if (!world_.processes.find(names_.az)) return {broken("az", az_missing())};
  std::vector<Precondition> findings;
  Result<Json> version = asked(world_, AzLine::version, names_, "az does not run");
  if (!version) return {broken("az", version.error())};
  findings.push_back({"az", Mark::ok, "Azure CLI " + text_of(*version, "/azure-cli")});
  Result<Json> account = asked(world_, AzLine::account, names_, "Cannot determine the Azure subscription");
  if (!account) {
    findings.push_back(broken("az login", account.error()));
    return findings;
  }
  findings.push_back({"az login", Mark::ok,
                      fmt::format("{} on subscription {} ({})", text_of(*account, "/user/name"),
                                  text_of(*account, "/name"), text_of(*account, "/id"))});
  Result<Json> registry = Json();
  bool with_registry = config_.text("prom-fake.image").empty();
  world::Workers asking;
  if (with_registry) {
    asking.start([&] {
      registry =
          asked(world_, AzLine::registry, names_, "Cannot find the container registry " + names_.registry);
    });
  }
  Result<Json> cluster = asked(world_, AzLine::cluster, names_, "Cannot find " + name());
  if (Status thrown = asking.join(); !thrown) registry = failure(thrown.error());
  Status runs = cluster ? check_runs(*cluster) : Status(failure(cluster.error()));
  if (!runs) {
    findings.push_back(broken("AKS", runs.error()));
  } else {
    std::string closed = closed_to(*cluster);
    findings.push_back(
        {"AKS", closed.empty() ? Mark::ok : Mark::note,
         fmt::format("{} runs Kubernetes {} in {}, and pulls as {}", names_.cluster,
                     text_of(*cluster, "/kubernetesVersion"), text_of(*cluster, "/location"),
                     has_service_principal(*cluster) ? "a service principal" : "a managed identity"),
         closed});
  }
  if (!registry) findings.push_back(broken("registry", registry.error()));
  if (runs && with_keda()) {
    learn(*cluster, registry ? *registry : Json());
    findings.push_back(keda_addon());
  }
  if (!runs || !registry) return findings;
  learn(*cluster, *registry);
  if (with_registry) {
    findings.push_back({"registry", Mark::ok,
                        fmt::format("{} ({}), role assignment permissions mode: {}", names_.login_server,
                                    text_of(registry_, "/sku/name"),
                                    names_.abac ? "RBAC Registry + ABAC Repository Permissions"
                                                : "RBAC Registry Permissions")});
    Result<Json> assignments =
        asked(world_, AzLine::rights, names_, "Cannot read the cluster's permissions on the registry");
    findings.push_back(registry_right(assignments));
    bool grants = !assignments || pulling_role(*assignments, names_.abac) == nullptr;
    findings.push_back(caller_roles(*account, grants));
    if (std::optional<Precondition> paused = paused_tasks()) findings.push_back(*paused);
  }
  if (config_.text("prom-fake.service-type") == "LoadBalancer") {
    if (std::optional<Precondition> quota = address_quota()) findings.push_back(*quota);
  }
  return findings;
}

Precondition AksTarget::keda_addon() const {
  if (has_keda_addon(cluster_)) {
    return {"KEDA add-on", Mark::ok, keda_addon_text(cluster_),
            "up uses this KEDA, and installs no other; down leaves it"};
  }
  return {"KEDA add-on", Mark::note, keda_addon_text(cluster_),
          "up installs hpawalk's own KEDA. To have the add-on instead, before up: " +
              text::shell_quote(az_line(AzLine::enable_keda, names_))};
}

Precondition AksTarget::registry_right(const Result<Json>& assignments) {
  if (!assignments) {
    return {"pull", Mark::note, assignments.error().what + ": " + assignments.error().because,
            "hpawalk up checks with a pod: " + text::shell_quote(az_line(AzLine::check_pull, names_))};
  }
  if (const Json* role = pulling_role(*assignments, names_.abac)) {
    std::string name = text_of(*role, "/roleDefinitionName"), condition = text_of(*role, "/condition");
    if (!condition.empty()) {
      return {"pull", Mark::note, fmt::format("the cluster has the role {} with a condition", name),
              "The condition must include the repository prom-fake: " + condition};
    }
    return {"pull", Mark::ok, "the cluster has permission to pull from the registry: role " + name};
  }
  std::string evidence = "the cluster has no permission to pull from the registry yet";
  if (const Json* ignored = names_.abac ? pulling_role(*assignments, false) : nullptr)
    evidence += fmt::format(": its role {} does not include that in this mode",
                            text_of(*ignored, "/roleDefinitionName"));
  return {"pull", Mark::note, evidence,
          "hpawalk up grants it, if this login has the permission: " +
              text::shell_quote(az_line(granting_line(), names_))};
}

// What the login lacks for what hpawalk may have to do; roles of its groups count.
Precondition AksTarget::caller_roles(const Json& account, bool grants) {
  names_.caller = text_of(account, "/user/name");
  if (names_.caller.empty() || names_.caller.ends_with("AssignedIdentity"))
    return {"roles", Mark::note, "az is logged in with a managed identity: its roles were not looked up"};
  Result<Json> assignments =
      asked(world_, AzLine::caller_rights, names_, "Cannot read the roles of " + names_.caller);
  if (!assignments)
    return {"roles", Mark::note, assignments.error().what + ": " + assignments.error().because};
  std::vector<std::string> missing, roles;
  for (const Json& assignment : *assignments) roles.push_back(text_of(assignment, "/roleDefinitionName"));
  for (const Duty& duty : duties(names_.abac, grants)) {
    if (assignment_of(*assignments, duty.roles) != nullptr) continue;
    missing.push_back(fmt::format("{} {}", any_of(duty.roles), duty.what));
  }
  std::string has = roles.empty() ? "no role" : text::join(roles, ", ");
  std::string evidence = fmt::format("{} has {} on the registry", names_.caller, has);
  if (missing.empty()) return {"roles", Mark::ok, evidence};
  return {"roles", Mark::note, evidence + "; missing: " + text::join(missing, "; "),
          "A custom role can include the same. Otherwise ask an Owner of the registry to run " +
              text::shell_quote({names_.az, "role", "assignment", "create", "--assignee", names_.caller,
                                 "--scope", names_.registry_id, "--role"}) +
              " ROLE"};
}

// Whether the registry builds at all is known only when it has to.
std::optional<Precondition> AksTarget::paused_tasks() {
  Result<Json> offer = asked(world_, AzLine::offer, names_, "Cannot read the subscription's offer");
  if (!offer || text_of(*offer, "/subscriptionPolicies/spendingLimit") != "On") return std::nullopt;
  return Precondition{
      "tasks", Mark::note,
      "the subscription has a spending limit, as those with free credits have: Azure has paused "
      "task runs (az acr build) for free credits",
      "If hpawalk up ends with az-tasks-paused: " + without_tasks(names_)};
}

// Each load balancer's address counts against a quota of its region, unless it is one of the virtual network.
std::optional<Precondition> AksTarget::address_quota() {
  const yaml::Value& annotations = config_.value("prom-fake.service-annotations");
  if (annotations.value(internal_annotation, "") == "true")
    return Precondition{"addresses", Mark::ok,
                        "prom-fake's load balancer gets an address of the virtual network"};
  Result<Json> usages = asked(world_, AzLine::quota, names_, "Cannot read the quota of public addresses");
  if (!usages)
    return Precondition{"addresses", Mark::note, usages.error().what + ": " + usages.error().because, {}};
  for (const Json& usage : *usages) {
    if (text_of(usage, "/name/value") != "PublicIPAddresses") continue;
    std::optional<long long> used = whole_number(usage, "currentValue"), limit = whole_number(usage, "limit");
    if (!used || !limit) {
      return Precondition{
          "addresses", Mark::note, "az does not report the number of public addresses in use", {}};
    }
    std::string evidence =
        fmt::format("{} of {} public addresses in {} are used", *used, *limit, names_.location);
    if (*used < *limit) {
      return Precondition{
          "addresses", Mark::note, evidence + "; prom-fake's load balancer gets a public one",
          fmt::format("prom-fake.service-annotations: {{{}: \"true\"}}   requests an address of "
                      "the virtual network instead",
                      internal_annotation)};
    }
    return Precondition{"addresses", Mark::note, evidence + ": prom-fake's load balancer gets none",
                        "Everything also works through the API server; --prom-fake-service-type ClusterIP "
                        "requests no address"};
  }
  return std::nullopt;
}

}  // namespace

std::unique_ptr<ClusterTarget> make_aks_target(world::World& world, const config::Config& config) {
  return std::make_unique<AksTarget>(world, config);
}

}  // namespace hpawalk::cluster
