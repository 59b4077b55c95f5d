"""The page at / in a real browser: it shows the value, sets it in every way it offers, and works behind a prefix."""
import http.client, http.server, os, threading, time

from browser import Browser
from harness import needs, run, server

PREFIX = "/api/v1/namespaces/default/services/http:prom-fake:8080/proxy"
FLAGS = ("--add-metric", 'queue_length{queue="a b&c",zone="1"}=3', "--add-metric", "jobs_total=4")
NOW = "document.getElementById('now').textContent"
SHOTS = os.environ.get("PROMFAKE_SCREENSHOTS")  # a folder, to look at the page


def open_page(url):
    browser = Browser(needs("chromium", "Debian: chromium"))
    browser.call("Page.navigate", url=url)
    return browser


def the_page_shows_the_value_and_sets_it_by_field_button_slider_and_for_other_metrics():
    with server(*FLAGS, "--value=7") as one:
        browser = open_page(one.url("/"))
        try:
            browser.wait_for(NOW, "7")
            # The field, with the keyboard alone.
            browser.evaluate("document.getElementById('number').focus(); document.getElementById('number').select()")
            browser.type("42.5")
            browser.press("Enter", 13)
            browser.wait_for(NOW, "42.5")
            assert one.get("/value") == "42.5\n"
            # A wrong value is told, and changes nothing.
            browser.evaluate("document.getElementById('number').select()")
            browser.type("many")
            browser.press("Enter", 13)
            browser.wait_for("document.getElementById('message').textContent", 'not a number: "many"')
            assert one.get("/value") == "42.5\n"
            browser.evaluate("document.querySelector('[data-set=\"50\"]').click()")
            browser.wait_for(NOW, "50")
            # The slider, with the keyboard: Home is its smallest value.
            browser.evaluate("document.getElementById('slider').focus()")
            browser.press("End", 35)
            browser.wait_for(NOW, "100")
            assert one.get("/value") == "100\n"
            # A change from elsewhere arrives, and special values are shown.
            one.request("POST", "/value", "-Inf")
            browser.wait_for(NOW, "-Inf")
            one.request("POST", "/value", "10")
            browser.wait_for(NOW, "10")
            # Another metric, whose labels need escaping.
            browser.evaluate("s = document.getElementById('series'); s.value = s.options[1].value; "
                             "s.dispatchEvent(new Event('change'))")
            browser.wait_for(NOW, "3")
            browser.evaluate("document.querySelector('[data-set=\"5\"]').click()")
            browser.wait_for(NOW, "5")
            assert one.get("/value/queue_length") == "5\n"
            assert browser.evaluate("document.getElementById('curve').getAttribute('d').length") > 20
            unnamed = ("[...document.querySelectorAll('input,select,button')].filter(e => !e.hidden && "
                       "!(e.labels && e.labels.length) && !e.textContent.trim()).length")
            assert browser.evaluate(unnamed) == 0
            # The refused value is the one 400 that the console may show.
            complaints = [c for c in browser.complaints() if "400" not in str(c)]
            assert not complaints, complaints
        finally:
            browser.close()


class Prefixed(http.server.BaseHTTPRequestHandler):
    """Hands on what is below PREFIX, as the API server's service proxy does; everything else is a mistake."""
    target, strays = 0, []

    def handle_any(self):
        if not self.path.startswith(PREFIX + "/"):
            Prefixed.strays.append(self.path)
            return self.send_error(404)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = http.client.HTTPConnection("127.0.0.1", Prefixed.target, timeout=10)
        said = {name: self.headers[name] for name in ("Origin", "Sec-Fetch-Site") if name in self.headers}
        upstream.request(self.command, self.path[len(PREFIX):], body, said)  # another Host, as through kubectl proxy
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name in ("Content-Type", "Content-Security-Policy"):
            if answer.getheader(name):
                self.send_header(name, answer.getheader(name))
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = handle_any

    def log_message(self, *_):
        pass


def behind_the_prefix_of_the_service_proxy_it_works_as_well():
    with server(*FLAGS, "--value=7") as one:
        Prefixed.target = one.port
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Prefixed)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        browser = open_page(f"http://127.0.0.1:{proxy.server_port}{PREFIX}/")
        try:
            browser.wait_for(NOW, "7")
            browser.evaluate("document.querySelector('[data-set=\"10\"]').click()")
            browser.wait_for(NOW, "10")
            assert one.get("/value") == "10\n"
            assert browser.evaluate("document.querySelector('footer a').href").endswith(PREFIX + "/metrics")
            assert not Prefixed.strays, Prefixed.strays
        finally:
            browser.close()
            proxy.shutdown()


def a_page_of_another_site_cannot_set_the_value():
    with server("--value=7") as one, server() as other:
        browser = open_page(other.url("/"))  # another port is another origin
        try:
            browser.wait_for(NOW, "0")
            # Its own policy forbids to ask others: a page of somebody who means it has none.
            browser.call("Page.setBypassCSP", enabled=True)
            browser.call("Page.navigate", url=other.url("/"))
            browser.wait_for(NOW, "0")
            post = "fetch(%r, {method: 'POST', mode: 'no-cors', body: '9'}).then(a => a.type)" % one.url("/value")
            assert browser.evaluate(post) == "opaque"  # it was sent, and answered
            assert one.get("/value") == "7\n"
            assert browser.evaluate("fetch('value', {method: 'POST', body: '9'}).then(a => a.status)") == 200
            assert other.get("/value") == "9\n"
        finally:
            browser.close()


def for_the_eye_a_screenshot_with_a_curve():
    from harness import Skip
    if not SHOTS:
        raise Skip("PROMFAKE_SCREENSHOTS=FOLDER was not asked for")
    for name, theme in (("light", "light"), ("dark", "dark")):
        with server(*FLAGS, "--value=7") as one:
            browser = open_page("about:blank")
            try:
                browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
                browser.call("Page.navigate", url=one.url("/"))
                for value in ("7", "50", "50", "5", "20", "20", "80", "10", "10", "35"):
                    one.request("POST", "/value", value)
                    time.sleep(1)
                browser.wait_for(NOW, "35")
                browser.screenshot(f"{SHOTS}/page-{name}.png")
            finally:
                browser.close()


tests = [the_page_shows_the_value_and_sets_it_by_field_button_slider_and_for_other_metrics,
         behind_the_prefix_of_the_service_proxy_it_works_as_well,
         a_page_of_another_site_cannot_set_the_value]
run(tests + ([for_the_eye_a_screenshot_with_a_curve] if SHOTS else []))
