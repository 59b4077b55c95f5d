#!/usr/bin/env bash
# scripts/setup.sh with stand-ins for apt-get and sudo: what it runs as root, and what it leaves in apt's sources.
# Usage: setup.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=tests/report.sh
. tests/report.sh

mkdir -p "$scratch/bin" "$scratch/evil" "$scratch/go"
cat >"$scratch/bin/apt-get" <<'END'
#!/bin/sh
case "$*" in
  *"Codename: bookworm-backports"*) cat "$FOLDER/backports" ;;
  *"Codename: bookworm"*) cat "$FOLDER/mirror" ;;
  update*) exit "$(cat "$FOLDER/update")" ;;
esac
END
printf '#!/bin/sh\nexec "$@"\n' >"$scratch/bin/sudo"
printf '#!/bin/sh\necho 1000\n' >"$scratch/bin/id"
printf '#!/bin/sh\n' >"$scratch/go/go"
chmod +x "$scratch"/*/*
export FOLDER=$scratch

# backports MIRROR BACKPORTS UPDATE'S_EXIT_CODE: what need_backports ends with.
backports() {
  echo "$1" >"$scratch/mirror" && echo "$2" >"$scratch/backports" && echo "$3" >"$scratch/update"
  (
    . scripts/setup.sh
    PATH=$scratch/bin:$PATH
    as_root() { "$@"; }
    need_backports "$scratch/list"
  ) >"$scratch/out" 2>&1
}
absent() { [ ! -e "$scratch/list" ]; }
refused() { if backports "$@"; then return 1; else [ $? -eq 3 ]; fi; }

check "Without a mirror nothing is written" refused "" "" 0
check "Without a mirror no list is left" absent
check "A mirror without backports is an error" refused "http://mirror" "" 100
check "A list that apt cannot use is taken away again" absent
check "Backports that are there already are enough" backports "http://mirror" "http://mirror" 0
check "and no list is added" absent
check "Otherwise a list is added" backports "http://mirror" "" 0
check "with the machine's own mirror" grep -q '^deb .* http://mirror bookworm-backports main$' "$scratch/list"
check "and it is said how it is taken away" grep -q "sudo rm $scratch/list" "$scratch/out"

path_of_root() {
  . scripts/setup.sh
  PATH=$scratch/bin:$scratch/evil:$scratch/go:$PATH
  # shellcheck disable=SC2016  # that shell's own PATH
  as_root sh -c 'echo "$PATH"'
}
seen=$(path_of_root)
only_go() { [ "$seen" = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$scratch/go" ]; }
check "Root's PATH is the system's, and Go's folder" only_go

summary
