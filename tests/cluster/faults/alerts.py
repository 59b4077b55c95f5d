#!/usr/bin/env python3
"""Which alert each real fault raises, and when: the faults of faults.py on a real cluster, the rules of `hpawalk alerts`.

Needs a cluster of its own: KUBECONFIG names it, HPAWALK the binary, OPERATOR_BUNDLE the operator's bundle.yaml, TARGETS the addresses of what exports the HPAs' states
(hpawalk exporter and kube-state-metrics, comma-separated).

  1. faults that touch only their own chain exist from the beginning: each must raise an alert about its HPA; healthy chains and notes must raise none;
  2. with SHARED=1, those of what all chains share, one after the other: each must raise one within the times of its rules, which must then end.

An alert must fire as soon as its expression has held for its `for`, give or take two evaluations. Prints a table in Markdown.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
import faults
import lab
import report
from faults import OBJECT
from lab import MONITORING, SPACE, apply, kubectl, meta

EVALUATION = 5  # seconds, of the Prometheus
LIMIT = 720     # seconds: HpaScaleNotApplied waits for 10 minutes
# What does not concern one HPA, and what is no fault.
INFO = {"HpaMetricFrozen", "HpaFlapping"}
# Scaled to 0 by a person: the HPA is off until that person says otherwise, and no alert is due.
SILENT = {"scaling-disabled"}


def prometheus(path):
    return json.loads(kubectl("get", "--raw", f"/api/v1/namespaces/{MONITORING}/services/prom-web:9191/proxy/api/v1/{path}"))["data"]


def rules():
    """{name of the alert: its `for` in seconds}"""
    return {rule["name"]: rule["duration"] for group in prometheus("rules?type=alert")["groups"] if group["name"] == "hpawalk" for rule in group["rules"]}


class Watch:
    """The alerts of a time: when each was seen first to be firing, and how long that was after its expression became true."""

    def __init__(self):
        self.began, self.firing = time.time(), {}

    def look(self):
        now = time.time()
        for alert in prometheus("alerts")["alerts"]:
            labels = alert["labels"]
            if alert["state"] != "firing" or labels["alertname"] in INFO:
                continue
            active = time.mktime(time.strptime(alert["activeAt"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
            key = (labels.get("namespace", ""), labels.get("horizontalpodautoscaler", ""), labels["alertname"], labels.get("cause", ""))
            self.firing.setdefault(key, (now - self.began, now - active))
        return self.firing

    def about(self, hpa):
        space, name = hpa.split("/")
        return {key[2:]: times for key, times in self.look().items() if key[:2] == (space, name)}


def export_states():
    scrapes = [{"apiVersion": "monitoring.coreos.com/v1alpha1", "kind": "ScrapeConfig", "metadata": meta(f"states-{i}", MONITORING, release="shop-stack"),
                "spec": {"scrapeInterval": "5s", "honorLabels": True, "staticConfigs": [{"targets": [target]}]}} for i, target in enumerate(os.environ["TARGETS"].split(","))]
    apply(scrapes)
    wanted = len(json.loads(kubectl("get", "hpa", "-A", "-o", "json"))["items"])

    def counted():
        try:
            seen = [len(prometheus(f"query?query={metric}")["result"]) for metric in ("hpawalk_hpa_state", "kube_horizontalpodautoscaler_spec_max_replicas")]
        except RuntimeError as error:  # it is still starting
            return str(error)
        return min(seen) >= wanted or f"{seen} of {wanted} HPAs"
    faults.record(faults.wait_for("the HPAs' states", counted, 330), "the HPAs' states are scraped", f"{wanted} HPAs", "fewer")


def load_rules():
    made = subprocess.run([faults.HPAWALK, "alerts", "-A"], capture_output=True, text=True, timeout=300)
    print(made.stderr, end="", flush=True)
    kubectl("apply", "-f", "-", stdin=made.stdout)
    faults.record(faults.wait_for("the rules", lambda: bool(rules()) or "none", 120), "hpawalk alerts is loaded", "rules", made.stderr[-300:])
    print("\n".join(f"     {name}: for {int(holds)}s" for name, holds in rules().items()), flush=True)


def table(rows):
    print("\n| Fault | Cause | Alerts, with the seconds from the fault to each |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def told(alerts):
    return ", ".join(f"{name}{f' ({cause})' if cause else ''} {seconds:.0f}" for (name, cause), (seconds, _) in sorted(alerts.items(), key=lambda a: a[1]))


def in_time(alerts, holds):
    """Each fired when its expression had held for its `for`: two evaluations, and the five seconds between two looks, are the limit."""
    late = [f"{name}: {held:.0f} s of {holds[name]:.0f}" for (name, _), (_, held) in alerts.items() if name in holds and held > holds[name] + 2 * EVALUATION + 10]
    return True if not late else "; ".join(late)


def side_by_side():
    broken = {name: (cause, key if "/" in key else f"{SPACE}/{key}") for name, (cause, _, key) in faults.SIDE_BY_SIDE.items() if cause not in SILENT}
    watch, holds = Watch(), rules()

    def all_fired():
        watch.look()
        silent = [name for name, (_, key) in broken.items() if not watch.about(key)]
        return not silent or f"{len(silent)} without an alert: {', '.join(silent)}"
    faults.wait_for("an alert for each fault", all_fired, LIMIT)
    rows = []
    for name, (cause, key) in broken.items():
        alerts = watch.about(key)
        rows.append((name, cause, told(alerts)))
        faults.record(bool(alerts) and in_time(alerts, holds) is True, name, cause, in_time(alerts, holds) if alerts else "no alert")
        named = {alert_cause for (alert, alert_cause) in alerts if alert == "HpaChainBroken"}
        faults.record(cause in named, f"{name}: its cause is the alert's", cause, named)
    quiet = {name: f"{SPACE}/{name}" for name in faults.HEALTHY} | {name: f"{SPACE}/{key}" for name, (_, _, key) in faults.NOTES.items()}
    for name, key in quiet.items():
        # At its maximum under load is a note of diagnose, and an alert.
        alerts = {alert for alert in watch.about(key) if alert[0] != "HpaAtMaxUnderLoad"}
        faults.record(not alerts, f"{name} raises none", "no alert", alerts)
    table(rows)


def shared():
    rows = []
    for name, cause, make, undo, key in faults.SHARED:
        if cause == "healthy":
            continue
        make()
        watch = Watch()
        faults.wait_for(f"an alert for {name}", lambda: bool(watch.about(key)) or "none", LIMIT)
        alerts = watch.about(key)
        rows.append((name, cause, told(alerts)))
        faults.record(bool(alerts) and in_time(alerts, rules()) is True, name, cause, told(alerts) or "no alert")
        undo()
        faults.adapter_back()
        calm = lambda: not [a for a in prometheus("alerts")["alerts"] if a["state"] == "firing" and (a["labels"].get("namespace"), a["labels"].get("horizontalpodautoscaler")) == tuple(key.split("/"))]
        faults.record(faults.wait_for(f"the end of {name}", lambda: calm() or "still firing", 330), f"{name}: it ends with its repair", "no alert", "still firing")
    table(rows)


def main():
    lab.PROMETHEUS["spec"]["evaluationInterval"] = f"{EVALUATION}s"
    faults.build()
    export_states()
    load_rules()
    side_by_side()
    if os.environ.get("SHARED"):
        shared()
    report.add(sum(1 for r in faults.results if r[0]), sum(1 for r in faults.results if not r[0]))
    report.done()


if __name__ == "__main__":
    main()
