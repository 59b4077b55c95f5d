#!/usr/bin/env python3
"""Whatever stands in a cluster's strings, a fix that is pasted into a shell runs nothing but kubectl.

Puts hostile strings into every class of string of every facts file, lets `hpawalk diagnose` judge it, and runs each fix that it
prints in a real shell, whose PATH holds a stub of kubectl and nothing else.
Usage: fixes.py HPAWALK. SAMPLE=N takes every Nth case (8 if not set; SAMPLE=1: all of them, which takes minutes).
"""
import concurrent.futures
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report

FACTS = pathlib.Path(__file__).parent.parent / "facts"
HOSTILE = ["'; touch PWNED; '", "$(touch PWNED)", "`touch PWNED`", "\ntouch PWNED\n", "x\"}]'; touch PWNED; echo '\"", "\\'; touch PWNED #",
           "-f/etc/passwd", "--kubeconfig=/tmp/x", "\r\ntouch PWNED\r\n\x1b[2J", "EOF\ntouch PWNED", "\u2028touch PWNED", "a|touch PWNED", "x\x7f\x9b", "../../x"]
# Of the shell's own commands alone: there is no other program.
STUB = """#!/bin/sh
{ printf 'CALL\\n'; for word; do printf '%s\\0' "$word"; done; printf '\\nEND\\n'; } >>"$CALLS"
"""


def merged(base, patch):
    if not isinstance(patch, dict):
        return patch
    out = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def strings(value, path, found):
    """{class: [(the list or object, the key in it)]}"""
    for key, child in (value.items() if isinstance(value, dict) else enumerate(value)):
        here = f"{path}/{key if isinstance(value, dict) else '*'}"
        if isinstance(child, str):
            found.setdefault(here, []).append((value, key))
        elif isinstance(child, (dict, list)):
            strings(child, here, found)


def cases(sample):
    """(name, document) for each class of strings of each file, with the hostile string that is its turn."""
    healthy = json.loads((FACTS / "healthy.json").read_text())
    number = 0
    for file in sorted(FACTS.glob("*.json")):
        document = merged(healthy, json.loads(file.read_text()))
        classes = {}
        for key, reading in document["readings"].items():
            if isinstance(reading.get("value"), (dict, list)):
                strings(reading["value"], key.split("/")[0], classes)
        for path, places in sorted(classes.items()):
            number += 1
            if number % sample:
                continue
            before = [where[key] for where, key in places]
            turn = number // sample
            bad = HOSTILE[turn % len(HOSTILE)]
            for where, key in places:
                where[key] = bad if turn % 2 else where[key] + bad
            yield f"{file.stem} {path} {bad!r}", json.dumps(document)
            for (where, key), old in zip(places, before):
                where[key] = old


def fixes_of(hpawalk, name, document):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(document)
        file.flush()
        done = subprocess.run([hpawalk, "diagnose", "--facts", file.name, "-o", "json"], capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1, 2, 3):
        return [(name, None, f"exit {done.returncode}: {done.stderr[-300:]}")]
    try:
        hpas = json.loads(done.stdout)["hpas"]
    except (json.JSONDecodeError, KeyError):
        return []  # refused as facts
    return [(name, f["fix"], f["repair"] or {}) for h in hpas for m in h["metrics"] for f in m["findings"]]


def in_a_shell(text, folder):
    """What kubectl was called with, and what else is to be seen."""
    calls = folder / "calls"
    calls.write_bytes(b"")
    work = folder / "work"
    done = subprocess.run(["/bin/sh", "-c", text], env={"PATH": str(folder / "bin"), "CALLS": str(calls)}, cwd=work, capture_output=True, text=True, timeout=20)
    called = [c.split(b"\nEND\n")[0].split(b"\0")[:-1] for c in calls.read_bytes().split(b"CALL\n")[1:]]
    return [[word.decode() for word in call] for call in called], done, list(work.iterdir())


def expected(repair):
    """The words that kubectl has to get, as far as the structured fix tells them."""
    if "command" not in repair:
        return None
    target, kind = repair["object"], repair["kind"]
    space = ["-n", target["namespace"]] if target["namespace"] else []
    verbs = {"patch": ["patch"], "remove": ["delete"], "scale": ["scale"], "restart": ["rollout", "restart"], "rollback": ["rollout", "undo"]}
    if kind == "create":
        return ["create", "-f", "-"]
    words = [*verbs[kind], target["resource"], target["name"], *repair.get("more", []), *space]
    if kind == "patch":
        words += ["--type", repair["patchType"], "-p", repair["patch"]]
    if kind == "scale":
        words.append(f"--replicas={repair['replicas']}")
    return words


def check(text, repair, folder):
    """What is wrong with it; empty: nothing."""
    runs = [repair[k] for k in ("command", "look") if k in repair]
    if not runs:
        return ""  # prose: there is no command to paste
    calls, done, left = in_a_shell(text, folder)
    if left:
        for file in left:
            file.unlink()
        return f"it made {[f.name for f in left]}"
    if done.returncode != 0 or done.stderr or done.stdout:
        return f"exit {done.returncode}: {done.stderr or done.stdout}"
    if len(calls) != len(runs):
        return f"kubectl was called {len(calls)} times: {calls}"
    wanted = expected(repair)
    if wanted is None:
        return ""
    got = calls[0]
    if repair["kind"] == "patch":
        got = [*got[:-1], json.loads(got[-1])]
    return "" if got == wanted else f"got {got}, wanted {wanted}"


def main():
    hpawalk, sample = os.path.abspath(sys.argv[1]), int(os.environ.get("SAMPLE", "8"))
    judged, printed, trouble, seen = 0, 0, [], {}
    with tempfile.TemporaryDirectory(prefix="hpawalk-fixes-") as temporary, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = pathlib.Path(temporary)
        (folder / "bin").mkdir()
        (folder / "work").mkdir()
        (folder / "bin" / "kubectl").write_text(STUB)
        (folder / "bin" / "kubectl").chmod(0o755)
        some = cases(sample)
        while batch := list(itertools.islice(some, 64)):  # a document is a quarter of a megabyte
            for found in pool.map(lambda case: fixes_of(hpawalk, *case), batch):
                judged += 1
                for name, text, repair in found:
                    if text is None:
                        trouble.append(f"{name}: {repair}")
                    else:
                        printed += 1
                        seen.setdefault(text, (name, repair))
        run = 0
        for text, (name, repair) in seen.items():
            run += 1 if {"command", "look"} & repair.keys() else 0
            wrong = check(text, repair, folder)
            if wrong:
                trouble.append(f"{name}:\n{text}\n  {wrong}")
    print(f"{judged} facts judged, {printed} fixes printed, {len(seen)} of them different, {run} run in a shell")
    report.check("there are facts to judge, and fixes to run", judged > 0 and run > 20)
    report.check("no fix runs anything but kubectl, as it should", not trouble, *trouble[:20])
    report.add(failed_too=max(0, len(trouble) - 1))
    report.done()


if __name__ == "__main__":
    main()
