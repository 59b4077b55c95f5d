#!/usr/bin/env python3
"""The completions work in the shells themselves: bash, zsh and fish, with names from a kubectl that is a stand-in.

Usage: completion.py HPAWALK
"""
import os
import pty
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report
from report import check, skip

HPAWALK = os.path.abspath(sys.argv[1])
KUBECTL = """#!/bin/sh
case "$*" in
  "--context=prod get horizontalpodautoscalers.autoscaling -o name --request-timeout=3s --namespace=shop")
    echo horizontalpodautoscaler.autoscaling/web-frontend; echo horizontalpodautoscaler.autoscaling/web-api ;;
  "config get-contexts -o name") echo arn:aws:eks:eu:1:cluster/one; echo arn:aws:eks:eu:1:cluster/two ;;
  *) exit 1 ;;
esac
"""
HPAS = ["diagnose", "-n", "shop", "--context", "prod", "web-f"]  # the one name that begins so


class Place:
    """A PATH with hpawalk and the kubectl, a home with the completions, a folder with one file."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hpawalk-completion-")
        self.file("bin/kubectl", KUBECTL, 0o755)
        os.symlink(HPAWALK, f"{self.folder}/bin/hpawalk")
        self.file("work/facts-of-web.json", "{}")
        self.environment = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "HOME": self.folder, "TERM": "dumb", "LANG": "C.UTF-8"}
        for shell in ("bash", "zsh", "fish"):
            self.file(f"completion.{shell}", self.run(HPAWALK, "completion", shell))

    def file(self, name, text, mode=0o644):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def run(self, *words):
        return subprocess.run(words, env=self.environment, cwd=f"{self.folder}/work" if os.path.isdir(f"{self.folder}/work") else self.folder, capture_output=True,
                              text=True, timeout=60, check=True).stdout

    def typed(self, shell, before, line):
        """What the shell makes of the line and a Tab: the words that a program called `hpawalk` gets."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(f"{self.folder}/work")
            os.execve(shutil.which(shell[0]), shell, self.environment)
        os.write(terminal, f"{before}\nhpawalk() {{ printf '<%s>' \"$@\"; echo '<end>'; }}; echo re''ady\n".encode())
        self.until(terminal, "ready\r\n")
        os.write(terminal, line.encode() + b"\t")
        time.sleep(1.5)  # the shell asks hpawalk, which asks kubectl
        os.write(terminal, b"\n")
        seen = self.until(terminal, "<end>")
        os.close(terminal)
        os.waitpid(child, 0)
        return [part.split("<")[-1] for part in seen[seen.rfind("\n<"):].split(">")[:-2]] if "\n<" in seen else seen

    @staticmethod
    def until(terminal, text):
        seen, end = "", time.monotonic() + 20
        while text not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                seen += os.read(terminal, 65536).decode(errors="replace")
        return seen


def test_typed(place, name, shell, before):
    """As in a session: the completion asks the program, before its name becomes a function that shows its words."""
    asked = before.replace("HPAWALK", HPAWALK)
    for line, words in ((shlex.join(HPAS), [*HPAS[:-1], "web-frontend"]), ("explain operator-not-r", ["explain", "operator-not-running"]),
                        ("diagnose --facts fac", ["diagnose", "--facts", "facts-of-web.json"]), ("verify --output=ju", ["verify", "--output=junit"]),
                        ("diagnose --context arn:aws:eks:eu:1:cluster/o", ["diagnose", "--context", "arn:aws:eks:eu:1:cluster/one"])):
        got = place.typed(shell, asked, "hpawalk " + line)
        check(f"{name}: {line} becomes {words[-1]}", got == words, got)


def test_bash(place):
    program = f"{place.folder}/bin/hpawalk"
    test_typed(place, "bash", ["bash", "--norc", "--noprofile", "-i"],
               f"source <(sed 's#\"${{COMP_WORDS\\[0\\]}}\" __complete#{program} __complete#' {place.folder}/completion.bash); bind 'set bell-style none'")


def test_zsh(place):
    program = f"{place.folder}/bin/hpawalk"
    test_typed(place, "zsh", ["zsh", "-f", "-i"],
               f"unsetopt zle_bracketed_paste; autoload -U compinit; compinit -D; source <(sed 's#\"${{words\\[1\\]}}\" __complete#{program} __complete#' {place.folder}/completion.zsh); "
               "unsetopt list_beep beep")


def test_fish(place):
    """fish says by itself what it would offer."""
    for line, word in ((shlex.join(HPAS), "web-frontend"), ("explain operator-not-r", "operator-not-running"), ("diagnose --facts fac", "facts-of-web.json"),
                       ("diagnose --context arn:aws:eks:eu:1:cluster/o", "arn:aws:eks:eu:1:cluster/one")):
        out = place.run("fish", "--no-config", "-c", f"source {place.folder}/completion.fish; complete -C {shlex.quote('hpawalk ' + line)}")
        check(f"fish: {line} becomes {word}", [offer.split("\t")[0] for offer in out.splitlines()] == [word], out)


here = Place()
try:
    for one in (test_bash, test_zsh, test_fish):
        wanted = one.__name__[len("test_"):]
        if shutil.which(wanted):
            one(here)
        else:
            skip(f"completion in {wanted}", f"{wanted} is not installed")
    skip("completion in PowerShell", "the distribution has no PowerShell")
finally:
    shutil.rmtree(here.folder)
report.done()
