#!/usr/bin/env python3
"""What happens to the programs that hpawalk has started when hpawalk itself is ended: by two Ctrl-C, by SIGKILL.

helm and kubectl are scripts that sleep and have a child which ignores every signal that can be ignored. Two seconds
later nothing of them may run.
Usage: processes.py HPAWALK
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from report import check, done

HPAWALK = os.path.abspath(sys.argv[1])
TREE = """#!/bin/sh
trap '' INT TERM HUP
echo $$ >> "$PIDS"
sh -c 'trap "" INT TERM HUP; echo $$ >> "$PIDS"; sleep 300; :' &
sleep 300
"""


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def within(seconds, holds):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def pids(path):
    return [int(line) for line in open(path)] if os.path.exists(path) else []


def ended_by(how, send, command, tool):
    with tempfile.TemporaryDirectory(prefix="hpawalk-processes-") as folder:
        for name in ("helm", "kubectl"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(TREE)
            os.chmod(file.name, 0o755)
        path = os.path.join(folder, "pids")
        environment = {"PATH": folder + ":/usr/bin:/bin", "HOME": folder, "PIDS": path, "KUBECONFIG": os.path.join(folder, "none")}
        hpawalk = subprocess.Popen([HPAWALK, *command], env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = within(30, lambda: len(pids(path)) >= 2)
        started = pids(path)
        check(f"{' '.join(command)} runs {tool}, which has a child", began and all(map(runs, started)), f"processes {started}")
        send(hpawalk)
        hpawalk.wait(timeout=30)
        gone = within(2, lambda: not any(map(runs, pids(path))))
        check(f"after {how} nothing of it is left", gone, f"still there: {[pid for pid in pids(path) if runs(pid)]}")
        for pid in filter(runs, pids(path)):
            os.kill(pid, signal.SIGKILL)


def twice(hpawalk):
    hpawalk.send_signal(signal.SIGINT)
    time.sleep(0.3)
    hpawalk.send_signal(signal.SIGINT)


CONTEXT = ["--context", "somewhere"]
ended_by("two Ctrl-C", twice, ["status", *CONTEXT], "kubectl")
ended_by("SIGKILL", lambda hpawalk: hpawalk.kill(), ["status", *CONTEXT], "kubectl")
ended_by("SIGKILL", lambda hpawalk: hpawalk.kill(), ["doctor", *CONTEXT], "kubectl and helm")
done()
