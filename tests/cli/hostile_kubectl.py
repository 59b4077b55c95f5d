#!/usr/bin/env python3
"""A kubectl of a cluster whose every text tries to steer the reader's terminal.

`proxy --unix-socket=S` replays tests/facts/healthy.json ($HOSTILE_FACTS) with MISCHIEF behind every message, error and log line, and
serves the walkthrough's own HPA, Deployment and Events in namespace default, so that `watch` has something to show. `logs` prints
MISCHIEF, or $HOSTILE_BYTES bytes of lines. $HOSTILE_STDERR: every other call fails with MISCHIEF on stderr.
"""
import http.server
import json
import os
import socketserver
import sys
import time

# A title, a bell, a cleared screen, a colour, a hidden text, DEL, C1 as UTF-8 and as a byte, a right-to-left override, half a character.
MISCHIEF = "\x1b]0;PWNED\x07\x1b[2J\x1b[1;1H\x1b[32mok\x1b[8m\x7f\u009b31m\u202etxt\u2066 \x08\x0c"
RAW = MISCHIEF.encode() + b" \x9b31m \xe2\x82 \xff"
KEYS = ("message", "lastError", "last_error", "error", "reason")

argv = sys.argv[1:]


def spoiled(value, key=""):
    if isinstance(value, dict):
        return {name: spoiled(below, name) for name, below in value.items()}
    if isinstance(value, list):
        return [spoiled(below, key) for below in value]
    return value + MISCHIEF if isinstance(value, str) and key in KEYS else value


def named(name, **fields):
    return {"metadata": {"name": name, "namespace": "default", "resourceVersion": "5", "uid": name,
                         "creationTimestamp": "2026-01-02T03:04:05Z"}, **fields}


HPA = named("nginx", spec={"minReplicas": 1, "maxReplicas": 10, "metrics": [],
                           "scaleTargetRef": {"kind": "Deployment", "name": "nginx", "apiVersion": "apps/v1"}},
            status={"currentReplicas": 1, "desiredReplicas": 1,
                    "conditions": [{"type": "ScalingActive", "status": "False", "reason": "Failed", "message": "bad\nsecond line" + MISCHIEF}]})
DEPLOYMENT = named("nginx", spec={"replicas": 1}, status={"replicas": 1, "readyReplicas": 1})
EVENT = named("e1", type="Warning", reason="X", message="event\nsecond line" + MISCHIEF, count=1,
              involvedObject={"kind": "HorizontalPodAutoscaler", "name": "nginx"})
LISTS = {"horizontalpodautoscalers": [HPA], "deployments": [DEPLOYMENT], "events": [EVENT], "pods": []}


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    by_path = {}

    def log_message(self, *_):
        pass

    def address_string(self):
        return "socket"

    def answer(self, code, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def watched(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # Changes for as long as somebody listens: a redrawn screen shows each of them.
        for version in range(6, 600):
            time.sleep(0.2)
            kind = next((name for name in LISTS if name in self.path), None)
            if kind == "events" and version == 8:
                now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                event = json.loads(json.dumps(EVENT))
                event["metadata"].update(name="e2", uid="e2", resourceVersion="8", creationTimestamp=now)
                self.send_line({"type": "ADDED", "object": event | {"firstTimestamp": now, "lastTimestamp": now}})
            if kind != "horizontalpodautoscalers":
                continue
            changed = json.loads(json.dumps(HPA))
            changed["metadata"]["resourceVersion"] = str(version)
            changed["status"]["conditions"][0]["message"] = f"bad {version}" + MISCHIEF
            self.send_line({"type": "MODIFIED", "object": changed})

    def send_line(self, document):
        line = json.dumps(document).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()

    def handle_any(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path
        try:
            if "watch=1" in path:
                return self.watched()
            if "accessreviews" in path:
                return self.answer(201, {"status": {"allowed": True}})
            found = self.by_path.get(path) or self.by_path.get(path.split("?")[0])
            if found is not None and "/log" in path:
                return self.answer(200, b"E0102 unable to fetch metrics: " + RAW + b"\n")
            if found is not None and "value" in found:
                value = spoiled(found["value"])
                return self.answer(200, {"status": "success", "data": value} if "/proxy/api/v1/" in path else value)
            for name, items in LISTS.items():
                if "/namespaces/default/" + name in path:
                    one = items and path.split("?")[0].endswith("/" + items[0]["metadata"]["name"])
                    return self.answer(200, items[0] if one else {"metadata": {"resourceVersion": "5"}, "items": items})
            self.answer(404, {"kind": "Status", "code": 404, "message": "not found: " + path + MISCHIEF})
        except BrokenPipeError:
            pass

    do_GET = do_POST = do_PUT = handle_any


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def logs():
    out = sys.stdout.buffer
    wanted = int(os.environ.get("HOSTILE_BYTES", "0"))
    line = b"[pod/web-0] " + b"x" * 1000 + b"\n"
    for _ in range(wanted // len(line)):
        out.write(line)
    if wanted == 0:
        out.write(b"[pod/web-0] first " + RAW + b"\n[pod/web-0] second \x1b[31m" + RAW + b"\r\n")
    out.flush()


if os.environ.get("HOSTILE_STDERR"):
    sys.stderr.buffer.write(b"error: " + RAW + b"\n")
    sys.exit(1)
socket = next((word.split("=", 1)[1] for word in argv if word.startswith("--unix-socket=")), None)
if socket:
    with open(os.environ["HOSTILE_FACTS"]) as file:
        for reading in json.load(file)["readings"].values():
            Api.by_path[reading["path"]] = reading
            Api.by_path.setdefault(reading["path"].split("?")[0], reading)
    Server(socket, Api).serve_forever()
elif "logs" in argv:
    logs()
elif "view" in argv:
    print("shop", end="")
elif "version" in argv:
    print("Client Version: v1.34.0")
else:
    print("hostile")
