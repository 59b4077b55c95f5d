#!/usr/bin/env bash
# Real faults on a real cluster, each of which `hpawalk diagnose` must name as the first broken link (faults/faults.py).
# Usage: faults.sh HPAWALK. VERSION=1.34 for another Kubernetes than the newest.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$(realpath "$1")
name=faults-$$
# shellcheck source=tests/report.sh
. "$here/../report.sh"
for tool in kubectl python3 jq nft nsenter; do
  command -v "$tool" >/dev/null || { skip faults "needs $tool"; summary; exit; }
done
trap '"$hpawalk" cluster down --name "$name" >/dev/null 2>&1' EXIT
"$hpawalk" cluster up --name "$name" ${VERSION:+--kubernetes-version "$VERSION"} --hpa-sync-period 2s --hpa-downscale-stabilization 60s >&2
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
bundle=$("$hpawalk" cluster status --name "$name" -o json | jq -r '.[0].programs.chain')/bundle.yaml
read -r NODE_PID _ <"${XDG_STATE_HOME:-$HOME/.local/state}/hpawalk/clusters/$name/node.pid"
export KUBECONFIG NODE_PID HPAWALK=$hpawalk OPERATOR_BUNDLE=$bundle PYTHONDONTWRITEBYTECODE=1
python3 "$here/faults/faults.py"
