#!/usr/bin/env bash
# Which event loop and which parser: the same reply from every candidate, one after the other on core 0, wrk with
# 32 connections on core 1, several rounds interleaved so that noise hits all alike; best and median are printed.
# Needs: g++, wrk, taskset; Debian: libevent-dev libuv1-dev libmicrohttpd-dev libboost-dev node-llhttp.
# Usage: candidates.sh [ROUNDS] [SECONDS]
set -euo pipefail
rounds=${1:-3} seconds=${2:-4}
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d) && trap 'rm -rf "$out"' EXIT
llhttp=/usr/share/llhttp
flags=(-O2 -s -ffunction-sections -fdata-sections -Wl,--gc-sections -I/usr/share/include/llhttp)
for f in llhttp api http; do gcc -O2 -I/usr/share/include/llhttp -c $llhttp/$f.c -o "$out/$f.o"; done
parser=("$out/llhttp.o" "$out/api.o" "$out/http.o")
uv=$(find /usr/lib -name libuv_a.a | head -1)
build() { local name=$1; shift; g++ -std=c++20 "${flags[@]}" "$here/candidates/$name.cc" "$@" -o "$out/$name"; }
build epoll_llhttp -static "${parser[@]}"
build libevent_llhttp -static "${parser[@]}" -levent_core
build libevent_evhttp -static -levent
build libuv_llhttp -static "${parser[@]}" "$uv" -lpthread -ldl
build asio_llhttp -static "${parser[@]}" -lpthread
build beast -static -lpthread
build libmicrohttpd -lmicrohttpd # Debian's static archive wants GnuTLS and more; measured as a shared library
names=(epoll_llhttp libevent_llhttp libuv_llhttp asio_llhttp libevent_evhttp libmicrohttpd beast)
port=18100
for ((round = 0; round < rounds; ++round)); do
  for name in "${names[@]}"; do
    port=$((port + 1))
    taskset -c 0 "$out/$name" $port & pid=$!
    sleep 0.3
    rate=$(taskset -c 1 wrk -t1 -c32 -d"${seconds}s" "http://127.0.0.1:$port/metrics" | awk '/Requests\/sec/ {print int($2)}')
    rss=$(awk '/VmHWM/ {print $2}' /proc/$pid/status)
    { kill $pid && wait $pid; } 2>/dev/null || true
    echo "$name $rate $rss $(stat -c %s "$out/$name")" >> "$out/results"
  done
done
printf '%-18s %10s %10s %12s %12s\n' candidate best/s median/s peak-RSS-kB binary-bytes
for name in "${names[@]}"; do
  grep "^$name " "$out/results" | sort -k2 -n | awk -v n="$name" '{r[NR]=$2; m=$3; s=$4}
    END {printf "%-18s %10d %10d %12d %12d\n", n, r[NR], r[int((NR+1)/2)], m, s}'
done
