#!/usr/bin/env bash
# The walkthrough done by hand, one command after the other, beside `hpawalk up`, on the same cluster in the same run:
# from an empty cluster to ScalingActive=True. Then a second up, verify, and down.
# Usage: walkthrough.sh HPAWALK [ROUNDS]. Needs root. Its cluster is called bench-chain.
#   UPSTREAM_CHART=FOLDER   the community's prometheus-adapter chart, for the walkthrough by hand; without it hpawalk's
#                           own chart with the two defaults of the community's that cost time
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$(realpath "$1") rounds=${2:-1}
export HPAWALK_CLUSTER_NAME=bench-chain
work=$(mktemp -d)
cd "$work"
finish() {
  local status=$?
  [ "$status" -eq 0 ] || tail -n 20 "$work"/*.log >&2
  "$hpawalk" cluster down --name bench-chain >/dev/null 2>&1
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

"$hpawalk" cluster up --name bench-chain >cluster.log 2>&1
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name bench-chain)
export KUBECONFIG
programs() { "$hpawalk" cluster status --name bench-chain -o json | jq -r ".[0].programs.$1"; }
bundle=$(programs chain)/bundle.yaml
PATH=$PATH:$(programs kubernetes):$(programs chain)

now() { date +%s%N; }
since() { awk -v ns="$(($(now) - $1))" 'BEGIN { printf "%.1f", ns / 1e9 }'; }
load() { cut -d' ' -f1 /proc/loadavg; }
until_true() { # as a person who looks again and again
  local end=$((SECONDS + 300))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { echo "not within 300 s: $*" >&2; exit 1; }
    sleep 0.2
  done
}
stage() { printf '    %-16s %6s s\n' "$1" "$(since "$start")"; }

render() { "$hpawalk" render "$@"; }
# As a person writes them: without the probes that hpawalk shortens.
plain_prometheus() { render prometheus | sed '/^  # How soon a target/,$d'; }
prometheus_has_metric() {
  kubectl get --raw '/api/v1/namespaces/prom-metrics/services/prometheus:web/proxy/api/v1/query?query=prom_fake_value' | grep '"value"' >/dev/null
}
api_has_metric() { kubectl get --raw /apis/custom.metrics.k8s.io/v1beta1/namespaces/default/services/prom-fake/prom_fake_value | grep '"value"' >/dev/null; }
hpa_active() { kubectl get hpa nginx -o 'jsonpath={.status.conditions[?(@.type=="ScalingActive")].status}' | grep True >/dev/null; }

by_hand() {
  start=$(now)
  render workload | kubectl apply -f -
  kubectl rollout status deployment/nginx --timeout=300s
  stage workload
  kubectl apply --server-side -f "$bundle"
  kubectl rollout status deployment/prometheus-operator --timeout=300s
  stage operator
  plain_prometheus | kubectl apply -f -
  until_true kubectl -n prom-metrics get statefulset prometheus-prometheus
  kubectl -n prom-metrics rollout status statefulset/prometheus-prometheus --timeout=300s
  stage prometheus
  "$hpawalk" up --only image
  stage image
  render prom-fake | kubectl apply -f -
  kubectl rollout status deployment/prom-fake --timeout=300s
  stage prom-fake
  render servicemonitor | kubectl apply -f -
  until_true prometheus_has_metric
  stage servicemonitor
  helm install prometheus-adapter "${adapter_chart[@]}" --namespace prom-metrics --set prometheus.url=http://prometheus.prom-metrics.svc,prometheus.port=9090
  kubectl -n prom-metrics rollout status deployment/prometheus-adapter --timeout=300s
  until_true api_has_metric
  stage adapter
  render hpa | kubectl apply -f -
  until_true hpa_active
  stage hpa
  by_hand_seconds=$(since "$start")
}

# The objects above carry hpawalk's labels, but the operator and the release do not.
clear_by_hand() {
  helm uninstall prometheus-adapter --namespace prom-metrics
  "$hpawalk" down
  kubectl delete --ignore-not-found -f "$bundle" --wait=true
  kubectl -n kube-system delete service kubelet --ignore-not-found
  sleep 5
}

if [ -n "${UPSTREAM_CHART:-}" ]; then
  adapter_chart=("$UPSTREAM_CHART")
else
  adapter_chart=("$here/../../manifests/charts/prometheus-adapter" --set "metricsRelistInterval=1m,readinessProbe.initialDelaySeconds=30,readinessProbe.periodSeconds=10")
fi

measured() { # measured NAME COMMAND...: prints what it cost
  local name=$1
  shift
  "$here/run_and_count.py" cost.json "$@" >"$name.json" 2>"$name.log"
  jq -r --arg name "$name" '"\($name): \(.seconds) s; hpawalk itself \(.own_cpu) s of CPU, its \(.children) children \(.children_cpu) s"' cost.json
}

echo "warming up (page cache, images)"
"$hpawalk" up >warm.log 2>&1
"$hpawalk" down >warm.log 2>&1
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds, load $(load)"
  echo "  by hand:"
  by_hand >by_hand.log 2>&1
  sed -n '/^    /p' by_hand.log
  clear_by_hand >clear.log 2>&1
  measured up "$hpawalk" up -o json
  jq -r '.stages[] | "    \(.name): \(.seconds) s"' up.json
  measured second-up "$hpawalk" up -o json
  if "$hpawalk" verify --help >/dev/null 2>&1; then measured verify "$hpawalk" verify -o json; fi
  measured down "$hpawalk" down -o json
  awk -v hand="$by_hand_seconds" -v up="$(jq .seconds up.json)" 'BEGIN { printf "by hand %.1f s, hpawalk up %.1f s: %.1f times as fast\n", hand, up, hand / up }'
done
