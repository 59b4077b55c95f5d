"""What Prometheus itself says: promtool and a real Prometheus that scrapes every format."""
import json, os, subprocess, tempfile, time, urllib.error, urllib.parse, urllib.request

from harness import needs, run, server

FLAGS = ("--self-metrics", "--metric-help", 'With \\ and "quotes"\nand a line.', "--label", "queue=orders",
         "--add-metric", 'temperature{room="lab \\"1\\"",path="C:\\\\x"}=21.5', "--add-metric", "temperature{room=hall}=1e300",
         "--add-metric", "jobs_done_total=7", "--add-metric", "cold=-Inf;hot=+Inf;unknown=NaN;zero=-0")


def promtool_check_metrics_accepts_every_text():
    promtool = needs("promtool", "PROMTOOL=path, or on PATH")
    for flags in ((), FLAGS):
        with server(*flags) as one:
            one.get("/value")
            result = subprocess.run([promtool, "check", "metrics"], input=one.get("/metrics"), text=True,
                                    capture_output=True, timeout=20)
            # Series without help are the user's choice; everything else would be ours.
            remarks = [l for l in result.stderr.splitlines() if l and "no help text" not in l]
            assert not remarks and (result.returncode == 0 or result.stderr), result.stderr


def a_real_prometheus_scrapes_text_and_openmetrics_and_reads_the_same_values():
    prometheus = needs("prometheus", "PROMETHEUS=path, or on PATH")
    with server(*FLAGS, "--log-requests") as one, tempfile.TemporaryDirectory() as folder:
        one.request("POST", "/value", "50")
        jobs = {"text": "PrometheusText0.0.4", "om1": "OpenMetricsText1.0.0", "om0": "OpenMetricsText0.0.1"}
        config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [
            {"job_name": name, "scrape_protocols": [protocol], "static_configs": [{"targets": [f"127.0.0.1:{one.port}"]}]}
            for name, protocol in jobs.items()] + [
            {"job_name": "default", "static_configs": [{"targets": [f"127.0.0.1:{one.port}"]}]}]}
        with open(folder + "/p.yml", "w") as file:
            json.dump(config, file)
        log = open(folder + "/log", "w+")
        process = subprocess.Popen([prometheus, "--config.file", folder + "/p.yml", "--storage.tsdb.path", folder + "/d",
                                    "--web.listen-address", "127.0.0.1:0"], stderr=log, stdout=log)
        try:
            address = None
            for _ in range(200):
                time.sleep(0.1)
                with open(folder + "/log") as text:
                    lines = [l for l in text if "Listening on" in l and "address=" in l]
                if lines:
                    address = lines[0].split("address=")[1].split()[0]
                    break
            assert address, open(folder + "/log").read()

            def ready():
                try:
                    return urllib.request.urlopen(f"http://{address}/-/ready", timeout=10).status == 200
                except urllib.error.HTTPError:
                    return False

            while not ready():  # it listens before it can answer
                assert process.poll() is None, open(folder + "/log").read()
                time.sleep(0.2)

            def query(text):
                url = f"http://{address}/api/v1/query?" + urllib.parse.urlencode({"query": text})
                with urllib.request.urlopen(url, timeout=10) as answer:
                    return {r["metric"].get("job"): r["value"][1] for r in json.load(answer)["data"]["result"]}

            everywhere = lambda value: {name: value for name in (*jobs, "default")}
            for _ in range(300):
                if query("up") == everywhere("1") and len(query("prom_fake_value")) == 4:
                    break
                time.sleep(0.2)
            with urllib.request.urlopen(f"http://{address}/api/v1/targets", timeout=10) as answer:
                errors = [t["lastError"] for t in json.load(answer)["data"]["activeTargets"]]
            assert errors == [""] * 4, errors
            for text, value in (('prom_fake_value{queue="orders"}', "50"), ("jobs_done_total", "7"),
                                ('temperature{room="lab \\"1\\"",path="C:\\\\x"}', "21.5"), ("cold", "-Inf"),
                                ("hot", "+Inf"), ("unknown", "NaN"), ("zero", "-0"), ("promfake_build_info", "1"),
                                ('temperature{room="hall"}', "1" + "0" * 300)):
                found = {k: v if "e+" not in v else f"{float(v):.0f}" for k, v in query(text).items()}
                assert {k: float(v) for k, v in found.items()} == everywhere(float(value)) or value == "NaN" == found["om1"], \
                    (text, found)
        finally:
            process.terminate()
            process.wait(30)


run([promtool_check_metrics_accepts_every_text,
     a_real_prometheus_scrapes_text_and_openmetrics_and_reads_the_same_values])
