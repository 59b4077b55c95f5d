#!/usr/bin/env bash
# The walkthrough on real clusters: up, up again, drift, settings that change, somebody else's objects, SIGKILL at
# random moments, down, and the same on a cluster named by --context beside another one.
# Usage: walkthrough.sh HPAWALK [PART...]      parts: once kills (the default), troubles context upstream. Needs root.
#   KILLS=3                how many times `up` is killed; 20 for a thorough look
#   SEED=1                 of the moments
#   UPSTREAM_CHART=FOLDER  the community's prometheus-adapter chart, unchanged: part `upstream` runs the stage with it
set -uo pipefail
hpawalk=$(realpath "$1")
shift
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
schemas=$(realpath ../cli/schemas.py)
parts=${*:-once kills}
first=test-chain-$$ second=test-chain-2-$$  # several runs side by side do not meet
export HPAWALK_CLUSTER_NAME=$first
work=$(mktemp -d)
cd "$work" || exit

finish() {
  "$hpawalk" cluster down --name $first
  "$hpawalk" cluster down --name $second
  rm -rf "$work"
}
trap 'finish >/dev/null 2>&1' EXIT
kubectl() { command "$kubectl" --request-timeout=10s "$@"; }

# Every object of the kinds that a chain has, or leaves behind; without what the cluster itself makes and unmakes.
kinds=all,configmaps,secrets,serviceaccounts,namespaces,crd,clusterroles,clusterrolebindings,roles,rolebindings
kinds=$kinds,apiservices,endpointslices,hpa,pdb,pvc,ingresses,networkpolicies
listing() { kubectl --kubeconfig "$1" get "$kinds" -A -o 'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}' 2> /dev/null | grep -v '^Event/' | sort; }
versions() { kubectl --kubeconfig "$1" get "$kinds" -A -l app.kubernetes.io/managed-by=hpawalk -o 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation} {.spec}{"\n"}{end}' | sort; }
make_cluster() { "$hpawalk" cluster up --name "$1" > "$work/cluster.log" 2>&1 || { cat "$work/cluster.log"; exit 3; }; "$hpawalk" cluster kubeconfig --name "$1"; }
# The kubelet shows a static pod to the API server only a while after the pod itself runs.
static_pods_shown() { [ "$(kubectl --kubeconfig "$1" -n kube-system get pods -l tier=control-plane -o name | wc -l)" -eq 4 ]; }
settled_listing() { # until two in a row are the same: controllers are still tidying up after a cluster's start
  local last now
  within 60 static_pods_shown "$1" || echo "the control plane's four pods are not shown" >&2
  last=$(listing "$1")
  for _ in $(seq 30); do
    sleep 1
    now=$(listing "$1")
    [ "$now" = "$last" ] && break
    last=$now
  done
  printf '%s\n' "$now"
}
no_difference() { diff "$1" "$2"; }
no_terminating() { ! kubectl --kubeconfig "$1" get namespaces -o 'jsonpath={.items[*].status.phase}' | grep Terminating >/dev/null; }
outcomes() { jq -r '[.stages[].outcome] | unique | join(" ")' "$1"; }
seconds() { jq -r .seconds "$1"; }
at_most() { jq -e --argjson most "$2" '.seconds <= $most' "$1"; }
built() { "$hpawalk" up -o json "${@:2}" 2>progress >"$1" || { cat progress "$1"; return 1; }; }
hpa_is() { [ "$(kubectl --kubeconfig "$kubeconfig" get hpa nginx -o 'jsonpath={.spec.maxReplicas} {.spec.behavior.scaleDown.stabilizationWindowSeconds}')" = "$1" ]; }

took_down() { "$hpawalk" down -o json 2>progress >down.json || { cat progress down.json; return 1; }; }

once() {
  settled_listing "$kubeconfig" > before
  check "up builds the chain" built up.json
  jq -r '"      \(.seconds) s: " + ([.stages[] | "\(.name) \(.seconds)"] | join(", "))' up.json
  versions "$kubeconfig" > standing
  check "a second up ends well" built again.json
  check "a second up has nothing to do" test "$(outcomes again.json)" = unchanged
  check "a second up takes at most 2 s ($(seconds again.json))" at_most again.json 2
  versions "$kubeconfig" > standing2
  check "a second up changes no object" no_difference standing standing2

  check "a setting that changes is applied" "$hpawalk" up --hpa-max 7 --hpa-behavior '{scaleDown: {stabilizationWindowSeconds: 9}}'
  check "  the HPA has it" hpa_is "7 9"
  check "a setting that goes away is taken back" "$hpawalk" up
  check "  the HPA is as before" hpa_is "10 "
  kubectl --kubeconfig "$kubeconfig" delete service prom-fake --wait=false > /dev/null
  kubectl --kubeconfig "$kubeconfig" delete apiservice v1beta1.custom.metrics.k8s.io --wait=false > /dev/null
  check "what somebody deleted is made again" "$hpawalk" up
  kubectl --kubeconfig "$kubeconfig" scale deployment nginx --replicas=3 > /dev/null
  check "the HPA's replicas are left alone" built scaled.json
  check "  so there is nothing to do" test "$(outcomes scaled.json)" = unchanged
  for command in status "logs adapter" "logs prometheus --tail 5" "logs operator" doctor; do
    # shellcheck disable=SC2086
    check "$command" "$hpawalk" $command
  done
  check "each JSON document of a chain follows its schema" "$schemas" "$hpawalk" --chain "$first"
  check "down removes it" took_down
  jq -r '"      \(.seconds) s, \(.removed | length) objects, left alone: \(.leftAlone)"' down.json
  settled_listing "$kubeconfig" > after
  check "down leaves nothing" no_difference before after
  check "no namespace is Terminating" no_terminating "$kubeconfig"
  check "down again has nothing to do" "$hpawalk" down

  kubectl --kubeconfig "$kubeconfig" create deployment nginx --image=nginx:stable > /dev/null
  "$hpawalk" up > foreign 2>&1
  check "up stops before another's Deployment" grep -q 'not-ours' foreign
  settled_listing "$kubeconfig" | grep -v /nginx > after
  check "  and has changed nothing" no_difference before after
  check "down leaves another's Deployment alone" "$hpawalk" down
  check "  it is still there" kubectl --kubeconfig "$kubeconfig" get deployment nginx
  kubectl --kubeconfig "$kubeconfig" delete deployment nginx > /dev/null
}

kills() {
  RANDOM=${SEED:-1}
  settled_listing "$kubeconfig" > before
  for i in $(seq "${KILLS:-3}"); do
    moment=$((RANDOM % 18000))
    "$hpawalk" up > killed.log 2>&1 &
    victim=$!
    sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
    kill -9 "$victim" 2> /dev/null
    wait "$victim" 2> /dev/null
    if [ $((i % 3)) != 0 ]; then  # every third time straight to down, on a half-built chain
      check "killed after $moment ms: the next up ends well" "$hpawalk" up
    fi
    check "killed after $moment ms: down ends well" "$hpawalk" down
    settled_listing "$kubeconfig" > after
    check "killed after $moment ms: nothing is left" no_difference before after
  done
}

context() {
  other=$(make_cluster "$second")
  KUBECONFIG="$kubeconfig:$other" kubectl config view --flatten --raw > both
  kubectl --kubeconfig both config use-context "hpawalk-$first" > /dev/null
  settled_listing "$kubeconfig" > before
  settled_listing "$other" > before_other
  cp both both.before
  check "up on --context" env KUBECONFIG="$work/both" "$hpawalk" up --context "hpawalk-$second"
  listing "$kubeconfig" > after
  check "the current context's cluster is untouched" no_difference before after
  check "the chain stands on the named one" kubectl --kubeconfig "$other" get hpa nginx
  check "down on --context" env KUBECONFIG="$work/both" "$hpawalk" down --context "hpawalk-$second"
  settled_listing "$other" > after_other
  check "the named one is as before" no_difference before_other after_other
  check "the kubeconfig is as before" cmp both both.before
  "$hpawalk" cluster down --name "$second" > /dev/null 2>&1
}

# What goes wrong at other people's: two at once, an image that is not there, few rights, a context that is not there, an
# API server that stops answering for a while, Ctrl-C.
troubles() {
  settled_listing "$kubeconfig" > before
  "$hpawalk" up > first.log 2>&1 &
  local other=$!
  check "two up at once both end well" "$hpawalk" up
  wait $other
  check "  also the other" test $? = 0

  check "an image that is not there, while an old pod serves: the stage is named" fails_with 1 "[stage-prom-fake]" \
    "$hpawalk" up --prom-fake-image localhost/no-such-image:1 --timeout 8s
  kubectl --kubeconfig "$kubeconfig" delete deployment prom-fake --wait=false > /dev/null
  "$hpawalk" up --prom-fake-image localhost/no-such-image:1 --timeout 25s -o json > failed.json 2> /dev/null
  check "  with the pod's reason" jq -e '.error.because | test("localhost/no-such-image:1")' failed.json
  check "  and the chain's first broken link" jq -e '.diagnosis[0].metrics[0].firstBroken != null' failed.json
  check "  the right image again mends it" "$hpawalk" up

  kubectl --kubeconfig "$kubeconfig" create serviceaccount few-rights > /dev/null
  kubectl --kubeconfig "$kubeconfig" config view --flatten --raw > few
  local token
  token=$(kubectl --kubeconfig "$kubeconfig" create token few-rights)
  kubectl --kubeconfig few config set-credentials few --token "$token" > /dev/null
  kubectl --kubeconfig few config set-context few --cluster hpawalk-$first --user few > /dev/null
  check "few rights: stopped before anything is changed" fails_with 3 "[preflight-rights]" \
    env KUBECONFIG=few "$hpawalk" up --context few --namespace elsewhere
  check "  doctor says which are missing" fails_with 3 "create horizontalpodautoscalers" \
    env KUBECONFIG=few "$hpawalk" doctor --context few --namespace elsewhere
  kubectl --kubeconfig "$kubeconfig" delete serviceaccount few-rights > /dev/null
  check "a context that is not there" fails_with 3 "[kubeconfig]" env KUBECONFIG=few "$hpawalk" up --context nowhere
  check "a stage whose ground is missing" fails_with 1 "[needs-stage]" "$hpawalk" up --namespace elsewhere --only hpa
  check "down" "$hpawalk" down

  "$hpawalk" up > frozen.log 2>&1 &
  victim=$!
  sleep 4
  freeze_api_server 8
  wait $victim
  check "an API server that does not answer for 8 s: up waits and ends well" test $? = 0
  "$hpawalk" down > /dev/null 2>&1
  "$hpawalk" up > interrupted.log 2>&1 &
  victim=$!
  sleep 4
  kill -INT $victim
  wait $victim
  check "Ctrl-C ends up with 130" test $? = 130
  check "  and says how to go on" grep -q "hpawalk up continues" interrupted.log
  check "up goes on" "$hpawalk" up
  check "down" "$hpawalk" down
  settled_listing "$kubeconfig" > after
  check "nothing is left" no_difference before after
}
freeze_api_server() {
  local pid
  for pid in $(pgrep -x kube-apiserver); do
    tr '\0' ' ' < "/proc/$pid/cgroup" | grep "hpawalk-$first/" >/dev/null || continue
    kill -STOP "$pid"
    sleep "$1"
    kill -CONT "$pid"
    return
  done
  echo "no kube-apiserver of $first"
}

upstream() {
  [ -n "${UPSTREAM_CHART:-}" ] || { skip "the community's chart" "UPSTREAM_CHART does not name one (a folder, a URL, oci://...)"; return; }
  settled_listing "$kubeconfig" > before
  check "up with the community's chart, unchanged" built up.json --adapter-chart "$UPSTREAM_CHART"
  jq -r '"      \(.seconds) s: " + ([.stages[] | "\(.name) \(.seconds)"] | join(", "))' up.json
  check "a second up has nothing to do" built again.json --adapter-chart "$UPSTREAM_CHART"
  check "  nothing" test "$(outcomes again.json)" = unchanged
  check "the bundled chart in its place" "$hpawalk" up
  check "the community's again" "$hpawalk" up --adapter-chart "$UPSTREAM_CHART"
  check "down" "$hpawalk" down
  settled_listing "$kubeconfig" > after
  check "nothing is left" no_difference before after
}

kubeconfig=$(make_cluster "$first")
kubectl=$("$hpawalk" cluster status --name $first -o json | jq -r '.[0].kubectl')
# A cluster that is named by its context brings no tools.
PATH=$PATH:$("$hpawalk" cluster status --name $first -o json | jq -r '.[0].programs | .kubernetes + ":" + .chain')
for part in $parts; do "$part"; done
summary
