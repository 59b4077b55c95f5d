#!/usr/bin/env python3
"""What hpawalk writes, seen from outside: on a terminal (a pty), into pipes, into a full disk, into nothing.

Usage: output.py HPAWALK
"""
import errno
import fcntl
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report
from report import check

HERE = os.path.dirname(os.path.abspath(__file__))
HPAWALK = os.path.abspath(sys.argv[1])
FACTS = os.path.join(HERE, "..", "facts", "healthy.json")
report.quiet = True

# What hpawalk itself may send: its colours, and how it draws over what it drew.
OWN = re.compile("\x1b\\[(?:0|1|2|31|32|33|1;31)m|\x1b\\[\\d+A|\x1b\\[K|\x1b\\[J|\r")
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Place:
    """A home, a PATH with the hostile kubectl in it, and nothing of the user's."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hpawalk-output-test-")
        programs = os.path.join(self.folder, "bin")
        os.mkdir(programs)
        os.symlink(os.path.join(HERE, "hostile_kubectl.py"), os.path.join(programs, "kubectl"))
        os.symlink(sys.executable, os.path.join(programs, "python3"))
        os.symlink(shutil.which("env"), os.path.join(programs, "env"))
        self.environment = {"PATH": programs, "HOME": self.folder, "TERM": "xterm-256color", "LANG": "C.UTF-8", "HOSTILE_FACTS": FACTS}

    def run(self, *words, stdout=subprocess.PIPE, **environment):
        return subprocess.run([HPAWALK, *words], env=self.environment | environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=60)

    def on_terminal(self, *words, seconds=20.0, columns=100, rows=30, **environment):
        """Exit code and all that reached the terminal; SIGINT after `seconds`."""
        child, terminal = pty.fork()
        if child == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(self.folder)
            os.execve(HPAWALK, [HPAWALK, *words], self.environment | environment)
        seen, end, asked = b"", time.monotonic() + seconds, False
        while True:
            if time.monotonic() > end and not asked:
                os.kill(child, signal.SIGINT)
                asked = True
            if time.monotonic() > end + 20:
                os.kill(child, signal.SIGKILL)
            if not select.select([terminal], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(terminal, 65536)
            except OSError as error:
                if error.errno == errno.EIO:
                    break
                raise
            if not data:
                break
            seen += data
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen


def harm(data):
    """What of it no terminal and no log should get."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return f"no UTF-8: {data[max(0, error.start - 20):error.start + 10]!r}"
    found = FORBIDDEN.search(OWN.sub("", text))
    return f"{found.group()!r} in {text[max(0, found.start() - 40):found.start() + 40]!r}" if found else ""


COMMANDS = {
    "diagnose": ["diagnose", "-n", "shop"],
    "diagnose of all": ["diagnose", "-A"],
    "diagnose of a refused namespace": ["diagnose", "-n", "elsewhere"],
    "status": ["status", "--context", "hostile"],
    "doctor": ["doctor", "--context", "hostile"],
    "verify": ["verify", "--context", "hostile"],
    "logs": ["logs", "prom-fake", "--context", "hostile"],
    "get-value": ["get-value", "--context", "hostile"],
    "open": ["open", "prometheus", "--context", "hostile"],
    "drive": ["drive", "hold 5 for 1s", "--context", "hostile"],
    "simulate": ["simulate", "--hpa", "nginx", "-n", "default", "--profile", "step 5..50 at 1m for 5m"],
    "simulate of an upgrade": ["simulate", "--upgrade-to", "1.37", "-A"],
}


def test_terminals(place):
    for name, words in COMMANDS.items():
        code, seen = place.on_terminal(*words)
        check(f"{name} on a terminal", not harm(seen), harm(seen))
        check(f"{name} on a terminal says something", len(seen) > 20 and code not in (70, -6, -11), f"{code} {seen!r}")
        done = place.run(*words)
        for stream, data in (("stdout", done.stdout), ("stderr", done.stderr)):
            check(f"{name} into a pipe, {stream}", not harm(data) and b"\x1b" not in data, harm(data))
    code, seen = place.on_terminal("diagnose", "-n", "shop")
    check("diagnose spells it out", b"\\x1b[2J" in seen or b"\\x1b]0;PWNED" in seen)
    check("diagnose has colours on a terminal", b"\x1b[32mok  \x1b[0m" in seen)
    code, seen = place.on_terminal("logs", "prom-fake", "--context", "hostile")
    check("logs shows the lines, spelled out", b"first \\x1b]0;PWNED\\x07\\x1b[2J" in seen and b"\\u009b31m\\u202etxt" in seen and b"\\x9b31m \\xe2\\x82 \\xff" in seen)
    for name in ("diagnose", "status", "logs"):
        code, seen = place.on_terminal(*COMMANDS[name], HOSTILE_STDERR="1")
        check(f"{name} with a tool that fails", not harm(seen) and b"PWNED" in seen, harm(seen) or repr(seen))


def test_watch(place):
    code, seen = place.on_terminal("watch", "--context", "hostile", "--namespace", "default", seconds=3)
    check("watch on a terminal", not harm(seen), harm(seen))
    check("watch is redrawn in place", len(re.findall(rb"\x1b\[\d+A\r", seen)) > 5 and code in (0, 130), f"{code} {seen[-300:]!r}")
    check("watch shows the message, spelled out", b"\\x1b]0;PWNED" in seen)
    # Every line must fit: one that wraps would move the next drawing.
    screens = OWN.sub("", seen.decode()).split("\n")
    check("no line of watch is wider than the terminal", all(len(line) <= 100 for line in screens), str(max(map(len, screens))))
    child = subprocess.Popen([HPAWALK, "watch", "--context", "hostile", "--namespace", "default"], env=place.environment, cwd=place.folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(3)
    child.send_signal(signal.SIGINT)
    out = child.communicate(timeout=20)[0]
    check("watch into a pipe", not harm(out) and b"\x1b" not in out and b"PWNED" in out, harm(out) or repr(out[:300]))
    events = [line for line in out.decode().split("\n") if " event " in line]
    check("an Event of two lines is one line", events and "second line" in events[0], "\n".join(events) or out.decode()[-400:])


def test_documents(place):
    for words in (["logs", "prom-fake", "--context", "hostile", "-o", "json"], ["diagnose", "-n", "shop", "-o", "json"],
                  ["status", "--context", "hostile", "-o", "json"], ["verify", "--context", "hostile", "-o", "json"], ["get-value", "--context", "hostile", "-o", "json"]):
        done = place.run(*words)
        check(f"{' '.join(words)} is harmless", not harm(done.stdout) and done.returncode != 70, harm(done.stdout))
        try:
            document = json.loads(done.stdout)
        except ValueError as error:
            check(f"{' '.join(words)} is one JSON document", False, f"{error}: {done.stdout[:300]!r}")
            continue
        if words[0] == "logs":
            check("logs in JSON keeps the control characters as data", len(document["lines"]) == 2 and "\x1b]0;PWNED\x07" in document["lines"][0], str(document))
    done = place.run("diagnose", "-n", "shop", "-o", "markdown")
    check("diagnose -o markdown is harmless", not harm(done.stdout) and b"# hpawalk" in done.stdout, harm(done.stdout))
    for name, words, environment in (("", ["--context", "hostile"], {}), (", nothing can be listed", ["--context", "hostile"], {"HOSTILE_STDERR": "1"})):
        done = place.run("verify", *words, "-o", "junit", **environment)
        try:
            suite = xml.etree.ElementTree.fromstring(done.stdout).find("testsuite")
            bad = int(suite.get("failures")) + int(suite.get("errors"))
            check(f"verify -o junit counts its cases{name}", len(suite.findall("testcase")) == int(suite.get("tests")) and bad > 0)
            check(f"verify -o junit has the exit code of what it found{name}", done.returncode in (1, 3), str(done.returncode))
        except (xml.etree.ElementTree.ParseError, AttributeError) as error:
            check(f"verify -o junit is a document{name}", False, f"{error}: {done.stdout[:300]!r}")


WRITERS = [["config"], ["config", "--example"], ["render"], ["plan"], ["completion", "bash"], ["--help"], ["--version"], ["diagnose", "-n", "shop"],
           ["diagnose", "-n", "shop", "-o", "json"], ["explain", "monitor-port-name"], ["explain"], ["version"], ["diagnose", "--facts", FACTS],
           ["simulate", "--hpa", os.path.join(HERE, "hpa.yaml"), "--profile", "step 5..50 at 1m for 5m"], ["simulate", "--hpa", os.path.join(HERE, "hpa.yaml"), "--profile", "hold 5 for 5m", "-o", "csv"],
           ["logs", "prom-fake", "--context", "hostile"], ["status", "--context", "hostile"], ["verify", "--context", "hostile", "-o", "junit"]]


def test_lost_output(place):
    for words in WRITERS:
        name = " ".join(words)
        with open("/dev/full", "wb") as full:
            done = place.run(*words, stdout=full)
        check(f"{name} into a full disk is an error", done.returncode == 3 and b"[output]" in done.stderr and b"No space left" in done.stderr, f"{done.returncode} {done.stderr!r}")
        reader, writer = os.pipe()
        os.close(reader)
        done = place.run(*words, stdout=writer)
        os.close(writer)
        check(f"{name} without a reader ends silently", done.returncode == 141 and done.stderr == b"", f"{done.returncode} {done.stderr!r}")
        closed = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', HPAWALK, *words], env=place.environment | {"PATH": place.environment["PATH"] + ":/bin"}, cwd=place.folder,
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        check(f"{name} with a closed stdout is an error", closed.returncode == 3 and b"[output]" in closed.stderr, f"{closed.returncode} {closed.stderr!r}")
    for words in (["watch", "--context", "hostile", "--namespace", "default", "-o", "json"], ["watch", "--context", "hostile", "--namespace", "default"]):
        start = time.monotonic()
        child = subprocess.Popen([HPAWALK, *words], env=place.environment, cwd=place.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3):
            child.stdout.readline()
        child.stdout.close()
        try:
            errors = child.communicate(timeout=15)[1]
            check(f"{' '.join(words)} | head -3 ends", child.returncode == 141 and errors == b"", f"{child.returncode} {errors!r}")
        except subprocess.TimeoutExpired:
            child.kill()
            check(f"{' '.join(words)} | head -3 ends", False, f"not within {time.monotonic() - start:.0f} s")


def test_memory(place):
    """The log of days must not be kept: 300 MB of it, in less than 100 MB."""
    for words in (["logs", "prom-fake", "--context", "hostile", "-f"], ["logs", "prom-fake", "--context", "hostile", "-f", "-o", "json"]):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        child = subprocess.Popen([HPAWALK, *words], env=place.environment | {"HOSTILE_BYTES": str(300_000_000)}, cwd=place.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        check(f"{' '.join(words)} of 300 MB", status == 0 and usage.ru_maxrss < 100_000, f"{usage.ru_maxrss} KiB, status {status}, before {before}")


place = Place()
try:
    for test in (test_terminals, test_watch, test_documents, test_lost_output, test_memory):
        test(place)
finally:
    shutil.rmtree(place.folder)
report.done()
