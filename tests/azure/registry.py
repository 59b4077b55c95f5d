#!/usr/bin/env python3
"""The registry's two role assignment permissions modes, and both kinds of clusters: hpawalk and the real az against
standin.py, without a Kubernetes. A small fake of kubectl stands for the API server, and keeps hpawalk's record.

Usage: registry.py HPAWALK AZ     Needs openssl and an az that can read role assignments.
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
from running import Standin
from standin import CLIENT_ID, KUBELET_ID, PRINCIPAL_ID, ROLES, USER, USER_ID

READER, CONTRIBUTOR = "Container Registry Repository Reader", "Container Registry Repository Contributor"
MODES = {"rbac": ("RBAC Registry Permissions", "AcrPull"), "abac": ("RBAC Registry + ABAC Repository Permissions", READER)}
KUBECTL = r'''#!%(python)s
import http.server, json, os, re, socketserver, sys
RECORD = %(record)r
GROUPS = ["apps/v1", "autoscaling/v2", "rbac.authorization.k8s.io/v1", "apiextensions.k8s.io/v1", "apiregistration.k8s.io/v1"]
ANSWERS = {"/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.2"}, "/api/v1/nodes?limit=10": {"items": []},
           "/apis": {"groups": [{"name": g.split("/")[0], "versions": [{"groupVersion": g}]} for g in GROUPS]},
           "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {"status": {"allowed": True}}}

class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def address_string(self): return "socket"
    def any(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = ANSWERS.get(self.path)
        if self.path.endswith("/configmaps/hpawalk-made") and os.path.exists(RECORD):
            text = re.search(r"^  registry\.walkregistry: (.*)$", open(RECORD).read(), re.M)[1]
            found = {"data": {"registry.walkregistry": json.loads(text) if text[0] == '"' else text[1:-1].replace("''", "'")}}
        data = json.dumps(found or {"kind": "Status", "code": 404, "message": "not found: " + self.path}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    do_GET = do_POST = any

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

socket = [word for word in sys.argv if word.startswith("--unix-socket=")]
if socket: Server(socket[0].split("=", 1)[1], Api).serve_forever()
if "version" in sys.argv: print("Client Version: v1.36.2")
if "apply" in sys.argv: open(RECORD, "w").write(sys.stdin.read())
if "delete" in sys.argv and "hpawalk-made" in sys.argv: os.remove(RECORD)
'''


class Place:
    """A home with hpawalk's settings, a fake kubectl and helm, and a stand-in of Azure with these flags."""

    def __init__(self, hpawalk, az, *flags):
        self.hpawalk = hpawalk
        self.folder = tempfile.mkdtemp(prefix="hpawalk-registry-")
        self.record = os.path.join(self.folder, "record.yaml")
        programs = os.path.join(self.folder, "bin")
        os.mkdir(programs)
        for name, text in (("kubectl", KUBECTL % {"python": sys.executable, "record": self.record}), ("helm", "#!/bin/sh\necho v3.19.5+g1234567\n")):
            with open(os.path.join(programs, name), "w") as file:
                file.write(text)
            os.chmod(file.name, 0o755)
        kubeconfig = os.path.join(self.folder, "kubeconfig")
        with open(kubeconfig, "w") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
                       "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]}, file)
        self.standin = Standin(kubeconfig, *flags)
        self.environment = dict(os.environ) | {
            "PATH": f"{programs}:{os.path.dirname(az)}:/usr/bin:/bin", "HOME": self.folder, "KUBECONFIG": "/nonexistent",
            "XDG_STATE_HOME": os.path.join(self.folder, "state"), "XDG_CACHE_HOME": os.path.join(self.folder, "cache"),
            "HPAWALK_TOOLS_AZ": az, "HPAWALK_CLUSTER": "aks", "AKS_RESOURCE_GROUP": "walk", "AKS_CLUSTER_NAME": "walkcluster",
            "ACR_RESOURCE_GROUP": "walkacr", "ACR_NAME": "walkregistry"} | self.standin.environment()
        self.standin.login(az, self.environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.standin.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *words):
        return subprocess.run([self.hpawalk, *words], env=self.environment, cwd=self.folder, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=300)

    def state(self):
        return self.standin.ask("state")

    def assigned(self):
        """{principal: role}"""
        names = {guid: name for name, guid in ROLES.items()}
        return {a["properties"]["principalId"]: names[a["properties"]["roleDefinitionId"].split("/")[-1]] for a in self.state()["assignments"]}


def up_and_down(hpawalk, az, mode, old):
    words, role = MODES[mode]
    principal = PRINCIPAL_ID if old else KUBELET_ID
    name = f"{mode}, {'a service principal' if old else 'a managed identity'}"
    flags = ["--abac"] * (mode == "abac") + ["--service-principal"] * old
    with Place(hpawalk, az, *flags) as place:
        doctor = place.run("doctor")
        check(f"{name}: doctor says the mode in the portal's words, and that the permission to pull is missing",
              f"role assignment permissions mode: {words}\n" in doctor.stdout and "no permission to pull from the registry yet" in doctor.stdout, doctor.stdout, doctor.stderr)
        up = place.run("up", "--only", "image")
        check(f"{name}: up builds the image and grants the role", up.returncode == 0 and place.assigned() == {principal: role}
              and list(place.state()["runs"].values()) == ["Succeeded"], up.stderr, place.state())
        again = place.run("up", "--only", "image")
        check(f"{name}: a second up does neither", again.returncode == 0 and len(place.state()["runs"]) == 1 and len(place.state()["assignments"]) == 1, again.stderr, place.state())
        doctor = place.run("doctor")
        check(f"{name}: doctor finds the role", f"permission to pull from the registry: role {role}" in doctor.stdout, doctor.stdout)
        down = place.run("down")
        check(f"{name}: down takes both back", down.returncode == 0 and not place.state()["assignments"] and not place.state()["images"]
              and not os.path.exists(place.record), down.stdout, down.stderr, place.state())
        check(f"{name}: az asked for nothing that the stand-in does not know", not place.state()["unexpected"], place.state()["unexpected"])


def what_was_there(hpawalk, az):
    image = "prom-fake:" + subprocess.run([hpawalk, "--version"], text=True, capture_output=True, check=True).stdout.split()[1]
    with Place(hpawalk, az, "--abac") as place:
        place.standin.ask("seed", {"images": [image], "assignments": {KUBELET_ID: "AcrPull"}})
        doctor = place.run("doctor")
        check("abac: doctor says that AcrPull does not include pulling", "its role AcrPull does not include that in this mode" in doctor.stdout, doctor.stdout)
        place.standin.ask("seed", {"assignments": {KUBELET_ID: CONTRIBUTOR}})
        up, seen = place.run("up", "--only", "image"), place.state()
        check("abac: with an image and a role there, up makes nothing", up.returncode == 0 and not seen["runs"] and place.assigned() == {KUBELET_ID: CONTRIBUTOR}, up.stderr, seen)
        place.run("down")
        check("abac: and down leaves them alone", place.state()["images"] == [image] and place.assigned() == {KUBELET_ID: CONTRIBUTOR}, place.state())
        place.standin.ask("seed", {"assignments": {USER_ID: "Owner", CLIENT_ID: "AcrPull"}})
        line = [az, "role", "assignment", "list", "--assignee", USER, "--scope", place.state()["registry"], "--include-inherited", "--include-groups", "--output", "json"]
        roles = subprocess.run(line, env=place.environment, text=True, capture_output=True, timeout=300)
        check("az names the roles of a user, as doctor asks for them", [a["roleDefinitionName"] for a in json.loads(roles.stdout or "[]")] == ["Owner"], roles.stdout, roles.stderr)
        check("abac: az asked for nothing that the stand-in does not know", not place.state()["unexpected"], place.state()["unexpected"])


def paused(hpawalk, az):
    with Place(hpawalk, az, "--paused") as place:
        doctor = place.run("doctor")
        check("free credits: doctor says what that means for builds, and the ways out",
              "has a spending limit" in doctor.stdout and "az acr import" in doctor.stdout, doctor.stdout)
        up = place.run("up", "--only", "image")
        ways = ("[az-tasks-paused]", "az acr login --name walkregistry", "docker push", "az acr import", "--prom-fake-image REF")
        check("free credits: up says that tasks are paused, and the ways out, with exit 3", up.returncode == 3 and all(way in up.stderr for way in ways), up.stderr)
        folder = os.path.join(place.folder, "cache", "hpawalk")
        check("free credits: the sources are in the folder that the error names",
              any(os.path.join(folder, name) in up.stderr and os.path.exists(os.path.join(folder, name, "Dockerfile")) for name in os.listdir(folder)), up.stderr)
        other = place.run("up", "--only", "image", "--prom-fake-image", "registry.example.com/fake:1")
        check("free credits: with another image, nothing is built", other.returncode == 0 and not place.state()["runs"], other.stderr)
        check("free credits: az asked for nothing that the stand-in does not know", not place.state()["unexpected"], place.state()["unexpected"])


def main(hpawalk, az):
    for mode in MODES:
        for old in (False, True):
            up_and_down(hpawalk, az, mode, old)
    what_was_there(hpawalk, az)
    paused(hpawalk, az)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), shutil.which(sys.argv[2]) or sys.argv[2])
    report.done()
