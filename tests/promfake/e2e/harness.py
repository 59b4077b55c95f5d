"""Starts the real prom-fake, talks to it over loopback, counts what passed. Knows no single test."""
import contextlib, http.client, os, re, signal, socket, subprocess, sys, tempfile, time, traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
import report

BINARY = os.environ.get("PROM_FAKE", "prom-fake")


class Skip(Exception):
    """A prerequisite is missing; its text says which."""


def run(tests):
    """Runs the functions; their names are the sentences that are printed."""
    for test in tests:
        name = test.__name__.replace("_", " ")
        began = time.monotonic()
        try:
            test()
            report.check(f"{name} ({time.monotonic() - began:.1f} s)", True)
        except Skip as reason:
            report.skip(name, reason)
        except Exception:
            report.check(name, False, traceback.format_exc())
    report.done()


class Server:
    def __init__(self, *flags, listen="127.0.0.1:0", env=None, **popen):
        self.log = tempfile.NamedTemporaryFile("w+")
        self.out = tempfile.NamedTemporaryFile("w+")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PROMFAKE_")} | (env or {})
        self.process = subprocess.Popen([BINARY, "--listen", listen, *flags], stderr=self.log, stdout=self.out,
                                        env=environment, **popen)
        for _ in range(300):
            found = re.search(r"listens on (\S+):(\d+)\n", self.stderr())
            if found:
                self.port = int(found[2])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError("prom-fake did not start: " + self.stderr())

    def _read(self, file):
        with open(file.name) as again:  # its own position: the server writes at the other one
            return again.read()

    def stderr(self):
        return self._read(self.log)

    def stdout(self):
        return self._read(self.out)

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def request(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        status, _, body = self.request("GET", path, **headers)
        assert status == 200, (status, body)
        return body.decode()

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])

    def stop(self, number=signal.SIGINT, patience=6):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(patience)


@contextlib.contextmanager
def server(*flags, **options):
    one = Server(*flags, **options)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def read_all(connection):
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data


def needs(tool, hint):
    path = os.environ.get(tool.upper()) or next(
        (os.path.join(d, tool) for d in os.environ["PATH"].split(":") if os.access(os.path.join(d, tool), os.X_OK)), None)
    if not path or not os.access(path, os.X_OK):
        raise Skip(f"{tool} is not there ({hint})")
    return path
