#!/usr/bin/env bash
# A day of HPA syncs, hpasim beside the HPA controller's own code in virtual time (tests/hpasim/oracle), in one run.
# Usage: hpasim.sh. Builds what it needs; exit code 1 if hpasim is above its limit (1 ms a day).
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake --preset release -B build/bench -DHPAWALK_BENCH=ON >/dev/null
cmake --build build/bench --target hpasim_bench
status=0
build/bench/tests/bench/hpasim_bench || status=$?
if command -v go >/dev/null; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  echo "The controller of Kubernetes $(tests/hpasim/build_oracle "$folder/oracle")"
  # Four cases of a day each, with metrics, pods and policies as the seed draws them.
  ORACLE_OUT="$folder/cases" ORACLE_CASES=4 ORACLE_SYNCS=5760 "$folder/oracle" -test.timeout 10m | grep 'virtual time'
else
  echo "SKIP  the controller's own code: needs Go"
fi
exit "$status"
