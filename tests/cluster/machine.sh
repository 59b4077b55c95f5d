#!/usr/bin/env bash
# What a local cluster shares with its machine and with other users: the list of clusters, subnets, state folders that
# are gone or elsewhere, the kubeconfig of a sudo user, and the user's own one.
# Usage: machine.sh HPAWALK. Needs root.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
a=test-ma-$$ b=test-mb-$$
work=$(mktemp -d)
trap 'finish >/dev/null 2>&1' EXIT
finish() {
  for name in $a $b; do
    here cluster down --name "$name"
    there cluster down --name "$name"
  done
  rm -rf "$work"
}
# The same root with two state folders, as with sudo and with sudo -H.
here() { XDG_STATE_HOME=$work/here "$hpawalk" "$@"; }
there() { XDG_STATE_HOME=$work/there "$hpawalk" "$@"; }
phase() { "$1" cluster status --name "$2" -o json 2>/dev/null | jq -r '.[0].phase'; }
link_of() { jq -r --arg name "$1" '.[$name].link' /run/hpawalk-clusters; }

both_at_once() {
  local first second
  SUDO_UID=65534 here cluster up --name $a >"$work/a.log" 2>&1 &
  first=$!
  there cluster up --name $b >"$work/b.log" 2>&1 &
  second=$!
  wait $first || { cat "$work/a.log"; return 1; }
  wait $second || { cat "$work/b.log"; return 1; }
  [ "$(link_of $a)" != "$(link_of $b)" ]
}
check "two starts at once, of two state folders, take different subnets" both_at_once
both_run() { [ "$(phase here $a)" = running ] && [ "$(phase there $b)" = running ]; }
check "both run" both_run
seen_from_there() { there cluster status -o json | jq -e --arg name $a '.[] | select(.name == $name) | .phase == "running"'; }
check "each state folder's status shows the other's cluster too" seen_from_there
check "a cluster of a name that another state folder has is refused" fails_with 3 cluster-elsewhere there cluster up --name $a
check "and the other one still runs" test "$(phase here $a)" = running

# The one whom sudo served.
users=$(SUDO_UID=65534 here cluster kubeconfig --name $a)
kubectl=$(here cluster status --name $a -o json | jq -r '.[0].kubectl')
cp "$kubectl" "$work/kubectl" && chmod 755 "$work" "$work/kubectl"
as_user() { setpriv --reuid=65534 --clear-groups "$work/kubectl" --kubeconfig "$users" --cache-dir="$work/none" get nodes; }
check "the user who called sudo can open the kubeconfig and reach the cluster" as_user
his_alone() { [ "$(stat -c '%u %a' "$users")" = "65534 600" ]; }
check "it is his alone" his_alone
told() { grep -F "is root on this machine" "$work/a.log"; }
check "what that means for the machine is said" told

# The user's own kubeconfig: a link, of another owner, with entries of his.
mkdir "$work/kube"
"$work/kubectl" --kubeconfig "$work/kube/real" config set-context production --cluster=p --user=p >/dev/null
"$work/kubectl" --kubeconfig "$work/kube/real" config use-context production >/dev/null
chown 65534 "$work/kube/real" && chmod 640 "$work/kube/real"
cp "$work/kube/real" "$work/before"
ln -s real "$work/kube/config"
merge() { KUBECONFIG=$work/kube/config here cluster kubeconfig --merge --name $a; }
locked() { : >"$work/kube/config.lock"; fails_with 3 kubeconfig-busy merge; local status=$?; rm "$work/kube/config.lock"; return $status; }
check "--merge does not write while kubectl's lock is there" locked
emptied() { # a kubectl that prints nothing, with exit code 0
  local state=$work/here/hpawalk/clusters/$a/cluster.json broken=$work/hpawalk/parts/kubernetes-broken
  mkdir -p "$broken" && printf '#!/bin/sh\n' >"$broken/kubectl" && chmod 755 "$broken/kubectl"
  cp "$state" "$work/cluster.json"
  jq --arg folder "$broken" '.parts.kubernetes = $folder' "$work/cluster.json" >"$state"
  fails_with 3 kubeconfig-merge merge
  local status=$?
  cp "$work/cluster.json" "$state"
  return $status
}
check "--merge writes nothing when contexts would be lost" emptied
unchanged() { cmp "$work/before" "$work/kube/real" && [ ! -e "$work/kube/config.lock" ]; }
check "after both the file is what it was, without a lock" unchanged
check "--merge works" merge
contexts() { [ "$("$work/kubectl" --kubeconfig "$work/kube/config" config get-contexts -o name | sort | xargs)" = "hpawalk-$a production" ]; }
check "both contexts are there" contexts
kept() { [ -L "$work/kube/config" ] && [ "$(stat -c '%u %a' "$work/kube/real")" = "65534 640" ]; }
check "the link, the owner and the mode of the file are what they were" kept
backed_up() { cmp "$work/before" "$work/kube/config.before-hpawalk" && [ "$(stat -c %u "$work/kube/config.before-hpawalk")" = 65534 ]; }
check "what it was is kept beside it" backed_up

# The state folder goes while the cluster runs.
link=$(link_of $a)
rm -rf "$work/here/hpawalk/clusters/$a" 2>/dev/null  # not all of it: what runs in it makes new files
lost() { [ "$(phase here $a)" = lost ]; }
check "a cluster whose state folder was removed is shown as lost" lost
ended() { [ "$(there cluster status --name $a -o json 2>/dev/null | jq -r '.[0].processes')" = 0 ]; }
check "its processes end by themselves" within 30 ended
check "down removes what is left of it, whatever the state folder" there cluster down --name $a
nothing_left() {
  local left
  left=$(find /sys/fs/cgroup -maxdepth 2 -name "hpawalk-$a"; ls "/run/hpawalk-kubeconfig-$a" 2>/dev/null
    nft list tables | grep -E "hpawalk-$link\$"; ip -o link | grep "hpawalk-$link@")
  echo "$left"
  [ -z "$left" ] && [ "$(link_of $a)" = null ]
}
check "nothing of it is left" nothing_left
check "the other one still runs" test "$(phase there $b)" = running

# Another state folder's cluster, with all of its state.
check "down removes a cluster of another state folder" here cluster down --name $b
gone() { [ ! -e "$work/there/hpawalk/clusters/$b" ] && [ "$(phase there $b)" = absent ]; }
check "with its state" gone

# Ctrl-C in the middle of a start, at another moment each time, and SIGKILL; then up.
interrupted() {
  local pid
  for seconds in 0.3 2 4; do
    XDG_STATE_HOME=$work/here "$hpawalk" cluster up --name $a >"$work/a.log" 2>&1 &
    pid=$!
    sleep $seconds
    kill -"$1" $pid
    wait $pid
  done
  here cluster up --name $a
}
check "starts that Ctrl-C ended are healed by the next one" interrupted INT
check "down" here cluster down --name $a
check "starts that SIGKILL ended too" interrupted KILL
check "down again" here cluster down --name $a
summary
