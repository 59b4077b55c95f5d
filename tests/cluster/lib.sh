# shellcheck shell=bash
# What the scripts beside this one share: checks against a real cluster. Sourced.
# shellcheck source=tests/report.sh
. "$(dirname "${BASH_SOURCE[0]}")/../report.sh"

# within SECONDS COMMAND...: again and again until it succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      "$@"
      return
    fi
    sleep 0.2
  done
}

# fails_with CODE TEXT COMMAND...: ends with this exit code and says this.
fails_with() {
  local code=$1 text=$2 out status=0
  shift 2
  out=$("$@" 2>&1) || status=$?
  [ "$status" -eq "$code" ] && grep -qF -- "$text" <<<"$out" && return
  printf 'exit code %s (expected %s), output:\n%s\n' "$status" "$code" "$out"
  return 1
}

# read_only_account FILE: a kubeconfig of an account that may read everything, and change nothing. For three hours.
read_only_account() {
  kubectl apply -f - >/dev/null <<'END'
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}
- {nonResourceURLs: ["*"], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
END
  cp "$KUBECONFIG" "$1"
  kubectl --kubeconfig "$1" config set-credentials reader --token "$(kubectl create token reader --duration 3h)" >/dev/null
  kubectl --kubeconfig "$1" config set-context --current --user reader >/dev/null
}

# scrape_beside ADDRESS INTERVAL PORT...: the walkthrough's Prometheus scrapes what listens on these ports beside the
# cluster's pods. It discovers by Endpoints.
scrape_beside() {
  local address=$1 interval=$2 ports='' endpoints='' port
  shift 2
  for port in "$@"; do
    ports+="{name: port-$port, port: $port}, "
    endpoints+="{port: port-$port, interval: $interval, honorLabels: true}, "
  done
  kubectl apply -f - >/dev/null <<END
apiVersion: v1
kind: Service
metadata: {name: states, namespace: default, labels: {app: states}}
spec: {ports: [$ports]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: states, namespace: default, labels: {app: states}}
subsets: [{addresses: [{ip: "$address"}], ports: [$ports]}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: states, namespace: prom-metrics, labels: {prometheus-instance: prometheus1}}
spec:
  namespaceSelector: {matchNames: [default]}
  selector: {matchLabels: {app: states}}
  endpoints: [$endpoints]
END
}
