// The ids of all errors, and what each means: docs/errors.md is generated from this list (UPDATE_GOLDEN=1).
//
// An id that is not in the list does not compile. Scripts rely on ids, so an id never changes.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace hpawalk {

struct ErrorEntry {
  std::string_view section;  // of the page
  std::string_view ids;    // one, or several with the same meaning and a blank between; stage-NAME: a family
  std::string_view exits;  // exit codes: "1", "1, 3"
  std::string_view means;  // Markdown: what it means, and what to do
};

inline constexpr ErrorEntry error_entries[] = {
    {"Building the chain", "stage-NAME", "1",
     "Something that must hold after stage NAME does not, and the stage's time (`timeout`) is over. It is "
     "the first such stage; the reason says what was seen last. `hpawalk logs NAME`; `hpawalk up` continues "
     "from there once the cause is fixed."},
    {"Building the chain", "needs-stage", "1",
     "`--only`, `--from` or an `s` in `--step` left out a stage that another stage needs, and that stage is "
     "not ready."},
    {"Building the chain", "stopped", "1",
     "This stage did not come to its end because another one failed first. Only inside of the report."},
    {"Building the chain", "preflight-NAME", "3",
     "A preflight check failed: `kubectl`, `helm` (missing or too old), `api-server`, `login`, `apis` (not "
     "served), `rights` (missing permissions), `pod-security` (the workload does not comply with the level "
     "that its namespace enforces), `cluster`. Nothing was changed. `hpawalk doctor` shows all of it."},
    {"Building the chain", "not-ours", "1",
     "An object of that name already exists and was not created by hpawalk, or belongs to another hpawalk "
     "instance (`--instance`). Nothing was changed; choose another name or namespace. Or a half-installed "
     "Helm release of the adapter differs from what hpawalk installs."},
    {"Building the chain", "operator-missing", "1",
     "prometheus-operator's custom resource definitions exist and were not created by hpawalk, but no pod of "
     "an operator was found: nobody would act on a Prometheus or ServiceMonitor. Start their operator, or "
     "delete the definitions (with all objects of their kinds), so that `hpawalk up` installs its own. "
     "Nothing was changed."},
    {"Building the chain", "release-busy", "1",
     "Another hpawalk on this machine has been installing the adapter's release for longer than `timeout`: "
     "wait for it, or end it."},
    {"Building the chain", "adapter-elsewhere", "1",
     "hpawalk's adapter is already installed on the cluster under another name or namespace: `hpawalk down` "
     "first. Nothing was changed."},
    {"Building the chain", "keda-unusable", "1",
     "KEDA's custom resource definitions exist and were not created by this chain, and KEDA does not serve "
     "the "
     "external metrics API: repair it, or delete the definitions (with all objects of their kinds), so that "
     "`hpawalk up` installs its own. Nothing was changed."},
    {"Building the chain", "keda-elsewhere", "1",
     "hpawalk's KEDA is already installed on the cluster in another namespace: `hpawalk down` first. Nothing "
     "was "
     "changed."},
    {"Building the chain", "autoscaler-exists", "1",
     "Another autoscaler already scales the workload: an HPA that the ScaledObject did not create, or a "
     "ScaledObject's HPA in the way of prometheus-adapter's chain. `hpawalk down` first, or another "
     "`--workload-name`. Nothing was changed."},
    {"Building the chain", "no-stage", "2",
     "Unknown stage, a stage of the other chain (`--metrics`), or no stage in `--only` comes after "
     "`--from`."},
    {"Building the chain", "no-logs", "2", "That stage has no pods of its own."},
    {"Building the chain", "step-needs-terminal", "2",
     "`--step` asks questions; `hpawalk plan` shows the same without asking."},
    {"Building the chain", "adapter-chart", "2", "No chart found at `--adapter-chart`."},
    {"Building the chain", "operator-bundle", "2, 3",
     "The operator's bundle is invalid or its expected checksum is unknown (2), or it cannot be fetched or "
     "is not the expected bundle (3): `--operator-bundle FILE`, `--operator-bundle-sha256 SUM`."},
    {"Building the chain", "image-needed", "3",
     "prom-fake's image cannot be brought into this cluster: push it to a registry, then `--prom-fake-image "
     "REF`."},
    {"Building the chain", "kubectl-apply kubectl-logs", "1",
     "That kubectl failed; the error shows its command line and what it said."},
    {"Building the chain", "helm", "1", "Likewise, helm."},
    {"Building the chain", "not-our-cluster", "2",
     "`down --delete-cluster` removes only clusters that hpawalk created."},
    {"Building the chain", "config", "2",
     "The configuration is invalid: all errors in hpawalk.yaml, environment and flags, each with its place."},
    {"Building the chain", "config-not-trusted", "2",
     "Other users can write the hpawalk.yaml of this folder; the error says why. It is read only when it is "
     "named: `--config hpawalk.yaml`."},
    {"Building the chain", "template unknown-kind", "70", "A manifest inside of hpawalk is wrong."},
    {"Any command", "usage", "2", "The command line is wrong: `hpawalk COMMAND --help`."},
    {"Any command", "internal", "70", "Internal error: a bug in hpawalk."},
    {"Any command", "interrupted", "130", "Ctrl-C or SIGTERM. The same command continues where it stopped."},
    {"Any command", "timeout", "1", "Timed out; the reason is what was seen last."},
    {"Any command", "tool-missing tool-start tool-timeout process-start", "3",
     "A program is not in PATH, does not start, or did not end in time."},
    {"Any command", "file", "3", "A file or folder cannot be read or written."},
    {"Any command", "file-too-large", "3",
     "A file has more bytes than hpawalk reads (64 MiB; 1 GiB of facts and recordings). `diagnose` and "
     "`report` end with 2."},
    {"Any command", "output", "3",
     "The result could not be written to stdout: the disk is full, or stdout is closed. The command ends as "
     "after Ctrl-C."},
    {"Any command", "disk-full", "3", "Too little space; the error says where and how much is needed."},
    {"Any command", "folder-not-trusted", "3",
     "Programs or charts of a folder are not used, because somebody else can write there; the error says "
     "where."},
    {"Any command", "yaml", "2",
     "Not valid YAML, with the line; or deeper, larger or expanding to more values than hpawalk reads. A "
     "duplicate key is an error too."},
    {"Any command", "json", "1", "Invalid JSON, or JSON that is deeper or larger than hpawalk reads."},
    {"Any command", "http", "3", "No response from a web server."},
    {"Any command", "http-slow", "3",
     "No data arrived for as long as hpawalk waits (it waits up to 5 minutes for a response that is still "
     "arriving)."},
    {"Any command", "http-too-large", "3", "The response is larger than 256 MiB (a download: 32 MiB)."},
    {"Any command", "dns", "1", "A name could not be resolved."},
    {"Reaching a cluster", "no-cluster", "3",
     "The local, kind, minikube or k3d cluster does not exist: `hpawalk up` creates it."},
    {"Reaching a cluster", "no-context", "3",
     "The kubeconfig has no current context, or there is no kubeconfig: `--context NAME`."},
    {"Reaching a cluster", "cluster-not-running", "1, 3",
     "The cluster is not running: `hpawalk cluster up`."},
    {"Reaching a cluster", "kubeconfig", "3", "kubectl cannot use the kubeconfig or the context."},
    {"Reaching a cluster", "kube-unreachable", "3",
     "The API server does not respond: is the cluster running, does this network reach it?"},
    {"Reaching a cluster", "kube-tls", "3", "Its certificate is not trusted."},
    {"Reaching a cluster", "kube-unauthorized", "3",
     "The API server rejected the credentials, or they have expired."},
    {"Reaching a cluster", "kube-forbidden", "1", "A permission is missing; the error names it."},
    {"Reaching a cluster", "kube-not-found", "1", "Object or API not found."},
    {"Reaching a cluster", "kube-gone", "1",
     "The API server no longer has the continue token for a long list; hpawalk reads such a list again, so "
     "this is seen only if that fails too."},
    {"Reaching a cluster", "kube-unavailable", "1",
     "No backend responds for an aggregated API or a Service, or the API server cannot serve this now."},
    {"Reaching a cluster", "kube-busy", "3",
     "The API server is too busy (429). hpawalk has waited as the server asked, up to 12s."},
    {"Reaching a cluster", "kube-slow", "3",
     "The API server, or the backend behind it, did not respond to this request in time."},
    {"Reaching a cluster", "kube-too-large", "3", "The response to one request is larger than 256 MiB."},
    {"Reaching a cluster", "kube-refused", "1", "Any other refusal of the API server."},
    {"Reaching a cluster", "kube-proxy-ended kube-socket-folder", "3",
     "The `kubectl proxy` through which hpawalk asks ended, or cannot have its socket."},
    {"Reaching a cluster", "prometheus-http", "1", "The server is not a Prometheus API."},
    {"Reaching a cluster", "prometheus-login", "1, 2, 3",
     "Prometheus, or a proxy in front of it, requires credentials or rejects those that were sent: "
     "`--prometheus "
     "URL` with `--prometheus-token-file`, `--prometheus-header` or `--prometheus-client-certificate` (1). "
     "Or "
     "these options are wrong (2), or a token cannot be read (3)."},
    {"Reaching a cluster", "prometheus-forbidden", "1",
     "The API server does not pass the query on to Prometheus: `get` on `services/proxy` is missing."},
    {"Reaching a cluster", "prometheus-query prometheus-not-vector", "1",
     "Prometheus rejected a query, or the result is not a vector."},
    {"verify, set-value, watch and open", "link-broken", "1",
     "A check fails. Where its cause is known, the error has the cause's name instead: "
     "[causes.md](causes.md)."},
    {"verify, set-value, watch and open", "link-unknown", "3",
     "No check fails, but some checks could not run: `hpawalk doctor`."},
    {"verify, set-value, watch and open", "no-prom-fake", "1", "No pod of prom-fake is running."},
    {"verify, set-value, watch and open", "bad-value", "2", "Not a valid metric value."},
    {"verify, set-value, watch and open", "prom-fake-value", "2",
     "prom-fake rejected the value; the reason is its response."},
    {"verify, set-value, watch and open", "until", "2", "`--until` is invalid."},
    {"verify, set-value, watch and open", "until-timeout", "1",
     "`--until` did not become true in time; the reason is what was seen last."},
    {"verify, set-value, watch and open", "chain-broken", "1",
     "The value does not reach the HPA: `hpawalk verify`."},
    {"verify, set-value, watch and open", "chain-lost", "3", "The API server has not responded for a while."},
    {"verify, set-value, watch and open", "nothing-to-open", "1", "The Service was not found."},
    {"verify, set-value, watch and open", "port-forward", "1",
     "The port cannot be forwarded, or the port-forward ended."},
    {"migrate", "scaledobject-not-found", "2",
     "Neither a ScaledObject of that name nor an HPA that a ScaledObject created was found."},
    {"migrate", "migrate-unsupported", "1",
     "A metric or a trigger has no counterpart on the other side; the reason names each. Nothing was "
     "changed."},
    {"migrate", "migrate-refused", "1",
     "`migrate --apply` does not begin, because the workload could lose its scaler: the reason lists "
     "everything that is not as it must be. Nothing was changed."},
    {"migrate", "cluster-not-chosen", "2",
     "`migrate --apply` changes a cluster, so the command line has to name it: `--context` or "
     "`--kubeconfig`."},
    {"migrate", "migrate-timeout", "1",
     "A step of `migrate --apply` did not come to its end in `--timeout`; the reason says what was seen "
     "last. "
     "The replicas stay as they are. The same command continues where it stopped."},
    {"migrate", "migrate-changed", "1",
     "Somebody changed or replaced the HPA or the ScaledObject during the migration. The same command reads "
     "them again and continues."},
    {"diagnose", "hpa-broken", "1", "At least one HPA's chain has a failing check."},
    {"diagnose", "hpa-unknown", "3", "None is broken, but something could not be read."},
    {"diagnose", "hpa-not-found", "2", "HPA not found."},
    {"diagnose", "namespace-not-found", "2", "Namespace not found."},
    {"diagnose", "metric-not-found", "2", "The HPA has no metric of that name (`watch --metric`)."},
    {"diagnose", "autoscaling-v2-missing", "3",
     "autoscaling/v2 is not available on the cluster: hpawalk needs Kubernetes 1.23 or newer."},
    {"diagnose", "facts-file", "2", "Not a file that `diagnose --save` wrote."},
    {"diagnose", "unknown-cause", "2", "`hpawalk explain` does not know the cause."},
    {"diagnose", "adapter-config adapter-template adapter-no-label pattern", "1",
     "The adapter's rules are invalid or not supported; part of a finding's evidence."},
    {"lint", "lint-findings", "1",
     "The manifests have findings of at least the level of `--fail-on`; `hpawalk explain CAUSE` explains a "
     "cause, [lint.md](lint.md) all of it."},
    {"lint", "manifest-missing", "2", "No manifest was found in the files and folders."},
    {"lint", "lint-baseline", "2", "The file of `--baseline` is not one that `--write-baseline` wrote."},
    {"alerts and history", "no-prometheus", "1",
     "No Prometheus was found that the HPAs' metrics come from: name one with `--prometheus URL`."},
    {"alerts and history", "no-alerts", "1",
     "Prometheus has none of the series that alerts could use ([on-call.md](on-call.md))."},
    {"alerts and history", "no-history", "1",
     "Prometheus has no record of the HPA's replicas ([history.md](history.md))."},
    {"simulate and tune", "hpa-spec", "2", "The HPA is invalid; every error is listed."},
    {"simulate and tune", "scaled-object", "2", "The ScaledObject is invalid; every error is listed."},
    {"simulate and tune", "scaled-object-unsupported", "2",
     "The ScaledObject is valid, but has a part that cannot be simulated: scalingModifiers, a pause, or a "
     "trigger whose target is not in its metadata. The HPA that KEDA makes of it, written to a "
     "file, can be simulated without KEDA's part."},
    {"simulate and tune", "hpa-yaml hpa-missing hpa-ambiguous", "2",
     "The file is not YAML, has no HPA, or several (`FILE#NAME`)."},
    {"simulate and tune", "profile", "2", "The load's profile is invalid; the reason says where."},
    {"simulate and tune", "duration quantity kube-version", "2",
     "Not a duration, a quantity, or a Kubernetes version with autoscaling/v2 that hpawalk knows."},
    {"simulate and tune", "set-path", "2", "`--set` cannot be applied."},
    {"simulate and tune", "hpa-not-compared", "1",
     "`simulate --upgrade-to` could not compare every HPA; the result says which, and why."},
    {"simulate and tune", "goal", "2", "`tune`'s goal is invalid."},
    {"simulate and tune", "goal-missed", "1", "No candidate meets all limits of the goal."},
    {"simulate and tune", "prometheus-address prometheus-series", "2, 1",
     "Not a Prometheus, or not one series where one is needed."},
    {"playground", "no-page", "2",
     "This hpawalk was built without the page: name one with `--page FILE`, or build it "
     "([playground.md](playground.md))."},
    {"playground", "port-taken", "3",
     "The address and port of `playground` or `exporter` cannot be had; the reason is the system's."},
    {"drive and report", "record-exists", "2",
     "The file in `--record` already exists; `drive` does not overwrite a recording."},
    {"drive and report", "recording", "2",
     "hpawalk cannot read the recording: it is not one, is of another version, or has times that are out of "
     "range; the reason names the line."},
    {"drive and report", "recording-empty", "1",
     "The recording has no value or no replicas: there is nothing to show."},
    {"drive and report", "prediction-differs", "1",
     "The replicas differ from the simulation: the sequence occurred in no simulated run "
     "([drive.md](drive.md) says what can make that so)."},
    {"The local cluster", "not-root", "3", "A local cluster requires root."},
    {"The local cluster", "packages-missing no-cgroups", "3",
     "The machine lacks programs (the error names the packages) or control groups."},
    {"The local cluster", "go-missing go-too-old go-version", "3, 1",
     "The cluster's components require Go 1.26.7 or later."},
    {"The local cluster", "parts-modules parts-build", "1",
     "Fetching or compiling the components failed; run the command again, it continues where it stopped."},
    {"The local cluster", "release-unavailable", "3",
     "A host of upstream's release does not answer, or does not have the file or image. `--from auto` "
     "compiles "
     "then; `--from release` stops. Check the network, or use `--from compile`."},
    {"The local cluster", "release-download image-pull", "3",
     "A file or image of upstream's release did not come whole, an image's layer has another digest than its "
     "manifest says, or an archive cannot be unpacked. Run the command again: it continues where it "
     "stopped."},
    {"The local cluster", "release-checksum", "3",
     "A file of upstream's release does not have the SHA-256 that is published for it, or none is published. "
     "The command stops, also with `--from auto`, and uses nothing of the file. Run it again; if that is the "
     "result again, something on the way changes the file."},
    {"The local cluster", "packages-fetch packages-unpack image-write image-store-copy image-import", "1",
     "Building or importing an image failed."},
    {"The local cluster", "cluster-name cluster-options", "2",
     "Not a valid cluster name; or the cluster is running with another Kubernetes or other HPA options."},
    {"The local cluster", "kubernetes-version", "2",
     "There is no such Kubernetes to compile; the error lists them."},
    {"The local cluster", "cluster-absent", "1, 2", "Cluster not found."},
    {"The local cluster", "cluster-elsewhere", "3",
     "A cluster of this name already exists in another state folder (another `HOME` or `XDG_STATE_HOME`)."},
    {"The local cluster", "kubeconfig-busy", "3",
     "`--merge`: kubectl or another program holds that file's lock (`FILE.lock`); if none runs, remove the "
     "lock."},
    {"The local cluster", "cluster-busy keeper-lock", "3", "Another command or process holds the cluster."},
    {"The local cluster", "cluster-damaged cluster-programs", "3",
     "Its description cannot be read, or its programs are gone from the cache and cannot be made again: "
     "`hpawalk cluster down`."},
    {"The local cluster", "cache-in-use", "2", "`--purge` while a cluster uses the cache."},
    {"The local cluster", "cluster-files cluster-dns kube-proxy-config kubeconfig-merge kubeconfig-owner",
     "1, 3", "A step of its start failed; `hpawalk cluster logs`."},
    {"The local cluster", "containerd-start control-plane node-start node-setup node-gone", "1, 3",
     "A component did not start; `hpawalk cluster logs`."},
    {"The local cluster", "subnet-in-use network-read network-link network-rules", "1, 3",
     "The cluster's network cannot be set up."},
    {"The local cluster", "unknown-component", "2", "The component in `cluster logs` is unknown."},
    {"kind, minikube, k3d and AKS", "cluster-tool-missing", "3",
     "kind, minikube or k3d is not in PATH; `tools.kind` and so on say where it is."},
    {"kind, minikube, k3d and AKS", "cluster-tool", "3",
     "The tool failed: mostly because Docker is not running, or this user has no permission to use it."},
    {"kind, minikube, k3d and AKS", "k3d-answer minikube-answer", "3",
     "It lists its clusters in a form that hpawalk does not know: another version than those it is written "
     "for."},
    {"kind, minikube, k3d and AKS", "made-note", "1",
     "The ConfigMap `kube-system/hpawalk-made`, in which hpawalk records what it created outside of the "
     "cluster, cannot be written or is not a valid record."},
    {"kind, minikube, k3d and AKS", "az-missing", "3",
     "The Azure CLI is not in PATH; `tools.az` says where it is."},
    {"kind, minikube, k3d and AKS", "az-login", "3",
     "It is not logged in, or the login has expired: `az login`."},
    {"kind, minikube, k3d and AKS", "az-subscription", "3", "Subscription not found for this login."},
    {"kind, minikube, k3d and AKS", "az-forbidden", "3",
     "Forbidden: this login lacks the permission. Granting the permission to pull requires Owner or User "
     "Access Administrator on the registry."},
    {"kind, minikube, k3d and AKS", "az-tasks-paused", "3",
     "Azure does not run this registry's tasks (`TasksOperationsNotAllowed`): they are paused for free "
     "credits. "
     "Build and push the image on a machine with Docker, copy it with `az acr import`, or "
     "`--prom-fake-image`."},
    {"kind, minikube, k3d and AKS", "az-too-old", "3",
     "This version of az does not support a command that hpawalk runs."},
    {"kind, minikube, k3d and AKS", "az-broken", "3",
     "az itself failed, as Debian 12's does with role assignments."},
    {"kind, minikube, k3d and AKS", "az-failed", "1, 3",
     "Any other refusal; the end of what az said follows."},
    {"kind, minikube, k3d and AKS", "no-aks-cluster", "3",
     "AKS cluster or resource group not found. hpawalk creates neither."},
    {"kind, minikube, k3d and AKS", "no-registry", "3",
     "Container registry not found. hpawalk does not create one."},
    {"kind, minikube, k3d and AKS", "aks-stopped", "3", "The AKS cluster is stopped: `az aks start`."},
    {"kind, minikube, k3d and AKS", "aks-not-ready", "3", "It is being created or deleted, or has failed."},
    {"kind, minikube, k3d and AKS", "kubelogin-missing", "3",
     "Its credentials need kubelogin: `az aks install-cli`."},
};

consteval bool is_error_id(std::string_view id) {
  for (const ErrorEntry& entry : error_entries) {
    std::string_view ids = entry.ids;
    while (!ids.empty()) {
      size_t end = ids.find(' ');
      if (ids.substr(0, end) == id) return true;
      ids = end == std::string_view::npos ? std::string_view() : ids.substr(end + 1);
    }
  }
  return false;
}

// A family of ids: "stage-NAME".
class ErrorFamily {
 public:
  consteval ErrorFamily(const char* pattern) : pattern_(pattern) {
    if (!pattern_.ends_with("NAME") || !is_error_id(pattern_))
      throw std::invalid_argument("not in error_entries");
  }
  constexpr std::string_view prefix() const { return pattern_.substr(0, pattern_.size() - 4); }

 private:
  std::string_view pattern_;
};

class ErrorId {
 public:
  consteval ErrorId(const char* id) : id_(id) {
    if (!is_error_id(id_)) throw std::invalid_argument("not in error_entries");
  }
  constexpr std::string_view text() const { return id_; }

 private:
  std::string_view id_;
};

std::string errors_page();  // docs/errors.md

}  // namespace hpawalk
