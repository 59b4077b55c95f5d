#!/usr/bin/env python3
"""A large cluster, for large.sh.

large.py fill SOCKET HPAS PODS SPACES   makes namespaces load-0..., HPAs, their Deployments and Services, and pods, through
                                        `kubectl proxy --unix-socket=SOCKET`. Nobody runs them: the Deployments are
                                        paused, and the pods name a scheduler that does not exist; their status says Running.
large.py serve SOCKET HPAS PODS SPACES  answers as an API server with these objects would, on that socket, by pages
"""
import concurrent.futures
import http.client
import http.server
import itertools
import json
import socket
import socketserver
import sys
import threading
import time
import urllib.parse


def metric_of(i):
    """One of each kind, in turn."""
    target = {"type": "AverageValue", "averageValue": "10"}
    return [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}},
        {"type": "Pods", "pods": {"metric": {"name": "requests_per_second"}, "target": target}},
        {"type": "Object", "object": {"metric": {"name": "queue_length"}, "target": {"type": "Value", "value": "30"},
                                      "describedObject": {"apiVersion": "v1", "kind": "Service", "name": f"app-{i}"}}},
        {"type": "External", "external": {"metric": {"name": "messages", "selector": {"matchLabels": {"queue": f"q{i}"}}}, "target": target}},
    ][i % 4]


def pod_spec(i):
    probe = {"httpGet": {"path": "/healthz", "port": "web"}, "periodSeconds": 10}
    return {
        "schedulerName": "nobody",
        "containers": [{
            "name": "app", "image": f"registry.example.com/team/app-{i}:v1.2.3", "args": ["--listen=:8080", f"--name=app-{i}"],
            "ports": [{"name": "web", "containerPort": 8080}], "readinessProbe": probe, "livenessProbe": probe,
            "env": [{"name": f"SETTING_{n}", "value": f"value-{n}-of-app-{i}"} for n in range(12)],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}}]}


def objects(hpas, pods, spaces):
    """(path, object, status) in the order in which they can be made; HPAs are spread over the namespaces."""
    for n in range(spaces):
        yield "/api/v1/namespaces", {"metadata": {"name": f"load-{n}"}}, None
    each = max(1, pods // hpas)
    for i in range(hpas):
        space, name, labels = f"load-{i % spaces}", f"app-{i}", {"app.kubernetes.io/name": f"app-{i}", "team": f"t{i % 17}"}
        meta = {"name": name, "namespace": space, "labels": labels}
        yield f"/apis/apps/v1/namespaces/{space}/deployments", {
            "metadata": meta, "spec": {"paused": True, "replicas": each, "selector": {"matchLabels": labels},
                                       "template": {"metadata": {"labels": labels}, "spec": pod_spec(i)}}}, None
        yield f"/api/v1/namespaces/{space}/services", {
            "metadata": meta, "spec": {"selector": labels, "ports": [{"name": "web", "port": 80, "targetPort": "web"}]}}, None
        yield f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers", {
            "metadata": meta, "spec": {"minReplicas": 1, "maxReplicas": 10, "metrics": [metric_of(i)],
                                       "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}}}, None
    for p in range(pods):
        i = p % hpas
        space, labels = f"load-{i % spaces}", {"app.kubernetes.io/name": f"app-{i}", "team": f"t{i % 17}"}
        ready = [{"type": t, "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
                 for t in ("PodScheduled", "Initialized", "ContainersReady", "Ready")]
        status = {"phase": "Running", "podIP": f"10.{p >> 16 & 255}.{p >> 8 & 255}.{p & 255}", "conditions": ready,
                  "containerStatuses": [{"name": "app", "ready": True, "restartCount": 0, "image": f"app-{i}:v1", "imageID": "x",
                                         "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}
        yield f"/api/v1/namespaces/{space}/pods", {
            "metadata": {"name": f"app-{i}-{p}", "namespace": space, "labels": labels, "owner": f"app-{i}"}, "spec": pod_spec(i)}, status


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def fill(path, hpas, pods, spaces):
    local, uids = threading.local(), {}

    def call(method, url, body):
        data = json.dumps(body)
        for attempt in itertools.count(1):
            if not hasattr(local, "connection"):
                local.connection = UnixConnection(path)
            try:
                local.connection.request(method, url, data, {"Content-Type": "application/json"})
                answer = local.connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                del local.connection
                if attempt == 8:
                    raise
                continue
            if answer.status in (200, 201):
                return json.loads(text)
            if answer.status == 409:  # it is there already
                return call("GET", url + "/" + body["metadata"]["name"], {}) if method == "POST" else None
            # A namespace's service account comes a moment after it.
            if attempt == 8:
                sys.exit(f"{method} {url}: {answer.status} {text[:300]}")
            time.sleep(0.3 * attempt)

    def make(entry):
        url, thing, status = entry
        owner = thing["metadata"].pop("owner", None)
        if owner:  # else the controllers take the pod for nobody's
            thing["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner,
                                                     "uid": uids[owner], "controller": True}]
        made = call("POST", url, thing)
        if url.endswith("/deployments"):
            uids[thing["metadata"]["name"]] = made["metadata"]["uid"]
        if status and made.get("status", {}).get("phase") != "Running":
            made["status"] = status
            call("PUT", f"{url}/{thing['metadata']['name']}/status", made)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for stage in ("/namespaces", "/deployments", "/services", "/horizontalpodautoscalers", "/pods"):
            start, all_ = time.monotonic(), [o for o in objects(hpas, pods, spaces) if o[0].endswith(stage)]
            for _ in pool.map(make, all_):
                pass
            print(f"{len(all_)} {stage[1:]} in {time.monotonic() - start:.0f} s", file=sys.stderr)


def managed(value):
    """As the API server writes down who set which fields: as much again as the object itself."""
    return {f"f:{key}": managed(value[key]) for key in value} if isinstance(value, dict) else {}


def serve(path, hpas, pods, spaces):
    collections = {}
    for url, thing, status in objects(hpas, pods, spaces):
        owner = thing["metadata"].pop("owner", None)
        thing["metadata"] = thing["metadata"] | {"managedFields": [{"manager": "kubectl", "operation": "Apply", "time": "2026-01-01T00:00:00Z",
                                                                    "fieldsType": "FieldsV1", "fieldsV1": managed(thing)}]}
        if owner:
            thing["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner}]
        if status:
            thing["status"] = status
        text = json.dumps(thing)
        parts = url.split("/namespaces/")
        collections.setdefault(url, []).append(text)
        if len(parts) == 2:
            collections.setdefault(parts[0] + "/" + parts[1].split("/")[1], []).append(text)
    collections["/apis/apiregistration.k8s.io/v1/apiservices"] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def address_string(self):
            return "socket"

        def log_message(self, *_):
            pass

        def answer(self, code, body):
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(201, b'{"status":{"allowed":true}}')

        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            if url.path == "/version":
                return self.answer(200, b'{"gitVersion":"v1.34.0"}')
            if url.path not in collections:
                return self.answer(404, b'{"kind":"Status","message":"not found"}')
            items = [] if "labelSelector" in query else collections[url.path]
            start, limit = int(query.get("continue", 0)), int(query.get("limit", 0)) or len(items)
            meta = {"resourceVersion": "1"}
            if start + limit < len(items):
                meta.update({"continue": str(start + limit), "remainingItemCount": len(items) - start - limit})
            self.answer(200, ('{"kind":"List","metadata":%s,"items":[%s]}' % (json.dumps(meta), ",".join(items[start:start + limit]))).encode())

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads, request_queue_size = True, 64

    Server(path, Handler).serve_forever()


if __name__ == "__main__":
    {"fill": fill, "serve": serve}[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:6]))
