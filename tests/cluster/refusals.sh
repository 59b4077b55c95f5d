#!/usr/bin/env bash
# What cannot work is refused before anything is changed, with what to do; what was interrupted goes on. No cluster
# is started, and nothing is compiled for longer than some seconds. Usage: refusals.sh HPAWALK. Needs root.
set -uo pipefail
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
work=$(mktemp -d)
chmod 755 "$work"
cp "$1" "$work/hpawalk" || exit  # where every user may run it
hpawalk=$work/hpawalk
trap '{ umount "$work/small"; rm -rf "$work"; } >/dev/null 2>&1' EXIT

# A folder with every program of PATH, but for the named ones.
path_without() {
  local folder=$work/without-$1 from
  mkdir -p "$folder"
  while read -r -d: from; do find -L "$from" -maxdepth 1 -type f -perm -u+x -exec ln -sft "$folder" {} + 2>/dev/null; done <<<"$PATH:"
  for name in "$@"; do rm -f "$folder/$name"; done
  echo "$folder"
}
with() { env XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state" "$@"; }

other_user() { with setpriv --reuid=65534 --clear-groups "$hpawalk" cluster up; }
check "who is not root is told to use sudo" fails_with 3 "Run the same command with sudo" other_user
no_tool() { with PATH="$(path_without conntrack)" "$hpawalk" cluster up; }
check "a missing program is named with its package" fails_with 3 "apt-get install conntrack" no_tool
no_go() { with PATH="$(path_without go)" "$hpawalk" cluster prepare --from compile; }
check "no Go: it says which one is needed, and where it is from" fails_with 3 "Install Go 1.26.7 or newer" no_go
old_go() {
  mkdir -p "$work/old"
  printf '#!/bin/sh\necho go1.19.8\n' >"$work/old/go"
  chmod +x "$work/old/go"
  with PATH="$work/old:$PATH" "$hpawalk" cluster prepare --from compile
}
check "too old a Go is named with its version" fails_with 3 "found: go1.19.8" old_go

mkdir "$work/small" && mount -t tmpfs -o size=64m tmpfs "$work/small"
no_space() { env XDG_CACHE_HOME="$work/small" XDG_STATE_HOME="$work/state" "$hpawalk" cluster prepare --from compile; }
check "a disk that is too small for compiling is refused" fails_with 3 "XDG_CACHE_HOME" no_space
nothing_compiled() { [ -z "$(find "$work/small" -type f -size +0)" ]; }
check "and nothing was compiled before that" nothing_compiled
no_space_for_state() { env XDG_STATE_HOME="$work/small" "$hpawalk" cluster up; }
check "a disk that is too small for a cluster is refused" fails_with 3 "XDG_STATE_HOME" no_space_for_state
umount "$work/small"

# In a network namespace of its own: the machine's network is not touched. Its parts are the real cache's.
no_subnet() {
  env XDG_STATE_HOME="$work/state" unshare --net sh -c \
    "ip address add 10.201.200.1/16 dev lo && ip link set lo up && exec $hpawalk cluster up --name x"
}
check "a VPN that covers every subnet is named with the command that shows it" fails_with 3 "ip route show match 10.201.0.0/16" no_subnet
check "what that start had begun can be removed" env XDG_STATE_HOME="$work/state" "$hpawalk" cluster down --name x

# Compiling from nothing, interrupted by Ctrl-C as soon as it has compiled something, twice.
packages_left() { sed -nE 's/.* package ([0-9]+) of ([0-9]+):.*/\2/p' "$1" | tail -n 1; }
interrupted_prepare() {
  local log=$1 pid status=0
  XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state "$hpawalk" cluster prepare --from compile >"$log" 2>&1 &  # itself: the signal is for it
  pid=$!
  for _ in {1..600}; do
    if grep -q ' package [0-9]* of ' "$log" || ! kill -0 $pid; then break; fi
    sleep 0.2
  done
  kill -INT $pid
  wait $pid || status=$?
  cat "$log"
  [ $status -eq 130 ] && [ -n "$(packages_left "$log")" ]
}
if [ "$(df --output=avail -k "$work" | tail -n 1)" -lt $((9 * 1024 * 1024)) ]; then
  skip "Ctrl-C while the parts are compiled" "needs 9 GiB below $work"
else
  check "Ctrl-C while the parts are compiled ends it with 130" interrupted_prepare "$work/first.log"
  no_half() { [ -z "$(find "$work/cache/hpawalk/parts" -mindepth 1 -maxdepth 1 ! -name '*.partial' ! -name '*.source')" ]; }
  check "nothing that is half made could be taken for a whole" no_half
  check "the second time it goes on" interrupted_prepare "$work/second.log"
  goes_on() {
    echo "to compile: $(packages_left "$work/first.log"), then $(packages_left "$work/second.log")"
    [ "$(packages_left "$work/second.log")" -lt "$(packages_left "$work/first.log")" ]
  }
  check "with fewer packages left" goes_on
fi
check "a bad name is refused" fails_with 2 cluster-name "$hpawalk" cluster up --name Bad_Name
check "a bad duration is refused" fails_with 2 "is not a duration" "$hpawalk" cluster up --hpa-sync-period soon
summary
