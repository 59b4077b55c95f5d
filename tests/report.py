"""Counts what a script checks. `done()` ends it, with `N passed, N failed, N skipped` as its last line.

A script that ends in any other way (an exception, sys.exit) gets that line, too, with one failure more, and exit code 1.
"""
import atexit
import os
import sys
import threading

passed = failed = skipped = 0
quiet = False  # says nothing of what passes
_finished = False
_process = os.getpid()
_lock = threading.Lock()


def check(sentence, good, *details):
    """One check; what it found is shown when it fails. Returns whether it passed."""
    global passed, failed
    with _lock:
        passed, failed = passed + bool(good), failed + (not good)
        if not good or not quiet:
            print(f"{'ok  ' if good else 'FAIL'}  {sentence}", flush=True)
        if not good:
            for detail in details:
                for line in str(detail)[-3000:].splitlines():
                    print(f"      | {line}", flush=True)
    return bool(good)


def skip(sentence, why):
    global skipped
    with _lock:
        skipped += 1
        print(f"SKIP  {sentence}: {why}", flush=True)


def add(passed_too=0, failed_too=0, skipped_too=0):
    """Checks that were counted, and told, elsewhere."""
    global passed, failed, skipped
    with _lock:
        passed, failed, skipped = passed + passed_too, failed + failed_too, skipped + skipped_too


def summary():
    return f"{passed} passed, {failed} failed, {skipped} skipped"


def done():
    global _finished
    if passed + failed + skipped == 0:
        check("the script checks something", False)
    _finished = True
    print(summary(), flush=True)
    sys.exit(1 if failed else 0)


@atexit.register
def _ended_early():
    if _finished or os.getpid() != _process:
        return
    sys.stderr.flush()
    check("the script comes to its end", False)
    print(summary(), flush=True)
    os._exit(1)
