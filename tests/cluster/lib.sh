# shellcheck shell=bash
# What the scripts beside this one share: checks against a real cluster. Sourced.
# shellcheck source=tests/report.sh
. "$(dirname "${BASH_SOURCE[0]}")/../report.sh"

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
