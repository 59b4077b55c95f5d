#!/usr/bin/env python3
"""Inputs that no program should fall over, each with the exit code and the words that hpawalk is to answer with.

    run.py build/release/hpawalk [PART_OF_A_NAME]

A case is one line in cases(): its name, the command line, the exit codes, words of what is printed; then what differs
from an undisturbed run. Prints one line a failure and `N passed, N failed, N skipped`.
"""
import copy, json, sys

import robust
import report

CASES = robust.HERE / "cases"
FACTS = json.loads(robust.FACTS.read_text())
RULES = "configmaps/metrics-api/adapter-rules"
HPA = (CASES / "hpa.yaml").read_text()


def facts_with_rules(yaml, names=("lab_value",)):
    facts = copy.deepcopy(FACTS)
    facts["readings"][RULES]["value"]["data"]["rules.yaml"] = yaml
    facts["readings"]["prom:watch/prom-web:9191 names"]["value"] = list(names)
    facts["readings"]["prom:watch/prom-web:9191 names {__name__=~\"^lab_.*\"}"] = {"path": "x", "value": list(names), "ms": 1}
    return facts


def rule(matches):
    return json.dumps({"rules": [{"seriesQuery": '{__name__=~"^lab_.*"}', "resources": {"overrides": {"namespace": {"resource": "namespace"}, "service": {"resource": "service"}}},
                                  "name": {"matches": matches, "as": "$1"}, "metricsQuery": "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"}]})


def recording(change):
    lines = [json.loads(line) for line in (CASES / "recording.jsonl").read_text().splitlines()]
    change(lines)
    return "".join(json.dumps(line) + "\n" for line in lines)


def head(**fields): return recording(lambda lines: lines[0].update(fields))
def last(**fields): return recording(lambda lines: lines[-1].update(fields))


def value(number):
    def change(lines):
        for line in lines[1:]:
            for field in ("value", "metric"):
                if field in line: line[field] = number
    return recording(change)


def shaped(word, body):
    """An API server whose answers to paths with `word` are `body`."""
    return lambda path, healthy: body if word in path else None


def changed(word, change):
    """The same, with `change` applied to a copy of what is healthy."""
    def answer(path, healthy):
        if word not in path or healthy is None or "/proxy/" in path: return None
        other = copy.deepcopy(healthy)
        change(other)
        return other
    return answer


def long_token(deployments):
    for item in deployments["items"]: item["spec"]["template"]["spec"]["containers"][0]["args"] = ["token=" + "a" * 200_000]


def nested(depth): return '{"items":[{"metadata":{"name":"x","namespace":"shop"},"spec":' + '{"a":' * depth + "1" + "}" * depth + "}]}"


def cases(file):
    """(name, arguments, exit codes, words, {api: answers that differ, env: ..., at_once: a limit in seconds})"""
    hpa, simulate = file("hpa.yaml", HPA), ["simulate", "--profile", "hold 5 for 1m", "--hpa"]
    diagnose = ["diagnose", "-n", "shop"]
    deep = "[" * 100_000 + "]" * 100_000
    yield "a YAML file of aliases that stand for gigabytes", [*simulate, CASES / "yaml-bomb.yaml"], {2}, "expands to more than"
    yield "the same as a configuration", ["config", "--config", CASES / "yaml-bomb.yaml"], {2}, "expands to more than"
    yield "the same as the adapter's rules", [*diagnose, "--facts", file("bomb.json", json.dumps(facts_with_rules((CASES / "yaml-bomb.yaml").read_text())))], {0, 1, 3}, "expands to more than"
    yield "an alias inside of its own anchor", [*simulate, CASES / "yaml-cycle.yaml"], {2}, "an anchor contains itself"
    yield "the same behind --set", [*simulate, hpa, "--set", "spec.maxReplicas=&a [*a]"], {2}, "an anchor contains itself"
    yield "a YAML file of 100,000 lists in one another", [*simulate, file("deep.yaml", deep)], {2}, "line 1"
    yield "a YAML file of 30 MB", [*simulate, file("large.yaml", "a: [" + "b," * 15_000_000 + "]")], {2}, "more than the limit of hpawalk for YAML"
    yield "a bracket that nobody opened", [*simulate, file("stray.yaml", HPA + "}\n")], {2}, "not valid YAML"
    yield "the same as a configuration", ["plan", "--config", file("stray.yaml", "{hpa: {min: 1}},\n}")], {2}, "not valid YAML"
    yield "an HPA with 100,000 unknown fields", [*simulate, file("fields.yaml", HPA + "".join(f"  f{i}: 1\n" for i in range(100_000)))], {2}, "no such field"
    yield "an HPA whose name is empty", [*simulate, CASES / "hpa-name-null.yaml"], {2}, "spec: is required"
    yield "an HPA whose metadata is a list", [*simulate, CASES / "hpa-metadata-list.yaml"], {2}, "metadata: must be a map"
    yield "an HPA with the same field twice", [*simulate, file("twice.yaml", HPA.replace("maxReplicas: 10", "maxReplicas: 10\n  maxReplicas: 20"))], {2}, "duplicate key `spec.maxReplicas`"
    yield "an HPA that is not UTF-8", [*simulate, file("latin.yaml", HPA.encode() + b"  a: \xff\n")], {2}, "not UTF-8"
    yield "a configuration that is not UTF-8", ["config", "--config", CASES / "config-invalid-utf8.yaml"], {2}, "UTF-8"
    yield "a flag that is not UTF-8", ["config", b"--cluster-name", b"a\xff"], {2}, "must be"
    yield "a version of 100,000 digits", ["config", "--operator-version", "1." + "1" * 100_000], {2}, "must be a version"
    yield "a value of 100,000 digits", ["set-value", "1" * 100_000 + "x"], {2}, "decimal number"

    for name, content in {"the largest": "0,1.79e308\n60,1\n", "the least": "0,5e-324\n60,0\n", "only zeros": "0,0\n60,0\n"}.items():
        yield f"a load with {name} number, as a page", [*simulate[:1], "--profile", file(f"{name}.csv", content), "--report", file("page.html", ""), "--hpa", hpa], {0}, ""
    yield "a CSV file with a month that is none", [*simulate[:1], "--profile", file("date.csv", "2024-01-01T00:00:00Z,1\n2024-41-01T00:00:00Z,2\n"), "--hpa", hpa], {2}, "Line 2 of the CSV file is not in the form time,value"
    yield "a CSV file that is centuries long", [*simulate[:1], "--profile", file("long.csv", "0,1\n1e12,2\n"), "--hpa", hpa], {2}, "more than a year"
    yield "a simulation of more syncs than memory holds", ["simulate", "--profile", "hold 5 for 300d", "--hpa-sync-period", "1s", "--hpa", hpa], {2}, "a million syncs"
    yield "a wave of a year, with noise", ["simulate", "--profile", "sine 5..50 every 1s for 365d noise=10%", "--hpa-sync-period", "1h", "--hpa", hpa], {0}, ""
    yield "a thousand years of waves", ["simulate", "--profile", ";".join(["sine 5..50 every 1s for 365d"] * 1000), "--hpa", hpa], {2}, "longer than a year"

    for name, content, words in [
            ("a time of 1e12", last(t=1e12), "Its time is out of range: a drive takes"), ("a time of 1e300", last(t=1e300), "Its time is out of range: a drive takes"),
            ("a clock that was set by decades", last(t=1e9), "Its time is out of range: a drive takes"), ("a time long before its begin", last(t=-1e9), "Its time is out of range: a drive takes"),
            ("a number beyond all floats", last(t=7).replace('"t": 7', '"t": 1e999'), "beyond the largest float"),
            ("times that go backwards", recording(lambda lines: lines[9].update(t=0.05)), "is before that of an earlier line"),
            ("a sync period of 5e-324", head(syncPeriodSeconds=5e-324), "must be from 0.1"), ("a sync period of 1e300", head(syncPeriodSeconds=1e300), "must be from 0.1"),
            ("a duration of 1e300", head(durationSeconds=1e300), "durationSeconds"), ("a scrape interval below 0", head(scrapeIntervalSeconds=-5), "scrapeIntervalSeconds"),
            ("100,000 lists in one another", recording(lambda lines: None).replace('"finished"', deep), "deeper than 512 levels")]:
        yield f"a recording with {name}", ["report", "--compare-simulation", "--report", file("page.html", ""), file(f"{name}.jsonl", content)], {2}, words
    for name, content in {"the largest values": value(1.79e308), "the least values": value(5e-324), "a month of length": last(t=31 * 86400), "replicas beyond all bounds": recording(lambda lines: lines[-4].update(wanted=10**30, ready=-5))}.items():
        yield f"a recording with {name}", ["report", "--compare-simulation", "--report", file("page.html", ""), file(f"{name}.jsonl", content)], {0, 1}, ""

    names = ["lab_value", "lab_" + "a" * 28, *("lab_" + "b" * n for n in range(200))]
    facts = lambda name, content: [*diagnose, "--facts", file(name, content if isinstance(content, (str, bytes)) else json.dumps(content))]
    yield "an adapter's pattern that takes exponential time elsewhere", facts("slow.json", facts_with_rules(rule("^([a-z]+_?)+_total$"), names)), {0, 1, 3}, ""
    yield "an adapter's pattern of 20,000 groups in one another", facts("groups.json", facts_with_rules(rule("(" * 20_000 + "a" + ")" * 20_000), names)), {3}, "more than 1000 groups"
    yield "an adapter's pattern that does not compile", facts("pattern.json", facts_with_rules(rule("(?=x)"), names)), {3}, "is not a valid Go regular expression"
    yield "a name of 500,000 letters before such a pattern", facts("long.json", facts_with_rules(rule("^(.+)_total$"), ["a" * 500_000 + "_total"])), {0, 1, 3}, ""
    yield "a facts file of 100,000 lists in one another", facts("deep.json", '{"hpawalkFacts": 1, "readings": {"hpas": {"value": ' + deep + "}}}"), {2}, "deeper than 512 levels"
    yield "a facts file that is not JSON", facts("no.json", b"\xff\xfe{"), {2}, "invalid JSON at byte"

    for word in ("horizontalpodautoscalers", "apiservices", "/pods", "services", "deployments", "replicasets", "configmaps", "namespaces", "servicemonitors", "prometheuses", "accessreviews", "/version"):
        for kind, body in {"a list": [1, 2], "a text": "x", "null": None, "items that are texts": {"items": ["x", None, 5]}, "items that are a map": {"items": {"a": 1}}, "lists in one another": b"[" * 200_000}.items():
            yield f"{kind} instead of {word}", diagnose, {0, 1, 2, 3}, "", {"api": shaped(word, (200, body if isinstance(body, bytes) else json.dumps(body).encode()))}
    yield "containers that are texts", diagnose, {0, 1, 3}, "", {"api": shaped("prometheuses", {"items": [{"metadata": {"name": "x", "namespace": "shop"}, "spec": {"containers": ["oops"]}}]})}
    yield "200,000 maps in one another from the API server", diagnose, {0, 1, 3}, "", {"api": shaped("replicasets", nested(200_000).encode())}
    yield "500 maps in one another, saved", [*diagnose, "--save", file("saved.json", "")], {0, 1, 3}, "", {"api": shaped("replicasets", nested(500).encode())}
    yield "a token of 200,000 letters in a Deployment", diagnose, {0, 1}, "", {"api": changed("deployments", long_token)}
    yield "the stages, with access reviews that are lists", ["status", "--context", "fake"], {0, 1, 3}, "", {"api": shaped("accessreviews", [])}

    yield "a kubectl that ends with a token of 200,000 letters", ["status", "--cluster", "current"], {3}, "", {"env": {"FAKE_STDERR": file("token", "error: token=" + "a" * 200_000 + "\n")}}
    for tool in ("kind", "k3d", "minikube"):
        yield f"a {tool} that says nothing", ["doctor", "--cluster", tool, f"--tools-{tool}", "/bin/true"], {3}, "does not report its version"

    for name, data in {"a list": [], "a number": 5, "null": None, "a result that is a number": {"resultType": "matrix", "result": 5}, "values that are a map": {"resultType": "matrix", "result": [{"values": {"a": 1}}]},
                       "rows that are texts": {"resultType": "matrix", "result": ["x"]}, "times of 1e300": {"resultType": "matrix", "result": [{"values": [[1e300, "5"], [-1e300, "6"]]}]}}.items():
        yield f"Prometheus answers with {name}", ["simulate", "--hpa", hpa, "--from-prometheus", "x", "--last", "1h", "--prometheus", None], {1}, "", {"prometheus": {"status": "success", "data": data}}


def main():
    program, part = str(robust.pathlib.Path(sys.argv[1]).resolve()), sys.argv[2] if len(sys.argv) > 2 else ""
    home = robust.Home()
    report.quiet = True
    api, prometheus = robust.Api(home.path / "api"), robust.Prometheus()
    home.environment["FAKE_API"] = api.socket
    try:
        for name, arguments, codes, words, *more in cases(home.file):
            if part not in name: continue
            more = more[0] if more else {}
            api.change = more.get("api", lambda path, healthy: None)
            prometheus.body = json.dumps(more.get("prometheus", {})).encode()
            arguments = [a if isinstance(a, bytes) else prometheus.url if a is None else str(a) for a in arguments]
            outcome = robust.run(program, arguments, home, more.get("env"))
            fault = outcome.fault(codes)
            if not fault and words not in outcome.out + outcome.err: fault = f"does not say {words!r}"
            words_of_it = " ".join(a[:80] if isinstance(a, str) else repr(a) for a in arguments)
            report.check(f"{name}: {fault}" if fault else name, not fault, words_of_it, (outcome.err or outcome.out).strip()[:600])
    finally:
        api.close(), prometheus.close(), home.remove()
    report.done()


if __name__ == "__main__":
    main()
