#!/usr/bin/env bash
# shadow against the real HPA, by an account that may only read: of the HPA itself it has the same sequence; of another
# one its own, and it says why.
# Usage: shadow.sh HPAWALK. Needs root. Its cluster is called test-shadow-PID.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
export HPAWALK_CLUSTER_NAME=test-shadow-$$
work=$(mktemp -d)
cd "$work" || exit
trap '"$hpawalk" cluster down --name "$HPAWALK_CLUSTER_NAME" >/dev/null 2>&1; rm -rf "$work"' EXIT

# The window is no whole number of sync periods: what falls on its end would be a race.
"$hpawalk" cluster up --name "$HPAWALK_CLUSTER_NAME" --hpa-sync-period 5s --hpa-downscale-stabilization 12s >/dev/null || exit 3
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$HPAWALK_CLUSTER_NAME")
export KUBECONFIG
check "up builds the chain" "$hpawalk" up

read_only_account reader
may_not_write() { [ "$(kubectl --kubeconfig reader auth can-i patch deployments/scale 2>/dev/null)" = no ]; }
check "the account may not scale" may_not_write

kubectl get hpa nginx -o yaml >nginx.yaml
sed 's/value: "10"/value: "20"/' nginx.yaml >twice.yaml
for name in nginx twice; do
  "$hpawalk" shadow --hpa $name.yaml --kubeconfig reader --for 140s --report $name.html -o json >$name.json 2>$name.log &
done
sleep 8
check "50 is set" "$hpawalk" set-value 50
sleep 30
check "5 is set" "$hpawalk" set-value 5
wait

sequence() { jq -c ".variants[$2].sequence" "$1.json"; }
same() {
  echo "real $(sequence nginx 0), shadow $(sequence nginx 1)"
  [ "$(sequence nginx 0)" = "$(sequence nginx 1)" ] && [ "$(sequence nginx 0)" = "[1,4,8,10,5,3,2,1]" ]
}
no_difference() { jq -e '.differences == []' nginx.json; }
other() {
  echo "real $(sequence twice 0), shadow $(sequence twice 1)"
  sequence twice 1 | grep '^\[1,3,6,' && jq -e '[.differences[].why] | length > 0 and all(. != "")' twice.json
}
check "the shadow of the HPA has the HPA's sequence" same
check "  and no difference" no_difference
check "with another target it has another one, and says why" other
check "the report was written" grep -q "Where they differ" twice.html
check "an HPA that cannot be there is refused" fails_with 2 "[hpa-spec]" "$hpawalk" shadow --hpa nginx.yaml --set spec.maxReplicas=0 --kubeconfig reader
check "a workload that is not there is named" fails_with 1 "[kube-not-found]" \
  "$hpawalk" shadow --hpa nginx.yaml --set spec.scaleTargetRef.name=nosuch --kubeconfig reader
[ "$failed" -eq 0 ] || cat ./*.log >&2
summary
