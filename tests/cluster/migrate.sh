#!/usr/bin/env bash
# A migration from prometheus-adapter to KEDA and back under load, on one cluster with both chains: one HPA object with one
# UID all the time, replicas that never go below what the load needs, from every moment of a SIGKILL.
# Usage: migrate.sh HPAWALK. Needs root. Compiles KEDA once: 10 to 20 minutes on two cores.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
name=test-migrate-$$
export HPAWALK_CLUSTER_NAME=$name
work=$(mktemp -d)
cd "$work" || exit
recorders=()
trap 'kill "${recorders[@]}" 2>/dev/null; "$hpawalk" cluster down --name $name >/dev/null 2>&1; rm -rf "$work"' EXIT
"$hpawalk" cluster up --name "$name" --hpa-sync-period 5s --hpa-downscale-stabilization 20s >/dev/null || exit 3
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
export KUBECONFIG
keda=(--metrics keda --namespace two --prometheus-namespace two-metrics --keda-polling-interval 5s)
here=(-n default --kubeconfig "$KUBECONFIG")

kubectl create namespace two >/dev/null
check "the adapter's chain is built" "$hpawalk" up
check "and KEDA's chain beside it" "$hpawalk" up "${keda[@]}"
check "  each verifies: the adapter's" "$hpawalk" verify --wait
check "  and KEDA's" "$hpawalk" verify --wait "${keda[@]}"

replicas_are() { [ "$(kubectl get deployment nginx -o 'jsonpath={.spec.replicas}')" = "$1" ]; }
# The target is 10, and the value does not depend on the replicas: above it the HPA goes to its limit, 10.
check "a load is set" "$hpawalk" set-value 50
check "  and the HPA follows" within 90 replicas_are 10

# Every state of the workload, of all HPAs and ScaledObjects of its namespace, as the API server tells it.
kinds="deployment hpa scaledobject"
begin_record() {
  for kind in $kinds; do
    kubectl get "$kind" --watch --output-watch-events -o json >"$1.$kind" 2>/dev/null &
    recorders+=("$!")
  done
  seen() { [ -s "$1.deployment" ] && [ -s "$1.hpa" ]; }
  within 60 seen "$1"
}
end_record() {
  kill "${recorders[@]}"
  wait "${recorders[@]}" 2>/dev/null
  recorders=()
}
always_ten() { [ "$(jq -r 'select(.object.metadata.name == "nginx") | .object.spec.replicas' "$1.deployment" | sort -u)" = 10 ]; }
one_hpa() { [ "$(jq -r '"\(.type == "DELETED") \(.object.metadata.uid)"' "$1.hpa" | sort -u)" = "false $before" ]; }
always_read() {
  [ "$(jq -r '.object.status.conditions[]? | select(.type == "ScalingActive") | .status' "$1.hpa" | sort -u)" = True ]
}
summary_of() {
  jq -r '.object | [.metadata.generation, .spec.metrics[0].type, (.metadata.ownerReferences[0].kind // "-"),
    ([.status.conditions[]? | select(.type == "ScalingActive") | .status][0])] | @tsv' "$1.hpa" |
    uniq -c | sed 's/^/      states of the HPA (generation, metric, owner, active): /'
  jq -r '[.type, (.object.metadata.finalizers // [] | join(",")), (.object.metadata.deletionTimestamp // "-")] | @tsv' "$1.scaledobject" |
    uniq | sed 's/^/      ScaledObject: /'
}
uid() { kubectl get hpa nginx -o 'jsonpath={.metadata.uid}'; }
metric_type() { [ "$(kubectl get hpa nginx -o 'jsonpath={.spec.metrics[0].type}')" = "$1" ]; }
gone() { ! kubectl get scaledobject nginx 2>/dev/null; }
before=$(uid)

plan() { "$hpawalk" migrate nginx "${here[@]}" --to "$1" -o json >plan.json; }
check "the plan to KEDA is made" plan keda
check "  with nothing in the way" jq -e '.obstacles == []' plan.json
check "  and a replay without a difference" jq -e '.replay.differences == []' plan.json
jq -r '"      replayed: " + (.replay.before | map(tostring) | join(", "))' plan.json
manifest_is_taken() { "$hpawalk" migrate nginx "${here[@]}" --to keda -o yaml | kubectl create --dry-run=server -f -; }
check "  the manifest is one that the API server takes" manifest_is_taken
check "  and nothing was changed" metric_type Object
check "without a named cluster, --apply refuses" fails_with 2 cluster-not-chosen "$hpawalk" migrate nginx -n default --to keda --apply

begin_record there
check "to KEDA" "$hpawalk" migrate nginx "${here[@]}" --to keda --apply
sleep 20
end_record
check "  the HPA has KEDA's metric" metric_type External
check "  it is the same object" test "$(uid)" = "$before"
check "  always 10 replicas" always_ten there
check "  always one HPA, with one UID" one_hpa there
check "  which always reads its metric" always_read there
summary_of there
check "  again: nothing to do" "$hpawalk" migrate nginx "${here[@]}" --to keda --apply
check "a lower load is followed by KEDA's HPA" "$hpawalk" set-value 1
check "  down to 1 replica" within 120 replicas_are 1
check "and the former load" "$hpawalk" set-value 50
check "  up to 10" within 90 replicas_are 10

check "the plan back is made" plan adapter
check "  by the adapter's own rule" jq -e '.rules == [] and .obstacles == []' plan.json
begin_record back
check "back to the adapter" "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply
sleep 20
end_record
check "  the HPA has the adapter's metric" metric_type Object
check "  it is the same object" test "$(uid)" = "$before"
check "  the ScaledObject has ended" gone
check "  always 10 replicas" always_ten back
check "  always one HPA, with one UID" one_hpa back
check "  which always reads its metric" always_read back
summary_of back
check "  verify finds the adapter's chain whole" "$hpawalk" verify --wait
check "  again: nothing to do" "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply

# Killed in the middle, by what the API server told of the ScaledObject; the HPA then has to do without hpawalk.
killed_at() { # DIRECTION TEXT
  local child
  "$hpawalk" migrate nginx "${here[@]}" --to "$1" --apply >/dev/null 2>&1 &
  child=$!
  until grep -q -- "$2" killed.scaledobject || ! kill -0 "$child" 2>/dev/null; do sleep 0.02; done
  kill -KILL "$child"
  wait "$child" 2>/dev/null
  [ $? -eq 137 ]
}
begin_record killed
operator() { kubectl scale deployment keda-operator -n keda --replicas="$1" >/dev/null; }
stopped() { [ -z "$(kubectl get pods -n keda -l app=keda-operator -o name)" ]; }
operator 0 # so that the command has to wait for it
within 60 stopped
check "to KEDA, killed when the ScaledObject has been created" killed_at keda '"name": *"nginx"'
sleep 12
check "  the HPA is still the adapter's" metric_type Object
operator 1
check "  the same command ends it" "$hpawalk" migrate nginx "${here[@]}" --to keda --apply
check "  has KEDA's metric" metric_type External
check "back, killed when the finalizer is on the ScaledObject" killed_at adapter hpawalk/migration
sleep 12
check "  killed again, when it is being deleted" killed_at adapter '"deletionTimestamp"'
sleep 12
kubectl get scaledobject nginx -o json 2>/dev/null |
  jq -r '"      left by the kill: finalizers " + (.metadata.finalizers | join(",")) + ", deleted at " + (.metadata.deletionTimestamp // "-")'
check "  the same command ends it" "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply
check "  has the adapter's metric" metric_type Object
sleep 10
end_record
check "  the ScaledObject has ended" gone
check "  it is the same object" test "$(uid)" = "$before"
check "  always 10 replicas" always_ten killed
check "  always one HPA, with one UID" one_hpa killed
check "  which always reads its metric" always_read killed
summary_of killed

# Held in the middle: KEDA's operator stops while the ScaledObject is being deleted.
check "to KEDA once more" "$hpawalk" migrate nginx "${here[@]}" --to keda --apply
operator 0
within 60 stopped
check "without KEDA's operator, the way back times out" \
  fails_with 1 migrate-timeout "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply --timeout 5s
check "  and 10 replicas stay" replicas_are 10
operator 1
check "  with it, the same command ends" "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply
check "  it is the same object" test "$(uid)" = "$before"

# A free query needs a rule, which hpawalk does not write.
kubectl patch scaledobject nginx -n two --type=json \
  -p '[{"op":"replace","path":"/spec/triggers/0/metadata/query","value":"max(prom_fake_value) * 1"}]' >/dev/null
check "a query without a rule is refused, with the rule" \
  fails_with 1 migrate-refused "$hpawalk" migrate nginx -n two --kubeconfig "$KUBECONFIG" --to adapter --apply
"$hpawalk" migrate nginx -n two --kubeconfig "$KUBECONFIG" --to adapter -o json >free.json
check "  which the plan prints" jq -e '.rules | length == 1' free.json
place=$(kubectl get configmap -A -l app.kubernetes.io/name=prometheus-adapter -o json | jq -r '.items[0].metadata | "\(.namespace) \(.name)"')
read -r space map <<<"$place"
kubectl get configmap "$map" -n "$space" -o 'jsonpath={.data.config\.yaml}' >config.yaml
python3 - <<'END' || exit
import json
rules = json.load(open("free.json"))["rules"]
text = open("config.yaml").read().rstrip("\n")
lines = text.split("\n")
at = lines.index("rules:") + 1
open("config.yaml", "w").write("\n".join(lines[:at] + ["- " + json.dumps(rule) for rule in rules] + lines[at:]) + "\n")
END
kubectl create configmap "$map" -n "$space" --from-file=config.yaml --dry-run=client -o json |
  jq '{data}' | kubectl patch configmap "$map" -n "$space" --type=merge --patch-file /dev/stdin >/dev/null
kubectl rollout restart deployment -n "$space" -l app.kubernetes.io/name=prometheus-adapter >/dev/null
kubectl rollout status deployment -n "$space" -l app.kubernetes.io/name=prometheus-adapter --timeout 120s >/dev/null
path=$(jq -r '.steps[] | select(.id == "served") | .command' free.json | sed 's/^kubectl get --raw //')
served() { kubectl get --raw "$path" | jq -e '.items[0].value'; }
check "  with the rule in its configuration, the adapter serves the metric" within 120 served
check "  and the migration ends" "$hpawalk" migrate nginx -n two --kubeconfig "$KUBECONFIG" --to adapter --apply
reads() { kubectl get hpa nginx -n two -o json | jq -e '[.status.conditions[] | select(.type == "ScalingActive") | .status] == ["True"]'; }
check "  the HPA reads it" within 30 reads
check "down of the one chain" "$hpawalk" down
check "down of the other" "$hpawalk" down "${keda[@]}"
summary
