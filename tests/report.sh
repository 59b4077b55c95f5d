# shellcheck shell=bash
# Counts what a script checks. Sourced. `summary` ends a script, with `N passed, N failed, N skipped` as its last line;
# an output whose last line is another one counts as a failure (counts_of).
# Behind a pipe the scripts say `grep … >/dev/null`, not `grep -q`: that one leaves at the first match, and with pipefail
# the writer's broken pipe is the pipe's failure.

passed=0 failed=0 skipped=0

# compiled PROGRAM: its path, of what was compiled for local clusters, the newest; nothing where nothing was.
compiled() {
  find "${XDG_CACHE_HOME:-$HOME/.cache}/hpawalk/parts" -name '*.partial' -prune -o -name "$1" -type f -printf '%T@ %p\n' \
    2>/dev/null | sort -rn | head -n 1 | cut -d' ' -f2-
}

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

skip() { # SENTENCE WHY
  skipped=$((skipped + 1))
  printf 'SKIP  %s: %s\n' "$1" "$2"
}

# counts_of OUTPUT_FILE EXIT_CODE: "P F S" of a script that ended with that code, said in its last line. A script that
# broke off, or failed without a failure, has one failure more.
counts_of() {
  local last p f s
  last=$(tail -n 1 "$1")
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
    p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[3]}
  else
    p=0 f=1 s=0
  fi
  if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then f=1; fi
  echo "$p $f $s"
}

# add P F S: checks that were counted, and told, elsewhere.
add() {
  passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

# counted COMMAND...: a script with a summary of its own, shown and added up.
counted() {
  local output
  output=$(mktemp)
  echo 0 >"$output.code"
  { "$@" 2>&1 || echo $? >"$output.code"; } | tee "$output"
  # shellcheck disable=SC2046  # three words
  add $(counts_of "$output" "$(cat "$output.code")")
  rm -f "$output" "$output.code"
}

summary() {
  printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ]
}
