#!/usr/bin/env bash
# The bundled chart in the hands of the real helm: lint, its schema, and what it renders for values of all kinds.
# Usage: chart.sh HPAWALK
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
chart=$PWD/../../manifests/charts/prometheus-adapter
helm=$(command -v helm || compiled helm)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

render() { "$helm" template x "$chart" --namespace mon "$@"; }
has() { # has TEXT HELM-ARGUMENTS...
  local text=$1
  shift
  if render "$@" >"$work/out" && grep -qF -- "$text" "$work/out"; then return; fi
  cat "$work/out"
  return 1
}
lacks() {
  local text=$1
  shift
  render "$@" >"$work/out" && ! grep -qF -- "$text" "$work/out"
}
refused() { ! render "$@"; }

check "helm lint has nothing to say" "$helm" lint --strict "$chart"
render_values() { "$hpawalk" render adapter >"$work/values.yaml" && [ -s "$work/values.yaml" ]; }
check "hpawalk renders values" render_values
check "hpawalk's own values fit the chart's schema" "$helm" lint --strict "$chart" --values "$work/values.yaml"
check "both versions of the custom metrics API are served" has "name: v1beta1.custom.metrics.k8s.io"
check "  also v1beta2" has "name: v1beta2.custom.metrics.k8s.io"
check "the external metrics API is not, without rules for it" lacks "external.metrics.k8s.io"
external='rules.external[0].seriesQuery=q,rules.external[0].metricsQuery=m'
check "with them it is" has "name: v1beta1.external.metrics.k8s.io" --set "$external"
check "only external rules: no custom metrics API" lacks "name: v1beta1.custom.metrics.k8s.io" --set "$external,rules.default=false"
check "resource rules serve metrics.k8s.io" has "name: v1beta1.metrics.k8s.io" --set rules.resource.cpu.containerQuery=q
check "a ConfigMap of the user's replaces the rules" has "name: my-rules" --set rules.existing=my-rules
check "  and none is made" lacks "kind: ConfigMap" --set rules.existing=my-rules
check "port 0 leaves the URL's own" has "--prometheus-url=https://p.example.com/x" --set prometheus.url=https://p.example.com,prometheus.port=0,prometheus.path=/x
check "the URL is a template" has "--prometheus-url=http://prom.mon.svc:9090" --set 'prometheus.url=http://prom.{{ .Release.Namespace }}.svc'
trusts_what_it_makes() { # the CA in the Secret is what both APIServices trust, and it signed the certificate for the Service's name
  render > "$work/out" || return
  [ "$(sed -n 's/^  caBundle: //p' "$work/out" | sort -u)" = "$(sed -n 's/^  ca.crt: //p' "$work/out")" ] || return
  for part in ca tls; do sed -n "s/^  $part.crt: //p" "$work/out" | base64 -d > "$work/$part.pem"; done
  openssl verify -CAfile "$work/ca.pem" -verify_hostname x-prometheus-adapter.mon.svc "$work/tls.pem"
}
check "the API server is given the CA that signed the adapter's certificate" trusts_what_it_makes
check "  and so skips no verification" lacks "insecureSkipTLSVerify"
check "  the CA's own key is kept nowhere" test "$(grep -c 'key: ' "$work/out")" = 1
check "the adapter may read what its rule names, and no ConfigMaps" has "resources: [namespaces, pods, services]"
check "not root" has "runAsNonRoot: true"
check "a read-only root file system" has "readOnlyRootFilesystem: true"
check "an existing account is used" has "serviceAccountName: mine" --set serviceAccount.create=false,serviceAccount.name=mine
check "pod settings arrive" has "disk: ssd" --set nodeSelector.disk=ssd,podLabels.a=b,replicas=2
check "a misspelt value is refused" refused --set promethius.url=http://x
check "a value of the wrong type is refused" refused --set replicas=many
sum() { render "$@" | sed -n 's/.*checksum\/config: //p'; }
differ() { [ "$(sum)" != "$(sum --set rules.default=false)" ]; }
check "other rules make other pods" differ
summary
