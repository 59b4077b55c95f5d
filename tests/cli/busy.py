#!/usr/bin/env python3
"""`hpawalk diagnose` before an API server that is large, slow or busy, and its debug log.

The API server answers what was once read from a real one (tests/facts/healthy.json), on a socket that a fake kubectl puts
where `kubectl proxy` would. Usage: busy.py HPAWALK
"""
import copy
import http.server
import json
import os
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report

HERE = os.path.dirname(os.path.abspath(__file__))
HPAWALK = os.path.abspath(sys.argv[1])
FACTS = os.path.join(HERE, "..", "facts", "healthy.json")
SECRET = "hunter2sekret"


def answers():
    with open(FACTS) as file:
        readings = json.load(file)["readings"]
    all_ = {}
    for key, reading in readings.items():
        if "value" not in reading:
            continue
        all_[reading["path"]] = answer_of(key, reading["value"])
    return all_


def answer_of(key, kept):
    """What was answered, out of what is kept of it."""
    if not key.startswith("prom:"):
        return kept
    if key.endswith(" targets"):
        kept = {"activeTargets": [{"labels": t["labels"], "scrapePool": t["pool"], "scrapeUrl": t["url"], "health": t["health"],
                                   "lastError": t["lastError"], "lastScrape": t["lastScrape"], "scrapeInterval": t["interval"]} for t in kept]}
    elif key.endswith(" samples"):
        kept = {"resultType": "vector", "result": [{"metric": row["labels"], "value": [row["time"], row["value"]]} for row in kept]}
    return {"status": "success", "data": kept}


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "socket"

    def say(self, code, value, headers=()):
        data = json.dumps(value).encode()
        self.send_response(code)
        for name, text in headers:
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        return True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.say(201, {"status": {"allowed": True}})

    def do_GET(self):
        server = self.server
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qsl(url.query)
        options = dict(query)
        plain = url.path
        kept = urllib.parse.urlencode([q for q in query if q[0] not in ("limit", "continue")], quote_via=urllib.parse.quote)
        with server.lock:
            server.asked.append(self.path)
        try:
            if server.hook and server.hook(self, plain):
                return
            value = server.answers.get(plain + ("?" + kept if kept else "")) or server.answers.get(self.path) or server.answers.get(plain)
            if value is None:
                self.say(404, {"kind": "Status", "code": 404, "message": "not found"})
            elif "limit" in options and "items" in value:
                start, size = int(options.get("continue", 0)), min(int(options["limit"]), server.page)
                page = dict(value, items=value["items"][start:start + size], metadata={"resourceVersion": "1"})
                if start + size < len(value["items"]):
                    page["metadata"].update({"continue": str(start + size), "remainingItemCount": len(value["items"]) - start - size})
                self.say(200, page)
            else:
                self.say(200, value)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads, request_queue_size = True, 64


class Busy:
    """An API server with this hook; runs hpawalk before it."""

    def __init__(self, hook=None, page=500, change=None):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "api")
        self.server = Server(path, Api)
        self.server.answers, self.server.hook, self.server.page = answers(), hook, page
        self.server.asked, self.server.lock = [], threading.Lock()
        if change:
            change(self.server.answers)
        kubectl = os.path.join(self.folder.name, "kubectl")
        with open(kubectl, "w") as file:
            file.write(f"""#!/bin/sh
for word in "$@"; do case $word in
  --unix-socket=*) ln -s {path} "${{word#--unix-socket=}}"; exec sleep 600 ;;
  view) printf shop; exit 0 ;;
esac; done
""")
        os.chmod(kubectl, 0o755)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, *args, env=(), limit=60):
        environment = {"PATH": self.folder.name + ":" + os.environ["PATH"], "HOME": self.folder.name, **dict(env)}
        start = time.monotonic()
        done = subprocess.run([HPAWALK, "diagnose", *args], env=environment, cwd=self.folder.name, text=True, capture_output=True, timeout=limit)
        done.seconds = time.monotonic() - start
        return done

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


def check(sentence, holds, done):
    report.check(f"{sentence} ({done.seconds:.1f} s)", holds, f"exit code {done.returncode}", done.stdout[-1500:], done.stderr[-1500:])


def verdicts(done):
    return [(h["name"], h["verdict"]) for h in json.loads(done.stdout)["hpas"]]


def many_hpas(count):
    def change(all_):
        hpas = all_["/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"]
        first = hpas["items"][0]
        for i in range(1, count):
            other = copy.deepcopy(first)
            other["metadata"]["name"] = f"copy-{i:03}"
            hpas["items"].append(other)
    return change


def main():
    with Busy() as api:
        plain = api.run("-o", "json")
        text = api.run()
        check("a healthy chain is not broken", plain.returncode == 0, plain)

    with Busy(page=7, change=many_hpas(300)) as api, Busy(change=many_hpas(300)) as whole:
        by_pages, at_once = api.run("-o", "json"), whole.run("-o", "json")
        check("300 HPAs that come by sevens are judged as those that come at once",
              len(verdicts(by_pages)) == 300 and by_pages.stdout.count("verdict") == at_once.stdout.count("verdict")
              and verdicts(by_pages) == verdicts(at_once), by_pages)

    def forgetful(handler, path):
        if path == "/api/v1/services" and "continue" in handler.path and not handler.server.__dict__.setdefault("forgot", False):
            handler.server.forgot = True
            return handler.say(410, {"kind": "Status", "code": 410, "message": "The provided continue parameter is too old"})
        return False
    with Busy(forgetful, page=2) as api:
        done = api.run("-o", "json")
        check("a list that is forgotten on the way is read anew", verdicts(done) == verdicts(plain) and api.server.forgot, done)

    def drips(handler, path):
        if path != "/api/v1/services":
            return False
        data = json.dumps(handler.server.answers[path]).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        for n in range(13):
            handler.wfile.write(data[len(data) * n // 13:len(data) * (n + 1) // 13])
            handler.wfile.flush()
            time.sleep(0.95)
        return True
    with Busy(drips) as api:
        done = api.run("-o", "json")
        check("a list that needs 12 s, but comes all the time, is waited for", verdicts(done) == verdicts(plain) and done.seconds > 11, done)

    def silent(handler, path):
        if path == "/api/v1/services":
            time.sleep(14)
        return False
    with Busy(silent) as api:
        done = api.run()
        check("a list that never comes is unknown, and the API server is not said to be silent",
              done.returncode == 3 and "does not respond" not in done.stdout + done.stderr and "no data arrived for 10s" in done.stdout, done)

    def busy(handler, path):
        if path in ("/api/v1/services", "/apis/apiregistration.k8s.io/v1/apiservices"):
            return handler.say(429, {"kind": "Status", "code": 429, "message": "too many requests, please try again later"})
        return False
    with Busy(busy) as api:
        done = api.run()
        check("Services and APIServices that are answered 429 are unknown, not broken", done.returncode == 3 and "FAIL" not in done.stdout, done)

    def later(handler, path):
        count = sum(1 for asked in handler.server.asked if asked.startswith("/api/v1/services"))
        if path == "/api/v1/services" and count < 3:
            return handler.say(429, {"kind": "Status", "code": 429, "message": "later"}, [("Retry-After", "1")])
        return False
    with Busy(later) as api:
        done = api.run("-o", "json")
        check("429 with Retry-After is waited for and asked again", verdicts(done) == verdicts(plain) and 2 <= done.seconds < 10, done)

    def endless(handler, path):
        if path != "/api/v1/services":
            return False
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        while True:
            handler.wfile.write(b'{"items":[' + b" " * 1000000)
    with Busy(endless) as api:
        done = api.run()
        check("an answer without end is unknown", done.returncode == 3 and "larger than" in done.stdout, done)

    with Busy() as api:
        secrets = ["--prometheus", f"http://eve:{SECRET}@127.0.0.1:1/?token={SECRET}"]
        done = api.run("--debug", *secrets, env={"HTTPS_PROXY": f"http://eve:{SECRET}@proxy"})
        lines = done.stderr.splitlines()
        told = [any(word in line for line in lines if line.startswith("debug "))
                for word in ("kubectl proxy --unix-socket=", "GET /api/v1/services?limit=500: 200, ", "child 1: exit 0")]
        check("--debug tells children and requests", all(told), done)
        check("--debug tells no secret", SECRET not in done.stderr.replace("\n", ""), done)
        by_variable = api.run(env={"HPAWALK_DEBUG": "1"})
        check("HPAWALK_DEBUG=1 is --debug, and stdout is what it is without",
              "debug " in by_variable.stderr and by_variable.stdout == text.stdout, by_variable)
        check("without either there is no debug line", "debug " not in text.stderr, text)

    report.done()


main()
