// hpawalk cluster: the local cluster by itself.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/json_text.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cluster/local/local_cluster.hpp"
#include "cluster/local/parts.hpp"

namespace hpawalk::cli {

namespace {

using local::ClusterStatus;
using local::Phase;

const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::absent: return "absent";
    case Phase::lost: return "lost";
    case Phase::incomplete: return "incomplete";
    case Phase::stopped: return "stopped";
    case Phase::running: return "running";
  }
  return "";
}

nlohmann::ordered_json to_json(const ClusterStatus& s) {
  return {{"name", s.name},
          {"phase", phase_name(s.phase)},
          {"kubernetes", s.kubernetes},
          {"apiReady", s.api_ready},
          {"context", s.context},
          {"kubeconfig", s.kubeconfig.string()},
          {"kubectl", s.kubectl.string()},
          {"programs", s.programs},
          {"nodeAddress", s.node_address},
          {"processes", s.processes}};
}

std::string to_text(const ClusterStatus& s) {
  switch (s.phase) {
    case Phase::absent:
      return fmt::format("{}: cluster not found (hpawalk cluster up --name {} creates it)", s.name, s.name);
    case Phase::lost:
      return fmt::format(
          "{}: its state folder no longer exists, and {} of its processes are running (hpawalk cluster down "
          "--name {} removes the rest)",
          s.name, s.processes, s.name);
    case Phase::incomplete:
      return fmt::format("{}: its start was interrupted (hpawalk cluster up --name {} starts it again)",
                         s.name, s.name);
    case Phase::stopped:
      return fmt::format("{}: complete, but not running (hpawalk cluster up --name {} starts it)", s.name,
                         s.name);
    case Phase::running: break;
  }
  return fmt::format(
      "{}: running{}\n  Kubernetes  {}\n  API server  https://{}:6443\n  context     {}\n  kubeconfig  {}\n  "
      "kubectl     {}\n  processes   {}",
      s.name, s.api_ready ? "" : ", but its API server does not respond", s.kubernetes, s.node_address,
      s.context, s.kubeconfig.string(), s.kubectl.string(), s.processes);
}

CLI::Option* add_name(CLI::App& command, std::string& name) {
  return command.add_option("--name", name, "The cluster's name")->type_name("NAME")->capture_default_str();
}

void add_kubernetes_version(CLI::App& command, std::string& version) {
  std::vector<std::string> minors;
  for (const local::KubernetesRelease& release : local::kubernetes_releases())
    minors.push_back(release.minor);
  command
      .add_option("--kubernetes-version", version,
                  fmt::format("Its Kubernetes: {} (default: {})", text::join(minors, ", "), minors.front()))
      ->type_name("VERSION");
}

void add_source(CLI::App& command, local::Source& source) {
  static const std::map<std::string, local::Source> sources = {{"auto", local::Source::automatic},
                                                               {"compile", local::Source::compile},
                                                               {"release", local::Source::release}};
  command
      .add_option_function<std::string>(
          "--from", [&source](const std::string& name) { source = sources.at(name); },
          "Where missing components come from: compile, release (download upstream's), or auto: release "
          "where "
          "upstream's hosts answer, else compile (default: auto)")
      ->check(CLI::IsMember({"auto", "compile", "release"}))
      ->type_name("compile|release|auto");
}

CLI::Validator duration() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        size_t digits = text.find_first_not_of("0123456789");
        bool good = digits != std::string::npos && digits > 0 &&
                    (text.substr(digits) == "s" || text.substr(digits) == "m");
        return good && std::stol("0" + text.substr(0, digits)) > 0
                   ? ""
                   : "\"" + text + "\" is not a duration such as 15s or 5m";
      },
      "15s|5m|...");
}

void add_cluster_up(CLI::App& cluster, Chosen& chosen) {
  auto options = std::make_shared<local::UpOptions>();
  auto merge = std::make_shared<bool>(false);
  CLI::App& up = *cluster.add_subcommand("up", "Start the local cluster, or its missing parts");
  add_name(up, options->name);
  add_kubernetes_version(up, options->kubernetes);
  add_source(up, options->source);
  up.add_option("--hpa-sync-period", options->hpa_sync_period,
                "Sync period of the HPA controller (Kubernetes' default: 15s)")
      ->check(duration())
      ->type_name("DURATION");
  up.add_option("--hpa-downscale-stabilization", options->hpa_downscale_stabilization,
                "Downscale stabilization of the HPA controller (Kubernetes' default: 5m)")
      ->check(duration())
      ->type_name("DURATION");
  up.add_flag("--merge", *merge,
              "Also add the cluster to your own kubeconfig; its current context does not change");
  add_output_option(up, chosen);
  up.footer(
      "Examples:\n  hpawalk cluster up\n  hpawalk cluster up --name older --kubernetes-version 1.35\n  "
      "hpawalk cluster "
      "up --name class --hpa-downscale-stabilization 30s --merge");
  up.callback([options, merge, &chosen] {
    chosen.action = [options, merge](Session& session) -> Status {
      Result<ClusterStatus> s = local::up(session.world, session.progress, *options);
      if (!s) return failure(s.error());
      std::string hint = fmt::format("\n\nexport KUBECONFIG={}\nkubectl get nodes",
                                     text::shell_quote({s->kubeconfig.string()}));
      if (s->user != 0) {
        hint = fmt::format(
                   "\n\nUser {} can read this kubeconfig. Everybody who uses this cluster is root on this "
                   "machine:\n"
                   "a pod can mount any of its folders (hostPath).",
                   s->user) +
               hint;
      }
      if (*merge) {
        Result<std::filesystem::path> target = local::merge_kubeconfig(session.world, options->name);
        if (!target) return failure(target.error());
        hint =
            fmt::format("\n\nkubectl --context {} get nodes     (added to {})", s->context, target->string());
      }
      session.print(to_text(*s) + hint, json_text(to_json(*s), 2));
      return {};
    };
  });
}

void add_cluster_down(CLI::App& cluster, Chosen& chosen) {
  auto name = std::make_shared<std::string>("local");
  auto purge = std::make_shared<bool>(false);
  CLI::App& down =
      *cluster.add_subcommand("down", "Remove the cluster: processes, mounts, interfaces, rules, files");
  add_name(down, *name);
  down.add_flag("--purge", *purge,
                "Also remove the components and the images (compiling them again takes long)");
  add_output_option(down, chosen);
  down.footer(
      "Examples:\n  hpawalk cluster down\n  hpawalk cluster down --name class\n  hpawalk cluster down "
      "--purge");
  down.callback([name, purge, &chosen] {
    chosen.action = [name, purge](Session& session) -> Status {
      Result<bool> removed = local::down(session.world, session.progress, *name);
      if (!removed) return failure(removed.error());
      if (*purge) {
        if (Status purged = local::purge(session.world, session.progress); !purged) return purged;
      }
      nlohmann::ordered_json json = {{"name", *name}, {"removed", *removed}, {"purged", *purge}};
      session.print(*removed ? "Cluster \"" + *name + "\" removed"
                             : "Nothing to remove: cluster \"" + *name + "\" does not exist",
                    json_text(json, 2));
      return {};
    };
  });
}

void add_cluster_status(CLI::App& cluster, Chosen& chosen) {
  auto name = std::make_shared<std::string>();
  CLI::App& status = *cluster.add_subcommand(
      "status", "Show the running clusters; exit code 1 if the named cluster is not running");
  status.add_option("--name", *name, "Only this cluster (default: all)")->type_name("NAME");
  add_output_option(status, chosen);
  status.footer("Examples:\n  hpawalk cluster status\n  hpawalk cluster status --name local -o json");
  status.callback([name, &chosen] {
    chosen.action = [name](Session& session) -> Status {
      Result<std::vector<std::string>> names = local::cluster_names(session.world);
      if (!names) return failure(names.error());
      if (!name->empty()) names = std::vector<std::string>{*name};
      nlohmann::ordered_json json = nlohmann::ordered_json::array();
      std::vector<std::string> lines;
      bool all_run = true;
      for (const std::string& each : *names) {
        Result<ClusterStatus> s = local::status(session.world, each);
        if (!s) return failure(s.error());
        all_run = all_run && s->phase == Phase::running && s->api_ready;
        json.push_back(to_json(*s));
        lines.push_back(to_text(*s));
      }
      session.print(lines.empty() ? "No local cluster exists (hpawalk cluster up creates one)"
                                  : text::join(lines, "\n"),
                    json_text(json, 2));
      if (name->empty() || all_run) return {};
      return failure(ErrorClass::check_failed, "cluster-not-running",
                     "The cluster \"" + *name + "\" is not running", {},
                     "hpawalk cluster up --name " + *name);
    };
  });
}

void add_kubeconfig(CLI::App& cluster, Chosen& chosen) {
  auto name = std::make_shared<std::string>("local");
  auto merge = std::make_shared<bool>(false);
  CLI::App& kubeconfig = *cluster.add_subcommand("kubeconfig", "Print the path of the cluster's kubeconfig");
  add_name(kubeconfig, *name);
  kubeconfig.add_flag(
      "--merge", *merge,
      "Add the cluster to your own kubeconfig instead, and print the path of that kubeconfig");
  add_output_option(kubeconfig, chosen);
  kubeconfig.footer(
      "Examples:\n  export KUBECONFIG=$(hpawalk cluster kubeconfig)\n  hpawalk cluster kubeconfig --merge");
  kubeconfig.callback([name, merge, &chosen] {
    chosen.action = [name, merge](Session& session) -> Status {
      Result<ClusterStatus> s = local::status(session.world, *name);
      if (!s) return failure(s.error());
      if (s->kubeconfig.empty()) {
        return failure(ErrorClass::check_failed, "cluster-absent",
                       "No kubeconfig found for cluster \"" + *name + "\"", {},
                       "hpawalk cluster up --name " + *name);
      }
      std::filesystem::path path = s->kubeconfig;
      if (*merge) {
        Result<std::filesystem::path> target = local::merge_kubeconfig(session.world, *name);
        if (!target) return failure(target.error());
        path = *target;
      }
      session.print(
          path.string(),
          json_text(nlohmann::ordered_json{{"kubeconfig", path.string()}, {"context", s->context}}, 2));
      return {};
    };
  });
}

struct LogOptions {
  std::string name = "local";
  std::string component;
  unsigned lines = 50;
};

void add_cluster_logs(CLI::App& cluster, Chosen& chosen) {
  auto options = std::make_shared<LogOptions>();
  CLI::App& logs = *cluster.add_subcommand("logs", "Print the last lines of a component's log");
  logs.add_option("component", options->component, "Component; without it, list the components")
      ->type_name("COMPONENT");
  add_name(logs, options->name);
  logs.add_option("-n,--lines", options->lines, "How many")->capture_default_str();
  add_output_option(logs, chosen);
  logs.footer(
      "Examples:\n  hpawalk cluster logs\n  hpawalk cluster logs kubelet\n  hpawalk cluster logs "
      "kube-controller-manager -n 200");
  logs.callback([options, &chosen] {
    chosen.action = [options](Session& session) -> Status {
      auto found = local::logs(session.world, options->name);
      if (!found) return failure(found.error());
      nlohmann::ordered_json json = nlohmann::ordered_json::object();
      std::vector<std::string> names, lines;
      for (const auto& [component, file] : *found) {
        json[component] = file.string();
        names.push_back(component);
        lines.push_back(fmt::format("{:<26} {}", component, file.string()));
      }
      if (options->component.empty()) {
        session.print(text::join(lines, "\n"), json_text(json, 2));
        return {};
      }
      if (!json.contains(options->component)) {
        std::optional<std::string> near = text::nearest(options->component, names);
        return failure(
            ErrorClass::usage, "unknown-component", "Unknown component \"" + options->component + "\"",
            "there are: " + text::join(names, ", "), near ? "Did you mean " + *near + "?" : std::string());
      }
      std::string file = json[options->component];
      Result<std::string> content = session.world.files.read(file);
      if (!content) return failure(content.error());
      std::string last = text::last_lines(*content, options->lines);
      session.print(last, json_text(nlohmann::ordered_json{{"component", options->component},
                                                           {"file", file},
                                                           {"lines", text::lines(last)}},
                                    2));
      return {};
    };
  });
}

void add_prepare(CLI::App& cluster, Chosen& chosen) {
  CLI::App& prepare = *cluster.add_subcommand(
      "prepare", "Compile or download the components and make the images ahead of time");
  auto kubernetes = std::make_shared<std::string>();
  auto source = std::make_shared<local::Source>(local::Source::automatic);
  add_kubernetes_version(prepare, *kubernetes);
  add_source(prepare, *source);
  add_output_option(prepare, chosen);
  prepare.footer(
      "The first time, compiling takes 15 to 25 minutes on two cores; afterwards, no time. If interrupted, "
      "it "
      "continues\n"
      "where it stopped. A release is checked against the checksums that upstream publishes with it.\n\n"
      "Examples:\n  hpawalk cluster prepare\n  hpawalk cluster prepare --kubernetes-version 1.35\n  "
      "hpawalk cluster prepare --from release\n  hpawalk cluster prepare --from compile");
  prepare.callback([kubernetes, source, &chosen] {
    chosen.action = [kubernetes, source](Session& session) -> Status {
      Status done = local::prepare(session.world, session.progress, *kubernetes, *source);
      if (done) session.print("All components of a local cluster are ready", R"({"prepared": true})");
      return done;
    };
  });
}

}  // namespace

void add_cluster(CLI::App& app, Chosen& chosen) {
  CLI::App& cluster =
      *app.add_subcommand("cluster", "Manage the local cluster: a real one-node Kubernetes on this machine");
  cluster.require_subcommand(1);
  add_cluster_up(cluster, chosen);
  add_cluster_down(cluster, chosen);
  add_cluster_status(cluster, chosen);
  add_kubeconfig(cluster, chosen);
  add_cluster_logs(cluster, chosen);
  add_prepare(cluster, chosen);
}

}  // namespace hpawalk::cli
