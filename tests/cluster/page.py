#!/usr/bin/env python3
"""Runs every command of a page, in order and in one shell, and compares what it says with what the page shows.

Usage: page.py PAGE.md [SETUP]      SETUP: shell text that is run first.
Only ```console blocks count: `$ ` begins a command (a line that ends with a backslash goes on), what follows is its
output, standard error included. In it
  ‹anything›     is what differs from run to run: a time, an id. Some text must be there.
  ...            alone on a line: any number of lines, also none
  (end: N)       as the last line: the command ends with the exit code N. Otherwise it must be 0.
"""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import report

LIMIT = 240  # seconds a command


class Command:
    def __init__(self, line, text):
        self.line, self.text, self.output, self.exit_code = line, text, [], 0


def commands_in(page):
    found, inside = [], False
    for number, line in enumerate(page.splitlines(), 1):
        if line.startswith("```"):
            inside = line.strip() == "```console"
        elif inside and line.startswith("$ "):
            found.append(Command(number, line[2:]))
        elif inside and found and found[-1].text.endswith("\\") and not found[-1].output:
            found[-1].text += "\n" + line
        elif inside and found:
            found[-1].output.append(line.rstrip())
    for command in found:
        if command.output and (end := re.fullmatch(r"\(end: (\d+)\)", command.output[-1])):
            command.exit_code = int(end.group(1))
            command.output.pop()
    return found


def pattern_of(line):
    parts = re.split(r"‹[^›]*›", line)
    return ".+?".join(re.escape(part) for part in parts)


def first_difference(shown, said):
    """None if they match; else a sentence."""
    def match(i, j):  # the longest way that `shown` was followed, for the report
        nonlocal furthest
        while i < len(shown):
            if shown[i] == "...":
                return any(match(i + 1, k) for k in range(j, len(said) + 1))
            if j >= len(said) or not re.fullmatch(pattern_of(shown[i]), said[j]):
                furthest = max(furthest, (i, j))
                return False
            i, j = i + 1, j + 1
        furthest = max(furthest, (i, j))
        return j == len(said)

    furthest = (0, 0)
    if match(0, 0):
        return None
    i, j = furthest
    return "the page shows: {}\n      but it said:    {}".format(
        shown[i] if i < len(shown) else "(nothing more)", said[j] if j < len(said) else "(nothing more)")


class Shell:
    def __init__(self, setup):
        self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, encoding="utf-8", errors="replace")
        self.run(setup)

    def run(self, text):
        end = "end of the command"
        self.process.stdin.write(f"{{ {text}\n}} < /dev/null\n_code=$?\necho\necho '{end}' $_code\n")
        self.process.stdin.flush()
        lines, begin = [], time.monotonic()
        for line in self.process.stdout:
            line = line.rstrip()
            if line.startswith(end):
                break
            if time.monotonic() - begin > LIMIT:
                self.process.kill()
                return lines + ["(it took too long)"], -1
            lines.append(line)
        if not lines or not line.startswith(end):
            return lines, -1
        if lines[-1] == "":
            lines.pop()  # of our own echo; also ends an output without a line end
        # Progress that a terminal would have overwritten.
        return [l for l in lines if not l.startswith("...  ")], int(line.split()[-1])


def judged(shell, command):
    """What it says, and what is wrong with that, or None."""
    said, exit_code = shell.run(command.text)
    if exit_code != command.exit_code:
        return said, f"exit code {exit_code}, not {command.exit_code}"
    return said, first_difference(command.output, said)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        commands = commands_in(file.read())
    shell = Shell(sys.argv[2] if len(sys.argv) > 2 else ":")
    for command in commands:
        begin = time.monotonic()
        said, trouble = judged(shell, command)
        # A reader needs longer to type it than a Deployment's status needs to follow.
        while trouble and command.text.startswith("kubectl get ") and time.monotonic() - begin < 5:
            time.sleep(1)
            said, trouble = judged(shell, command)
        first = command.text.splitlines()[0]
        report.check(f"line {command.line}: {first} ({time.monotonic() - begin:.0f} s)", trouble is None, trouble, *said[-40:])
    report.done()


main()
