#!/usr/bin/env bash
# What `hpawalk exporter` needs for the HPAs of a large cluster, before a stand-in API server (large.py) that answers as
# fast as it can: the time and the requests of a diagnosis, its CPU, the largest memory, and the size of /metrics.
# Usage: exporter.sh HPAWALK [HPAS PODS SPACES]     5000 HPAs, 20000 pods, 100 namespaces
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hpawalk=$(realpath "$1")
hpas=${2:-5000} pods=${3:-20000} spaces=${4:-100} diagnoses=5
work=$(mktemp -d)
children=()
clean_up() {
  for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT
python3 "$here/large.py" serve "$work/api" "$hpas" "$pods" "$spaces" &
children+=($!)
mkdir "$work/bin"
cat >"$work/bin/kubectl" <<END
#!/bin/sh
for word in "\$@"; do case \$word in
  --unix-socket=*) ln -s $work/api "\${word#--unix-socket=}"; exec sleep 3600 ;;
esac; done
END
chmod +x "$work/bin/kubectl"
for _ in $(seq 600); do [ ! -S "$work/api" ] || break; sleep 0.2; done

PATH=$work/bin:$PATH "$hpawalk" exporter --listen 127.0.0.1:0 --every 5s 2>"$work/log" &
exporter=$!
children+=("$exporter")
url=''
for _ in $(seq 100); do
  url=$(sed -n 's|^Serving \(http://[^;]*\);.*|\1|p' "$work/log")
  [ -z "$url" ] || break
  sleep 0.1
done
[ -n "$url" ] || { cat "$work/log" >&2; exit 1; }

# value NAME: of the exporter's own metric.
value() { curl -sS "$url" | sed -n "s/^$1 //p"; }
echo "$hpas HPAs, $pods pods, $spaces namespaces; a diagnosis at least each 5 s"
last=0
until [ "$last" -ge "$diagnoses" ]; do
  sleep 1
  now=$(value hpawalk_exporter_diagnoses_total)
  [ "$now" != "$last" ] || continue
  last=$now
  echo "diagnosis $now: $(value hpawalk_exporter_last_diagnosis_duration_seconds) s, $(value hpawalk_exporter_api_requests_total) requests in all," \
    "$(sed -n 's/^VmHWM:[[:space:]]*//p' "/proc/$exporter/status") at most, load $(cut -d' ' -f1 /proc/loadavg)"
done
echo "failures: $(value hpawalk_exporter_diagnosis_failures_total)"
curl -sS -o "$work/page" -w "/metrics: %{size_download} bytes in %{time_total} s\n" "$url"
echo "series: $(grep -cv '^#' "$work/page")"
echo "CPU of the exporter: $(awk '{print ($14 + $15) / 100}' "/proc/$exporter/stat") s for $last diagnoses"
