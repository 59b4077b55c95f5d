#!/usr/bin/env python3
"""The static program resolves names and finds the authorities that TLS trusts, in roots with the layout of each distribution.

It downloads an operator's bundle from a server on 127.0.0.1 with an authority of its own.
Usage: unshare --net --mount names_and_roots.py HPAWALK     as root
"""
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report
from report import check

HPAWALK = os.path.abspath(sys.argv[1])
HOST = "bundles.example.org"
HOSTS, RESOLV = {"etc/hosts": f"127.0.0.1 {HOST}\n"}, {"etc/resolv.conf": "nameserver 127.0.0.1\n"}
PLACES = {"Debian, Ubuntu": "etc/ssl/certs/ca-certificates.crt", "Fedora": "etc/pki/tls/certs/ca-bundle.crt", "openSUSE": "etc/ssl/ca-bundle.pem",
          "RHEL": "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "Alpine": "etc/ssl/cert.pem"}
requests, questions = [], []


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        requests.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


def serve(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + HOST, "-addext", f"subjectAltName=DNS:{HOST}",
                    "-keyout", f"{folder}/key", "-out", f"{folder}/certificate"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/certificate", f"{folder}/key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Server)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def name_server():
    """Every A record is 127.0.0.1; there are no others."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 53))

    def answer():
        while True:
            question, asker = listener.recvfrom(4096)
            end = question.index(b"\0", 12) + 5
            kind = question[end - 4:end - 2]
            questions.append(kind)
            record = b"\xc0\x0c" + kind + b"\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01" if kind == b"\0\x01" else b""
            listener.sendto(question[:2] + b"\x81\x80\0\x01\0" + (b"\x01" if record else b"\0") + b"\0\0\0\0" + question[12:end] + record, asker)

    threading.Thread(target=answer, daemon=True).start()


def reached(folder, files, environment=None):
    """A root with these files: what the program asked the server for, and what it said."""
    root = tempfile.mkdtemp(dir=folder)
    for name, text in {**files, "bin/.empty": "", "tmp/.empty": ""}.items():
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text)
    shutil.copy(HPAWALK, f"{root}/bin/hpawalk")
    requests.clear()
    questions.clear()
    done = subprocess.run([shutil.which("chroot"), root, "/bin/hpawalk", "render", "operator", "--operator-bundle", f"https://{HOST}/bundle.yaml", "--operator-bundle-sha256", "0" * 64], env={"HOME": "/tmp", "PATH": "/bin", **(environment or {})},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    return bool(requests), done.stderr


with tempfile.TemporaryDirectory(prefix="hpawalk-names-") as here:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    serve(here)
    name_server()
    with open(f"{here}/certificate", encoding="utf-8") as trusted:
        authority = trusted.read()
    for distribution, place in PLACES.items():
        good, said = reached(here, {**HOSTS, place: authority})
        check(f"{distribution}: the authorities are found in /{place}, the name in /etc/hosts", good and not questions, said)
    good, said = reached(here, {**RESOLV, PLACES["Alpine"]: authority})
    check("a name server in /etc/resolv.conf is asked", good and questions, said)
    good, said = reached(here, {**HOSTS, "mine.pem": authority, PLACES["Fedora"]: "none\n"}, {"SSL_CERT_FILE": "/mine.pem"})
    check("SSL_CERT_FILE goes before what the machine has", good, said)
    good, said = reached(here, HOSTS)
    check("without authorities, nothing is trusted", not good and "certificate" in said, said)
    good, said = reached(here, {PLACES["Alpine"]: authority})
    check("without a name server in a file, the one on this machine is asked", good, said)
report.done()
