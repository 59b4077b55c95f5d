#!/usr/bin/env python3
"""The GitHub Action and the pre-commit hook, run as their hosts run them: the action's step by bash with its inputs in the environment, the hook's entry with
the names of changed files behind it.

Usage: lint_ci.py HPAWALK
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import report

hpawalk = os.path.realpath(sys.argv[1])
GOOD = (ROOT / "tests/cli/hpa.yaml").read_text()
WRONG = GOOD.replace("maxReplicas", "maxReplica")


def step(folder, **inputs):
    """The action's only step. Its inputs have the names that the action gives them in `env`."""
    action = (ROOT / "action.yml").read_text()
    names = dict(re.findall(r"^        (\w+): \$\{\{ inputs\.([\w-]+) \}\}$", action, re.MULTILINE))
    defaults = dict(re.findall(r"^  ([\w-]+):\n(?:    .*\n)*?    default: (.*)$", action, re.MULTILINE))
    script = textwrap.dedent(action.split("      run: |\n", 1)[1])
    env = {name: inputs.get(of.replace("-", "_"), defaults.get(of, "").strip('"')) for name, of in names.items()}
    return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)


def hook(folder, *files):
    entry = re.search(r"^  entry: (.*)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE)[1]
    return subprocess.run([*entry.split(), *files], cwd=folder, env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"}, capture_output=True, text=True, timeout=60)


with tempfile.TemporaryDirectory(prefix="hpawalk-ci-") as folder:
    here = pathlib.Path(folder)
    (here / "bin").mkdir()
    (here / "bin" / "hpawalk").symlink_to(hpawalk)
    (here / "deploy").mkdir()
    (here / "deploy" / "good.yaml").write_text(GOOD)
    (here / "wrong.yaml").write_text(WRONG)
    done = step(folder, hpawalk=hpawalk, paths="deploy")
    report.check("the action passes with good manifests", done.returncode == 0, done.stdout, done.stderr)
    done = step(folder, hpawalk=hpawalk, paths="deploy wrong.yaml")
    report.check("the action fails with a wrong one, and annotates its line", done.returncode == 1 and "::error file=wrong.yaml,line=" in done.stdout, done.stdout, done.stderr)
    done = step(folder, hpawalk=hpawalk, paths="wrong.yaml", fail_on="never", kube_version="1.34")
    report.check("the action takes its other inputs", done.returncode == 0 and "::error file=wrong.yaml" in done.stdout, done.stdout, done.stderr)
    done = hook(folder, "deploy/good.yaml")
    report.check("the hook passes with a good manifest", done.returncode == 0, done.stdout, done.stderr)
    done = hook(folder, "deploy/good.yaml", "wrong.yaml")
    report.check("the hook fails with a wrong one", done.returncode == 1 and "wrong.yaml:" in done.stdout, done.stdout, done.stderr)
report.done()
