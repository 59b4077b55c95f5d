#!/usr/bin/env python3
"""hpasim against a real kube-controller-manager.

Makes seeded random HPAs in a namespace of its own, feeds their metrics exactly through an APIService of its own
(custom and external metrics), watches the replicas, and compares with `hpawalk simulate`: the sequence of
replicas must be one that the simulator gives (it tells how likely), and each change must come within one sync
period of the simulated one. Prints one line a case; exit code 1 if a case is outside, 77 if it cannot run.

    KUBECONFIG=... hpa_proof.py --hpawalk build/dev/hpawalk --host 10.201.0.1 --sync 2 --stabilization 10 [--cases 36] [--seed 1]

--host is an address of this machine that the API server can reach.
"""
import argparse, http.server, json, os, random, shutil, ssl, subprocess, sys, tempfile, threading, time

NAMESPACE = "hpa-proof"


def kubectl(*arguments, document=None, check=True):
    result = subprocess.run(["kubectl", *arguments], input=json.dumps(document) if document else None, capture_output=True, text=True, timeout=120)
    if check and result.returncode != 0:
        raise RuntimeError(" ".join(arguments) + ": " + result.stderr.strip())
    return result.stdout


# --- the metrics: a value for each HPA, known exactly at every moment


class Case:
    def __init__(self, index, hpa, steps, replicas, real_pods):
        self.name, self.hpa, self.steps, self.replicas, self.real_pods = f"case-{index:02d}", hpa, steps, replicas, real_pods
        self.began, self.seen, self.pods, self.asked = None, [], [], []

    def value(self):
        if self.began is None:
            return self.steps[0][1]
        elapsed, value = time.monotonic() - self.began, self.steps[0][1]
        for at, level in self.steps:
            if elapsed >= at:
                value = level
        return value


class Metrics(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cases = {}

    def log_message(self, *_):
        pass

    def answer(self, document, status=200):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if len(parts) == 3:  # discovery
            external = parts[1].startswith("external")
            kind = "ExternalMetricValueList" if external else "MetricValueList"
            names = list(self.cases) if external else [f"{k}/{n}" for n in self.cases for k in ("services", "pods")]
            return self.answer({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "/".join(parts[1:]),
                                "resources": [{"name": n, "singularName": "", "namespaced": True, "kind": kind, "verbs": ["get"]} for n in names]})
        case = self.cases.get(parts[-1])
        if case is None:
            return self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}, 404)
        if case.began is not None:
            case.asked.append(time.monotonic() - case.began)
        milli = lambda v: f"{int(v * 1000)}m"
        if parts[1].startswith("external"):
            return self.answer({"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
                                "items": [{"metricName": case.name, "metricLabels": {}, "timestamp": now, "value": milli(case.value())}]})
        describe = lambda kind, name, v: {"describedObject": {"kind": kind, "namespace": NAMESPACE, "name": name, "apiVersion": "v1"},
                                          "metric": {"name": case.name}, "timestamp": now, "value": milli(v)}
        if parts[5] == "pods":
            ready = list(case.pods)
            items = [describe("Pod", name, case.value() / max(1, len(ready))) for name in ready]
        else:
            items = [describe("Service", "s", case.value())]
        self.answer({"kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {}, "items": items})


def serve(host, folder):
    key, certificate = os.path.join(folder, "key"), os.path.join(folder, "certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=hpa-proof"], check=True, capture_output=True)
    server = http.server.ThreadingHTTPServer((host, 0), Metrics)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def api_service(group, version):
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"{version}.{group}"},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": True,
                     "service": {"namespace": NAMESPACE, "name": "metrics", "port": 443}}}


SERVICES = [("external.metrics.k8s.io", "v1beta1"), ("custom.metrics.k8s.io", "v1beta2")]


# --- the cases


def random_rules(r, period):
    rules = {}
    if r.random() < 0.6:
        rules["stabilizationWindowSeconds"] = r.choice([0, 3, 5, 9, 11, 17, 4 * period])
    if r.random() < 0.7:
        rules["selectPolicy"] = r.choice(["Max", "Max", "Min", "Min", "Disabled"]) if r.random() < 0.8 else "Max"
        rules["policies"] = [{"type": kind, "value": r.choice([1, 2, 3, 5]) if kind == "Pods" else r.choice([10, 25, 50, 100, 200]),
                              "periodSeconds": r.choice([3, 5, 7, 9, 13, 2 * period])} for kind in r.choices(["Pods", "Percent"], k=r.choice([1, 2]))]
    return rules


def random_case(r, index, period, cases):
    # Every fourth case is of a kind that counts ready pods: these have real ones, and few.
    real_pods = index % 4 == 3
    kind = r.choice(["object-value", "external-value", "pods"]) if real_pods else r.choice(["external-average", "object-average"])
    name, most = f"case-{index:02d}", r.choice([3, 4, 5]) if real_pods else r.choice([6, 10, 20, 30])
    least = r.choice([1, 1, 2])
    average, value = {"type": "AverageValue", "averageValue": "10"}, {"type": "Value", "value": "10"}
    described = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    metric = {"external-average": {"type": "External", "external": {"metric": {"name": name}, "target": average}},
              "external-value": {"type": "External", "external": {"metric": {"name": name}, "target": value}},
              "object-average": {"type": "Object", "object": {"metric": {"name": name}, "describedObject": described, "target": average}},
              "object-value": {"type": "Object", "object": {"metric": {"name": name}, "describedObject": described, "target": value}},
              "pods": {"type": "Pods", "pods": {"metric": {"name": name}, "target": average}}}[kind]
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "minReplicas": least, "maxReplicas": most, "metrics": [metric]}
    if r.random() < 0.7:
        spec["behavior"] = {side: rules for side in ("scaleUp", "scaleDown") if (rules := random_rules(r, period))}
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
    replicas = r.choice([least, most, (least + most) // 2])
    highest = 30 if kind.endswith("value") else 10 * most * 1.2
    first = 10.0 if kind.endswith("value") else 10.0 * replicas
    steps, at = [(0.0, first)], 4 * period + r.uniform(0, period)
    for _ in range(cases):
        steps.append((round(at, 3), round(r.choice([r.uniform(0, highest), r.uniform(0, highest / 3), steps[-1][1] * 1.05]), 3)))
        at += r.uniform(4, 12) * period
    return Case(index, hpa, steps, replicas, real_pods), at


def deployment(case):
    pod = {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10.1", "imagePullPolicy": "IfNotPresent"}], "terminationGracePeriodSeconds": 1}
    if not case.real_pods:
        pod["nodeSelector"] = {"hpa-proof": "no-such-node"}  # replicas that cost nothing: they stay Pending
    labels = {"app": case.name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": case.name, "namespace": NAMESPACE},
            "spec": {"replicas": case.replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}}


def watch(cases, stop):
    """What the API server says, ten times a second: replicas, and the ready pods of those cases that have them."""
    proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
    base = "http://127.0.0.1:" + proxy.stdout.readline().rsplit(":", 1)[1].strip()
    import urllib.request
    get = lambda path: json.load(urllib.request.urlopen(base + path, timeout=20))
    try:
        while not stop.is_set():
            for item in get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments")["items"]:
                case, count = cases.get(item["metadata"]["name"]), item["spec"]["replicas"]
                if case and case.began is not None and (not case.seen or case.seen[-1][1] != count):
                    case.seen.append((time.monotonic() - case.began, count))
            pods = {}
            for item in get(f"/api/v1/namespaces/{NAMESPACE}/pods?fieldSelector=status.phase%3DRunning")["items"]:
                ready = any(c["type"] == "Ready" and c["status"] == "True" for c in item["status"].get("conditions", []))
                if ready and "deletionTimestamp" not in item["metadata"]:
                    pods.setdefault(item["metadata"]["labels"]["app"], []).append(item["metadata"]["name"])
            for case in cases.values():
                case.pods = pods.get(case.name, [])
            time.sleep(0.1)
    finally:
        proxy.terminate()
        proxy.wait()


# --- the comparison


def controller_delay(cases, period):
    """How much longer than its period the controller takes from one look at an HPA to the next, on average."""
    gaps = [b - a for case in cases for a, b in zip(case.asked, case.asked[1:]) if b - a < 2 * period]
    return max(0.005, sum(gaps) / max(1, len(gaps)) - period)


def simulate(arguments, case, folder, duration, pod_start, extra):
    hpa, load = os.path.join(folder, case.name + ".json"), os.path.join(folder, case.name + ".csv")
    with open(hpa, "w") as file:
        json.dump(case.hpa, file)
    with open(load, "w") as file:
        file.writelines(f"{at},{value}\n" for at, value in case.steps)
    output = subprocess.run([arguments.hpawalk, "simulate", "--hpa", hpa, "--profile", load, "--replicas", str(case.replicas), "--duration", f"{duration:.3f}s",
                             "--hpa-sync-period", f"{arguments.sync}s", "--hpa-downscale-stabilization", f"{arguments.stabilization}s",
                             "--pod-start", pod_start, "--controller-delay", f"{arguments.delay:.3f}s", "-o", "json", *extra], capture_output=True, text=True, timeout=300)
    if output.returncode != 0:
        raise RuntimeError(output.stderr)
    return json.loads(output.stdout)["variants"][0]


def judge(arguments, case, folder, duration):
    real, times = [count for _, count in case.seen], [at for at, _ in case.seen]
    likelihood, seeds, different = 0.0, [], 0
    for pod_start in (["0.4s", "0.8s", "1.2s", "1.8s", "2.5s"] if case.real_pods else ["1s"]):
        runs = simulate(arguments, case, folder, duration, pod_start, ["--seed", "1", "--runs", str(arguments.runs)])["runs"]
        different = max(different, len(runs["outcomes"]))
        for outcome in runs["outcomes"]:
            if outcome["sequence"] == real:
                likelihood = max(likelihood, outcome["share"])
                seeds.append((pod_start, outcome["seed"]))
            best = runs["outcomes"][0]["sequence"]
    if not seeds:
        return False, f"real {real} is not among {different} simulated sequences; the likeliest: {best}"
    # A sequence comes at different times, by the phase of the syncs and by races at the ends of windows: the real
    # times must be near those of a simulated run with the same sequence.
    late = []
    for pod_start, seed in seeds + [(seeds[0][0], n) for n in range(40)]:
        variant = simulate(arguments, case, folder, duration, pod_start, ["--seed", str(seed)])
        if variant["sequence"] == real:
            late.append(max([abs(change["at"] - at) for change, at in zip(variant["changes"], times[1:])], default=0.0))
        if late and min(late) <= arguments.sync / 2:
            break
    slack = arguments.sync + 0.4  # one sync period, and what polling and writing take
    worst = min(late)
    text = f"{len(real) - 1} changes, {' '.join(map(str, real))}: 1 of {different} possible ({likelihood:.0%}), times within {worst:.2f} s"
    return worst <= slack, text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hpawalk", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--sync", type=float, required=True)
    parser.add_argument("--stabilization", type=float, required=True)
    parser.add_argument("--cases", type=int, default=36)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--save", help="what was seen, as JSON")
    arguments = parser.parse_args()
    for program in ("kubectl", "openssl"):
        if not shutil.which(program):
            print(f"SKIPPED: {program} is missing", file=sys.stderr)
            return 77
    period = int(arguments.sync) if arguments.sync >= 1 else 1
    r = random.Random(arguments.seed)
    made = [random_case(r, i, period, arguments.steps) for i in range(arguments.cases)]
    cases, duration = {case.name: case for case, _ in made}, max(end for _, end in made)
    Metrics.cases = cases
    folder = tempfile.mkdtemp()
    stop = threading.Event()
    try:
        port = serve(arguments.host, folder)
        kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=true")
        kubectl("apply", "-f", "-", document={"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "metrics", "namespace": NAMESPACE}, "spec": {"ports": [{"port": 443, "targetPort": port}]}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": NAMESPACE}, "spec": {"ports": [{"port": 80}]}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "metrics-1", "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": "metrics"}},
             "addressType": "IPv4", "ports": [{"port": port}], "endpoints": [{"addresses": [arguments.host]}]},
            *[api_service(*s) for s in SERVICES], *[deployment(case) for case in cases.values()]]})
        for group, version in SERVICES:
            kubectl("wait", "--for=condition=Available", "--timeout=60s", f"apiservice/{version}.{group}")
        for case in cases.values():
            if case.real_pods:
                kubectl("-n", NAMESPACE, "wait", "--for=condition=Available", "--timeout=120s", f"deployment/{case.name}")
        time.sleep(3 * arguments.sync)  # the controller asks again which metrics APIs there are once a sync period
        threading.Thread(target=watch, args=(cases, stop), daemon=True).start()
        for case in cases.values():
            case.hpa["metadata"]["namespace"] = NAMESPACE
        for case in cases.values():
            kubectl("create", "-f", "-", document=case.hpa)
            case.began = time.monotonic()
        print(f"{len(cases)} HPAs made; {duration:.0f} s to go", file=sys.stderr)
        time.sleep(duration)
        stop.set()
    finally:
        stop.set()
        for group, version in SERVICES:
            kubectl("delete", "apiservice", f"{version}.{group}", "--ignore-not-found", check=False)
        kubectl("delete", "namespace", NAMESPACE, "--wait=false", "--ignore-not-found", check=False)
    if arguments.save:
        with open(arguments.save, "w") as file:
            json.dump([{"name": c.name, "hpa": c.hpa, "steps": c.steps, "replicas": c.replicas, "seen": c.seen, "asked": c.asked, "realPods": c.real_pods} for c in cases.values()], file)
    outside, changes = 0, 0
    arguments.delay = controller_delay(cases.values(), arguments.sync)
    print(f"{sum(len(case.asked) for case in cases.values())} syncs seen, each {arguments.delay * 1000:.0f} ms longer than the period on average")
    for case in cases.values():
        case.seen = [s for s in case.seen if s[0] <= duration]
        good, text = judge(arguments, case, folder, duration)
        outside += not good
        changes += len(case.seen) - 1
        metric = case.hpa["spec"]["metrics"][0]["type"]
        print(f"{'ok  ' if good else 'FAIL'} {case.name} {metric:<9} {'behavior' if 'behavior' in case.hpa['spec'] else '        '} {text}")
    shutil.rmtree(folder)
    print(f"{len(cases)} HPAs on a real controller, {changes} changes of replicas: {len(cases) - outside} as simulated, {outside} not")
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
