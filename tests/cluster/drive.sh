#!/usr/bin/env bash
# drive, report and simulate on the real chain: the walkthrough's numbers, recordings that were interrupted, a backtest.
# Usage: drive.sh HPAWALK. Needs root. Its cluster is called test-drive.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
export HPAWALK_CLUSTER_NAME=test-drive
work=$(mktemp -d)
cd "$work" || exit
trap '"$hpawalk" cluster down --name test-drive >/dev/null 2>&1; rm -rf "$work"' EXIT

"$hpawalk" cluster down --name test-drive >/dev/null 2>&1
"$hpawalk" cluster up --name test-drive --hpa-sync-period 5s --hpa-downscale-stabilization 20s >/dev/null || exit 3
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name test-drive)
export KUBECONFIG

check "without a chain drive says so and sets nothing" fails_with 1 no-prom-fake "$hpawalk" drive 'hold 5 for 10s'
check "up builds the chain" "$hpawalk" up

driven() { "$hpawalk" drive "$@" -o json >out.json; }
sequence() { jq -e --argjson want "$1" '.sequence == $want' out.json; }
as_simulated() { jq -e '.prediction.possible and .prediction.worstSeconds <= 6' out.json; }
check "a step from 1 to 50 is driven and recorded" driven 'step 1..50 at 10s for 50s' --record up.jsonl --report up.html --compare-simulation
check "  without behavior the replicas go 1, 4, 8, 10" sequence '[1,4,8,10]'
check "  as the simulator says, each change within a sync period" as_simulated
jq -r '"      " + .prediction.verdict' out.json
all_hops() { jq -e '.arrivals[-1] | [.promFakeSeconds, .prometheusSeconds, .metricsApiSeconds, .hpaSeconds] | all(. != null and . < 15)' out.json; }
check "  the value was seen at every hop" all_hops
check "  the report is there and needs nothing else" sh -c "grep -q 'The value at every step' up.html && ! grep -qE 'src=|href=|url\(|@import|<script|<link' up.html"
check "a recording is not written over" fails_with 2 record-exists "$hpawalk" drive 'hold 5 for 10s' --record up.jsonl
check "report shows it again" "$hpawalk" report up.jsonl --compare-simulation

check "down again: a window of 20 s, then 1 replica" driven 'step 50..1 at 5s for 45s' --compare-simulation
check "  as the simulator says" sequence '[10,1]'
check "with behavior the HPA is changed" "$hpawalk" up --hpa-behavior '{scaleDown: {stabilizationWindowSeconds: 20}}'
check "the same step is driven" driven 'step 1..50 at 10s for 50s' --compare-simulation
check "  with behavior the replicas go 1, 5, 10" sequence '[1,5,10]'
check "  as the simulator says, each change within a sync period" as_simulated

interrupted() { # SIGNAL FILE WANTED_EXIT_CODE
  "$hpawalk" drive 'sine 5..40 every 20s for 5m' --record "$2" --restore >/dev/null 2>drive.log &
  local pid=$! status=0
  sleep 8
  kill -"$1" $pid
  wait $pid || status=$?
  [ $status -eq "$3" ] || { echo "exit code $status"; cat drive.log; return 1; }
}
value() { "$hpawalk" get-value; }
value_is() { [ "$(value)" = "$1" ]; }
check "the value before is 50" value_is 50
check "Ctrl-C ends it with 130" interrupted INT int.jsonl 130
check "  the value is what it was before" value_is 50
check "  the recording says that it was interrupted" sh -c "tail -n 1 int.jsonl | jq -e '.hop == \"end\" and .why == \"interrupted\"'"
check "  and can be shown" "$hpawalk" report int.jsonl
check "SIGKILL ends it" interrupted KILL kill.jsonl 137
check "  its recording can be shown too" "$hpawalk" report kill.jsonl

backtest() { "$hpawalk" simulate --hpa nginx --from-prometheus 'sum(prom_fake_value)' --last 3m --step 5s -o json >back.json; }
check "what Prometheus recorded is simulated with the HPA of the cluster" backtest
version=$("$hpawalk" cluster status --name test-drive -o json | jq -r '.[0].kubernetes')
reached() { jq -e --arg version "$version" '.kubernetes == $version and .variants[0].figures.highest == 10 and .durationSeconds > 60' back.json; }
check "  with the cluster's own version, and it reaches 10" reached
check "an HPA that is not there is said with its namespace" fails_with 1 "HPA nginz not found in namespace default" "$hpawalk" simulate --hpa nginz --profile 'hold 5'
check "without a kubeconfig it is the local cluster's HPA" env -u KUBECONFIG HOME="$work" XDG_STATE_HOME="${XDG_STATE_HOME:-$HOME/.local/state}" "$hpawalk" simulate --hpa nginx --profile 'hold 5'
summary
