#!/usr/bin/env bash
# The local cluster for real: two at once, pods, DNS, Services, every process killed in turn, and nothing left.
# Other people's clusters may run on the machine at the same time, and are left alone.
# Usage: local_cluster.sh HPAWALK. Needs root. Its clusters are called test-a-ID and test-b-ID.
set -uo pipefail
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
hpawalk=$1
a=test-a-$$ b=test-b-$$
state=${XDG_STATE_HOME:-$HOME/.local/state}/hpawalk/clusters
work=$(mktemp -d)

trap '{ "$hpawalk" cluster down --name $a; "$hpawalk" cluster down --name $b; rm -rf "$work"; } >/dev/null 2>&1' EXIT

for old in "$state"/test-[ab]-*; do  # of a run that was killed
  [ ! -e "$old" ] || [ -e "/proc/${old##*-}" ] || "$hpawalk" cluster down --name "${old##*/}" >&2
done

# What a cluster could leave on the machine outside of the cache. Things that all clusters share are listed in
# full; an interface and its table belong to the cluster whose description names their number.
inventory() {
  ip -o link | sed -nE 's/^[0-9]+: (hpawalk[^:@]*).*/interface \1/p'
  nft list tables | sed 's/^/rules: /'
  find /sys/fs/cgroup -maxdepth 2 -name 'hpawalk*' | sed 's/^/cgroup /'
  cut -d' ' -f2 /proc/mounts | grep -E 'hpawalk|kube|etcd|containerd|cni|/var/log/(pods|containers)' | sed 's/^/mount /'
  ls -d /var/lib/kubelet /var/lib/etcd /var/lib/cni /var/log/pods /var/log/containers /etc/kubernetes /etc/cni \
    /opt/containerd /usr/libexec/kubernetes /run/containerd /etc/containerd /run/hpawalk* /var/lib/hpawalk* 2>/dev/null
  echo "ip_forward $(cat /proc/sys/net/ipv4/ip_forward)"
  find "$state" -mindepth 1 -maxdepth 1 -printf 'state %f\n' 2>/dev/null
  programs
}

# Programs of a cluster that run. One that has ended may stay in the process table for a second or two, until its
# parent, here the machine's first process, asks for its exit code: it has no command line any more.
programs() {
  local comm
  grep -lE '^(kube|etcd|containerd|coredns|hpawalk|pause)' /proc/[0-9]*/comm 2>/dev/null | while read -r comm; do
    tr '\0' ' ' 2>/dev/null <"${comm%comm}cmdline" | sed -nE '/./s/^/process /p'
  done
}

# The namespaces that our nodes have had: whatever of a cluster still runs, wherever it went, is in one of them.
remember() {
  local pid
  for name in $a $b; do
    read -r pid _ 2>/dev/null <"$state/$name/node.pid" || continue
    for kind in net mnt pid; do readlink "/proc/$pid/ns/$kind"; done >>"$work/namespaces"
    jq -r '.link | "hpawalk-\(.)"' "$state/$name/cluster.json" >>"$work/links"
  done
}

# The part of an inventory that is ours for certain, whatever other clusters do meanwhile.
ours() {
  local others
  others=$(for file in "$state"/*/cluster.json; do
    [[ $file == *"/$a/"* || $file == *"/$b/"* ]] || jq -r '.link | "hpawalk-\(.)"' "$file"; done 2>/dev/null)
  grep -E -- "$a|$b" <<<"$1"
  sort -u "$work/links" | grep -vxF -- "$others" | while read -r link; do grep -E " $link\$" <<<"$1"; done
  # The kernel gives a namespace's number away again: to another cluster's, perhaps.
  find /proc/[0-9]*/ns -maxdepth 1 -type l -printf '%l %h\n' 2>/dev/null | grep -F -f "$work/namespaces" |
    while read -r namespace folder; do
      grep hpawalk- "${folder%ns}cgroup" 2>/dev/null | grep -vqE -- "$a|$b" || echo "process in $namespace: $folder"
    done
}
others_run() { find "$state" -mindepth 1 -maxdepth 1 | grep -vE -- "/($a|$b)$" | grep . >/dev/null; }

before=$(inventory)
others=no
others_run && others=yes

up() { "$hpawalk" cluster up --name "$@"; }
check "a cluster starts" up $a
check "a second one starts beside it, with other HPA options" up $b --hpa-sync-period 1s --hpa-downscale-stabilization 10s
check "starting it again changes nothing and succeeds" up $a
remember
check "other options for a running cluster are refused" fails_with 2 cluster-options "$hpawalk" cluster up --name $a --hpa-sync-period 3s

kubeconfig_a=$("$hpawalk" cluster kubeconfig --name $a)
kubeconfig_b=$("$hpawalk" cluster kubeconfig --name $b)
kubectl=$("$hpawalk" cluster status --name $a -o json | jq -r '.[0].kubectl')
ka() { "$kubectl" --kubeconfig "$kubeconfig_a" --request-timeout=5s "$@"; }
kb() { "$kubectl" --kubeconfig "$kubeconfig_b" --request-timeout=5s "$@"; }

mode_is_0600() { [ "$(stat -c %a "$kubeconfig_a")" = 600 ]; }
check "the kubeconfig is for its owner alone" mode_is_0600
both_known() { "$hpawalk" cluster status -o json | jq -e 'map(select(.phase == "running" and .apiReady)) | length >= 2'; }
check "status knows both" both_known
flag_is_set() { kb -n kube-system get pod -l component=kube-controller-manager -o yaml | grep -- --horizontal-pod-autoscaler-sync-period=1s >/dev/null; }
# The kubelet shows a static pod to the API server only after the pod itself runs.
check "the second one's HPA controller has its options" within 30 flag_is_set

deploy() {
  ka create deployment nginx --image=nginx:stable && ka expose deployment nginx --port 80 && "$kubectl" --kubeconfig "$kubeconfig_a" rollout status deployment/nginx --timeout=60s
}
check "a Deployment becomes Ready" deploy
in_pod() { ka exec deploy/nginx -- "$@"; }
resolves() { in_pod getent hosts nginx.default.svc.cluster.local; }
check "a pod resolves a Service's name" within 20 resolves
service_from_pod() { in_pod curl -sf -m 3 http://nginx | grep Welcome >/dev/null; }
check "a pod reaches a Service's ClusterIP" within 20 service_from_pod
service_from_host() { ka get --raw /api/v1/namespaces/default/services/nginx:80/proxy/ | grep Welcome >/dev/null; }
check "the host reaches it through the API server" within 20 service_from_host
other_is_empty() { ! kb get deployment nginx 2>/dev/null; }
check "the other cluster knows nothing of it" other_is_empty
other_user_is_refused() {
  local address
  address=$("$hpawalk" cluster status --name $a -o json | jq -r '.[0].nodeAddress')
  ! setpriv --reuid=65534 --clear-groups curl -sk -m 3 "https://$address:6443/version" >/dev/null
}
check "another user of the machine does not even reach the API server's port" other_user_is_refused

merged=$(mktemp -d)
merge() { KUBECONFIG=$merged/config "$hpawalk" cluster kubeconfig --merge --name $a && "$kubectl" --kubeconfig "$merged/config" --context hpawalk-$a get nodes; }
check "--merge adds a working context to the user's kubeconfig" merge
no_context_taken() { ! grep -q '^current-context: hpawalk' "$merged/config"; }
check "and leaves the current context alone" no_context_taken

# Every kind of process of a cluster, by a pattern of its command line.
process() { find "/sys/fs/cgroup/${1%%:*}" -path "*hpawalk-$a*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un |
  while read -r pid; do tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -E "${1#*:}" >/dev/null && echo "$pid"; done | head -n 1; }
hierarchy=pids
[ -e /sys/fs/cgroup/cgroup.controllers ] && hierarchy=.
works() { ka get --raw /readyz && ka get node $a -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}' | grep True >/dev/null && service_from_pod; }
kill_and_heal() {
  local pid
  pid=$(process "$hierarchy:$1")
  [ -n "$pid" ] || { echo "no process matches $1"; return 1; }
  kill -9 "$pid"
  sleep 1
  within 90 works && return
  remember
  ka get pods -A -o wide
  ka -n kube-system get endpointslices -l k8s-app=kube-dns -o wide
  ka -n kube-system logs -l k8s-app=kube-dns --tail 5
  "$hpawalk" cluster logs --name $a kube-proxy -n 5
  return 1
}
for pattern in 'hpawalk node keep' 'hpawalk node run' '^containerd --config' '/kubelet ' '/kube-proxy ' '^etcd ' '^kube-apiserver ' \
  '^kube-controller-manager ' '^kube-scheduler ' '^/coredns ' 'containerd-shim' '^nginx: master' '^/pause'; do
  check "kill -9 of \"$pattern\" heals" kill_and_heal "$pattern"
  remember
done

# What a restart of the machine leaves: the files, and nothing that ran.
restart() {
  local link phase
  for _ in {1..50}; do  # again and again: keepers start each other while they are killed
    find /sys/fs/cgroup -path "*/hpawalk-$b/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -9 2>/dev/null
    find /sys/fs/cgroup -depth -type d -path "*/hpawalk-$b*" -exec rmdir {} + 2>/dev/null
    [ -z "$(find /sys/fs/cgroup -maxdepth 2 -name "hpawalk-$b")" ] && break
    sleep 0.2
  done
  link=$(jq -r '.link | "hpawalk-\(.)"' "$state/$b/cluster.json")
  ip link delete "$link" 2>/dev/null
  nft delete table inet "$link"
  phase=$("$hpawalk" cluster status --name $b -o json 2>/dev/null | jq -r '.[0].phase')
  [ "$phase" = stopped ] || { echo "phase: $phase"; return 1; }
  up $b && remember && kb get configmap kept
}
kb create configmap kept --from-literal=a=b >/dev/null
check "after a restart of the machine, up starts the cluster with its objects" restart

down_fast() {
  local start
  start=$(date +%s%N)
  "$hpawalk" cluster down --name "$1" || return
  echo "took $(((($(date +%s%N)) - start) / 1000000)) ms"
}
check "the first cluster goes" down_fast $a
check "the second one still runs" kb get --raw /readyz
unmerged() { ! grep -q hpawalk-$a "$merged/config"; }
check "its context has gone from the user's kubeconfig" unmerged
rm -rf "$merged"

# A start that is killed half way: the next one starts afresh.
interrupted_start() {
  local pid phase
  "$hpawalk" cluster up --name $a &
  pid=$!
  sleep 3
  kill -9 $pid || return
  wait $pid 2>/dev/null
  phase=$("$hpawalk" cluster status --name $a -o json 2>/dev/null | jq -r '.[0].phase')
  [ "$phase" = incomplete ] || { echo "phase: $phase"; return 1; }
  up $a && remember
}
check "a start that was killed is healed by the next one" interrupted_start

check "down removes it" down_fast $a
check "down removes the other" down_fast $b
check "down of a cluster that is not there is fine" "$hpawalk" cluster down --name $a
gone() { local left; left=$(ours "$(inventory)"); echo "$left"; [ -z "$left" ]; }
# A few seconds: the kernel removes a network namespace's last things in the background.
check "nothing of the two is left: no process, mount, interface, rule, cgroup or folder" within 5 gone
as_before() { diff <(echo "$before") <(inventory); }
if [ $others = yes ] || others_run; then
  skip "the machine is as it was before" "other clusters run on it, with changes of their own"
else
  check "the machine is as it was before" within 5 as_before
fi
summary
