#include <algorithm>
#include <set>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/text.hpp"
#include "cluster/azure.hpp"
#include "cluster/made_note.hpp"
#include "cluster/target.hpp"
#include "steps/plan.hpp"
#include "tests/fakes/fake_kube_api.hpp"
#include "tests/fakes/fakes.hpp"
#include "tests/fakes/golden.hpp"

using namespace hpawalk;
using namespace hpawalk::world;
using namespace hpawalk::config;
using namespace hpawalk::cluster;
using namespace hpawalk::steps;

namespace {

Config configured(const std::string& file, const std::map<std::string, std::string>& environment = {}) {
  auto config = Config::from({"hpawalk.yaml", file, environment, {}});
  REQUIRE_MESSAGE(config, (config ? "" : config.error().because));
  return *config;
}

const std::map<std::string, std::string> walkthrough = {{"AKS_RESOURCE_GROUP", "walk"},
                                                        {"AKS_CLUSTER_NAME", "walkcluster"},
                                                        {"ACR_RESOURCE_GROUP", "walkacr"},
                                                        {"ACR_NAME", "walkregistry"}};

struct Silence final : Progress {
  void started(const std::string&) override {}
  void now(const std::string&, const std::string&) override {}
  void done(const std::string&, const std::string&) override {}
  void failed(const std::string&, const std::string&) override {}
} silence;

const std::string az_end = " --output json";
const std::string registry_id =
    "/subscriptions/s/resourceGroups/walkacr/providers/Microsoft.ContainerRegistry/registries/walkregistry";
const std::string kubeconfig = "/home/user/.local/state/hpawalk/access/aks-walk-walkcluster.kubeconfig";
const std::string rights =
    "az role assignment list --assignee kubelet --scope " + registry_id + " --include-inherited" + az_end;
const std::string image_show = "az acr repository show --name walkregistry --image prom-fake:0.1.0" + az_end;

// What the real az prints, cut down to what is read.
void answer_as_azure(fakes::FakeWorld& world, const std::string& cluster_more = "",
                     const std::string& service_principal = "msi", const std::string& mode = "") {
  world.processes.programs = {"az", "kubectl"};
  world.processes.expect(
      "az account show" + az_end,
      {0, R"({"id": "s", "name": "Walkthrough", "user": {"name": "me@example.com"}})", ""});
  world.processes.expect(
      "az aks show --resource-group walk --name walkcluster" + az_end,
      {0,
       R"({"location": "westeurope", "kubernetesVersion": "1.34", "powerState": {"code": "Running"},
                                 "provisioningState": "Succeeded", "servicePrincipalProfile": {"clientId": ")" +
           service_principal + R"("},
                                 "identityProfile": {"kubeletidentity": {"objectId": "kubelet"}})" +
           cluster_more + "}",
       ""});
  world.processes.expect(
      "az acr show --name walkregistry" + az_end + " --resource-group walkacr",
      {0,
       R"({"id": ")" + registry_id +
           R"(", "loginServer": "walkregistry-x1.azurecr.io", "roleAssignmentMode": ")" + mode + R"("})",
       ""});
  world.processes.expect("az aks get-credentials --resource-group walk --name walkcluster --file " +
                         kubeconfig + " --context walkcluster --overwrite-existing");
  world.files.content[kubeconfig] = "kind: Config\n";
}

const std::string note_path = "/api/v1/namespaces/kube-system/configmaps/hpawalk-made";
const std::string kubectl = "kubectl --kubeconfig=" + kubeconfig + " --context=walkcluster ";
const std::string write_note_line =
    kubectl + "apply --server-side --field-manager=hpawalk --force-conflicts -f -";
const std::string build_line =
    "az acr build --registry walkregistry --image prom-fake:0.1.0 --output none --resource-group walkacr "
    "/home/user/.cache/hpawalk/prom-fake-0.1.0";
const std::string attach_line =
    "az aks update --resource-group walk --name walkcluster --attach-acr walkregistry --output none";
const std::string abac = "AbacRepositoryPermissions";
const std::string caller_rights = "az role assignment list --assignee me@example.com --scope " + registry_id +
                                  " --include-inherited --include-groups" + az_end;
const std::string offer =
    "az rest --method get --url '/subscriptions/{subscriptionId}?api-version=2022-12-01'" + az_end;
const Outcome no_such_image{1, "", "ERROR: Error: the specified tag does not exist.\n"};

// The walkthrough's AKS cluster, found and ready for what comes after.
struct EnsuredAks {
  fakes::FakeWorld world;
  fakes::FakeKubeApi api;
  Config config = configured("cluster: aks\n", walkthrough);
  std::unique_ptr<ClusterTarget> target;

  explicit EnsuredAks(const std::string& service_principal = "msi", const std::string& mode = "") {
    answer_as_azure(world, "", service_principal, mode);
    api.absent(note_path);
    target = make_target(world.world, config);
    REQUIRE(target->ensure(silence));
  }
};

}  // namespace

TEST_CASE("The plan for AKS is the walkthrough's commands in today's form") {
  fakes::FakeWorld world;  // strict: nothing is run for a plan
  Config config = configured("cluster: aks\n", walkthrough);
  auto target = make_target(world.world, config);
  TargetPlan cluster = target->plan();
  std::string text;
  for (const PlannedCommand& command : cluster.cluster)
    text += "# " + command.note + "\n" + command.command + "\n";
  text += to_text(plan(config, cluster.access, {.only = {"image"}}, "/cache/chart").value());
  CHECK(fakes::golden_difference("plan-aks.txt", text) == "");
  std::string rest = to_text(plan(config, cluster.access, {}, "/cache/chart").value());
  CHECK(rest.find("image: walkregistry.azurecr.io/prom-fake:0.1.0") != std::string::npos);
}

TEST_CASE("AKS needs its names, from the walkthrough's variables, hpawalk's own, flags or the file") {
  auto mistakes = [](std::map<std::string, std::string> environment) {
    auto config = Config::from({"hpawalk.yaml", "cluster: aks\n", std::move(environment), {}});
    return config ? std::string() : config.error().because;
  };
  CHECK(mistakes(walkthrough) == "");
  std::string all = mistakes({});
  CHECK(all.find("`cluster: aks` requires aks.resource-group: --aks-resource-group or $AKS_RESOURCE_GROUP") !=
        std::string::npos);
  CHECK(all.find("$ACR_NAME") != std::string::npos);
  CHECK(all.find("ACR_RESOURCE_GROUP") == std::string::npos);  // az finds it
  auto both = walkthrough;
  both["HPAWALK_AKS_CLUSTER_NAME"] = "mine";
  CHECK(configured("cluster: aks\n", both).text("aks.cluster-name") == "mine");
  both["ACR_NAME"] = "walkregistry.azurecr.io";
  CHECK(mistakes(both).find("must be only the registry's name") != std::string::npos);
  both["ACR_NAME"] = "--help";
  CHECK(mistakes(both) != "");
  CHECK(configured("", walkthrough).text("cluster") == "local");  // the names alone choose nothing
  CHECK(mistakes({{"AKS_RESOURCE_GROUP", "a"},
                  {"AKS_CLUSTER_NAME", "b"},
                  {"HPAWALK_PROM_FAKE_IMAGE", "r.example.com/f:1"}}) == "");
}

TEST_CASE(
    "A context belongs to no made cluster, and a made cluster's name is not one that its tool would choose") {
  CHECK(configured("cluster: kind\n").text("cluster-name") == "hpawalk");
  CHECK(configured("cluster: local\n").text("cluster-name") == "local");
  CHECK(configured("cluster: k3d\ncluster-name: mine\n").text("cluster-name") == "mine");
  CHECK_FALSE(Config::from({"", "", {}, {{"cluster", "kind"}, {"context", "prod"}}}));
  CHECK_FALSE(Config::from({"", "", {}, {{"cluster", "minikube"}, {"kubeconfig", "x"}}}));
}

TEST_CASE("No two lines of az are alike, and the subscription that was asked for is in all but the version") {
  AzureNames names{.subscription = "mine",
                   .group = "g",
                   .cluster = "c",
                   .registry_group = "r",
                   .registry = "reg",
                   .image = "i:1",
                   .kubeconfig = "k",
                   .context = "c",
                   .build_folder = "f",
                   .assignee = "a",
                   .registry_id = "/id",
                   .login_server = "l",
                   .location = "x",
                   .caller = "me"};
  std::set<std::string> all;
  for (int i = 0; i < static_cast<int>(AzLine::count); ++i) {
    std::vector<std::string> argv = az_line(static_cast<AzLine>(i), names);
    std::string line = text::shell_quote(argv);
    CAPTURE(line);
    CHECK(argv.size() > 2);
    CHECK(std::find(argv.begin(), argv.end(), "") == argv.end());
    CHECK(all.insert(line).second);
    CHECK((line.find("--subscription mine") != std::string::npos) ==
          (static_cast<AzLine>(i) != AzLine::version));
  }
}

TEST_CASE(
    "up on AKS asks once for everything, builds the image, grants the right, and notes both before it does "
    "either") {
  fakes::FakeWorld world;
  answer_as_azure(world);
  Config config = configured("cluster: aks\n", walkthrough);
  auto target = make_target(world.world, config);
  auto access = target->ensure(silence);
  REQUIRE_MESSAGE(access, (access ? "" : access.error().what + access.error().because));
  CHECK(access->kube.kubeconfig == kubeconfig);
  CHECK(access->kube.context == "walkcluster");
  CHECK(access->registry == "walkregistry-x1.azurecr.io");

  fakes::FakeKubeApi api;
  api.absent(note_path);
  world.processes.expect(image_show, no_such_image);
  world.processes.expect(rights, {0, "[]", ""});
  world.processes.expect(write_note_line);
  world.processes.expect(build_line);
  world.processes.expect(attach_line);
  CHECK(target->load_image(api, "walkregistry-x1.azurecr.io/prom-fake:0.1.0", silence));
  const Command* note = nullptr;
  for (const Command& call : world.processes.calls) {
    std::string line = text::shell_quote(call.argv);
    if (line == write_note_line) note = &call;
    if (line == build_line || line == attach_line) CHECK(note != nullptr);
  }
  REQUIRE(note != nullptr);
  CHECK(note->input.find("attached") != std::string::npos);
  CHECK(world.files.content.contains("/home/user/.cache/hpawalk/prom-fake-0.1.0/Dockerfile"));
  CHECK(world.files.content.contains("/home/user/.cache/hpawalk/prom-fake-0.1.0/main.cpp"));
}

TEST_CASE("What is there already is used: neither image nor right are made, and nothing is noted") {
  EnsuredAks aks;
  aks.world.processes.expect(image_show, {0, "{}", ""});
  aks.world.processes.expect(rights,
                             {0, R"([{"roleDefinitionName": "AcrPull", "principalId": "kubelet"}])", ""});
  CHECK(aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence));
}

TEST_CASE("An older cluster gets a role assignment for its service principal") {
  EnsuredAks aks("client");
  aks.world.processes.expect(image_show, {0, "{}", ""});
  aks.world.processes.expect(
      "az role assignment list --assignee client --scope " + registry_id + " --include-inherited" + az_end,
      {0, "[]", ""});
  aks.world.processes.expect(write_note_line);
  aks.world.processes.expect("az role assignment create --assignee client --role acrpull --scope " +
                             registry_id + " --output none");
  CHECK(aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence));
  CHECK(aks.world.processes.calls.back().argv[2] == "assignment");
}

TEST_CASE(
    "With ABAC repository permissions, the build pushes as the caller, and any identity gets the Reader "
    "role") {
  for (const auto& [principal, assignee] : {std::pair("msi", "kubelet"), std::pair("client", "client")}) {
    EnsuredAks aks(principal, abac);
    aks.world.processes.expect(image_show, no_such_image);
    // AcrPull is not honored there.
    aks.world.processes.expect(
        fmt::format("az role assignment list --assignee {} --scope {} --include-inherited{}", assignee,
                    registry_id, az_end),
        {0, R"([{"roleDefinitionName": "AcrPull"}])", ""});
    aks.world.processes.expect(write_note_line);
    aks.world.processes.expect(
        "az acr build --registry walkregistry --image prom-fake:0.1.0 --output none --source-acr-auth-id "
        "'[caller]' --resource-group walkacr /home/user/.cache/hpawalk/prom-fake-0.1.0");
    aks.world.processes.expect(
        fmt::format("az role assignment create --assignee {} --role 'Container Registry Repository Reader' "
                    "--scope {} --output none",
                    assignee, registry_id));
    CHECK(aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence));
    CHECK(std::any_of(aks.world.processes.calls.begin(), aks.world.processes.calls.end(),
                      [](const Command& call) { return call.input.find("reader") != std::string::npos; }));
  }
}

TEST_CASE("With ABAC repository permissions, each role that includes pulling counts as one that is there") {
  for (const char* role : {"Reader", "Writer", "Contributor"}) {
    EnsuredAks aks("msi", abac);
    aks.world.processes.expect(image_show, {0, "{}", ""});
    aks.world.processes.expect(
        rights,
        {0, fmt::format(R"([{{"roleDefinitionName": "Container Registry Repository {}"}}])", role), ""});
    CHECK(aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence));
  }
}

TEST_CASE("A build with ABAC repository permissions that fails is told with the role that it needs") {
  EnsuredAks aks("msi", abac);
  aks.world.processes.expect(image_show, no_such_image);
  aks.world.processes.expect(rights,
                             {0, R"([{"roleDefinitionName": "Container Registry Repository Reader"}])", ""});
  aks.world.processes.expect(write_note_line);
  aks.world.processes.expect(
      "az acr build --registry walkregistry --image prom-fake:0.1.0 --output none --source-acr-auth-id "
      "'[caller]' "
      "--resource-group walkacr /home/user/.cache/hpawalk/prom-fake-0.1.0",
      {1, "", "ERROR: Run failed\n"});
  Status loaded = aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence);
  CHECK(loaded.error().hint.find("Container Registry Repository Writer") != std::string::npos);
}

TEST_CASE(
    "An image with ABAC repository permissions that may not be deleted is told with the role that it needs") {
  fakes::FakeWorld world;
  AzureNames names{.registry = "reg", .image = "i:1", .abac = true};
  world.processes.expect(text::shell_quote(az_line(AzLine::delete_image, names)),
                         {1, "", "ERROR: (403) Forbidden\n"});
  Error error = run_az(world.world, AzLine::delete_image, names, "Cannot").error();
  CHECK(error.id == "az-forbidden");
  CHECK(error.hint.find("needs the role Container Registry Repository Contributor on") != std::string::npos);
}

TEST_CASE("A registry whose tasks are paused is told with the ways to bring the image all the same") {
  EnsuredAks aks;
  aks.world.processes.expect(image_show, no_such_image);
  aks.world.processes.expect(rights, {0, R"([{"roleDefinitionName": "AcrPull"}])", ""});
  aks.world.processes.expect(write_note_line);
  aks.world.processes.expect(build_line, {1, "",
                                          "ERROR: (TasksOperationsNotAllowed) ACR Tasks requests for the "
                                          "registry walkregistry and s are not permitted.\n"});
  Status loaded = aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence);
  CHECK(loaded.error().id == "az-tasks-paused");
  for (const char* part :
       {"az acr login --name walkregistry && docker build --platform linux/amd64 --tag "
        "walkregistry-x1.azurecr.io/prom-fake:0.1.0 /home/user/.cache/hpawalk/prom-fake-0.1.0 && docker push "
        "walkregistry-x1.azurecr.io/prom-fake:0.1.0",
        "az acr import --name walkregistry --source REGISTRY/prom-fake:0.1.0 --image prom-fake:0.1.0",
        "--prom-fake-image REF"})
    CHECK_MESSAGE(loaded.error().hint.find(part) != std::string::npos, loaded.error().hint);
}

namespace {

// What doctor finds under this name, in a registry of this mode.
Precondition looked(const std::string& name, const std::string& mode, const std::string& cluster_roles,
                    const std::string& own_roles, const std::string& limit = "Off",
                    const std::string& user = "me@example.com", const std::string& more = "",
                    const std::string& cluster_more = "") {
  fakes::FakeWorld world;
  world.processes.programs = {"az"};
  world.processes.allow("az version" + az_end, {0, R"({"azure-cli": "2.91.0"})", ""});
  world.processes.allow("az account show" + az_end,
                        {0, R"({"id": "s", "name": "n", "user": {"name": ")" + user + R"("}})", ""});
  world.processes.allow(
      "az aks show --resource-group walk --name walkcluster" + az_end,
      {0,
       R"({"location": "westeurope", "identityProfile": {"kubeletidentity": {"objectId": "kubelet"}})" +
           cluster_more + "}",
       ""});
  world.processes.allow(
      "az acr show --name walkregistry" + az_end + " --resource-group walkacr",
      {0,
       R"({"id": ")" + registry_id +
           R"(", "loginServer": "w.azurecr.io", "sku": {"name": "Basic"}, "roleAssignmentMode": ")" + mode +
           R"("})",
       ""});
  world.processes.allow(rights, {0, cluster_roles, ""});
  world.processes.allow(caller_rights, {0, own_roles, ""});
  world.processes.allow(offer, {0, R"({"subscriptionPolicies": {"spendingLimit": ")" + limit + R"("}})", ""});
  world.processes.allow(
      "az network list-usages --location westeurope" + az_end,
      {0, R"([{"name": {"value": "PublicIPAddresses"}, "currentValue": "1", "limit": "20"}])", ""});
  Config config = configured("cluster: aks\n" + more, walkthrough);
  Precondition last;
  for (const Precondition& found : make_target(world.world, config)->look()) {
    if (found.name == name) last = found;
  }
  return last;
}

std::string role(const std::string& name, const std::string& condition = "") {
  return Json{{{"roleDefinitionName", name}, {"condition", condition}}}.dump();
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("doctor says the registry's mode in the words of the portal") {
  CHECK(
      looked("registry", abac, "[]", "[]").evidence ==
      "w.azurecr.io (Basic), role assignment permissions mode: RBAC Registry + ABAC Repository Permissions");
  CHECK(looked("registry", "LegacyRegistryPermissions", "[]", "[]").evidence ==
        "w.azurecr.io (Basic), role assignment permissions mode: RBAC Registry Permissions");
}

TEST_CASE("doctor says whether AKS has the KEDA add-on, with the line that enables it, and only for KEDA") {
  auto addon = [](const std::string& metrics, const std::string& cluster) {
    return looked("KEDA add-on", "", "[]", "[]", "Off", "me@example.com", "metrics: " + metrics + "\n",
                  cluster);
  };
  const std::string
      on = R"(, "workloadAutoScalerProfile": {"keda": {"enabled": true}})",
      identity =
          R"(, "securityProfile": {"workloadIdentity": {"enabled": true}}, "oidcIssuerProfile": {"enabled": true})";
  CHECK(addon("adapter", on).evidence == "");
  CHECK(addon("keda", on).evidence ==
        "the KEDA add-on is on, in namespace kube-system; workload identity is off");
  CHECK(addon("keda", on + identity).evidence ==
        "the KEDA add-on is on, in namespace kube-system; workload identity is on");
  Precondition off = addon("keda", identity);
  CHECK(off.mark == Mark::note);
  CHECK(off.evidence == "the KEDA add-on is off");
  CHECK(contains(off.hint, "az aks update --resource-group walk --name walkcluster --enable-keda"));
}

TEST_CASE("up on AKS knows of the KEDA add-on, and its plan changes none") {
  fakes::FakeWorld world;
  answer_as_azure(world, R"(, "workloadAutoScalerProfile": {"keda": {"enabled": true}})");
  Config config = configured("cluster: aks\nmetrics: keda\n", walkthrough);
  auto target = make_target(world.world, config);
  Result<ClusterAccess> access = target->ensure(silence);
  REQUIRE(access);
  CHECK(access->keda_addon);
  for (const PlannedCommand& planned : target->plan().cluster) {
    bool keda = planned.command.find("--enable-keda") != std::string::npos;
    if (keda) CHECK(planned.command.starts_with("# az aks update "));
  }
  CHECK_FALSE(EnsuredAks().target->find()->keda_addon);
}

TEST_CASE("doctor counts the cluster's roles as the registry's mode does") {
  CHECK(looked("pull", "", role("AcrPull"), "[]").mark == Mark::ok);
  Precondition ignored = looked("pull", abac, role("AcrPull"), "[]");
  CHECK(ignored.mark == Mark::note);
  CHECK(contains(ignored.evidence, "its role AcrPull does not include that in this mode"));
  CHECK(contains(ignored.hint, "--role 'Container Registry Repository Reader'"));
  CHECK(looked("pull", abac, role("Container Registry Repository Writer"), "[]").mark == Mark::ok);
  Precondition conditional =
      looked("pull", abac, role("Container Registry Repository Reader", "name is x"), "[]");
  CHECK(conditional.mark == Mark::note);
  CHECK(contains(conditional.hint, "name is x"));
  CHECK_FALSE(contains(
      looked("roles", abac, role("Container Registry Repository Reader", "name is x"), "[]").evidence,
      "to grant"));
}

TEST_CASE("doctor says what the login lacks before up needs it") {
  const std::string reader = role("Container Registry Repository Reader");
  Precondition owner = looked("roles", "", "[]", role("Owner"));
  CHECK(owner.mark == Mark::ok);
  CHECK(owner.evidence == "me@example.com has Owner on the registry");
  // An Owner may manage a registry with ABAC repository permissions, and not push to it.
  Precondition in_abac = looked("roles", abac, reader, role("Owner"));
  CHECK(in_abac.mark == Mark::note);
  CHECK(contains(
      in_abac.evidence,
      "missing: Container Registry Repository Writer or Container Registry Repository Contributor to "
      "push the image"));
  CHECK_FALSE(contains(in_abac.evidence, "to grant"));
  CHECK(contains(in_abac.hint, "az role assignment create --assignee me@example.com --scope " + registry_id));
  Json both = {{{"roleDefinitionName", "Container Registry Tasks Contributor"}},
               {{"roleDefinitionName", "Container Registry Repository Contributor"}}};
  CHECK(looked("roles", abac, reader, both.dump()).mark == Mark::ok);
  Precondition cannot_grant = looked("roles", abac, "[]", both.dump());
  CHECK(contains(
      cannot_grant.evidence,
      "missing: Role Based Access Control Administrator, User Access Administrator or Owner to grant "
      "the cluster the permission to pull"));
  CHECK(contains(looked("roles", "", "[]", "[]").evidence, "me@example.com has no role on the registry"));
  CHECK(looked("roles", "", "[]", "[]", "Off", "systemAssignedIdentity").mark == Mark::note);
}

TEST_CASE("doctor says that a subscription with free credits may build nothing, and the ways out") {
  CHECK(looked("tasks", "", "[]", "[]").name.empty());
  Precondition paused = looked("tasks", "", "[]", "[]", "On");
  CHECK(paused.mark == Mark::note);
  CHECK(contains(paused.hint, "az acr import"));
}

TEST_CASE("doctor says whether prom-fake's load balancer is of the internet") {
  const std::string balanced = "prom-fake: {service-type: LoadBalancer, source-ranges: [192.0.2.0/24]";
  Precondition open = looked("addresses", "", "[]", "[]", "Off", "me@example.com", balanced + "}\n");
  CHECK(open.mark == Mark::note);
  CHECK(contains(open.evidence, "gets a public one"));
  CHECK(contains(open.hint, "azure-load-balancer-internal"));
  Precondition inside = looked(
      "addresses", "", "[]", "[]", "Off", "me@example.com",
      balanced +
          ", service-annotations: {service.beta.kubernetes.io/azure-load-balancer-internal: \"true\"}}\n");
  CHECK(inside.mark == Mark::ok);
}

TEST_CASE("Where the assignments may not be read, a pod in the cluster is asked") {
  EnsuredAks aks;
  aks.world.processes.expect(image_show, {0, "{}", ""});
  aks.world.processes.expect(
      rights, {1, "", "ERROR: (AuthorizationFailed) The client does not have authorization\n"});
  aks.world.processes.expect(
      "az aks check-acr --resource-group walk --name walkcluster --acr walkregistry-x1.azurecr.io",
      {0, "Your cluster can pull images from walkregistry-x1.azurecr.io!\n", ""});
  CHECK(aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence));
}

TEST_CASE("A right that could not be granted is not claimed, and the error says who can grant it") {
  EnsuredAks aks;
  aks.world.processes.expect(image_show, no_such_image);
  aks.world.processes.expect(rights, {0, "[]", ""});
  aks.world.processes.expect(write_note_line);
  aks.world.processes.expect(write_note_line);
  aks.world.processes.expect(build_line);
  aks.world.processes.expect(
      attach_line,
      {1, "", "ERROR: Could not create a role assignment for ACR. Are you an Owner on this subscription?\n"});
  Status loaded = aks.target->load_image(aks.api, "x/prom-fake:0.1.0", silence);
  CHECK(loaded.error().id == "az-forbidden");
  CHECK(loaded.error().hint.find("Owner or User Access Administrator") != std::string::npos);
  CHECK(loaded.error().command == attach_line);
  CHECK(aks.world.processes.calls.back().input.find("attached") == std::string::npos);
  CHECK(aks.world.processes.calls.back().input.find("prom-fake:0.1.0") != std::string::npos);
}

namespace {

// `down` on AKS with this note, in a subscription s that has the registry and the cluster of the
// configuration.
Result<Leftovers> cleaned_up(fakes::FakeWorld& world, const std::string& note) {
  world.files.content[kubeconfig] = "kind: Config\n";
  world.processes.programs.insert("az");
  world.processes.allow("az account show" + az_end, {0, R"({"id": "s", "name": "n"})", ""});
  world.processes.allow("az aks show --resource-group walk --name walkcluster" + az_end,
                        {0, R"({"identityProfile": {"kubeletidentity": {"objectId": "kubelet"}}})", ""});
  world.processes.allow("az acr show --name walkregistry" + az_end + " --resource-group walkacr",
                        {0, R"({"id": "/id"})", ""});
  world.processes.allow("az acr show --name walkregistry" + az_end, {0, R"({"id": "/id"})", ""});
  Config config = configured("cluster: aks\n", walkthrough);
  auto target = make_target(world.world, config);
  fakes::FakeKubeApi api;
  api.get(note_path, {{"data", {{"registry.walkregistry", note}}}});
  return target->clean_up(api, silence);
}

}  // namespace

TEST_CASE("down on AKS removes what both the note and the configuration name, and then the note") {
  fakes::FakeWorld world;
  world.processes.expect(
      "az acr repository delete --name walkregistry --image prom-fake:0.1.0 --yes --subscription s");
  world.processes.expect(
      "az aks update --resource-group walk --name walkcluster --detach-acr walkregistry --output none "
      "--subscription s");
  world.processes.expect(kubectl +
                         "delete configmap hpawalk-made --namespace=kube-system --ignore-not-found");
  auto cleaned =
      cleaned_up(world, R"({"name": "walkregistry", "id": "/ID", "subscription": "s", "group": "walk",
      "cluster": "walkcluster", "images": ["prom-fake:0.1.0"], "right": "attached", "assignee": "kubelet"})");
  REQUIRE(cleaned);
  CHECK(cleaned->removed.size() == 2);
  CHECK(cleaned->left.empty());
}

TEST_CASE("down on AKS takes back the Reader role of a registry with ABAC repository permissions") {
  fakes::FakeWorld world;
  world.processes.expect(
      "az role assignment delete --assignee kubelet --role 'Container Registry Repository Reader' --scope "
      "/id "
      "--subscription s");
  world.processes.expect(kubectl +
                         "delete configmap hpawalk-made --namespace=kube-system --ignore-not-found");
  auto cleaned =
      cleaned_up(world, R"({"name": "walkregistry", "id": "/id", "subscription": "s", "group": "walk",
      "cluster": "walkcluster", "images": [], "right": "reader", "assignee": "kubelet"})");
  REQUIRE(cleaned);
  CHECK(cleaned->removed ==
        std::vector<std::string>{
            "role assignment Container Registry Repository Reader of kubelet on registry walkregistry"});
  // Of another identity, the note alone is no reason to remove anything.
  fakes::FakeWorld other;
  auto left = cleaned_up(other, R"({"name": "walkregistry", "id": "/id", "subscription": "s", "group": "walk",
      "cluster": "walkcluster", "images": [], "right": "reader", "assignee": "somebody"})");
  REQUIRE(left->left.size() == 1);
  CHECK(left->left[0].find("--role 'Container Registry Repository Reader'") != std::string::npos);
}

TEST_CASE("What the note names and the configuration does not is left alone, with the command") {
  fakes::FakeWorld world;  // knows no az that changes anything: any would end the test
  for (const char* changed : {R"("name": "production")", R"("id": "/other")", R"("subscription": "t")",
                              R"("group": "x")", R"("cluster": "y")"}) {
    CAPTURE(changed);
    // Of two fields of one name the later one holds.
    auto cleaned = cleaned_up(
        world, std::string(R"({"name": "walkregistry", "id": "/id", "subscription": "s", "group": "walk",
        "cluster": "walkcluster", "images": ["prom-fake:0.1.0"], "right": "assigned", "assignee": "kubelet", )") +
                   changed + "}");
    REQUIRE(cleaned);
    CHECK(cleaned->removed.empty());
    CHECK(cleaned->left.size() == 2);
  }
  auto images =
      cleaned_up(world, R"({"name": "walkregistry", "id": "/id", "subscription": "s", "group": "walk",
      "cluster": "walkcluster", "images": ["shop:1", "prom-fake:0.0.9"], "right": "assigned", "assignee": "somebody"})");
  REQUIRE(images);
  CHECK(images->removed.empty());
  REQUIRE(images->left.size() == 3);
  CHECK(images->left[0] ==
        "image shop:1 in registry walkregistry: the cluster's record names it, but this configuration and "
        "this version of hpawalk do not; if it is yours: az acr repository delete --name walkregistry "
        "--image shop:1 --subscription s");
  CHECK(images->left[2].find("az role assignment delete --assignee somebody") != std::string::npos);
}

TEST_CASE("down on AKS without a note asks az nothing") {
  fakes::FakeWorld world;
  Config config = configured("cluster: aks\n", walkthrough);
  fakes::FakeKubeApi api;
  api.absent(note_path);
  CHECK(make_target(world.world, config)->clean_up(api, silence)->removed.empty());
}

TEST_CASE("A kubeconfig that cannot be used is an error, and not the same as one without a current context") {
  auto found = [](const std::string& said) {
    fakes::FakeWorld world;
    world.processes.expect("kubectl config current-context", {1, "", said});
    Config config = configured("cluster: current\n");
    return make_target(world.world, config)->find().error();
  };
  Error broken = found(
      "error: error loading config file \"/home/user/.kube/config\": yaml: line 1: did not find expected ',' "
      "or ']'\n");
  CHECK(broken.id == "kubeconfig");
  CHECK(broken.kind == ErrorClass::environment);
  CHECK(found("error: current-context is not set\n").id == "no-context");
}

TEST_CASE("az's quota in words that are no numbers is a note, and stops nothing") {
  for (const char* limit : {"\"many\"", "\"99999999999999999999\"", "null", "[1]", "\"\""}) {
    CAPTURE(limit);
    fakes::FakeWorld world;
    world.processes.programs = {"az"};
    world.processes.allow("az account show" + az_end, {0, R"({"id": "s", "name": "n"})", ""});
    world.processes.allow(
        "az aks show --resource-group walk --name walkcluster" + az_end,
        {0, R"({"location": "westeurope", "identityProfile": {"kubeletidentity": {"objectId": "kubelet"}}})",
         ""});
    world.processes.allow("az acr show --name walkregistry" + az_end + " --resource-group walkacr",
                          {0, R"({"id": ")" + registry_id + R"("})", ""});
    world.processes.allow("az version" + az_end, {0, R"({"azure-cli": "2.91.0"})", ""});
    world.processes.allow(rights, {0, R"([{"roleDefinitionName": "AcrPull"}])", ""});
    world.processes.allow(offer, {0, "{}", ""});
    world.processes.allow(
        "az network list-usages --location westeurope" + az_end,
        {0,
         std::string(R"([{"name": {"value": "PublicIPAddresses"}, "currentValue": "1", "limit": )") + limit +
             "}]",
         ""});
    Config config =
        configured("cluster: aks\nprom-fake: {service-type: LoadBalancer, source-ranges: [192.0.2.0/24]}\n",
                   walkthrough);
    std::vector<Precondition> findings = make_target(world.world, config)->look();
    REQUIRE_FALSE(findings.empty());
    CHECK(findings.back().name == "addresses");
    CHECK(findings.back().mark == Mark::note);
  }
}

TEST_CASE("A context that is somebody's AKS cluster is told what hpawalk made in Azure, and touches it not") {
  fakes::FakeWorld world;
  Config config = configured("context: walkcluster\n");
  fakes::FakeKubeApi api;
  api.get(
      note_path,
      {{"data", {{"registry.walkregistry", R"({"name": "walkregistry", "images": ["prom-fake:0.1.0"]})"}}}});
  auto cleaned = make_target(world.world, config)->clean_up(api, silence);
  CHECK(cleaned->left ==
        std::vector<std::string>{
            "image prom-fake:0.1.0 in registry walkregistry: hpawalk down --cluster aks removes it"});
}

TEST_CASE("az's refusals are told as what they mean") {
  auto error = [](AzLine line, int code, const std::string& said) {
    fakes::FakeWorld world;
    AzureNames names{.group = "g", .cluster = "c", .registry = "reg", .registry_id = "/id"};
    world.processes.expect(text::shell_quote(az_line(line, names)), {code, "", said});
    return run_az(world.world, line, names, "Cannot").error();
  };
  CHECK(error(AzLine::account, 1, "ERROR: Please run 'az login' to setup account.").id == "az-login");
  CHECK(error(AzLine::cluster, 1, "AADSTS700082: The refresh token has expired").id == "az-login");
  CHECK(error(AzLine::cluster, 3, "ERROR: (ResourceNotFound) The Resource ... was not found.").id ==
        "no-aks-cluster");
  CHECK(error(AzLine::registry, 3,
              "ERROR: The resource with name 'reg' and type 'Microsoft.ContainerRegistry/registries' could "
              "not be found")
            .id == "no-registry");
  CHECK(error(AzLine::attach, 2, "ERROR: unrecognized arguments: --attach-acr").id == "az-too-old");
  CHECK(
      error(AzLine::rights, 1, "AttributeError: 'RoleDefinitionsOperations' object has no attribute 'config'")
          .id == "az-broken");
  CHECK(error(AzLine::build, 1, "ERROR: Run failed").kind == ErrorClass::check_failed);
}

TEST_CASE("A private or guarded AKS cluster is known as one before anybody waits for it") {
  for (const auto& [more, expected] :
       {std::pair{R"(, "apiServerAccessProfile": {"enablePrivateCluster": true})", "is private"},
        std::pair{R"(, "apiServerAccessProfile": {"authorizedIpRanges": ["1.2.3.4/32"]})",
                  "Only 1.2.3.4/32 can reach"},
        std::pair{R"(, "apiServerAccessProfile": null)", ""}}) {
    fakes::FakeWorld world;
    answer_as_azure(world, more);
    Config config = configured("cluster: aks\n", walkthrough);
    auto access = make_target(world.world, config)->ensure(silence);
    CHECK(access->when_unreachable.find(expected) != std::string::npos);
  }
}

TEST_CASE("A stopped AKS cluster is said to be stopped") {
  fakes::FakeWorld world;
  answer_as_azure(world);
  world.processes.expect("az aks show --resource-group walk --name stopped" + az_end,
                         {0, R"({"powerState": {"code": "Stopped"}})", ""});
  world.processes.allow(
      "az aks get-credentials --resource-group walk --name stopped --file "
      "/home/user/.local/state/hpawalk/access/aks-walk-stopped.kubeconfig --context stopped "
      "--overwrite-existing");
  auto environment = walkthrough;
  Config first = configured("cluster: aks\n", environment);
  CHECK(make_target(world.world, first)->ensure(silence));
  environment["AKS_CLUSTER_NAME"] = "stopped";
  world.processes.expect("az account show" + az_end, {0, "{}", ""});
  world.processes.expect("az acr show --name walkregistry" + az_end + " --resource-group walkacr",
                         {0, "{}", ""});
  Config config = configured("cluster: aks\n", environment);
  auto access = make_target(world.world, config)->ensure(silence);
  CHECK(access.error().id == "aks-stopped");
  CHECK(access.error().hint == "az aks start --resource-group walk --name stopped");
}

TEST_CASE(
    "A Kubernetes of kind, minikube or k3d is made once, with a kubeconfig of hpawalk's own, and noted as "
    "made") {
  struct Case {
    const char *tool, *list, *absent, *create, *kubeconfig, *context;
  };
  for (const Case& c :
       {Case{"kind", "kind get clusters", "other\n", "kind create cluster --name hpawalk --wait 3m",
             "kind get kubeconfig --name hpawalk", "kind-hpawalk"},
        Case{"k3d", "k3d cluster list --output json", R"([{"name": "other", "serversRunning": 1}])",
             "k3d cluster create hpawalk --wait --timeout 3m --kubeconfig-update-default=false "
             "--kubeconfig-switch-context=false",
             "k3d kubeconfig get hpawalk", "k3d-hpawalk"},
        Case{"minikube", "minikube profile list --output json",
             R"({"invalid": [], "valid": [{"Name": "minikube", "Status": "OK"}]})",
             "minikube start --profile hpawalk --keep-context --embed-certs --interactive=false",
             "minikube update-context --profile hpawalk", "hpawalk"}}) {
    CAPTURE(c.tool);
    fakes::FakeWorld world;
    world.processes.programs = {c.tool};
    std::string file =
        std::string("/home/user/.local/state/hpawalk/access/") + c.tool + "-hpawalk.kubeconfig";
    world.processes.expect(c.list, {0, c.absent, ""});
    world.processes.expect(c.create);
    world.processes.expect(c.kubeconfig, {0, "kind: Config\n", ""});
    world.processes.expect("kubectl --kubeconfig=" + file + " --context=" + c.context +
                           " apply --server-side --field-manager=hpawalk --force-conflicts -f -");
    Config config = configured(std::string("cluster: ") + c.tool + "\n");
    auto access = make_target(world.world, config)->ensure(silence);
    REQUIRE(access);
    CHECK(access->kube.kubeconfig == file);
    CHECK(access->kube.context == c.context);
    if (c.tool != std::string("minikube")) CHECK(world.files.modes[file] == 0600);
    for (const Command& call : world.processes.calls) {
      if (call.argv[0] == c.tool) CHECK(call.env.at("KUBECONFIG") == file);
    }
    CHECK(world.processes.calls.back().input.find(std::string(c.tool) + " cluster hpawalk") !=
          std::string::npos);
  }
}

TEST_CASE("A cluster that is there is used as it is") {
  fakes::FakeWorld world;
  world.processes.programs = {"kind"};
  world.processes.expect("kind get clusters", {0, "hpawalk\n", ""});
  world.processes.expect("kind get kubeconfig --name hpawalk", {0, "kind: Config\n", ""});
  Config config = configured("cluster: kind\n");
  CHECK(make_target(world.world, config)->ensure(silence));
}

TEST_CASE("A daemon that does not run is what a user is told about, and nothing is made") {
  fakes::FakeWorld world;
  world.processes.programs = {"kind"};
  world.processes.allow(
      "kind get clusters",
      {1, "",
       "ERROR: failed to list clusters: Cannot connect to the Docker daemon at unix:///var/run/docker.sock"});
  Config config = configured("cluster: kind\n");
  auto access = make_target(world.world, config)->ensure(silence);
  CHECK(access.error().id == "cluster-tool");
  CHECK(access.error().kind == ErrorClass::environment);
  CHECK(access.error().hint.find("docker version") != std::string::npos);
  world.processes.programs = {};
  CHECK(make_target(world.world, config)->ensure(silence).error().id == "cluster-tool-missing");
}

TEST_CASE("A tool that prints nothing as its version is looked at like any other") {
  for (const char* said : {"", "\n", "  \n\n"}) {
    fakes::FakeWorld world;
    world.processes.programs = {"kind"};
    world.processes.expect("kind version", {0, said, ""});
    world.processes.expect("kind get clusters", {0, "", ""});
    Config config = configured("cluster: kind\n");
    std::vector<Precondition> findings = make_target(world.world, config)->look();
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].evidence == "it does not report its version");
  }
}
