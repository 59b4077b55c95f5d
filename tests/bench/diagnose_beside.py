#!/usr/bin/env python3
"""The same real faults put to `hpawalk diagnose` and to kubectl-hpa-status, side by side, for docs/decisions/diagnose.md.

KUBECONFIG names a cluster of its own; HPAWALK, OPERATOR_BUNDLE, NODE_PID and ONLY as for tests/cluster/faults/faults.py; RIVAL is the
other binary. Writes what both say into OUT, one file a fault; whether the cause is among it is for a reader to judge.
"""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster" / "faults"))
import faults

RIVAL, OUT = os.environ["RIVAL"], pathlib.Path(os.environ["OUT"])
SIDE_BY_SIDE = ["1 monitor label", "2 monitor namespace", "3 selector against Service", "4 port name", "6 Service selects no pod", "6 targetPort", "13 no rule", "14 override labels",
                "15 group-by dropped", "16 no row of the object", "18 renamed", "35 two HPAs", "37 one metric fails", "scale target missing", "scaled to 0"]
SHARED = ["24 no APIService", "25 port 6443 out of reach", "30 HPA may not read", "34 dangling APIService", "20 ConfigMap edited", "11 one rule aborts all", "8 wrong port"]
# Everything that it can say about a metric that does not arrive.
RIVALS = [["doctor"], ["status", "--deep", "--diagnose-metrics", "--metric-hints", "--metric-contract", "--explain", "--events"], ["metrics", "probe"]]


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return f"$ {' '.join([os.path.basename(command[0]), *command[1:]])}   # ends with {done.returncode}\n{done.stdout}{done.stderr}\n"


def ask_both(fault, cause, key):
    space, name = key.split("/")
    theirs = "".join(said(RIVAL, *words, name, "-n", space) for words in RIVALS)
    file = re.sub(r"\W+", "-", fault) + ".txt"
    (OUT / file).write_text(f"# {fault}: {cause}\n\n" + said(faults.HPAWALK, "diagnose", name, "-n", space) + theirs)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    faults.build()
    chosen = {name: faults.SIDE_BY_SIDE[name] for name in SIDE_BY_SIDE if name in faults.SIDE_BY_SIDE}
    wanted = {name: (cause, key if "/" in key else f"{faults.SPACE}/{key}", "broken") for name, (cause, _, key) in chosen.items()}
    faults.wait_for("the chains to settle", lambda: faults.all_settled(wanted), 150)
    for name, (cause, key, _) in wanted.items():
        ask_both(name, cause, key)
        faults.expect(name, key, cause)
    for name, key, cause, make, undo in [(f[0], f[4], *f[1:4]) for f in faults.SHARED if f[0] in SHARED]:
        make()
        faults.expect(name, key, cause, limit=150)
        ask_both(name, cause, key)
        undo()
    faults.adapter_back()


if __name__ == "__main__":
    main()
