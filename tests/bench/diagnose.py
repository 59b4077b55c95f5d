"""What `hpawalk diagnose` needs for one HPA and for many: seconds, and requests as the API server itself counts them.

Needs a cluster of its own: KUBECONFIG names it, HPAWALK the binary, OPERATOR_BUNDLE the operator's bundle.yaml.
Usage: diagnose.py [HPAS] [ROUNDS]. The pods of the HPAs are made ready by hand: a node would not run as many.
"""
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "faults"))
import lab  # noqa: E402
from lab import SPACE, apply, binding, hpa, kubectl, meta, object_metric  # noqa: E402

HPAS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
HPAWALK = os.environ["HPAWALK"]
FLOW = "bench-diagnose"


def names(first, last):
    return [f"many-{i:04}" for i in range(first, last)]


def workload(name):
    d = lab.workload(name)
    d["spec"]["template"]["spec"]["schedulerName"] = "nobody"
    return d


def add(first, last):
    new = names(first, last)
    for start in range(0, len(new), 50):
        some = new[start:start + 50]
        apply([o for n in some for o in (lab.service(n, {"app": "source"}, many="yes"), workload(n), hpa(n, [object_metric("lab_value", n)]))])
    ready = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    pods = []
    while len(pods) < last:
        pods = [p for p in json.loads(kubectl("get", "pods", "-n", SPACE, "-o", "json"))["items"] if p["spec"].get("schedulerName") == "nobody"]
        time.sleep(0.5)
    for pod in pods:
        if pod["status"]["phase"] != "Running":
            kubectl("patch", "pod", pod["metadata"]["name"], "-n", SPACE, "--subresource=status", "--type=merge", "-p", json.dumps(ready))


def healthy(space_args):
    done = subprocess.run([HPAWALK, "diagnose", *space_args, "-o", "json"], capture_output=True, text=True, timeout=120)
    hpas = json.loads(done.stdout)["hpas"]
    return sum(1 for h in hpas if h["verdict"] in ("ok", "note")), len(hpas)


def requests_so_far():
    """As the API server counts them for the account that hpawalk uses here."""
    total = 0
    for line in kubectl("get", "--raw", "/metrics").splitlines():
        if line.startswith("apiserver_flowcontrol_dispatched_requests_total{") and f'flow_schema="{FLOW}"' in line:
            total += int(float(line.rsplit(" ", 1)[1]))
    return total


def account():
    """A kubeconfig for an account of its own, whose requests have a flow of their own."""
    user = lab.account("bench", "default")
    apply([{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("bench", "default")},
           binding("ClusterRoleBinding", "bench", "cluster-admin", [user]),
           {"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": meta(FLOW, None),
            "spec": {"matchingPrecedence": 50, "priorityLevelConfiguration": {"name": "workload-high"},
                     "rules": [{"subjects": [{"kind": "ServiceAccount", "serviceAccount": {"name": "bench", "namespace": "default"}}],
                                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}],
                                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}]}}])
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"][0]["user"] = {"token": kubectl("create", "token", "bench", "-n", "default").strip()}
    path = os.environ["KUBECONFIG"] + ".bench"
    with open(path, "w") as out:
        json.dump(config, out)
    os.chmod(path, 0o600)
    return path


def measure(title, kubeconfig, *args):
    seconds, counted, own = [], [], 0
    for _ in range(ROUNDS):
        before, start = requests_so_far(), time.monotonic()
        done = subprocess.run([HPAWALK, "diagnose", *args, "--kubeconfig", kubeconfig, "-o", "json"], capture_output=True, text=True, timeout=120)
        seconds.append(time.monotonic() - start)
        counted.append(requests_so_far() - before)
        answer = json.loads(done.stdout)
        own = answer["requests"]
    verdicts = {v: sum(1 for h in answer["hpas"] if h["verdict"] == v) for v in sorted({h["verdict"] for h in answer["hpas"]})}
    print(f"{title:<28} {min(seconds):6.2f} {statistics.median(seconds):6.2f} {max(seconds):6.2f} {max(counted):9} {own:9}   {verdicts}", flush=True)


def main():
    kubectl("apply", "--server-side", "--force-conflicts", "-f", os.environ["OPERATOR_BUNDLE"])
    apply(lab.spaces())
    monitor = lab.monitor("many", {"many": "yes"})
    monitor["spec"]["endpoints"][0]["interval"] = "5s"
    apply(lab.source() + lab.adapter() + lab.plain_prometheus() + [monitor])
    apply(lab.prometheus())
    apply([lab.adapter_deployment(relist="5s", max_age="15s")])
    kubeconfig = account()
    print(f"{'':<28} {'min s':>6} {'median':>6} {'max':>6} {'requests':>9} {'its own':>9}   (requests: as the API server counts them, which leaves out those that it passes on to Prometheus and nodes; {ROUNDS} rounds)")
    made = 0
    for count in (1, HPAS, 2 * HPAS):
        add(made, count)
        made = count
        end = time.monotonic() + 240
        while time.monotonic() < end and healthy(["-n", SPACE]) != (count, count):
            time.sleep(2)
        measure(f"one of {count}", kubeconfig, "many-0000", "-n", SPACE)
        measure(f"all of {count}", kubeconfig, "-A")


if __name__ == "__main__":
    main()
