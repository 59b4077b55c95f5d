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
recorder=
trap '[ -n "$recorder" ] && kill "$recorder" 2>/dev/null; "$hpawalk" cluster down --name $name >/dev/null 2>&1; rm -rf "$work"' EXIT
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
check "a load for 7 replicas is set" "$hpawalk" set-value 70
check "  and the HPA follows" within 60 replicas_are 7

# Once a second: the replicas, every HPA of the workload (UID, metric, whether it is read), the ScaledObject.
record() {
  while :; do
    {
      kubectl get deployment nginx -o json | jq -c '{replicas: .spec.replicas}'
      kubectl get hpa -o json | jq -c '{hpas: [.items[] | select(.spec.scaleTargetRef.name == "nginx") |
        {uid: .metadata.uid, owner: (.metadata.ownerReferences[0].kind // ""), type: .spec.metrics[0].type,
         active: ([.status.conditions[]? | select(.type == "ScalingActive") | .status][0])}]}'
      kubectl get scaledobject -o json | jq -c '{scaledObjects: [.items[].metadata | {name, finalizers, deletionTimestamp}]}'
    } | jq -sc --arg at "$(date +%T)" '{at: $at} + add' >>"$1"
    sleep 1
  done
}
begin_record() { record "$1" & recorder=$!; }
end_record() { kill "$recorder"; wait "$recorder" 2>/dev/null; recorder=; }
always_seven() { [ "$(jq -r .replicas "$1" | sort -u)" = 7 ]; }
one_hpa() { [ "$(jq -r '.hpas | length' "$1" | sort -u)" = 1 ] && [ "$(jq -r '.hpas[0].uid' "$1" | sort -u | wc -l)" = 1 ]; }
always_read() { [ "$(jq -r '.hpas[0].active' "$1" | sort -u)" = True ]; }
summary_of() {
  jq -r '[.replicas, (.hpas | length), .hpas[0].type, .hpas[0].owner, .hpas[0].active, (.scaledObjects | length)] | @tsv' "$1" |
    uniq -c | sed 's/^/      seconds, replicas, HPAs, metric, owner, active, ScaledObjects: /'
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

begin_record there.jsonl
check "to KEDA" "$hpawalk" migrate nginx "${here[@]}" --to keda --apply
sleep 20
end_record
check "  the HPA has KEDA's metric" metric_type External
check "  it is the same object" test "$(uid)" = "$before"
check "  7 replicas in each second" always_seven there.jsonl
check "  one HPA in each second, with one UID" one_hpa there.jsonl
check "  which was read in each second" always_read there.jsonl
summary_of there.jsonl
check "  again: nothing to do" "$hpawalk" migrate nginx "${here[@]}" --to keda --apply
check "a higher load is followed by KEDA's HPA" "$hpawalk" set-value 90
check "  to 9 replicas" within 60 replicas_are 9
check "the former load again" "$hpawalk" set-value 70
within 90 replicas_are 7

check "the plan back is made" plan adapter
check "  by the adapter's own rule" jq -e '.rules == [] and .obstacles == []' plan.json
begin_record back.jsonl
check "back to the adapter" "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply
sleep 20
end_record
check "  the HPA has the adapter's metric" metric_type Object
check "  it is the same object" test "$(uid)" = "$before"
check "  the ScaledObject has ended" gone
check "  7 replicas in each second" always_seven back.jsonl
check "  one HPA in each second, with one UID" one_hpa back.jsonl
check "  which was read in each second" always_read back.jsonl
summary_of back.jsonl
check "  verify finds the adapter's chain whole" "$hpawalk" verify --wait
check "  again: nothing to do" "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply

# Killed in the middle: after so many seconds, and again until it ends.
killed() { # DIRECTION
  local tries=0 wait=0.3
  until timeout -s KILL "$wait" "$hpawalk" migrate nginx "${here[@]}" --to "$1" --apply >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -gt 40 ] && return 1
    wait=$(awk "BEGIN { print $wait + 0.3 }")
  done
  echo "      ended after $tries kills"
}
begin_record killed.jsonl
check "to KEDA, killed again and again" killed keda
check "  has KEDA's metric" metric_type External
sleep 5
check "back, killed again and again" killed adapter
check "  has the adapter's metric" metric_type Object
sleep 10
end_record
check "  the ScaledObject has ended" gone
check "  it is the same object" test "$(uid)" = "$before"
check "  7 replicas in each second" always_seven killed.jsonl
check "  one HPA in each second, with one UID" one_hpa killed.jsonl
summary_of killed.jsonl

# Held in the middle: KEDA's operator stops while the ScaledObject is being deleted.
check "to KEDA once more" "$hpawalk" migrate nginx "${here[@]}" --to keda --apply
kubectl scale deployment keda-operator -n keda --replicas=0 >/dev/null
stopped() { [ -z "$(kubectl get pods -n keda -l app=keda-operator -o name)" ]; }
within 60 stopped
check "without KEDA's operator, the way back times out" \
  fails_with 1 migrate-timeout "$hpawalk" migrate nginx "${here[@]}" --to adapter --apply --timeout 5s
check "  and 7 replicas stay" replicas_are 7
kubectl scale deployment keda-operator -n keda --replicas=1 >/dev/null
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
kubectl delete hpa nginx -n two >/dev/null
check "down of both chains" "$hpawalk" down
summary
