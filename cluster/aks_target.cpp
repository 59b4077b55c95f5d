// An AKS cluster with an Azure container registry, as in the walkthrough. Both must be there: hpawalk makes
// neither.
//
// az hands out a kubeconfig of hpawalk's own, lets the registry build prom-fake's image from the sources
// inside this binary, and gives the cluster the right to pull it. What was made for that is noted in the
// cluster (made_note.hpp).
#include <algorithm>
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

namespace hpawalk {

namespace {

std::string text_of(const Json& json, const char* pointer) {
  Json::json_pointer where(pointer);
  return json.is_structured() && json.contains(where) ? text_at(json.at(where), "") : std::string();
}

Result<Json> asked(World& world, AzLine line, const AzureNames& names, const std::string& what) {
  Result<std::string> said = run_az(world, line, names, what);
  if (!said) return failure(said.error());
  Result<Json> json = parse_json(*said, "What az printed");
  if (json) return json;
  return failure(ErrorClass::environment, "az-failed", what, json.error().what + ": " + json.error().because, {});
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
           "virtual network (a jump box, a "
           "VPN, a peered network)";
  }
  std::vector<std::string> all;
  for (const Json& range : list_at(cluster, "apiServerAccessProfile.authorizedIpRanges")) all.push_back(text_at(range, ""));
  if (all.empty()) return {};
  return fmt::format(
      "Only {} may reach this AKS cluster's API server; az aks update --api-server-authorized-ip-ranges   "
      "adds an address",
      text::join(all, ", "));
}

// The roles that include pulling, by what Azure calls them.
const Json* pulling_role(const Json& assignments) {
  for (const Json& assignment : assignments) {
    std::string role = text_of(assignment, "/roleDefinitionName");
    for (const char* name : {"AcrPull", "AcrPush", "Reader", "Contributor", "Owner"}) {
      if (role == name) return &assignment;
    }
  }
  return nullptr;
}

std::string host_of(const Json& registry) {
  return text_of(registry, "/loginServer");
}

class AksTarget final : public ClusterTarget {
 public:
  AksTarget(World& world, const Config& config) : world_(world), config_(config) {
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
    TargetPlan plan{
        access(),
        {{"who is logged in, on which subscription", line(AzLine::account, names_)},
         {"a kubeconfig of hpawalk's own: yours is not changed", line(AzLine::credentials, names_)}}};
    plan.access.bring_image = bring_image();
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

  Result<ClusterAccess> ensure(Progress& progress) override {
    progress.started("aks");
    progress.now("aks", "asking Azure for the cluster and the registry");
    Result<std::string> found = ask_azure();
    if (!found) progress.failed("aks", found.error().what);
    if (!found) return failure(found.error());
    progress.done("aks", *found);
    ClusterAccess result = access();
    result.registry = config_.text("acr.login-server").empty() ? names_.login_server : std::string();
    result.when_unreachable = closed_to(cluster_);
    result.bring_image = bring_image();
    return result;
  }

  Status load_image(KubeApi& api, const std::string&, Progress& progress) override {
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
    if (missing->right) mine.right = has_service_principal(cluster_) ? "assigned" : "attached";
    if (missing->right) mine.assignee = names_.assignee;
    note->registries[names_.registry] = mine;
    if (Status written = write_note(world_, access().kube, *note); !written) return written;

    Status built, granted;
    Workers workers;
    workers.start([&] {
      if (missing->image) built = build(progress);
    });
    if (missing->right) granted = grant(progress);
    if (Status done = workers.join(); !done) built = done;
    if (!granted && granted.error().kind != ErrorClass::interrupted) {
      // Nothing was granted: what somebody else grants later is not hpawalk's to take away.
      note->registries[names_.registry].right = right_before;
      Status written = write_note(world_, access().kube, *note);
      if (!written) return written;
    }
    return built ? granted : built;
  }

  Result<Leftovers> clean_up(KubeApi& api, Progress& progress) override {
    Result<MadeNote> note = read_note(api);
    if (!note) return failure(note.error());
    Leftovers all;
    if (note->registries.empty()) return all;
    progress.started("registry");
    for (const auto& [name, registry] : note->registries) {
      if (Status removed = remove_from(registry, progress); !removed) {
        progress.failed("registry", removed.error().what);
        return failure(removed.error());
      }
      for (const std::string& title : titles(registry)) all.removed.push_back(title);
    }
    note->registries.clear();
    if (Status written = write_note(world_, access().kube, *note); !written) return failure(written.error());
    progress.done("registry", "what hpawalk made in Azure is gone");
    return all;
  }

  Status remove(Progress&) override {
    return failure(ErrorClass::usage, "not-our-cluster", "hpawalk makes no AKS clusters, and deletes none",
                   {}, "hpawalk down --cluster aks   removes the chain, the image and the right to pull it");
  }

 private:
  struct Missing {
    bool image = false, image_unsure = false;  // unsure: it could not be read whether the image is there
    bool right = false;
  };

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
        {"prom-fake's sources, from inside hpawalk, are written to the folder; the registry builds the image",
         line(AzLine::build)}};
    bool known = !cluster_.is_null();
    if (!known || !has_service_principal(cluster_)) {
      commands.push_back({"the cluster's right to pull, if it does not have it", line(AzLine::attach)});
    }
    if (!known) {
      std::string names = text::shell_quote({"--resource-group", names_.group, "--name", names_.cluster});
      std::string registry = text::shell_quote({"--name", names_.registry});
      std::string az = text::shell_quote({names_.az});
      commands.push_back({"the same for an older cluster, with a service principal",
                          fmt::format("# {0} role assignment create --role acrpull \\\n"
                                      "#   --assignee \"$({0} aks show {1} --query "
                                      "servicePrincipalProfile.clientId --output tsv)\" \\\n"
                                      "#   --scope \"$({0} acr show {2} --query id --output tsv)\"",
                                      az, names, registry)});
    } else if (has_service_principal(cluster_)) {
      commands.push_back({"the right to pull of the cluster's service principal, if it does not have it",
                          line(AzLine::assign)});
    }
    return commands;
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
                   name() + " wants a login by Microsoft Entra ID, and kubelogin is not in PATH", {},
                   "az aks install-cli   installs it");
  }

  // All that a run needs to know, in about the time of one az. A sentence for the user.
  Result<std::string> ask_azure() {
    if (!world_.processes.find(names_.az)) return failure(az_missing());
    Result<Json> account =
        asked(world_, AzLine::account, names_, "Cannot tell which Azure subscription is meant");
    if (!account) return failure(account.error());
    subscription_ = text_of(*account, "/id");
    bool with_registry = config_.text("prom-fake.image").empty();
    Result<Json> cluster, registry = Json();
    Status credentials;
    Workers workers;
    workers.start([&] { cluster = asked(world_, AzLine::cluster, names_, "Cannot find " + name()); });
    workers.start([&] {
      if (with_registry)
        registry =
            asked(world_, AzLine::registry, names_, "Cannot find the container registry " + names_.registry);
    });
    credentials = fetch_credentials();
    if (Status done = workers.join(); !done) return failure(done.error());
    if (!cluster) return failure(cluster.error());
    if (!registry) return failure(registry.error());
    if (Status runs = check_runs(*cluster); !runs) return failure(runs.error());
    if (!credentials) return failure(credentials.error());
    learn(*cluster, *registry);
    return fmt::format("{} in {}, Kubernetes {}, subscription {} ({}){}", names_.cluster, names_.location,
                       text_of(cluster_, "/currentKubernetesVersion").empty()
                           ? text_of(cluster_, "/kubernetesVersion")
                           : text_of(cluster_, "/currentKubernetesVersion"),
                       text_of(*account, "/name"), text_of(*account, "/user/name"),
                       with_registry ? "; registry " + host_of(registry_) : "");
  }

  void learn(const Json& cluster, const Json& registry) {
    cluster_ = cluster;
    registry_ = registry;
    names_.assignee = puller(cluster);
    names_.location = text_of(cluster, "/location");
    names_.registry_id = text_of(registry, "/id");
    names_.login_server = host_of(registry);
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
                   "az aks show   tells more; run the command again when it is Succeeded");
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
    Workers workers;
    workers.start([&] {
      image = run_az(world_, AzLine::image, names_, "Cannot see whether the image is in the registry");
    });
    Result<bool> right = may_pull();
    if (Status done = workers.join(); !done) return failure(done.error());
    if (!right) return failure(right.error());
    bool interrupted_there = !image && image.error().kind == ErrorClass::interrupted;
    if (interrupted_there) return failure(image.error());
    return Missing{.image = !image, .image_unsure = !image && !is_not_found(image.error()), .right = !*right};
  }

  Result<bool> may_pull() {
    Result<Json> assignments =
        asked(world_, AzLine::rights, names_, "Cannot read what the cluster may do on the registry");
    if (assignments) return pulling_role(*assignments) != nullptr;
    if (assignments.error().id != "az-forbidden") return failure(assignments.error());
    Result<std::string> checked = run_az(world_, AzLine::check_pull, names_,
                                         "Cannot see whether the cluster can pull from the registry");
    if (checked) return true;
    if (checked.error().kind == ErrorClass::interrupted) return failure(checked.error());
    return false;
  }

  Status build(Progress& progress) {
    if (Status written = write_prom_fake_context(world_); !written) return written;
    progress.now("image", "the registry builds " + names_.image);
    Result<std::string> built =
        run_az(world_, AzLine::build, names_, "The registry could not build prom-fake's image",
               [&](std::string_view line) { progress.line("image", std::string(line)); });
    if (!built) return failure(built.error());
    return {};
  }

  Status grant(Progress& progress) {
    progress.now("image", "giving the cluster the right to pull from " + names_.registry);
    AzLine line = has_service_principal(cluster_) ? AzLine::assign : AzLine::attach;
    Result<std::string> granted =
        run_az(world_, line, names_, "Cannot give the cluster the right to pull from the registry");
    if (!granted) return failure(granted.error());
    return {};
  }

  Status remove_from(const RegistryNote& note, Progress& progress) {
    AzureNames names = names_;
    names.registry = note.name;
    names.registry_id = note.id;
    names.subscription = note.subscription;
    names.group = note.group;
    names.cluster = note.cluster;
    names.assignee = note.assignee;
    std::vector<std::pair<AzLine, std::string>> lines;
    for (const std::string& image : note.images) lines.emplace_back(AzLine::delete_image, image);
    if (note.right == "attached") lines.emplace_back(AzLine::detach, "");
    if (note.right == "assigned") lines.emplace_back(AzLine::unassign, "");
    for (const auto& [line, image] : lines) {
      names.image = image;
      progress.now("registry", line == AzLine::delete_image ? "deleting image " + image
                                                            : "taking back the right to pull");
      Result<std::string> done = run_az(world_, line, names, "Cannot remove what hpawalk made in Azure");
      if (!done && !is_not_found(done.error())) return failure(done.error());
    }
    return {};
  }

  Precondition registry_right();
  std::optional<Precondition> address_quota();

  World& world_;
  const Config& config_;
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
  Result<Json> account =
      asked(world_, AzLine::account, names_, "Cannot tell which Azure subscription is meant");
  if (!account) {
    findings.push_back(broken("az login", account.error()));
    return findings;
  }
  findings.push_back({"az login", Mark::ok,
                      fmt::format("{} on subscription {} ({})", text_of(*account, "/user/name"),
                                  text_of(*account, "/name"), text_of(*account, "/id"))});
  Result<Json> registry = Json();
  bool with_registry = config_.text("prom-fake.image").empty();
  Workers workers;
  workers.start([&] {
    if (with_registry)
      registry =
          asked(world_, AzLine::registry, names_, "Cannot find the container registry " + names_.registry);
  });
  Result<Json> cluster = asked(world_, AzLine::cluster, names_, "Cannot find " + name());
  if (Status done = workers.join(); !done) registry = failure(done.error());
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
  if (!runs || !registry) return findings;
  learn(*cluster, *registry);
  if (with_registry) {
    findings.push_back(
        {"registry", Mark::ok, fmt::format("{} ({})", names_.login_server, text_of(registry_, "/sku/name"))});
    findings.push_back(registry_right());
  }
  if (config_.text("prom-fake.service-type") == "LoadBalancer") {
    if (std::optional<Precondition> quota = address_quota()) findings.push_back(*quota);
  }
  return findings;
}

Precondition AksTarget::registry_right() {
  Result<Json> assignments =
      asked(world_, AzLine::rights, names_, "Cannot read what the cluster may do on the registry");
  if (!assignments) {
    return {"pull", Mark::note, assignments.error().what + ": " + assignments.error().because,
            "hpawalk up asks by a pod: " + text::shell_quote(az_line(AzLine::check_pull, names_))};
  }
  if (const Json* role = pulling_role(*assignments)) {
    return {"pull", Mark::ok,
            "the cluster may pull from the registry: role " + text_of(*role, "/roleDefinitionName")};
  }
  return {"pull", Mark::note, "the cluster may not pull from the registry yet",
          "hpawalk up grants it, if this login may: " +
              text::shell_quote(
                  az_line(has_service_principal(cluster_) ? AzLine::assign : AzLine::attach, names_))};
}

// Each load balancer's address counts against a quota of its region.
std::optional<Precondition> AksTarget::address_quota() {
  Result<Json> usages = asked(world_, AzLine::quota, names_, "Cannot read the quota of public addresses");
  if (!usages)
    return Precondition{"addresses", Mark::note, usages.error().what + ": " + usages.error().because, {}};
  for (const Json& usage : *usages) {
    if (text_of(usage, "/name/value") != "PublicIPAddresses") continue;
    auto number = [&](const char* field) {
      std::string text = text_at(usage, field);  // a number, or one as a text
      long long value = -1;
      auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
      return bad == std::errc() && end == text.data() + text.size() ? value : -1;
    };
    long long used = number("currentValue"), limit = number("limit");
    if (used < 0 || limit < 0) return Precondition{"addresses", Mark::note, "Azure's answer on the quota of public addresses is not understood", {}};
    std::string evidence =
        fmt::format("{} of {} public addresses in {} are used", used, limit, names_.location);
    if (used < limit) return Precondition{"addresses", Mark::ok, evidence, {}};
    return Precondition{
        "addresses", Mark::note, evidence + ": prom-fake's load balancer will get none",
        "Everything works through the API server as well; --prom-fake-service-type ClusterIP asks for none"};
  }
  return std::nullopt;
}

}  // namespace

std::unique_ptr<ClusterTarget> make_aks_target(World& world, const Config& config) {
  return std::make_unique<AksTarget>(world, config);
}

}  // namespace hpawalk
