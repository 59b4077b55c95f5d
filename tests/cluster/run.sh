#!/usr/bin/env bash
# The tests that need a real cluster, but for the longest: alerts.sh, faults.sh, keda.sh, migrate.sh and release.sh are
# run by their own names. Each has clusters of its own and mostly waits for periods of Kubernetes, so three run side by
# side; what one says is shown when it has ended.
# Usage: run.sh BUILD_FOLDER [alone|together]     alone: local_cluster.sh, which compares the machine before and after
#                                                 and wants no other clusters; together: all others. Default: both
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/report.sh
. "$here/../report.sh"
hpawalk=$(cd "$1" && pwd)/hpawalk
part=${2:-both} lanes=3
if [ "$(id -u)" -ne 0 ]; then
  skip "the real cluster" "needs root"
  summary
  exit
fi

echo "Preparing the cluster's parts (compiled once: 15 to 25 minutes on two cores; then nothing)"
if ! "$hpawalk" cluster prepare; then
  check "the cluster's parts are prepared" false
  summary
  exit
fi

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# Runs one script, shows what it said, and leaves its counts in a file of its name.
run() {
  local name=$1 start=$SECONDS status=0
  "$here/$name.sh" "$hpawalk" >"$results/$name.output" 2>&1 || status=$?
  counts_of "$results/$name.output" "$status" >"$results/$name.counts"
  if [ "$status" -ne 0 ]; then echo "      $name.sh ended with exit code $status" >>"$results/$name.output"; fi
  printf '\n-- %s (%s s)\n' "$name.sh" "$((SECONDS - start))" >"$results/$name.title"
  flock "$results" cat "$results/$name.title" "$results/$name.output"  # one at a time
}

names=()
if [ "$part" != together ]; then
  run local_cluster
  names+=(local_cluster)
fi
if [ "$part" != alone ]; then
  # The longest first, so that the lanes end together.
  rest=(drive walkthrough_md play walkthrough hpa_proof diagnose refusals chart)
  for script in "$here"/*.sh; do
    name=$(basename "$script" .sh)
    case " run lib faults release local_cluster keda migrate alerts ${rest[*]} " in *" $name "*) ;; *) rest+=("$name") ;; esac
  done
  for name in "${rest[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$lanes" ]; do wait -n; done
    run "$name" &
  done
  wait
  names+=("${rest[@]}")
fi

for name in "${names[@]}"; do
  read -r p f s <"$results/$name.counts" || { p=0 f=1 s=0; }
  add "$p" "$f" "$s"
done
summary
