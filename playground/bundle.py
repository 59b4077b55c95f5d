#!/usr/bin/env python3
"""Puts the page together: one HTML file with styles, scripts and WebAssembly inside, the same bytes from the same input.

Usage: bundle.py PAGE_FOLDER WASM OUT.html
Its policy lets run exactly the style and the script that are inside, by their hashes, and load nothing.
"""
import base64
import gzip
import hashlib
import os
import sys

SCRIPTS = ("engine.js", "state.js", "draw.js", "chart.js", "page.js")


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def main():
    folder, wasm, out = sys.argv[1:]

    def read(name):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read()

    style = read("style.css")
    script = '"use strict";\n' + "\n".join(read(name) for name in SCRIPTS)
    assert "</script" not in script and "</style" not in style
    with open(wasm, "rb") as file:
        packed = base64.b64encode(gzip.compress(file.read(), 9, mtime=0)).decode()
    policy = "; ".join(("default-src 'none'", f"script-src {digest(script)} 'wasm-unsafe-eval'",
                        f"style-src {digest(style)}", "img-src data:", "base-uri 'none'", "form-action 'none'"))
    page = read("index.html")
    for name, text in (("policy", policy), ("style", style), ("script", script), ("wasm", packed)):
        head, tail = page.split("{{" + name + "}}")
        page = head + text + tail
    with open(out, "w", encoding="utf-8", newline="\n") as file:
        file.write(page)
    size = len(gzip.compress(page.encode(), 9))
    print(f"{out}: {len(page.encode()) / 1024:.0f} KiB, gzipped {size / 1024:.0f} KiB")


main()
