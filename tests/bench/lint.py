#!/usr/bin/env python3
"""How long `hpawalk lint` takes for 1,000 files: 250 whole chains, a file for each object, with one Prometheus and one adapter.

Usage: lint.py HPAWALK [FILES]      ends with 1 if it takes more than 2 s, the best of three
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import report

hpawalk, files = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
MOST = 2.0

PROMETHEUS = {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": {"name": "k8s", "namespace": "monitoring"},
              "spec": {"serviceMonitorSelector": {}, "serviceMonitorNamespaceSelector": {}}}
VALUES = {"prometheus": {"url": "http://prometheus-operated.monitoring.svc", "port": 9090},
          "rules": {"default": False, "custom": [{"seriesQuery": '{__name__=~"^app_.*",namespace!=""}', "resources": {"template": "<<.Resource>>"},
                                                  "metricsQuery": "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"}]}}


def chain(i):
    name, space = f"app-{i}", f"team-{i % 20}"
    meta = {"name": name, "namespace": space, "labels": {"app": name}}
    container = {"name": "main", "image": "registry.example/app:1", "ports": [{"name": "metrics", "containerPort": 9113}], "resources": {"requests": {"cpu": "100m"}},
                 "env": [{"name": f"SETTING_{n}", "value": f"value-{n}"} for n in range(20)]}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
           "spec": {"selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}}}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": name}, "ports": [{"name": "metrics", "port": 9113, "targetPort": "metrics"}]}}
    yield {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": meta, "spec": {"selector": {"matchLabels": {"app": name}}, "endpoints": [{"port": "metrics"}]}}
    yield {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta,
           "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "minReplicas": 1, "maxReplicas": 10,
                    "metrics": [{"type": "Object", "object": {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": name}, "metric": {"name": f"app_{i}_jobs"},
                                                              "target": {"type": "Value", "value": "10"}}}]}}


def block(value, indent=0):
    """YAML as people write it: every map and list on lines of its own."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{k}:" + (f"\n{block(v, indent + 2)}" if v and isinstance(v, (dict, list)) else f" {json.dumps(v)}\n") for k, v in value.items())
    return "".join(f"{pad}- {json.dumps(v)}\n" if not isinstance(v, dict) else f"{pad}- {block(v, indent + 2).lstrip()}" for v in value)


with tempfile.TemporaryDirectory(prefix="hpawalk-bench-") as folder:
    written = 0
    for i in range((files - 2) // 4 + 1):
        for manifest in chain(i):
            if written < files - 2:
                (pathlib.Path(folder) / f"{i}-{manifest['kind']}.yaml").write_text(block(manifest))
                written += 1
    (pathlib.Path(folder) / "prometheus.yaml").write_text(block(PROMETHEUS))
    (pathlib.Path(folder) / "values.yaml").write_text(block(VALUES))
    best, told = None, None
    for _ in range(3):
        start = time.monotonic()
        done = subprocess.run([hpawalk, "lint", folder, "-o", "json"], capture_output=True, text=True, timeout=120)
        took = time.monotonic() - start
        best = took if best is None else min(best, took)
        told = json.loads(done.stdout)
    print(f"      {told['files']} files, {told['objects']} objects, {told['hpas']} HPAs in {best:.2f} s, the best of three")
    report.check("the chains have no error", told["errors"] == 0 and told["files"] == files, json.dumps(told["findings"][:2]))
    report.check(f"{files} files take at most {MOST:.0f} s", best <= MOST, f"{best:.2f} s")
report.done()
