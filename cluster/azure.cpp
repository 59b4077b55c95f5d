#include "cluster/azure.hpp"

#include <fmt/format.h>

#include "base/redact.hpp"
#include "base/text.hpp"

namespace hpawalk::cluster {

namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

Words words_of(AzLine line, const AzureNames& n) {
  switch (line) {
    case AzLine::version: return {"version", "--output", "json"};
    case AzLine::account: return {"account", "show", "--output", "json"};
    case AzLine::cluster:
      return {"aks", "show", "--resource-group", n.group, "--name", n.cluster, "--output", "json"};
    case AzLine::registry: return {"acr", "show", "--name", n.registry, "--output", "json"};
    case AzLine::credentials:
      return {"aks",
              "get-credentials",
              "--resource-group",
              n.group,
              "--name",
              n.cluster,
              "--file",
              n.kubeconfig,
              "--context",
              n.context,
              "--overwrite-existing"};
    case AzLine::rights:
      return {"role",        "assignment",          "list",     "--assignee", n.assignee, "--scope",
              n.registry_id, "--include-inherited", "--output", "json"};
    case AzLine::check_pull:
      return {"aks", "check-acr", "--resource-group", n.group, "--name", n.cluster, "--acr", n.login_server};
    case AzLine::attach:
      return {"aks",     "update",       "--resource-group", n.group,    "--name",
              n.cluster, "--attach-acr", n.registry,         "--output", "none"};
    case AzLine::detach:
      return {"aks",     "update",       "--resource-group", n.group,    "--name",
              n.cluster, "--detach-acr", n.registry,         "--output", "none"};
    case AzLine::assign:
      return {"role",    "assignment", "create",      "--assignee", n.assignee, "--role",
              "acrpull", "--scope",    n.registry_id, "--output",   "none"};
    case AzLine::unassign:
      return {"role",   "assignment", "delete",  "--assignee", n.assignee,
              "--role", "acrpull",    "--scope", n.registry_id};
    case AzLine::assign_reader:
      return {"role",      "assignment", "create",      "--assignee", n.assignee, "--role",
              abac_reader, "--scope",    n.registry_id, "--output",   "none"};
    case AzLine::unassign_reader:
      return {"role",   "assignment", "delete",  "--assignee", n.assignee,
              "--role", abac_reader,  "--scope", n.registry_id};
    case AzLine::caller_rights:
      return {"role",
              "assignment",
              "list",
              "--assignee",
              n.caller,
              "--scope",
              n.registry_id,
              "--include-inherited",
              "--include-groups",
              "--output",
              "json"};
    case AzLine::offer:  // az puts in the subscription
      return {
          "rest",     "--method", "get", "--url", "/subscriptions/{subscriptionId}?api-version=2022-12-01",
          "--output", "json"};
    case AzLine::image:
      return {"acr", "repository", "show", "--name", n.registry, "--image", n.image, "--output", "json"};
    case AzLine::build: {
      Words words = {"acr", "build", "--registry", n.registry, "--image", n.image, "--output", "none"};
      // The registry's tasks have no access of their own to its images there.
      if (n.abac) words.insert(words.end(), {"--source-acr-auth-id", "[caller]"});
      return words;
    }
    case AzLine::delete_image:
      return {"acr", "repository", "delete", "--name", n.registry, "--image", n.image, "--yes"};
    case AzLine::enable_keda:
      return {"aks", "update", "--resource-group", n.group, "--name", n.cluster, "--enable-keda"};
    case AzLine::prometheus_token:
      return {"account", "get-access-token", "--resource", "https://prometheus.monitor.azure.com",
              "--query", "accessToken",      "--output",   "tsv"};
    case AzLine::quota: return {"network", "list-usages", "--location", n.location, "--output", "json"};
    case AzLine::count: break;
  }
  return {};
}

// Building and updating a cluster take minutes; everything else answers in seconds.
world::Duration limit_of(AzLine line) {
  bool long_one =
      line == AzLine::build || line == AzLine::attach || line == AzLine::detach || line == AzLine::check_pull;
  return long_one ? world::Duration(30min) : world::Duration(2min);
}

bool has(const std::string& text, std::initializer_list<const char*> signs) {
  for (const char* sign : signs) {
    if (text.find(sign) != std::string::npos) return true;
  }
  return false;
}

// What the login needs for the line where the registry has ABAC repository permissions; empty: nothing of its
// own.
std::string role_needed(AzLine line, const AzureNames& names) {
  bool builds = line == AzLine::build;
  if (!names.abac || (!builds && line != AzLine::delete_image)) return {};
  return fmt::format(
      "With ABAC repository permissions, this login needs the role {}Container Registry Repository "
      "Contributor on the registry. hpawalk doctor shows its roles",
      builds ? "Container Registry Repository Writer or " : "");
}

// `error` as run_checked made it, with what az meant by it.
Error explained(Error error, AzLine line, const AzureNames& names, int exit_code) {
  const std::string& said = error.output;
  error.id = ErrorId("az-failed").text();
  auto make = [&](ErrorId id, std::string because, std::string hint) {
    error.kind = ErrorClass::environment;
    error.id = id.text();
    error.because = std::move(because);
    error.hint = std::move(hint);
  };
  const std::string needed = role_needed(line, names);
  if (has(said, {"The command failed with an unexpected error", "object has no attribute"})) {
    make("az-broken", "az itself failed: a bug in this version of az",
         "Debian 12's azure-cli 2.45.0 cannot read or create role assignments; `pipx install azure-cli` "
         "installs a version that can; set its path in tools.az");
  } else if (has(said, {"TasksOperationsNotAllowed"})) {
    make("az-tasks-paused",
         "Azure does not run tasks for this registry: task runs are paused for subscriptions with free "
         "credits",
         without_tasks(names));
  } else if (has(said, {"az login", "AADSTS", "Interactive authentication is needed"})) {
    make("az-login", "az is not logged in, or its login has expired",
         "az login   and then the same command again");
  } else if (exit_code == 2 && has(said, {"unrecognized arguments", "is misspelled", "arguments are required",
                                          "invalid choice"})) {
    make("az-too-old", "this version of az does not support the command",
         "hpawalk is tested with Azure CLI 2.91.0; az upgrade   installs the newest version");
  } else if (has(said, {"AuthorizationFailed", "does not have authorization", "Are you an Owner", "Forbidden",
                        "(403)"})) {
    bool grants = line == AzLine::attach || line == AzLine::assign || line == AzLine::detach ||
                  line == AzLine::unassign || line == AzLine::assign_reader ||
                  line == AzLine::unassign_reader;
    make("az-forbidden", "forbidden: this login lacks the permission",
         grants ? "This requires Owner or User Access Administrator on the registry: ask somebody who has "
                  "that role to run the command below, then hpawalk up again; or --prom-fake-image REF names "
                  "an image that the cluster can pull"
         : needed.empty() ? "Ask for the permission, or run  az login  as somebody who has it"
                          : needed);
  } else if (has(said, {"Check the spelling and casing", "SubscriptionNotFound"})) {
    make("az-subscription", "subscription not found for this login",
         "az account list --output table   lists them");
  } else if (line == AzLine::registry && has(said, {"NotFound", "could not be found", "was not found"})) {
    make("no-registry", "registry not found",
         "az acr list --output table   lists them; the setting is acr.name");
  } else if ((line == AzLine::cluster || line == AzLine::credentials) &&
             has(said, {"NotFound", "could not be found", "was not found"})) {
    make(
        "no-aks-cluster", "cluster or resource group not found",
        "az aks list --output table   lists them; hpawalk does not create AKS clusters (az aks create does)");
  } else if (!needed.empty()) {
    error.hint = needed;
  }
  return error;
}

}  // namespace

std::vector<std::string> az_line(AzLine line, const AzureNames& names) {
  Words argv = {names.az};
  for (std::string& word : words_of(line, names)) argv.push_back(std::move(word));
  if ((line == AzLine::registry || line == AzLine::build) && !names.registry_group.empty()) {
    argv.insert(argv.end(), {"--resource-group", names.registry_group});
  }
  if (line != AzLine::version && !names.subscription.empty())
    argv.insert(argv.end(), {"--subscription", names.subscription});
  if (line == AzLine::build) argv.push_back(names.build_folder);
  return argv;
}

Result<std::string> run_az(world::World& world, AzLine line, const AzureNames& names, const std::string& what,
                           const std::function<void(std::string_view)>& on_line) {
  world::Command command{.argv = az_line(line, names),
                         .env = {{"AZURE_CORE_NO_COLOR", "true"}},
                         .limit = limit_of(line),
                         .on_error_line = on_line,
                         .on_line = on_line};
  Result<world::Outcome> outcome = world.processes.run(command);
  if (!outcome) return failure(outcome.error());
  if (outcome->ok()) return std::move(outcome->output);
  std::string said = outcome->errors.empty() ? outcome->output : outcome->errors;
  Error error{ErrorClass::check_failed,
              "az-failed",
              what,
              fmt::format("az ended with exit code {}", outcome->exit_code),
              {},
              text::redact(text::shell_quote(command.argv)),
              text::redact(text::last_lines(said, 8))};
  return failure(explained(std::move(error), line, names, outcome->exit_code));
}

std::string without_tasks(const AzureNames& n) {
  std::string host = n.login_server.empty() ? n.registry + ".azurecr.io" : n.login_server;
  std::string pushed = text::shell_quote({host + "/" + n.image});
  return fmt::format(
      "Build the image on a machine with Docker: az acr login --name {0} && docker build --platform "
      "linux/amd64 --tag {1} {2} && docker "
      "push {1}   Or copy it from another registry: az acr import --name {0} --source REGISTRY/{3} --image "
      "{3}   "
      "Then hpawalk up uses it. Or --prom-fake-image REF names an image that the cluster can pull",
      text::shell_quote({n.registry}), pushed, text::shell_quote({n.build_folder}), n.image);
}

bool is_not_found(const Error& error) {
  return has(error.output, {"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "TAG_UNKNOWN", "not found", "NotFound",
                            "does not exist", "not known to registry"});
}

}  // namespace hpawalk::cluster
