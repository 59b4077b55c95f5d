"""A headless Chromium over its DevTools protocol, with nothing but the standard library. Knows nothing about pages."""
import base64, json, os, shutil, socket, struct, subprocess, tempfile, time, urllib.request

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--remote-debugging-port=0", "--window-size=900,900")


class Browser:
    def __init__(self, path):
        self.folder = tempfile.mkdtemp()
        self.process = subprocess.Popen([path, *FLAGS, f"--user-data-dir={self.folder}", "about:blank"],
                                        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self):
        port_file = self.folder + "/DevToolsActivePort"
        for _ in range(300):
            if os.path.exists(port_file) and open(port_file).read().count("\n"):
                break
            time.sleep(0.1)
        port = int(open(port_file).readline())
        for _ in range(100):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10) as answer:
                pages = [t for t in json.load(answer) if t["type"] == "page"]
            if pages:
                break
            time.sleep(0.1)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        path = "/devtools/" + pages[0]["webSocketDebuggerUrl"].split("/devtools/")[1]
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade"
                             f"\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        assert b"101" in self.stream.readline()
        while self.stream.readline().strip():
            pass
        self.number, self.events = 0, []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def _receive(self):
        data = b""
        while True:
            first, second = self.stream.read(2)
            size = second & 127
            if size > 125:
                size = struct.unpack(">H" if size == 126 else ">Q", self.stream.read(2 if size == 126 else 8))[0]
            part = self.stream.read(size)
            if first & 15 in (0, 1, 2):
                data += part
            if first & 128 and first & 15 in (0, 1, 2):
                return json.loads(data)

    def call(self, method, **params):
        self.number += 1
        data = json.dumps({"id": self.number, "method": method, "params": params}).encode()
        mask = os.urandom(4)
        size = len(data)
        head = struct.pack(">BB", 0x81, 0x80 | size) if size < 126 else struct.pack(">BBH", 0x81, 0xFE, size)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
        while True:
            message = self._receive()
            if message.get("id") == self.number:
                assert "error" not in message, message
                return message["result"]
            self.events.append(message)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait_for(self, expression, wanted, seconds=10):
        end, last = time.monotonic() + seconds, None
        while time.monotonic() < end:
            try:
                last = self.evaluate(expression)
            except AssertionError:
                last = None
            if last == wanted:
                return
            time.sleep(0.05)
        raise AssertionError(f"{expression} is {last!r} and not {wanted!r}")

    def type(self, text):
        self.call("Input.insertText", text=text)

    def press(self, key, code=0):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code,
                      **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}))

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def complaints(self):
        """What the page's console reported, and every address that was asked outside of loopback."""
        self.evaluate("1")
        found = [e for e in self.events if e.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]
        for event in self.events:
            if event.get("method") == "Network.requestWillBeSent":
                url = event["params"]["request"]["url"]
                if not url.startswith(("http://127.0.0.1:", "about:", "data:")):
                    found.append(url)
        return found

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
