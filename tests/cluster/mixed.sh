#!/usr/bin/env bash
# `hpawalk diagnose -A` on a cluster of many teams, of whose 40 HPAs 8 are broken (faults/mixed.py).
# Usage: mixed.sh HPAWALK
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$(realpath "$1")
name=mixed-$$
# shellcheck source=tests/report.sh
. "$here/../report.sh"
for tool in kubectl python3 jq; do
  command -v "$tool" >/dev/null || { skip mixed "needs $tool"; summary; exit; }
done
trap '"$hpawalk" cluster down --name "$name" >/dev/null 2>&1' EXIT
"$hpawalk" cluster up --name "$name" --hpa-sync-period 2s >&2
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
bundle=$("$hpawalk" cluster status --name "$name" -o json | jq -r '.[0].programs.chain')/bundle.yaml
export KUBECONFIG HPAWALK=$hpawalk OPERATOR_BUNDLE=$bundle PYTHONDONTWRITEBYTECODE=1
python3 "$here/faults/mixed.py"
