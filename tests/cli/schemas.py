#!/usr/bin/python3
"""Every document that `-o json` prints follows its schema in docs/schemas, and has nothing that the schema does not name.

Usage: schemas.py HPAWALK              what needs no cluster, and a hostile kubectl that plays one
       schemas.py HPAWALK --chain NAME    what needs the chain, on the local cluster NAME: sets prom-fake's value
Needs python3-jsonschema, and so the distribution's Python.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import report
from report import check

HPAWALK = os.path.abspath(sys.argv[1])
VERSION = json.loads(subprocess.run([HPAWALK, "version", "-o", "json"], capture_output=True, check=True).stdout)["schemas"]
SCHEMAS = os.path.join(HERE, "..", "..", "docs", "schemas", VERSION)
FACTS = os.path.join(HERE, "..", "facts")
HPA = os.path.join(HERE, "hpa.yaml")
PROFILE = ["--profile", "step 5..50 at 1m for 5m"]
report.quiet = True
followed = set()


def taken_in(schema, file):
    """A schema as a part of one with all of them, where $ref finds it. It takes only what it names: a reader must ignore
    fields that it does not know, but a field without a schema is a mistake."""
    if isinstance(schema, list):
        return [taken_in(one, file) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: taken_in(value, file) for key, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        schema.setdefault("additionalProperties", False)
    if isinstance(schema.get("$ref"), str):
        other, _, inside = schema["$ref"].partition("#")
        schema["$ref"] = f"#/$defs/{other or file}{inside}"
    return schema


def read_schemas():
    schemas = {}
    for name in sorted(os.listdir(SCHEMAS)):
        with open(os.path.join(SCHEMAS, name), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        check(f"{name} is named by its $id", schema.pop("$id") == name)
        schemas[name] = taken_in(schema, name)
    return schemas


ALL = read_schemas()


def follows(name, text, said):
    """The text is one document of the schema NAME."""
    followed.add(name)
    validator = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}.json", "$defs": ALL})
    try:
        errors = list(validator.iter_errors(json.loads(text)))
    except ValueError as error:
        errors = [error]
    told = [f"{getattr(error, 'json_path', '')}: {getattr(error, 'message', error)}"[:300] for error in errors[:3]]
    check(f"{said} follows {name}.json", not errors, *told, text[:300])


def prints(name, *words, cwd=None, env=None):
    done = subprocess.run([HPAWALK, *words, "-o", "json"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False, cwd=cwd, env=env)
    follows(name, done.stdout, " ".join(words))


def lines_of(name, *words, seconds=4, env=None):
    """A command whose documents are lines, ended by Ctrl-C if it does not end by itself."""
    child = subprocess.Popen([HPAWALK, *words, "-o", "json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        out = child.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGINT)
        out = child.communicate(timeout=30)[0]
    lines = out.splitlines()
    check(f"{' '.join(words)} prints documents", lines)
    for line in lines:
        follows(name, line, " ".join(words))


def without_a_cluster(folder):
    empty = {"PATH": folder, "HOME": folder}
    prints("version", "version")
    prints("explain", "explain")
    prints("explain", "explain", "target-down")
    prints("explain", "explain", "keda-refused")
    prints("error", "explain", "no-such-cause")
    prints("config", "config")
    prints("config", "config", "--example")
    prints("plan", "plan")
    prints("plan", "plan", "--cluster", "aks", "--aks-resource-group", "rg", "--aks-cluster-name", "c", "--acr-name", "registry")
    prints("plan", "up", "--dry-run")
    prints("render", "render")
    prints("doctor", "doctor", env=empty)
    prints("error", "status", env=empty)
    prints("error", "migrate", "web", "--to", "keda", "--apply", env=empty)
    prints("cluster-status", "cluster", "status", env=empty)
    prints("cluster-status", "cluster", "status", "--name", "none", env=empty)
    prints("cluster-down", "cluster", "down", "--name", "none", env=empty)
    prints("down", "down", env=empty)
    prints("playground" if json.loads(subprocess.run([HPAWALK, "version", "-o", "json"], capture_output=True, check=True).stdout)["playground"] else "error",
           "playground", "--write", os.path.join(folder, "page.html"))
    prints("lint", "lint", HPA)
    prints("simulate", "simulate", "--hpa", HPA, *PROFILE)
    prints("simulate", "simulate", "--hpa", HPA, *PROFILE, "--runs", "20", "--set", "spec.maxReplicas=4")
    prints("simulate", "simulate", "--hpa", HPA, *PROFILE, "--all-syncs")
    prints("simulate-upgrade", "simulate", "--hpa", HPA, *PROFILE, "--kube-version", "1.31", "--upgrade-to", "1.37")
    prints("tune", "tune", "--hpa", HPA, *PROFILE, "--goal", "short <= 30s, least pod-hours", "--candidates", "40")
    for root, _, names in sorted(os.walk(FACTS)):
        for name in sorted(names):
            if name.endswith(".json") and name != "healthy.json" and root.endswith("saved"):
                prints("diagnose", "diagnose", "--facts", os.path.join(root, name))
    prints("diagnose", "diagnose", "--facts", os.path.join(FACTS, "healthy.json"))


def with_a_hostile_kubectl(folder):
    os.symlink(os.path.join(HERE, "hostile_kubectl.py"), os.path.join(folder, "kubectl"))
    env = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": folder, "HOSTILE_FACTS": os.path.join(FACTS, "healthy.json")}
    there = ["--context", "hostile"]
    for words in (["status", *there], ["verify", *there], ["logs", "prom-fake", *there], ["doctor", *there], ["diagnose", "-n", "shop"]):
        prints(words[0], *words, env=env)
    with open(os.path.join(FACTS, "healthy.json"), encoding="utf-8") as file:
        whole = json.load(file)
    whole["readings"]["hpas"]["path"] = "/apis/autoscaling/v2/horizontalpodautoscalers"  # of all namespaces
    with open(os.path.join(folder, "whole.json"), "w", encoding="utf-8") as file:
        json.dump(whole, file)
    prints("lint", "lint", HPA, *there, env={**env, "HOSTILE_FACTS": os.path.join(folder, "whole.json")})
    lines_of("watch", "watch", *there, "--namespace", "default", env=env)


def with_the_chain(folder, name):
    kubeconfig = subprocess.run([HPAWALK, "cluster", "kubeconfig", "--name", name], capture_output=True, text=True, check=True).stdout.strip()
    env = {**os.environ, "KUBECONFIG": kubeconfig}
    there = ["--cluster-name", name]
    recording = os.path.join(folder, "run.jsonl")
    prints("cluster-up", "cluster", "up", "--name", name)
    prints("cluster-status", "cluster", "status")
    prints("cluster-kubeconfig", "cluster", "kubeconfig", "--name", name)
    prints("cluster-logs", "cluster", "logs", "--name", name)
    prints("cluster-logs", "cluster", "logs", "kubelet", "--name", name)
    prints("cluster-prepare", "cluster", "prepare")
    prints("up", "up", *there)
    for command in ("status", "verify", "get-value", "doctor"):
        prints(command, command, *there)
    prints("logs", "logs", "prom-fake", *there)
    prints("diagnose", "diagnose", "-A", env=env)
    prints("set-value", "set-value", "5", *there)
    prints("report", "drive", "step 5..20 at 5s for 20s", "--record", recording, "--compare-simulation", *there)
    prints("report", "report", recording)
    prints("shadow", "shadow", "nginx", "-n", "default", "--set", "spec.maxReplicas=5", "--for", "20s", env=env)
    prints("migrate", "migrate", "nginx", "-n", "default", "--to", "keda", env=env)
    lines_of("set-value", "set-value", "30", "--watch", *there, seconds=30)
    lines_of("watch", "watch", *there, seconds=10)
    child = subprocess.Popen([HPAWALK, "open", "prometheus", "-o", "json", *there], stdout=subprocess.PIPE, text=True)
    line = child.stdout.read(1) + child.stdout.readline()
    child.send_signal(signal.SIGINT)
    follows("open", line + child.communicate(timeout=30)[0], "open prometheus")


# What only the other half prints.
CHAIN_ONLY = {"get-value", "cluster-up", "cluster-kubeconfig", "cluster-logs", "cluster-prepare", "up", "set-value", "open", "report", "shadow", "migrate"}

with tempfile.TemporaryDirectory(prefix="hpawalk-schemas-") as here:
    if sys.argv[2:3] == ["--chain"]:
        with_the_chain(here, sys.argv[3])
        check("each schema that needs a chain was used", CHAIN_ONLY <= followed, sorted(CHAIN_ONLY - followed))
    else:
        without_a_cluster(here)
        with_a_hostile_kubectl(here)
        rest = {name[:-len(".json")] for name in ALL} - followed - CHAIN_ONLY - {"common", "playground", "history"}  # history: tests/cluster/history.sh
        check("each schema was used that needs no chain", not rest, sorted(rest))
report.done()
