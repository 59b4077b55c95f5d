#!/usr/bin/env python3
"""hpawalk as users start it, on AKS, kind, minikube and k3d, with strict fakes of every tool in PATH.

Each run fails on a call that nobody expected and on an expected call that never came. The user's own kubeconfig has
another cluster as its current context: its file must not change, and no call may go without the chosen one.
Usage: targets.py HPAWALK
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report
from report import check

HERE = os.path.dirname(os.path.abspath(__file__))
HPAWALK = os.path.abspath(sys.argv[1])
VERSION = subprocess.run([HPAWALK, "--version"], text=True, capture_output=True, check=True).stdout.split()[1]
IMAGE = f"prom-fake:{VERSION}"
TOOLS = ("az", "kind", "minikube", "k3d", "kubectl", "helm")
USERS_KUBECONFIG = "kind: Config\ncurrent-context: production\n"

NEEDED = ("apps/v1", "autoscaling/v2", "rbac.authorization.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1")


def api(note=None, minor="34"):
    answers = {"GET /version": {"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.0"},
               "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {"status": {"allowed": True}},
               "GET /api/v1/nodes?limit=10": {"items": []}}
    groups = {}
    for version in NEEDED:
        groups.setdefault(version.split("/")[0], []).append({"groupVersion": version})
    answers["GET /apis"] = {"groups": [{"name": name, "versions": versions} for name, versions in groups.items()]}
    if note is not None:
        answers["GET /api/v1/namespaces/kube-system/configmaps/hpawalk-made"] = {"data": note}
    return answers


class Fakes:
    def __init__(self, script, answers, tools=TOOLS):
        self.folder = tempfile.mkdtemp(prefix="hpawalk-fakes-")
        programs = os.path.join(self.folder, "bin")
        os.mkdir(programs)
        for tool in tools:
            os.symlink(os.path.join(HERE, "fake_tool.py"), os.path.join(programs, tool))
        os.symlink(sys.executable, os.path.join(programs, "python3"))
        os.symlink(shutil.which("env"), os.path.join(programs, "env"))
        self.users = os.path.join(self.folder, "users.kubeconfig")
        with open(self.users, "w") as file:
            file.write(USERS_KUBECONFIG)
        self.private = os.path.join(self.folder, "state", "hpawalk", "access")
        self.environment = {"PATH": programs, "HOME": self.folder, "FAKES": self.folder, "KUBECONFIG": self.users,
                            "XDG_STATE_HOME": os.path.join(self.folder, "state"), "XDG_CACHE_HOME": os.path.join(self.folder, "cache")}
        self.script(script, answers)

    def script(self, script, answers=None):
        with open(os.path.join(self.folder, "script.json"), "w") as file:
            json.dump([step(self) if callable(step) else step for step in script], file)
        if answers is not None:
            with open(os.path.join(self.folder, "api.json"), "w") as file:
                json.dump(answers, file)

    def lines(self, name):
        path = os.path.join(self.folder, name)
        return [json.loads(line) for line in open(path)] if os.path.exists(path) else []

    def run(self, *words, **environment):
        return subprocess.run([HPAWALK, *words], env=self.environment | environment, cwd=self.folder, text=True, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=120)

    def complaints(self):
        found = [f"unexpected: {call['argv']} {call['stdin'][:300]}" for call in self.lines("unexpected")]
        found += [f"never came: {step['argv']}" for step in json.load(open(os.path.join(self.folder, "script.json")))]
        if open(self.users).read() != USERS_KUBECONFIG:
            found.append("the user's kubeconfig was changed")
        for call in self.lines("calls"):
            if call["argv"][0] == "kubectl" and not any(word.startswith("--context=") for word in call["argv"]):
                found.append(f"no context was named: {call['argv']}")
            if call["argv"][0] in ("kind", "minikube", "k3d") and call["kubeconfig"] == self.users:
                found.append(f"may write into the user's kubeconfig: {call['argv']}")
        return found


def scenario(sentence, script, answers, words, code=0, says="", tools=TOOLS, **environment):
    """One run from nothing; its outcome, what it says, and that every expected call came and no other."""
    fakes = Fakes(script, answers, tools)
    done = fakes.run(*words, **environment)
    said = done.stdout + done.stderr
    check(sentence, done.returncode == code and says in said and not fakes.complaints(), f"exit {done.returncode}", said, *fakes.complaints())
    shutil.rmtree(fakes.folder)


def step(*argv, **more):
    return {"argv": list(argv), **more}


def with_kubectl(context, file, *words, **more):
    return lambda fakes: step("kubectl", f"--kubeconfig={fakes.private}/{file}.kubeconfig", f"--context={context}", *words, **more)


def apply_note(context, file, part):
    return with_kubectl(context, file, "apply", "--server-side", "--field-manager=hpawalk", "--force-conflicts", "-f", "-", stdin=part)


# ---- kind, minikube, k3d: answers in the shape of the real tools'



MAKERS = {
    "kind": dict(context="kind-hpawalk", there="hpawalk\n", absent="", absent_err="No kind clusters found.\n", list=["get", "clusters"],
                 create=["create", "cluster", "--name", "hpawalk", "--wait", "3m"], kubeconfig=["get", "kubeconfig", "--name", "hpawalk"],
                 remove=["delete", "cluster", "--name", "hpawalk"], version=["version"]),
    "k3d": dict(context="k3d-hpawalk", absent="[]", absent_err="", list=["cluster", "list", "--output", "json"],
                there=json.dumps([{"name": "hpawalk", "nodes": [], "serversRunning": 1, "serversCount": 1, "agentsRunning": 0, "agentsCount": 0}]),
                create=["cluster", "create", "hpawalk", "--wait", "--timeout", "3m", "--kubeconfig-update-default=false", "--kubeconfig-switch-context=false"],
                kubeconfig=["kubeconfig", "get", "hpawalk"], remove=["cluster", "delete", "hpawalk"], version=["version"]),
    "minikube": dict(context="hpawalk", absent='{"invalid":[],"valid":[]}', absent_err="", list=["profile", "list", "--output", "json"],
                     there=json.dumps({"invalid": [], "valid": [{"Name": "hpawalk", "Status": "OK", "Config": {}, "Active": False}]}),
                     create=["start", "--profile", "hpawalk", "--keep-context", "--embed-certs", "--interactive=false"],
                     kubeconfig=["update-context", "--profile", "hpawalk"], remove=["delete", "--profile", "hpawalk"], version=["version", "--short"]),
}

for tool, maker in MAKERS.items():
    file = f"{tool}-hpawalk"
    absent = step(tool, *maker["list"], out=maker["absent"], err=maker["absent_err"])
    there = step(tool, *maker["list"], out=maker["there"])
    kubeconfig = step(tool, *maker["kubeconfig"], out="kind: Config\n")
    registry = ["--prom-fake-image", "registry.example.com/fake:1"]
    scenario(f"{tool}: up makes a cluster, notes that it did, and uses it", [
        absent, step(tool, *maker["create"], out="Creating cluster\n"), kubeconfig, apply_note(maker["context"], file, f"{tool} cluster hpawalk")],
        api(), ["up", "--cluster", tool, "--only", "image", *registry], says=f"image is ready on {tool} cluster hpawalk")
    scenario(f"{tool}: up uses the cluster that is there", [there, kubeconfig], api(), ["up", "--cluster", tool, "--only", "image", *registry])
    scenario(f"{tool}: a cluster too old is refused before anything is changed", [there, kubeconfig], api(minor="22"),
             ["up", "--cluster", tool], code=3, says="v1.22.0 is older than 1.25")
    for words in (["down", "--cluster"], ["down", "--delete-cluster"]):
        scenario(f"{tool}: {' '.join(words)} deletes the cluster that hpawalk made",
                 [there, kubeconfig, step(tool, *maker["remove"])], api({"cluster": f"{tool} cluster hpawalk"}),
                 words, says="and everything on it were deleted", HPAWALK_CLUSTER=tool)
    scenario(f"{tool}: and not one that somebody else made", [there, kubeconfig], api({}), ["down", "--cluster"],
             code=2, says="hpawalk did not create", HPAWALK_CLUSTER=tool)
    scenario(f"{tool}: down where there is no cluster has nothing to do", [absent], api(), ["down", "--cluster", tool])
    scenario(f"{tool}: plan runs nothing", [], api(), ["plan", "--cluster", tool, "--only", "image"], says=maker["create"][0])
    scenario(f"{tool}: without {tool} in PATH that is the error", [], api(), ["up", "--cluster", tool], code=3, says=f"{tool} is not in PATH",
             tools=("kubectl", "helm"))
    scenario(f"{tool}: a daemon that does not run is the error", [step(tool, *maker["list"], code=1, err="Cannot connect to the Docker daemon\n")],
             api(), ["up", "--cluster", tool], code=3, says="docker version")
    # The image's archive has this process's id in its name: the call is expected by what comes before and behind it.
    fakes = Fakes([there, kubeconfig], api())
    done = fakes.run("up", "--cluster", tool, "--only", "image")
    loads = [call["argv"] for call in fakes.lines("unexpected")]
    expected = {"kind": ["kind", "load", "image-archive"], "minikube": ["minikube", "image", "load"], "k3d": ["k3d", "image", "import"]}[tool]
    check(f"{tool}: the image is loaded as an archive, which is then gone",
          len(loads) == 1 and loads[0][:3] == expected and loads[0][3].endswith(".tar") and not os.path.exists(loads[0][3]) and "hpawalk" in loads[0],
          done.stderr, loads)
    shutil.rmtree(fakes.folder)

# ---- AKS

NAMES = {"AKS_RESOURCE_GROUP": "walk", "AKS_CLUSTER_NAME": "walkcluster", "ACR_RESOURCE_GROUP": "walkacr", "ACR_NAME": "walkregistry",
         "HPAWALK_CLUSTER": "aks"}
REGISTRY_ID = "/subscriptions/s/resourceGroups/walkacr/providers/Microsoft.ContainerRegistry/registries/walkregistry"
JSON = ["--output", "json"]


def azure(client="msi", power="Running", **more):
    account = {"id": "s", "name": "Walkthrough", "state": "Enabled", "tenantId": "t", "user": {"name": "me@example.com", "type": "user"}}
    cluster = {"location": "westeurope", "kubernetesVersion": "1.34.4", "powerState": {"code": power}, "provisioningState": "Succeeded",
               "servicePrincipalProfile": {"clientId": client}, "identityProfile": {"kubeletidentity": {"objectId": "kubelet"}}, **more}
    registry = {"id": REGISTRY_ID, "loginServer": "walkregistry.azurecr.io", "sku": {"name": "Basic"}}
    return [step("az", "account", "show", *JSON, out=json.dumps(account)),
            step("az", "aks", "show", "--resource-group", "walk", "--name", "walkcluster", *JSON, out=json.dumps(cluster)),
            step("az", "acr", "show", "--name", "walkregistry", *JSON, "--resource-group", "walkacr", out=json.dumps(registry))]


def credentials(**more):
    def made(fakes):
        file = f"{fakes.private}/aks-walk-walkcluster.kubeconfig"
        return step("az", "aks", "get-credentials", "--resource-group", "walk", "--name", "walkcluster", "--file", file, "--context", "walkcluster",
                    "--overwrite-existing", file=file, err='Merged "walkcluster" as current context\n', **more)
    return made


image = step("az", "acr", "repository", "show", "--name", "walkregistry", "--image", IMAGE, *JSON)
no_image = image | {"code": 1, "err": "ERROR: Error: the specified tag does not exist.\n"}
rights = step("az", "role", "assignment", "list", "--assignee", "kubelet", "--scope", REGISTRY_ID, "--include-inherited", *JSON, out="[]")
attach = step("az", "aks", "update", "--resource-group", "walk", "--name", "walkcluster", "--attach-acr", "walkregistry", "--output", "none")
build = lambda fakes: step("az", "acr", "build", "--registry", "walkregistry", "--image", IMAGE, "--output", "none", "--resource-group", "walkacr",
                           os.path.join(fakes.folder, "cache", "hpawalk", f"prom-fake-{VERSION}"), out="Step 1/9 : FROM debian\nSuccessfully pushed\n")
note = apply_note("walkcluster", "aks-walk-walkcluster", "registry.walkregistry")

scenario("aks: up builds the image with its log streamed, grants the right, and notes both", azure() + [credentials(), no_image, rights, note, build, attach],
         api(), ["up", "--only", "image"], says="Step 1/9 : FROM debian", **NAMES)
scenario("aks: what is there is used", azure() + [credentials(), image | {"out": "{}"}, rights | {"out": '[{"roleDefinitionName": "AcrPull"}]'}], api(),
         ["up", "--only", "image"], says="image is ready on AKS cluster walkcluster", **NAMES)
scenario("aks: a build that fails is the run's failure", azure() + [
    credentials(), no_image, rights | {"out": '[{"roleDefinitionName": "AcrPull"}]'}, note, lambda f: build(f) | {"code": 1, "err": "ERROR: Run failed\n"}],
    api(), ["up", "--only", "image"], code=1, says="The registry could not build prom-fake's image", **NAMES)
scenario("aks: not logged in", [step("az", "account", "show", *JSON, code=1, err="ERROR: Please run 'az login' to setup account.\n")], api(), ["up"],
         code=3, says="az login", **NAMES)
scenario("aks: a cluster that is not there", [azure()[0], azure()[1] | {"out": "", "code": 3, "err": "ERROR: (ResourceNotFound) ... was not found.\n"},
                                              azure()[2], credentials(code=3)], api(), ["up"], code=3, says="az aks list", **NAMES)
scenario("aks: a cluster that is stopped", azure(power="Stopped") + [credentials()], api(), ["up"], code=3, says="az aks start", **NAMES)
scenario("aks: without az in PATH", [], api(), ["up"], code=3, says="az is not in PATH", tools=("kubectl", "helm"), **NAMES)
scenario("aks: without its names", [], api(), ["up", "--cluster", "aks"], code=2, says="$AKS_RESOURCE_GROUP")
scenario("aks: plan runs nothing", [], api(), ["plan"], says="az acr build --registry walkregistry --image " + IMAGE, **NAMES)
scenario("aks: up --dry-run neither", [], api(), ["up", "--dry-run"], says="az aks get-credentials --resource-group walk --name walkcluster", **NAMES)
scenario("aks: down takes back what the note says", [
    credentials(), *azure(), step("az", "acr", "repository", "delete", "--name", "walkregistry", "--image", IMAGE, "--yes", "--subscription", "s"),
    step("az", "aks", "update", "--resource-group", "walk", "--name", "walkcluster", "--detach-acr", "walkregistry", "--output", "none", "--subscription", "s"),
    with_kubectl("walkcluster", "aks-walk-walkcluster", "delete", "configmap", "hpawalk-made", "--namespace=kube-system", "--ignore-not-found")],
    api({"registry.walkregistry": json.dumps({"name": "walkregistry", "id": REGISTRY_ID, "subscription": "s", "group": "walk", "cluster": "walkcluster",
                                              "images": [IMAGE], "right": "attached", "assignee": "kubelet"})}), ["down"], says="2 objects removed", **NAMES)
scenario("aks: down --cluster deletes no AKS cluster", [], api(), ["down", "--cluster"], code=2, says="hpawalk neither creates nor deletes AKS clusters", **NAMES)

report.done()
