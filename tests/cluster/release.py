#!/usr/bin/env python3
"""A local stand-in of the hosts from which upstream's release is taken. It has the layout of their paths, checksum
files and registry API, with programs that were compiled on this machine in the place of upstream's.

release.py make TREE ARCH KUBERNETES PROGRAM=FILE...   fills TREE/HOST/PATH; KUBERNETES is "v1.37.2"
release.py serve TREE ADDRESS CERTIFICATE KEY LOG      serves it until it is ended; LOG gets "HOST METHOD PATH RANGE"

TREE/cut holds the name of a file whose first transfers end in the middle.
"""
import hashlib
import http.server
import json
import pathlib
import shutil
import ssl
import sys
import tarfile

KUBERNETES = ["kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubeadm", "kubectl", "kubelet"]
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# The versions that cluster/local/parts.hpp names.
ETCD, COREDNS, HELM, PROMETHEUS, OPERATOR, ADAPTER, PAUSE = "3.7.0", "1.14.6", "3.22.0", "3.16.0", "0.92.1", "0.12.0", "3.10.2"


def sha256(file):
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else hashlib.sha256(
            content.read()).hexdigest()


def archive(file, members):
    """A quick one: what it is packed with does not matter here."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w:gz", compresslevel=1) as tar:
        for name, source in members.items():
            tar.add(source, arcname=name)
    return sha256(file)


def image(tree, arch, reference, program, path):
    """In a registry: a manifest by tag and by digest, a configuration and one layer by digest."""
    host, rest = reference.split("/", 1)
    name, tag = rest.rsplit(":", 1)
    base = tree / host / "v2" / name
    for folder in ("manifests", "blobs"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    layer = base / "layer"
    with tarfile.open(layer, "w") as tar:
        tar.add(program, arcname=path.lstrip("/"))
    layer_sum, layer_size = sha256(layer), layer.stat().st_size
    layer.rename(base / "blobs" / f"sha256:{layer_sum}")
    config = json.dumps({"architecture": arch, "os": "linux", "config": {"Entrypoint": [path]},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_sum}"]}}).encode()
    config_sum = hashlib.sha256(config).hexdigest()
    (base / "blobs" / f"sha256:{config_sum}").write_bytes(config)
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": f"sha256:{config_sum}",
                   "size": len(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{layer_sum}",
                    "size": layer_size}]}).encode()
    for known_as in (tag, f"sha256:{hashlib.sha256(manifest).hexdigest()}"):
        (base / "manifests" / known_as).write_bytes(manifest)


def make(tree, arch, kubernetes, programs):
    binaries = tree / "dl.k8s.io" / "release" / kubernetes / "bin" / "linux" / arch
    binaries.mkdir(parents=True)
    for name in KUBERNETES:
        (binaries / name).symlink_to(programs[name])
        (binaries / f"{name}.sha256").write_text(sha256(programs[name]))
    github = tree / "github.com"

    folder = f"etcd-v{ETCD}-linux-{arch}"
    release = github / "etcd-io/etcd/releases/download" / f"v{ETCD}"
    summed = archive(release / f"{folder}.tar.gz", {f"{folder}/{name}": programs[name] for name in ("etcd", "etcdctl")})
    (release / "SHA256SUMS").write_text(f"{'0' * 64}  etcd-v{ETCD}-darwin-{arch}.zip\n{summed}  {folder}.tar.gz\n")

    file = github / "coredns/coredns/releases/download" / f"v{COREDNS}" / f"coredns_{COREDNS}_linux_{arch}.tgz"
    summed = archive(file, {"coredns": programs["coredns"]})
    pathlib.Path(f"{file}.sha256").write_text(f"{summed}  {file.name}\n")

    file = tree / "get.helm.sh" / f"helm-v{HELM}-linux-{arch}.tar.gz"
    summed = archive(file, {f"linux-{arch}/helm": programs["helm"]})
    pathlib.Path(f"{file}.sha256sum").write_text(f"{summed}  {file.name}\n")

    folder = f"prometheus-{PROMETHEUS}.linux-{arch}"
    release = github / "prometheus/prometheus/releases/download" / f"v{PROMETHEUS}"
    summed = archive(release / f"{folder}.tar.gz",
                     {f"{folder}/{name}": programs[name] for name in ("prometheus", "promtool")})
    (release / "sha256sums.txt").write_text(f"{summed}  {folder}.tar.gz\n")

    release = github / "prometheus-operator/prometheus-operator/releases/download" / f"v{OPERATOR}"
    release.mkdir(parents=True)
    shutil.copy(programs["bundle.yaml"], release / "bundle.yaml")

    operators = "quay.io/prometheus-operator/"
    for reference, name, path in (
            (f"{operators}prometheus-operator:v{OPERATOR}", "operator", "/bin/operator"),
            (f"{operators}prometheus-config-reloader:v{OPERATOR}", "prometheus-config-reloader",
             "/bin/prometheus-config-reloader"),
            (f"registry.k8s.io/prometheus-adapter/prometheus-adapter:v{ADAPTER}", "adapter", "/adapter"),
            (f"registry.k8s.io/pause:{PAUSE}", "pause", "/pause")):
        image(tree, arch, reference, programs[name], path)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tree = log = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        host, wanted = self.headers.get("Host", ""), self.headers.get("Range", "")
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"{host} {self.command} {self.path} {wanted}\n")
        path = self.path.split("?")[0].lstrip("/")
        file = self.tree / host / path
        if ".." in path.split("/") or not file.is_file():
            self.send_response(404 if path else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size, start = file.stat().st_size, 0
        if wanted.startswith("bytes=") and wanted.endswith("-"):
            start = int(wanted[len("bytes="):-1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.send_header("Accept-Ranges", "bytes")
        if "/manifests/" in path:
            self.send_header("Content-Type", MANIFEST)
            self.send_header("Docker-Content-Digest", f"sha256:{sha256(file)}")
        else:
            self.send_header("Content-Type", "application/octet-stream")
        self.end_headers()
        if not body:
            return
        cut = self.tree / "cut"
        left = size - start
        if cut.exists() and cut.read_text().strip() == file.name:
            left //= 2
            self.close_connection = True
        with open(file, "rb") as content:
            content.seek(start)
            while left > 0:
                left -= self.wfile.write(content.read(min(left, 1 << 20)))


def serve(tree, address, certificate, key, log):
    Handler.tree, Handler.log = pathlib.Path(tree), log
    server = http.server.ThreadingHTTPServer((address, 443), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    # In the connection's own thread: who says nothing keeps nobody else waiting.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4], dict(word.split("=", 1) for word in sys.argv[5:]))
    else:
        serve(*sys.argv[2:])
