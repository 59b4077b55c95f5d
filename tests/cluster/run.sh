#!/usr/bin/env bash
# The tests that need a real cluster, but for the long ones (faults.sh has a command of its own). Usage: run.sh BUILD_FOLDER
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$(cd "$1" && pwd)/hpawalk
passed=0 failed=0 skipped=0
if [ "$(id -u)" -ne 0 ]; then
  echo "SKIP  the real cluster: needs root"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi

echo "Preparing the cluster's parts (compiled once: 15 to 25 minutes on two cores; then nothing)"
"$hpawalk" cluster prepare || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

for script in "$here"/*.sh; do
  case ${script##*/} in run.sh | lib.sh | faults.sh) continue ;; esac
  printf '\n-- %s\n' "${script##*/}"
  counts=$("$script" "$hpawalk" | tee /dev/stderr | tail -n 1)
  read -r p _ f _ s _ <<<"${counts:-0 passed, 1 failed, 0 skipped}"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
