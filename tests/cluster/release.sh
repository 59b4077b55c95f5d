#!/usr/bin/env bash
# The components of a local cluster from upstream's release (--from release, and auto), against a local stand-in that
# has the layout of upstream's hosts under their names (release.py): its programs are those that were compiled on this
# machine. In a mount namespace of its own, whose /etc/hosts leads these names to the stand-in.
# Usage: release.sh HPAWALK. Needs root, and port 443 of two loopback addresses.
set -uo pipefail
if [ -z "${RELEASE_TEST_INSIDE:-}" ]; then
  RELEASE_TEST_INSIDE=yes exec unshare --mount "$0" "$(realpath "$1")"
fi
hpawalk=$1
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
cluster=test-release-$$ address=127.0.0.2 nobody=127.0.0.3
hosts=(dl.k8s.io github.com get.helm.sh quay.io registry.k8s.io)
work=$(mktemp -d) server=
trap 'finish >/dev/null 2>&1' EXIT
finish() {
  XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state "$hpawalk" cluster down --name $cluster
  if [ -n "$server" ]; then kill "$server"; fi
  rm -rf "$work"
}

# What the stand-in serves: programs that were compiled here, Kubernetes' of the version that is the default.
parts=${XDG_CACHE_HOME:-$HOME/.cache}/hpawalk/parts
kubernetes=$(grep -oE '\{"1\.[0-9]+", "v[0-9.]+"\}' ../../cluster/local/parts.cpp | head -n 1 | cut -d'"' -f4)
of_that_version() {
  local kubelet
  for kubelet in "$parts"/kubernetes-*/kubelet; do
    if [ "$("$kubelet" --version 2>/dev/null)" = "Kubernetes $kubernetes" ]; then echo "${kubelet%/kubelet}"; return; fi
  done
}
folder=$(of_that_version)
programs=()
for name in kube-apiserver kube-controller-manager kube-proxy kube-scheduler kubeadm kubectl kubelet etcd etcdctl coredns \
  helm prometheus promtool operator prometheus-config-reloader adapter pause bundle.yaml; do
  case $name in
    kube*) file=${folder:+$folder/$name} ;;
    *) file=$(compiled "$name") ;;
  esac
  if [ -z "$file" ]; then
    skip "upstream's release" "nothing was compiled that could stand for $name (hpawalk cluster prepare --from compile)"
    summary
    exit
  fi
  programs+=("$name=$file")
done
if ! python3 -c "import socket; [socket.create_server((a, 443)) for a in ('$address', '$nobody')]" 2>/dev/null; then
  skip "upstream's release" "port 443 of $address or $nobody is not free"
  summary
  exit
fi

architecture=$(case $(uname -m) in aarch64) echo arm64 ;; *) echo amd64 ;; esac)
tree=$work/tree log=$work/requests
binaries=$tree/dl.k8s.io/release/$kubernetes/bin/linux/$architecture
touch "$log"
check "the stand-in's files are made" ./release.py make "$tree" "$architecture" "$kubernetes" "${programs[@]}"

# An authority of its own, which only these commands trust.
make_certificate() {
  local names
  names=$(printf 'DNS:%s,' "${hosts[@]}")
  cd "$work" || return
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=hpawalk's test authority" \
    -keyout ca.key -out ca.pem
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=stand-in" -keyout tls.key -out tls.csr
  openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out tls.pem \
    -extfile <(printf 'subjectAltName=%s' "${names%,}")
}
check "a certificate is made" make_certificate
./release.py serve "$tree" $address "$work/tls.pem" "$work/tls.key" "$log" 2>"$work/server.log" &
server=$!
cp /etc/hosts "$work/hosts"
mount --bind "$work/hosts" /etc/hosts
machines_hosts=$(cat /etc/hosts)
lead_to() { # ADDRESS
  local host
  { echo "$machines_hosts"; for host in "${hosts[@]}"; do echo "$1 $host"; done; } >"$work/hosts"
}
lead_to $address
served() { curl --silent --fail --cacert "$work/ca.pem" https://get.helm.sh/; }
check "the stand-in answers under upstream's names" within 10 served

# A go that is there and compiles nothing: where it is called, compiling has begun.
mkdir -p "$work/bin"
cat >"$work/bin/go" <<'END'
#!/bin/sh
if [ "$1" = env ]; then echo go1.26.8; exit; fi
echo "the stand-in compiles nothing" >&2
exit 1
END
chmod +x "$work/bin/go"
path_without_go() {
  local kept=() folder
  IFS=: read -ra folders <<<"$PATH"
  for folder in "${folders[@]}"; do [ -x "$folder/go" ] || kept+=("$folder"); done
  (IFS=:; echo "${kept[*]}")
}
without_go=$(path_without_go)
run_in() { # CACHE PATH ARGUMENT...
  local cache=$1 path=$2
  shift 2
  env -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY CURL_CA_BUNDLE="$work/ca.pem" SSL_CERT_FILE="$work/ca.pem" \
    XDG_CACHE_HOME="$cache" XDG_STATE_HOME="$work/state" PATH="$path" "$hpawalk" "$@"
}
released() { run_in "$work/cache" "$without_go" "$@"; }
other() { run_in "$work/other" "$work/bin:$PATH" "$@"; }
nothing_whole() { [ -z "$(find "$work/other/hpawalk/parts" -mindepth 1 -maxdepth 1 ! -name '*.partial' ! -name '*.source')" ]; }

check "no Go, an empty cache: prepare --from release" released cluster prepare --from release
only_released() {
  local sets
  sets=$(find "$work/cache/hpawalk/parts" -mindepth 1 -maxdepth 1 -printf '%f\n' | sed 's/-[0-9a-f]*$//' | sort | xargs)
  [ "$sets" = "adapter-release chain-release kubernetes-release" ] || { echo "$sets"; return 1; }
}
check "each set's folder says that it was taken from upstream" only_released
same_programs() {
  local pair folder=$work/cache/hpawalk/parts
  for pair in "${programs[@]}"; do
    case ${pair%%=*} in operator | prometheus-config-reloader | adapter | pause) continue ;; esac
    cmp "${pair#*=}" "$folder"/*/"${pair%%=*}" || return
  done
}
check "its programs are those that were served, and those that are images only are not among them" same_programs
before=$(wc -l <"$log")
check "a cluster starts on it" released cluster up --name $cluster
check "and asked no host: the cluster had all it needs" [ "$(wc -l <"$log")" -eq "$before" ]
running() {
  local kubeconfig kubectl
  kubeconfig=$(released cluster kubeconfig --name $cluster) kubectl=$(echo "$work"/cache/hpawalk/parts/kubernetes-*/kubectl)
  "$kubectl" --kubeconfig "$kubeconfig" run adapter --image "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0" \
    --image-pull-policy Never --restart Never -- --help || return
  within 60 ended "$kubectl" "$kubeconfig"
}
ended() { [ "$("$1" --kubeconfig "$2" get pod adapter -o 'jsonpath={.status.containerStatuses[0].state.terminated.reason}')" != "" ]; }
check "a pod runs from an image that was pulled" running
check "it goes" released cluster down --name $cluster

mv "$(echo "$work"/cache/hpawalk/parts/chain-release-*)" "$work/chain"
taken() { released cluster prepare 2>&1 | tee "$work/auto.log" && grep -F "its hosts answer: taking its release" "$work/auto.log"; }
check "auto takes what is missing from upstream where its hosts answer" taken

# Each of the following stops early, in a cache of its own.
cp "$binaries/kube-apiserver.sha256" "$work/sum"
tr 0-9 1-90 <"$work/sum" >"$binaries/kube-apiserver.sha256"
check "a wrong checksum stops, also in auto" fails_with 3 "kube-apiserver is not the published file" other cluster prepare
check "and nothing is left of it" nothing_whole
removed() { [ -z "$(find "$work/other" -name kube-apiserver)" ]; }
check "neither the file" removed
echo "no sum" >"$binaries/kube-apiserver.sha256"
check "a checksum file without one stops" fails_with 3 "No checksum is published" other cluster prepare
cp "$work/sum" "$binaries/kube-apiserver.sha256"

echo kube-apiserver >"$tree/cut"
check "a file that is cut off stops" fails_with 3 "continues where it stopped" other cluster prepare
check "and is no component" nothing_whole
rm "$tree/cut"
mv "$binaries/kube-controller-manager.sha256" "$work/absent"  # the end of the next attempt
resumed() {
  fails_with 3 "kube-controller-manager.sha256" other cluster prepare --from release || return
  grep -E "GET /.*/kube-apiserver bytes=[1-9][0-9]*-" "$log"
}
check "the next attempt goes on in the middle, and names a file that upstream does not have" resumed
compiles() { # TEXT COMMAND...
  local text=$1 out status=0
  shift
  out=$("$@" 2>&1) || status=$?
  [ $status -ne 0 ] && grep -F -- "$text" <<<"$out" && grep -F "the stand-in compiles nothing" <<<"$out" && return
  printf 'exit code %s\n%s\n' "$status" "$out"
  return 1
}
check "auto compiles what upstream does not have, and says so" compiles "is not to be had there: compiling" other cluster prepare
mv "$work/absent" "$binaries/kube-controller-manager.sha256"

blob=$(find "$tree/registry.k8s.io/v2/pause/blobs" -size +100k)
cp "$blob" "$work/blob"
printf 'x' | dd of="$blob" bs=1 seek=2000 conv=notrunc status=none
find "$work/cache/hpawalk/images" -mindepth 1 -maxdepth 1 -exec mv {} "$work/images" \;
check "an image whose layer is another one stops" fails_with 3 "Cannot pull the image registry.k8s.io/pause" \
  released cluster prepare
cp "$work/blob" "$blob"
mv "$tree/registry.k8s.io/v2/pause/manifests" "$work/manifests"
check "auto compiles where an image is not there, and says so" compiles "not all of its release is to be had: compiling" \
  run_in "$work/cache" "$work/bin:$PATH" cluster prepare

lead_to $nobody
check "where nobody listens, auto compiles, and says so" compiles "no answer from dl.k8s.io" other cluster prepare
python3 -c "import socket, time; s = socket.create_server(('$nobody', 443)); time.sleep(60)" &
silent=$!
start=$SECONDS
check "where the hosts stay silent too" compiles "no answer from dl.k8s.io" other cluster prepare
check "after a short look" [ $((SECONDS - start)) -le 10 ]
kill $silent
check "there, --from release says what else there is" fails_with 3 "--from compile" \
  other cluster prepare --from release
summary
