#!/usr/bin/env bash
# Real faults on a real cluster, each of which `hpawalk diagnose` must name as the first broken link (faults/faults.py).
# Usage: faults.sh HPAWALK
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$(realpath "$1")
name=faults-$$
# shellcheck source=tests/report.sh
. "$here/../report.sh"
for tool in kubectl python3 go nft nsenter; do
  command -v "$tool" >/dev/null || { skip faults "needs $tool"; summary; exit; }
done
trap '"$hpawalk" cluster down --name "$name" >/dev/null 2>&1' EXIT
"$hpawalk" cluster up --name "$name" --hpa-sync-period 2s --hpa-downscale-stabilization 60s >&2
operator=$(cd "$here/../../cluster/local/parts/kubernetes" && go list -m -f '{{.Dir}}' github.com/prometheus-operator/prometheus-operator)
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
read -r NODE_PID _ <"${XDG_STATE_HOME:-$HOME/.local/state}/hpawalk/clusters/$name/node.pid"
export KUBECONFIG NODE_PID HPAWALK=$hpawalk OPERATOR_BUNDLE=$operator/bundle.yaml PYTHONDONTWRITEBYTECODE=1
python3 "$here/faults/faults.py"
