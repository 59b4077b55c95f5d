#!/usr/bin/env python3
"""Every command line of az, kind, minikube, k3d, helm and kubectl that hpawalk can produce, judged by the real programs.

az is not logged in: it must answer "Please run 'az login'" with exit 1, which it does only after it has understood the
line; a usage error is exit 2. The others get --help behind the line: they parse all flags, and their values, before they
print it. A wrong flag must fail both ways.
Usage: parsers.py HPAWALK TOOL_LINES
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report
from report import skip

hpawalk, tool_lines = map(os.path.abspath, sys.argv[1:3])
scratch = tempfile.mkdtemp(prefix="hpawalk-parsers-")
context = os.path.join(scratch, "context")
os.mkdir(context)
open(os.path.join(context, "Dockerfile"), "w").close()
environment = os.environ | {"AZURE_CONFIG_DIR": os.path.join(scratch, "az"), "AZURE_CORE_COLLECT_TELEMETRY": "false",
                            "KUBECONFIG": os.path.join(scratch, "none"), "HOME": scratch}


def run(argv):
    done = subprocess.run(argv, env=environment, cwd=scratch, text=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
    return done.returncode, (done.stdout + done.stderr).strip()


def reason(said):
    """The line that says what is wrong; or the last one."""
    lines = said.splitlines() or [""]
    return next((line for line in lines if re.match("(?i)error:", line)), lines[-1])


def az_verdict(argv):
    """What the real az makes of the line: (understood or not or None, in words)."""
    code, said = run(argv)
    if argv[1] == "version":
        return code == 0, f"exit {code}"
    if code == 1 and "az login" in said:
        return True, "exit 1, Please run 'az login'"
    if "Traceback" in said:
        return None, f"this az fails by itself: {[line for line in said.splitlines() if 'Error: ' in line][-1:]}"
    return False, f"exit {code}: {reason(said)}"


def cobra_verdict(argv):
    code, said = run([*argv, "--help"])
    return code == 0 and "Usage:" in said, f"exit {code}" if code == 0 else f"exit {code}: {reason(said)}"


def count(sentence, verdict):
    fine, words = verdict
    if fine is None:
        skip(sentence, words)
    else:
        report.check(f"{sentence}\n        {words}", fine)


def noticed(tool, argv):
    understood, words = cobra_verdict([*argv, "--nonesuch"])
    count(f"a wrong flag of {tool} is noticed by this test", (not understood, words))


lines = [json.loads(line) for line in subprocess.run([tool_lines, context], check=True, text=True, capture_output=True).stdout.splitlines()]
of = {tool: [line for line in lines if line[0] == tool] for tool in ("az", "kind", "minikube", "k3d")}
assert all(of.values()), "tool_lines printed nothing for a tool"

if shutil.which("az"):
    print("-- Azure CLI " + json.loads(run(["az", "version", "--output", "json"])[1])["azure-cli"], flush=True)
    with ThreadPoolExecutor(2) as pool:
        for argv, verdict in zip(of["az"], pool.map(az_verdict, of["az"])):
            count(shlex.join(argv).replace(context, "FOLDER"), verdict)
    understood, words = az_verdict([*of["az"][2], "--nonesuch"])
    count("a wrong flag of az is noticed by this test", (understood is False and words.startswith("exit 2"), words))
else:
    skip(f"{len(of['az'])} command lines of az", "the Azure CLI is not installed")

for tool in ("kind", "minikube", "k3d"):
    if not shutil.which(tool):
        skip(f"{len(of[tool])} command lines of {tool}", f"{tool} is not installed" + ("" if tool == "minikube" else "; ./test azure builds it"))
        continue
    for argv in of[tool]:
        count(shlex.join(argv), cobra_verdict(argv))
    noticed(tool, of[tool][2])

# What up would run with kubectl and helm, from the plan itself.
names = {"AKS_RESOURCE_GROUP": "walk", "AKS_CLUSTER_NAME": "walkcluster", "ACR_NAME": "walkregistry"}
plan = subprocess.run([hpawalk, "plan", "--cluster", "aks", "-o", "json"], env=environment | names, cwd=scratch, text=True, capture_output=True)
commands = [command["command"] for stage in json.loads(plan.stdout)["stages"] for command in stage["commands"]]
seen = set()
for command in commands:
    text = re.sub(r"^hpawalk render operator \| ", "", command).split("<<")[0]
    if text.startswith("#"):
        continue
    argv = shlex.split(text)
    if argv[0] not in ("kubectl", "helm") or tuple(argv) in seen:
        continue
    seen.add(tuple(argv))
    if shutil.which(argv[0]):
        count(shlex.join(argv).replace(scratch, "HOME"), cobra_verdict(argv))
for tool in ("kubectl", "helm"):
    if not shutil.which(tool):
        skip(f"the command lines of {tool}", f"{tool} is not in PATH")
    else:
        example = next(list(argv) for argv in seen if argv[0] == tool)
        noticed(tool, example)
shutil.rmtree(scratch, ignore_errors=True)
report.done()
