#!/usr/bin/env bash
# What `hpawalk diagnose` needs on a large cluster: seconds and memory, for all HPAs and for one.
#
# large.sh HPAWALK [HPAS PODS SPACES]        on a real API server (5000 HPAs with a Deployment and a Service each, 20000
#                                            pods, 100 namespaces). Makes a cluster of its own and takes it down. Needs root.
# large.sh --fake HPAWALK [HPAS PODS SPACES] before a stand-in that answers as fast as it can (1 HPA, 60000 pods, 5 namespaces)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fake=
if [ "$1" = --fake ]; then
  fake=yes
  shift
fi
hpawalk=$(realpath "$1")
work=$(mktemp -d)
children=()
name=bench-large-$$
clean_up() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  if [ -z "$fake" ]; then "$hpawalk" cluster down --name "$name" >&2 || true; fi
  rm -rf "$work"
}
trap clean_up EXIT
socket=$work/api

# measure TITLE ARGUMENT...: three runs, each with its wall clock, CPU and largest memory.
measure() {
  local title=$1 round
  shift
  for round in 1 2 3; do
    python3 - "$title $round" "$work/out.json" "$hpawalk" diagnose "$@" -o json <<'END'
import json, os, resource, subprocess, sys, time
title, out, command = sys.argv[1], sys.argv[2], sys.argv[3:]
start = time.monotonic()
with open(out, "w") as file:
    done = subprocess.Popen(command, stdout=file)
_, status, used = os.wait4(done.pid, 0)
seconds = time.monotonic() - start
with open(out) as file:
    answer = json.load(file)
verdicts = {}
for hpa in answer["hpas"]:
    verdicts[hpa["verdict"]] = verdicts.get(hpa["verdict"], 0) + 1
print(f"{title:<12} {seconds:6.2f} s {used.ru_utime + used.ru_stime:6.2f} s CPU {used.ru_maxrss / 1024:6.0f} MiB {answer['requests']:5} requests"
      f"   exit {os.waitstatus_to_exitcode(status)} {verdicts}   load {os.getloadavg()[0]:.1f}", flush=True)
END
  done
}

if [ -n "$fake" ]; then
  hpas=${2:-1} pods=${3:-60000} spaces=${4:-5}
  python3 "$here/large.py" serve "$socket" "$hpas" "$pods" "$spaces" &
  children+=($!)
  mkdir "$work/bin"
  cat >"$work/bin/kubectl" <<END
#!/bin/sh
for word in "\$@"; do case \$word in
  --unix-socket=*) ln -s $socket "\${word#--unix-socket=}"; exec sleep 600 ;;
esac; done
END
  chmod +x "$work/bin/kubectl"
  PATH=$work/bin:$PATH
else
  hpas=${2:-5000} pods=${3:-20000} spaces=${4:-100}
  "$hpawalk" cluster up --name "$name" >&2
  KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
  export KUBECONFIG
  kubectl proxy --unix-socket="$socket" >/dev/null &
  children+=($!)
fi
for _ in $(seq 300); do [ ! -S "$socket" ] || break; sleep 0.2; done
if [ -z "$fake" ]; then python3 "$here/large.py" fill "$socket" "$hpas" "$pods" "$spaces"; fi
echo "$hpas HPAs, $pods pods, $spaces namespaces"
measure all -A
measure one app-0 -n load-0
