"""A stand-in of Azure that runs, for the tests: started, asked, ended."""
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))


class Standin:
    """standin.py as a process, with these flags."""

    def __init__(self, kubeconfig, *flags):
        self.folder = tempfile.mkdtemp(prefix="standin-")
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "standin.py"), self.folder, kubeconfig, *flags])
        port = os.path.join(self.folder, "port")
        for _ in range(600):
            if os.path.exists(port) and open(port).read():
                break
            time.sleep(0.1)
        self.host = "127.0.0.1:" + open(port).read()
        self.certificate = os.path.join(self.folder, "cert.pem")

    def environment(self):
        return {"AZURE_CONFIG_DIR": os.path.join(self.folder, "az"), "AZURE_CORE_COLLECT_TELEMETRY": "false",
                "REQUESTS_CA_BUNDLE": self.certificate, "MSI_ENDPOINT": f"https://{self.host}/msi", "MSI_SECRET": "any"}

    def ask(self, path, data=None):
        context = ssl.create_default_context(cafile=self.certificate)
        request = urllib.request.Request(f"https://{self.host}/standin/{path}", json.dumps(data).encode() if data else None)
        return json.load(urllib.request.urlopen(request, context=context, timeout=20))

    def login(self, az, environment):
        return subprocess.run([az, "login", "--identity", "--output", "none"], env=environment, text=True, capture_output=True, timeout=300)

    def end(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def await_state(standin, wanted):
    for _ in range(600):
        if wanted(standin.ask("state")):
            return
        time.sleep(0.2)
