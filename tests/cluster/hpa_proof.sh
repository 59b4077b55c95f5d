#!/usr/bin/env bash
# hpasim against a real kube-controller-manager, on clusters of its own. Needs root.
# Usage: hpa_proof.sh HPAWALK [PART...]      parts: short (the only one without names)  plain gates real-time
#   short      12 HPAs, two seconds a sync: 2 minutes
#   plain      36 HPAs, two seconds a sync
#   gates      36 other HPAs, with tolerances and minReplicas 0 (before 1.37 the cluster gets the two feature gates)
#   real-time  24 HPAs at Kubernetes' own 15 s and 5 min: 20 minutes
# Some HPAs go to zero and come back (from 1.37 on in every part), and some are changed in the middle.
#   SEED=1            of the HPAs and their loads
#   VERSION=1.34      of the cluster; default: hpawalk's
#   CHANGING=PROGRAM  simulates HPAs that are changed (build/dev/tests/hpasim/hpasim_changing)
set -uo pipefail
hpawalk=$(realpath "$1")
changing=$(realpath -m "${CHANGING:-$(dirname "$0")/../../build/dev/tests/hpasim/hpasim_changing}")
shift
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
parts=${*:-short}
name=${CLUSTER:-test-hpa} seed=${SEED:-1}
state=${XDG_STATE_HOME:-$HOME/.local/state}/hpawalk/clusters/$name

trap '"$hpawalk" cluster down --name $name >/dev/null 2>&1' EXIT
new_cluster() {
  "$hpawalk" cluster down --name "$name" >/dev/null 2>&1
  "$hpawalk" cluster up --name "$name" ${VERSION:+--kubernetes-version "$VERSION"} "$@" >/dev/null || exit 3
  KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
  export KUBECONFIG
}

# The kubelet starts a static pod again when its manifest changes; a new one is moved there whole.
with_gates() {
  local part
  for part in kube-apiserver kube-controller-manager; do
    sed "s/^\( *\)- $part\$/&\n\1- --feature-gates=HPAConfigurableTolerance=true,HPAScaleToZero=true/" "$state/etc/kubernetes/manifests/$part.yaml" >"$state/$part.yaml"
    mv "$state/$part.yaml" "$state/etc/kubernetes/manifests/$part.yaml"
  done
}
has_gates() {
  local ready='{range .items[*]}{.metadata.labels.component}{" "}{.spec.containers[0].command}{" "}{.status.containerStatuses[0].ready}{"\n"}{end}'
  [ "$(kubectl --request-timeout=5s -n kube-system get pods -l tier=control-plane -o "jsonpath=$ready" | grep 'HPAScaleToZero=true.* true$' | cut -d' ' -f1 | sort | xargs)" = "kube-apiserver kube-controller-manager" ]
}

# Its lines count as this script's: it prints `N passed, N failed, N skipped` at its end.
prove() {
  counted python3 ./hpa_proof.py --hpawalk "$hpawalk" --changing "$changing" --host "$(host_address)" --seed "$seed" "$@"
}
minor() { kubectl version -o json | jq -r .serverVersion.minor; }
# This machine's side of the cluster's link: where the API server finds the metrics.
host_address() { kubectl get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}' | sed 's/\.[0-9]*$/.1/'; }

for part in $parts; do
  printf '\n-- %s\n' "$part"
  case $part in
    short)
      new_cluster --hpa-sync-period 2s --hpa-downscale-stabilization 10s
      prove --sync 2 --stabilization 10 --cases 12 --steps 3 --runs 200
      ;;
    plain)
      new_cluster --hpa-sync-period 2s --hpa-downscale-stabilization 10s
      prove --sync 2 --stabilization 10 --cases 36 ${SAVE:+--save "$SAVE-plain.json"}
      ;;
    gates)
      new_cluster --hpa-sync-period 2s --hpa-downscale-stabilization 10s
      gates=()
      if [ "$(minor)" -lt 37 ]; then
        with_gates
        check "the cluster has the feature gates" within 90 has_gates
        gates=(--gates)
      fi
      prove --sync 2 --stabilization 10 --cases 36 --seed "$((seed + 100))" "${gates[@]}" ${SAVE:+--save "$SAVE-gates.json"}
      ;;
    real-time)
      new_cluster
      prove --sync 15 --stabilization 300 --cases 24 --steps 7 ${SAVE:+--save "$SAVE-real-time.json"}
      ;;
    *) echo "no such part: $part" >&2; exit 2 ;;
  esac
done
summary
