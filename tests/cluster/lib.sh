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
