#!/usr/bin/env bash
# What `hpawalk alerts` makes, on real clusters, with hpawalk exporter and kube-state-metrics (compiled for that, once) in
# one Prometheus.
# Usage: alerts.sh HPAWALK [PART...]     parts: faults (default) drive shared
#   faults  each fault of faults/faults.py that stands by itself raises an alert that names its cause; healthy chains and
#           notes raise none: 15 minutes
#   shared  the same, and then the faults of what all chains share, one after the other: an hour and a half
#   drive   an hour of load on the walkthrough's chain raises none, while the mixin's KubeHpaMaxedOut raises a false one;
#           a shadow of the same HPA, by an account that may only read, has the HPA's sequence of replicas.
#           MINUTES=30 for less
set -uo pipefail
hpawalk=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
cd "$here" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
for tool in kubectl python3 jq nsenter go; do
  command -v "$tool" >/dev/null || { skip alerts "needs $tool"; summary; exit; }
done
export HPAWALK_CLUSTER_NAME=test-alerts-$$ PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
children=()
clean_up() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null; done
  children=()
  "$hpawalk" cluster down --name "$HPAWALK_CLUSTER_NAME" >/dev/null 2>&1
}
trap 'clean_up; rm -rf "$work"' EXIT
cd "$work" || exit

metrics=${XDG_CACHE_HOME:-$HOME/.cache}/hpawalk-tests/bin/kube-state-metrics
if [ ! -x "$metrics" ]; then
  mkdir -p "$(dirname "$metrics")"
  "$here/../oncall/build_kube_state_metrics" "$metrics" || { skip alerts "kube-state-metrics cannot be built"; summary; exit; }
fi

new_cluster() {
  clean_up
  "$hpawalk" cluster up --name "$HPAWALK_CLUSTER_NAME" "$@" >/dev/null || exit 3
  KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$HPAWALK_CLUSTER_NAME")
  export KUBECONFIG
}
# What exports the HPAs' states runs in the node's network namespace, where pods reach it.
start_exporters() { # PERIOD
  read -r NODE_PID _ <"${XDG_STATE_HOME:-$HOME/.local/state}/hpawalk/clusters/$HPAWALK_CLUSTER_NAME/node.pid"
  address=$(kubectl get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
  nsenter -t "$NODE_PID" -n "$hpawalk" exporter --kubeconfig "$KUBECONFIG" --listen "$address:9797" --every "$1" >exporter.log 2>&1 &
  children+=($!)
  nsenter -t "$NODE_PID" -n "$metrics" --kubeconfig "$KUBECONFIG" --resources horizontalpodautoscalers,deployments,pods --host "$address" --port 9798 \
    --telemetry-host "$address" --telemetry-port 9799 >state-metrics.log 2>&1 &
  children+=($!)
}

faults() {
  local bundle
  new_cluster --hpa-sync-period 2s --hpa-downscale-stabilization 60s
  start_exporters 10s
  bundle=$("$hpawalk" cluster status --name "$HPAWALK_CLUSTER_NAME" -o json | jq -r '.[0].programs.chain')/bundle.yaml
  HPAWALK=$hpawalk OPERATOR_BUNDLE=$bundle TARGETS=$address:9797,$address:9798 NODE_PID=$NODE_PID counted python3 "$here/faults/alerts.py"
}

# Prometheus' API behind the API server.
prometheus() { kubectl get --raw "/api/v1/namespaces/prom-metrics/services/prometheus:9090/proxy/api/v1/$1"; }
scraped() { [ "$(prometheus "query?query=count(up{job=\"states\"}==1)" | jq -r '.data.result[0].value[1]')" = 2 ] && prometheus 'query?query=hpawalk_hpa_state' | jq -e '.data.result | length > 0' >/dev/null; }
rules_loaded() { [ "$(prometheus rules | jq '[.data.groups[].rules[]] | length')" -gt 5 ]; }
# Which alerts fired since the beginning, and which of the mixin.
fired() { prometheus "query?query=count%20by%20(alertname)(count_over_time(ALERTS%7Balertstate=%22firing%22%7D%5B2h%5D))" | jq -r '[.data.result[].metric.alertname] | sort | join(" ")'; }
# The API server's audit log has every request of the account that may only read, unless it only reads.
audit_the_reader() {
  local etc=${XDG_STATE_HOME:-$HOME/.local/state}/hpawalk/clusters/$HPAWALK_CLUSTER_NAME/etc/kubernetes
  cat >"$etc/pki/audit.yaml" <<'END'
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Metadata
  users: ["system:serviceaccount:default:reader"]
  verbs: [create, update, patch, delete, deletecollection]
- level: None
END
  sed 's|^\( *\)- kube-apiserver$|&\n\1- --audit-policy-file=/etc/kubernetes/pki/audit.yaml\n\1- --audit-log-path=-|' "$etc/manifests/kube-apiserver.yaml" >"$etc/kube-apiserver.yaml"
  mv "$etc/kube-apiserver.yaml" "$etc/manifests/kube-apiserver.yaml"
}
audited() { kubectl get pods -n kube-system -l component=kube-apiserver -o json | jq -e '.items[0] | (.spec.containers[0].command | index("--audit-log-path=-")) and .status.containerStatuses[0].ready'; }
audit_log() { kubectl logs -n kube-system -l component=kube-apiserver --tail=-1 | grep '"kind":"Event","apiVersion":"audit' | jq -r '"\(.verb) \(.objectRef.resource)/\(.objectRef.subresource // "")"' | sort -u; }
write_is_audited() { kubectl --kubeconfig reader scale deployment nginx --replicas 3; audit_log | grep 'patch deployments/scale'; }

sequence() { jq -c ".variants[$1].sequence" shadow.json; }
same() { echo "real $(sequence 0), shadow $(sequence 1)"; [ "$(sequence 0)" = "$(sequence 1)" ] && jq -e '.differences == []' shadow.json; }

drive() {
  local minutes=${MINUTES:-60} steps=$((${MINUTES:-60} / 2)) shadow audit
  # The window is no whole number of sync periods: what falls on its end would be a race.
  new_cluster --hpa-downscale-stabilization 50s
  audit_the_reader
  check "the API server audits" within 300 audited
  check "up builds the chain" "$hpawalk" up
  start_exporters 1m
  scrape_beside "$address" 15s 9797 9798
  kubectl apply -f - >/dev/null <<END
# As in kubernetes-mixin.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: mixin, namespace: prom-metrics}
spec:
  groups:
  - name: mixin
    rules:
    - alert: KubeHpaMaxedOut
      expr: kube_horizontalpodautoscaler_status_current_replicas == kube_horizontalpodautoscaler_spec_max_replicas and kube_horizontalpodautoscaler_spec_max_replicas != kube_horizontalpodautoscaler_spec_min_replicas
      for: 15m
END
  check "Prometheus scrapes the exporter and kube-state-metrics" within 300 scraped
  "$hpawalk" alerts -A 2>alerts.log >alerts.yaml
  check "its Prometheus takes the rules (no warning)" test "$(grep -c warning alerts.log)" = 0
  check "the rules are applied" kubectl apply -f alerts.yaml
  check "and loaded" within 300 rules_loaded
  [ "$failed" -eq 0 ] || return
  read_only_account reader
  kubectl get hpa nginx -o yaml >nginx.yaml
  "$hpawalk" shadow --hpa nginx.yaml --kubeconfig reader --for "${minutes}m" -o json >shadow.json 2>shadow.log &
  shadow=$!
  # At maxReplicas with a load that these pods carry (10 is the target), for longer than KubeHpaMaxedOut waits.
  check "an hour of load" "$hpawalk" drive "steps 5,20,7,14,6,30,8,12 every $((steps * 60 / 8))s; hold 50 for 90s; hold 10 for $((minutes - steps - 6))m; hold 5 for 4m"
  check "no alert of hpawalk's fired; the mixin's false one did ($(fired))" test "$(fired)" = KubeHpaMaxedOut
  wait "$shadow"
  # Nothing but questions whether it may: they are created, and change nothing.
  audit=$(audit_log)
  check "the shadow wrote nothing by the API server's audit log ($(xargs <<<"$audit"))" test -z "$(grep -vE '^(create (self)?subjectaccessreviews/)?$' <<<"$audit")"
  check "  which has a write that the account tries" within 30 write_is_audited
  check "the shadow has the HPA's sequence, and no difference ($(sequence 0))" same
  cp shadow.json "${SAVE:-$work}/" 2>/dev/null
}

[ $# -gt 0 ] || set -- faults
for part in "$@"; do
  printf -- '-- %s\n' "$part"
  case $part in
    faults) faults ;;
    shared) SHARED=1 faults ;;
    drive) drive ;;
    *) echo "no such part: $part" >&2; exit 2 ;;
  esac
done
summary
