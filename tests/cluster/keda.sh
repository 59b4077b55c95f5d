#!/usr/bin/env bash
# The chain with KEDA: up from nothing, 0 -> 1 -> N -> 0 beside the simulated sequence, both chains on one cluster, what is
# refused, down. Usage: keda.sh HPAWALK. Needs root. Compiles KEDA once: 10 to 20 minutes on two cores.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
name=test-keda-$$
export HPAWALK_CLUSTER_NAME=$name
work=$(mktemp -d)
cd "$work" || exit
trap '"$hpawalk" cluster down --name $name >/dev/null 2>&1; rm -rf "$work"' EXIT
"$hpawalk" cluster up --name "$name" --hpa-sync-period 5s --hpa-downscale-stabilization 20s >/dev/null || exit 3
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
export KUBECONFIG

kinds=all,configmaps,secrets,serviceaccounts,namespaces,crd,clusterroles,clusterrolebindings,roles,rolebindings
kinds=$kinds,apiservices,endpointslices,hpa,networkpolicies,leases
listing() { kubectl get "$kinds" -A -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}' 2>/dev/null | grep -v '^Event/' | sort; }
as_before() { listing >after && diff before after; }
replicas_are() { [ "$(kubectl get deployment nginx -n "${2:-default}" -o 'jsonpath={.spec.replicas}')" = "$1" ]; }
outcomes() { jq -r '[.stages[].outcome] | unique | join(" ")' "$1"; }

# The kubelet shows the static pods a while after they run.
static_pods_shown() { [ "$(kubectl -n kube-system get pods -l tier=control-plane -o name | wc -l)" -eq 4 ]; }
within 60 static_pods_shown
sleep 5
listing >before
keda=(--metrics keda --hpa-min 0 --keda-polling-interval 5s --keda-cooldown-period 40s)

# KEDA itself is compiled here, where it was not yet; the times below are those of the second time.
check "up builds KEDA's chain" "$hpawalk" up "${keda[@]}"
check "down removes it" "$hpawalk" down "${keda[@]}"
within 30 as_before >/dev/null
check "  and leaves nothing" as_before
built() { "$hpawalk" up "${keda[@]}" -o json >"$1"; }
check "up builds it again, from nothing" built up.json
jq -r '"      \(.seconds) s: " + ([.stages[] | "\(.name) \(.seconds)"] | join(", "))' up.json
check "a second up ends well" built again.json
check "  and has nothing to do" test "$(outcomes again.json)" = unchanged
for command in status verify "logs keda --tail 5" doctor; do
  # shellcheck disable=SC2086
  check "$command" "$hpawalk" $command "${keda[@]}"
done
healthy() { "$hpawalk" diagnose nginx -o json | jq -e '.hpas[0].verdict == "ok"'; }
check "diagnose finds nothing wrong" healthy
check "a setting that changes is applied" "$hpawalk" up "${keda[@]}" --hpa-max 7
hpa_max() { [ "$(kubectl get hpa nginx -o 'jsonpath={.spec.maxReplicas}')" = "$1" ]; }
check "  KEDA's HPA has it" within 20 hpa_max 7
check "  and it is taken back" "$hpawalk" up "${keda[@]}"
within 20 hpa_max 10

check "at 0 the workload goes to 0 replicas" "$hpawalk" set-value 0 "${keda[@]}"
check "  after KEDA's cooldown" within 90 replicas_are 0
check "  which diagnose takes for what it is" within 20 healthy
check "  and up too" built zero.json

# The same load as the simulator is given.
"$hpawalk" render scaledobject "${keda[@]}" >scaledobject.yaml
# The HPA scales to 1 after 20 s; KEDA to 0 after 40 s.
profile='steps 0,5,45,0,0 every 40s'
driven() { "$hpawalk" drive "$profile" "${keda[@]}" --record run.jsonl --compare-simulation -o json >out.json; }
simulated() {
  "$hpawalk" simulate --hpa scaledobject.yaml --profile "$profile" --hpa-sync-period 5s --hpa-downscale-stabilization 20s \
    -o json >simulated.json
}
check "0, 5, 45, 0 are driven" driven
check "  and simulated" simulated
jq -r '"      real:      " + (.sequence | map(tostring) | join(", "))' out.json
jq -r '"      simulated: " + (.variants[0].sequence | map(tostring) | join(", "))' simulated.json
same() { [ "$(jq -c .sequence out.json)" = "$(jq -c '.variants[0].sequence' simulated.json)" ]; }
check "  the replicas take the same values in the same order" same
as_recorded() { jq -e '.prediction.possible and .prediction.worstSeconds <= 10' out.json; }
check "  each change when the simulation of the recording has it" as_recorded
jq -r '"      " + .prediction.verdict' out.json

# Each fault is named first, before what follows from it.
check "5 is set" "$hpawalk" set-value 5 "${keda[@]}"
first_is() { { "$hpawalk" diagnose nginx -o json || true; } | jq -e --arg id "$1" '.hpas[0].metrics[0].findings[0].cause == $id'; }
repaired() {
  kubectl annotate scaledobject nginx autoscaling.keda.sh/paused-scale-in- &&
    kubectl patch scaledobject nginx --type=merge -p '{"spec":{"fallback":null}}' &&
    kubectl apply --server-side --force-conflicts --field-manager=hpawalk -f scaledobject.yaml &&
    kubectl scale deployment keda-operator -n keda --replicas=1 && within 180 healthy
}
fault() { # ID COMMAND...
  local id=$1
  shift
  check "$id is made" "$@"
  check "  diagnose names it" within 90 first_is "$id"
  check "  and nothing, once it is repaired" repaired
}
trigger() { # FIELD VALUE, as JSON
  kubectl patch scaledobject nginx --type=json -p "[{\"op\":\"add\",\"path\":\"/spec/triggers/0/metadata/$1\",\"value\":$2}]"
}
falls_back() {
  kubectl patch scaledobject nginx --type=merge -p '{"spec":{"fallback":{"failureThreshold":1,"replicas":3}}}' &&
    trigger query '"sum(prom_fake_value"'
}
check "  and 1 replica is there" within 30 replicas_are 1
fault "keda-several-rows" trigger query '"count by (__name__) ({job=~\".+\"})"'
fault "keda-empty-result" trigger query '"sum(prom_fake_value{service=\"prom-fak\"})"'
fault "keda-query-fails" trigger query '"sum(prom_fake_value"'
fault "keda-no-number" trigger query '"sum(prom_fake_value) / (sum(prom_fake_value) - sum(prom_fake_value))"'
fault "keda-server-address" trigger serverAddress '"http://nowhere.default.svc:9090"'
fault "keda-fallback" falls_back
fault "keda-scaledobject" trigger threshold '"many"'
fault "keda-paused" kubectl annotate scaledobject nginx autoscaling.keda.sh/paused-scale-in=true
fault "keda-below-activation" trigger activationThreshold '"100"'
fault "keda-operator-not-running" kubectl scale deployment keda-operator -n keda --replicas=0

other=(--namespace two --prometheus-namespace two-metrics --adapter-namespace two-metrics)
kubectl create namespace two >/dev/null
check "prometheus-adapter's chain stands beside it" "$hpawalk" up "${other[@]}"
check "  each verifies: KEDA's" "$hpawalk" verify --wait "${keda[@]}"
check "  and the adapter's" "$hpawalk" verify --wait "${other[@]}"
check "  its down leaves KEDA's alone" "$hpawalk" down "${other[@]}"
check "  which still verifies" "$hpawalk" verify "${keda[@]}"
kubectl delete namespace two --wait=false >/dev/null

check "the other chain on the same workload is refused" fails_with 1 autoscaler-exists "$hpawalk" up
check "KEDA in another namespace is refused" fails_with 1 keda-elsewhere "$hpawalk" up "${keda[@]}" --keda-namespace scaling
kubectl create namespace shop >/dev/null
kubectl apply -f - >/dev/null <<'YAML'
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: theirs, namespace: shop}
spec:
  scaleTargetRef: {name: absent}
  triggers:
  - type: cron
    metadata: {timezone: UTC, start: 0 0 * * *, end: 1 0 * * *, desiredReplicas: "2"}
YAML
check "down with another's ScaledObject on the cluster" "$hpawalk" down "${keda[@]}"
check "  leaves KEDA for it" kubectl get deployment keda-operator -n keda
check "  and removes the rest" fails_with 1 NotFound kubectl get deployment nginx
kubectl delete scaledobject theirs -n shop >/dev/null
kubectl delete namespace shop --wait=false >/dev/null
check "down again removes KEDA" "$hpawalk" down "${keda[@]}"
within 60 as_before >/dev/null
check "  and leaves nothing" as_before
summary
