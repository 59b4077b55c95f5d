#!/usr/bin/env bash
# walkthrough.md, every command of it, on a real cluster. The page waits 5 minutes for the scale-down; here the cluster's
# stabilization window is 30 s, and the page says 300 s in angle quotes. Usage: walkthrough_md.sh HPAWALK. Needs root.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$1
name=test-page
work=$(mktemp -d)
trap '"$hpawalk" cluster down --name $name > /dev/null 2>&1; rm -rf "$work"' EXIT
cd "$work" || exit
"$hpawalk" cluster up --name $name --hpa-downscale-stabilization 30s > cluster.log 2>&1 || { cat cluster.log; exit 3; }
# The page's commands say hpawalk, and mean the cluster "local".
export HPAWALK_CLUSTER_NAME=$name LC_ALL=C.UTF-8
setup="hpawalk() { if [ \"\$1\" = cluster ]; then '$hpawalk' \"\$@\" --name $name; else '$hpawalk' \"\$@\"; fi; }"
python3 "$here/page.py" "$here/../../walkthrough.md" "$setup"
