#!/usr/bin/env bash
# AKS, kind, minikube and k3d: strict fakes of the programs, the real az against a stand-in of Azure with a real cluster,
# and the real programs' parsers. Usage: run.sh HPAWALK TOOL_LINES
# $TOOLS: where ./test has installed az, kind and k3d; programs in PATH do as well.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/report.sh
. "$here/../report.sh"
hpawalk=$(realpath "$1") tool_lines=$(realpath "$2")

PATH="${TOOLS:-/nonexistent}/azure-cli/bin:${TOOLS:-/nonexistent}/bin:$PATH"
how="scripts/setup.sh could not install it"

printf '\n-- strict fakes of az, kind, minikube, k3d and kubectl\n'
counted "$here/../cli/targets.py" "$hpawalk"

printf '\n-- az against a stand-in of Azure\n'
modes="the registry's two modes, without a cluster"
whole="hpawalk up --cluster aks from end to end"
if ! command -v az >/dev/null; then
  for part in "$modes" "$whole"; do skip "$part" "the Azure CLI is not there; $how"; done
elif [ "$(az version --query '"azure-cli"' --output tsv 2>/dev/null)" = 2.45.0 ]; then
  for part in "$modes" "$whole"; do
    skip "$part" "$(command -v az) is Debian's, which cannot read role assignments (a bug of its packaging); $how"
  done
else
  counted "$here/registry.py" "$hpawalk" "$(command -v az)"
  if [ "$(id -u)" -ne 0 ]; then
    skip "$whole" "the local cluster needs root"
  else
    "$hpawalk" cluster prepare  # compiles its parts, the first time
    counted "$here/aks.py" "$hpawalk" "$(command -v az)"
    if [ -n "$(compiled keda-adapter)" ]; then
      counted "$here/keda.py" "$hpawalk" "$(command -v az)"
    else
      skip "the KEDA add-on, on and off" "KEDA was not compiled on this machine yet; tests/cluster/keda.sh does that"
    fi
  fi
fi

printf '\n-- the real parsers\n'
PATH="$PATH:$(dirname "$(compiled helm)")"
counted "$here/parsers.py" "$hpawalk" "$tool_lines"

summary
