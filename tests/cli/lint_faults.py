#!/usr/bin/env python3
"""The faults that tests/cluster/faults makes on a real cluster, from their manifests alone: does `hpawalk lint` name the same cause as diagnose does there?

Usage: lint_faults.py HPAWALK [NAME]      NAME: only that fault, and what lint says of it

No cluster is needed: what the faults apply, patch and delete changes a set of manifests here. Each fault is linted with what all chains share. Healthy chains must have no
error and no warning. What cannot be seen in manifests is listed in AT_RUN_TIME, and must not be named otherwise either.
"""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "cluster" / "faults")]
import lab
import report

lab.minor_version = lambda: 37  # of the cluster that is not there
import faults

hpawalk = sys.argv[1]

# Causes that only a running cluster shows: values, events, logs, rights, and what others did by hand.
AT_RUN_TIME = {
    "adapter-cannot-list", "adapter-config-stale", "adapter-network-policy", "adapter-not-ready", "adapter-other-server",
    "adapter-prometheus-auth", "adapter-relist-aborted", "api-group-not-served", "apiservice-missing", "apiservice-unreachable", "at-max", "at-min", "dangling-apiservice", "hpa-forbidden",
    "metric-nan", "metric-not-exposed", "metric-query-empty", "no-ready-pod", "no-scale-subresource", "object-not-in-series", "operator-not-running", "prometheus-cannot-discover",
    "prometheus-config-rejected", "prometheus-not-ready", "quantity-readability", "rate-limited", "recording-rule-fails", "requestheader-ca", "resource-metrics-empty", "sample-dropped",
    "sample-timestamps", "scale-refused", "scale-unreadable", "source-pods-not-ready", "target-down", "target-mesh-sidecar", "target-not-discovered", "target-selector", "total-as-value",
    "within-tolerance", "prometheus-sharded", "namespace-label-enforced", "canary-idle", "no-scrape-config", "scraped-twice", "pods-metric-of-others", "metric-unknown", "pods-not-scheduled",
}
# Faults of other causes that their manifests do not show.
NOT_IN_FILES = {
    "source pods cannot be made": "its service account is missing, and the files need not hold it",
    "13 seriesQuery": "whether a series has the labels that a seriesQuery asks for",
    "14 override labels": "which labels a series has",
    "13 label is empty": "which labels a series has",
    "dotted name without quotes": "the name of the series is in no manifest of the chain",
    "series of a namespace, port name": "which pods expose a metric of a Namespace",
    "quota": "the quota is of a priority class",
    "quota of a StatefulSet": "the quota is of a priority class",
    "32 preferred version down": "the adapter behind it, gone, is in no file",
    "metric of its own pods, at 0": "that the replicas are 0",
    "8 wrong path": "under which path Prometheus answers",
    "21 max age": "when the adapter reads its list",
}


class Manifests:
    """What kubectl would have left on a cluster."""

    def __init__(self, objects):
        self.objects = {}
        self.put(objects)

    @staticmethod
    def key(kind, name, space):
        kinds = {"hpa": "horizontalpodautoscaler"}
        kind = kind.lower()
        return kinds.get(kind, kind), name, space or ""

    def put(self, objects):
        for o in objects:
            self.objects[self.key(o["kind"], o["metadata"]["name"], o["metadata"].get("namespace"))] = copy.deepcopy(o)

    def apply(self, objects, check=True):
        self.put(objects)

    def kubectl(self, *args, stdin=None, check=True):
        words = list(args)
        space = words[words.index("-n") + 1] if "-n" in words else ""
        if words[0] == "delete":
            names = [w for w in words[1:] if not w.startswith("-") and w != space]
            pairs = [n.split("/") for n in names] if "/" in names[0] else [names[:2]]
            for kind, name in pairs:
                self.objects.pop(self.key(kind, name, space), None)
        elif words[0] == "patch":
            target = self.objects[self.key(words[1], words[2], space)]
            body = json.loads(words[words.index("-p") + 1])
            merge(target, body) if isinstance(body, dict) else patch(target, body)
        elif words[0] == "scale":
            kind, name = words[1].split("/")
            self.objects[self.key(kind, name, space)]["spec"]["replicas"] = int(next(w for w in words if w.startswith("--replicas="))[11:])
        elif words[0] == "get":
            return json.dumps(self.objects.get(self.key(words[1], words[2], space), {"rules": []}))
        return ""


def merge(target, body):
    for name, value in body.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict) and isinstance(target.get(name), dict):
            merge(target[name], value)
        else:
            target[name] = value


def patch(target, operations):
    for operation in operations:
        *path, last = [int(step) if step.isdigit() else step for step in operation["path"].split("/")[1:]]
        here = target
        for step in path:
            here = here[step]
        here[last] = operation["value"]


def shared_objects():
    kinds = [lab.widgets(True), lab.widgets(False), lab.canaries(), lab.trinkets()]
    return (lab.spaces() + kinds + lab.source() + lab.adapter() + lab.plain_prometheus() + faults.REFUSED + [lab.service("login", {"app": "source"}, 9114, 9114, "login")] + lab.prometheus())


def lint(manifests, folder):
    """Of each HPA, the causes of errors and warnings, and all of them."""
    file = pathlib.Path(folder) / "all.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests.objects.values())}))
    done = subprocess.run([hpawalk, "lint", str(file), "-o", "json", "--kube-version", "1.37"], capture_output=True, text=True, timeout=120)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)["findings"]


def of(findings, key, mildest="note"):
    levels = ["error", "warning", "note"][:["error", "warning", "note"].index(mildest) + 1]
    return {f["cause"] for f in findings if key in f["hpas"] and f["level"] in levels}


named, wrong, unseen = [], [], []


def judge(name, cause, key, findings):
    causes = of(findings, key)
    serious = of(findings, key, "warning")
    told = [f"{f['level']} {f['cause']}: {f['sentence']}" for f in findings if key in f["hpas"]]
    if cause == "healthy":
        report.check(f"{name}: no finding", not serious, *told)
    elif cause in AT_RUN_TIME or name in NOT_IN_FILES:
        unseen.append(name)
        report.check(f"{name} ({cause}) is not visible, and nothing else is named certain", not [f for f in findings if key in f["hpas"] and f["level"] == "error" and f["certainty"] == "certain" and f["cause"] != cause], *told)
    else:
        named.append(name)
        if cause not in causes:
            wrong.append(name)
        report.check(f"{name}: {cause}", cause in causes, *told)


def main():
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    report.quiet = not only
    with tempfile.TemporaryDirectory(prefix="hpawalk-lint-") as folder:
        for name, objects in faults.HEALTHY.items():
            if name.startswith(only):
                judge(f"healthy {name}", "healthy", f"{lab.SPACE}/{name}", lint(Manifests(shared_objects() + objects), folder))
        for name, (cause, objects, key) in {**faults.SIDE_BY_SIDE, **faults.NOTES}.items():
            if name.startswith(only):
                judge(name, cause, key if "/" in key else f"{lab.SPACE}/{key}", lint(Manifests(shared_objects() + objects), folder))
        for name, cause, make, _, key in faults.SHARED:
            if not name.startswith(only):
                continue
            objects = [o for some in faults.HEALTHY.values() for o in some] + [o for _, some, k in faults.SIDE_BY_SIDE.values() if key.endswith("/" + k) for o in some]
            manifests = Manifests(shared_objects() + objects)
            lab.kubectl = faults.kubectl = manifests.kubectl
            lab.apply = faults.apply = manifests.apply
            faults.sleep_until = faults.time.sleep = lambda *_: None
            if cause in AT_RUN_TIME:
                unseen.append(name)
                continue
            make()
            judge(name, cause, key, lint(manifests, folder))
    print(f"      {len(named) - len(wrong)} of {len(named)} faults that manifests show have the cause that diagnose names; {len(unseen)} are visible at run time only")
    report.done()


if __name__ == "__main__":
    main()
