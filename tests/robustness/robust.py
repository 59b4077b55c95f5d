"""What the tests of robustness share: hpawalk run within limits, and a made-up API server for it to ask.

A run is at fault when it ends by a signal, with exit code 70 (hpawalk's own word for a bug) or any other that is not
documented, when it takes more than 5 s of processor time (or 60 s altogether: the machine may be busy), or more than
500 MB of memory.
"""
import http.server, json, os, pathlib, shutil, signal, socketserver, subprocess, sys, tempfile, threading, urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # of report.py
FACTS = HERE.parent / "facts" / "healthy.json"
EXIT_CODES = {0, 1, 2, 3}
CPU_SECONDS, SECONDS, MEGABYTES = 5, 60, 500


class Outcome:
    def __init__(self, code, cpu, megabytes, timed_out, out, err):
        self.code, self.cpu, self.megabytes, self.timed_out, self.out, self.err = code, cpu, megabytes, timed_out, out, err

    def fault(self, allowed=EXIT_CODES):
        if self.timed_out: return f"did not end within {SECONDS} s"
        if self.code < 0: return f"ended by {signal.Signals(-self.code).name}"
        if self.code not in allowed: return f"exit code {self.code}"
        if self.cpu > CPU_SECONDS: return f"took {self.cpu:.1f} s of processor time"
        if self.megabytes > MEGABYTES: return f"took {self.megabytes:.0f} MB"
        return None


class Home:
    """A folder for the runs: nothing of the user's is read or written."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="hpawalk-robustness-"))
        for name in ("bin", "run", "work"): (self.path / name).mkdir()
        (self.path / "run").chmod(0o700)
        shutil.copy(HERE / "kubectl", self.path / "bin" / "kubectl")
        self.environment = {"HOME": str(self.path), "PATH": f"{self.path}/bin:/usr/bin:/bin", "XDG_RUNTIME_DIR": str(self.path / "run"),
                            "XDG_CACHE_HOME": str(self.path / "cache"), "XDG_STATE_HOME": str(self.path / "state"), "TMPDIR": str(self.path / "work"), "LANG": "C.UTF-8"}

    def file(self, name, content):
        target = self.path / "work" / name
        target.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
        return str(target)

    def remove(self): shutil.rmtree(self.path, ignore_errors=True)


def run(program, arguments, home, extra=None, interrupt=None):
    """`interrupt`: Ctrl-C after so many seconds, for what goes on until then; its exit code is 130."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=home.path / "work", env={**home.environment, **(extra or {})}, start_new_session=True)
        timed_out = threading.Event()

        def end():
            timed_out.set()
            try: os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError: pass

        def watch():  # no run may take the machine's memory
            while child.returncode is None and not timed_out.wait(0.2):
                try: pages = int(pathlib.Path(f"/proc/{child.pid}/statm").read_text().split()[1])
                except (OSError, IndexError, ValueError): return
                if pages * 4096 > 3e9: return end()

        timer = threading.Timer(SECONDS, end)
        timer.start()
        if interrupt: threading.Timer(interrupt, lambda: child.returncode is None and os.kill(child.pid, signal.SIGINT)).start()
        threading.Thread(target=watch, daemon=True).start()
        _, status, usage = os.wait4(child.pid, 0)  # its peak of memory is at least this script's own, which so must stay small
        child.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        out.seek(0), err.seek(0)
        return Outcome(child.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, timed_out.is_set() and child.returncode == -9,
                       out.read(4 << 20).decode("utf-8", "replace"), err.read(4 << 20).decode("utf-8", "replace"))


class Api:
    """An API server that answers what healthy.json holds; `change(path, value)` may put another answer in its place.

    `change` gets the path with its query and the JSON (None where there is nothing) and returns None for no change, bytes
    or JSON for another body, or (status, body)."""

    def __init__(self, socket, facts=None):
        facts = facts or json.loads(FACTS.read_text())
        self.answers = {}
        for reading in facts["readings"].values():
            self.answers.setdefault(reading["path"].split("?")[0], reading)
            self.answers[reading["path"]] = reading
        self.change = lambda path, value: None
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def address_string(self): return "test"
            def log_message(self, *words): pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                if length: self.rfile.read(length)
                status, body = api.answer(self.command, self.path)
                if not isinstance(body, bytes): body = json.dumps(body).encode("utf-8", "surrogatepass")
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # who asked has gone

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer

        self.socket = str(socket)

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads, request_queue_size = True, 64
            def handle_error(self, request, address): pass

        self.server = Server(self.socket, Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def healthy(self, method, path):
        if method == "POST" and "accessreviews" in path: return 201, {"status": {"allowed": True}}
        if path == "/version": return 200, {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        reading = self.answers.get(path) or self.answers.get(path.split("?")[0])
        if reading is None and "/namespaces/default/" in path: return 200, self.of_the_walkthrough(path.split("?")[0])
        if reading is None: return 404, {"kind": "Status", "message": "not found"}
        if "value" not in reading: return 404, {"kind": "Status", "message": reading["error"]["message"]}
        return 200, {"status": "success", "data": reading["value"]} if "/proxy/api/v1/" in path else reading["value"]

    # The walkthrough's own chain, as far as its commands look.
    def of_the_walkthrough(self, path):
        if path.endswith("/value"): return b"5\n"
        meta = lambda name: {"name": name, "namespace": "default", "resourceVersion": "5", "uid": name, "labels": {"app": name, "app.kubernetes.io/managed-by": "hpawalk", "app.kubernetes.io/part-of": "hpawalk"}}
        objects = {
            "horizontalpodautoscalers": {"metadata": meta("nginx"), "spec": {"minReplicas": 1, "maxReplicas": 10, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nginx"}, "metrics": [
                {"type": "Object", "object": {"metric": {"name": "prom_fake_value"}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "prom-fake"}, "target": {"type": "Value", "value": "10"}}}]},
                "status": {"currentReplicas": 1, "desiredReplicas": 1, "conditions": [{"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "m", "lastTransitionTime": "2026-11-25T16:00:00Z"}],
                           "currentMetrics": [{"type": "Object", "object": {"metric": {"name": "prom_fake_value"}, "current": {"value": "5"}}}]}},
            "deployments": {"metadata": meta("nginx"), "spec": {"replicas": 1}, "status": {"replicas": 1, "readyReplicas": 1}},
            "pods": {"metadata": meta("prom-fake"), "spec": {"containers": [{"name": "prom-fake"}]}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}},
            "services": {"metadata": meta("prom-fake"), "spec": {"ports": [{"name": "web", "port": 80}], "clusterIP": "10.0.0.1"}},
            "events": {"metadata": meta("e"), "type": "Normal", "reason": "SuccessfulRescale", "message": "New size: 1", "count": 1, "lastTimestamp": "2026-11-25T16:00:00Z"}}
        words = path.split("/")
        for kind, one in objects.items():
            if kind in words: return {"metadata": {"resourceVersion": "5"}, "items": [one]} if words[-1] == kind else one
        return {"metadata": {"resourceVersion": "5"}, "items": []}

    def answer(self, method, path):
        if "watch=1" in path: return 410, {"kind": "Status", "code": 410}
        status, body = self.healthy(method, path)
        changed = self.change(urllib.parse.unquote(path), body)
        if changed is None: return status, body
        return changed if isinstance(changed, tuple) else (status, changed)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        pathlib.Path(self.socket).unlink(missing_ok=True)


class Prometheus:
    """An HTTP server on 127.0.0.1 that gives one body to every question."""

    def __init__(self):
        self.body = b"{}"
        prometheus = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass

            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(prometheus.body)))
                self.end_headers()
                try: self.wfile.write(prometheus.body)
                except OSError: pass

            do_POST = do_GET

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
