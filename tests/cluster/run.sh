#!/usr/bin/env bash
# The tests that need a real cluster, but for the long ones (faults.sh and drive.sh are run by their own names). Usage: run.sh BUILD_FOLDER
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
  case ${script##*/} in run.sh | lib.sh | faults.sh | drive.sh) continue ;; esac
  printf '\n-- %s\n' "${script##*/}"
  start=$SECONDS
  output=$(mktemp)
  "$script" "$hpawalk" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  # The last line of that form, wherever it stands: what a script cleans up at its end may still say something.
  counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$output" | tail -n 1)
  rm -f "$output"
  echo "   (${script##*/} took $((SECONDS - start)) s)"
  if [ -z "$counts" ]; then
    echo "FAIL  ${script##*/} broke off without a summary (exit code $status)"
    counts="0 passed, 1 failed, 0 skipped"
  fi
  read -r p _ f _ s _ <<<"$counts"
  if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
    echo "FAIL  ${script##*/} ended with exit code $status"
    f=1
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
