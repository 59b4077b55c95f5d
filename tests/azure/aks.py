#!/usr/bin/env python3
"""hpawalk on AKS from end to end: the real az against standin.py, the real helm and kubectl, a real Kubernetes.

What is real: every program, the Kubernetes, and the image that pods run, which is built from what `az acr build` had
uploaded. What is not: Azure. standin.py says what of it is played.
Usage: aks.py HPAWALK AZ     Needs root (the local cluster), openssl and an az that can read role assignments.
"""
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report
from report import check
from running import Standin, await_state

HERE = os.path.dirname(os.path.abspath(__file__))
CLUSTER = f"aks-test-{os.getpid()}"


def run(argv, environment, **more):
    return subprocess.run(argv, env=environment, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=900, **more)


class Decoy:
    """A cluster that nobody chose, and that is the current context all the same: it counts who comes near it."""

    def __init__(self, folder):
        self.connections = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.listen, daemon=True).start()
        self.kubeconfig = os.path.join(folder, "decoy.kubeconfig")
        with open(self.kubeconfig, "w") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "production",
                       "clusters": [{"name": "production", "cluster": {"server": f"http://127.0.0.1:{self.socket.getsockname()[1]}"}}],
                       "contexts": [{"name": "production", "context": {"cluster": "production", "user": "me"}}],
                       "users": [{"name": "me", "user": {"token": "secret"}}]}, file)
        self.before = open(self.kubeconfig).read()

    def listen(self):
        while True:
            connection, _ = self.socket.accept()
            self.connections += 1
            connection.close()


def listing(kubectl, kubeconfig):
    kinds = "all,configmaps,secrets,serviceaccounts,namespaces,crd,clusterroles,clusterrolebindings,roles,rolebindings,apiservices,hpa"
    said = subprocess.run([kubectl, "--kubeconfig", kubeconfig, "get", kinds, "-A", "-o",
                           'jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\\n"}{end}'],
                          text=True, capture_output=True, timeout=60)
    return sorted(line for line in said.stdout.splitlines() if not line.startswith("Event/"))


def settled(kubectl, kubeconfig):
    """What is there once a cluster that has just started makes nothing more of itself."""
    before = listing(kubectl, kubeconfig)
    for _ in range(30):
        time.sleep(3)
        after = listing(kubectl, kubeconfig)
        if after == before:
            break
        before = after
    return before


def main(hpawalk, az):
    work = tempfile.mkdtemp(prefix="hpawalk-azure-")
    plain = dict(os.environ)
    made = run([hpawalk, "cluster", "up", "--name", CLUSTER, "-o", "json"], plain)
    if made.returncode != 0:
        print(made.stderr)
        return check("the local cluster, which plays AKS, starts", False)
    cluster = json.loads(made.stdout)
    kubeconfig, kubectl = cluster["kubeconfig"], cluster["kubectl"]
    chain = cluster["programs"]["chain"]
    node = open(os.path.join(os.path.dirname(kubeconfig), "node.pid")).read().split()[0]
    loader = f"nsenter --target {node} --mount --pid --net --uts --ipc ctr --namespace k8s.io images import"
    decoy = Decoy(work)
    standin = Standin(kubeconfig, "--loader", loader)
    state = os.path.join(work, "state")
    environment = plain | {"PATH": f"{os.path.dirname(az)}:{os.path.dirname(kubectl)}:{chain}:{plain['PATH']}", "KUBECONFIG": decoy.kubeconfig, "XDG_STATE_HOME": state,
                           "HPAWALK_OPERATOR_BUNDLE": os.path.join(chain, "bundle.yaml"), "HPAWALK_TOOLS_AZ": az, "HPAWALK_CLUSTER": "aks",
                           "AKS_RESOURCE_GROUP": "walk", "AKS_CLUSTER_NAME": "walkcluster",
                           "ACR_RESOURCE_GROUP": "walkacr", "ACR_NAME": "walkregistry"} | standin.environment()
    try:
        before = settled(kubectl, kubeconfig)

        def hpa(*words, **changed):
            start = time.monotonic()
            done = run([hpawalk, *words], environment | changed, cwd=work)
            print(f"      hpawalk {' '.join(words)}: exit {done.returncode}, {time.monotonic() - start:.0f} s", flush=True)
            return done

        refused = hpa("up")
        check("without a login up says so, with exit 3", refused.returncode == 3 and "az login" in refused.stderr, refused.stderr)
        login = standin.login(az, environment)
        check("az logs in at the stand-in", login.returncode == 0, login.stderr)
        for name, says in (("AKS_CLUSTER_NAME", "no-aks-cluster"), ("AKS_RESOURCE_GROUP", "no-aks-cluster"), ("ACR_NAME", "no-registry")):
            wrong = hpa("up", **{name: "nonesuch"})
            check(f"a wrong {name} is named, with exit 3", wrong.returncode == 3 and says in wrong.stderr, wrong.stderr)
        plan = hpa("plan", "--only", "image")
        check("the plan names today's commands", "az acr build --registry walkregistry --image prom-fake:" in plan.stdout, plan.stdout)
        doctor = hpa("doctor")
        check("doctor finds az, login, AKS, registry, pull and the API server",
              doctor.returncode == 0 and all(word in doctor.stdout for word in ("az ", "az login", "AKS", "registry", "pull", "API server")),
              doctor.stdout + doctor.stderr)
        check("  and asks for no quota of addresses that it does not need", "addresses" not in doctor.stdout, doctor.stdout)
        balanced = hpa("doctor", "--prom-fake-service-type", "LoadBalancer", "--prom-fake-source-ranges", "192.0.2.0/24")
        check("with a load balancer it does", balanced.returncode == 0 and "public addresses in" in balanced.stdout, balanced.stdout + balanced.stderr)
        print("".join(f"      | {line}\n" for line in doctor.stdout.splitlines()), end="")

        up = hpa("up", "-o", "json")
        if not check("up builds the whole chain", up.returncode == 0, up.stderr[-3000:]):
            return
        report = json.loads(up.stdout)
        print(f"      {report['seconds']:.1f} s: " + ", ".join(f"{s['name']} {s['seconds']:.1f}" for s in report["stages"]))
        check("the registry's build log is streamed", "Successfully pushed" in up.stderr)
        seen = standin.ask("state")
        check("the registry built one image, in one run", seen["images"] and list(seen["runs"].values()) == ["Succeeded"], seen)
        check("the cluster's managed identity got the right to pull",
              [a["properties"]["principalId"][-1] for a in seen["assignments"]] == ["a"], seen)
        kube = [kubectl, "--kubeconfig", kubeconfig]
        image = run([*kube, "get", "pods", "-l", "app=prom-fake", "-o", "jsonpath={.items[0].spec.containers[0].image}"], plain).stdout
        check("the pods run the image that was built from what az uploaded", image == f"{standin.host}/{seen['images'][0]}", image)
        value = run([*kube, "get", "--raw", "/api/v1/namespaces/default/services/prom-fake:web/proxy/value"], plain)
        check("and it answers", value.returncode == 0 and json.loads(value.stdout)["value"] == 1, value.stdout + value.stderr)
        private = os.path.join(state, "hpawalk", "access")
        files = [os.path.join(private, name) for name in os.listdir(private)]
        check("the kubeconfig is for this user alone", stat.S_IMODE(os.stat(private).st_mode) == 0o700 and len(files) == 1
              and stat.S_IMODE(os.stat(files[0]).st_mode) == 0o600, files)

        again = hpa("up", "-o", "json")
        outcomes = {s["outcome"] for s in json.loads(again.stdout)["stages"]} if again.returncode == 0 else again.stderr
        check("a second up has nothing to do", outcomes == {"unchanged"}, outcomes)
        check("and builds nothing again", len(standin.ask("state")["runs"]) == 1)
        verified = hpa("verify", "--wait")
        check("verify finds nothing broken", verified.returncode == 0, verified.stdout + verified.stderr)
        status = hpa("status")
        check("status sees every stage stand", status.returncode == 0 and "FAIL" not in status.stdout, status.stdout)

        down = hpa("down", "-o", "json")
        check("down ends well", down.returncode == 0, down.stderr)
        seen = standin.ask("state")
        check("down removed the image and the right that hpawalk had made", not seen["images"] and not seen["assignments"], seen)
        after = listing(kubectl, kubeconfig)
        for _ in range(20):
            if after == before:
                break
            time.sleep(1)
            after = listing(kubectl, kubeconfig)
        check("down left the cluster as it was", after == before, sorted(set(after) ^ set(before)))

        interrupted = subprocess.Popen([hpawalk, "up", "--only", "image"], env=environment, cwd=work, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        await_state(standin, lambda seen: len(seen["runs"]) == 2)
        interrupted.send_signal(signal.SIGINT)
        said = interrupted.communicate(timeout=60)[1]
        check("up that is interrupted while the registry builds ends with exit 130", interrupted.returncode == 130, said)
        await_state(standin, lambda seen: "Running" not in seen["runs"].values())
        check("down then removes the image that came to be all the same", hpa("down").returncode == 0 and not standin.ask("state")["images"]
              and not standin.ask("state")["assignments"], standin.ask("state"))

        kubelet = "00000000-0000-4000-8000-00000000000a"
        image = "prom-fake:" + run([hpawalk, "--version"], plain).stdout.split()[1]
        standin.ask("seed", {"images": [image], "assignments": {kubelet: "AcrPull"}})
        check("with somebody else's image and right there, the stage image makes nothing", hpa("up", "--only", "image").returncode == 0
              and len(standin.ask("state")["runs"]) == 2)
        hpa("down")
        seen = standin.ask("state")
        check("and down leaves them alone", seen["images"] == [image] and len(seen["assignments"]) == 1, seen)
        check("az asked for nothing that the stand-in does not know", not seen["unexpected"], seen["unexpected"])
        standin.end()

        standin = Standin(kubeconfig, "--loader", loader, "--service-principal")
        environment.update(standin.environment())
        standin.login(az, environment)
        standin.ask("seed", {"images": [image]})
        check("an older cluster's service principal gets a role assignment", hpa("up", "--only", "image").returncode == 0
              and [a["properties"]["principalId"][-1] for a in standin.ask("state")["assignments"]] == ["c"], standin.ask("state"))
        hpa("down")
        seen = standin.ask("state")
        check("down takes that away, and not the image, which was there before", not seen["assignments"] and seen["images"] == [image], seen)
        check("az asked for nothing that the stand-in does not know", not seen["unexpected"], seen["unexpected"])
        standin.end()

        standin = Standin(kubeconfig, "--loader", loader, "--abac")
        environment.update(standin.environment())
        standin.login(az, environment)
        up = hpa("up")
        seen = standin.ask("state")
        check("with ABAC repository permissions, up builds the whole chain, too", up.returncode == 0 and list(seen["runs"].values()) == ["Succeeded"], up.stderr[-3000:])
        reader = "b93aa761-3e63-49ed-ac28-beffa264f7ac"  # Container Registry Repository Reader
        check("the cluster's managed identity got the role that counts there",
              [(a["properties"]["principalId"], a["properties"]["roleDefinitionId"][-36:]) for a in seen["assignments"]] == [(kubelet, reader)], seen)
        verified = hpa("verify", "--wait")
        check("verify finds nothing broken", verified.returncode == 0, verified.stdout + verified.stderr)
        down = hpa("down")
        seen = standin.ask("state")
        check("down took the image and the role back", down.returncode == 0 and not seen["images"] and not seen["assignments"] and not seen["unexpected"], seen)
        standin.end()

        private = os.path.join(work, "private.kubeconfig")
        with open(private, "w") as file:
            file.write(re.sub(r"server: .*", "server: https://127.0.0.1:1", open(kubeconfig).read()))
        standin = Standin(private, "--loader", loader, "--private")
        environment.update(standin.environment())
        standin.login(az, environment)
        refused = hpa("up")
        check("a private cluster that cannot be reached is said to be private, with exit 3",
              refused.returncode == 3 and "This AKS cluster is private" in refused.stderr, refused.stderr)
        check("nobody came near the cluster that is the current context", decoy.connections == 0, f"{decoy.connections} connections")
        check("and its kubeconfig is as it was", open(decoy.kubeconfig).read() == decoy.before)
        run([kubectl, "get", "nodes", "--request-timeout=5s"], environment)
        check("a kubectl without a context does come near it, and is counted", decoy.connections > 0)
    finally:
        standin.end()
        run([hpawalk, "cluster", "down", "--name", CLUSTER], plain)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the cluster goes, too
    main(os.path.abspath(sys.argv[1]), shutil.which(sys.argv[2]) or sys.argv[2])
    report.done()
