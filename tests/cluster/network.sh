#!/usr/bin/env bash
# Nothing of the cluster's leaves the machine: what was connected to a pod that is no more finds its successor, and
# not somebody in the world who answers for every address. Pods of the metric's path are deleted while it is in use;
# each time the HPA must read a new value within 45 s.
# Usage: network.sh HPAWALK [ROUNDS]     of three deletions each; default 1. Needs root.
set -uo pipefail
hpawalk=$(realpath "$1")
rounds=${2:-1}
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
name=test-network-$$
export HPAWALK_CLUSTER_NAME=$name
work=$(mktemp -d)
jobs=()

finish() {
  for job in "${jobs[@]}"; do kill "$job"; done
  nft delete table inet $name
  "$hpawalk" cluster down --name $name
  rm -rf "$work"
}
trap 'finish >/dev/null 2>&1' EXIT

"$hpawalk" up >"$work/up.log" 2>&1 || { cat "$work/up.log"; exit 3; }
kubeconfig=$("$hpawalk" cluster kubeconfig --name $name)
kubectl=$("$hpawalk" cluster status --name $name -o json | jq -r '.[0].kubectl')
link=$(jq -r --arg name $name '.[$name].link | "hpawalk-\(.)"' /run/hpawalk-clusters)
kubectl() { command "$kubectl" --kubeconfig "$kubeconfig" --request-timeout=10s "$@"; }

# The world outside, which answers 404 whatever the address: so a connection that gets out stays there. The counter is
# the test's own, before any rule of the cluster's.
cat >"$work/world.py" <<'END'
import http.server


class World(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), World)
print(server.server_port, flush=True)
server.serve_forever()
END
python3 "$work/world.py" >"$work/port" &
jobs+=($!)
within 10 test -s "$work/port"
nft -f - <<END
table inet $name {
  chain count {
    type filter hook prerouting priority -300;
    iifname "$link" ip daddr { 10.244.0.0/16, 10.96.0.0/12 } counter
  }
  chain answer {
    type nat hook prerouting priority -100;
    iifname "$link" ip daddr { 10.244.0.0/16, 10.96.0.0/12 } tcp dport 1-65535 redirect to :$(cat "$work/port")
  }
}
END
got_out() { nft --json list chain inet $name count | jq '[.nftables[].rule?.expr[]?.counter?.packets | numbers] | add'; }

# In use: the metric is asked for twice a second beside what the HPA controller asks.
metric=/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/services/prom-fake/prom_fake_value
while :; do
  kubectl get --raw $metric >/dev/null 2>&1
  sleep 0.5
done &
jobs+=($!)

value=1
hpa_reads() { [ "$(kubectl get hpa nginx -o 'jsonpath={.status.currentMetrics[0].object.current.value}')" = "$1" ]; }
# A value that it has not had yet, so that an old reading is not taken for a new one; set when the pod has gone, so
# that its successor is asked.
replaced() { # NAMESPACE POD
  kubectl -n "$1" delete pod "$2" || return
  value=$((value % 9 + 2))
  within 45 "$hpawalk" set-value $value || return
  within 45 hpa_reads $value
}
pod_of() { kubectl get pods -A --field-selector=status.phase=Running -o json | jq -r --arg start "$1" \
  '[.items[] | select(.metadata.deletionTimestamp | not) | select(.metadata.name | startswith($start))][0] | "\(.metadata.namespace) \(.metadata.name)"'; }
for ((round = 1; round <= rounds; ++round)); do
  for which in prometheus-prometheus- prometheus-operator- prometheus-adapter-; do
    read -r space pod <<<"$(pod_of $which)"
    check "round $round: after $pod was deleted the HPA reads a new value" replaced "$space" "$pod"
  done
done

# Scaled to 0 and back: connections have the time to be translated to a pod that is gone.
away_and_back() {
  kubectl -n "$operator_space" scale deployment prometheus-operator --replicas=0 || return  # it would scale back
  within 30 no_operator || return
  kubectl -n "$space" scale statefulset prometheus-prometheus --replicas=0 || return
  kubectl -n "$space" wait --for=delete pod/prometheus-prometheus-0 --timeout=60s || return
  sleep 3
  kubectl -n "$space" scale statefulset prometheus-prometheus --replicas=1 || return
  kubectl -n "$operator_space" scale deployment prometheus-operator --replicas=1 || return
  value=$((value % 9 + 2))
  within 45 "$hpawalk" set-value $value || return
  within 45 hpa_reads $value
}
no_operator() { [ "$(pod_of prometheus-operator-)" = "null null" ]; }
read -r operator_space pod <<<"$(pod_of prometheus-operator-)"
read -r space pod <<<"$(pod_of prometheus-prometheus-)"
check "after Prometheus was scaled to 0 and back the HPA reads a new value" away_and_back

from_pod() { kubectl exec deploy/nginx -- curl -s -m 5 -o /dev/null -w '%{http_code}' "http://$1/"; }
refused() { # ADDRESS: quickly, by a reset
  local start=$SECONDS status=0
  from_pod "$1" || status=$?
  [ $status -eq 7 ] && [ $((SECONDS - start)) -le 3 ]
}
check "a pod's connection to an address that no pod has is refused at once" refused 10.244.0.250
# kube-proxy itself drops those.
not_answered() { [ "$(from_pod "$1")" = 000 ]; }
check "an address that no Service has does not answer" not_answered 10.96.200.200
node=$(cut -d' ' -f1 "$(jq -r --arg name $name '.[$name].root' /run/hpawalk-clusters)/node.pid")
refused_in_node() { nsenter --target "$node" --net curl -s -m 5 "http://$1/"; [ $? -eq 7 ]; }
check "the node's own too" refused_in_node 10.244.0.250
check "the address at which clouds give a machine its credentials is refused" refused_in_node 169.254.169.254
nothing_got_out() { echo "packets: $(got_out)"; [ "$(got_out)" = 0 ]; }
check "no packet to a pod's or a Service's address came out of the node" nothing_got_out
summary
