#!/usr/bin/env bash
# The chain with as few rights as it needs, on a real cluster: every namespace enforces Pod Security restricted, the
# accounts may look at what they need and nothing else, the API server checks the adapter's certificate, and prom-fake
# has no address outside; and what hpawalk says where something does not fit.
# Usage: restricted.sh HPAWALK. Needs root.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
name=test-restricted
export HPAWALK_CLUSTER_NAME=$name
work=$(mktemp -d)
cd "$work" || exit
trap '"$hpawalk" cluster down --name $name > /dev/null 2>&1; rm -rf "$work"' EXIT

hardened() { # the linker's and the compiler's traces in the program itself
  local sign
  readelf --wide --file-header --program-headers --dynamic "$hpawalk" > elf || return
  for sign in "Position-Independent Executable" GNU_RELRO BIND_NOW; do grep -q "$sign" elf || { echo "no $sign"; return 1; }; done
  readelf --wide --dyn-syms "$hpawalk" > symbols
  for sign in __stack_chk_fail __memcpy_chk; do grep -q "$sign" symbols || { echo "no $sign"; return 1; }; done
}
if grep -q "CMAKE_BUILD_TYPE:STRING=Release" "$(dirname "$hpawalk")/CMakeCache.txt" 2> /dev/null; then
  check "hpawalk itself is hardened" hardened
else
  skip "hpawalk itself is hardened" "only the release build is"
fi

"$hpawalk" cluster up --name $name > cluster.log 2>&1 || { cat cluster.log; exit 3; }
export KUBECONFIG
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name $name)
kubectl() { command kubectl --request-timeout=10s "$@"; }

may() { [ "$(kubectl auth can-i "$@" 2> /dev/null)" = yes ]; }
may_not() { [ "$(kubectl auth can-i "$@" 2> /dev/null)" = no ]; }
prometheus=system:serviceaccount:prom-metrics:prometheus adapter=system:serviceaccount:prom-metrics:prometheus-adapter
certificate() { kubectl get secret prometheus-adapter-certificate -n prom-metrics -o "jsonpath={.data.tls\.crt}"; }
trusted() { kubectl get apiservice v1beta2.custom.metrics.k8s.io -o "jsonpath={.spec.$1}"; }
no_refusals() {
  kubectl get events -A -o json | jq -e '[.items[] | select(.message // "" | test("PodSecurity"; "i"))] == []'
}
every_pod() { # JQ-CONDITION
  kubectl get pods -A -o json | jq -e "[.items[] | select(.metadata.namespace != \"kube-system\") | select($1 | not) | .metadata.name] == []"
}
doctor_finds_that_it_fits() { "$hpawalk" doctor | grep "namespace default enforces .restricted.; the workload complies" > /dev/null; }
unchanged() { "$hpawalk" up | grep "nothing had to be changed" > /dev/null; }

kubectl label namespace default pod-security.kubernetes.io/enforce=restricted > /dev/null
check "doctor says that the workload fits the restricted namespace" doctor_finds_that_it_fits
check "one that does not fit is named before anything is made" fails_with 3 "[preflight-pod-security]" \
  "$hpawalk" up --workload-security-context '{}'
check "  nothing was made" test -z "$(kubectl get deployments -o name)"
check "up, where pods without restrictions are refused" "$hpawalk" up
check "  the namespace that it made refuses them too" \
  test "$(kubectl get namespace prom-metrics -o 'jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}')" = restricted
check "  no pod was refused" no_refusals
check "verify finds every link whole" "$hpawalk" verify --wait --timeout 60s
check "diagnose finds no fault in the tighter rights" "$hpawalk" diagnose
check "up again has nothing to do" unchanged
check "the HPA scales the workload to 10" "$hpawalk" set-value 50 --watch
check "  10 pods that run as no root" every_pod '.spec.securityContext.runAsNonRoot == true or all(.spec.containers[]; .securityContext.runAsNonRoot == true)'
check "  workload and prom-fake hold no token of the API server's" test "$(kubectl get pods -o json |
  jq '[.items[] | select(.metadata.labels.app == "nginx" or .metadata.labels.app == "prom-fake") | .spec.volumes // [] | length] | add')" = 0
check "  prom-fake's image is never pulled" test "$(kubectl get pods -l app=prom-fake -o 'jsonpath={.items[0].spec.containers[0].imagePullPolicy}')" = Never

check "prom-fake's Service has no address outside" test "$(kubectl get service prom-fake -o 'jsonpath={.spec.type}')" = ClusterIP
check "a LoadBalancer without source ranges is refused" fails_with 2 "requires prom-fake.source-ranges" "$hpawalk" up --prom-fake-service-type LoadBalancer
check "with them it is made" "$hpawalk" up --only prom-fake --prom-fake-service-type LoadBalancer --prom-fake-source-ranges 192.0.2.0/24
check "  for these" test "$(kubectl get service prom-fake -o 'jsonpath={.spec.type} {.spec.loadBalancerSourceRanges}')" = 'LoadBalancer ["192.0.2.0/24"]'
check "  and is gone with the next up" "$hpawalk" up --only prom-fake
check "  without a trace" test "$(kubectl get service prom-fake -o 'jsonpath={.spec.type} {.spec.loadBalancerSourceRanges}')" = 'ClusterIP '

check "Prometheus may list the pods beside prom-fake" may list pods --as=$prometheus -n default
check "  and none elsewhere" may_not list pods --as=$prometheus -n kube-system
check "  no nodes" may_not list nodes --as=$prometheus
check "  no ConfigMaps" may_not get configmaps --as=$prometheus -n default
check "the adapter may list pods" may list pods --as=$adapter -A
check "  and no ConfigMaps" may_not list configmaps --as=$adapter -A
check "  and no Secrets" may_not list secrets --as=$adapter -A

check "the API server checks the adapter's certificate" test -n "$(trusted caBundle)" -a "$(trusted insecureSkipTLSVerify)" != true
before=$(certificate)
check "an upgrade of the release" "$hpawalk" up --adapter-max-age 2m
check "  keeps the certificate" test -n "$before" -a "$(certificate)" = "$before"
kubectl annotate secret prometheus-adapter-certificate -n prom-metrics --overwrite hpawalk/renew-after=1 > /dev/null
check "an upgrade after a year" "$hpawalk" up --adapter-max-age 3m
check "  renews it" test "$(certificate)" != "$before"
check "  and the API server trusts both CAs for a while" test "$(trusted caBundle | base64 -d | grep -c BEGIN)" = 2
check "  verify finds every link whole" "$hpawalk" verify --wait --timeout 60s
kubectl delete secret prometheus-adapter-certificate -n prom-metrics > /dev/null
check "a certificate that was deleted comes back with the next up" "$hpawalk" up --adapter-max-age 3m
check "  a new one" test -n "$(certificate)"
check "  and is trusted" "$hpawalk" verify --wait --timeout 90s
check "down" "$hpawalk" down
check "  leaves no right of Prometheus's" test -z "$(kubectl get roles,rolebindings -n default -o name)"
summary
