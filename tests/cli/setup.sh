#!/usr/bin/env bash
# scripts/setup.sh with stand-ins for apt-get and sudo: what it runs as root, and what it leaves in apt's sources.
# Usage: setup.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# shellcheck source=tests/report.sh
. tests/report.sh

mkdir -p "$folder/bin" "$folder/evil" "$folder/go"
cat >"$folder/bin/apt-get" <<'END'
#!/bin/sh
case "$*" in
  *"Codename: bookworm-backports"*) cat "$FOLDER/backports" ;;
  *"Codename: bookworm"*) cat "$FOLDER/mirror" ;;
  update*) exit "$(cat "$FOLDER/update")" ;;
esac
END
printf '#!/bin/sh\nexec "$@"\n' >"$folder/bin/sudo"
printf '#!/bin/sh\necho 1000\n' >"$folder/bin/id"
printf '#!/bin/sh\n' >"$folder/go/go"
chmod +x "$folder"/*/*
export FOLDER=$folder

# backports MIRROR BACKPORTS UPDATE'S_EXIT_CODE: what need_backports ends with.
backports() {
  echo "$1" >"$folder/mirror" && echo "$2" >"$folder/backports" && echo "$3" >"$folder/update"
  (
    . scripts/setup.sh
    PATH=$folder/bin:$PATH
    as_root() { "$@"; }
    need_backports "$folder/list"
  ) >"$folder/out" 2>&1
}
absent() { [ ! -e "$folder/list" ]; }
refused() { if backports "$@"; then return 1; else [ $? -eq 3 ]; fi; }

check "Without a mirror nothing is written" refused "" "" 0
check "Without a mirror no list is left" absent
check "A mirror without backports is an error" refused "http://mirror" "" 100
check "A list that apt cannot use is taken away again" absent
check "Backports that are there already are enough" backports "http://mirror" "http://mirror" 0
check "and no list is added" absent
check "Otherwise a list is added" backports "http://mirror" "" 0
check "with the machine's own mirror" grep -q '^deb .* http://mirror bookworm-backports main$' "$folder/list"
check "and it is said how it is taken away" grep -q "sudo rm $folder/list" "$folder/out"

path_of_root() {
  . scripts/setup.sh
  PATH=$folder/bin:$folder/evil:$folder/go:$PATH
  # shellcheck disable=SC2016  # that shell's own PATH
  as_root sh -c 'echo "$PATH"'
}
seen=$(path_of_root)
only_go() { [ "$seen" = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$folder/go" ]; }
check "Root's PATH is the system's, and Go's folder" only_go

summary
