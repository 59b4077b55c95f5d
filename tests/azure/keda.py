#!/usr/bin/env python3
"""KEDA on AKS, with the add-on and without it: the real az against standin.py, a real Kubernetes and a real KEDA.

The add-on's KEDA is hpawalk's own manifests in kube-system without hpawalk's labels: on AKS the names are the same, and
the images Microsoft's. Usage: keda.py HPAWALK AZ     Needs root (the local cluster), openssl, an az that can read role
assignments. Compiles KEDA, the first time.
"""
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report
from report import check
from aks import listing, run, settled
from running import Standin

CLUSTER = f"aks-keda-{os.getpid()}"
OWN = ("app.kubernetes.io/managed-by", "hpawalk")


def documents(text):
    """The JSON documents of a text that has several, one after the other."""
    found = []
    while text := text.lstrip():
        document, end = json.JSONDecoder().raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def without_labels(objects):
    """As somebody else's: without the labels by which hpawalk knows its own."""
    kept = []
    for item in objects:
        if item["kind"] == "Namespace":
            continue
        metadata = item["metadata"]
        metadata["labels"] = {name: value for name, value in (metadata.get("labels") or {}).items() if not any(part in name for part in OWN)}
        kept.append(item)
    return {"apiVersion": "v1", "kind": "List", "items": kept}


def main(hpawalk, az):
    work = tempfile.mkdtemp(prefix="hpawalk-azure-keda-")
    plain = dict(os.environ) | {"HPAWALK_CLUSTER_NAME": CLUSTER}
    made = run([hpawalk, "cluster", "up", "--name", CLUSTER, "-o", "json"], plain)
    if made.returncode != 0:
        print(made.stderr)
        return check("the local cluster, which plays AKS, starts", False)
    cluster = json.loads(made.stdout)
    kubeconfig, kubectl = cluster["kubeconfig"], cluster["kubectl"]
    chain = cluster["programs"]["chain"]
    kube = [kubectl, "--kubeconfig", kubeconfig]
    node = open(os.path.join(os.path.dirname(kubeconfig), "node.pid")).read().split()[0]
    loader = f"nsenter --target {node} --mount --pid --net --uts --ipc ctr --namespace k8s.io images import"
    standin = Standin(kubeconfig, "--loader", loader, "--keda")
    environment = plain | {"PATH": f"{os.path.dirname(az)}:{os.path.dirname(kubectl)}:{chain}:{plain['PATH']}", "KUBECONFIG": os.path.join(work, "none"),
                           "XDG_STATE_HOME": os.path.join(work, "state"), "HPAWALK_OPERATOR_BUNDLE": os.path.join(chain, "bundle.yaml"),
                           "HPAWALK_TOOLS_AZ": az, "HPAWALK_CLUSTER": "aks", "HPAWALK_METRICS": "keda", "AKS_RESOURCE_GROUP": "walk",
                           "AKS_CLUSTER_NAME": "walkcluster", "ACR_RESOURCE_GROUP": "walkacr", "ACR_NAME": "walkregistry"}
    environment.pop("HPAWALK_CLUSTER_NAME")

    def hpa(*words):
        start = time.monotonic()
        done = run([hpawalk, *words], environment, cwd=work)
        print(f"      hpawalk {' '.join(words)}: exit {done.returncode}, {time.monotonic() - start:.0f} s", flush=True)
        return done

    def kubectl_get(*words):
        return run([*kube, "get", *words], plain).stdout

    try:
        # The nodes have KEDA's images, which they would pull from Microsoft's registry.
        first = run([hpawalk, "up", "--metrics", "keda"], plain | {"KUBECONFIG": ""})
        if not check("KEDA's images come onto the node", first.returncode == 0, first.stderr[-3000:]):
            return
        run([hpawalk, "down", "--metrics", "keda"], plain)
        before = settled(kubectl, kubeconfig)
        environment.update(standin.environment())
        standin.login(az, environment)

        waiting = hpa("up")
        check("an add-on that has not installed KEDA yet is waited for, with exit 1, and no other KEDA is installed",
              waiting.returncode == 1 and "keda-unusable" in waiting.stderr and "deployment" not in kubectl_get("deployment", "-n", "keda", "-o", "name"),
              waiting.stderr[-2000:])
        hpa("down")

        rendered = run([hpawalk, "render", "keda", "--metrics", "keda", "--keda-namespace", "kube-system"], plain)
        manifest = os.path.join(work, "addon.yaml")
        open(manifest, "w").write(rendered.stdout)
        # The definitions first: kubectl knows the kinds only then. None of KEDA's own objects is of them.
        objects = documents(run([*kube, "create", "--dry-run=client", "-o", "json", "-f", manifest], plain).stdout)
        addon = os.path.join(work, "addon.json")
        json.dump(without_labels(objects), open(addon, "w"))
        applied = run([*kube, "apply", "--server-side", "-f", addon], plain)
        check("the add-on's KEDA is installed in kube-system", applied.returncode == 0, applied.stderr)
        for name in ("keda-operator", "keda-metrics-apiserver"):
            run([*kube, "rollout", "status", "deployment", name, "-n", "kube-system", "--timeout=180s"], plain)
        run([*kube, "wait", "--for=condition=Available", "apiservice", "v1beta1.external.metrics.k8s.io", "--timeout=180s"], plain)
        with_addon = settled(kubectl, kubeconfig)

        doctor = hpa("doctor")
        check("doctor says that the add-on is on, where, and with workload identity",
              doctor.returncode == 0 and "the KEDA add-on is on, in namespace kube-system; workload identity is on" in doctor.stdout,
              doctor.stdout + doctor.stderr)
        plan = hpa("plan")
        check("plan only shows the line that enables the add-on", "# az aks update --resource-group walk --name walkcluster --enable-keda"
              in plan.stdout.replace(az, "az"), plan.stdout[:2000])
        up = hpa("up", "-o", "json")
        if not check("up uses the add-on", up.returncode == 0, up.stderr[-3000:]):
            return
        check("  and says so", "the KEDA add-on is on" in up.stderr, up.stderr[-2000:])
        stages = {s["name"]: s["outcome"] for s in json.loads(up.stdout)["stages"]}
        check("  it built nothing of KEDA", stages["keda"] == "used", stages)
        where = kubectl_get("apiservice", "v1beta1.external.metrics.k8s.io", "-o", "jsonpath={.spec.service.namespace}")
        check("  the external metrics API is still the add-on's", where == "kube-system", where)
        operators = [line for line in kubectl_get("deployment", "-A", "-o", "name").split() if "keda" in line]
        check("  and no second KEDA runs", sorted(operators) == ["deployment.apps/keda-metrics-apiserver", "deployment.apps/keda-operator"], operators)
        verified = hpa("verify", "--wait")
        check("verify finds nothing broken", verified.returncode == 0, verified.stdout + verified.stderr)
        status = hpa("status")
        check("status names the add-on's KEDA", status.returncode == 0 and "KEDA 2.21.0 in namespace kube-system was not created by this chain" in status.stdout,
              status.stdout)
        down = hpa("down")
        after = listing(kubectl, kubeconfig)
        for _ in range(30):
            if after == with_addon:
                break
            time.sleep(1)
            after = listing(kubectl, kubeconfig)
        check("down leaves the add-on as it was", down.returncode == 0 and after == with_addon, sorted(set(after) ^ set(with_addon)))
        seen = standin.ask("state")
        check("nobody asked Azure to change the add-on", all(keda in (None, {"enabled": True}) for keda in seen["put"]) and not seen["unexpected"], seen)
        standin.end()

        run([*kube, "delete", "-f", addon, "--wait=true"], plain)
        run([*kube, "delete", "secret", "kedaorg-certs", "-n", "kube-system"], plain)  # which its operator has made
        for _ in range(60):
            if listing(kubectl, kubeconfig) == before:
                break
            time.sleep(1)
        standin = Standin(kubeconfig, "--loader", loader)
        environment.update(standin.environment())
        standin.login(az, environment)
        doctor = hpa("doctor")
        check("with the add-on off, doctor says so, and how it is enabled",
              doctor.returncode == 0 and "the KEDA add-on is off" in doctor.stdout and "--enable-keda" in doctor.stdout, doctor.stdout + doctor.stderr)
        up = hpa("up", "-o", "json")
        if not check("up installs hpawalk's own KEDA", up.returncode == 0, up.stderr[-3000:]):
            return
        check("  in its own namespace", "keda-operator" in kubectl_get("deployment", "-n", "keda", "-o", "name"))
        verified = hpa("verify", "--wait")
        check("verify finds nothing broken", verified.returncode == 0, verified.stdout + verified.stderr)
        down = hpa("down")
        seen = standin.ask("state")
        after = listing(kubectl, kubeconfig)
        for _ in range(30):
            if after == before:
                break
            time.sleep(1)
            after = listing(kubectl, kubeconfig)
        check("down removes it, and leaves the cluster as it was", down.returncode == 0 and after == before, sorted(set(after) ^ set(before)))
        check("nobody asked Azure to enable the add-on", not any(seen["put"]) and not seen["unexpected"], seen)
    finally:
        standin.end()
        run([hpawalk, "cluster", "down", "--name", CLUSTER], plain)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the cluster goes, too
    main(os.path.abspath(sys.argv[1]), shutil.which(sys.argv[2]) or sys.argv[2])
    report.done()
