#!/usr/bin/env python3
"""hpasim against a real kube-controller-manager.

Makes seeded random HPAs in a namespace of its own, feeds their metrics exactly through APIServices of its own
(custom, external and resource metrics), watches the replicas, and compares with `hpawalk simulate`: the sequence of
replicas must be one that the simulator gives (it tells how likely), and each change must come within one sync
period of the simulated one. Prints one line a case, and `N passed, N failed, N skipped`; exit code 1 if a case is
outside.

    KUBECONFIG=... hpa_proof.py --hpawalk build/release/hpawalk --host 10.201.0.1 --sync 2 --stabilization 10 [--cases 36] [--seed 1]

--host is an address of this machine that the API server can reach. The rules are those of the cluster's Kubernetes
version. Some cases have tolerances or minReplicas 0, where the version allows that by default, or, by --gates, the
cluster has the feature gates HPAConfigurableTolerance and HPAScaleToZero. Some HPAs are changed in the middle: `simulate`
knows no such thing, so that --changing names the program that simulates these (tests/hpasim/changing.cpp).
"""
import argparse, copy, http.server, json, os, random, shutil, ssl, subprocess, sys, tempfile, threading, time, urllib.parse, urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report

NAMESPACE = "hpa-proof"
SERVICES = [("external.metrics.k8s.io", "v1beta1"), ("custom.metrics.k8s.io", "v1beta2"), ("metrics.k8s.io", "v1beta1")]
CPU_MILLI, MEMORY_MILLI = 40, 64 * 1024 * 1024 * 1000  # what the pods request; those of all HPAs must fit on a node with two cores
PAUSE = "registry.k8s.io/pause:3.10.2"
WITH_PODS = ["object-value", "pods", "cpu", "external-value", "memory", "container", "several"]
WITHOUT = ["external-average", "object-average", "several-average", "external-average", "object-average"]


def kubectl(*arguments, document=None, check=True):
    result = subprocess.run(["kubectl", *arguments], input=json.dumps(document) if document else None, capture_output=True, text=True, timeout=300)
    if check and result.returncode != 0:
        raise RuntimeError(" ".join(arguments) + ": " + result.stderr.strip())
    return result.stdout


# --- the metrics: a value for each HPA, known exactly at every moment


class Case:
    def __init__(self, index, kind, hpa, steps, replicas, about, changes):
        self.name, self.kind, self.hpa, self.replicas = f"case-{index:02d}", kind, hpa, replicas
        self.steps = steps  # of each metric: (second, value)
        self.about = about
        self.changes = changes  # [second, the HPA from then on]
        self.real_pods = kind in WITH_PODS
        self.began, self.seen, self.pods, self.asked = None, [], [], []
        self.unschedulable = False  # a pod had to wait for a place, which the simulation does not know

    def value(self, metric=0):
        steps = self.steps[metric % len(self.steps)]
        elapsed = time.monotonic() - self.began if self.began is not None else 0
        return [level for at, level in steps if at <= elapsed][-1]

    def share(self, metric=0):
        return self.value(metric) / max(1, len(self.pods))


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
        url = urllib.parse.urlsplit(self.path)
        parts = url.path.strip("/").split("/")
        nothing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404}
        if len(parts) < 3:
            return self.answer(nothing, 404)
        if len(parts) == 3:
            return self.answer(discovery("/".join(parts[1:]), self.cases))
        resource = parts[1] == "metrics.k8s.io"
        selector = urllib.parse.parse_qs(url.query).get("labelSelector", [""])[0]
        name = selector.removeprefix("app=") if resource else parts[-1]
        case, metric = self.cases.get(name.removesuffix("-b")), 1 if name.endswith("-b") else 0
        if case is None:
            return self.answer(nothing, 404)
        if case.began is not None and metric == 0:
            case.asked.append(time.monotonic() - case.began)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if resource:
            return self.answer(pod_metrics(case, now))
        if parts[1].startswith("external"):
            return self.answer({"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {},
                                "items": [{"metricName": name, "metricLabels": {}, "timestamp": now, "value": milli(case.value(metric))}]})
        about = [("Pod", pod, case.share(metric)) for pod in list(case.pods)] if parts[5] == "pods" else [("Service", "s", case.value(metric))]
        self.answer({"kind": "MetricValueList", "apiVersion": "custom.metrics.k8s.io/v1beta2", "metadata": {},
                     "items": [{"describedObject": {"kind": kind, "namespace": NAMESPACE, "name": described, "apiVersion": "v1"},
                                "metric": {"name": name}, "timestamp": now, "value": milli(value)} for kind, described, value in about]})


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], OSError):  # a client that only looked whether somebody is there
            super().handle_error(request, address)


def milli(value):
    return f"{int(value * 1000)}m"


def discovery(group_version, cases):
    names = [name + end for name in cases for end in ("", "-b")]
    if group_version.startswith("metrics.k8s.io"):
        resources = [("pods", "PodMetrics", ["get", "list"])]
    elif group_version.startswith("external"):
        resources = [(name, "ExternalMetricValueList", ["get"]) for name in names]
    else:
        resources = [(f"{kind}/{name}", "MetricValueList", ["get"]) for name in names for kind in ("services", "pods")]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
            "resources": [{"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs} for name, kind, verbs in resources]}


def pod_metrics(case, now):
    # The load is in per cent of what the pods request: each pod's usage is its share of it.
    share = case.share() / 100
    usage = {"cpu": f"{int(share * CPU_MILLI)}m", "memory": f"{int(share * MEMORY_MILLI)}m"}
    return {"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {},
            "items": [{"metadata": {"name": pod, "namespace": NAMESPACE}, "timestamp": now, "window": "0s", "containers": [{"name": "main", "usage": usage}]}
                      for pod in list(case.pods)]}


def serve(host, folder):
    key, certificate = os.path.join(folder, "key"), os.path.join(folder, "certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                    "-days", "2", "-subj", "/CN=hpa-proof"], check=True, capture_output=True)
    server = Server((host, 0), Metrics)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def api_service(group, version):
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": f"{version}.{group}"},
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": True,
                     "service": {"namespace": NAMESPACE, "name": "metrics", "port": 443}}}


# --- the cases


def random_rules(r, period, tolerances):
    """Windows and periods: some shorter than a sync, some longer, some whole multiples of it."""
    scaled = lambda *seconds: [max(1, round(s * period / 2)) for s in seconds]
    rules = {}
    if r.random() < 0.6:
        rules["stabilizationWindowSeconds"] = r.choice([0, *scaled(3, 5, 9, 11, 17), 4 * period])
    if r.random() < 0.7:
        rules["selectPolicy"] = r.choice(["Max", "Max", "Min", "Min", "Disabled"]) if r.random() < 0.8 else "Max"
        rules["policies"] = [{"type": kind, "value": r.choice([1, 2, 3, 5]) if kind == "Pods" else r.choice([10, 25, 50, 100, 200]),
                              "periodSeconds": r.choice([*scaled(3, 5, 7, 9, 13), 2 * period])} for kind in r.choices(["Pods", "Percent"], k=r.choice([1, 2]))]
    if tolerances and r.random() < 0.5:
        rules["tolerance"] = r.choice(["0", "0.05", "0.2", "0.3", "0.5"])
    return rules


def metrics_of(kind, name):
    average, value = {"type": "AverageValue", "averageValue": "10"}, {"type": "Value", "value": "10"}
    usage = {"type": "Utilization", "averageUtilization": 50}
    service = {"apiVersion": "v1", "kind": "Service", "name": "s"}
    external = lambda name, target: {"type": "External", "external": {"metric": {"name": name}, "target": target}}
    about = lambda name, target: {"type": "Object", "object": {"metric": {"name": name}, "describedObject": service, "target": target}}
    pods = {"type": "Pods", "pods": {"metric": {"name": name}, "target": average}}
    return {"external-average": [external(name, average)], "external-value": [external(name, value)],
            "object-average": [about(name, average)], "object-value": [about(name, value)], "pods": [pods],
            "cpu": [{"type": "Resource", "resource": {"name": "cpu", "target": usage}}],
            "memory": [{"type": "Resource", "resource": {"name": "memory", "target": usage}}],
            "container": [{"type": "ContainerResource", "containerResource": {"name": "memory", "container": "main", "target": usage}}],
            "several": [pods, external(name + "-b", average)],
            "several-average": [external(name, average), about(name + "-b", average)]}[kind]


def random_steps(r, kind, least, most, replicas, period, count):
    by_ratio = kind.endswith("value")
    target = 50.0 if kind in ("cpu", "memory", "container") else 10.0
    highest = 3 * target if by_ratio else target * most * 1.2
    steps, at = [(0.0, target if by_ratio else target * max(1, replicas))], 4 * period + r.uniform(0, period)
    for _ in range(count):
        lows = [0.0] if least == 0 else []
        level = r.choice([r.uniform(0, highest), r.uniform(0, highest / 3), steps[-1][1] * 1.05, steps[-1][1] * 1.18, *lows])
        steps.append((round(at, 3), round(level, 3)))
        at += r.uniform(4, 12) * period
    return steps, at


def random_behavior(r, period, tolerances):
    return {side: rules for side in ("scaleUp", "scaleDown") if (rules := random_rules(r, period, tolerances))}


def zero_and_back(r, target, most, period):
    """Twice without load for long enough, and back."""
    steps, at = [(0.0, target * r.choice([1, 2, most]))], 4 * period + r.uniform(0, period)
    for _ in range(2):
        for level in (0.0, round(r.uniform(target, target * most * 1.2), 3)):
            steps.append((round(at, 3), level))
            at += r.uniform(8, 11) * period
    return steps, at


def changed(r, hpa, period, tolerances, most):
    """The HPA as somebody changes it: other limits, another target, another behavior or none."""
    hpa = copy.deepcopy(hpa)
    spec = hpa["spec"]
    spec["maxReplicas"] = r.choice([most, max(spec["minReplicas"], most // 2), most + 2])
    if spec["minReplicas"] > 0:
        spec["minReplicas"] = min(r.choice([1, 2]), spec["maxReplicas"])
    target = next(iter(fields for key, fields in spec["metrics"][0].items() if key != "type"))["target"]
    for key in target.keys() - {"type"}:
        target[key] = r.choice([30, 50, 80]) if key == "averageUtilization" else r.choice(["10", "7", "14"])
    spec.pop("behavior", None)
    if r.random() < 0.7:
        spec["behavior"] = random_behavior(r, period, tolerances)
    return hpa


def random_case(r, index, arguments):
    # Every third case is of a kind that counts ready pods: these have real ones, and few.
    kind = WITH_PODS[index // 3 % len(WITH_PODS)] if index % 3 == 2 else WITHOUT[(index - index // 3) % len(WITHOUT)]
    name, most = f"case-{index:02d}", r.choice([3, 4, 5]) if kind in WITH_PODS else r.choice([6, 10, 20, 30])
    period, count = arguments.sync, arguments.steps
    # Of every six cases one is about zero, in one of three ways, and one or two are changed.
    zero = ["to zero and back", "from zero by minReplicas", "a person's zero"][index // 6 % 3] if index % 6 == 4 and arguments.zero else ""
    sometimes_zero = arguments.zero and kind not in ("pods", "cpu", "memory", "container") and r.random() < 0.4
    least = 0 if zero or sometimes_zero else r.choice([1, 1, 2])
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "minReplicas": least, "maxReplicas": most,
            "metrics": metrics_of(kind, name)}
    if r.random() < 0.7:
        spec["behavior"] = random_behavior(r, period, arguments.tolerances)
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}
    replicas, changes = r.choice([max(1, least), most, (least + most) // 2]), []
    if zero:
        spec["behavior"] = {"scaleDown": {"stabilizationWindowSeconds": r.choice([0, period, 3 * period])}}
        drawn = [zero_and_back(r, 10.0, most, period) for _ in spec["metrics"]]
        if len(drawn) > 1:  # all of them without load at the same time
            drawn = [drawn[0]] * len(drawn)
        if zero == "from zero by minReplicas":
            raised = copy.deepcopy(hpa)
            raised["spec"]["minReplicas"] = 2
            changes = [[drawn[0][0][1][0] + 6.5 * period, raised]]  # after the load has gone
        replicas = 0 if zero == "a person's zero" else max(1, replicas)
    else:
        drawn = [random_steps(r, kind, least, most, replicas, period, count) for _ in spec["metrics"]]
        if arguments.changing and (index % 6 == 1 or index % 12 == 5):
            end = max(end for _, end in drawn)
            changes = [[round(end * share, 3), changed(r, hpa, period, arguments.tolerances, most)] for share in (r.uniform(0.3, 0.5), r.uniform(0.6, 0.8))]
    about = zero or ("changed" if changes else "behavior" if "behavior" in spec else "")
    if not arguments.changing:
        changes = []
    return Case(index, kind, hpa, [steps for steps, _ in drawn], replicas, about, changes), max(end for _, end in drawn)


def deployment(case):
    pod = {"containers": [{"name": "main", "image": PAUSE, "imagePullPolicy": "IfNotPresent"}], "terminationGracePeriodSeconds": 1}
    if case.kind == "cpu":
        pod["containers"][0]["resources"] = {"requests": {"cpu": f"{CPU_MILLI}m"}}
    if case.kind in ("memory", "container"):
        pod["containers"][0]["resources"] = {"requests": {"memory": f"{MEMORY_MILLI // 1000}"}}
    if not case.real_pods:
        pod["nodeSelector"] = {"hpa-proof": "no-such-node"}  # replicas that cost nothing: they stay Pending
    labels = {"app": case.name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": case.name, "namespace": NAMESPACE},
            "spec": {"replicas": case.replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}}


def watched(base, path, stop):
    """The objects of a collection as they change: (type, object)."""
    version = json.load(urllib.request.urlopen(base + path, timeout=20))
    for item in version["items"]:
        yield "ADDED", item
    at = version["metadata"]["resourceVersion"]
    while not stop.is_set():
        try:
            with urllib.request.urlopen(f"{base}{path}?watch=1&timeoutSeconds=3600&resourceVersion={at}", timeout=3700) as stream:
                for line in stream:
                    event = json.loads(line)
                    at = event["object"]["metadata"]["resourceVersion"]
                    yield event["type"], event["object"]
        except OSError:
            time.sleep(0.2)


def watch_replicas(base, cases, stop):
    for _, item in watched(base, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", stop):
        case, count = cases.get(item["metadata"]["name"]), item["spec"]["replicas"]
        if case and (not case.seen or case.seen[-1][1] != count):
            case.seen.append((time.monotonic() - case.began if case.began is not None else 0.0, count))


def watch_pods(base, cases, stop):
    for kind, item in watched(base, f"/api/v1/namespaces/{NAMESPACE}/pods", stop):
        case, name = cases.get(item["metadata"].get("labels", {}).get("app")), item["metadata"]["name"]
        if case is None:
            continue
        conditions = {c["type"]: c for c in item["status"].get("conditions", [])}
        case.unschedulable |= case.real_pods and conditions.get("PodScheduled", {}).get("reason") == "Unschedulable"
        ready = conditions.get("Ready", {}).get("status") == "True"
        serves = kind != "DELETED" and ready and "deletionTimestamp" not in item["metadata"]
        case.pods = [p for p in case.pods if p != name] + ([name] if serves else [])


# --- the comparison


def controller_delay(cases, period):
    """How much longer than its period the controller takes from one look at an HPA to the next, on average."""
    gaps = [b - a for case in cases if not case.changes for a, b in zip(case.asked, case.asked[1:]) if 0.5 * period < b - a < 2 * period]
    return max(0.005, sum(gaps) / max(1, len(gaps)) - period)


def longest_pause(case, duration):
    """The longest time for which the controller did not look at this HPA: on a machine that hangs it is no fair witness."""
    looks = [at for at in case.asked if at < duration] + [duration]
    return max((b - a for a, b in zip(looks, looks[1:])), default=0.0)


def simulate(arguments, case, folder, duration, pod_start, extra):
    hpa, loads, changes = os.path.join(folder, case.name + ".json"), [], []
    for i, (at, document) in enumerate([(None, case.hpa), *case.changes]):
        file_name = f"{hpa}-{i}" if i else hpa
        with open(file_name, "w") as file:
            json.dump(document, file)
        changes += ["--change", f"{at:.3f}={file_name}"] if i else []
    memory = case.kind in ("memory", "container")
    # The load of a utilization is in cores or bytes; here it is in per cent of a pod's request.
    unit = (MEMORY_MILLI if memory else CPU_MILLI) / 1000 / 100 if memory or case.kind == "cpu" else 1
    for i, steps in enumerate(case.steps):
        loads += ["--profile", os.path.join(folder, f"{case.name}-{i}.csv")]
        with open(loads[-1], "w") as file:
            file.writelines(f"{at},{value * unit}\n" for at, value in steps)
    gates = ["--gate-configurable-tolerance", "--gate-scale-to-zero"] if arguments.gates else []
    by_hand = ["--zero-by-hand"] if case.about == "a person's zero" else []
    request = f"{MEMORY_MILLI // 1000}" if memory else f"{CPU_MILLI}m"
    program = [arguments.changing, *changes] if changes else [arguments.hpawalk, "simulate", "-o", "json"]
    output = subprocess.run([*program, "--kube-version", arguments.version, "--hpa", hpa, *loads, "--replicas", str(case.replicas), "--duration", f"{duration:.3f}s", *gates, *by_hand,
                             "--hpa-sync-period", f"{arguments.sync}s", "--hpa-downscale-stabilization", f"{arguments.stabilization}s", "--pod-request", request,
                             "--pod-start", pod_start, "--controller-delay", f"{arguments.delay:.3f}s", *extra], capture_output=True, text=True, timeout=300)
    if output.returncode != 0:
        raise RuntimeError(output.stderr)
    return json.loads(output.stdout)["variants"][0]


def judge(arguments, case, folder, duration):
    """(good, changes in one sequence or the other, what to say)"""
    real, times = [count for _, count in case.seen], [at for at, _ in case.seen]
    likelihood, seeds, different, best = 0.0, [], 0, None
    for pod_start in (["0.4s", "0.8s", "1.2s", "1.8s", "2.5s"] if case.real_pods else ["1s"]):
        runs = simulate(arguments, case, folder, duration, pod_start, ["--seed", "1", "--runs", str(arguments.runs)])["runs"]
        different = max(different, len(runs["outcomes"]))
        best = best or runs["outcomes"][0]["sequence"]
        for outcome in runs["outcomes"]:
            if outcome["sequence"] == real:
                likelihood = max(likelihood, outcome["share"])
                seeds.append((pod_start, outcome["seed"]))
    shown = ", ".join(f"{count} at {at:.1f}" for at, count in case.seen)
    if not seeds:
        return False, different, f"real {shown}: not among {different} simulated sequences; the likeliest: {best}"
    # A sequence comes at different times, by the phase of the syncs and by races at the ends of windows: the real
    # times must be near those of a simulated run with the same sequence.
    nearest = None
    for pod_start, seed in seeds + [(seeds[0][0], n) for n in range(60)]:
        variant = simulate(arguments, case, folder, duration, pod_start, ["--seed", str(seed)])
        if variant["sequence"] == real:
            off = max([abs(change["at"] - at) for change, at in zip(variant["changes"], times[1:])], default=0.0)
            nearest = off if nearest is None else min(nearest, off)
        if nearest is not None and nearest <= arguments.sync / 2:
            break
    good = nearest <= arguments.sync + 0.4  # one sync period, and what watching and writing take
    return good, different, f"{len(real) - 1} changes, {' '.join(map(str, real))}: 1 of {different} possible ({likelihood:.0%}), times within {nearest:.2f} s" + ("" if good else "; real " + shown)


def set_up(arguments, cases, port):
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


def take_down():
    for group, version in SERVICES:
        kubectl("delete", "apiservice", f"{version}.{group}", "--ignore-not-found", check=False)
    kubectl("delete", "namespace", NAMESPACE, "--wait=false", "--ignore-not-found", check=False)


def replace(base, case, hpa):
    """Returns when it was replaced."""
    path = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/{case.name}"
    request = urllib.request.Request(base + path, json.dumps(hpa).encode(), {"Content-Type": "application/json"}, method="PUT")
    began = time.monotonic()
    try:
        urllib.request.urlopen(request, timeout=20).read()
    except urllib.error.HTTPError as refused:
        raise RuntimeError(f"{case.name}: {refused.read().decode()}") from refused
    return (began + time.monotonic()) / 2 - case.began


def observe(arguments, cases, duration, folder):
    stop, proxy = threading.Event(), None
    try:
        set_up(arguments, cases, serve(arguments.host, folder))
        proxy = subprocess.Popen(["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
        base = "http://127.0.0.1:" + proxy.stdout.readline().rsplit(":", 1)[1].strip()
        for watcher in (watch_pods, watch_replicas):
            threading.Thread(target=watcher, args=(base, cases, stop), daemon=True).start()
        time.sleep(1)
        for case in cases.values():
            kubectl("create", "-f", "-", document=case.hpa)
            case.began = time.monotonic()
        ends = time.monotonic() + duration
        print(f"{len(cases)} HPAs made; {duration:.0f} s to go", file=sys.stderr)
        for case, change in sorted(((case, change) for case in cases.values() for change in case.changes), key=lambda c: c[0].began + c[1][0]):
            time.sleep(max(0.0, case.began + change[0] - time.monotonic()))
            change[0] = replace(base, case, change[1])
        time.sleep(max(0.0, ends - time.monotonic()))
    finally:
        stop.set()
        take_down()
        if proxy:
            proxy.terminate()
            proxy.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hpawalk", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--sync", type=int, required=True)
    parser.add_argument("--stabilization", type=int, required=True)
    parser.add_argument("--gates", action="store_true")
    parser.add_argument("--changing", help="build/dev/tests/hpasim/hpasim_changing; without it no HPA is changed")
    parser.add_argument("--cases", type=int, default=36)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--save", help="what was seen, as JSON")
    parser.add_argument("--seen", help="judge what --save kept, with the same other arguments, instead of a cluster")
    parser.add_argument("--version", help="the cluster's Kubernetes version, with --seen")
    arguments = parser.parse_args()
    if arguments.seen and not arguments.version:
        parser.error("--seen needs --version")
    for program in ("kubectl", "openssl"):
        if not shutil.which(program):
            report.skip("the simulator against a real HPA controller", f"{program} is missing")
            report.done()
    if not arguments.seen:
        arguments.version = json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"]
    minor = int(arguments.version.split(".")[1])
    arguments.zero, arguments.tolerances = arguments.gates or minor >= 37, arguments.gates or minor >= 35
    if not (arguments.changing and os.access(arguments.changing, os.X_OK)):
        report.skip("HPAs that are changed in the middle", "build the target hpasim_changing, and name it with --changing")
        arguments.changing = None
    r = random.Random(arguments.seed)
    made = [random_case(r, i, arguments) for i in range(arguments.cases)]
    cases, duration = {case.name: case for case, _ in made}, max(end for _, end in made)
    Metrics.cases = cases
    folder = tempfile.mkdtemp()
    if arguments.seen:
        with open(arguments.seen) as file:
            for kept in json.load(file):
                vars(cases[kept["name"]]).update(kept)
    else:
        observe(arguments, cases, duration, folder)
    if arguments.save:
        with open(arguments.save, "w") as file:
            json.dump([{**vars(case)} for case in cases.values()], file)
    outside, disturbed, changes, sure = 0, 0, 0, 0
    arguments.delay = controller_delay(cases.values(), arguments.sync)
    print(f"Kubernetes {arguments.version}: {sum(len(case.asked) for case in cases.values())} syncs seen, each {arguments.delay * 1000:.0f} ms longer than the period on average")
    for case in cases.values():
        case.seen = [s for s in case.seen if s[0] <= duration]
        good, different, text = judge(arguments, case, folder, duration)
        pause = longest_pause(case, duration)
        excused = not good and pause > 2 * arguments.sync
        if excused:
            text = f"cannot be judged: the controller did not look at it for {pause:.1f} s; {text}"
        if not good and case.unschedulable:
            text = f"a pod of it did not fit on the node for a while; {text}"
        disturbed += excused
        outside += not good and not excused
        sure += different == 1
        changes += len(case.seen) - 1
        print(f"{'ok  ' if good else 'SKIP' if excused else 'FAIL'} {case.name} {case.kind:<16} {case.about:<24} {text}", flush=True)
    shutil.rmtree(folder)
    zeros = sum(b == 0 for case in cases.values() for (_, a), (_, b) in zip(case.seen, case.seen[1:]))
    print(f"{len(cases)} HPAs on a real controller, {changes} changes of replicas, {zeros} of them to zero; {sum(len(case.changes) for case in cases.values())} changes of HPAs; in {sure} only one sequence is possible, in the others the set of possible ones was compared")
    report.add(len(cases) - outside - disturbed, outside, disturbed)
    report.done()


if __name__ == "__main__":
    main()
