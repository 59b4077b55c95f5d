#!/usr/bin/env bash
# The time that diagnose and watch give for a scale-down, against the time at which the HPA does it.
# Usage: forecast.sh HPAWALK [ROUNDS]. Needs root. Its cluster is called test-forecast-PID.
set -uo pipefail
hpawalk=$(realpath "$1")
rounds=${2:-2} sync=5 window=30
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
export HPAWALK_CLUSTER_NAME=test-forecast-$$
work=$(mktemp -d)
cd "$work" || exit
trap '"$hpawalk" cluster down --name "$HPAWALK_CLUSTER_NAME" >/dev/null 2>&1; rm -rf "$work"' EXIT

"$hpawalk" cluster up --name "$HPAWALK_CLUSTER_NAME" --hpa-sync-period ${sync}s --hpa-downscale-stabilization ${window}s >/dev/null || exit 3
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$HPAWALK_CLUSTER_NAME")
export KUBECONFIG
check "up builds the chain" "$hpawalk" up

replicas() { [ "$(kubectl get deployment nginx -o jsonpath='{.spec.replicas}')" = "$1" ]; }
to_ten() { "$hpawalk" set-value 50 && within 120 replicas 10; }
held() { # VALUE: the HPA has read it, and its window holds it back
  [ "$(kubectl get hpa nginx -o jsonpath='{.status.conditions[?(@.type=="AbleToScale")].reason} {.status.currentMetrics[0].object.current.value}')" = "ScaleDownStabilized $1" ]
}
seconds_of() { date -ud "$1" +%s; }

# What each says, as seconds since the epoch; watch is started anew, so that it knows as little as diagnose.
of_diagnose() {
  local at
  at=$("$hpawalk" diagnose nginx -n default -o json | grep -oE 'until about [0-9:]{8}' | head -n 1 | cut -d' ' -f3)
  [ -n "$at" ] && seconds_of "$(date -u +%F)T${at}Z"
}
of_watch() {
  local at
  at=$("$hpawalk" watch --until settled --timeout 20s -o json | jq -r 'select(.outlook.state == "held") | .outlook.until' | tail -n 1)
  [ -n "$at" ] && seconds_of "$at"
}
of_any_watch() {
  local at
  at=$("$hpawalk" watch nginx -n default --until settled --timeout 20s -o json | jq -r 'select(.outlook.state == "held") | .outlook.until' | tail -n 1)
  [ -n "$at" ] && seconds_of "$at"
}

# The error of a forecast, at most a sync period and the second that is cut off.
near() { # WHO SAID HAPPENED
  local off=$(($2 - $3))
  echo "$1: said $(date -ud "@$2" +%T), happened $(date -ud "@$3" +%T): $off s"
  [ ${off#-} -le $((sync + 1)) ]
}
# A time of a sync that has passed is no forecast.
ahead() { [ "$1" -ge $(($(date +%s) - 1)) ]; }

declare -A said  # by whom
for round in $(seq "$rounds"); do
  check "round $round: 50 scales to 10" to_ten
  sleep $((RANDOM % 12))
  low=$((2 + 3 * (round % 3)))
  check "  $low is set" "$hpawalk" set-value $low
  check "  and held back, as the HPA says" within 40 held $low
  for who in diagnose watch any_watch; do
    said[$who]=$(of_$who)
    check "  $who gives a time" test -n "${said[$who]}"
    check "  $who's time has not passed" ahead "${said[$who]:-0}"
  done
  last=$(kubectl get hpa nginx -o jsonpath='{.status.lastScaleTime}')
  scaled() { [ "$(kubectl get hpa nginx -o jsonpath='{.status.lastScaleTime}')" != "$last" ]; }
  check "  it scales down" within 90 scaled
  happened=$(seconds_of "$(kubectl get hpa nginx -o jsonpath='{.status.lastScaleTime}')")
  for who in diagnose watch any_watch; do
    check "  $who's time was right" near "$who" "${said[$who]:-0}" "$happened"
    near "$who" "${said[$who]:-0}" "$happened" | sed 's/^/      /'
  done
done
summary
