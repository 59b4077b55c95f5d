#!/usr/bin/env bash
# Clusters that hold somebody's remains, or hpawalk's own of a run that was killed: up and down say what is in the way, and
# take nothing that is somebody else's. Usage: remains.sh HPAWALK. Needs root.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
name=test-remains-$$
export HPAWALK_CLUSTER_NAME=$name
work=$(mktemp -d)
cd "$work" || exit
trap '{ "$hpawalk" cluster down --name "$name"; rm -rf "$work"; } >/dev/null 2>&1' EXIT
"$hpawalk" cluster up --name "$name" >cluster.log 2>&1 || { cat cluster.log; exit 3; }
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
export KUBECONFIG
kubectl=$("$hpawalk" cluster status --name "$name" -o json | jq -r '.[0].kubectl')
programs=$("$hpawalk" cluster status --name "$name" -o json | jq -r '.[0].programs.chain')
bundle=$programs/bundle.yaml
kubectl() { command "$kubectl" --request-timeout=10s "$@"; }
gone() { [ -z "$(kubectl get "$@" -o name --ignore-not-found)" ]; }
nothing_built() { gone namespace prom-metrics && gone deployment nginx; }
in_seconds() { # in_seconds N COMMAND...
  local start=$SECONDS limit=$1
  shift
  "$@" && [ $((SECONDS - start)) -le "$limit" ]
}

# The rest of an adapter that somebody uninstalled by hand.
refused_for() { # refused_for NAME KIND...: an object of the adapter's chart that is not of its release
  local object=$1
  shift
  check "$1 $object: up stops" fails_with 1 "[not-ours]" "$hpawalk" up
  check "  names it" fails_with 1 " $object " "$hpawalk" up
  check "  and has built nothing" nothing_built
  kubectl delete "$@" "$object" >/dev/null
}
kubectl create rolebinding prometheus-adapter-auth-reader -n kube-system --clusterrole=view --user=nobody >/dev/null
refused_for prometheus-adapter-auth-reader rolebinding -n kube-system
kubectl create clusterrole prometheus-adapter-server-resources --verb=get --resource=pods >/dev/null
refused_for prometheus-adapter-server-resources clusterrole

# Helm leaves definitions behind.
python3 - "$bundle" >definitions.yaml <<'PYTHON'
import sys
print("\n---\n".join(part for part in open(sys.argv[1]).read().split("\n---\n") if "\nkind: CustomResourceDefinition\n" in part))
PYTHON
kubectl apply --server-side -f definitions.yaml >/dev/null
check "definitions without an operator: up stops, long before its timeout" in_seconds 60 fails_with 1 "[operator-missing]" "$hpawalk" up
check "  and has built nothing" nothing_built
kubectl delete -f definitions.yaml --wait=false >/dev/null
no_definitions() { [ -z "$(kubectl get crd -o name)" ]; }
check "they are deleted" within 60 no_definitions
check "without them, up builds its chain" "$hpawalk" up

# helm and hpawalk are killed in the middle of an upgrade.
cat >dying-helm <<SCRIPT
#!/usr/bin/env bash
case " \$* " in *" upgrade "*) ;; *) exec "$programs/helm" "\$@" ;; esac
"$kubectl" get secrets -n prom-metrics -l owner=helm,status=pending-upgrade --watch -o name >"$work/seen" &
watcher=\$!
sleep 2  # until it watches
"$programs/helm" "\$@" <&0 &
until [ -s "$work/seen" ] || ! kill -0 \$!; do sleep 0.01; done
kill -9 \$watcher \$! \$PPID
SCRIPT
chmod +x dying-helm
killed_upgrade() { ! "$hpawalk" up --adapter-relist-interval 7s --tools-helm "$work/dying-helm" >/dev/null 2>&1; }
pending() { ! gone secrets -n prom-metrics -l owner=helm,status=pending-upgrade; }
started() { kubectl get pods -n prom-metrics -l app.kubernetes.io/name=prometheus-adapter -o 'jsonpath={.items[*].metadata.uid}'; }
api_services() { kubectl get apiservices v1beta1.custom.metrics.k8s.io v1beta2.custom.metrics.k8s.io -o 'jsonpath={.items[*].metadata.uid}'; }
before=$(api_services)
check "an upgrade is killed" killed_upgrade
check "  and left pending" pending
check "the next up ends well" "$hpawalk" up --adapter-relist-interval 7s
stayed() { [ -n "$before" ] && [ "$(api_services)" = "$before" ]; }
check "  the adapter's API services stayed" stayed
check "  nothing is pending" gone secrets -n prom-metrics -l owner=helm,status=pending-upgrade
check "  the chain is ready" "$hpawalk" verify --adapter-relist-interval 7s

# Somebody's API service that nobody serves.
kubectl apply -f - >/dev/null <<'YAML'
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec: {group: metrics.k8s.io, version: v1beta1, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: {name: metrics-server, namespace: kube-system}}
YAML
broken() { [ "$(kubectl get apiservice v1beta1.metrics.k8s.io -o 'jsonpath={.status.conditions[0].status}')" = False ]; }
check "somebody's API service is broken" within 30 broken
check "  doctor names it" fails_with 0 "APIService v1beta1.metrics.k8s.io is unavailable" "$hpawalk" doctor
check "  up does not mind" "$hpawalk" up
check "down takes what it can, and names it" fails_with 0 "kubectl delete apiservice v1beta1.metrics.k8s.io" "$hpawalk" down
check "  and leaves it there" kubectl get apiservice v1beta1.metrics.k8s.io
kubectl delete namespace prom-metrics --wait=false >/dev/null
check "a namespace that cannot end: down ends in time, and names it" in_seconds 120 fails_with 1 "kubectl delete apiservice v1beta1.metrics.k8s.io" "$hpawalk" down --timeout 20s
kubectl delete apiservice v1beta1.metrics.k8s.io >/dev/null
check "without it, down ends well" "$hpawalk" down
check "  nothing is left" nothing_built
summary
