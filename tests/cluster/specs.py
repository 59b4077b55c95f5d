"""Generated specs of HPAs: does simulate refuse what the API server refuses, at the same fields, and nothing else?
And of ScaledObjects: does lint, by the definition that hpawalk installs?

Usage: specs.py HPAWALK FOLDER; KUBECONFIG names the cluster. The API server is asked by a dry run.
"""
import contextlib
import copy
import itertools
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report

hpawalk, folder = sys.argv[1], pathlib.Path(sys.argv[2])
SELF_MADE = "the HPA controller refuses the metric otherwise"  # the API server lets these pass

TARGET = {"type": "AverageValue", "averageValue": "10"}
OBJECT = {"type": "Object", "object": {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"}, "metric": {"name": "m"}, "target": TARGET}}
METRICS = {
    "object": OBJECT,
    "pods": {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": TARGET}},
    "external": {"type": "External", "external": {"metric": {"name": "m"}, "target": TARGET}},
    "resource": {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
    "containerResource": {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": {"type": "Utilization", "averageUtilization": 50}}},
}
RULES = {"stabilizationWindowSeconds": 60, "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}

GONE = object()
NAMES = ["m", "a/b", "50%", ".", "..", "", "queue:depth", "x" * 300, GONE]
VERSIONS = ["apps/v1", "v1", "", "/v1", "a/b/c", "apps", "apps/", "/", GONE, "example.com/v1alpha1"]
QUANTITIES = ["10", "0", "-1", "1m", "0.0001", "1e3", "1Ki", "x", "10 ", "", 7, 0, GONE, "1E", "1000E", "8Ei", "9223372036854775807", "1e100", "1e-100", "0x2", "010", "1_0", "+", "Ki", "1e3.5",
              9223372036854775807, 1e30, 0.1]


def hpa(metric="object", **spec):
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "default"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 10, "metrics": [copy.deepcopy(METRICS[metric])], **spec}}


def put(document, path, value):
    *steps, last = path
    for step in steps:
        document = document[step]
    if value is GONE:
        document.pop(last, None)
    else:
        document[last] = value


def variants():
    """(document, path, value) of one change each."""
    for kind in ("Deployment", "ReplicationController"):
        for version in VERSIONS:
            yield hpa(scaleTargetRef={"kind": kind, "name": "web"}), ("spec", "scaleTargetRef", "apiVersion"), version
    for field in ("kind", "name"):
        for name in NAMES:
            yield hpa(), ("spec", "scaleTargetRef", field), name
            yield hpa(), ("spec", "metrics", 0, "object", "describedObject", field), name
    for version in VERSIONS:
        yield hpa(), ("spec", "metrics", 0, "object", "describedObject", "apiVersion"), version
    for low, metric in itertools.product([0, 1, -1, 10, 11, GONE], METRICS):
        yield hpa(metric), ("spec", "minReplicas"), low
    for high in (0, 1, -1, 2147483647, GONE):
        yield hpa(), ("spec", "maxReplicas"), high
    yield hpa(), ("spec", "metrics"), []
    yield hpa(), ("spec", "metrics"), GONE
    for metric in METRICS:
        here = ("spec", "metrics", 0, metric)
        target = {k: v for k, v in METRICS[metric][metric]["target"].items()}
        for kind in ("Value", "AverageValue", "Utilization", "Average", "", GONE):
            yield hpa(metric), (*here, "target", "type"), kind
            for field in ("value", "averageValue"):
                yield hpa(metric), (*here, "target"), {"type": "" if kind is GONE else kind, field: "10"}
        for field in ("value", "averageValue"):
            for amount in QUANTITIES:
                yield hpa(metric), (*here, "target"), {k: v for k, v in {**target, field: amount}.items() if v is not GONE}
        for percent in (0, 1, -1, 250, GONE):
            yield hpa(metric), (*here, "target", "averageUtilization"), percent
        yield hpa(metric), (*here, "target"), GONE
        yield hpa(metric), here, GONE
        yield hpa(metric), ("spec", "metrics", 0, "type"), GONE
        for other in METRICS:
            yield hpa(metric), ("spec", "metrics", 0, other), METRICS[other][other]
            yield hpa(metric), ("spec", "metrics", 0, "type"), METRICS[other]["type"]
        if "metric" in METRICS[metric][metric]:
            for name in NAMES:
                yield hpa(metric), (*here, "metric", "name"), name
            yield hpa(metric), (*here, "metric", "selector"), {"matchLabels": {"queue": "orders"}}
            yield hpa(metric), (*here, "metric", "selector"), {"matchLable": {"queue": "orders"}}
    for field, names in (("name", ["memory", "gpu", "hugepages-2Mi", "nvidia.com/gpu", "", GONE]), ("container", ["Main", "a_b", "-a", "", GONE])):
        for name in names:
            yield hpa("containerResource"), ("spec", "metrics", 0, "containerResource", field), name
    for name in ("gpu", "", GONE):
        yield hpa("resource"), ("spec", "metrics", 0, "resource", "name"), name
    for direction in ("scaleUp", "scaleDown"):
        changes = [("stabilizationWindowSeconds", [0, 3600, 3601, -1, GONE]), ("selectPolicy", ["Max", "Min", "Disabled", "Most", "", GONE]), ("policies", [[], GONE]),
                   ("tolerance", ["0.1", "-0.1", "x", GONE])]
        for field, values in changes:
            for value in values:
                yield hpa(behavior={direction: copy.deepcopy(RULES)}), ("spec", "behavior", direction, field), value
        for field, values in (("type", ["Pods", "Percent", "Pod", "", GONE]), ("value", [1, 0, -1, GONE]), ("periodSeconds", [1, 0, 1800, 1801, 3600, GONE])):
            for value in values:
                yield hpa(behavior={direction: copy.deepcopy(RULES)}), ("spec", "behavior", direction, "policies", 0, field), value
    for field, value in (("spec", {}), ("specs", {}), ("replicas", 3)):
        yield hpa(), ("spec", field), value
    for name in ("YOUR_APP", "a.b", "a..b", "-a", "a-", "x" * 254, "", 7, None, GONE):
        yield hpa(), ("metadata", "name"), name
    for field, value in (("label", {"a": "b"}), ("labels", {"a": "b"}), ("labels", {"a": 1}), ("labels", []), ("annotations", {"a": True}), ("annotations", {"a": "true"})):
        yield hpa(), ("metadata", field), value
    for field, value in (("stauts", {}), ("status", {}), ("spec", []), ("metadata", [])):
        yield hpa(), (field,), value
    for value in ("a=b", {"labels": {"a": "b"}}, {"matchLabels": {"a": 1}}, {"matchLabels": []}, {"matchExpressions": {}}, {"matchExpressions": [{"key": "a", "operator": "In", "values": [1]}]},
                  {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b"], "value": "b"}]}, {"matchExpressions": [{"key": "a", "operator": "Exists"}]}):
        yield hpa("external"), ("spec", "metrics", 0, "external", "metric", "selector"), value
    for annotation, text in annotations():
        old = hpa()
        old["apiVersion"], old["metadata"]["annotations"] = "autoscaling/v1", {}
        del old["spec"]["metrics"]
        yield old, ("metadata", "annotations", "autoscaling.alpha.kubernetes.io/" + annotation), text
    for percent in (80, 1, 0, -1, 101, GONE):
        old = hpa()
        old["apiVersion"] = "autoscaling/v1"
        del old["spec"]["metrics"]
        yield old, ("spec", "targetCPUUtilizationPercentage"), percent


def annotations():
    """Of autoscaling/v1: metrics in its own form, behavior in Go's."""
    source = {"metricName": "m", "targetAverageValue": "5"}
    for metric in ({"type": "External", "external": source}, {"type": "External", "external": {"metricName": "m"}}, {"type": "Pods", "pods": source}, {"type": "Pods", "pods": {"metricName": "m"}},
                   {"type": "Object", "object": {"metricName": "m", "target": {"kind": "Service", "name": "s"}, "targetValue": "5"}},
                   {"type": "Object", "object": {"metricName": "m", "target": {"kind": "Service", "name": "s"}}}, {"type": "Resource", "resource": {"name": "memory", "targetAverageUtilization": 70}},
                   {"type": "Resource", "resource": {"name": "memory"}}, {"type": "Nothing"}, {"type": "External", "external": {**source, "more": 1}}):
        yield "metrics", json.dumps([metric])
    for text in ("{", "{}", "[]", "null", "[1]", '"x"'):
        yield "metrics", text
    policy = {"Type": "Percent", "Value": 100, "PeriodSeconds": 15}
    for rules in ({"Policies": [policy]}, {"policies": [policy]}, {}, {"SelectPolicy": "Disabled"}, {"SelectPolicy": "Most", "Policies": [policy]}, {"Policies": [{**policy, "Value": 0}]},
                  {"StabilizationWindowSeconds": 3601, "Policies": [policy]}, {"Policies": []}):
        yield "behavior", json.dumps({"ScaleDown": rules})
    for text in ("{", "{}", "null", "[]", '{"Other": {}}'):
        yield "behavior", text


def documents():
    singles = []
    for document, path, value in variants():
        put(document, path, value)
        singles.append((document, path, value))
        yield document
    chance = random.Random(7)
    for _ in range(120):  # several mistakes at once
        document = copy.deepcopy(chance.choice(singles)[0])
        for _, path, value in chance.sample(singles, 2):
            with contextlib.suppress(KeyError, IndexError, TypeError):
                put(document, path, value if value is GONE else copy.deepcopy(value))
        yield document


def scaled_object():
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "s", "namespace": "default"},
            "spec": {"scaleTargetRef": {"name": "web"}, "minReplicaCount": 1, "maxReplicaCount": 10, "fallback": {"failureThreshold": 3, "replicas": 2},
                     "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": copy.deepcopy(RULES)}}},
                     "triggers": [{"type": "prometheus", "metadata": {"serverAddress": "http://p.m.svc:9090", "query": "sum(x)", "threshold": "5"},
                                   "authenticationRef": {"name": "a"}}]}}


def scaled_variants():
    """(document, path, value, whether only KEDA itself refuses it)."""
    trigger = ("spec", "triggers", 0)
    for path, values in ((("spec", "scaleTargetRef", "name"), ["", 7, GONE]), (("spec", "scaleTargetRef", "kind"), ["StatefulSet", 7, GONE]), (("spec", "scaleTargetRef", "more"), ["x"]),
                         (("spec", "scaleTargetRef"), [GONE, "web"]), (("spec", "minReplicaCount"), [0, -1, 10, 11, "1", 1.5, GONE]), (("spec", "maxReplicaCount"), [0, 1, -1, GONE]),
                         (("spec", "maxReplicas"), [5]), (("spec", "pollingInterval"), [0, 1, "30s"]), (("spec", "cooldownPeriod"), [0, -1]), (("spec", "initialCooldownPeriod"), [0, -1]),
                         (("spec", "idleReplicaCount"), [0, -1]), (("spec", "triggers"), [[], GONE, {}]), ((*trigger, "type"), ["", GONE, 7]), ((*trigger, "metadata"), [GONE, [], {"threshold": 5}]),
                         ((*trigger, "metadata", "threshold"), [5, True]), ((*trigger, "useCachedMetrics"), [True, "true"]), ((*trigger, "name"), ["x", 7]), ((*trigger, "extra"), [1]),
                         ((*trigger, "authenticationRef", "kind"), ["ClusterTriggerAuthentication", "Secret"]), ((*trigger, "authenticationRef", "name"), [GONE]),
                         ((*trigger, "authenticationRef", "namespace"), ["x"]), (("spec", "fallback", "failureThreshold"), [-1, 0, GONE]), (("spec", "fallback", "replicas"), [-1, GONE]),
                         (("spec", "fallback", "behavior"), ["static", "currentReplicas", "scalingModifiers", "other"]), (("spec", "advanced", "scalingModifiers"), [{}, {"formula": "a"}, {"formel": "a"}]),
                         (("spec", "advanced", "restoreToOriginalReplicaCount"), [True, "yes"]), (("spec", "advanced", "hpa"), [{}]),
                         (("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown", "stabilizationWindowSeconds"), [3600, 3601, -1]),
                         (("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown", "policies", 0, "more"), [1]), (("stauts",), [{}]), (("metadata", "name"), [GONE])):
        for value in values:
            yield scaled_object(), path, value, False
    for path, value in ((("spec", "idleReplicaCount"), 1), (("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown", "policies", 0, "value"), 0)):
        yield scaled_object(), path, value, True


class ApiServer:
    def __init__(self):
        self.proxy = subprocess.Popen([os.environ.get("KUBECTL", "kubectl"), "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
        self.port = re.search(r":(\d+)", self.proxy.stdout.readline())[1]

    def version(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/version", timeout=20) as answer:
            return json.load(answer)["gitVersion"]

    def define(self, text):
        kubectl = [os.environ.get("KUBECTL", "kubectl")]
        subprocess.run([*kubectl, "apply", "--server-side", "-f", "-"], input=text, text=True, check=True, capture_output=True)
        subprocess.run([*kubectl, "wait", "--for=condition=Established", "crd/scaledobjects.keda.sh", "--timeout=60s"], check=True, capture_output=True)

    def refused(self, document, plural="horizontalpodautoscalers"):
        """None, or the fields that it names; of a text that it cannot decode, none."""
        url = f"http://127.0.0.1:{self.port}/apis/{document['apiVersion']}/namespaces/default/{plural}?dryRun=All&fieldValidation=Strict"
        request = urllib.request.Request(url, method="POST", data=json.dumps(document).encode(), headers={"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=20)
            return None
        except urllib.error.HTTPError as error:
            status = json.load(error)
            if error.code not in (400, 422):
                raise RuntimeError(status) from error
            return {cause["field"] for cause in status.get("details", {}).get("causes", [])}


def refused_by_simulate(document, version):
    file = folder / "hpa.json"
    file.write_text(json.dumps(document))
    done = subprocess.run([hpawalk, "simulate", "--hpa", str(file), "--profile", "constant 5 for 1m", "--kube-version", version, "-o", "json"], capture_output=True, text=True, timeout=60)
    said = done.stdout + done.stderr
    if done.returncode == 0:
        return None, said
    if done.returncode != 2 or "hpa-spec" not in said:
        return {"?"}, said
    return set(re.findall(r"((?:spec|metadata)[\w.\[\]]*): ", said)), said


def refused_by_lint(document, version):
    file = folder / "scaled-object.json"
    file.write_text(json.dumps(document))
    done = subprocess.run([hpawalk, "lint", str(file), "--kube-version", version, "-o", "json"], capture_output=True, text=True, timeout=60)
    findings = json.loads(done.stdout)["findings"]
    return [f["sentence"] for f in findings if f["cause"] == "keda-refused"], done.stdout


def judge_scaled_objects(server, version):
    definition = next(d for d in re.split(r"^---\n", pathlib.Path("../../manifests/keda/definitions.yaml").read_text(), flags=re.MULTILINE) if "name: scaledobjects.keda.sh" in d)
    server.define(definition)
    count = refused = 0
    for document, path, value, only_keda in scaled_variants():
        put(document, path, value)
        theirs = server.refused(document, "scaledobjects")
        ours, said = refused_by_lint(document, version)
        count, refused = count + 1, refused + (theirs is not None)
        report.check(f"ScaledObject {count}", bool(ours) == (theirs is not None or only_keda), json.dumps(document), f"API server: {theirs}", f"lint: {ours}", said[-600:])
    print(f"      {count} ScaledObjects, {refused} of them refused by the API server of {version}")


def agree(theirs, ours):
    """One may name the field, the other what it is a part of. Of a metric without a type, simulate says only that."""
    untyped = [field.removesuffix("type") for field in ours if re.fullmatch(r"spec\.metrics\[\d+\]\.type", field)]
    return all(any(a.startswith(b) or b.startswith(a) for b in [*ours, *untyped]) for a in theirs)


def main():
    server, count, refused = ApiServer(), 0, 0
    version = server.version()
    report.quiet = True
    try:
        for document in documents():
            theirs = server.refused(document)
            ours, said = refused_by_simulate(document, version)
            count, refused = count + 1, refused + (theirs is not None)
            if theirs is None:
                good = ours is None or SELF_MADE in said
            else:
                good = ours is not None and (document["apiVersion"] == "autoscaling/v1" or agree(theirs, ours))
            report.check(f"spec {count}", good, json.dumps(document), f"API server: {theirs}", f"simulate: {ours}", said[-600:])
        judge_scaled_objects(server, version)
    finally:
        server.proxy.terminate()
    print(f"      {count} specs, {refused} of them refused by the API server of {version}")
    report.done()


main()
