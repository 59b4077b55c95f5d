#!/usr/bin/env python3
"""The playground's page in a real browser: it draws, takes CSV, versions and links, works by keyboard, at 320 px, light
and dark, asks nobody for anything, and gives the numbers of `hpawalk simulate`.

Usage: page_test.py HPAWALK     PLAYGROUND_SCREENSHOTS=FOLDER keeps pictures of it, for the eye.
"""
import base64
import contextlib
import gzip
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "promfake", "e2e"), HERE]
import report
import specs
from browser import Browser
from harness import needs, run

HPAWALK = os.path.abspath(sys.argv[1])
SHOTS = os.environ.get("PLAYGROUND_SCREENSHOTS")
SEQUENCE = "playground.answer && playground.answer.result.sequence.join()"


def simulate(one, folder):
    """What the command says: (its result, or None; its error, or None)."""
    done = subprocess.run([HPAWALK, *specs.arguments(one, folder)], capture_output=True, text=True, timeout=60, check=False)
    said = json.loads(done.stdout)
    if "error" in said:
        return None, said["error"]
    result = said["variants"][0]
    del result["name"]
    return result, None


def serve(*flags):
    """(`hpawalk playground`, its URL)"""
    process = subprocess.Popen([HPAWALK, "playground", "--no-open", *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    assert url.startswith("http://127.0.0.1:"), process.stderr.read()
    return process, url


class Site:
    """`hpawalk playground`, and the page that it serves in a browser."""

    def __init__(self):
        path = needs("chromium", "Debian: chromium")
        self.process, self.url = serve()
        self.browser = Browser(path)

    def open(self, url=None, example=1, width=1280, height=900, theme="light"):
        self.size(width, height)
        self.browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.browser.call("Page.navigate", url="about:blank")  # another fragment alone would not load the page again
        self.browser.call("Page.navigate", url=url or self.url)
        self.browser.wait_for("!!globalThis.playground && !!playground.answer", True, 20)
        if not url:
            self.choose("example", example)
        return self.browser

    def choose(self, field, value):
        self.browser.evaluate(f"(s => {{ s.value = '{value}'; s.dispatchEvent(new Event('change')); }})(document.getElementById('{field}'))")
        self.settle()

    def size(self, width, height):
        self.browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def mouse(self, kind, x, y):
        self.browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left" if kind != "mouseMoved" or self.held else "none",
                          buttons=1 if self.held else 0, clickCount=1)

    held = False

    def draw(self, places):
        """Along places in the load's picture, as shares of its plot from the left and from the bottom."""
        self.browser.evaluate("document.getElementById('load-picture').scrollIntoView({block: 'center'})")
        box = self.browser.evaluate("(b => [b.left, b.top, b.width])(document.getElementById('load-chart').getBoundingClientRect())")
        at = [(box[0] + 44 + x * (box[2] - 54), box[1] + 172 - y * 162) for x, y in places]
        self.mouse("mouseMoved", *at[0])
        self.held = True
        self.mouse("mousePressed", *at[0])
        for one in at[1:]:
            self.mouse("mouseMoved", *one)
        self.held = False
        self.mouse("mouseReleased", *at[-1])
        self.settle()

    def enter(self, field, text):
        """By keyboard: everything in the field is replaced."""
        self.browser.evaluate(f"document.getElementById('{field}').focus(); document.getElementById('{field}').select()")
        self.browser.type(text)
        self.settle()

    def settle(self):
        self.browser.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 30))))")
        self.browser.wait_for("playground.busy", False)

    def shot(self, name, whole=True):
        if not SHOTS:
            return
        data = self.browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(os.path.join(SHOTS, name + ".png"), "wb") as file:
            file.write(base64.b64decode(data))

    def quiet(self):
        complaints = [c for c in self.browser.complaints() if not str(c).startswith(("blob:", "file:"))]
        assert not complaints, complaints
        self.browser.events.clear()

    def close(self):
        self.browser.close()
        self.process.terminate()
        assert self.process.wait(10) in (0, 130), self.process.returncode


site = None


def the_page_shows_an_example_with_the_numbers_of_the_command():
    page = site.open(example=0)
    state = page.evaluate("playground.state")
    newest = page.evaluate("[document.getElementById('kube-version').value, playground.answer.kubernetes]")
    assert newest == [specs.VERSIONS[-1]] * 2, newest
    with tempfile.TemporaryDirectory() as folder:
        result, _ = simulate({**state, "csv": False}, folder)
    assert page.evaluate("playground.answer.result") == result
    rows = page.evaluate("[...document.querySelectorAll('#changes tbody tr')].map(r => [...r.cells].map(c => c.textContent))")
    assert any(row[:2] == ["2:00", "3 → 6"] and "limited to 6" in row[2] for row in rows), rows
    assert page.evaluate("document.getElementById('figures').children.length") == 6
    command = page.evaluate("document.getElementById('command').textContent")
    assert command == "hpawalk simulate --hpa hpa.yaml --profile 'spike 25..140 at 2m lasting 6m for 22m' --pod-start 10s", command
    site.shot("light")
    site.quiet()


def a_load_is_drawn_with_the_mouse_and_the_replicas_follow():
    page = site.open(example=0)
    before = page.evaluate("playground.answer.result")
    site.draw([(0.3, 0.2), (0.35, 0.5), (0.4, 0.9), (0.45, 0.9), (0.5, 0.2)])
    state = page.evaluate("playground.state")
    points = [tuple(map(float, line.split(","))) for line in state["load"].split()]
    assert state["linear"] and points[0] == (0, 25) and points[-1] == (1320, 25), points
    peak = max(points, key=lambda p: p[1])
    assert 0.39 * 1320 < peak[0] < 0.46 * 1320 and peak[1] > 140, points
    assert any(t == 120 and v == 25 for t, v in points), "what was beside the stroke is as it was"
    with tempfile.TemporaryDirectory() as folder:
        result, _ = simulate({**state, "csv": True}, folder)
    assert page.evaluate("playground.answer.result") == result
    assert result["sequence"] != before["sequence"]
    assert "--profile load.csv --linear" in page.evaluate("document.getElementById('command').textContent")
    before = state["load"]
    site.draw([(0.8, 0.05)])  # one click is a point
    assert page.evaluate("playground.state.load") != before
    site.shot("drawn")
    site.quiet()


def csv_is_pasted_with_titles_dates_or_durations():
    page = site.open()
    site.enter("load", "seconds,load\n0,5\n60,80\n300,80\n600,5\n1800,5\n")
    assert page.evaluate("document.getElementById('load-kind').textContent") == "CSV"
    assert page.evaluate("playground.answer.durationSeconds") == 1800
    assert page.evaluate(SEQUENCE).startswith("1,4,8,10"), page.evaluate(SEQUENCE)
    site.enter("load", "2026-01-31T12:00:00Z,5\n2026-01-31T12:05:00Z,50\n2026-01-31T12:15:00Z,50\n")
    assert page.evaluate("playground.answer.durationSeconds") == 900
    site.enter("load", "0,5\n60,many\n")
    assert "Line 2 of the CSV file is not in the form time,value" in page.evaluate("document.getElementById('load-error').textContent")
    assert page.evaluate("document.getElementById('results').classList.contains('stale')")
    assert page.evaluate("document.getElementById('load').getAttribute('aria-invalid')") == "true"
    site.enter("load", "hold 5 for 5m")
    assert page.evaluate("document.getElementById('load-error').hidden")
    assert page.evaluate(SEQUENCE) == "1"
    site.quiet()


def the_version_changes_what_the_controller_does():
    page = site.open(example=5)  # to zero and back
    assert page.evaluate("playground.answer.kubernetes") == "1.37"
    assert ",0" in page.evaluate(SEQUENCE)
    site.choose("kube-version", "1.34")
    text = page.evaluate("document.getElementById('hpa-error').textContent")
    assert "spec.minReplicas: must be greater than or equal to 1: 0 needs the feature gate HPAScaleToZero" in text, text
    page.evaluate("document.getElementById('option-gate-scale-to-zero').click()")
    site.settle()
    assert page.evaluate("document.getElementById('hpa-error').hidden")
    assert "--gate-scale-to-zero" in page.evaluate("document.getElementById('command').textContent")
    versions = page.evaluate("[...document.getElementById('kube-version').options].map(o => o.value)")
    assert sorted(versions) == list(specs.VERSIONS), versions
    site.quiet()


def a_mistake_is_shown_at_its_line_in_the_commands_words():
    page = site.open()
    hpa = page.evaluate("playground.state.hpa").replace("maxReplicas: 10", "maxReplica: 10")
    site.enter("hpa", hpa)
    text = page.evaluate("document.getElementById('hpa-error').textContent")
    assert "Line 11 spec.maxReplica: no such field; did you mean maxReplicas?" in text, text
    assert page.evaluate("[...document.querySelectorAll('#numbers b')].map(b => b.textContent).join()") == "5,11"
    page.evaluate("document.querySelectorAll('#hpa-error button')[0].click()")
    chosen = page.evaluate("(h => h.value.slice(h.selectionStart, h.selectionEnd))(document.getElementById('hpa'))")
    assert chosen in ("  maxReplica: 10", "spec:"), chosen
    site.shot("mistake")
    site.enter("hpa", hpa.replace("spec:", "spec: ["))
    text = page.evaluate("document.getElementById('hpa-error').textContent")
    with tempfile.TemporaryDirectory() as folder:
        _, error = simulate({"hpa": page.evaluate("playground.state.hpa"), "load": "hold 5", "csv": False, "linear": False, "options": {}}, folder)
    line, because = error["because"].replace("line", "Line", 1).split(" is not valid YAML: ")
    assert error["what"] in text and f"{line} {because}" in text, (text, error)
    site.quiet()


def a_link_carries_everything():
    page = site.open()
    site.enter("hpa", page.evaluate("playground.state.hpa").replace("name: workers", "name: workers  # wörk€rs 🙂").replace("maxReplicas: 10", "maxReplicas: 7"))
    site.draw([(0.2, 0.9), (0.6, 0.9)])
    site.choose("kube-version", "1.36")
    page.evaluate("document.getElementById('more').open = true")
    site.enter("option-pod-start", "20s")
    site.enter("top", "80")
    page.evaluate("new Promise(done => setTimeout(done, 700))")
    before = page.evaluate("[playground.state, playground.answer]")
    link = page.evaluate("location.href")
    assert len(link) < 2500, len(link)
    page = site.open(link)
    page.wait_for("playground.state.options['pod-start']", "20s")
    site.settle()
    after = page.evaluate("[playground.state, playground.answer]")
    assert after[0] == before[0], (after[0], before[0])
    assert after[1] == before[1], (after[1], before[1])
    assert page.evaluate("document.getElementById('kube-version').value") == "1.36"
    assert page.evaluate("document.getElementById('option-pod-start').value") == "20s"
    page.evaluate("location.hash = 'z=AAAA'")  # no link of ours: nothing changes
    site.settle()
    assert page.evaluate("playground.state") == before[0]
    page = site.open(site.url + "#z=%3Cscript%3E")
    page.wait_for("document.getElementById('example').value", "0")
    site.quiet()


def the_command_hands_over_an_hpa_and_a_load():
    with tempfile.TemporaryDirectory() as folder:
        hpa = site.open().evaluate("playground.state.hpa").replace("name: workers", "name: workers  # wörk€rs 🙂")
        with open(folder + "/hpa.yaml", "w", encoding="utf-8") as file:
            file.write(hpa)
        with open(folder + "/load.csv", "w", encoding="utf-8") as file:
            file.write("0,5\n60,50\n300,50\n")
        process, url = serve("--hpa", folder + "/hpa.yaml", "--profile", folder + "/load.csv", "--kube-version", "1.36")
        page = site.open(url)
        state = page.evaluate("playground.state")
        process.terminate()
        process.communicate()
    assert state["hpa"] == hpa and state["load"].startswith("0,5\n") and state["options"] == {"kube-version": "1.36"}, state
    assert page.evaluate("playground.answer.durationSeconds") == 300
    site.quiet()


def the_keyboard_is_enough():
    page = site.open()
    page.evaluate("document.activeElement.blur()")
    seen = []
    for _ in range(60):
        page.press("Tab", 9)
        here = page.evaluate("(e => [e.id || e.textContent, getComputedStyle(e).outlineStyle !== 'none' || "
                             "getComputedStyle(e.parentElement).outlineStyle !== 'none'])(document.activeElement)")
        if here[0] in [name for name, _ in seen] or here[0].startswith("\n"):
            break
        seen.append(here)
    names = [name for name, _ in seen]
    for needed in ("example", "kube-version", "copy-link", "hpa", "load", "duration", "top", "linear", "load-picture", "1:00", "command",
                   "copy-command", "save-hpa"):
        assert needed in names, (needed, names)
    assert all(visible for _, visible in seen), seen
    page.evaluate("document.getElementById('load-picture').focus()")
    for _ in range(20):
        page.press("ArrowRight", 39)
    site.settle()
    words = page.evaluate("document.getElementById('load-picture').getAttribute('aria-valuetext')")
    assert words.startswith("5:00: load 50, 10 replicas, 10 ready; the metrics recommend"), words
    page.press("PageDown", 34)
    page.press("ArrowDown", 40)
    site.settle()
    value = page.evaluate("playground.answer.load.find(p => Math.abs(p[0] - 300) < 1)[1]")
    assert 30 < value < 45, value
    page.press("Home", 36)
    site.settle()
    assert page.evaluate("document.getElementById('load-picture').getAttribute('aria-valuenow')") == "0"
    unnamed = ("[...document.querySelectorAll('input,select,button,textarea,[role=slider]')].filter(e => !(e.labels && e.labels.length)"
               " && !e.textContent.trim() && !e.getAttribute('aria-label')).map(e => e.id)")
    assert page.evaluate(unnamed) == []
    site.quiet()


CONTRAST = """(() => {
  const value = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const light = color => { const h = color.length === 4 ? [...color.slice(1)].map(c => c + c) : color.slice(1).match(/../g);
    const [r, g, b] = h.map(x => parseInt(x, 16) / 255).map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const pairs = [['--ink', '--card'], ['--dim', '--card'], ['--dim', '--back'], ['--dim', '--field'], ['--mark', '--card'],
                 ['--on-mark', '--mark'], ['--bad', '--card']];
  return pairs.map(([a, b]) => { const [x, y] = [light(value(a)), light(value(b))].sort(); return (y + .05) / (x + .05); });
})()"""


def it_fits_320_pixels_and_is_readable_light_and_dark():
    for theme in ("light", "dark"):
        page = site.open(width=320, height=640, theme=theme)
        page.evaluate("document.getElementById('more').open = true")
        site.settle()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        wide = page.evaluate("[...document.querySelectorAll('main *, header *')].filter(e => e.getBoundingClientRect().right > 321 && "
                             "!e.closest('svg') && !e.closest('.editor')).map(e => e.id || e.tagName)")
        assert not wide, wide
        assert min(page.evaluate(CONTRAST)) >= 4.5, page.evaluate(CONTRAST)
        site.draw([(0.5, 0.9), (0.7, 0.9)])
        assert page.evaluate("playground.state.linear")
        site.shot("narrow-" + theme)
    page = site.open(theme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"
    site.draw([(0.2, 0.7), (0.5, 0.9)])
    site.mouse("mouseMoved", 900, 560)
    site.settle()
    site.shot("dark")
    site.quiet()


def every_example_is_valid_and_looks_like_something():
    page = site.open()
    for i in range(page.evaluate("document.getElementById('example').options.length - 1")):
        site.choose("example", i)
        assert page.evaluate("[...document.querySelectorAll('.error')].every(e => e.hidden)"), i
        assert page.evaluate("playground.answer.result.figures.changes") >= 3, i
        site.shot(f"example-{i}")
    site.quiet()


def the_page_can_load_nothing_and_the_server_serves_nothing_else():
    page = site.open()
    for attempt in ("fetch('/')", "fetch('https://example.com/')", "new Promise((done, failed) => { const i = new Image(); "
                    "i.onload = done; i.onerror = failed; i.src = '/x.png'; })", "new Promise((done, failed) => { const s = "
                    "document.createElement('script'); s.textContent = 'globalThis.ran = 1'; document.head.append(s); globalThis.ran ? done() : failed(); })"):
        assert page.evaluate(f"({attempt}).then(() => 'loaded', () => 'refused')") == "refused", attempt
    site.browser.evaluate("1")
    site.browser.events.clear()
    port = int(site.url.split(":")[2].strip("/"))
    for host, path, status in (("127.0.0.1:%d" % port, "/", 200), ("evil.example", "/", 421), ("127.0.0.1:%d" % port, "/x", 404)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers={"Host": host})
        assert connection.getresponse().status == status, (host, path)
        connection.close()


def the_file_alone_works_too():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([HPAWALK, "playground", "--write", folder + "/playground.html"], check=True, capture_output=True, timeout=60)
        page = site.open(f"file://{folder}/playground.html")
        site.choose("example", 1)
        assert page.evaluate(SEQUENCE) == "1,4,8,10"
        with open(folder + "/playground.html", "rb") as file:
            content = file.read()
        size = len(gzip.compress(content, 9))
        print(f"      the page has {len(content) / 1024:.0f} KiB, gzipped {size / 1024:.0f} KiB")
        assert size < 1_000_000
    site.quiet()


def a_day_is_calculated_in_the_page():
    page = site.open(example=2)
    assert page.evaluate("playground.answer.durationSeconds") == 86400
    ask = ("(() => { const q = {...playground.state, csv: false}, all = []; for (let i = 0; i < 20; i++) { const b = performance.now(); "
           "playground.ask(q); all.push(performance.now() - b); } return all.sort((a, b) => a - b); })()")
    times = page.evaluate(ask)
    print(f"      a day's simulation with its answer: median {times[10]:.1f} ms, slowest of 20 {times[-1]:.1f} ms")


ENTER = """(one => { for (const [id, text] of [['hpa', one.hpa], ['load', one.load]]) {
    const field = document.getElementById(id); field.value = text; field.dispatchEvent(new Event('input')); }
  const linear = document.getElementById('linear'); linear.checked = one.linear; linear.dispatchEvent(new Event('change'));
  const version = document.getElementById('kube-version'); version.value = one.options['kube-version'] ?? '1.37';
  version.dispatchEvent(new Event('change'));
  for (const field of document.querySelectorAll('[data-option]')) {
    const value = one.options[field.dataset.option] ?? '';
    if (field.type === 'checkbox') field.checked = value === 'true'; else field.value = value;
    field.dispatchEvent(new Event('input')); }
  const said = () => ({errors: [...document.querySelectorAll('.error')].filter(e => !e.hidden).map(e => e.textContent),
                       result: playground.answer.result});
  return new Promise(done => { const look = () => playground.busy ? setTimeout(look, 5) : done(said()); look(); });
})(%s)"""


def two_hundred_generated_specs_and_loads_give_what_the_command_gives():
    seed = int(os.environ.get("SEED", "20261127"))
    page = site.open()
    same = refused = changes = 0
    with tempfile.TemporaryDirectory() as folder:
        i = 0
        while same < int(os.environ.get("CASES", "200")):
            i += 1
            one = specs.case(random.Random(f"{seed} {i}"))
            result, error = simulate(one, folder)
            shown = page.evaluate(ENTER % json.dumps(one))
            if error:
                refused += 1
                assert shown["errors"] and error["what"] in shown["errors"][0], (i, one, error, shown["errors"])
                continue
            assert not shown["errors"], (i, one, shown["errors"])
            assert shown["result"] == result, (i, one, shown["result"], result)
            same, changes = same + 1, changes + result["figures"]["changes"]
    print(f"      {same} equal with {changes} changes, {refused} refused in the same words (SEED={seed})")
    assert refused and changes > 2 * same
    site.quiet()


def main():
    global site
    if SHOTS:
        os.makedirs(SHOTS, exist_ok=True)
    tests = [value for value in list(globals().values()) if callable(value) and getattr(value, "__module__", "") == "__main__"
             and value.__name__ not in ("main", "simulate", "serve", "Site")]
    try:
        site = Site()
    except Exception as reason:  # a missing chromium is a skip, which run() tells of each test
        trouble = reason
        def the_page_opens_in_a_browser():
            raise trouble
        return run([the_page_opens_in_a_browser])
    with contextlib.closing(site):
        run(tests)


main()
