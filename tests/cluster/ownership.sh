#!/usr/bin/env bash
# Whose an object is, on a real cluster: what strangers put into hpawalk's namespaces survives `down`, and two chains on
# one cluster do not take each other's. Usage: ownership.sh HPAWALK. Needs root.
set -uo pipefail
hpawalk=$(realpath "$1")
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
name=test-owner-$$
export HPAWALK_CLUSTER_NAME=$name
work=$(mktemp -d)
cd "$work" || exit
trap '{ "$hpawalk" cluster down --name "$name"; rm -rf "$work"; } >/dev/null 2>&1' EXIT
"$hpawalk" cluster up --name "$name" >cluster.log 2>&1 || { cat cluster.log; exit 3; }
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name "$name")
export KUBECONFIG
kubectl=$("$hpawalk" cluster status --name "$name" -o json | jq -r '.[0].kubectl')
kubectl() { command "$kubectl" --request-timeout=10s "$@"; }

# A chain in namespaces of its own: every one of them is hpawalk's to make and to take away.
mine=(--namespace mine --operator-namespace mine-operator --prometheus-namespace mine-metrics --adapter-namespace mine-adapter)
spaces=(mine mine-operator mine-metrics mine-adapter)
down_says() { "$hpawalk" down "${mine[@]}" -o json >down.json 2>progress || { cat progress; return 1; }; }
left() { jq -e --arg text "$1" '[.leftAlone[] | select(contains($text))] | length > 0' down.json || { cat down.json; return 1; }; }
nothing_left() { jq -e '.leftAlone == []' down.json || { cat down.json; return 1; }; }
there() { kubectl get "$2" "$3" --namespace "$1"; }
gone() { # what cannot be read is not gone
  local found
  found=$(kubectl get "$@" -o name --ignore-not-found) || return
  [ -z "$found" ] || { echo "$found"; return 1; }
}
ours_gone() { gone all,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings -A -l hpawalk/instance=mine.nginx; }

widget_kind() {
  kubectl apply -f - <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.stranger.example.com}
spec:
  group: stranger.example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
YAML
  kubectl wait --for=condition=Established crd/widgets.stranger.example.com --timeout=20s
}
strangers() { # strangers VERB: the same five objects in each of hpawalk's namespaces
  for space in "${spaces[@]}"; do
    cat <<YAML
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: notes, namespace: $space}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: reader, namespace: $space}, rules: []}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: open, namespace: $space}, spec: {podSelector: {matchLabels: {no: body}}}}
---
{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: checkout, namespace: $space}, spec: {selector: {}, endpoints: [{port: web}]}}
---
{apiVersion: stranger.example.com/v1, kind: Widget, metadata: {name: w, namespace: $space}}
YAML
  done | kubectl "$1" -f -
}

check "up builds a chain in namespaces of its own" "$hpawalk" up "${mine[@]}"
check "strangers come" widget_kind
check "  into each of them" strangers create
check "down ends well" down_says
jq -r '"      \(.seconds) s, \(.removed | length) objects"' down.json
for space in "${spaces[@]}"; do
  check "namespace $space is named as kept" left "Namespace $space: "
  for object in "configmap notes" "role reader" "networkpolicy open" "servicemonitor checkout" "widget w"; do
    # shellcheck disable=SC2086
    check "  $object is there" there "$space" $object
  done
done
for object in "ConfigMap notes" "Role reader" "NetworkPolicy open" "ServiceMonitor checkout" "Widget w"; do
  check "$object is named as a reason" left "$object"
done
check "the operator is there for the strangers' ServiceMonitors" there mine-operator deployment prometheus-operator
check "  and is named" left "Deployment prometheus-operator in namespace mine-operator: ServiceMonitor checkout in namespace"
not_ours_left() { gone deployments,services,serviceaccounts -n "$1" -l "hpawalk/instance=mine.nginx"; }
for space in mine mine-metrics mine-adapter; do check "hpawalk's own is gone from $space" not_ours_left "$space"; done
check "  and its Prometheus, monitor and HPA" gone prometheuses,hpa -A
check "  and its release" gone secrets -n mine-adapter -l owner=helm
check "  and the adapter's API" gone apiservices v1beta1.custom.metrics.k8s.io
strangers delete >/dev/null
check "once the strangers are gone, down takes the rest" down_says
check "  nothing is left alone" nothing_left
no_spaces() { gone namespaces "${spaces[@]}"; }
check "  the namespaces are gone" no_spaces
check "  and hpawalk's objects" ours_gone
check "  and the operator's kinds" gone crd prometheuses.monitoring.coreos.com

# Numbers as people write them are other texts than what the API server makes of them.
odd=(--hpa-target 1000 --workload-resources '{requests: {cpu: 0.01, memory: 8000000}}')
outcomes() { jq -r '[.stages[].outcome] | unique | join(" ")' "$1"; }
second_up() { "$hpawalk" up "${odd[@]}" -o json >again.json 2>progress || { cat progress again.json; return 1; }; }
unchanged() { [ "$(outcomes again.json)" = unchanged ] || { cat again.json; return 1; }; }
check "up with quantities in other spellings" "$hpawalk" up "${odd[@]}"
check "  and again" second_up
check "  has nothing to do ($(jq .seconds again.json) s)" unchanged

# A second person's chain beside it: a cluster has one adapter, so his ends before that.
his=(--namespace his --prometheus-namespace his-metrics --adapter-namespace his-metrics --hpa-name web)
# shellcheck disable=SC2054
his_stages=(--only workload,operator,prometheus,image,prom-fake,servicemonitor)
check "another chain's objects of the same names stop up" fails_with 1 "belongs to another hpawalk instance" "$hpawalk" up --instance somebody
check "a second chain on the same cluster" "$hpawalk" up "${his[@]}" "${his_stages[@]}"
check "  its adapter is the first one's" fails_with 1 "belongs to another hpawalk instance" "$hpawalk" up "${his[@]}"
his_down() { "$hpawalk" down "${his[@]}" -o json >down.json 2>progress || { cat progress; return 1; }; }
first_down() { "$hpawalk" down -o json >down.json 2>progress || { cat progress; return 1; }; }
check "the first one's down" first_down
check "  names the other" left "--instance=his.web removes them"
check "  leaves it standing" there his deployment prom-fake
check "  with its Prometheus" there his-metrics prometheus prometheus
check "  and the operator that both use" there default deployment prometheus-operator
check "  and is itself gone" gone hpa -n default
check "  with its programs" gone deployments nginx prom-fake -n default
check "the second one's down" his_down
check "  leaves the first one's operator" left "--instance=default.nginx removes them"
check "  its own is gone" gone namespaces his his-metrics
check "the first one's down takes the operator, now that nobody uses it" first_down
check "  nothing is left alone" nothing_left
check "  the kinds are gone" gone crd prometheuses.monitoring.coreos.com

# A release that somebody planted.
kubectl create namespace tenant-a >/dev/null
planted() {
  kubectl create secret generic sh.helm.release.v1.evil.v1 -n tenant-a --type=helm.sh/release.v1 --from-literal=release=x &&
    kubectl label secret sh.helm.release.v1.evil.v1 -n tenant-a owner=helm name=evil status=deployed version=1 \
      app.kubernetes.io/managed-by=hpawalk app.kubernetes.io/part-of=hpawalk hpawalk/instance=default.nginx
}
check "somebody plants a Helm release with hpawalk's labels" planted
check "down ends well" first_down
check "  names it" left "Helm release evil in namespace tenant-a"
check "  and leaves it" there tenant-a secret sh.helm.release.v1.evil.v1
broken() { printf 'not: [a, kubeconfig\n' >broken.yaml; fails_with 3 "[kubeconfig]" env KUBECONFIG= HPAWALK_KUBECONFIG="$work/broken.yaml" "$hpawalk" "$1" --cluster current; }
check "a kubeconfig that cannot be read is an error of down" broken down
check "  and of status" broken status
summary
