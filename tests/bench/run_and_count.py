#!/usr/bin/env python3
"""Runs a command and says what it cost, as one JSON object in the file RESULT.

Usage: run_and_count.py RESULT COMMAND...
  seconds         wall clock
  own_cpu         CPU seconds of the command itself, all its threads
  children_cpu    CPU seconds of the children that it waited for (kubectl, helm, ...)
  children        how many direct children were seen; sampled every 4 ms, so one that lives shorter can be missed
  exit            exit code
"""
import glob
import json
import os
import subprocess
import sys
import time


def direct_children(pid):
    found = set()
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path) as file:
                found.update(file.read().split())
        except OSError:
            pass
    return found


result, command = sys.argv[1], sys.argv[2:]
start = time.monotonic()
process = subprocess.Popen(command)
seen = set()
while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
    seen |= direct_children(process.pid)
    time.sleep(0.004)
seconds = time.monotonic() - start
# Not reaped yet: /proc still has what it and its children used.
with open(f"/proc/{process.pid}/stat") as file:
    fields = file.read().rsplit(")", 1)[1].split()
ticks = os.sysconf("SC_CLK_TCK")
own, children = (sum(map(int, fields[i:i + 2])) / ticks for i in (11, 13))
code = process.wait()
with open(result, "w") as file:
    json.dump({"seconds": round(seconds, 2), "own_cpu": own, "children_cpu": children, "children": len(seen), "exit": code}, file)
sys.exit(code)
