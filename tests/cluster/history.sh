#!/usr/bin/env bash
# history against what drive recorded at the same time: the same decisions; and against a change by hand and a metric that
# was missing: both are told, and nothing else. The chain's Prometheus scrapes `hpawalk exporter`, which runs beside the
# cluster.
# Usage: history.sh HPAWALK. Needs root. Its cluster is called test-history-PID.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
schemas=$(realpath ../../docs/schemas/v1)
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
export HPAWALK_CLUSTER_NAME=test-history-$$
work=$(mktemp -d)
cd "$work" || exit
exporter=
trap '[ -z "$exporter" ] || kill "$exporter"; "$hpawalk" cluster down --name "$HPAWALK_CLUSTER_NAME" >/dev/null 2>&1; rm -rf "$work"' EXIT

"$hpawalk" cluster up --name "$HPAWALK_CLUSTER_NAME" --hpa-sync-period 10s --hpa-downscale-stabilization 25s >/dev/null || exit 3
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$HPAWALK_CLUSTER_NAME")
export KUBECONFIG
check "up builds the chain" "$hpawalk" up

# This machine's side of the cluster's link.
host=$(kubectl get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}' | sed 's/\.[0-9]*$/.1/')
port=$((20000 + $$ % 10000))
"$hpawalk" exporter --listen "$host:$port" --every 5s >exporter.log 2>&1 &
exporter=$!
scrape_beside "$host" 5s "$port"

told() { "$hpawalk" history nginx -n default "$@"; }
to_file() { told --since "$began" -o json >"$1.json"; }
began=$(date -u +%FT%TZ)
sleep 61  # the shortest period
check "history reads what the exporter exports" within 120 to_file first
began=$(date -u +%FT%TZ)
check "a step up and down is driven and recorded" "$hpawalk" drive 'step 1..50 at 15s for 70s; hold 5 for 60s' --record drive.jsonl
sleep 25  # until the last change has been scraped
check "  history tells it" to_file steps
driven() { "$hpawalk" report drive.jsonl -o json | jq -c .sequence; }
of_history() { jq -c '[.entries[] | select(.kind == "change")] | [.[0].before] + [.[].after]' "$1.json"; }
same() {
  echo "drive $(driven), history $(of_history steps)"
  # After drive's end, history goes on.
  [ "$(driven | jq length)" -gt 4 ] && [[ "$(of_history steps)" = "$(driven | tr -d ']')"* ]]
}
check "  the same changes as drive recorded" same
check "  nothing in it contradicts the controller" jq -e '[.entries[] | select(.contradicts)] == []' steps.json
check "  each change has its rule and its reason" jq -e '[.entries[] | select(.kind == "change")] | length > 3 and all(.rule != null and .why != "")' steps.json
rules() { jq -e '[.entries[] | select(.kind == "change") | .rule] | index("doubling") != null and index("metric") != null' steps.json; }
check "  without behavior the first steps are limited by doubling" rules
check "  the stabilization window is told before the way down" jq -e '[.entries[] | select(.kind == "stays" and .rule == "stabilized-down")] | length > 0' steps.json

# At its target a Value metric keeps the replicas that others set.
check "the metric is at its target" "$hpawalk" set-value 10
sleep 45
began=$(date -u +%FT%TZ)
replicas=$(kubectl get deployment nginx -o 'jsonpath={.spec.replicas}')
kubectl scale deployment nginx --replicas=$((replicas + 3)) >/dev/null
sleep 61
check "a change by hand is told" to_file hand
by_hand() { jq -e --argjson to $((replicas + 3)) '[.entries[] | select(.contradicts)] | length == 1 and .[0].kind == "another-client" and .[0].after == $to' hand.json; }
check "  as another client's, once" by_hand

began=$(date -u +%FT%TZ)
kubectl scale deployment prom-fake --replicas=0 >/dev/null
sleep 50
kubectl scale deployment prom-fake --replicas=1 >/dev/null
kubectl rollout status deployment prom-fake --timeout=60s >/dev/null
check "the metric is there again" "$hpawalk" set-value 10
sleep 40
check "a missing metric is told" to_file gap
gap() { jq -e '[.entries[] | select(.rule == "no-metric")] | length == 1 and (.[0].evidence | any(startswith("Prometheus has no sample") or startswith("The HPA'"'"'s condition")))' gap.json; }
check "  as a time without a decision, once" gap
told_cause() { jq -e '[.entries[] | select(.rule == "no-metric")][0].cause // "" | length > 0' gap.json; }
check "  with the cause that the exporter named" told_cause
check "  and nothing contradicts the controller" jq -e '[.entries[] | select(.kind == "another-client" or .kind == "not-scaled" or .kind == "unknown")] == []' gap.json

follows_schema() {
  /usr/bin/python3 -c 'import json, sys, jsonschema
schema, *documents = [json.load(open(name)) for name in sys.argv[1:]]
for document in documents: jsonschema.validate(document, {**schema, "additionalProperties": False})' \
    "$schemas/history.json" steps.json hand.json gap.json
}
check "the JSON follows its schema" follows_schema
markdown() { told --since 10m -o markdown | grep "| Time (UTC) | Replicas |" >/dev/null; }
html() { told --since 10m -o html | grep "What happened, and why" >/dev/null; }
check "Markdown for a post-mortem" markdown
check "an HTML report" html
check "text" told --since 10m
check "an HPA that does not exist is named" fails_with 2 hpa-not-found "$hpawalk" history nginz -n default
check "a period that is not of the past is refused" fails_with 2 duration "$hpawalk" history nginx -n default --since 1h --until 2h
[ "$failed" -eq 0 ] || {
  told --since 15m
  for file in steps hand gap; do jq -c '.entries[]' $file.json; done
  tail -n 5 exporter.log
} >&2
summary
