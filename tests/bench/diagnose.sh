#!/usr/bin/env bash
# Seconds and requests that `hpawalk diagnose` needs for one HPA, for 200 and for 400, on a real cluster of its own.
# Usage: diagnose.sh HPAWALK [HPAS] [ROUNDS]. Needs root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$(realpath "$1")
shift
name=bench-diagnose-$$
trap '"$hpawalk" cluster down --name "$name" >&2' EXIT
"$hpawalk" cluster up --name "$name" >&2
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
bundle=$("$hpawalk" cluster status --name "$name" -o json | jq -r '.[0].programs.chain')/bundle.yaml
export KUBECONFIG HPAWALK=$hpawalk OPERATOR_BUNDLE=$bundle PYTHONDONTWRITEBYTECODE=1
python3 "$here/diagnose.py" "$@"
