#!/usr/bin/env python3
"""A Prometheus that wants credentials, asked by the real program: a token, a header, a client certificate, and the token
of az for an Azure Monitor workspace. None of them may be seen anywhere else.

Usage: prometheus.py HPAWALK     The workspace's part needs root and unshare: its name leads to this machine, in a mount
namespace of its own.
"""
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import threading
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
for folder in (HERE.parent, HERE.parent / "robustness"):
    sys.path.insert(0, str(folder))
import report
import robust
from report import check, skip

HPAWALK = os.path.abspath(sys.argv[1])
SECRET = "hunter2-Qm9ndXM"
WORKSPACE = "shop-a1b2.westeurope.prometheus.monitor.azure.com"
HPA = (robust.HERE / "cases" / "hpa.yaml").read_text()


class Prometheus:
    """Answers what healthy.json's Prometheus answered, to requests that `admits(headers)`; tells others what they sent."""

    def __init__(self, admits, tls=None):
        self.requests, self.refused = [], 0
        answers = {}
        for key, reading in json.loads(robust.FACTS.read_text())["readings"].items():
            if key.startswith("prom:"):
                answers.setdefault(re.sub(".*/proxy(?=/api/)", "", reading["path"]).split("?")[0], reading["value"])
                answers[re.sub(".*/proxy(?=/api/)", "", reading["path"])] = reading["value"]
        prometheus = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def do_GET(self):
                prometheus.requests.append(dict(self.headers))
                if admits(self.headers):
                    status, body = 200, json.dumps({"status": "success", "data": prometheus.data(answers, self.path)})
                else:
                    prometheus.refused += 1
                    status, body = 401, f"not admitted: {dict(self.headers)}"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):  # a client without a certificate
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @staticmethod
    def data(answers, path):
        if path.startswith("/api/v1/query_range"):
            asked = urllib.parse.parse_qs(urllib.parse.urlparse(path).query)
            start, end = (float(asked[name][0]) for name in ("start", "end"))
            return {"resultType": "matrix", "result": [{"metric": {}, "values": [[start, "5"], [end, "50"]]}]}
        if path.startswith("/api/v1/query"):
            return {"resultType": "vector", "result": []}
        return answers.get(path, answers.get(path.split("?")[0], []))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def certificates(folder):
    """ca.pem, and server.pem and client.pem of it, each with its key."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.pem")
    for name, extra in (("server", f"subjectAltName=IP:127.0.0.1,DNS:{WORKSPACE}"), ("client", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        (folder / f"{name}.ext").write_text(extra + "\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Tests:
    def __init__(self, home):
        self.home, self.work = home, home.path / "work"
        self.hpa = home.file("hpa.yaml", HPA)
        self.seen = []  # everything that a run wrote
        certificates(self.work)
        # What children are started with, and an az that has a token.
        for tool, says in (("kubectl", None), ("az", SECRET)):
            script = self.home.path / "bin" / tool
            if says is None:
                script.rename(script.with_name("kubectl.real"))
                says = 'exec "$0.real" "$@"'
            else:
                says = f"printf '%s\\n' {says}"
            script.write_text(f'#!/bin/sh\nprintf "%s %s\\n" {tool} "$*" >> "{self.work}/children"\n{says}\n')
            script.chmod(0o755)

    def run(self, *words, within=()):
        outcome = robust.run(within[0] if within else HPAWALK, [*within[1:], HPAWALK, *words] if within else list(words), self.home, {"HPAWALK_DEBUG": "1"})
        self.seen.append(outcome.out + outcome.err)
        return outcome

    def simulate(self, url, *words, **more):
        return self.run("simulate", "--hpa", self.hpa, "--from-prometheus", "up", "--last", "10m", "--prometheus", url, *words, **more)

    def token(self):
        prometheus = Prometheus(lambda headers: headers["Authorization"] == f"Bearer {SECRET}")
        url, token = f"http://127.0.0.1:{prometheus.port}", self.home.file("token", SECRET + "\n")
        without = self.simulate(url)
        check("without a token, simulate says which option gives one, with exit 1",
              without.code == 1 and "[prometheus-login]" in without.err and "--prometheus-token-file" in without.err, without.err)
        wrong = self.simulate(url, "--prometheus-token-file", self.home.file("wrong", SECRET + "-old"))
        check("so does a wrong one, which the answer repeats", wrong.code == 1 and "HTTP 401" in wrong.err, wrong.err)
        for words in (["--prometheus-token-file", token], ["--prometheus-header", f"Authorization: Bearer {SECRET}"]):
            for command in ("simulate", "tune"):
                ran = self.run(command, "--hpa", self.hpa, "--from-prometheus", "up", "--last", "10m", "--prometheus", url, *words,
                               "--report", str(self.work / "report.html"), *(["--candidates", "10"] if command == "tune" else []))
                check(f"with {words[0]}, {command} gets the load", ran.code == 0, ran.err)
        before = prometheus.refused
        refused = self.run("diagnose", "-n", "shop", "--prometheus", url)
        check("without a token, diagnose cannot judge Prometheus, and says which option gives one",
              refused.code in (1, 3) and "--prometheus-token-file" in refused.out and prometheus.refused > before, refused.out + refused.err)
        before, asked = prometheus.refused, len(prometheus.requests)
        saved = self.work / "facts.json"
        ran = self.run("diagnose", "-n", "shop", "--prometheus", url, "--prometheus-token-file", token, "--save", str(saved))
        check("with it, each of diagnose's queries is admitted", prometheus.refused == before and len(prometheus.requests) > asked + 5, ran.out + ran.err)
        check("and --facts judges the saved facts the same", self.run("diagnose", "--facts", str(saved)).out == ran.out)
        prometheus.close()

    def certificate(self):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.work / "server.pem", self.work / "server.key")
        tls.load_verify_locations(self.work / "ca.pem")
        tls.verify_mode = ssl.CERT_REQUIRED
        prometheus = Prometheus(lambda headers: headers["X-Scope-OrgID"] == "shop", tls)
        url, tenant = f"https://127.0.0.1:{prometheus.port}", ["--prometheus-header", "X-Scope-OrgID: shop"]
        own = ["--prometheus-client-certificate", str(self.work / "client.pem"), "--prometheus-client-key", str(self.work / "client.key")]
        ca = ["--prometheus-ca", str(self.work / "ca.pem")]
        for name, words in (("without the authority", [*own, *tenant]), ("without a client certificate", [*ca, *tenant])):
            ran = self.simulate(url, *words)
            check(f"{name}, there is no connection, with exit 3", ran.code == 3 and not prometheus.requests, ran.err)
        ran = self.simulate(url, *ca, *own)
        check("with the certificate, and without the tenant, the request is refused", ran.code == 1 and "[prometheus-login]" in ran.err, ran.err)
        ran = self.simulate(url, *ca, *own, *tenant)
        check("with both, simulate gets the load", ran.code == 0, ran.err)
        prometheus.close()

    def workspace(self):
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.work / "server.pem", self.work / "server.key")
        prometheus = Prometheus(lambda headers: headers["Authorization"] == f"Bearer {SECRET}", tls)
        ca = ["--prometheus-ca", str(self.work / "ca.pem")]
        ran = self.simulate(f"https://127.0.0.1:{prometheus.port}", *ca)
        asked = lambda: [line for line in (self.work / "children").read_text().splitlines() if line.startswith("az ")] if (self.work / "children").exists() else []
        check("another host gets no token of az", ran.code == 1 and prometheus.refused == 1 and not asked(), ran.err, asked())
        hosts = self.home.file("hosts", f"127.0.0.1 localhost {WORKSPACE}\n")
        within = ["unshare", "--mount", "sh", "-c", f'mount --bind "{hosts}" /etc/hosts && exec "$@"', "sh"]
        if os.geteuid() != 0 or robust.run(within[0], [*within[1:], "true"], self.home).code != 0:
            skip("an Azure Monitor workspace gets a token of az", "needs root and mount namespaces")
        else:
            url = f"https://{WORKSPACE}:{prometheus.port}"
            before = prometheus.refused
            ran = self.simulate(url, *ca, within=within)
            line = "az account get-access-token --resource https://prometheus.monitor.azure.com --query accessToken --output tsv"
            check("an Azure Monitor workspace gets a token of az", ran.code == 0 and asked() == [line], ran.err, asked())
            ran = self.run("diagnose", "-n", "shop", "--prometheus", url, *ca, within=within)
            check("diagnose asks az once for all of its queries", asked() == [line, line] and prometheus.refused == before, asked(), ran.out + ran.err)
            (self.home.path / "bin" / "az").write_text('#!/bin/sh\necho "ERROR: Please run \'az login\' to setup account." >&2\nexit 1\n')
            ran = self.simulate(url, *ca, within=within)
            check("without a login of az, the error says so, with exit 3", ran.code == 3 and "[az-login]" in ran.err, ran.err)
        prometheus.close()

    def secrets(self):
        files = [path for path in self.work.iterdir() if path.name in ("facts.json", "report.html", "children")]
        check("facts, a report and the children's command lines were written", len(files) == 3, files)
        shown = "".join(self.seen) + "".join(path.read_text() for path in files)
        check("no secret is in the output, the debug log, the facts, the report or a child's command line", SECRET not in shown and "PRIVATE KEY" not in shown,
              [line for line in shown.splitlines() if SECRET in line])


def main():
    home = robust.Home()
    api = robust.Api(home.path / "api")
    home.environment["FAKE_API"] = api.socket
    try:
        tests = Tests(home)
        for part in (tests.token, tests.certificate, tests.workspace, tests.secrets):
            part()
    finally:
        api.close()
        home.remove()


if __name__ == "__main__":
    main()
    report.done()
