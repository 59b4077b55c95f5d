#!/usr/bin/env python3
"""Makes saved facts small: leaves out whole objects, log lines, samples, jobs and readings, as long as hpawalk judges the rest alike.

Usage: shrink.py HPAWALK FROM_FOLDER TO_FOLDER [NAME]...

A fault run (SAVE=FOLDER ./test faults) keeps the facts of each fault it made; all of them stand in the same few namespaces,
so each file holds the objects of all others. Alike: the verdict, the first broken cause, every finding with its evidence and
fix, and the mark of every link. Objects that are kept are kept whole, as the cluster had them.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

JOB = re.compile(r"(?m)^(?=- job_name:)")  # where one begins in Prometheus's configuration


def judged(hpawalk, file):
    done = subprocess.run([hpawalk, "diagnose", "--facts", file, "-o", "json"], capture_output=True, text=True, timeout=60)
    try:
        hpas = json.loads(done.stdout)["hpas"]
    except (json.JSONDecodeError, KeyError):
        return done.stderr  # of facts that cannot be judged
    return [{"verdict": h["verdict"], "target": h["target"],
             "metrics": [m | {"links": [(link["link"], link["mark"]) for link in m["links"]]} for m in h["metrics"]]} for h in hpas]


def parts_of(facts):
    """(get, set) of everything of which parts can be left out: lists, and in what Prometheus said, tables too."""
    def of(holder, key):
        return lambda: holder[key], lambda value: holder.__setitem__(key, value)

    def jobs(value):
        return lambda: [block for block in JOB.split(value["yaml"]) if block], lambda blocks: value.__setitem__("yaml", "".join(blocks))
    found = []
    for key, reading in facts["readings"].items():
        value = reading.get("value")
        if isinstance(value, list):
            found.append(of(reading, "value"))
        elif isinstance(value, dict):
            found += [of(value, inner) for inner in value if isinstance(value[inner], list)]
            if key.startswith("prom:") and isinstance(value.get("yaml"), str):
                found.append(jobs(value))
            elif key.startswith("prom:"):
                found.append(of(reading, "value"))
    return found + [of(facts, "readings")]


def without(whole, start, count):
    if isinstance(whole, dict):
        gone = set(list(whole)[start:start + count])
        return {key: value for key, value in whole.items() if key not in gone}
    return whole[:start] + whole[start + count:]


def shrunk(facts, alike):
    for get, put in sorted(parts_of(facts), key=lambda part: -len(str(part[0]()))):
        step = len(get())
        while step > 0:
            start = 0
            while start < len(get()):
                before = get()
                put(without(before, start, step))
                if not alike(facts):
                    put(before)
                    start += step
            step //= 2
    return facts


def shrink(hpawalk, source, target):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "facts.json")

        def judge(facts):
            pathlib.Path(file).write_text(json.dumps(facts))
            return judged(hpawalk, file)
        facts = json.loads(source.read_text())
        wanted = judge(facts)
        if isinstance(wanted, str):
            sys.exit(f"{source}: {wanted}")
        facts = shrunk(facts, lambda smaller: judge(smaller) == wanted)
    target.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    print(f"{target.name}: {source.stat().st_size // 1000} kB, now {target.stat().st_size // 1000} kB", flush=True)


def main():
    hpawalk, source, target = os.path.realpath(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    names = sys.argv[4:] or sorted(f.stem for f in source.glob("*.json"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: shrink(hpawalk, source / f"{name}.json", target / f"{name}.json"), names))


if __name__ == "__main__":
    main()
