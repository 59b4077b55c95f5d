#!/usr/bin/env bash
# Playing with the chain on a real cluster: verify, set-value, get-value, watch and open; replicas 1, 4, 8, 10 and down
# again; and what they say about a chain that is broken. The cluster's scale-down stabilization is 30 s instead of 300 s.
# Usage: play.sh HPAWALK. Needs root.
set -uo pipefail
cd "$(dirname "$0")" || exit
# shellcheck source=tests/cluster/lib.sh
. ./lib.sh
hpawalk=$1
name=test-play
export HPAWALK_CLUSTER_NAME=$name
work=$(mktemp -d)
cd "$work" || exit
door=
trap '[ -z "$door" ] || kill "$door"; "$hpawalk" cluster down --name $name > /dev/null 2>&1; rm -rf "$work"' EXIT

mark_of() { jq -r --arg link "$2" '.links[] | select(.link == $link) | .mark' "$1"; }
verified() { "$hpawalk" verify -o json > "$1" 2> errors; }
sequence() { jq -rs '[.[] | .settled // empty | .replicas[].replicas] | map(tostring) | join(" ")' "$1"; }
settled() { jq -es ".[-1].settled | $2" "$1"; }
set_and_watch() { "$hpawalk" set-value "$1" --watch -o json > "$2" 2> errors || { cat errors; return 1; }; }
first_broken_is() { verified broken.json; [ "$(jq -r .firstBroken.cause broken.json)" = "$1" ] || { cat broken.json errors; return 1; }; }

no_prom_fake() { [ -z "$(kubectl get pods -l app=prom-fake -o name)" ]; }
only_the_hpa_is_broken() { verified broken.json; jq -e '[.links[] | select(.mark == "broken") | .link] == ["hpa"]' broken.json; }

"$hpawalk" cluster up --name $name --hpa-downscale-stabilization 30s > cluster.log 2>&1 || { cat cluster.log; exit 3; }
export KUBECONFIG
KUBECONFIG=$("$hpawalk" cluster kubeconfig --name $name)
kubectl() { command kubectl --request-timeout=10s "$@"; }

check "before up, set-value says that nothing is there" fails_with 1 "[no-prom-fake]" "$hpawalk" set-value 5
check "before up, verify fails" fails_with 1 "The first failing check is" "$hpawalk" verify
check "up" "$hpawalk" up
check "verify --wait finds every link whole" "$hpawalk" verify --wait --timeout 60s
check "verify, as JSON" verified whole.json
check "  every link is ok" test "$(jq -r '[.links[].mark] | unique | join(" ")' whole.json)" = ok
check "  in at most 1 s ($(jq -r .seconds whole.json))" jq -e '.seconds <= 1' whole.json
check "  it says when the target was last scraped" jq -e '.links[] | select(.link == "prometheus") | .evidence | test("1 target up, last scraped")' whole.json
"$hpawalk" verify -o junit > verify.xml
check "verify as JUnit is XML with 11 cases and no failure" python3 -c '
import xml.etree.ElementTree as tree
suite = tree.parse("verify.xml").getroot()[0]
assert len(suite) == 11 and suite.get("failures") == "0" and suite.get("errors") == "0", suite.attrib'

check "get-value" test "$("$hpawalk" get-value)" = 1
check "set-value refuses what is no number, and changes nothing" fails_with 2 "[bad-value]" "$hpawalk" set-value fifty
check "watch without a terminal, until it has settled" "$hpawalk" watch --until settled --timeout 60s

check "set-value 50 --watch" set_and_watch 50 up.json
check "  replicas go 1 4 8 10 ($(sequence up.json))" test "$(sequence up.json)" = "1 4 8 10"
check "  within 60 s ($(jq -rs '.[-1].settled.readyAfter' up.json))" settled up.json '.readyAfter <= 60'
check "  it rests at maxReplicas" settled up.json '.outlook.rule == "at-max"'
check "  Events came" jq -es '[.[] | .event? // empty | select(.reason == "SuccessfulRescale")] | length >= 3' up.json
check "verify at 10 replicas" "$hpawalk" verify
check "set-value 5 --watch" set_and_watch 5 down.json
# 50 at 10 pods; 40 if 5 came to the HPA before it had synced at 10 pods, so that 8 pods gave the last recommendation.
check "  stays at 10, says until when and why ($(jq -rs '.[-1].settled.outlook.text' down.json))" settled down.json '.outlook.rule == "stabilized-down" and .outlook.until != null and .outlook.next == 5 and (.outlook.text | test("^stays at 10 until about .* the highest recommendation of the last 30s was (50|40), limited to 10 by maxReplicas"))'
until=$(jq -rs '.[-1].settled.outlook.until' down.json)
check "  comes down after the window" "$hpawalk" watch --until replicas=5 --timeout 60s
late=$(($(date +%s) - $(date -d "$until" +%s)))
check "  when it was said: 3 s early to one look of the HPA late ($late s)" test "$late" -ge -3 -a "$late" -le 17
check "watch --until ends with 1 and the last reason" fails_with 1 "replicas is 5; " "$hpawalk" watch --until replicas=7 --timeout 5s

printf '== broken chains\n'
"$hpawalk" open prometheus -o json > door.json 2> door.log &
door=$!
check "open prometheus prints its URL" within 20 grep -q url door.json
check "  Prometheus answers there" curl -fsS "$(jq -r .url door.json)api/v1/status/buildinfo"
check "  only on the loopback" test "$(jq -r .url door.json | cut -d: -f2)" = //127.0.0.1
kill -TERM $door  # a shell's background jobs do not hear SIGINT
wait $door
check "  it ends well when it is told to" test $? = 0
door=
kubectl scale deployment prom-fake --replicas=2 > /dev/null
check "two pods of prom-fake" command kubectl rollout status deployment prom-fake --timeout=60s
check "  both are set, and the sum comes to the HPA" set_and_watch 20 two.json
check "  get-value says one number" test "$("$hpawalk" get-value)" = 20
check "  the HPA has read 40" jq -es '[.[] | .hpa?.metric?.value? // empty] | last == 40' two.json
kubectl scale deployment prom-fake --replicas=0 > /dev/null
within 30 no_prom_fake
check "no pod of prom-fake: set-value says so" fails_with 1 "[no-prom-fake]" "$hpawalk" set-value 5 --watch
check "  verify names it" within 60 first_broken_is source-without-pods
kubectl scale deployment prom-fake --replicas=1 > /dev/null
kubectl delete hpa nginx > /dev/null
check "no HPA: watch says so" fails_with 1 "HPA nginx not found in namespace default" "$hpawalk" watch --until settled --timeout 3s
check "  verify names it once Prometheus has found the new pod" within 60 first_broken_is hpa-missing
check "  and proves what is before it" within 60 only_the_hpa_is_broken
check "up heals it" "$hpawalk" up
check "  and verify --wait sees it" "$hpawalk" verify --wait --timeout 60s
summary
