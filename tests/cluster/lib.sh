# shellcheck shell=bash
# Counting checks against a real cluster. Sourced by the scripts beside it.
# Behind a pipe they say `grep … >/dev/null`, not `grep -q`: that one leaves at the first match, and with pipefail
# the writer's broken pipe is the pipe's failure.

passed=0 failed=0 skipped=0

# check SENTENCE COMMAND...: the command must succeed; its output is shown when it does not.
check() {
  local sentence=$1 out start=$SECONDS
  shift
  if out=$("$@" 2>&1); then
    passed=$((passed + 1))
    printf 'ok    %s (%s s)\n' "$sentence" "$((SECONDS - start))"
  else
    failed=$((failed + 1))
    printf 'FAIL  %s\n      %s\n%s\n' "$sentence" "$*" "$(printf '%s' "$out" | tail -n 20 | sed 's/^/      | /')"
  fi
}

skip() {
  skipped=$((skipped + 1))
  printf 'SKIP  %s: %s\n' "$1" "$2"
}

# within SECONDS COMMAND...: again and again until it succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      "$@"
      return
    fi
    sleep 0.2
  done
}

# fails_with CODE TEXT COMMAND...: ends with this exit code and says this.
fails_with() {
  local code=$1 text=$2 out status=0
  shift 2
  out=$("$@" 2>&1) || status=$?
  [ "$status" -eq "$code" ] && grep -qF -- "$text" <<<"$out" && return
  printf 'exit code %s (expected %s), output:\n%s\n' "$status" "$code" "$out"
  return 1
}

summary() {
  printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ]
}
