#!/usr/bin/env python3
"""hpawalk exporter as it runs: outside of a cluster through a kubectl, and in a pod with nothing but its service account.

A stand-in API server answers what tests/facts/healthy.json holds, and then is broken, refuses, and answers again.
Usage: exporter.py HPAWALK
"""
import functools
import http.client
import http.server
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "robustness")]
import report
import robust
from report import check, skip

HPAWALK = os.path.abspath(sys.argv[1])
HPAS = "/apis/autoscaling/v2/horizontalpodautoscalers"
ACCOUNT = "var/run/secrets/kubernetes.io/serviceaccount"
TOKEN = "token-of-the-pod"


@functools.cache
def facts():
    """healthy.json is of one namespace; the exporter asks for all."""
    with open(robust.FACTS, encoding="utf-8") as file:
        document = json.load(file)
    readings = document["readings"]
    readings["all hpas"] = {"path": HPAS, "value": readings["hpas"]["value"]}
    return document


def prometheus(readings, path):
    """Prometheus's own answer, out of what facts keep of it; None: nothing but the answer is kept."""
    kept = lambda question: readings[f"prom:watch/prom-web:9191 {question}"]["value"]
    vector = lambda rows: {"resultType": "vector", "result": rows}
    samples = lambda rows: vector([{"metric": row["labels"], "value": [row["time"], row["value"]]} for row in rows])
    counts = lambda label, values: vector([{"metric": {label: name}, "value": [0, value]} for name, value in values.items()])
    if "/api/v1/targets" in path:
        return {"activeTargets": [{**target, "scrapePool": target["pool"], "scrapeUrl": target["url"], "scrapeInterval": target["interval"]} for target in kept("targets")]}
    if "match[]=" in path:
        question = "names " + path.split("match[]=")[1]
        return readings[f"prom:watch/prom-web:9191 {question}"]["value"] if f"prom:watch/prom-web:9191 {question}" in readings else []
    if "/api/v1/query?query=" not in path:
        return None
    query = path.split("query=", 1)[1]
    if query.startswith("{__name__=~"):
        return samples(kept("samples"))
    if query.startswith("count by"):
        return counts("__name__", kept("counts"))
    if query.startswith("label_replace(count("):
        return counts("hpawalk", kept("rule counts"))
    evaluated = readings.get(f"prom:watch/prom-web:9191 eval {query}")
    return samples(evaluated["value"] if evaluated else [])


class Exporter:
    def __init__(self, environment, *words, within=()):
        command = [*within, HPAWALK, "exporter", "--listen", "127.0.0.1:0", "--every", "5s", *words]
        self.child = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.log = []
        self.port = None
        self.listening = threading.Event()
        threading.Thread(target=self.read, daemon=True).start()
        self.listening.wait(30)

    def read(self):
        for line in self.child.stderr:
            self.log.append(line)
            if found := re.match(r"Serving http://127\.0\.0\.1:(\d+)/metrics", line):
                self.port = int(found[1])
                self.listening.set()
        self.listening.set()

    def get(self, path="/metrics"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return str(error)

    def wait(self, *lines, seconds=40):
        """Until the page has all these lines; returns the page."""
        end = time.monotonic() + seconds
        while True:
            page = self.get()
            if all(line in page.splitlines() for line in lines) or time.monotonic() > end:
                return page
            time.sleep(0.2)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return "did not end"


def has(page, line):
    return line in page.splitlines()


STATE = 'hpawalk_hpa_state{namespace="shop",horizontalpodautoscaler="object-value",state="%s"} 1'


def healthy(path, value):
    data = prometheus(facts()["readings"], path) if "/proxy/api/v1/" in path else None
    return None if data is None else {"status": "success", "data": data}


def outside(home, api):
    """Healthy, broken, refused, and healthy again."""
    document = facts()
    api.change = healthy
    exporter = Exporter(home.environment)
    check("the exporter says where it serves", exporter.port, exporter.log)
    page = exporter.wait(STATE % "ok")
    check("a healthy HPA is ok", has(page, STATE % "ok"), page, exporter.log)
    check("with each of its links", page.count('hpawalk_hpa_link_state{') == 10, page)
    check("/healthz is ok", exporter.get("/healthz") == "ok\n")

    broken = json.loads(json.dumps(document["readings"]["services"]["value"]))
    broken["items"] = [item for item in broken["items"] if item["metadata"]["namespace"] != "metrics-api"]
    hpas = json.loads(json.dumps(document["readings"]["hpas"]["value"]))
    for condition in hpas["items"][0]["status"]["conditions"]:
        if condition["type"] == "ScalingActive":
            condition.update(status="False", reason="FailedGetObjectMetric", message="unable to get metric lab_value: no metrics returned")
    unavailable = {"kind": "Status", "message": "the server is currently unable to handle the request", "code": 503}

    def change(path, value):
        if path.startswith(HPAS):
            return hpas
        if path.startswith("/api/v1/services"):
            return broken
        return (503, unavailable) if path.startswith("/apis/custom.metrics.k8s.io") else healthy(path, value)

    api.change = change
    page = exporter.wait(STATE % "broken")
    check("a broken one is broken", has(page, STATE % "broken"), page)
    check("with a cause on the link that broke", re.search(r'hpawalk_hpa_link_state\{.*,link="api-service",state="broken",cause="[a-z-]+"\} 1', page), page)
    check("and with the condition", has(page, 'hpawalk_hpa_status_condition{namespace="shop",horizontalpodautoscaler="object-value",condition="ScalingActive",status="False"} 1'), page)

    api.change = lambda path, value: (403, {"kind": "Status", "message": "no", "code": 403}) if path.startswith(HPAS) else healthy(path, value)
    page = exporter.wait("hpawalk_exporter_last_diagnosis_success 0")
    check("a diagnosis that failed is counted", has(page, "hpawalk_exporter_last_diagnosis_success 0"), page)
    check("and the last that succeeded is still told", has(page, STATE % "broken"), page)
    check("the log says why", any("[kube-forbidden]" in line for line in exporter.log), exporter.log)

    api.change = healthy
    page = exporter.wait(STATE % "ok", "hpawalk_exporter_last_diagnosis_success 1")
    check("a repaired one is ok again", has(page, STATE % "ok") and not has(page, STATE % "broken"), page)
    check("SIGTERM ends it with exit 0", exporter.stop() == 0, exporter.log)


def refused(home):
    taken = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    ran = robust.run(HPAWALK, ["exporter", "--listen", f"127.0.0.1:{taken.server_address[1]}"], home)
    check("a port that is taken is an error, with exit 3", ran.code == 3 and "[port-taken]" in ran.err, ran.err)
    taken.server_close()


def in_a_pod(home, api):
    """An HTTPS server that takes only the account's token, and no kubectl anywhere."""
    if os.geteuid() != 0 or robust.run("unshare", ["--mount", "true"], home).code != 0:
        return skip("in a pod, the exporter needs only its service account", "needs root and mount namespaces")
    folder = home.path / "pod"
    account = folder / ACCOUNT
    account.mkdir(parents=True)
    key, certificate = folder / "key.pem", account / "ca.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    (account / "namespace").write_text("hpawalk")
    (account / "token").write_text(TOKEN)
    tokens = set()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization", "")
            tokens.add(token)
            fine = token == f"Bearer {(account / 'token').read_text()}"
            status, body = api.answer(self.command, self.path) if fine else (401, {"kind": "Status", "message": "Unauthorized"})
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):  # a client that does not trust it
            pass

    server = Server(("127.0.0.1", 0), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    environment = {"PATH": str(folder), "HOME": str(folder), "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.server_address[1])}
    within = ["/usr/bin/unshare", "--mount", "/bin/sh", "-c",
              f'/bin/mount -t tmpfs none /run && /bin/mkdir -p /{ACCOUNT} && /bin/mount --bind "{account}" /{ACCOUNT} && exec "$@"', "sh"]
    exporter = Exporter(environment, within=within)
    page = exporter.wait(STATE % "ok")
    check("in a pod, the exporter needs only its service account", has(page, STATE % "ok"), page, exporter.log)
    (account / "token").write_text(TOKEN + "-renewed")
    before = page
    time.sleep(5)
    page = exporter.wait("hpawalk_exporter_last_diagnosis_success 1")
    check("a renewed token is used", f"Bearer {TOKEN}-renewed" in tokens and has(page, STATE % "ok") and page != before, page, exporter.log)
    check("it ends with exit 0", exporter.stop() == 0, exporter.log)

    other = folder / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=other", "-keyout", str(folder / "x"), "-out", str(other)],
                   check=True, capture_output=True)
    certificate.write_bytes(other.read_bytes())
    tokens.clear()
    exporter = Exporter(environment, within=within)
    page = exporter.wait("hpawalk_exporter_diagnosis_failures_total 1")
    check("an API server of another authority gets no token", has(page, "hpawalk_exporter_diagnosis_failures_total 1") and not tokens, page, exporter.log)
    check("and the log says why", any("certificate" in line for line in exporter.log), exporter.log)
    exporter.stop()
    server.shutdown()


def main():
    home = robust.Home()
    api = robust.Api(home.path / "api", facts())
    home.environment["FAKE_API"] = api.socket
    try:
        outside(home, api)
        refused(home)
        in_a_pod(home, api)
    finally:
        api.close()
        home.remove()


if __name__ == "__main__":
    main()
    report.done()
