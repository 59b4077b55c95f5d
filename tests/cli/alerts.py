#!/usr/bin/env python3
"""hpawalk alerts as it runs, before a stand-in of an API server and of its Prometheus: rules for what that Prometheus has.

promtool, where it was compiled for local clusters, loads each of them.
Usage: alerts.py HPAWALK
"""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "robustness")]
import report
import robust
from report import check, skip

HPAWALK = os.path.abspath(sys.argv[1])
KSM = ["kube_horizontalpodautoscaler_status_condition", "kube_horizontalpodautoscaler_status_target_metric", "kube_horizontalpodautoscaler_spec_target_metric"]
EXPORTER = ["hpawalk_hpa_status_condition", "hpawalk_hpa_link_state"]


def promtool():
    found = subprocess.run(["bash", "-c", ". tests/report.sh; compiled promtool"], cwd=HERE.parent.parent, capture_output=True, text=True, check=False).stdout.strip()
    return found or None


class Cluster:
    """healthy.json, whose Prometheus has the series `has`, and selects rules by `selector`."""

    def __init__(self, api):
        self.has, self.selector, self.asked = [], {"matchLabels": {"role": "alerts"}}, []
        api.change = self.change

    def change(self, path, value):
        self.asked.append(path)
        data = None
        if "/proxy/api/v1/query?query=count by (__name__, job" in path:
            data = {"resultType": "vector", "result": [{"metric": {"__name__": name, "job": "ksm" if name.startswith("kube") else "web"}, "value": [1, "1"]} for name in self.has]}
        elif "/proxy/api/v1/query?" in path and any("count by (__name__, job" in asked for asked in self.asked):
            data = {"resultType": "vector", "result": []}  # whether it runs the query
        if "/proxy/api/v1/targets?state=active" in path and "count by" in self.asked[-2]:
            data = {"activeTargets": [{"labels": {"job": job}, "scrapeInterval": "30s"} for job in ("ksm", "web")]}
        if data is not None:
            return {"status": "success", "data": data}
        if path.split("?")[0].endswith("/prometheuses"):
            changed = json.loads(json.dumps(value))
            changed["items"][0]["spec"]["ruleSelector"] = self.selector
            return changed
        return None


def alerts_of(text):
    return re.findall(r"^ *- alert: (\w+)$", text, re.MULTILINE)


def main():
    home = robust.Home()
    api = robust.Api(home.path / "api")
    home.environment["FAKE_API"] = api.socket
    cluster, tool = Cluster(api), promtool()

    def run(*words):
        cluster.asked = []
        return robust.run(HPAWALK, ["alerts", "-n", "shop", *words], home)
    try:
        for name, series in (("kube-state-metrics", KSM), ("hpawalk exporter", EXPORTER)):
            cluster.has = [*series, "lab_value"]
            ran = run()
            check(f"with {name}, there are alerts on its states", ran.code == 0 and f"states are those of {name}." in ran.out and "HpaNotActive" in alerts_of(ran.out), ran.out, ran.err)
            check("in a PrometheusRule with the label and in the namespace that Prometheus selects",
                  all(line in ran.out for line in ("kind: PrometheusRule", "  namespace: watch", "    role: alerts")) and "warning" not in ran.err, ran.out, ran.err)
            rules = run("-o", "rules")
            check("and the same ones in a rule file", rules.code == 0 and alerts_of(rules.out) == alerts_of(ran.out) and "kind:" not in rules.out, rules.out)
            used = set(re.findall(r"\b(?:kube|hpawalk|aggregator|keda)_[a-z_]+", re.sub(r"^ *#.*$", "", rules.out, flags=re.MULTILINE)))
            families = {"kube_horizontalpodautoscaler"} if name == "kube-state-metrics" else {"hpawalk_hpa"}
            check("no other exporter's series is used", used and all(any(one.startswith(family) for family in families) for one in used), sorted(used))
            if tool:
                checked = subprocess.run([tool, "check", "rules", home.file("rules.yml", rules.out)], capture_output=True, text=True, check=False)
                check("promtool accepts it", checked.returncode == 0, checked.stdout, checked.stderr, rules.out)
            else:
                skip("promtool accepts it", "no promtool was compiled")
        one = run("object-value", "--runbooks", "https://docs.example.com/causes.html")
        check("alerts of one HPA name it", one.code == 0 and 'horizontalpodautoscaler="object-value"' in one.out and "name: hpawalk-alerts-shop-object-value" in one.out, one.out, one.err)
        check("and the runbooks are where the user has them", "https://docs.example.com/causes.html#target-down" in one.out, one.out)
        cluster.selector = None
        none = run()
        check("a Prometheus that selects no rules is said", none.code == 0 and "ruleSelector is not set" in none.err, none.err)
        cluster.has = ["lab_value"]
        few = run()
        check("without states there are the alerts on the metric", few.code == 0 and "HpaMetricAbsent" in alerts_of(few.out) and "HpaNotActive" not in alerts_of(few.out), few.out)
        check("and it is said what is left out", "note: left out: HpaNotActive" in few.err, few.err)
        cluster.has = []
        nothing = run()
        check("of nothing, no alert is made, with exit 1", nothing.code == 1 and "[no-alerts]" in nothing.err and not nothing.out, nothing.out, nothing.err)
        wrong = run("object-valeu")
        check("an HPA that does not exist is exit 2", wrong.code == 2 and "Did you mean object-value?" in wrong.err, wrong.err)
    finally:
        api.close()
        home.remove()


if __name__ == "__main__":
    main()
    report.done()
