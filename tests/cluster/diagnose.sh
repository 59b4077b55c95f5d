#!/usr/bin/env bash
# `hpawalk diagnose` on a real cluster: healthy chains of many shapes, a few of the most common faults (all of them:
# faults.sh), and what a user may try: wrong names, no rights, a saved file, a cluster that is gone. Usage: diagnose.sh HPAWALK
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
name=test-diagnose-$$
work=$(mktemp -d)
trap '"$hpawalk" cluster down --name $name >/dev/null 2>&1; rm -rf "$work"' EXIT
"$hpawalk" cluster up --name $name --hpa-sync-period 2s >&2 || exit 1
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name $name)
bundle=$("$hpawalk" cluster status --name $name -o json | jq -r '.[0].programs.chain')/bundle.yaml
export KUBECONFIG HPAWALK=$hpawalk OPERATOR_BUNDLE=$bundle PYTHONDONTWRITEBYTECODE=1

SHORT=1 counted python3 faults/faults.py

diagnose() { "$hpawalk" diagnose "$@" </dev/null; }
told() { diagnose "$@" 2>/dev/null || true; } # what it says, whatever it ends with
exit_code() { # exit_code CODE COMMAND...
  local status=0 wanted=$1
  shift
  "$@" >"$work/out" 2>&1 || status=$?
  [ "$status" -eq "$wanted" ] || { echo "exit code $status"; cat "$work/out"; return 1; }
}
# A kubeconfig of a service account that is bound to a role: account NAME [kubectl create rolebinding|clusterrolebinding ...]
account() {
  kubectl create serviceaccount "$1" -n default >/dev/null
  [ $# -eq 1 ] || kubectl create "$2" "$1" "${@:3}" --serviceaccount=default:"$1" >/dev/null
  kubectl config view --raw --minify -o json |
    jq --arg token "$(kubectl create token "$1" -n default)" '.users[0].user = {token: $token}' >"$work/$1"
  chmod 600 "$work/$1"
}

check "a healthy HPA ends with 0" exit_code 0 diagnose object-value -n shop
# The faults above were repaired by the fixes that diagnose printed: one is made again. Prometheus keeps its old
# configuration until the config reloader looks, every 3 minutes.
kubectl patch servicemonitor f4 -n watch --type json -p '[{"op": "replace", "path": "/spec/endpoints/0/port", "value": "stat"}]' >/dev/null
check "a broken one with 1, and the cause" within 300 fails_with 1 monitor-port-name diagnose f4 -n shop
check "a wrong name is answered with the nearest" fails_with 2 "Did you mean object-value?" diagnose object-valeu -n shop
check "a wrong namespace too" fails_with 2 "Did you mean shop?" diagnose -n shpo
check "a namespace without HPAs is no error" exit_code 0 diagnose -n outside
summary_first() { told -A | head -n 1 | grep -E "^[0-9]+ HPAs: [0-9]+ broken"; }
check "-A begins with a summary" summary_first
one_document() { told -A -o json | jq -e '.hpas | length > 10'; }
check "JSON on stdout is one document, also when something is broken" one_document
plain() { ! told -A | grep $'\x1b' >/dev/null; }
check "through a pipe no escape sequence comes" plain
on_a_terminal() { script -qec "stty cols 60; $*" /dev/null </dev/null | tr -d '\r'; } # on_a_terminal SHELL LINE
no_colour() { ! on_a_terminal "NO_COLOR=1 '$hpawalk' diagnose f4 -n shop 2>/dev/null" | grep $'\x1b' >/dev/null; }
check "nor on a terminal with NO_COLOR" no_colour
# Only what is there to be pasted, and words longer than a line, may be wider.
too_wide() { on_a_terminal "NO_COLOR=1 '$hpawalk' diagnose f4 -n shop 2>/dev/null" | grep -v '^    fix\|^               ' | awk 'length > 60'; }
fits() { [ -z "$(too_wide)" ] || { too_wide; return 1; }; }
check "60 columns are enough" fits

judged() { jq -S '[.hpas[] | {name, verdict, metrics: [.metrics[] | {firstBroken, links: [.links[] | {link, mark}]}]}]'; }
same_judgement() {
  told -n shop --save "$work/facts.json" -o json | judged >"$work/live"
  KUBECONFIG=/nowhere told --facts "$work/facts.json" -o json | judged >"$work/offline"
  diff "$work/live" "$work/offline"
}
check "what was saved is judged the same without the cluster" same_judgement
check "the saved file is for its owner only" test "$(stat -c %a "$work/facts.json")" = 600
about_one() {
  diagnose f4 -n shop --save "$work/one.json" >/dev/null 2>&1
  told --facts "$work/one.json" -o json | jq -e '.hpas | map(.name) == ["f4"]'
}
check "one HPA's file is about that HPA" about_one
head -c 5000 "$work/facts.json" >"$work/cut.json"
jq '.hpawalkFacts = 99' "$work/facts.json" >"$work/newer.json"
check "a cut facts file is refused" fails_with 2 "invalid JSON at byte" diagnose --facts "$work/cut.json"
check "one of a newer version too" fails_with 2 "newer hpawalk" diagnose --facts "$work/newer.json"

account nobody
check "without rights: exit 3 and the right that is missing" fails_with 3 "list horizontalpodautoscalers.autoscaling" diagnose -n shop --kubeconfig "$work/nobody"
account developer rolebinding -n shop --clusterrole=view
check "with rights in one namespace only: what cannot be seen is unknown" fails_with 3 "not allowed to list apiservices" diagnose object-value -n shop --kubeconfig "$work/developer"
as_developer() { told object-value -n shop --kubeconfig "$work/developer" -o json | jq -e "$1"; }
check "and no link that was not read is ok" as_developer '[.hpas[].metrics[].links[] | select(.link == "adapter" or .link == "api-service") | .mark] | all(. == "unknown")'
check "nothing is called broken for want of rights" as_developer '.hpas[0].verdict == "unknown"'

kubectl create clusterrole hpas-only --verb=list --resource=horizontalpodautoscalers.autoscaling >/dev/null
account onlooker clusterrolebinding --clusterrole=hpas-only
as_onlooker() { told object-value -n shop --kubeconfig "$work/onlooker" -o json | jq -e "$1"; }
check "who may list nothing but HPAs: exit 3 and the rights that are missing" fails_with 3 "not allowed to list services in namespace shop" diagnose object-value -n shop --kubeconfig "$work/onlooker"
check "and only what the HPA itself says is not unknown" as_onlooker '[.hpas[].metrics[].links[] | select(.mark == "ok" or .mark == "broken") | .link] - ["hpa", "value"] == []'

kubectl delete hpa -A --all --wait=true >/dev/null
check "a cluster without HPAs says so" grep -q "No HPA found in this cluster" <(told -A)
check "and is no error" exit_code 0 diagnose -A
check "its JSON too" jq -e '.hpas == []' <(told -A -o json)

# A server that takes connections and never answers.
python3 - <<'END' >"$work/port" &
import socket
server = socket.create_server(("127.0.0.1", 0), backlog=64)
print(server.getsockname()[1], flush=True)
open_ones = []
while True:
    open_ones.append(server.accept())
END
silent=$!
within 10 test -s "$work/port"
kubectl config view --raw --minify -o json | jq --arg port "$(cat "$work/port")" '.clusters[0].cluster = {server: "https://127.0.0.1:\($port)"}' >"$work/silent"
chmod 600 "$work/silent"
check "a server that never answers: exit 3, in bounded time" fails_with 3 kube-unreachable timeout 60 "$hpawalk" diagnose -A --kubeconfig "$work/silent"
interrupted() {
  local status=0
  timeout --preserve-status -s INT 3 "$hpawalk" diagnose -A -o json --kubeconfig "$work/silent" >"$work/out" 2>/dev/null || status=$?
  [ "$status" -eq 130 ] && jq -e '.error.id == "interrupted"' "$work/out"
}
check "Ctrl-C: exit 130, and what is on stdout is one JSON document" interrupted
kill "$silent"

cp "$KUBECONFIG" "$work/gone"
"$hpawalk" cluster down --name $name >/dev/null 2>&1
check "a cluster that is gone: exit 3" exit_code 3 diagnose -A --kubeconfig "$work/gone"
check "with JSON that says why" jq -e '.error.exitCode == 3 and .error.because != ""' <(told -A -o json --kubeconfig "$work/gone")
summary
