#!/usr/bin/env python3
"""Makes real faults on a real cluster and checks that `hpawalk diagnose` names each as the first broken link.

Needs a cluster of its own: KUBECONFIG names it, HPAWALK the binary, OPERATOR_BUNDLE the operator's bundle.yaml.
  1. chains that are whole, of several shapes: no finding may be broken;
  2. faults that touch only their own chain: all stand at once, one `diagnose -A` judges them;
  3. faults of what all chains share (adapter, APIService, rights): one after the other, each put back.

Each is judged at three moments: 10 s after the change, when it shows, and 10 s after the repair. In between the cluster is in motion, and then a wrong
link must not be named either: right is the cause itself, or what is under way (MOTION).

What diagnose prints as a fix is run exactly as it is printed, and then diagnose must find nothing broken; what only reads, for
somebody who follows advice, is run too. Prints a line for each, and ends with 1 if one was named wrongly or a fix does not repair. SHORT=1: only a few of the most common;
ONLY=REGEX: only those whose names match; SAVE=FOLDER: the facts of each fault that was named, as they were seen then, as CAUSE.json (CAUSE@FAULT.json from its second fault on).
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
import lab
import report
from lab import (SPACE, MONITORING, LOCKED, OUTSIDE, ADAPTER_SPACE, CUSTOM, EXTERNAL, RESOURCE, apply, changed, chain, cpu, external_metric, hpa, kubectl, meta, monitor, object_metric,
                 pod_monitor, pods_metric, rule, service, workload)

HPAWALK = os.environ.get("HPAWALK", "hpawalk")
SAVE = pathlib.Path(os.environ["SAVE"]) if os.environ.get("SAVE") else None
results, started = [], time.monotonic()


fixes = {"executed": 0, "repaired": 0, "advice": 0}
MOMENT = 10  # seconds after a change or a repair
# What follows by itself: named as the first broken link it is no wrong answer between a change and its effect.
MOTION = {"waiting-for-sync", "prometheus-config-pending", "adapter-starting"}
# Prometheus tries again with pauses of up to a minute once it may discover targets: the finding says that discovery may still be in progress.
MOTION_OF = {"5 rights to discover": "target-not-discovered"}
moments = {"changed": 0, "repaired": 0}


def judged(*args):
    """What diagnose says of each HPA, or its error."""
    done = subprocess.run([HPAWALK, "diagnose", *args, "-o", "json"], capture_output=True, text=True, timeout=300)
    try:
        return json.loads(done.stdout)["hpas"], None
    except (json.JSONDecodeError, KeyError):
        return [], (f"exit {done.returncode}", done.stderr.strip()[-300:], [])


def judged_and_saved(key):
    """What diagnose says of one HPA, whose facts `keep` may then keep: what an adapter's log tells can be gone the next time."""
    space, name = key.split("/")
    return judged(name, "-n", space, *(["--save", str(SAVE / "seen")] if SAVE else []))


def keep(name, cause):
    if SAVE and cause != "healthy":
        slug = re.sub("[^a-z0-9]+", "-", name.lower())
        file = SAVE / f"{cause}.json"
        (SAVE / "seen").rename(SAVE / f"{cause}@{slug}.json" if file.exists() else file)


def diagnose(*args):
    """{namespace/name: (verdict, first broken cause of any of its metrics, all causes)}"""
    return summary(*judged(*args))


def summary(hpas, error):
    if error:
        return {"error": error}
    seen = {}
    for h in hpas:
        firsts = [m["firstBroken"] for m in h["metrics"] if m["firstBroken"]]
        causes = [f["cause"] for m in h["metrics"] for f in m["findings"]]
        seen[f"{h['namespace']}/{h['name']}"] = (h["verdict"], firsts, causes)
    return seen


def wait_for(what, check, limit=90):
    end = time.monotonic() + limit
    while True:
        last = check()
        if last is True:
            return True
        if time.monotonic() > end:
            print(f"     gave up waiting for {what}: {last}", flush=True)
            return False
        time.sleep(0.5)


def record(good, name, wanted, got):
    results.append((good, name, wanted, got))
    print(f"{'ok  ' if good else 'FAIL'} {name:<34} {wanted:<30} {'' if good else 'got ' + str(got)}", flush=True)


def expect(name, key, cause, kind="broken", limit=30):
    """The cause is the first broken link (or, for notes, among the findings) within the time it takes to show. Its finding."""
    last, hpas = None, []

    def check():
        nonlocal last, hpas
        hpas, error = judged_and_saved(key)
        last = summary(hpas, error).get(key)
        return named(last, cause, kind) or str(last)
    good = wait_for(f"{name}: {cause}", check, limit)
    if good:
        keep(name, cause)
    record(good, name, cause, last)
    return finding_of(hpas, key, cause)


def named(seen, cause, kind):
    if seen is None:
        return False
    verdict, firsts, causes = seen
    if cause == "healthy":
        return verdict in ("ok", "note") and not firsts
    return cause in firsts if kind == "broken" else cause in causes and not firsts


def in_motion(seen):
    """Nothing is broken, or only what follows by itself."""
    return seen is not None and all(first in MOTION for first in seen[1])


def moment(when, name, key, hpas, cause):
    """Judges one of the two moments in which the cluster is in motion; the cause: of the fault; None: it is whole, or was repaired."""
    seen = summary(hpas, None).get(key)
    good = in_motion(seen) and (cause is None or cause in seen[2] or any(one in MOTION for one in seen[2]))
    good = good or (seen is not None and (cause in seen[1] or MOTION_OF.get(name) in seen[1]))
    moments[when] += 1 if good else 0
    if not good:
        record(False, f"{name}, {MOMENT} s after it was {when}", cause or "whole, or what is under way", seen)
        for finding in [f for h in hpas if f"{h['namespace']}/{h['name']}" == key for m in h["metrics"] for f in m["findings"]]:
            print(f"     {finding['cause']}: {finding['sentence']} {finding['evidence']}", flush=True)


def sleep_until(end):
    time.sleep(max(0.0, end - time.monotonic()))


def finding_of(hpas, key, cause):
    """The finding that names the cause, of any metric of the HPA."""
    found = [f for h in hpas if f"{h['namespace']}/{h['name']}" == key for m in h["metrics"] for f in m["findings"] if f["cause"] == cause]
    return found[0] if found else None


def run_fix(name, finding):
    """Runs what is printed. True: a repair is under way, to be waited for; False: it was advice, or it failed."""
    repair = finding["repair"] or {}  # of a note there may be nothing to be done
    command = repair.get("command") or repair.get("look")
    done = subprocess.run(["bash", "-c", finding["fix"]], capture_output=True, text=True, timeout=120) if command else None
    good = done is None or done.returncode == 0
    if "command" not in repair:
        fixes["advice"] += 1
        print(f"fix  {name:<34} advice{'' if good else '   FAIL to look: ' + done.stderr.strip()}", flush=True)
        if not good:
            results.append((False, name, "a look that works", command))
        return False
    fixes["executed"] += 1
    if not good:
        record(False, name, "a fix that runs", f"{command}: {done.stderr.strip()}")
    return good


def repaired(name, key, finding, since, limit=330):  # a change takes up to five minutes to reach Prometheus
    """After its fix ran, nothing of the HPA is broken."""
    space, hpa_name = key.split("/")

    def check():
        verdict, firsts, causes = diagnose(hpa_name, "-n", space).get(key, ("no such HPA", [], []))
        return (verdict in ("ok", "note") and not firsts) or str((verdict, firsts, causes))
    good = wait_for(f"the repair of {name}", check, limit)
    fixes["repaired"] += 1 if good else 0
    repair = finding["repair"]
    what = f"{repair['kind']} {repair['object']['resource']} {repair['object']['name']}"
    print(f"fix  {name:<34} {what}: {'repaired after' if good else 'NOT repaired in'} {time.monotonic() - since:.0f} s", flush=True)
    if not good:
        results.append((False, name, "a fix that repairs", repair["command"]))


def replaced_hpa(name, metric, target="50", **more):
    return changed(name, hpa=hpa(name, [object_metric(metric, name, target)], **more))


def of_own_source(name, metric, metrics, content_type="text/plain; version=0.0.4", of=None, limit=None, **parts):
    """A chain whose pods expose just these metrics; `of`: another object that the metric is asked of."""
    if limit:
        parts["monitor"] = monitor(name)
        parts["monitor"]["spec"]["sampleLimit"] = limit
    return [*lab.own_source("src-" + name, metrics, content_type),
            *changed(name, service=service(name, {"app": "src-" + name}), hpa=hpa(name, [object_metric(metric, of or name, "7", of=of and {"apiVersion": "v1", "kind": "Namespace"})]), **parts)]


REFUSED = [
    {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": meta("lab-no-scaling", None),
     "spec": {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments/scale"]}]},
              "validations": [{"expression": "object.metadata.name != 'frefused'", "message": "the quota of this team is used up"}]}},
    {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta("lab-no-scaling", None),
     "spec": {"policyName": "lab-no-scaling", "validationActions": ["Deny"]}},
]


def measured(name, pod=None, metric=None, **container):
    """A Deployment that exposes its own usage, with an HPA of it; `pod`: more of its pods' spec."""
    objects = lab.source(name=name, **container)
    objects[1]["spec"]["template"]["spec"].update(pod or {})
    return objects + [pod_monitor(name, {"app": name}), hpa(name, [metric or cpu(50)], high=1)]


def with_labels_of(name, stateful_set):
    stateful_set["spec"]["selector"]["matchLabels"] = stateful_set["spec"]["template"]["metadata"]["labels"] = {"app": name}
    return stateful_set


def in_quota(name, workload):
    """One pod of the workload is all that its quota has room for."""
    workload["spec"]["template"]["spec"]["priorityClassName"] = name
    return [{"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": meta(name, None), "value": 1},
            {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta(name),
             "spec": {"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": [name]}]}}},
            *changed(name, workload=workload, hpa=hpa(name, [object_metric("lab_value", name, "10")], kind=workload["kind"]))]


REQUESTS = {"requests": {"cpu": "100m"}}
MAIN_CPU = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": {"type": "Utilization", "averageUtilization": 50}}}
HEALTHY = {
    "pod-requests": measured("pod-requests", {"resources": REQUESTS}),
    "object-value": changed("object-value"),
    "paused": of_own_source("paused", "lab_src_paused", "lab_src_paused 7\n"),
    "traced": of_own_source("traced", "lab_src_traced", "lab_src_traced 7\n", of=SPACE),
    "scraped-by-name": of_own_source("scraped-by-name", "lab_src_named", "lab_src_named 7\n", monitor=lab.scrape_config("scraped-by-name")),
    "probed": of_own_source("probed", "lab_src_probed", "lab_src_probed 7\n", monitor=lab.probe("probed")),
    "dotted": of_own_source("dotted", "lab.dotted", '{"lab.dotted"} 7\n'),
    "object-average": changed("object-average", hpa=hpa("object-average", [object_metric("lab_jobs", "object-average", "30", "AverageValue")])),
    "pods-rate": [service("pods-rate", {"app": "source"}), monitor("pods-rate"), hpa("pods-rate", [pods_metric("lab_requests_per_second", "10")], target="source", low=1, high=1)],
    "external": changed("external", hpa=hpa("external", [external_metric("lab_queue", "12")])),
    "two-metrics": changed("two-metrics", hpa=hpa("two-metrics", [object_metric("lab_value", "two-metrics"), external_metric("lab_queue", "12")])),
    "pods-monitor": lab.source(name="reporter") + [pod_monitor("pods-monitor", {"app": "reporter"}), hpa("pods-monitor", [pods_metric("lab_jobs", "30")], target="reporter", high=1)],
    "resource": [hpa("resource", [cpu(50)], target="source-alone", high=1)] + lab.source(name="source-alone", resources={"requests": {"cpu": "100m"}}) +
                [pod_monitor("resource", {"app": "source-alone"})],
    "recorded": replaced_hpa("recorded", "shop:healthy:value") + [lab.recording("recorded", "shop:healthy:value")],
    "other-kind": [service("other-kind", {"app": "source"}), monitor("other-kind"), lab.widget("Gadget", "other-kind"), workload("other-kind"),
                   hpa("other-kind", [object_metric("lab_value", "other-kind")], kind="Gadget", api="lab.example/v1", high=1)],
    "other-port": changed("other-port", service=service("other-port", {"app": "source"}, 80, "stats", "http-telemetry"), monitor=monitor("other-port", port="http-telemetry")),
}


def with_sidecar(source):
    """No mesh: a container that is called as a mesh's sidecar is."""
    source[1]["spec"]["template"]["spec"]["containers"].append({"name": "istio-proxy", "image": lab.PAUSE_IMAGE})
    return source


# name -> (expected cause, kind, objects, HPA)
SIDE_BY_SIDE = {
    "1 monitor label": ("monitor-not-selected", changed("f1", monitor=monitor("f1", labels={"release": "other"})), "f1"),
    "1 ScrapeConfig label": ("monitor-not-selected", of_own_source("fscrape", "lab_src_unnamed", "lab_src_unnamed 7\n", monitor=lab.scrape_config("fscrape", release="other")), "fscrape"),
    "1 Probe label": ("monitor-not-selected", of_own_source("fprobe", "lab_src_unprobed", "lab_src_unprobed 7\n", monitor=lab.probe("fprobe", release="other")), "fprobe"),
    "6 ScrapeConfig port": ("target-down", of_own_source("fscrapeport", "lab_src_misnamed", "lab_src_misnamed 7\n", monitor=lab.scrape_config("fscrapeport", 9999)), "fscrapeport"),
    "dotted name without quotes": ("metric-query-fails", of_own_source("fbare", "lab.bare", '{"lab.bare"} 7\n'), "fbare"),
    "2 monitor namespace": ("monitor-namespace-not-selected", changed("f2", monitor=monitor("f2", space=OUTSIDE)), "f2"),
    "3 selector against Service": ("monitor-selects-no-service", changed("f3", monitor=monitor("f3", selector={"svc": "f3x"})), "f3"),
    "3 namespaceSelector": ("monitor-selects-no-service", changed("f3b", monitor=monitor("f3b", spaces=())), "f3b"),
    "4 port name": ("monitor-port-name", changed("f4", monitor=monitor("f4", port="stat")), "f4"),
    "5 rights to discover": ("prometheus-cannot-discover", lab.source(LOCKED) + [service("f5", {"app": "source"}, space=LOCKED), monitor("f5", spaces=(LOCKED,)), workload("f5", LOCKED),
                                                          hpa("f5", [object_metric("lab_value", "f5")], LOCKED)], "vault/f5"),
    "6 Service selects no pod": ("service-selects-no-pod", changed("f6", service=service("f6", {"app": "sauce"}, svc="f6")), "f6"),
    "6 targetPort": ("service-target-port", changed("f6b", service=service("f6b", {"app": "source"}, target=9999, svc="f6b")), "f6b"),
    "6 path": ("target-down", changed("f6c", monitor=monitor("f6c", path="/nothing")), "f6c"),
    "Content-Type": ("target-down", of_own_source("ftype", "lab_src_typed", "lab_src_typed 7\n", "text/html"), "ftype"),
    "sample limit": ("target-down", of_own_source("flimit", "lab_src_limited", "lab_src_limited 7\nlab_src_other 7\n", limit=1), "flimit"),
    "6 source pods crash": ("source-pods-not-ready", lab.source(name="crashing", command=["/usr/sbin/nginx", "-c", "/nowhere"]) + changed("f6d", service=service("f6d", {"app": "crashing"})), "f6d"),
    "source scaled to 0": ("source-without-pods", lab.source(name="asleep", replicas=0) + changed("fs0", service=service("fs0", {"app": "asleep"})), "fs0"),
    "source StatefulSet scaled to 0": ("source-without-pods", [lab.stateful_set("set-asleep", replicas=0), *changed("fs0b", service=service("fs0b", {"app": "set-asleep"}))], "fs0b"),
    "source pods cannot be made": ("source-without-pods", lab.source(name="homeless", account="nobody-made-it") + changed("fs0c", service=service("fs0c", {"app": "homeless"})), "fs0c"),
    "3 PodMonitor labels": ("monitor-selects-no-service", lab.source(name="lonely") + [pod_monitor("f3c", {"app": "lonelyy"}), hpa("f3c", [pods_metric("lab_jobs", "30")], target="lonely", high=1)], "f3c"),
    "4 PodMonitor port": ("monitor-port-name", lab.source(name="odd-port") + [pod_monitor("f4b", {"app": "odd-port"}, port="status"), hpa("f4b", [pods_metric("lab_jobs", "30")], target="odd-port", high=1)], "f4b"),
    "2 PodMonitor namespace": ("monitor-namespace-not-selected", lab.source(name="outer") + [pod_monitor("f2b", {"app": "outer"}, space=OUTSIDE), hpa("f2b", [pods_metric("lab_jobs", "30")], target="outer", high=1)], "f2b"),
    "targets dropped": ("target-not-discovered", changed("ftd", monitor=monitor("ftd", relabelings=[{"action": "drop", "sourceLabels": ["__address__"], "regex": ".+"}])), "ftd"),
    "7 invalid monitor": ("monitor-rejected", changed("f7", monitor=monitor("f7", relabelings=[{"action": "replace", "regex": "(", "targetLabel": "x"}])), "f7"),
    "13 seriesQuery": ("rule-matches-no-series", replaced_hpa("f13", "lab_matcher"), "f13"),
    "13 no rule": ("rule-matches-no-series", replaced_hpa("f13b", "lab_unruled"), "f13b"),
    "14 override labels": ("rule-labels-mismatch", replaced_hpa("f14", "lab_mislabelled"), "f14"),
    "15 group-by dropped": ("rule-drops-group-label", replaced_hpa("f15", "lab_dropped"), "f15"),
    "16 no row of the object": ("object-not-in-series", changed("f16", monitor=monitor("f16", metricRelabelings=[{"action": "replace", "targetLabel": "service", "replacement": "elsewhere"}])), "f16"),
    "17 namespaced false": ("rule-not-namespaced", replaced_hpa("f17", "lab_cluster"), "f17"),
    "18 renamed": ("metric-renamed", replaced_hpa("f18", "lab_renamed_total"), "f18"),
    "19 overlapping rules": ("rules-overlap", replaced_hpa("f19", "lab_overlap"), "f19"),
    "22 rate window": ("rate-window-too-short", replaced_hpa("f22", "lab_short_total"), "f22"),
    "23 NaN": ("metric-nan", replaced_hpa("f23", "lab_nan"), "f23"),
    "kind without scale": ("no-scale-subresource", [lab.widget("Trinket", "ftrinket"), *changed("ftrinket", hpa=hpa("ftrinket", [object_metric("lab_value", "ftrinket")], kind="Trinket", api="lab.example/v1"))], "ftrinket"),
    "other braces": ("rule-template", replaced_hpa("fbraces", "lab_braces"), "fbraces"),
    "no LabelMatchers": ("rule-template", replaced_hpa("funasked", "lab_unasked"), "funasked"),
    "13 label is empty": ("rule-matches-no-series", replaced_hpa("fwithout", "lab_without"), "fwithout"),
    "by after a function": ("metric-query-fails", replaced_hpa("fmisplaced", "lab_misplaced"), "fmisplaced"),
    "query refused": ("metric-query-fails", replaced_hpa("fq", "lab_bad"), "fq"),
    "recording rule's label": ("recording-rule-not-selected", replaced_hpa("frl", "shop:label:value") + [lab.recording("frl", "shop:label:value", role="other")], "frl"),
    "recording rule's namespace": ("recording-rule-not-selected", replaced_hpa("frn", "shop:space:value") + [lab.recording("frn", "shop:space:value", space=OUTSIDE)], "frn"),
    "recording rule without a result": ("recording-rule-fails", replaced_hpa("frr", "shop:empty:value") + [lab.recording("frr", "shop:empty:value", 'lab_value{team="nobody"}')], "frr"),
    "recording rule rejected": ("recording-rule-fails", replaced_hpa("frx", "shop:invalid:value") + [lab.recording("frx", "shop:invalid:value", "sum(lab_value by")], "frx"),
    "not exposed": ("metric-not-exposed", replaced_hpa("fe", "lab_absent"), "fe"),
    "old timestamps": ("sample-timestamps", of_own_source("ftime", "lab_src_late", "lab_src_late 7 1700000000000\n"), "ftime"),
    "dropped by a relabeling": ("sample-dropped", of_own_source("fhide", "lab_src_hidden", "lab_src_hidden 7\n", monitor=monitor("fhide", metricRelabelings=[{"action": "drop", "sourceLabels": ["__name__"], "regex": "lab_src_hidden"}])), "fhide"),
    "unknown name": ("metric-unknown", replaced_hpa("fu", "something_else_entirely"), "fu"),
    "object missing": ("object-missing", changed("fo", hpa=hpa("fo", [object_metric("lab_value", "fox")])), "fo"),
    "query is empty": ("metric-query-empty", replaced_hpa("fem", "lab_empty"), "fem"),
    "no cpu request": ("resource-request-missing", changed("fcr", hpa=hpa("fcr", [cpu(50)])), "fcr"),
    "native sidecar without request": ("resource-request-missing", measured("fns", {"initContainers": [{"name": "proxy", "image": lab.PAUSE_IMAGE, "restartPolicy": "Always"}]}, resources=REQUESTS), "fns"),
    "request of the pod only": ("resource-request-missing", measured("frpo", {"resources": REQUESTS}, MAIN_CPU), "frpo"),
    "finished pod without request": ("finished-pods", measured("ffr", resources=REQUESTS) + [lab.job("ffr-job", {"app": "ffr"})], "ffr"),
    "request of others": ("selector-catches-others", measured("fro", resources=REQUESTS) + [with_labels_of("fro", lab.stateful_set("fro-cache"))], "fro"),
    "Succeeded pods": ("finished-pods", lab.source(name="fsp", replicas=2) + [pod_monitor("fsp", {"app": "fsp"}), hpa("fsp", [pods_metric("lab_jobs", "15")]), lab.job("fsp-job", {"app": "fsp"}, 2)], "fsp"),
    "quota": ("pods-not-created", in_quota("fquota", workload("fquota")), "fquota"),
    "quota of a StatefulSet": ("pods-not-created", in_quota("fquotas", lab.stateful_set("fquotas")), "fquotas"),
    "no node for pods": ("pods-not-scheduled", changed("fnode", workload=workload("fnode", resources={"requests": {"cpu": "1000"}})), "fnode"),
    "pods not measured": ("resource-metrics-empty", changed("fcm", workload=workload("fcm", resources={"requests": {"cpu": "10m"}}), hpa=hpa("fcm", [cpu(50)])), "fcm"),
    "scale without selector": ("target-selector", [service("fts", {"app": "source"}), monitor("fts"), lab.widget("Widget", "fts"),
                                                   hpa("fts", [object_metric("lab_value", "fts")], kind="Widget", api="lab.example/v1")], "fts"),
    "scale refused by a policy": ("scale-refused", replaced_hpa("frefused", "lab_value", "5"), "frefused"),
    "35 two HPAs": ("ambiguous-selector", changed("f35") + [hpa("f35b", [object_metric("lab_jobs", "f35")], target="f35")], "f35"),
    "36 selector of others": ("selector-catches-others", changed("f36", workload=workload("f36", labels={"team": "a"}), other=workload("f36other", labels={"team": "a", "part": "b"})), "f36"),
    "37 one metric fails": ("one-metric-blocks-scale-down", changed("f37", hpa=hpa("f37", [object_metric("lab_value", "f37"), object_metric("lab_unruled", "f37")])), "f37"),
    "38 no ready pod": ("no-ready-pod", changed("f38", workload=workload("f38", readinessProbe={"exec": {"command": ["/no"]}, "periodSeconds": 1})), "f38"),
    "41 10m is not 10": ("quantity-readability", replaced_hpa("f41", "lab_value", "50m"), "f41"),
    "scale target missing": ("target-missing", changed("ft", hpa=hpa("ft", [object_metric("lab_value", "ft")], target="fti")), "ft"),
    "scale target in a gone group": ("target-api-version", changed("fga", hpa=hpa("fga", [object_metric("lab_value", "fga")], api="extensions/v1beta1")), "fga"),
    "object without apiVersion": ("object-api-version", changed("fgo", monitor=monitor("fgo", metricRelabelings=[{"targetLabel": "deployment", "replacement": "fgo"}]),
                                                                hpa=hpa("fgo", [object_metric("lab_deployed", "fgo", "5", of={"kind": "Deployment"})])), "fgo"),
    "Pods metric of other pods": ("pods-metric-of-others", [workload("fpo"), hpa("fpo", [pods_metric("lab_jobs", "30")])], "fpo"),
    "reset": ("target-down", changed("frs", service=service("frs", {"app": "source"}, target=9115, svc="frs")), "frs"),
    "reset behind a sidecar": ("target-mesh-sidecar", with_sidecar(lab.source(name="meshed")) + changed("frm", service=service("frm", {"app": "meshed"}, target=9115, svc="frm")), "frm"),
    "scaled to 0": ("scaling-disabled", changed("fz", workload=workload("fz", replicas=0)), "fz"),
}
NOTES = {
    "42 within tolerance": ("within-tolerance", replaced_hpa("n42", "lab_value", "48"), "n42"),
    "at max": ("at-max", replaced_hpa("nmax", "lab_value", "5", high=1), "nmax"),
    "rate limited": ("rate-limited", replaced_hpa("nrate", "lab_value", "5", high=5, behavior={"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}}), "nrate"),
    "idle canary": ("canary-idle", changed("ncanary", workload=workload("ncanary", replicas=0)) + changed("ncanary-primary") + [lab.canary("ncanary")], "ncanary"),
    "raw counter": ("raw-counter", replaced_hpa("ncount", "lab_renamed", "5"), "ncount"),
    "Namespace of another name": ("namespace-name-ignored", changed("nspace", hpa=hpa("nspace", [object_metric("lab_cluster", MONITORING, "5000", of={"apiVersion": "v1", "kind": "Namespace"})])), "nspace"),
    "a total with a Value": ("total-as-value", replaced_hpa("ntotal", "lab_value", "40", high=6), "ntotal"),
    "scraped twice": ("scraped-twice", lab.source(name="ntwice") + [service("ntwice", {"app": "ntwice"}), monitor("ntwice"), pod_monitor("ntwice", {"app": "ntwice"}),
                                                                     hpa("ntwice", [pods_metric("lab_jobs", "30")], high=1)], "ntwice"),
    "at min": ("at-min", replaced_hpa("nmin", "lab_value", "500", low=2), "nmin"),
}


def patch(kind, name, space, body, how="merge"):
    kubectl("patch", kind, name, *(["-n", space] if space else []), "--type", how, "-p", json.dumps(body))


def adapter_ready():
    kubectl("rollout", "status", "deployment/shop-adapter", "-n", ADAPTER_SPACE, "--timeout=60s", check=False)


def adapter_with(rules=None, **flags):
    def make():
        if rules is not None:
            apply([lab.adapter_config(rules)])
        apply([lab.adapter_deployment(**flags)])
        if rules is not None:
            kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)
        adapter_ready()
    return make


def operator_gone():
    kubectl("scale", "deployment/prometheus-operator", "-n", "default", "--replicas=0")
    # One that is still stopping may act on what changes now.
    kubectl("wait", "--for=delete", "pod", "-n", "default", "-l", "app.kubernetes.io/name=prometheus-operator", "--timeout=60s")


def operator_back():
    kubectl("scale", "deployment/prometheus-operator", "-n", "default", "--replicas=1")
    kubectl("rollout", "status", "deployment/prometheus-operator", "-n", "default", "--timeout=60s", check=False)
    # When it starts it sets the StatefulSet's replicas: what is about to scale that must come later.
    kubectl("wait", "--for=condition=Reconciled", "prometheus/k9", "-n", MONITORING, "--timeout=60s", check=False)
    time.sleep(5)


def prometheus_back():
    patch("prometheus", "k9", MONITORING, {"spec": {"nodeSelector": None}})
    kubectl("wait", "--for=condition=Available", "prometheus/k9", "-n", MONITORING, "--timeout=90s", check=False)
    kubectl("rollout", "status", "statefulset/prometheus-k9", "-n", MONITORING, "--timeout=60s", check=False)


def adapter_only_on(node_labels):
    patch("deployment", "shop-adapter", ADAPTER_SPACE, {"spec": {"template": {"spec": {"nodeSelector": node_labels}}}})


def taken_back(*kinds_and_names):
    """What a fix may have made."""
    kubectl("delete", *kinds_and_names, "--ignore-not-found")


def adapter_back():
    apply([lab.adapter_config(), lab.adapter_deployment(), lab.ADAPTER_SERVICE, lab.api_service("custom.metrics.k8s.io"), lab.HPA_BINDING])
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)
    adapter_ready()


def apply_service_back():
    apply([lab.ADAPTER_SERVICE])


def unreachable():
    patch("service", "shop-adapter", ADAPTER_SPACE, [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 6444}], "json")
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)  # or the open connection goes on serving
    adapter_ready()


CONTROLLER_ROLE = "system:controller:horizontal-pod-autoscaler"


def forbid():
    """Newer Kubernetes lets the controller read metrics by its own role, older ones need the adapter's binding: both go."""
    kubectl("delete", "clusterrolebinding", "lab-hpa-reads")
    role = json.loads(kubectl("get", "clusterrole", CONTROLLER_ROLE, "-o", "json"))
    forbid.rules = role["rules"]
    patch("clusterrole", CONTROLLER_ROLE, None, {"rules": [r for r in role["rules"] if "custom.metrics.k8s.io" not in r.get("apiGroups", [])]})


def allow():
    taken_back(f"clusterrolebinding/hpa-reads-{CUSTOM}", f"clusterrole/hpa-reads-{CUSTOM}")
    patch("clusterrole", CONTROLLER_ROLE, None, {"rules": forbid.rules})
    apply([lab.HPA_BINDING])


def may_not_ask():
    kubectl("delete", "clusterrolebinding", "lab-adapter-auth")
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)  # it keeps the answers that it got
    adapter_ready()


def may_ask():
    taken_back(f"clusterrolebinding/{ADAPTER_SPACE}-adapter-auth-delegator")
    apply([lab.ADAPTER_AUTH])


def without_external():
    kubectl("delete", "apiservice", f"v1beta1.{EXTERNAL}")
    apply([workload("fext"), hpa("fext", [external_metric("lab_value", "50")])])


def with_external():
    taken_back("hpa/fext", "deployment/fext", "-n", SPACE)
    apply([lab.api_service(EXTERNAL, name="external-adapter")])


def may_not_read_scale():
    role = json.loads(kubectl("get", "clusterrole", CONTROLLER_ROLE, "-o", "json"))
    may_not_read_scale.rules = role["rules"]
    patch("clusterrole", CONTROLLER_ROLE, None, {"rules": [r for r in role["rules"] if "*/scale" not in r.get("resources", [])]})


def may_read_scale():
    taken_back("clusterrolebinding/hpa-scales-deployments", "clusterrole/hpa-scales-deployments")
    patch("clusterrole", CONTROLLER_ROLE, None, {"rules": may_not_read_scale.rules})


def gone_group():
    patch("hpa", "object-value", SPACE, {"spec": {"scaleTargetRef": {"apiVersion": "extensions/v1beta1"}}})


NEW_RULE = rule("lab_unruled")


def stale():
    apply([lab.adapter_config(lab.RULES + [NEW_RULE])])


def two_adapters():
    other = lab.adapter_deployment(name="second-adapter", config="adapter-rules-2")
    rules = lab.adapter_config([rule("lab_jobs")])
    rules["metadata"]["name"] = "adapter-rules-2"
    apply([rules, other, service("second-adapter", {"which": "second-adapter"}, 443, 6443, "https", ADAPTER_SPACE), lab.api_service("custom.metrics.k8s.io", name="second-adapter")])
    kubectl("rollout", "status", "deployment/second-adapter", "-n", ADAPTER_SPACE, "--timeout=60s", check=False)


def one_adapter():
    apply([lab.api_service("custom.metrics.k8s.io")])
    kubectl("delete", "deployment/second-adapter", "service/second-adapter", "-n", ADAPTER_SPACE, "--wait=true")


def api(**spec):
    return lambda: apply([lab.api_service("custom.metrics.k8s.io", **spec)])


def untrusted():
    ca = json.loads(kubectl("get", "configmap", "kube-root-ca.crt", "-n", SPACE, "-o", "json"))["data"]["ca.crt"]
    import base64
    patch("apiservice", "v1beta1.custom.metrics.k8s.io", None, {"spec": {"insecureSkipTLSVerify": False, "caBundle": base64.b64encode(ca.encode()).decode()}})


def trusted():
    patch("apiservice", "v1beta1.custom.metrics.k8s.io", None, {"spec": {"caBundle": None, "insecureSkipTLSVerify": True}})


def rejected_configuration():
    """A scrape configuration that the operator passes on and Prometheus does not take; what comes after it never becomes a job."""
    apply([{"apiVersion": "v1", "kind": "Secret", "metadata": meta("more-scrapes", MONITORING), "stringData": {"scrapes.yaml": "- job_name: more\n  scrape_protocols: [NoSuchProtocol]\n"}}])
    patch("prometheus", "k9", MONITORING, {"spec": {"additionalScrapeConfigs": {"name": "more-scrapes", "key": "scrapes.yaml"}}})
    time.sleep(5)
    apply(changed("f7b"))


def accepted_configuration():
    patch("prometheus", "k9", MONITORING, {"spec": {"additionalScrapeConfigs": None}})


def policy_in_force():
    """A NetworkPolicy that lets nobody in, and a rule in the node's firewall that does what a CNI plug-in with policies would."""
    apply([{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("only-friends", MONITORING),
            "spec": {"podSelector": {"matchLabels": {"prometheus": "k9"}}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {"matchLabels": {"friend": "yes"}}}]}]}}])
    node("nft", "add table ip lab; add chain ip lab f { type filter hook forward priority -10 ; }; add rule ip lab f tcp dport 9090 drop; add rule ip lab f tcp sport 9090 drop")
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)
    adapter_ready()


def policy_plug_in():
    """What a CNI plug-in with policies does once one of them lets the adapter in."""
    policies = json.loads(kubectl("get", "networkpolicy", "-n", MONITORING, "-o", "json"))["items"]
    adapter, peers = {"which": "shop-adapter"}, [p for policy in policies for rule in policy["spec"].get("ingress", []) for p in rule["from"]]
    if any(p.get("podSelector", {}).get("matchLabels") == adapter and
           p.get("namespaceSelector", {}).get("matchLabels") == {"kubernetes.io/metadata.name": ADAPTER_SPACE} for p in peers):
        node("nft", "delete table ip lab")


def policy_gone():
    node("nft", "add table ip lab; delete table ip lab")
    taken_back("networkpolicy/only-friends", "networkpolicy/allow-adapter", "-n", MONITORING)
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)
    adapter_ready()


def node(*command):
    """In the network of the local cluster's node."""
    subprocess.run(["nsenter", "--target", os.environ["NODE_PID"], "--net", *command], check=True, capture_output=True, timeout=20)


def broken_rules():
    config = lab.adapter_config()
    config["data"]["rules.yaml"] = "rules:\n- seriesQuery: 'x\n   resources: ["
    apply([config])
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)


AUTH_READER = lab.binding("RoleBinding", "lab-adapter-auth-reader", "extension-apiserver-authentication-reader", [lab.account("adapter", ADAPTER_SPACE)], "kube-system", "Role")


def auth_reader_elsewhere():
    """ClusterRole view may read that ConfigMap too."""
    elsewhere = json.loads(json.dumps(AUTH_READER))
    elsewhere["metadata"]["namespace"] = ADAPTER_SPACE
    kubectl("delete", "clusterrolebinding", "lab-adapter-view")
    kubectl("delete", "rolebinding", "lab-adapter-auth-reader", "-n", "kube-system")
    apply([elsewhere])
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)


def auth_reader_back():
    taken_back("rolebinding/metrics-api-adapter-auth-reader", "-n", "kube-system")
    taken_back("rolebinding/lab-adapter-auth-reader", "-n", ADAPTER_SPACE)
    apply([AUTH_READER, lab.ADAPTER_VIEW])
    kubectl("rollout", "restart", "deployment/shop-adapter", "-n", ADAPTER_SPACE)
    adapter_ready()


def other_server():
    """Only for the adapter, Prometheus's name leads to the source's nginx, which knows nothing but /metrics."""
    apply([service("elsewhere", {"app": "source"}, 9191, 9113)])
    ip = kubectl("get", "service", "elsewhere", "-n", SPACE, "-o", "jsonpath={.spec.clusterIP}")
    hosts_of_adapter([{"ip": ip, "hostnames": ["prom-web.watch.svc"]}])


def hosts_of_adapter(aliases):
    patch("deployment", "shop-adapter", ADAPTER_SPACE, {"spec": {"template": {"spec": {"hostAliases": aliases}}}})
    adapter_ready()


def k9(**spec):
    patch("prometheus", "k9", MONITORING, {"spec": spec})


def series_ends():
    apply(lab.own_source("src-paused", "lab_src_other 1\n"))
    kubectl("rollout", "restart", "deployment/src-paused", "-n", SPACE)
    kubectl("rollout", "status", "deployment/src-paused", "-n", SPACE, "--timeout=60s")


V1BETA1 = "v1beta1.custom.metrics.k8s.io"


def of_itself(name, metrics):
    """A workload whose own pods are all that exposes its metric, and that may scale to 0."""
    metric = metrics.split()[0]
    return [*lab.own_source(name, metrics), service(name, {"app": name}), monitor(name), hpa(name, [object_metric(metric, name, "7")], low=0)]


if lab.minor_version() >= 37:  # before, the API server refuses minReplicas 0
    HEALTHY["drained"] = [*lab.own_source("src-drained", "lab_src_drained 0\n"),
                          *changed("drained", service=service("drained", {"app": "src-drained"}), hpa=hpa("drained", [object_metric("lab_src_drained", "drained", "7")], low=0))]
    SIDE_BY_SIDE["metric of its own pods, at 0"] = ("metric-gone-at-zero", of_itself("fcircle", "lab_src_circle 0\n"), "fcircle")
    SIDE_BY_SIDE["scaled to 0, minReplicas 0"] = ("scaling-disabled", changed("fz0", workload=workload("fz0", replicas=0), hpa=hpa("fz0", [object_metric("lab_value", "fz0")], low=0)), "fz0")
    NOTES["metric of its own pods"] = ("metric-gone-at-zero", of_itself("nown", "lab_src_own 7\n"), "nown")

OBJECT = "shop/object-value"
BROKEN_RULE = rule('{__name__="lab_value"')
# name, expected cause, how to make it, how to put it back, whose diagnosis
SHARED = [
    ("series that ended", "metric-not-exposed", series_ends, lambda: None, "shop/paused"),
    ("series of a namespace, port name", "monitor-port-name", lambda: apply([monitor("traced", port="stat")]), lambda: None, "shop/traced"),
    ("25 port 6443 out of reach", "apiservice-unreachable", unreachable, apply_service_back, OBJECT),
    ("29 x509", "requestheader-ca", untrusted, trusted, OBJECT),
    ("30 HPA may not read", "hpa-forbidden", forbid, allow, OBJECT),
    ("scale target's group changed", "target-api-version", gone_group, lambda: None, OBJECT),
    ("HPA may not read the scale", "scale-unreadable", may_not_read_scale, may_read_scale, OBJECT),
    ("adapter may not ask who may read", "adapter-auth-delegator", may_not_ask, may_ask, OBJECT),
    ("auth reader in the wrong namespace", "adapter-auth-reader", auth_reader_elsewhere, auth_reader_back, OBJECT),
    ("External, served as custom", "metric-type-mismatch", without_external, with_external, "shop/fext"),
    ("APIService of an adapter without externalRules", "api-group-not-served", lambda: apply([lab.api_service(EXTERNAL)]),
     lambda: apply([lab.api_service(EXTERNAL, name="external-adapter")]), "shop/external"),
    ("24 no external APIService", "apiservice-missing", lambda: kubectl("delete", "apiservice", f"v1beta1.{EXTERNAL}"),
     lambda: apply([lab.api_service(EXTERNAL, name="external-adapter")]), "shop/external"),
    ("24 no metrics-server", "apiservice-missing", lambda: kubectl("delete", "apiservice", f"v1beta1.{RESOURCE}"), lambda: apply([lab.api_service(RESOURCE)]), "shop/resource"),
    ("APIService names a wrong port", "apiservice-port", lambda: patch("apiservice", V1BETA1, None, {"spec": {"service": {"port": 8443}}}), lambda: apply([lab.api_service(CUSTOM)]), OBJECT),
    ("24 no APIService", "apiservice-missing", lambda: kubectl("delete", "apiservice", V1BETA1), api(), OBJECT),
    ("32 only v1alpha1", "api-version-mismatch", lambda: (kubectl("delete", "apiservice", V1BETA1), apply([lab.api_service("custom.metrics.k8s.io", "v1alpha1")])),
     lambda: (kubectl("delete", "apiservice", "v1alpha1.custom.metrics.k8s.io"), apply([lab.api_service("custom.metrics.k8s.io")])), OBJECT),
    ("32 preferred version down", "api-version-mismatch", lambda: apply([lab.api_service("custom.metrics.k8s.io", "v1beta2", name="gone", priority=200)]),
     lambda: taken_back("apiservice/v1beta2.custom.metrics.k8s.io"), OBJECT),
    ("34 dangling APIService", "dangling-apiservice", lambda: kubectl("delete", "service", "shop-adapter", "-n", ADAPTER_SPACE), apply_service_back, OBJECT),
    ("20 ConfigMap edited", "adapter-config-stale", stale, lambda: None, "shop/f13b"),
    ("11 one rule aborts all", "adapter-relist-aborted", adapter_with([*lab.RULES, BROKEN_RULE]), lambda: None, OBJECT),
    ("8 wrong port", "adapter-prometheus-url", adapter_with(lab.RULES, url="http://prom-web.watch.svc:9090"), lambda: None, OBJECT),
    ("8 wrong host", "adapter-prometheus-url", adapter_with(url="http://prom-webb.watch.svc:9191"), lambda: None, OBJECT),
    ("8 wrong path", "adapter-prometheus-url", adapter_with(url="http://prom-web.watch.svc:9191/prometheus"), lambda: None, OBJECT),
    ("10 Prometheus wants a login", "adapter-prometheus-auth", adapter_with(url="http://login.shop.svc:9114"), lambda: None, OBJECT),
    ("no scrape_config", "no-scrape-config", adapter_with(url="http://plain.by-hand.svc:9090"), lambda: None, "shop/object-average"),
    ("a Prometheus without operator", "healthy", adapter_with(url="http://plain.by-hand.svc:9090"), lambda: None, OBJECT),
    ("rules that are no YAML", "adapter-config-invalid", broken_rules, adapter_back, OBJECT),
    ("21 max age", "adapter-max-age", adapter_with(relist="200ms", max_age="500ms"), lambda: None, OBJECT),
    ("21 max age below relist", "adapter-max-age", adapter_with(relist="10s", max_age="5s"), adapter_back, OBJECT),
    ("31 two adapters", "two-adapters", two_adapters, one_adapter, OBJECT),
    ("adapter not running", "adapter-not-ready", lambda: kubectl("scale", "deployment/shop-adapter", "-n", ADAPTER_SPACE, "--replicas=0"),
     lambda: (kubectl("scale", "deployment/shop-adapter", "-n", ADAPTER_SPACE, "--replicas=1"), adapter_ready()), OBJECT),
    ("adapter without a node", "adapter-not-ready", lambda: adapter_only_on({"lab": "none"}), lambda: (adapter_only_on(None), adapter_ready()), OBJECT),
    ("adapter may not list", "adapter-cannot-list", lambda: kubectl("delete", "clusterrolebinding", "lab-adapter-view"),
     lambda: (taken_back("clusterrolebinding/shop-adapter-view"), apply([lab.ADAPTER_VIEW])), "shop/pods-rate"),
    ("9 network policy", "adapter-network-policy", policy_in_force, policy_gone, OBJECT),
    ("operator not running", "operator-not-running", lambda: (operator_gone(), apply(changed("fop"))),
     operator_back, "shop/fop"),
    ("Prometheus not running", "prometheus-not-ready", lambda: patch("prometheus", "k9", MONITORING, {"spec": {"nodeSelector": {"lab": "none"}}}), prometheus_back, OBJECT),
    ("another server", "adapter-other-server", other_server, lambda: hosts_of_adapter(None), OBJECT),
    ("shards", "prometheus-sharded", lambda: k9(shards=2), lambda: k9(shards=None), OBJECT),
    ("enforced namespace", "namespace-label-enforced", lambda: k9(enforcedNamespaceLabel="namespace"),
     lambda: k9(enforcedNamespaceLabel=None, excludedFromEnforcement=None), OBJECT),
    ("7b configuration rejected", "prometheus-config-rejected", rejected_configuration, accepted_configuration, "shop/f7b"),
]


# The most common, for a run of a minute or two.
COMMON = ["1 monitor label", "3 selector against Service", "4 port name", "6 targetPort", "13 no rule", "15 group-by dropped", "16 no row of the object", "18 renamed",
          "37 one metric fails", "scale target missing", "42 within tolerance", "8 wrong port", "24 no APIService", "20 ConfigMap edited"]
if os.environ.get("SHORT"):
    SIDE_BY_SIDE = {name: fault for name, fault in SIDE_BY_SIDE.items() if name in COMMON}
    NOTES = {name: fault for name, fault in NOTES.items() if name in COMMON}
    SHARED = [fault for fault in SHARED if fault[0] in COMMON] + [("put back", "healthy", adapter_back, lambda: None, OBJECT)]

if only := os.environ.get("ONLY"):
    SIDE_BY_SIDE = {name: fault for name, fault in SIDE_BY_SIDE.items() if re.search(only, name)}
    NOTES = {name: fault for name, fault in NOTES.items() if re.search(only, name)}
    SHARED = [fault for fault in SHARED if re.search(only, fault[0])]


ALL = {**SIDE_BY_SIDE, **NOTES}


def build():
    lab.install_operator(os.environ["OPERATOR_BUNDLE"])
    apply(lab.spaces())
    # Prometheus last: monitors that are there when it starts are in its first configuration, others wait for a reload.
    kinds = [lab.widgets(True), lab.widgets(False), lab.canaries(), lab.trinkets()]
    apply(kinds)
    for kind in kinds:
        kubectl("wait", "--for=condition=Established", "crd/" + kind["metadata"]["name"], "--timeout=30s")
    objects = lab.source() + lab.adapter() + lab.plain_prometheus() + REFUSED + [service("login", {"app": "source"}, 9114, 9114, "login")]
    for some in HEALTHY.values():
        objects += some
    for _, some, _ in ALL.values():
        objects += some
    apply(objects)
    kubectl("patch", "gadget", "other-kind", "-n", SPACE, "--subresource=status", "--type=merge", "-p", '{"status": {"replicas": 1, "selector": "workload=other-kind"}}')
    apply(lab.prometheus())


def all_settled(wanted):
    seen = diagnose("-A")
    wrong = [f"{name}: {seen.get(key, 'no such HPA')}" for name, (cause, key, kind) in wanted.items() if not named(seen.get(key), cause, kind)]
    return True if not wrong else f"{len(wrong)} left: " + "; ".join(wrong)[:1500]


def expect_and_fix(name, key, cause, limit, after=None):
    space, hpa_name = key.split("/")
    sleep_until(time.monotonic() + MOMENT)
    moment("changed", name, key, judged(hpa_name, "-n", space)[0], None if cause == "healthy" else cause)
    finding = expect(name, key, cause, limit=limit)
    since = time.monotonic()
    if finding and run_fix(name, finding):
        if after:
            after()
        sleep_until(since + MOMENT)
        moment("repaired", name, key, judged(hpa_name, "-n", space)[0], None)
        repaired(name, key, finding, since)


def fix_side_by_side(wanted):
    """All are run, and then all are waited for: Prometheus takes up what changed once for all of them."""
    hpas, waiting, advised = judged("-A")[0], [], []  # before the first of them repairs another one too
    for name, (cause, key, kind) in wanted.items():
        finding = finding_of(hpas, key, cause)
        since = time.monotonic()
        if finding and run_fix(name, finding):
            waiting.append((name, key, finding, since))
        elif finding:
            advised.append((name, key))
    advised = [(name, key) for name, key in advised if follow_advice(name, key)]
    time.sleep(MOMENT)
    hpas = judged("-A")[0]
    for name, key, *_ in waiting + advised:
        moment("repaired", name, key, hpas, None)
    for one in waiting:
        repaired(*one)
    return [name for name, *_ in waiting + advised]


def follow_advice(name, key):
    """What somebody would do: the whole chain's object instead of what is wrong, where the fault is an object of such a chain that can be changed back."""
    whole = {(o["kind"], o["metadata"]["name"]): o for o in changed(key.split("/")[1])}
    objects = [o for o in ALL.get(name, (None, [], None))[1] if (o["kind"], o["metadata"]["name"]) in whole]
    wrong = [whole[o["kind"], o["metadata"]["name"]] for o in objects if o != whole[o["kind"], o["metadata"]["name"]]]
    of_a_chain = any(o["kind"] == "Service" for o in objects) and all(o["spec"]["scaleTargetRef"]["kind"] == "Deployment" for o in objects if o["kind"] == "HorizontalPodAutoscaler")
    if name in NOT_CHANGED_BACK or not wrong or not of_a_chain or any(o["kind"] == "Deployment" for o in wrong):
        return False
    apply(wrong)
    return True


# Of these another object than one of the chain is wrong.
NOT_CHANGED_BACK = ["6 ScrapeConfig port", "35 two HPAs", "scale refused by a policy", "source pods cannot be made", "6 source pods crash", "reset behind a sidecar"]


def change_side_by_side(names, wanted):
    """From whole to broken again: how the change itself is seen."""
    if not names:
        return
    kubectl("label", "namespace", OUTSIDE, "monitored-")
    taken_back("rolebinding/prometheus-discovery", "role/prometheus-discovery", "-n", LOCKED)
    taken_back("job/ffr-job", "job/fsp-job", "-n", SPACE)
    # Of a chain's plain workload the HPA has the replicas: to apply it again would be a fault of its own.
    objects = [o for name in names for o in ALL[name][1] if o != workload(o["metadata"]["name"])]
    apply(objects)
    # As it was made, without what a fix added.
    monitors = [o for o in objects if o["kind"] in ("ServiceMonitor", "PodMonitor")]
    kubectl("replace", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": monitors}))
    apply(lab.prometheus())
    time.sleep(MOMENT)
    hpas = judged("-A")[0]
    for name in names:
        cause, key, kind = wanted[name]
        moment("changed", name, key, hpas, cause if kind == "broken" else None)


def replicas_reset():
    manifest = json.dumps(workload("f40"))
    kubectl("apply", "-f", "-", stdin=manifest)
    # Of one size, at which it arrives each time: between several it could come to another one, as after one reset only.
    apply([hpa("f40", [object_metric("lab_value", "object-value", "25")], high=2)])
    wait_for("the HPA to scale f40", lambda: kubectl("get", "hpa", "f40", "-n", SPACE, "-o", "jsonpath={.status.lastScaleTime}") != "" or "not yet", 60)
    time.sleep(1.5)
    kubectl("apply", "-f", "-", stdin=manifest)
    expect("40 replicas reset", "shop/f40", "replicas-reset")


def stabilization():
    apply([hpa("n42", [object_metric("lab_value", "n42", "25")])])
    wait_for("n42 to scale up", lambda: int(kubectl("get", "hpa", "n42", "-n", SPACE, "-o", "jsonpath={.status.currentReplicas}") or 0) > 1 or "not yet", 60)
    apply([hpa("n42", [object_metric("lab_value", "n42", "200")])])
    expect("43 stabilization", "shop/n42", "stabilization", "note")


def rollout_failed():
    bad = lab.source()[1]
    bad["spec"]["template"]["spec"]["containers"][0]["image"] = "localhost/no-such-image:1"
    apply([bad])
    expect_and_fix("39 failed rollout", "shop/pods-rate", "rollout-failed", limit=60)
    apply([lab.source()[1]])


LAST = {"43 stabilization": stabilization, "40 replicas reset": replicas_reset, "39 failed rollout": rollout_failed}


def main():
    if SAVE:
        SAVE.mkdir(parents=True)
    build()
    print(f"     built in {time.monotonic() - started:.0f} s", flush=True)
    wanted = {name: ("healthy", f"{SPACE}/{name}", "broken") for name in HEALTHY}
    wanted |= {name: (cause, key if "/" in key else f"{SPACE}/{key}", "broken") for name, (cause, _, key) in SIDE_BY_SIDE.items()}
    wanted |= {name: (cause, f"{SPACE}/{key}", "note") for name, (cause, _, key) in NOTES.items()}
    wait_for("the chains to settle", lambda: all_settled(wanted), int(os.environ.get("SETTLE", "150")))
    seen = diagnose("-A")
    for name, (cause, key, kind) in wanted.items():
        record(named(seen.get(key), cause, kind), name, cause, seen.get(key))
        if SAVE and named(summary(*judged_and_saved(key)).get(key), cause, kind):
            keep(name, cause)
    print(f"     side by side after {time.monotonic() - started:.0f} s", flush=True)
    again = fix_side_by_side(wanted)
    print(f"     their fixes after {time.monotonic() - started:.0f} s", flush=True)
    change_side_by_side(again, wanted)
    print(f"     changed again after {time.monotonic() - started:.0f} s", flush=True)
    for name, cause, make, undo, key in SHARED:
        make()
        # A change takes up to five minutes to reach Prometheus.
        expect_and_fix(name, key, cause, 330, policy_plug_in if name == "9 network policy" else None)
        undo()
    expect("all put back", OBJECT, "healthy", limit=330)
    for name, make in LAST.items():
        if not os.environ.get("SHORT") and (not only or re.search(only, name)):
            make()
    good = sum(1 for r in results if r[0])
    print(f"fixes: {fixes['executed']} executed, {fixes['repaired']} repaired; {fixes['advice']} findings with advice", flush=True)
    print(f"moments: {moments['changed']} right {MOMENT} s after the change, {moments['repaired']} {MOMENT} s after the repair", flush=True)
    print(f"     in {time.monotonic() - started:.0f} s")
    report.add(good, len(results) - good)
    report.done()


if __name__ == "__main__":
    main()
