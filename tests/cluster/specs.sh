#!/usr/bin/env bash
# What the API server refuses as an HPA, simulate refuses too, and nothing else. Usage: specs.sh HPAWALK. Needs root.
#   VERSION=1.34  the API server's; default: the newest
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/report.sh
. ../report.sh
name=test-specs-$$
work=$(mktemp -d)
trap '{ "$hpawalk" cluster down --name "$name"; rm -rf "$work"; } >/dev/null 2>&1' EXIT
"$hpawalk" cluster up --name "$name" ${VERSION:+--kubernetes-version "$VERSION"} >"$work/cluster.log" 2>&1 || { cat "$work/cluster.log"; exit 3; }
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
KUBECTL=$("$hpawalk" cluster status --name "$name" -o json | jq -r '.[0].kubectl')
export KUBECONFIG KUBECTL
python3 specs.py "$hpawalk" "$work"
