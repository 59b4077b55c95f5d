#!/usr/bin/env bash
# How long the local cluster takes to start and to go, and what it needs, beside kubeadm init's own time as the floor.
# The load of the machine (its runnable processes, on average) is printed with each round.
# Usage: cluster.sh HPAWALK [ROUNDS]. Needs root. Its cluster is called bench-ID.
set -euo pipefail
hpawalk=$1 rounds=${2:-5}
name=bench-$$
state=${XDG_STATE_HOME:-$HOME/.local/state}/hpawalk/clusters/$name
trap '"$hpawalk" cluster down --name $name >/dev/null 2>&1' EXIT
"$hpawalk" cluster prepare >/dev/null

now() { date +%s%N; }
seconds() { awk -v ns="$1" 'BEGIN { printf "%.2f", ns / 1e9 }'; }

# The control plane's step of `cluster up` is kubeadm init, from its start to its end.
kubeadm_seconds() { sed -nE 's/^ok +control plane .*\(([0-9.]+) s\)$/\1/p' "$1"; }

# Memory that the cluster's control group accounts for, without the page cache, in MiB.
memory_mib() {
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    awk '$1 == "anon" { printf "%d", $2 / 1048576 }' "/sys/fs/cgroup/hpawalk-$name/memory.stat"
  else
    awk '$1 == "total_rss" { printf "%d", $2 / 1048576 }' "/sys/fs/cgroup/memory/hpawalk-$name/memory.stat"
  fi
}

row='%-10s %8s %16s %10s %14s %10s %6s\n'
# shellcheck disable=SC2059
printf "$row" "page cache" "up (s)" "kubeadm init (s)" "down (s)" "memory (MiB)" "processes" "load"
for ((i = 0; i < rounds; i++)); do
  for cache in warm cold; do
    "$hpawalk" cluster down --name $name >/dev/null 2>&1
    if [ $cache = cold ]; then
      sync
      echo 3 >/proc/sys/vm/drop_caches
    fi
    log=$(mktemp)
    start=$(now)
    "$hpawalk" cluster up --name $name >/dev/null 2>"$log"
    up=$(($(now) - start))
    memory=$(memory_mib)
    processes=$("$hpawalk" cluster status --name $name -o json | jq '.[0].processes')
    start=$(now)
    "$hpawalk" cluster down --name $name >/dev/null 2>&1
    down=$(($(now) - start))
    # shellcheck disable=SC2059
    printf "$row" "$cache" "$(seconds $up)" "$(kubeadm_seconds "$log")" "$(seconds $down)" "$memory" "$processes" "$(cut -d' ' -f1 /proc/loadavg)"
    rm -f "$log"
    [ ! -e "$state" ] || { echo "state is left behind" >&2; exit 1; }
  done
done
