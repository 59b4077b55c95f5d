#!/usr/bin/env bash
# prom-fake beside nginx with the same bytes, client_golang on net/http and prometheus-cpp's exposer, in one run: the
# server alone on core 0, wrk with 32 connections on core 1; the rounds are interleaved so that noise hits all alike.
# The server's own CPU time a request says more than the rate when the load generator is the slower side.
# Usage: bench.sh [ROUNDS] [SECONDS]    PROM_FAKE=binary to measure another build. On a machine that does other things
# meanwhile: chrt -r 10 bench.sh ...; everything else then stands still during the rounds.
# Needs: wrk, taskset; rivals that are not there are skipped visibly (nginx, go, Debian: prometheus-cpp-dev).
set -euo pipefail
rounds=${1:-3} seconds=${2:-5}
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
port=18300
names=()
skip() { echo "SKIP  $1: $2"; }

if [ -z "${PROM_FAKE:-}" ]; then
  cmake -S "$here/../../../promfake" -B "$dir/build" -DCMAKE_BUILD_TYPE=MinSizeRel > "$dir/log"
  cmake --build "$dir/build" --target prom-fake -j2 >> "$dir/log" 2>&1 || { tail "$dir/log"; exit 1; }
  PROM_FAKE=$dir/build/prom-fake
fi
names+=(prom-fake)
if command -v nginx > /dev/null; then names+=(nginx); else skip nginx "not installed"; fi
if command -v go > /dev/null && cp -r "$here/rivals/client_golang" "$dir/go" &&
  (cd "$dir/go" && go mod tidy && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$dir/client_golang" .) > "$dir/log" 2>&1; then
  names+=(client_golang)
else
  skip client_golang "no go, or its modules cannot be had"
fi
if g++ -std=c++20 -O2 -s "$here/rivals/prometheus_cpp.cc" -o "$dir/prometheus-cpp" -lprometheus-cpp-pull -lprometheus-cpp-core \
  2> "$dir/log"; then names+=(prometheus-cpp); else skip prometheus-cpp "prometheus-cpp-dev is not installed"; fi

start() { # NAME: sets pid and size
  case $1 in
    prom-fake) taskset -c 0 "$PROM_FAKE" --listen 127.0.0.1:$port --value 50 2> "$dir/log" & size=$(stat -c %s "$PROM_FAKE") ;;
    nginx) sed "s|@DIR@|$dir|; s|@PORT@|$port|; s|@DIR@|$dir|g" "$here/rivals/nginx.conf.in" > "$dir/nginx.conf"
      taskset -c 0 nginx -c "$dir/nginx.conf" 2> "$dir/log" & size=$(stat -L -c %s "$(command -v nginx)") ;;
    *) taskset -c 0 "$dir/$1" $port 2> "$dir/log" & size=$(stat -c %s "$dir/$1") ;;
  esac
  pid=$!
}
ticks() { sed 's/.*) //' "/proc/$pid/stat" | awk '{print $12 + $13}'; }

for ((round = 0; round < rounds; ++round)); do
  for name in "${names[@]}"; do
    port=$((port + 1))
    start "$name"
    sleep 0.5
    taskset -c 1 curl -s "http://127.0.0.1:$port/metrics" > "$dir/$name.bytes"
    before=$(ticks)
    taskset -c 1 wrk -t1 -c32 -d"${seconds}s" "http://127.0.0.1:$port/metrics" > "$dir/wrk"
    after=$(ticks)
    rss=$(awk '/VmHWM/ {print $2}' /proc/$pid/status)
    awk -v n="$name" -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" -v rss="$rss" -v size="$size" \
      '/requests in/ {r = $1} /Requests\/sec/ {rate = $2} /Non-2xx|Socket errors/ {bad = 1}
       END {print n, int(rate), t / hz / r * 1e6, rss, size, bad + 0}' "$dir/wrk" >> "$dir/results"
    { kill -KILL $pid && wait $pid; } 2> /dev/null || true
  done
done
for name in "${names[@]}"; do
  cmp -s "$dir/prom-fake.bytes" "$dir/$name.bytes" || echo "note: $name gives other bytes than prom-fake"
done
awk '$6 {print "BAD: errors in a round of " $1}' "$dir/results"
printf '%-16s %10s %10s %18s %14s %14s\n' server best/s median/s 'best CPU us/request' 'peak RSS kB' 'binary bytes'
for name in "${names[@]}"; do
  grep "^$name " "$dir/results" | sort -k2,2n | awk -v n="$name" '{r[NR] = $2; if (!c || $3 < c) c = $3; if ($4 > m) m = $4; s = $5}
    END {printf "%-16s %10d %10d %18.2f %14d %14d\n", n, r[NR], r[int((NR + 1) / 2)], c, m, s}'
done
