#!/usr/bin/env python3
"""Random inputs of every kind that hpawalk reads: none may crash it, hang it, or take its memory.

    fuzz.py build/release/hpawalk [--seconds 60 | --count N] [--seed 1] [--kind NAME] [--jobs 4]

The same seed gives the same inputs, of which as many are tried as the time allows. An input is one of what hpawalk takes,
changed: in its structure (types, nulls, nesting, huge and tiny numbers, long and broken texts) or byte by byte. What a
run must not do is in robust.py. A failing input is made smaller, if that is simple, and kept in a folder whose name is
printed. Prints a table and `N passed, N failed, N skipped`.
"""
import argparse, collections, copy, json, multiprocessing, pathlib, queue, random, shutil, sys, tempfile, time

import robust
import report

CASES = robust.HERE / "cases"
FACTS = json.loads(robust.FACTS.read_text())
HPA_NAME = next(item["metadata"]["name"] for item in FACTS["readings"]["hpas"]["value"]["items"])
HPA_TEXT = (CASES / "hpa.yaml").read_text()
HPA = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "yes"}, "annotations": {"b": "012"}},
       "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 10,
                "behavior": {"scaleUp": {"stabilizationWindowSeconds": 30, "selectPolicy": "Max", "tolerance": "0.05", "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]},
                             "scaleDown": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}},
                "metrics": [{"type": "Object", "object": {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": "s"}, "metric": {"name": "m", "selector": {"matchLabels": {"a": "b"}}}, "target": {"type": "Value", "value": "10"}}},
                            {"type": "Pods", "pods": {"metric": {"name": "p"}, "target": {"type": "AverageValue", "averageValue": "500m"}}},
                            {"type": "External", "external": {"metric": {"name": "e"}, "target": {"type": "AverageValue", "averageValue": 5}}},
                            {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
                            {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "c", "target": {"type": "AverageValue", "averageValue": "1Gi"}}}]}}
CONFIG = {"cluster": "local", "namespace": "shop", "timeout": "5m", "labels": {"team": "a"}, "hpa": {"min": 1, "max": 10, "target": "10"}, "prom-fake": {"image": "registry.example.com/p:1", "port": 8080},
          "prometheus": {"version": "3.16.0", "namespace": "prom-metrics"}, "adapter": {"release": "adapter"}, "tools": {"kubectl": "kubectl"}}
CSV = "time,value\n0,5\n60,12.5\n120s,1k\n3m,7e1\n400,0\n"
PROFILES = ["hold 50 for 5m", "step 5..50 at 1m for 15m", "steps 5,20,80,5 every 2m", "ramp 5..50 over 10m at 1m", "sine 5..50 every 10m for 30m noise=10%", "spike 5..100 at 2m lasting 30s for 15m; hold 5 for 1m"]
RECORDING = [json.loads(line) for line in (CASES / "recording.jsonl").read_text().splitlines()]
MATRIX = {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {"__name__": "x"}, "values": [[1.7e9 + 60 * i, str(5 + i % 7)] for i in range(30)]}]}}
SETTINGS = ["cluster", "cluster-name", "context", "namespace", "timeout", "labels", "hpa-min", "hpa-max", "hpa-target", "prom-fake-image", "prom-fake-labels", "operator-version", "prometheus-version", "servicemonitor-interval"]
COMMANDS = [["diagnose", "-n", "shop"], ["diagnose", "-A", "-o", "json"], ["diagnose", "-A", "-o", "markdown"], ["diagnose", HPA_NAME, "-n", "shop"], ["diagnose", "-n", "shop", "--save", "FILE"], ["status", "--context", "fake"],
            ["verify", "--context", "fake"], ["get-value", "--context", "fake"], ["set-value", "5", "--context", "fake"], ["doctor", "--context", "fake"], ["watch", "--context", "fake"], ["watch", "-o", "json", "--context", "fake"],
            ["simulate", "--hpa", HPA_NAME, "-n", "shop", "--profile", "hold 5 for 1m"]]

ODD = [None, True, False, 0, -1, 1, 2**31 - 1, 2**31, -2**31, 2**63 - 1, 2**63, 2**64, -2**63 - 1, 10**30, 1.79e308, -1.79e308, 5e-324, 1e300, 1e15, 1e9, 0.1, -0.0, float("nan"), float("inf"), "", " ", "0", "-1", "NaN", "+Inf",
       "null", "~", "yes", "012", "1:30", "2020-01-01", "2024-41-01T99:99:99Z", "9999999-01-01T00:00:00Z", "1e999", "1e-999", "99999999999999999999E", "1Ki", "-5m", "\x00", "\x1b[2J\x1b]0;x\x07", "\ud800", "\ufffe", "é" * 700,
       "../../x", "a/b", "'; x; '", "%s%n", "(", "^(([a-z_]+)+)+$X", "(" * 3000 + ")" * 3000, "<<.Series>>", "<<if", [], {}, [[]], [None], {"": None}, {"a": {"b": []}}, "@DEEP 40@", "@DEEP 600@", "@DEEP 100000@", "@LONG 5000@", "@LONG 300000@"]
SPECIAL = [b"*a", b"&a ", b"!!binary ", b"!!python/object ", b"%YAML 1.1\n", b"---\n", b"...", b"\t", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x00", b"{", b"[", b"}", b"]", b": ", b"- ", b"? ", b"|", b">-\n", b"<<: ", b"'", b'"', b"#", b"\n", b"\r\n", b"\x1b[2J", b"1e999", b"-", b"9" * 400,
           b"[" * 5000, b"{a: " * 5000, b"a" * 100_000, b";", b",", b"..", b"=", b" then ", b"noise=1e9", b"for 365d", b"every 1ms", b"\\"]


def dump(value, r):
    text = json.dumps(value, ensure_ascii=r.random() < 0.7)
    for size in ("40", "600", "100000"): text = text.replace(f'"@DEEP {size}@"', r.choice(["[" * int(size) + "]" * int(size), '{"a":' * int(size) + "1" + "}" * int(size)]), 3)
    for size in ("5000", "300000"): text = text.replace(f"@LONG {size}@", "x" * int(size), 3)
    return text.encode("utf-8", "surrogatepass")


def places(value, found, most=4000):
    """(container, key) of everything below `value`."""
    stack = [value]
    while stack and len(found) < most:
        here = stack.pop()
        for key in (list(here) if isinstance(here, dict) else range(len(here))):
            found.append((here, key))
            if isinstance(here[key], (dict, list)): stack.append(here[key])
    return found


def mutate(root, seed):
    """One change somewhere in the structure; `root` is a list of one value, so that the whole can change too."""
    r = random.Random(seed)
    all_places = places(root, [])
    here, key = r.choice(all_places)
    what = r.randrange(9)
    if what <= 3: here[key] = copy.deepcopy(r.choice(ODD))
    elif what == 4 and here is not root:
        del here[key]
    elif what == 5: here[key] = [here[key]] if r.random() < 0.5 else {r.choice(["a", "items", "name", ""]): here[key]}
    elif what == 6:
        other, at = r.choice(all_places)
        here[key] = copy.deepcopy(other[at])
    elif what == 7 and isinstance(here, list):
        here.extend([here[key]] * min(r.choice([1, 2, 50, 1000]), 200_000 // len(repr(here[key])) + 1))
    elif isinstance(here, dict): here[r.choice(["", "a.b", "metadata", "spec", "x" * 3000, str(key) + "x", "\x1b[1m", "\ud800"])] = copy.deepcopy(r.choice(ODD))
    return root


def structure(value, seeds):
    root = [copy.deepcopy(value)]
    for seed in seeds: mutate(root, seed)
    return root[0]


def scramble(data, seeds):
    data = bytearray(data)
    for seed in seeds:
        r = random.Random(seed)
        at, end = sorted((r.randrange(len(data) + 1), r.randrange(len(data) + 1)))
        end = min(end, at + 200)
        what = r.randrange(6)
        if what == 0 and at < len(data): data[at] = r.randrange(256)
        elif what == 1: del data[at:end]
        elif what == 2: data[at:at] = data[at:end] * r.choice([1, 3, 50])
        elif what == 3: data[at:at] = r.choice(SPECIAL)
        elif what == 4: data[at:end] = r.choice(SPECIAL)
        elif r.random() < 0.3: del data[at:]
    return bytes(data)


def argument(data): return data.replace(b"\x00", b"")[:120_000]


class Worker:
    """Makes inputs and tries them. An input is (kind, number); `seeds` are its changes, of which fewer may be enough."""

    def __init__(self, program, seed):
        self.program, self.seed = program, seed
        self.home = robust.Home()
        self.api, self.prometheus = robust.Api(self.home.path / "api"), robust.Prometheus()
        self.home.environment["FAKE_API"] = self.api.socket

    def close(self):
        self.api.close(), self.prometheus.close(), self.home.remove()

    def random(self, kind, number): return random.Random(f"{self.seed}/{kind}/{number}")

    def seeds(self, kind, number): return [f"{self.seed}/{kind}/{number}/{i}" for i in range(self.random(kind, number).choice([1, 1, 1, 2, 3, 6, 12]))]

    # Each returns (arguments, what Prometheus says, how the API server's answers change); files are written into the home.

    def simulation(self, r, hpa, profile=None):
        arguments = ["simulate"] if r.random() < 0.7 else ["tune", "--candidates", "10"]
        arguments += ["--hpa", self.home.file("hpa.yaml", hpa), "--profile", profile or r.choice(PROFILES[:4])]
        if arguments[0] == "tune" and r.random() < 0.5: arguments += ["--write", self.home.file("tuned.yaml", "")]
        if r.random() < 0.4: arguments += ["--report", self.home.file("page.html", "")]
        if r.random() < 0.2 and arguments[0] == "simulate": arguments += ["-o", "json", "--all-syncs"]
        return arguments

    def hpa_structure(self, r, seeds): return self.simulation(r, dump(structure(HPA, seeds), r))
    def hpa_bytes(self, r, seeds): return self.simulation(r, scramble(r.choice([HPA_TEXT.encode(), json.dumps(HPA).encode()]), seeds))
    def set_flag(self, r, seeds):
        path = r.choice(["spec.maxReplicas", "spec.metrics[0].object.target.value", "spec.behavior.scaleDown.stabilizationWindowSeconds", "metadata", "spec.metrics[0]", "spec"])
        return [*self.simulation(r, HPA_TEXT), "--set", argument(scramble(path.encode() + b"=" + dump(structure({"a": 5}, seeds), r), seeds if r.random() < 0.5 else []))]
    def profile_text(self, r, seeds): return self.simulation(r, HPA_TEXT, argument(scramble(r.choice(PROFILES).encode(), seeds)) or b"x")
    def profile_csv(self, r, seeds):
        rows = structure([[0, 5], [60, 12.5], ["120s", "1k"], ["2026-01-31T12:00:00Z", 7], [400, 0]], seeds)
        lines = "".join(",".join(str(field)[:2000] for field in row) + "\n" if isinstance(row, list) else f"{row}\n"[:2000] for row in (rows if isinstance(rows, list) else [rows]))
        return self.simulation(r, HPA_TEXT, self.home.file("load.csv", lines.encode("utf-8", "surrogatepass") if r.random() < 0.6 else scramble(CSV.encode(), seeds)))
    def facts(self, r, seeds):
        data = dump(structure(FACTS, seeds), r) if r.random() < 0.85 else scramble(json.dumps(FACTS).encode(), seeds)
        return ["diagnose", "-n", "shop", "--facts", self.home.file("facts.json", data), *r.choice([[], ["-o", "json"], ["-o", "markdown"], ["-v"] if False else []])]
    def config(self, r, seeds):
        data = dump(structure(CONFIG, seeds), r) if r.random() < 0.7 else scramble(json.dumps(CONFIG, indent=1).encode(), seeds)
        return [*r.choice([["config"], ["config", "-o", "json"], ["plan"], ["render"]]), "--config", self.home.file("hpawalk.yaml.test", data)]
    def flags(self, r, seeds):
        arguments = ["config"]
        for seed in seeds: arguments += ["--" + r.choice(SETTINGS), argument(scramble(r.choice([b"local", b"5m", b"a=b", b"10", b"{a: b}", b"1.2.3", b"registry/a:b", b"x"]), [seed]))]
        return arguments
    def recording(self, r, seeds):
        if r.random() < 0.8: data = b"".join(dump(line, r) + b"\n" for line in structure(RECORDING, seeds)) if isinstance(structure(RECORDING, seeds), list) else b"5\n"
        else: data = scramble(b"".join(json.dumps(line).encode() + b"\n" for line in RECORDING), seeds)
        arguments = ["report", self.home.file("run.jsonl", data)]
        if r.random() < 0.6: arguments.append("--compare-simulation")
        return [*arguments, *r.choice([[], ["-o", "json"], ["--report", self.home.file("page.html", "")]])]

    def prometheus_answer(self, r, seeds):
        self.prometheus.body = dump(structure(MATRIX, seeds), r) if r.random() < 0.9 else scramble(json.dumps(MATRIX).encode(), seeds)
        return ["simulate", "--hpa", self.home.file("hpa.yaml", HPA_TEXT), "--from-prometheus", "x", "--last", "1h", "--prometheus", self.prometheus.url]

    def api_answer(self, r, seeds):
        part = r.choice([0.03, 0.1, 0.4])
        whole = f"{seeds[0]}/{len(seeds)}"

        def change(path, value):
            own = random.Random(f"{whole}/{path.split('?')[0]}")
            if own.random() > part: return None
            what = own.random()
            if what < 0.05: return own.choice([403, 404, 409, 500]), {"kind": "Status", "message": own.choice(["no", "x" * 5000, None, ["a"]])}
            if what < 0.15: return own.choice([b"", b"x", b"[]", b"null", b"5", b"{", b"\xff\xfe", b"[" * 200_000, b'{"items":' * 100_000, b'{"items":[null,5,"x"]}', b'{"items":{"a":[]}}'])
            data = dump(structure(value, [f"{whole}/{path}/{i}" for i in range(own.choice([1, 2, 5]))]), own) if not isinstance(value, bytes) else scramble(value, [whole])
            return data

        self.api.change = change
        command = [word if word != "FILE" else self.home.file("saved.json", "") for word in r.choice(COMMANDS)]
        return command

    KINDS = ["hpa_structure", "hpa_bytes", "set_flag", "profile_text", "profile_csv", "facts", "config", "flags", "recording", "prometheus_answer", "api_answer"]

    def attempt(self, kind, number, seeds):
        self.api.change = lambda path, value: None
        arguments = getattr(self, kind)(self.random(kind, number), seeds)
        watching = arguments[0] == "watch"
        outcome = robust.run(self.program, arguments, self.home, interrupt=2 if watching else None)
        allowed = robust.EXIT_CODES | {130} if watching else robust.EXIT_CODES
        return arguments, outcome, outcome.fault(allowed)

    def try_one(self, kind, number):
        seeds = self.seeds(kind, number)
        arguments, outcome, fault = self.attempt(kind, number, seeds)
        if not fault: return None
        for seed in list(seeds):  # without each of the changes in turn
            fewer = [s for s in seeds if s != seed]
            if not fewer or outcome.timed_out: break
            again = self.attempt(kind, number, fewer)
            if again[2]: seeds, (arguments, outcome, fault) = fewer, again
        arguments, outcome, fault = self.attempt(kind, number, seeds)  # its files are the ones that are kept
        kept = pathlib.Path(tempfile.mkdtemp(prefix=f"hpawalk-fuzz-{kind}-{number}-"))
        shutil.copytree(self.home.path / "work", kept / "work")
        shown = [a.decode("utf-8", "backslashreplace") if isinstance(a, bytes) else a for a in arguments]
        (kept / "run.json").write_text(json.dumps({"kind": kind, "number": number, "seed": self.seed, "fault": fault, "arguments": shown, "said": outcome.err[-3000:]}, indent=1))
        return f"{kind} {number}: {fault or 'not again'}\n        {' '.join(a[:100] for a in shown)}\n        {(outcome.err.strip() or outcome.out.strip())[-300:]}\n        kept in {kept}"


def work(program, seed, tasks, results):
    worker = Worker(program, seed)
    try:
        while True:
            task = tasks.get()
            if task is None: return
            kind, number = task
            try: results.put((kind, worker.try_one(kind, number)))
            except Exception as mistake: results.put((kind, f"{kind} {number}: the fuzzer itself: {mistake!r}"))
    finally:
        worker.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", action="append", choices=Worker.KINDS)
    parser.add_argument("--number", type=int, help="only this one, of --kind")
    parser.add_argument("--jobs", type=int, default=4)
    o = parser.parse_args()
    kinds = o.kind or Worker.KINDS
    tasks, results = multiprocessing.Queue(maxsize=4 * o.jobs), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(str(pathlib.Path(o.program).resolve()), o.seed, tasks, results)) for _ in range(o.jobs)]
    for worker in workers: worker.start()
    tried, failed, begin, given, number = collections.Counter(), collections.Counter(), time.monotonic(), 0, 0

    def take(kind, fault):
        tried[kind] += 1
        if fault:
            failed[kind] += 1
            report.check(fault, False)
        else:
            report.add(passed_too=1)

    if o.number is not None: plan = iter([(kind, o.number) for kind in kinds])
    else: plan = ((kind, number) for number in range(10**9) for kind in kinds)
    for task in plan:
        if (o.count is not None and given >= o.count) or (o.count is None and time.monotonic() - begin > o.seconds): break
        tasks.put(task)
        given += 1
        while not results.empty(): take(*results.get())
    for _ in workers: tasks.put(None)
    while sum(tried.values()) < given:
        try: take(*results.get(timeout=300))
        except queue.Empty:
            report.check(f"every result comes; {given - sum(tried.values())} did not", False)
            failed["lost"] = 1
            break
    for worker in workers: worker.join(10)
    print(f"\n{'kind':<20}{'inputs':>8}{'failures':>10}")
    for kind in kinds: print(f"{kind:<20}{tried[kind]:>8}{failed[kind]:>10}")
    total, wrong = sum(tried.values()), sum(failed.values())
    print(f"{'all':<20}{total:>8}{wrong:>10}   seed {o.seed}, {time.monotonic() - begin:.0f} s")
    report.done()


if __name__ == "__main__":
    main()
