#!/usr/bin/env python3
"""A cluster of many teams: 40 HPAs of all types, two Prometheus, two adapters with configurations of their own. 8 of the HPAs are broken, each in another way:
`hpawalk diagnose -A` names these with their causes, and nothing else.

Needs a cluster of its own: KUBECONFIG names it, HPAWALK the binary, OPERATOR_BUNDLE the operator's bundle.yaml.
"""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
import lab
import report
from lab import MONITORING, apply, cpu, external_metric, hpa, kubectl, meta, monitor, object_metric, pods_metric, rule, service, workload

TEAMS = [f"team-{letter}" for letter in "abcde"]
SECOND = "watch-too"  # the second Prometheus, whose samples the adapter of external metrics asks for
REQUESTS = {"requests": {"cpu": "100m"}}
CONTAINER = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": {"type": "Utilization", "averageUtilization": 50}}}
HPAWALK = os.environ.get("HPAWALK", "hpawalk")


def pod_monitor(team, name, labels):
    made = lab.pod_monitor(name, labels, space=team)
    made["spec"]["namespaceSelector"] = {"matchNames": [team]}
    return made


def of_object(team, name, kind="Value", metric="lab_value", target="50"):
    return [service(name, {"app": "source"}, space=team), monitor(name, space=team, spaces=(team,)), workload(name, team), hpa(name, [object_metric(metric, name, target, kind)], team)]


def measured(team, name, metric, **container):
    """A Deployment whose pods are scraped themselves."""
    return [*lab.source(team, name=name, **container)[1:], pod_monitor(team, name, {"app": name}), hpa(name, [metric], team)]


def recorded(team, name):
    record = f"shop:{team.replace('-', '_')}:value"
    expr = f'label_replace(max by (namespace) (lab_value{{namespace="{team}"}}), "service", "{name}", "", "")'
    return [service(name, {"app": "source"}, space=team), workload(name, team), hpa(name, [object_metric(record, name, "50")], team), lab.recording(name, record, expr, space=team)]


def chains(team):
    """The eight of a team, by name."""
    return {
        "value": of_object(team, "value"),
        "average": of_object(team, "average", "AverageValue", "lab_jobs", "30"),
        "pods": measured(team, "pods", pods_metric("lab_jobs", "30")),
        "queue": [workload("queue", team), hpa("queue", [external_metric("lab_queue", "12")], team)],
        "cpu": measured(team, "cpu", cpu(50), resources=REQUESTS),
        "container": measured(team, "container", CONTAINER, resources=REQUESTS),
        "two": [*of_object(team, "two")[:-1], hpa("two", [object_metric("lab_value", "two"), external_metric("lab_queue", "12")], team)],
        "recorded": recorded(team, "recorded"),
    }


def of(objects, kind):
    return next(o for o in objects if o["kind"] == kind)


def other_label(objects):
    of(objects, "ServiceMonitor")["metadata"]["labels"] = {"release": "somebody"}


def other_port(objects):
    of(objects, "ServiceMonitor")["spec"]["endpoints"][0]["port"] = "http-metrics"


def other_pods(objects):
    of(objects, "PodMonitor")["spec"]["selector"] = {"matchLabels": {"app": "podz"}}


def no_rule(objects):
    of(objects, "HorizontalPodAutoscaler")["spec"]["metrics"] = [external_metric("lab_unruled", "5")]


def no_request(objects):
    of(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0].pop("resources")


def no_target(objects):
    of(objects, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] = "too"


def other_role(objects):
    of(objects, "PrometheusRule")["metadata"]["labels"] = {"role": "somebody"}


def no_pods(objects):
    of(objects, "Service")["spec"]["selector"] = {"app": "sauce"}


BROKEN = {
    "team-a/value": ("monitor-not-selected", other_label), "team-b/average": ("monitor-port-name", other_port), "team-c/pods": ("monitor-selects-no-service", other_pods),
    "team-d/queue": ("rule-matches-no-series", no_rule), "team-e/cpu": ("resource-request-missing", no_request), "team-b/two": ("target-missing", no_target),
    "team-c/recorded": ("recording-rule-not-selected", other_role), "team-e/value": ("service-selects-no-pod", no_pods),
}


def second_prometheus():
    """It selects by another label, and scrapes one Service of each team."""
    made = json.loads(json.dumps(lab.PROMETHEUS))
    made["metadata"] = meta("m2", SECOND)
    made["spec"].update(serviceMonitorSelector={"matchLabels": {"release": "queues"}}, podMonitorSelector={"matchLabels": {"release": "queues"}}, ruleSelector={"matchLabels": {"role": "queues"}})
    objects = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("prom", SECOND)}, service("prom-web", {"prometheus": "m2"}, 9191, "web", "web", SECOND), made]
    for team in TEAMS:
        queues = monitor("queues", {"svc": "queues"}, labels={"release": "queues"}, space=team, spaces=(team,))
        objects += [service("queues", {"app": "source"}, space=team), queues]
    return objects


def may_discover():
    accounts = [lab.account("prom", MONITORING), lab.account("prom", SECOND)]
    return [lab.binding("RoleBinding", "lab-discovery", "lab-discovery", accounts, team) for team in TEAMS]


def adapters():
    made = [o for o in lab.adapter() if o["metadata"]["name"] not in ("external-adapter", "external-rules") or o["kind"] == "Service"]
    return made + [lab.config_map("external-rules", {"rules.yaml": json.dumps({"externalRules": lab.EXTERNAL_RULES})}),
                   lab.adapter_deployment(url=f"http://prom-web.{SECOND}.svc:9191", name="external-adapter", config="external-rules")]


def build():
    lab.install_operator(os.environ["OPERATOR_BUNDLE"])
    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, None, monitored="yes")} for name in (*TEAMS, SECOND)]
    apply(lab.spaces() + spaces)
    objects = adapters() + may_discover()
    for team in TEAMS:
        objects += lab.source(team)
        for name, some in chains(team).items():
            if f"{team}/{name}" in BROKEN:
                BROKEN[f"{team}/{name}"][1](some)
            objects += some
    apply(objects)
    apply(lab.prometheus() + second_prometheus())


def judged():
    """{namespace/name: causes of the first broken links}, of all HPAs."""
    done = subprocess.run([HPAWALK, "diagnose", "-A", "-o", "json"], capture_output=True, text=True, timeout=120)
    return {f"{h['namespace']}/{h['name']}": [m["firstBroken"] for m in h["metrics"] if m["firstBroken"]] for h in json.loads(done.stdout)["hpas"]}


def wrong(seen):
    """What is not as it should be, in words."""
    lines = []
    for key in [f"{team}/{name}" for team in TEAMS for name in chains(team)]:
        wanted = {BROKEN[key][0]} if key in BROKEN else set()
        if set(seen.get(key, ["no such HPA"])) != wanted:
            lines.append(f"{key}: {seen.get(key)}, expected {sorted(wanted)}")
    return lines


def main():
    build()
    end = time.monotonic() + 150
    while (lines := wrong(judged())) and time.monotonic() < end:
        time.sleep(1)
    time.sleep(10)  # and it stays so
    seen = judged()
    lines = wrong(seen)
    print(f"      {len(seen)} HPAs, {sum(1 for causes in seen.values() if causes)} of them named broken", *lines, sep="\n      ", flush=True)
    report.add(len(seen) - len(lines), len(lines))
    report.done()


if __name__ == "__main__":
    main()
