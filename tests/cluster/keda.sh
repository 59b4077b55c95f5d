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

# Each fault is named first, before what follows from it. A healthy chain before each, and after it: nothing is named.
check "5 is set" "$hpawalk" set-value 5 "${keda[@]}"
# The first finding of the HPA, or ScaledObject, of that name; by one of its metrics.
first_of() { { "$hpawalk" diagnose "$1" -o json || true; } | jq -e --arg id "$2" '[.hpas[0].metrics[].findings[0].cause] | index($id) != null'; }
first_is() { first_of nginx "$1"; }
repaired() {
  kubectl delete hpa by-hand --ignore-not-found &&
    kubectl annotate scaledobject nginx autoscaling.keda.sh/paused-scale-in- autoscaling.keda.sh/paused- &&
    kubectl patch scaledobject nginx --type=merge -p '{"spec":{"fallback":null,"idleReplicaCount":null,"advanced":{"scalingModifiers":null}}}' &&
    kubectl apply --server-side --force-conflicts --field-manager=hpawalk -f scaledobject.yaml &&
    kubectl scale deployment keda-operator -n keda --replicas=1 && within 180 healthy
}
faults_named=0 faults_healthy=0
# told HPA FAILED_BEFORE: what diagnose says, where the check before failed.
told() { [ "$failed" -eq "$2" ] || "$hpawalk" diagnose "$1" | head -n 40; }
named() { # ID HPA
  local before=$failed
  check "  diagnose names it" within 90 first_of "$2" "$1"
  told "$2" "$before"
  faults_named=$((faults_named + 1 - failed + before))
}
unnamed() { # COMMAND...
  local before=$failed
  check "  and nothing, once it is repaired" "$@"
  told nginx "$before"
  faults_healthy=$((faults_healthy + 1 - failed + before))
}
fault() { # ID COMMAND...
  local id=$1
  shift
  check "$id is made" "$@"
  named "$id" nginx
  unnamed repaired
}
patched() { kubectl patch scaledobject nginx --type=json -p "$1"; }
trigger() { # FIELD VALUE, as JSON
  patched "[{\"op\":\"add\",\"path\":\"/spec/triggers/0/metadata/$1\",\"value\":$2}]"
}
falls_back() {
  kubectl patch scaledobject nginx --type=merge -p '{"spec":{"fallback":{"failureThreshold":1,"replicas":3}}}' &&
    trigger query '"sum(prom_fake_value"'
}
# With a token from TriggerAuthentication $1.
with_token() {
  patched '[{"op":"add","path":"/spec/triggers/0/authenticationRef","value":{"name":"'"$1"'"}},{"op":"add","path":"/spec/triggers/0/metadata/authModes","value":"bearer"}]'
}
token_from() { # TRIGGERAUTHENTICATION SECRET
  kubectl apply -f - <<YAML && with_token "$1"
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {name: $1, namespace: default}
spec: {secretTargetRef: [{parameter: bearerToken, name: $2, key: token}]}
YAML
}
formula() { # FORMULA TARGET
  kubectl patch scaledobject nginx --type=merge -p '{"spec":{"advanced":{"scalingModifiers":{"formula":"'"$1"'","target":"'"$2"'"}}}}'
}
idle_above_min() { kubectl patch scaledobject nginx --type=merge -p '{"spec":{"idleReplicaCount":2}}'; }
intervals() { kubectl patch scaledobject nginx --type=merge -p '{"spec":{"minReplicaCount":1,"cooldownPeriod":60}}'; }
by_hand() {
  kubectl apply -f - <<'YAML'
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: by-hand, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nginx}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
YAML
}
prom_fake=prom-fake.default.svc:$(kubectl get service prom-fake -o 'jsonpath={.spec.ports[0].port}')
prometheus_at=$(kubectl get scaledobject nginx -o 'jsonpath={.spec.triggers[0].metadata.serverAddress}')
second_trigger() {
  patched '[{"op":"add","path":"/spec/triggers/-","value":{"type":"prometheus","metadata":{"serverAddress":"'"$prometheus_at"'","query":"sum(prom_fake_value","threshold":"5"}}}]'
}
# A Prometheus of several tenants, on the node's own address; the pod is there because the API server's proxy leads to
# pods only.
cat >tenants.py <<'PY'
import http.server, sys
class Tenants(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        tenant = self.headers.get("X-Scope-OrgID")
        body = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"5"]}]}}' if tenant else b"no org id\n"
        self.send_response(200 if tenant else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Tenants)
open(sys.argv[1], "w").write(str(server.server_port))
server.serve_forever()
PY
nsenter --target "$(cut -d' ' -f1 "$(dirname "$KUBECONFIG")/node.pid")" --net python3 tenants.py port &
tenants=$!
trap 'kill $tenants 2>/dev/null; "$hpawalk" cluster down --name $name >/dev/null 2>&1; rm -rf "$work"' EXIT
within 20 test -s port
kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Service
metadata: {name: tenants, namespace: default}
spec: {selector: {app: tenants}, ports: [{port: 80, targetPort: $(cat port)}]}
---
apiVersion: v1
kind: Pod
metadata: {name: tenants, namespace: default, labels: {app: tenants}}
spec: {hostNetwork: true, terminationGracePeriodSeconds: 0, containers: [{name: pause, image: "${PAUSE_IMAGE:-registry.k8s.io/pause:3.10.2}"}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: default}
spec: {selector: {app: nobody}, ports: [{port: 9090}]}
---
apiVersion: v1
kind: Secret
metadata: {name: without-token, namespace: default}
stringData: {password: unseen}
YAML

check "  and 1 replica is there" within 30 replicas_are 1
fault "keda-several-rows" trigger query '"count by (__name__) ({job=~\".+\"})"'
fault "keda-empty-result" trigger query '"sum(prom_fake_value{service=\"prom-fak\"})"'
fault "keda-query-fails" trigger query '"sum(prom_fake_value"'
fault "keda-no-number" trigger query '"sum(prom_fake_value) / (sum(prom_fake_value) - sum(prom_fake_value))"'
fault "keda-server-address" trigger serverAddress '"http://nowhere.default.svc:9090"'
fault "keda-fallback" falls_back
fault "keda-trigger-invalid" trigger threshold '"many"'
fault "keda-trigger-invalid" patched '[{"op":"replace","path":"/spec/triggers/0/type","value":"promtheus"}]'
fault "keda-trigger-invalid" patched '[{"op":"remove","path":"/spec/triggers/0/metadata/query"}]'
fault "keda-paused" kubectl annotate scaledobject nginx autoscaling.keda.sh/paused-scale-in=true
fault "keda-paused" kubectl annotate scaledobject nginx autoscaling.keda.sh/paused=true
fault "keda-below-activation" trigger activationThreshold '"100"'
fault "keda-operator-not-running" kubectl scale deployment keda-operator -n keda --replicas=0
fault "keda-auth-missing" with_token absent
fault "keda-auth-secret" token_from no-secret absent
fault "keda-auth-key" token_from no-key without-token
fault "keda-tenant-header" trigger serverAddress '"http://tenants.default.svc"'
fault "keda-login-rejected" patched '[{"op":"add","path":"/spec/triggers/0/metadata/serverAddress","value":"https://kubernetes.default.svc"},{"op":"add","path":"/spec/triggers/0/metadata/unsafeSsl","value":"true"}]'
fault "keda-source-tls" trigger serverAddress '"https://kubernetes.default.svc"'
fault "keda-source-tls" trigger serverAddress "\"https://${prometheus_at#http://}\""
fault "keda-api-path" trigger serverAddress "\"$prometheus_at/prometheus\""
fault "keda-source-unreachable" trigger serverAddress '"http://empty.default.svc:9090"'
fault "keda-formula" formula 'value * 2' 10
fault "keda-formula" formula 'float(1)' none
fault "keda-scaledobject" patched '[{"op":"replace","path":"/spec/triggers/0","value":{"type":"metrics-api","metadata":{"url":"http://'"$prom_fake"'/value","valueLocation":"nowhere","targetValue":"5"}}}]'
fault "keda-replica-bounds" idle_above_min
fault "keda-one-trigger-fails" second_trigger
fault "keda-intervals" intervals
fault "keda-hpa-not-taken-over" by_hand

# Of ScaledObjects that get no HPA. KEDA's chain beside them stays healthy.
alone() { # ID NAME SPEC, as YAML in one line
  check "$1 is made" kubectl apply -f - <<YAML
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: $2, namespace: default}
spec: $3
YAML
  named "$1" "$2"
  kubectl delete scaledobject "$2" >/dev/null
}
cron='[{type: cron, metadata: {timezone: UTC, start: 0 0 * * *, end: 1 0 * * *, desiredReplicas: "2"}}]'
alone "keda-scale-target" no-target "{scaleTargetRef: {name: absent}, triggers: $cron}"
unnamed within 60 healthy
alone "keda-trigger-invalid" no-window "{scaleTargetRef: {name: nginx}, triggers: [{type: cron, metadata: {timezone: UTC}}]}"
unnamed within 60 healthy
alone "keda-source-unreachable" no-redis '{scaleTargetRef: {name: nginx}, triggers: [{type: redis, metadata: {address: "empty.default.svc:9090", listName: jobs, listLength: "5"}}]}'
unnamed within 60 healthy
check "the operator watches another namespace" kubectl set env deployment keda-operator -n keda WATCH_NAMESPACE=elsewhere
check "  and is there again" kubectl rollout status deployment keda-operator -n keda --timeout 180s
alone "keda-no-hpa" unwatched "{scaleTargetRef: {name: nginx}, triggers: $cron}"
check "it watches all again" kubectl set env deployment keda-operator -n keda WATCH_NAMESPACE=
check "  and is there again" kubectl rollout status deployment keda-operator -n keda --timeout 180s
unnamed repaired
printf '      %s faults named first, %s times nothing was named on a healthy chain\n' "$faults_named" "$faults_healthy"
kubectl delete service,pod tenants >/dev/null
kubectl delete service empty >/dev/null
kubectl delete secret without-token >/dev/null
kubectl delete triggerauthentications --all >/dev/null

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
