#!/usr/bin/env python3
"""A strict fake of whatever it is called as (az, kind, kubectl, ...).

$FAKES/script.json is a list of {"argv": [...], "out": "", "err": "", "code": 0, "stdin": "a part of it"}: each is used
once, in any order. A call that nobody expected is written to $FAKES/unexpected and fails; what is left over in the script is
for the test to complain about. Every call is written to $FAKES/calls. `kubectl proxy --unix-socket=S` is a server that
answers with $FAKES/api.json ({"GET /version": {...}}), 404 for everything else.
"""
import fcntl
import http.server
import json
import os
import socketserver
import sys

folder = os.environ["FAKES"]
argv = [os.path.basename(sys.argv[0]), *sys.argv[1:]]


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "socket"

    def handle_any(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with open(os.path.join(folder, "api.json")) as file:
            found = json.load(file).get(f"{self.command} {self.path}")
        data = json.dumps(found if found is not None else {"kind": "Status", "code": 404, "message": f"not found: {self.path}"}).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = handle_any


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def write(name, text):
    with open(os.path.join(folder, name), "a") as file:
        file.write(text + "\n")


if argv[0] == "kubectl" and any(word.startswith("--unix-socket=") for word in argv):
    write("calls", json.dumps({"argv": [word for word in argv if not word.startswith("--unix-socket=")], "kubeconfig": os.environ.get("KUBECONFIG")}))
    Server(next(word for word in argv if word.startswith("--unix-socket=")).split("=", 1)[1], Api).serve_forever()

if argv[0] == "kubectl" and "version" in argv or argv == ["helm", "version", "--short"]:
    print("Client Version: v1.34.4" if argv[0] == "kubectl" else "v3.19.5+g1234567")  # asked by every run
    sys.exit(0)

given = "" if sys.stdin.isatty() else sys.stdin.read()
with open(os.path.join(folder, "lock"), "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    write("calls", json.dumps({"argv": argv, "kubeconfig": os.environ.get("KUBECONFIG")}))
    with open(os.path.join(folder, "script.json")) as file:
        script = json.load(file)
    for i, step in enumerate(script):
        if step["argv"] == argv and step.get("stdin", "") in given:
            break
    else:
        write("unexpected", json.dumps({"argv": argv, "stdin": given[:2000]}))
        sys.exit(f"fake {argv[0]}: nobody expected {argv[1:]}")
    del script[i]
    with open(os.path.join(folder, "script.json"), "w") as file:
        json.dump(script, file)
if "file" in step:
    with open(step["file"], "w") as file:
        file.write("kind: Config\n")
sys.stdout.write(step.get("out", ""))
sys.stderr.write(step.get("err", ""))
sys.exit(step.get("code", 0))
