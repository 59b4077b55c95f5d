#!/usr/bin/env python3
"""Derives facts files from healthy.json (a real `diagnose --save`): of faults that the local cluster cannot have, and of those whose fix is a command.

The messages are those of API servers, adapters and operators, as users have reported them. File names: CAUSE@VARIANT.json;
each holds what differs, as a JSON merge patch (RFC 7386).
"""
import copy
import json
import pathlib

here = pathlib.Path(__file__).parent
base = json.loads((here / "healthy.json").read_text())
PROM = "prom:watch/prom-web:9191 "
API = "api /apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/object-value/lab_value"


def conditions(facts, kind, **fields):
    hpa = facts["hpas"]["value"]["items"][0]
    for c in hpa["status"]["conditions"]:
        if c["type"] == kind:
            c.update(fields)


def failing(facts, message='unable to get metric lab_value: Service on shop object-value/unable to fetch metrics from custom metrics API: the server could not find the metric lab_value for services object-value'):
    conditions(facts, "ScalingActive", status="False", reason="FailedGetObjectMetric", message=message)
    facts["hpas"]["value"]["items"][0]["status"].pop("currentMetrics", None)


def error(facts, key, kind, message, right=None):
    facts[key] = {"path": facts.get(key, {}).get("path", key), "error": {"id": kind, "message": message, **({"right": right} if right else {})}}


def unlisted(facts):
    facts["discovery custom.metrics.k8s.io"]["value"]["resources"] = []
    error(facts, API, "kube-not-found", "the server could not find the metric lab_value for services object-value")
    failing(facts)


def no_series(facts):
    facts[PROM + "samples"]["value"] = []
    facts[PROM + "counts"]["value"] = {}
    for key in facts:
        if key.startswith(PROM + "eval"):
            facts[key]["value"] = []
    unlisted(facts)


def not_available(facts, reason, message):
    for s in facts["apiservices"]["value"]["items"]:
        if s["spec"]["group"] == "custom.metrics.k8s.io":
            s["status"]["conditions"] = [{"type": "Available", "status": "False", "reason": reason, "message": message}]
    error(facts, "discovery custom.metrics.k8s.io", "kube-unavailable", "the server is currently unable to handle the request")
    error(facts, API, "kube-unavailable", "the server is currently unable to handle the request")
    failing(facts, "unable to get metric lab_value: Service on shop object-value/unable to fetch metrics from custom metrics API: the server is currently unable to handle the request (get services.custom.metrics.k8s.io object-value)")


def adapter_log(facts, *lines):
    for key in facts:
        if key.startswith("log "):
            facts[key]["value"] = list(lines)


def adapter_pod(facts):
    return facts["pods/metrics-api"]["value"]["items"][0]


def not_ready(pod, reason):
    for c in pod["status"]["conditions"]:
        if c["type"] in ("Ready", "ContainersReady"):
            c["status"] = "False"
    pod["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": reason, "message": "back-off 10s restarting failed container"}}


UNREACHABLE = 'failing or missing response from https://10.44.1.9:6443/apis/custom.metrics.k8s.io/v1beta1: Get "https://10.44.1.9:6443/apis/custom.metrics.k8s.io/v1beta1": '


def prometheus_config_rejected(f):
    f[PROM + "config"]["value"]["yaml"] = "global:\n  scrape_interval: 1s\nscrape_configs: []\n"
    f[PROM + "targets"]["value"] = []
    f[PROM + "runtime"]["value"]["reloadConfigSuccess"] = False
    no_series(f)


def prometheus_config_missing(f):
    prometheus_config_rejected(f)
    f[PROM + "runtime"]["value"]["reloadConfigSuccess"] = True
    f["servicemonitors"]["value"]["items"][0]["metadata"]["hpawalkLastChange"] = "2026-01-01T00:00:00Z"


def prometheus_config_pending(f):
    prometheus_config_missing(f)
    f["servicemonitors"]["value"]["items"][0]["metadata"]["hpawalkLastChange"] = base["taken"]


def monitor_of_chain(f):
    return next(m for m in f["servicemonitors"]["value"]["items"] if m["metadata"]["name"] == "object-value")


def just_changed(f):
    """After Prometheus loaded its configuration."""
    monitor_of_chain(f)["metadata"]["hpawalkLastChange"] = base["taken"]


def outdated_job(f):
    """The job is there as it was before the change, and its target is down."""
    just_changed(f)
    f[PROM + "targets"]["value"][0].update(health="down", lastError="server returned HTTP status 404 Not Found")
    no_series(f)


def outdated_and_rejected(f):
    just_changed(f)
    f[PROM + "runtime"]["value"]["reloadConfigSuccess"] = False


def still_recorded(f, labels, changed="2026-01-01T00:00:00Z"):
    """lab_value is what a recording rule makes, and it has a sample."""
    samples = copy.deepcopy(f[PROM + "samples"])
    recorded(f, labels)
    served = copy.deepcopy(base)
    for key in f:
        if key in served["readings"] and key not in ("prometheuses", "prometheusrules"):
            f[key] = served["readings"][key]
    f[PROM + "samples"] = samples
    for row in samples["value"]:
        row["labels"].pop("job", None)
    f[PROM + "targets"]["value"] = []
    f["prometheusrules"]["value"]["items"][0]["metadata"]["hpawalkLastChange"] = changed


def scraped_twice(f):
    """By a PodMonitor too."""
    samples = f[PROM + "samples"]["value"]
    again = copy.deepcopy(next(row for row in samples if row["labels"]["__name__"] == "lab_value"))
    again["labels"].update(job="watch/object-value", endpoint="stats")
    again["labels"].pop("service")
    f["hpas"]["value"]["items"][0]["spec"]["metrics"] = [{"type": "Pods", "pods": {"metric": {"name": "lab_value"}, "target": {"type": "AverageValue", "averageValue": "50"}}}]
    f["hpas"]["value"]["items"][0]["spec"]["scaleTargetRef"]["name"] = "source"
    f["hpas"]["value"]["items"][0]["status"]["currentMetrics"] = [{"type": "Pods", "pods": {"metric": {"name": "lab_value"}, "current": {"averageValue": "50"}}}]
    samples.append(again)
    every_pod = API.replace("services/object-value", "pods/%2A")
    f[every_pod + "?labelSelector=app%3Dsource"] = {"path": every_pod[4:], "value": f[API]["value"]}


def starting(f):
    unlisted(f)
    adapter_pod(f)["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": base["taken"]}}


def recorded(f, labels, running=None, namespace="watch"):
    """lab_value is what a recording rule makes, and it does not."""
    no_series(f)
    group = {"name": "orders", "rules": [{"record": "lab_value", "expr": "sum by (namespace, service) (lab_orders)"}]}
    f["prometheuses"]["value"]["items"][0]["spec"].update(ruleSelector={"matchLabels": {"role": "shop"}}, ruleNamespaceSelector=None)
    f["prometheusrules"] = {"path": "/apis/monitoring.coreos.com/v1/prometheusrules", "value": {"items": [
        {"metadata": {"name": "orders", "namespace": namespace, "labels": labels, "hpawalkLastChange": "2026-01-01T00:00:00Z"}, "spec": {"groups": [group]}}]}}
    if running is not None:
        f[PROM + "recording"] = {"path": "/api/v1/namespaces/watch/services/http:prom-web:9191/proxy/api/v1/rules", "value": running}


RUNNING = {"name": "lab_value", "query": "sum by (namespace, service) (lab_orders)", "health": "ok", "lastError": ""}


def rejected_rule(f):
    recorded(f, {"role": "shop"}, [])
    f["rejections"] = {"path": "/api/v1/events", "value": {"items": [{
        "involvedObject": {"kind": "PrometheusRule", "namespace": "watch", "name": "orders"}, "lastTimestamp": base["taken"],
        "message": "PrometheusRule orders was rejected due to invalid configuration: 1:20: parse error"}]}}


def network_policy(f):
    pods = f["pods/watch"]["value"]["items"][0]["metadata"]["labels"]
    f["networkpolicies/watch"]["value"] = {"items": [{"metadata": {"name": "prometheus-k8s", "namespace": "watch"}, "spec": {
        "podSelector": {"matchLabels": {"prometheus": pods["prometheus"]}}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "grafana"}}}]}]}}]}
    adapter_log(f, 'unable to update list of all metrics: unable to fetch metrics for query "lab_value": Get "http://prom-web.watch.svc:9191/api/v1/series": dial tcp 10.96.12.7:9191: i/o timeout')
    unlisted(f)


def auth(f):
    adapter_log(f, "unable to update list of all metrics: unable to fetch metrics for query \"lab_value\": bad_response: unknown response code 403")
    unlisted(f)


def too_broad(f):
    for key in f:
        if key.startswith(PROM + "names {"):
            f[key] = {"path": f[key]["path"], "error": {"id": "prometheus-query", "message": "timeout: query timed out in expression evaluation"}}
    adapter_log(f, 'unable to update list of all metrics: unable to fetch metrics for query "{namespace!=\\"\\"}": Get "http://prom-web.watch.svc:9191/api/v1/series": context deadline exceeded')
    unlisted(f)


def mesh(f):
    adapter_pod(f)["spec"]["containers"].append({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.27.0"})
    not_available(f, "FailedDiscoveryCheck", UNREACHABLE + "EOF")


def keda(f):
    hpa = f["hpas"]["value"]["items"][0]
    hpa["metadata"]["name"] = "keda-hpa-orders"
    hpa["spec"]["metrics"] = [{"type": "External", "external": {"metric": {"name": "s0-rabbitmq-orders"}, "target": {"type": "AverageValue", "averageValue": "5"}}}]
    for s in f["apiservices"]["value"]["items"]:
        if s["spec"]["group"] == "external.metrics.k8s.io":
            s["spec"]["service"] = {"namespace": "metrics-api", "name": "keda-operator-metrics-apiserver"}
    service = copy.deepcopy(f["services"]["value"]["items"][0])
    service["metadata"].update(name="keda-operator-metrics-apiserver", namespace="metrics-api")
    service["spec"]["selector"] = {"app": "keda-operator-metrics-apiserver"}
    pod = copy.deepcopy(adapter_pod(f))
    pod["metadata"].update(name="keda-operator-metrics-apiserver-7d5f", labels={"app": "keda-operator-metrics-apiserver", "app.kubernetes.io/part-of": "keda-operator"})
    pod["spec"]["containers"][0].update(name="keda-operator-metrics-apiserver", image="ghcr.io/kedacore/keda-metrics-apiserver:2.18.1", command=["/keda-adapter"],
                                        args=["--secure-port=6443", "--metrics-service-address=keda-operator.metrics-api.svc.cluster.local:9666"])
    f["pods/metrics-api"]["value"]["items"].append(pod)
    f["services"]["value"]["items"].append(service)
    f["scaledobjects"] = {"path": "/apis/keda.sh/v1alpha1/scaledobjects", "value": {"items": [{"metadata": {"name": "orders", "namespace": "shop"}, "status": {
        "hpaName": "keda-hpa-orders", "conditions": [{"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed", "message": "error inspecting queue: Exception (404) Reason: \"NOT_FOUND - no queue 'orders' in vhost '/'\""}]}}]}}
    conditions(f, "ScalingActive", status="False", reason="FailedGetExternalMetric", message="unable to get external metric shop/s0-rabbitmq-orders/nil: unable to fetch metrics from external metrics API: rpc error: code = Unknown desc = error when getting metric values")


QUERY = 'sum(lab_value{service="object-value"})'
EVAL = PROM + "eval " + QUERY


def keda_prometheus(f, value="50", **metadata):
    """The HPA of a ScaledObject with a prometheus trigger on lab_value, which works."""
    works = copy.deepcopy(f["hpas"]["value"]["items"][0]["status"])
    keda(f)
    hpa = f["hpas"]["value"]["items"][0]
    hpa["metadata"]["name"] = "object-value"
    hpa["spec"]["metrics"] = [{"type": "External", "external": {"metric": {"name": "s0-prometheus", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "orders"}}},
                                                                "target": {"type": "Value", "value": "50"}}}]
    hpa["status"] = works
    hpa["status"]["currentMetrics"] = [{"type": "External", "external": {"metric": hpa["spec"]["metrics"][0]["external"]["metric"], "current": {"value": value}}}]
    for c in hpa["status"]["conditions"]:
        c["message"] = c["message"].replace("Object metric", "external metric")
    operator = copy.deepcopy(adapter_pod(f))
    operator["metadata"].update(name="keda-operator-5c9f", labels={"app": "keda-operator"})
    operator["spec"]["containers"][0].update(name="keda-operator", image="ghcr.io/kedacore/keda:2.21.0", command=["/keda"], args=[])
    f["pods/metrics-api"]["value"]["items"].append(operator)
    f["services"]["value"]["items"].append({"metadata": {"name": "keda-operator", "namespace": "metrics-api"}, "spec": {"selector": {"app": "keda-operator"}, "ports": [
        {"name": "metricsservice", "port": 9666, "targetPort": 9666}]}})
    f["scaledobjects"]["value"]["items"] = [{"metadata": {"name": "orders", "namespace": "shop"}, "spec": {"minReplicaCount": 1, "triggers": [{"type": "prometheus", "metadata": {
        "serverAddress": "http://prom-web.watch.svc:9191", "query": QUERY, **metadata}}]}, "status": {"hpaName": "object-value", "conditions": [
            {"type": "Ready", "status": "True", "reason": "ScaledObjectReady", "message": "ScaledObject is defined correctly and is ready for scaling"},
            {"type": "Active", "status": "True", "reason": "ScalerActive", "message": "Scaling is performed because triggers are active"},
            {"type": "Fallback", "status": "False", "reason": "NoFallbackFound", "message": "No fallbacks are active on this scaled object"},
            {"type": "Paused", "status": "False", "reason": "ScaledObjectUnpaused", "message": "pause annotation removed for ScaledObject"}]}}]
    data = f["configmaps/metrics-api/adapter-rules"]["value"]["data"]
    rules = json.loads(data["rules.yaml"])
    del rules["externalRules"]  # the adapter beside KEDA serves no external metrics
    data["rules.yaml"] = json.dumps(rules)
    path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/s0-prometheus?labelSelector=scaledobject.keda.sh%2Fname%3Dorders"
    f["api " + path] = {"path": path, "value": {"items": [{"metricName": "s0-prometheus", "value": value}]}}
    f[EVAL] = {"path": f[PROM + "samples"]["path"], "value": [{"labels": {}, "value": value, "time": 1782986400}]}


def keda_fails(f, message):
    """The trigger fails, and the metrics API has no value."""
    path = next(key for key in f if key.startswith("api /apis/external"))
    error(f, path, "kube-refused", "Internal error occurred: unable to get external metric shop/s0-prometheus: " + message)
    conditions(f, "ScalingActive", status="False", reason="FailedGetExternalMetric",
               message="unable to get external metric shop/s0-prometheus/&LabelSelector{}: unable to fetch metrics from external metrics API: " + message)
    f["hpas"]["value"]["items"][0]["status"].pop("currentMetrics", None)
    scaled_object(f, "Ready", status="False", reason="TriggerError", message="Triggers defined in ScaledObject are not working correctly")


def scaled_object(f, kind, **fields):
    for c in f["scaledobjects"]["value"]["items"][0]["status"]["conditions"]:
        if c["type"] == kind:
            c.update(fields)


def keda_rows(f, *values, **metadata):
    keda_prometheus(f, **metadata)
    f[EVAL]["value"] = [{"labels": {"pod": str(i)}, "value": value, "time": 1782986400} for i, value in enumerate(values)]


def keda_several_rows(f):
    keda_rows(f, "4", "4")
    keda_fails(f, "prometheus query returned multiple elements")


def keda_empty_result(f):
    keda_rows(f, ignoreNullValues="true")


def keda_empty_fails(f):
    keda_rows(f, ignoreNullValues="false")
    keda_fails(f, "prometheus metrics 'prometheus' target may be lost, the result is empty")


def keda_no_series(f):
    keda_rows(f)
    f[PROM + "samples"]["value"] = []
    f[PROM + "counts"]["value"] = {}


def keda_query_fails(f):
    keda_prometheus(f)
    error(f, EVAL, "prometheus-query", "1:5: parse error: unclosed left parenthesis")
    keda_fails(f, "prometheus query api returned error. status: 400")


def keda_nowhere(f):
    keda_prometheus(f)
    f["scaledobjects"]["value"]["items"][0]["spec"]["triggers"][0]["metadata"]["serverAddress"] = "http://prom-webb.watch.svc:9191"
    keda_fails(f, "dial tcp: lookup prom-webb.watch.svc: no such host")


def keda_operator_down(f):
    keda_prometheus(f)
    pod = next(p for p in f["pods/metrics-api"]["value"]["items"] if p["metadata"]["name"].startswith("keda-operator-5"))
    not_ready(pod, "CrashLoopBackOff")
    keda_fails(f, "rpc error: code = Unavailable desc = connection error")


def keda_idle(f, value="0", **metadata):
    keda_prometheus(f, value, **metadata)
    f["scaledobjects"]["value"]["items"][0]["spec"]["minReplicaCount"] = 0
    scaled_object(f, "Active", status="False", reason="ScalerNotActive", message="Scaling is not performed because triggers are not active")
    conditions(f, "ScalingActive", status="False", reason="ScalingDisabled", message="scaling is disabled since the replica count of the target is zero")
    hpa = f["hpas"]["value"]["items"][0]
    hpa["status"].update(currentReplicas=0, desiredReplicas=0)
    for d in f["deployments/shop"]["value"]["items"]:
        if d["metadata"]["name"] == hpa["spec"]["scaleTargetRef"]["name"]:
            d["spec"]["replicas"] = 0
            d["status"] = {}
            app = d["spec"]["selector"]["matchLabels"]
    f["pods/shop"]["value"]["items"] = [p for p in f["pods/shop"]["value"]["items"] if any(p["metadata"]["labels"].get(k) != v for k, v in app.items())]


def keda_never_wakes(f):
    """With minReplicaCount 0, only the workload's own pods expose the series of the query."""
    keda_prometheus(f)
    f["scaledobjects"]["value"]["items"][0]["spec"]["minReplicaCount"] = 0
    own = next(p["metadata"]["name"] for p in f["pods/shop"]["value"]["items"] if p["metadata"]["name"].startswith("object-value"))
    for row in f[PROM + "samples"]["value"]:
        row["labels"]["pod"] = own


def keda_api_of_another(f):
    """The external metrics API belongs to the prometheus-adapter."""
    keda_prometheus(f)
    custom = next(s for s in f["apiservices"]["value"]["items"] if s["spec"]["group"] == "custom.metrics.k8s.io")
    for s in f["apiservices"]["value"]["items"]:
        if s["spec"]["group"] == "external.metrics.k8s.io":
            s["spec"]["service"] = copy.deepcopy(custom["spec"]["service"])
    keda_fails(f, "the server could not find the metric s0-prometheus for ")


def keda_condition(f, kind, reason, message):
    keda_prometheus(f)
    scaled_object(f, kind, status="True", reason=reason, message=message)


def keda_refused(f, message, **metadata):
    """KEDA does not accept the ScaledObject as it is now: its HPA stays as it was, and cannot be served any more."""
    keda_prometheus(f, **metadata)
    keda_fails(f, "error getting scalers " + message.split(": ", 1)[1])
    scaled_object(f, "Ready", status="False", reason="ScaledObjectCheckFailed", message=message)


CANNOT_ENSURE = "failed to ensure HPA is correctly created for ScaledObject: "
NO_TOKEN = CANNOT_ENSURE + "error parsing prometheus metadata: error parsing prometheus metadata: bearer token=[redacted] is required when bearer auth is enabled"


def keda_auth(f, kind="TriggerAuthentication", listed=True, secret=None):
    keda_refused(f, NO_TOKEN, authModes="bearer")
    f["scaledobjects"]["value"]["items"][0]["spec"]["triggers"][0]["authenticationRef"] = {"name": "login", **({} if kind == "TriggerAuthentication" else {"kind": kind})}
    own = {"metadata": {"name": "login", **({"namespace": "shop"} if kind == "TriggerAuthentication" else {})},
           "spec": {"secretTargetRef": [{"parameter": "bearerToken", "name": "prom-token", "key": "token"}]}}
    f[kind.lower() + "s"] = {"path": f"/apis/keda.sh/v1alpha1/{kind.lower()}s", "value": {"items": [own] if listed else []}}
    space = "shop" if kind == "TriggerAuthentication" else "metrics-api"
    key, path = f"secrets/{space}/prom-token", f"/api/v1/namespaces/{space}/secrets/prom-token"
    if secret == "absent":
        error(f, key, "kube-not-found", 'secrets "prom-token" not found')
    elif secret == "forbidden":
        error(f, key, "kube-forbidden", 'secrets "prom-token" is forbidden', f"get secrets in namespace {space}")
    elif secret:
        f[key] = {"path": path, "value": {"metadata": {"name": "prom-token", "namespace": space, "hpawalkKeys": secret}}}
    if key in f:
        f[key]["path"] = path


def keda_log(f, message, own=None, **metadata):
    """The trigger fails as it is run: only the operator's log says why."""
    keda_prometheus(f, **metadata)
    keda_fails(f, "rpc error: code = Unknown desc = error when getting metric values metric:s0-prometheus encountered error")
    line = base["taken"][:19] + 'Z\tERROR\tscale_handler\terror getting scale decision\t{"scaledObject.Namespace": "shop", "scaledObject.Name": "orders", "scaler": "prometheusScaler", "error": "' + message + '"}'
    f["log metrics-api/keda-operator-5c9f"] = {"path": "/api/v1/namespaces/metrics-api/pods/keda-operator-5c9f/log?tailLines=400", "value": [
        line.replace(message, "an error of before").replace(base["taken"][:19], "2026-01-01T00:00:00"), line]}
    if own:
        error(f, EVAL, "prometheus-http", own)


def keda_without_hpa(f, conditions):
    """What diagnose assumes of a ScaledObject for which KEDA has made no HPA."""
    keda_prometheus(f)
    f["scaledobjects"]["value"]["items"][0]["spec"].update(scaleTargetRef={"name": "absent"})
    f["scaledobjects"]["value"]["items"][0]["status"] = {"conditions": conditions} if conditions else {}
    f["hpas"]["value"]["items"][0] = {
        "metadata": {"name": "keda-hpa-orders", "namespace": "shop", "annotations": {"hpawalk/assumed": "ScaledObject"}},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "absent"},
                 "metrics": [{"type": "External", "external": {"metric": {"name": "s0-prometheus", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "orders"}}}, "target": {"type": "AverageValue"}}}]},
        "status": {}}


def keda_one_of_two(f):
    """The second trigger is of a source that hpawalk does not ask, and fails."""
    keda_prometheus(f)
    scaled_object(f, "Ready", status="Unknown", reason="PartialTriggerError", message="Some triggers defined in ScaledObject are not working correctly")
    f["scaledobjects"]["value"]["items"][0]["spec"]["triggers"].append({"type": "rabbitmq", "metadata": {}})
    hpa = f["hpas"]["value"]["items"][0]
    second = copy.deepcopy(hpa["spec"]["metrics"][0])
    second["external"]["metric"]["name"] = "s1-rabbitmq-orders"
    hpa["spec"]["metrics"].append(second)
    path = next(key for key in f if key.startswith("api /apis/external")).replace("s0-prometheus", "s1-rabbitmq-orders")
    error(f, path, "kube-refused", "Internal error occurred: rpc error: code = Unknown desc = error when getting metric values metric:s1-rabbitmq-orders encountered error")


def not_taken_over(f):
    """The ScaledObject names an HPA that exists, and KEDA does not accept the ScaledObject."""
    target = f["hpas"]["value"]["items"][0]["spec"]["scaleTargetRef"]["name"]
    f["scaledobjects"] = {"path": "/apis/keda.sh/v1alpha1/scaledobjects", "value": {"items": [{"metadata": {"name": "orders", "namespace": "shop"}, "spec": {
        "scaleTargetRef": {"name": target}, "advanced": {"horizontalPodAutoscalerConfig": {"name": "object-value"}}, "triggers": [{"type": "promtheus"}]}, "status": {
            "conditions": [{"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed", "message": CANNOT_ENSURE + "no scaler found for type: promtheus"}]}}]}}


def source_not_ready(f):
    for pod in f["pods/shop"]["value"]["items"]:
        if pod["metadata"]["name"].startswith("source"):
            not_ready(pod, "CrashLoopBackOff")
    no_series(f)
    f[PROM + "targets"]["value"] = []


def not_discovered(f):
    f[PROM + "targets"]["value"] = []
    no_series(f)


def without_operator(f):
    for key in ("servicemonitors", "podmonitors", "prometheuses"):
        error(f, key, "kube-not-found", "the server could not find the requested resource")
    f[PROM + "targets"]["value"] = []
    no_series(f)


def invalid_config(f):
    f["configmaps/metrics-api/adapter-rules"]["value"]["data"]["rules.yaml"] = "rules:\n- seriesQuery: 'x\n   resources: ["
    unlisted(f)


def rate_limited(f):
    conditions(f, "ScalingLimited", status="True", reason="ScaleUpLimit", message="the desired replica count is increasing faster than the maximum scale rate")


def refused(f):
    conditions(f, "AbleToScale", status="False", reason="FailedUpdateScale", message='the HPA controller was unable to update the target scale: admission webhook "limits.example.com" denied the request')


def selector(f):
    conditions(f, "ScalingActive", status="False", reason="InvalidSelector", message="the HPA target's scale is missing a selector")
    f["hpas"]["value"]["items"][0]["status"].pop("currentMetrics", None)


def resource(f):
    hpa = f["hpas"]["value"]["items"][0]
    hpa["spec"]["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "100m"}}}]
    s = copy.deepcopy(f["apiservices"]["value"]["items"][0])
    s["metadata"]["name"] = "v1beta1.metrics.k8s.io"
    s["spec"].update(group="metrics.k8s.io", service={"namespace": "metrics-api", "name": "shop-adapter"})
    f["apiservices"]["value"]["items"].append(s)
    f["podmetrics/shop"] = {"path": "/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods", "value": {"items": []}}
    conditions(f, "ScalingActive", status="False", reason="FailedGetResourceMetric", message="failed to get cpu usage: unable to get metrics for resource cpu: no metrics returned from resource metrics API")
    hpa["status"].pop("currentMetrics", None)


def no_request(f):
    resource(f)
    f["hpas"]["value"]["items"][0]["spec"]["metrics"][0]["resource"]["target"] = {"type": "Utilization", "averageUtilization": 50}


def empty_query(f):
    for key in f:
        if key.startswith(PROM + "eval"):
            f[key]["value"] = []
    f[API]["value"]["items"] = []
    failing(f, "unable to get metric lab_value: Service on shop object-value/no metrics returned from custom metrics API")


def forbidden(f):
    error(f, "pods/shop", "kube-forbidden", 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" in the namespace "shop"', "list pods in namespace shop")


def keda_owns_the_group(f):
    keda(f)
    f["hpas"]["value"]["items"][0]["metadata"]["name"] = "object-value"
    f["hpas"]["value"]["items"][0]["spec"]["metrics"][0]["external"]["metric"]["name"] = "lab_queue"
    f["scaledobjects"]["value"]["items"] = []


def egress_policy(f):
    adapter_log(f, 'unable to update list of all metrics: unable to fetch metrics for query "lab_value": Get "http://prom-web.watch.svc:9191/api/v1/series": dial tcp 10.96.12.7:9191: i/o timeout')
    f["networkpolicies/metrics-api"]["value"] = {"items": [{"metadata": {"name": "no-way-out", "namespace": "metrics-api"}, "spec": {
        "podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]}]}}]}
    unlisted(f)


def not_readable(f, key, right):
    error(f, key, "kube-forbidden", f"forbidden: cannot {right}", right)


def monitors_forbidden(f):
    no_series(f)
    f[PROM + "targets"]["value"] = []
    for kind in ("servicemonitors", "podmonitors"):
        f[f"{kind}/shop"] = {"path": f"/apis/monitoring.coreos.com/v1/namespaces/shop/{kind}", "value": {"items": []}}
        f[f"whole cluster {kind}"] = f.pop(kind)
        not_readable(f, f"whole cluster {kind}", f"list {kind}.monitoring.coreos.com")


def namespaces_forbidden(f):
    no_series(f)
    f[PROM + "targets"]["value"] = []
    not_readable(f, "namespaces", "list namespaces")


def source_gone(f, change):
    """No pod of the Deployment "source" is left; `change` says why, in its object."""
    f["pods/shop"]["value"]["items"] = [p for p in f["pods/shop"]["value"]["items"] if not p["metadata"]["name"].startswith("source-")]
    change(next(d for d in f["deployments/shop"]["value"]["items"] if d["metadata"]["name"] == "source"))
    f["daemonsets/shop"] = {"path": "/apis/apps/v1/namespaces/shop/daemonsets", "value": {"items": []}}
    not_discovered(f)


def refused_pods(deployment):
    deployment["status"].setdefault("conditions", []).append({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
                                                              "message": 'pods "source-5f6b" is forbidden: exceeded quota: team, requested: pods=1, used: pods=10, limited: pods=10'})


def rollouts(f):
    """A controller that makes ReplicaSets itself, instead of the Deployment."""
    def instead(deployment):
        f["deployments/shop"]["value"]["items"].remove(deployment)
        f["replicasets/shop"]["value"]["items"].append({
            "metadata": {"name": "source-5f6b", "namespace": "shop", "ownerReferences": [{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "source"}]},
            "spec": {"replicas": 0, "selector": deployment["spec"]["selector"], "template": deployment["spec"]["template"]}})
    source_gone(f, instead)


def the(f, reading, name):
    return next(o for o in f[reading]["value"]["items"] if o["metadata"]["name"] == name)


def unscraped(f, **monitor):
    """No series, because of what differs in the monitor: its metadata's or its spec's fields."""
    not_discovered(f)
    own = the(f, "servicemonitors", "object-value")
    for key, value in monitor.items():
        own["metadata" if key in ("labels", "namespace") else "spec"][key] = value


def two_endpoints(f):
    unscraped(f, endpoints=[{"port": "mgmt", "path": "/m", "scheme": "https"}, {"port": "stat2"}])
    the(f, "services", "object-value")["spec"]["ports"] = [{"name": "stats2", "port": 9113, "targetPort": 9113}, {"name": "grpc", "port": 9000}]


def unnamed_port(f):
    not_discovered(f)
    the(f, "services", "object-value")["spec"]["ports"] = [{"port": 9113, "targetPort": 9113}]


def nothing_listens(f):
    no_series(f)
    the(f, "services", "object-value")["spec"]["ports"] = [{"name": "web", "port": 80, "targetPort": 8080}, {"name": "stats", "port": 9113, "targetPort": 9999}]
    f[PROM + "targets"]["value"] = [{"pool": "serviceMonitor/watch/object-value/0", "health": "down", "url": "http://10.0.0.1:9999/metrics",
                                     "lastError": "dial tcp 10.0.0.1:9999: connect: connection refused", "labels": {"namespace": "shop", "service": "object-value"}}]


def selects_nothing(f):
    not_discovered(f)
    the(f, "services", "object-value")["spec"]["selector"] = {"app": "sauce"}


def other_object(f):
    not_discovered(f)
    f["hpas"]["value"]["items"][0]["spec"]["metrics"][0]["object"]["describedObject"]["name"] = "object-valu"


def no_hpa(f):
    hpa = f["hpas"]["value"]["items"][0]
    hpa["metadata"]["annotations"] = {"hpawalk/assumed": "true"}
    del hpa["status"]


def no_target(f):
    f["hpas"]["value"]["items"][0]["spec"]["scaleTargetRef"]["name"] = "object-valu"
    conditions(f, "AbleToScale", status="False", reason="FailedGetScale", message='deployments.apps "object-valu" not found')


def scaled_to_nothing(f):
    the(f, "deployments/shop", "object-value")["spec"]["replicas"] = 0
    conditions(f, "ScalingActive", status="False", reason="ScalingDisabled", message="scaling is disabled since the replica count of the target is zero")


def may_be_zero(f, target="source"):
    """Kubernetes 1.37, minReplicas 0; "source" is the workload that exposes the metric."""
    f["version"] = {"path": "/version", "value": {"gitVersion": "v1.37.2"}}
    own_hpa(f)["spec"].update(minReplicas=0)
    own_hpa(f)["spec"]["scaleTargetRef"]["name"] = target
    scaled = {"type": "ScaledToZero", "status": "False", "reason": "NotScaledToZero", "message": "the HPA controller did not scale the workload to zero"}
    own_hpa(f)["status"]["conditions"].append({"lastTransitionTime": "2026-11-24T03:32:52Z", **scaled})


def at_zero(f, target="source"):
    may_be_zero(f, target)
    the(f, "deployments/shop", target)["spec"]["replicas"] = 0
    the(f, "deployments/shop", target)["status"] = {"observedGeneration": 3}
    f["pods/shop"]["value"]["items"] = [p for p in f["pods/shop"]["value"]["items"] if not p["metadata"]["name"].startswith(target + "-")]
    own_hpa(f)["status"].pop("currentReplicas", None)
    own_hpa(f)["status"]["desiredReplicas"] = 0
    conditions(f, "ScaledToZero", status="True", reason="ScaledToZero", message="the HPA controller scaled the workload to zero")


def idle_queue(f):
    """The HPA itself scaled to 0, by a metric that others expose."""
    at_zero(f, "object-value")
    f[PROM + "samples"]["value"][0]["value"] = "0"
    for key in f:
        if key.startswith(PROM + "eval"):
            f[key]["value"][0]["value"] = "0"
    f[API]["value"]["items"][0]["value"] = "0"
    own_hpa(f)["status"]["currentMetrics"][0]["object"]["current"]["value"] = "0"


def zero_by_hand(f):
    idle_queue(f)
    conditions(f, "ScaledToZero", status="False", reason="NotScaledToZero", message="the HPA controller did not scale the workload to zero")
    conditions(f, "ScalingActive", status="False", reason="ScalingDisabled", message="scaling is disabled since the replica count of the target is zero")


def gone_at_zero(f):
    at_zero(f)
    not_discovered(f)
    failing(f, "unable to get metric lab_value on Service shop/object-value: unable to fetch metrics from custom metrics API: the server could not find the metric lab_value for services object-value")


def gone_at_zero_remembered(f):
    gone_at_zero(f)
    remembered(f)


def other_url(f):
    for container in (the(f, "deployments/metrics-api", "shop-adapter")["spec"]["template"]["spec"]["containers"][0], adapter_pod(f)["spec"]["containers"][0]):
        container["args"] = [a.replace("prom-web.watch", "prom-webb.watch") for a in container["args"]]
    unlisted(f)


AZURE = "https://shop-a1b2.westeurope.prometheus.monitor.azure.com"


def azure_monitors(f, *monitors):
    """The cluster serves the kinds of Azure Monitor's managed Prometheus, and has these ServiceMonitors of them."""
    group = "azmonitoring.coreos.com"
    f[f"discovery {group}"] = {"path": f"/apis/{group}/v1", "value": {"resources": [{"name": "podmonitors"}, {"name": "servicemonitors"}]}}
    for plural, items in (("servicemonitors", monitors), ("podmonitors", [])):
        f[f"{plural}.{group}"] = {"path": f"/apis/{group}/v1/{plural}", "value": {"items": list(items)}}


def of_azure(f, **spec):
    """The chain's monitor is of Azure Monitor's group, and prometheus-operator has none for it."""
    monitor = monitor_of_chain(f)
    f["servicemonitors"]["value"]["items"].remove(monitor)
    monitor["spec"].update(spec)
    azure_monitors(f, monitor)


def in_workspace(f):
    """The adapter queries an Azure Monitor workspace, and so does hpawalk: it lists neither targets nor jobs."""
    f["prometheus-url"] = {"path": AZURE, "value": {"url": AZURE}}
    for container in (the(f, "deployments/metrics-api", "shop-adapter")["spec"]["template"]["spec"]["containers"][0], adapter_pod(f)["spec"]["containers"][0]):
        container["args"] = [f"--prometheus-url={AZURE}" if a.startswith("--prometheus-url=") else a for a in container["args"]]
    for key in [key for key in f if key.startswith(PROM)]:
        question = key.removeprefix(PROM)
        f[f"prom:{AZURE} {question}"] = f.pop(key)
        if question in ("targets", "config", "runtime"):
            error(f, f"prom:{AZURE} {question}", "prometheus-http", "404 page not found")


def workspace(f, **spec):
    no_series(f)
    of_azure(f, **spec)
    in_workspace(f)


def workspace_and_monitor_of_operator(f):
    no_series(f)
    azure_monitors(f)
    in_workspace(f)


def workspace_with_series(f):
    of_azure(f)
    in_workspace(f)


def workspace_refuses(f):
    workspace_with_series(f)
    for key in [key for key in f if key.startswith("prom:")]:
        error(f, key, "prometheus-login", "Prometheus requires other credentials (HTTP 401: no token). --prometheus-token-file FILE gives them")


def for_azure_only(f):
    not_discovered(f)
    of_azure(f)


def unregistered(f):
    f["apiservices"]["value"]["items"] = [s for s in f["apiservices"]["value"]["items"] if s["spec"]["group"] != "custom.metrics.k8s.io"]
    failing(f, "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered")


def wrong_api_port(f):
    not_available(f, "ServicePortError", 'service/shop-adapter in "metrics-api" is not listening on port 8443')
    the(f, "apiservices", "v1beta1.custom.metrics.k8s.io")["spec"]["service"]["port"] = 8443


def may_not_read(f):
    failing(f, 'unable to fetch metrics from custom metrics API: services.custom.metrics.k8s.io "object-value" is forbidden')


def pods_of_target(f):
    return [p for p in f["pods/shop"]["value"]["items"] if p["metadata"]["name"].startswith("object-value-")]


def utilization(f):
    """A chain of a cpu utilization that works."""
    no_request(f)
    own, = pods_of_target(f)
    own["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    f["podmetrics/shop"]["value"]["items"] = [{"metadata": {"name": own["metadata"]["name"], "namespace": "shop"}}]
    conditions(f, "ScalingActive", status="True", reason="ValidMetricFound", message="the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)")
    f["hpas"]["value"]["items"][0]["status"]["currentMetrics"] = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 50, "averageValue": "50m"}}}]
    return own


def no_utilization(f, missing):
    conditions(f, "ScalingActive", status="False", reason="FailedGetResourceMetric", message="failed to get cpu utilization: " + missing)
    f["hpas"]["value"]["items"][0]["status"].pop("currentMetrics", None)


def pod_level_requests(f):
    own = utilization(f)
    own["spec"]["resources"] = own["spec"]["containers"][0].pop("resources")


def of_container(f):
    pod_level_requests(f)
    target = {"type": "Utilization", "averageUtilization": 50}
    f["hpas"]["value"]["items"][0]["spec"]["metrics"] = [{"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": target}}]
    no_utilization(f, "missing request for cpu in container main of Pod " + pods_of_target(f)[0]["metadata"]["name"])


def native_sidecar(f):
    own = utilization(f)
    own["spec"]["initContainers"] = [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}]
    no_utilization(f, "missing request for cpu in container proxy of Pod " + own["metadata"]["name"])


def others_pods(f, kind, owner, phase, count):
    """Pods with the labels of the target's, without requests."""
    own = pods_of_target(f)[0]
    for i in range(count):
        pod = copy.deepcopy(own)
        pod["metadata"].update(name=f"{owner}-{i}", ownerReferences=[{"apiVersion": "batch/v1" if kind == "Job" else "apps/v1", "kind": kind, "name": owner}])
        pod["spec"]["containers"][0].update(name="job", resources={})
        pod["status"]["phase"] = phase
        if phase == "Succeeded":
            not_ready(pod, "Completed")
        f["pods/shop"]["value"]["items"].append(pod)


def pinned(f):
    utilization(f)
    others_pods(f, "Job", "migrate", "Succeeded", 2)


def others_request(f, kind, owner, phase):
    utilization(f)
    others_pods(f, kind, owner, phase, 1)
    no_utilization(f, f"missing request for cpu in container job of Pod {owner}-0")


def more_wanted(f, replicas):
    hpa = f["hpas"]["value"]["items"][0]
    hpa["spec"]["maxReplicas"] = replicas
    hpa["spec"]["metrics"][0]["object"]["target"]["value"] = "10"
    hpa["status"].update(currentReplicas=replicas, desiredReplicas=replicas)
    conditions(f, "ScalingLimited", status="True", reason="TooManyReplicas", message="the desired replica count is more than the maximum replica count")
    target = the(f, "deployments/shop", "object-value")
    target["spec"]["replicas"] = replicas
    return target


def over_quota(f):
    more_wanted(f, 3)["status"]["conditions"].append({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": 'pods "object-value-6c67795cd6-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4'})


def over_quota_set(f):
    """Of a StatefulSet, which has no condition of it."""
    target = more_wanted(f, 3)
    f["deployments/shop"]["value"]["items"].remove(target)
    f["statefulsets/shop"]["value"]["items"].append(target)
    f["hpas"]["value"]["items"][0]["spec"]["scaleTargetRef"]["kind"] = "StatefulSet"
    own, = pods_of_target(f)
    own["metadata"]["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "object-value"}]
    f["failed-creates"] = {"path": "/api/v1/events?fieldSelector=reason%3DFailedCreate", "value": {"items": [
        {"metadata": {"namespace": "shop"}, "involvedObject": {"kind": "StatefulSet", "name": "object-value", "namespace": "shop"}, "count": 7, "lastTimestamp": "2026-11-24T03:39:21Z",
         "message": 'create Pod object-value-1 in StatefulSet object-value failed error: pods "object-value-1" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4'}]}}


NO_NODE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."}


def without_node(pod):
    pod["status"] = {"phase": "Pending", "conditions": [NO_NODE]}


def no_room(f):
    more_wanted(f, 3)
    for i in range(2):
        pod = copy.deepcopy(pods_of_target(f)[0])
        pod["metadata"]["name"] += str(i)
        without_node(pod)
        f["pods/shop"]["value"]["items"].append(pod)


def adapter_without_node(f):
    without_node(adapter_pod(f))
    not_available(f, "MissingEndpoints", 'endpoints for service/shop-adapter in "metrics-api" have no addresses with port name "https"')


def canary(f):
    scaled_to_nothing(f)
    f["pods/shop"]["value"]["items"].remove(pods_of_target(f)[0])
    primary = copy.deepcopy(the(f, "deployments/shop", "object-value"))
    primary["metadata"]["name"] = "object-value-primary"
    primary["spec"].update(replicas=2, selector={"matchLabels": {"workload": "object-value-primary"}})
    f["deployments/shop"]["value"]["items"].append(primary)
    f["hpas"]["value"]["items"][0]["status"].pop("currentMetrics")
    f["discovery flagger.app"] = {"path": "/apis/flagger.app/v1beta1", "value": {"resources": [{"name": "canaries"}]}}
    f["canaries"] = {"path": "/apis/flagger.app/v1beta1/canaries", "value": {"items": [
        {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"targetRef": {"kind": "Deployment", "name": "object-value"}}, "status": {"phase": "Succeeded"}}]}}


def counter(f):
    text = json.dumps(f).replace("lab_value", "lab_done_total").replace("lab_(value|", "lab_(done_total|")
    f.clear()
    f.update(json.loads(text))
    more_wanted(f, 1)


def may_not_list(f):
    error(f, API, "kube-refused", "unable to list matching resources: pods is forbidden")
    failing(f, "unable to fetch metrics from custom metrics API: unable to list matching resources")


GONE = 'the HPA controller was unable to get the target\'s current scale: no matches for kind "Deployment" in group "extensions"'
UNMAPPED = 'unable to get metric lab_value: Service on shop object-value/unable to fetch metrics from custom metrics API: unable to map kind Service.apps to resource: no matches for kind "Service" in group "apps"'


def own_hpa(f):
    return f["hpas"]["value"]["items"][0]


def kinds(f, kind, *places):
    f["kinds"] = {"path": "/apis", "value": {"kinds": [{"kind": kind, "group": g, "version": v, "resource": r} for g, v, r in places], "unread": []}}


def gone_group(f):
    """Patched on an HPA that worked: what it said of the metrics stays."""
    own_hpa(f)["spec"]["scaleTargetRef"]["apiVersion"] = "extensions/v1beta1"
    conditions(f, "AbleToScale", status="False", reason="FailedGetScale", message=GONE)
    kinds(f, "Deployment", ("apps", "v1", "deployments"))


def gone_group_from_the_start(f):
    gone_group(f)
    status = own_hpa(f)["status"]
    status["conditions"] = [c for c in status["conditions"] if c["type"] == "AbleToScale"]
    for field in ("currentMetrics", "currentReplicas", "desiredReplicas"):
        status.pop(field, None)


def unmapped_object(f):
    own_hpa(f)["spec"]["metrics"][0]["object"]["describedObject"]["apiVersion"] = "apps/v1"
    kinds(f, "Service", ("", "v1", "services"))
    failing(f, UNMAPPED)


def scale_forbidden(f):
    conditions(f, "AbleToScale", status="False", reason="FailedGetScale", message='the HPA controller was unable to get the target\'s current scale: deployments.apps "object-value" is forbidden: '
               'User "system:serviceaccount:kube-system:horizontal-pod-autoscaler" cannot get resource "deployments/scale" in API group "apps" in the namespace "shop"')


MAY_DELEGATE = "may system:serviceaccount:metrics-api:adapter create authorization.k8s.io/subjectaccessreviews in all"
NOT_DELEGATED = ('an error on the server ("Internal Server Error: \\"/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/services/object-value/lab_value\\": subjectaccessreviews.authorization.k8s.io is forbidden: '
                 'User \\"system:serviceaccount:metrics-api:adapter\\" cannot create resource \\"subjectaccessreviews\\" in API group \\"authorization.k8s.io\\" at the cluster scope") has prevented the request from succeeding')


def not_delegated(f):
    """As an administrator of system:masters sees it: for that one the API has a value."""
    f[MAY_DELEGATE] = {"path": "/apis/authorization.k8s.io/v1/subjectaccessreviews", "value": False}
    failing(f, "unable to get metric lab_value: Service on shop object-value/unable to fetch metrics from custom metrics API: " + NOT_DELEGATED)


def not_delegated_by_answer(f):
    """As anybody else sees it, who may not create SubjectAccessReviews either."""
    not_delegated(f)
    del f[MAY_DELEGATE]
    error(f, API, "kube-refused", NOT_DELEGATED)


def external_of_custom(f):
    own_hpa(f)["spec"]["metrics"] = [{"type": "External", "external": {"metric": {"name": "lab_value"}, "target": {"type": "Value", "value": "50"}}}]
    f["apiservices"]["value"]["items"] = [s for s in f["apiservices"]["value"]["items"] if s["spec"]["group"] != "external.metrics.k8s.io"]
    del f["discovery external.metrics.k8s.io"]
    rules = json.loads(f["configmaps/metrics-api/adapter-rules"]["value"]["data"]["rules.yaml"])
    del rules["externalRules"]
    f["configmaps/metrics-api/adapter-rules"]["value"]["data"]["rules.yaml"] = json.dumps(rules)
    conditions(f, "ScalingActive", status="False", reason="FailedGetExternalMetric",
               message="the HPA was unable to compute the replica count: unable to get external metric shop/lab_value/nil: unable to fetch metrics from external metrics API: the server could not find the requested resource (get lab_value.external.metrics.k8s.io)")
    own_hpa(f)["status"].pop("currentMetrics", None)


def external_not_served(f):
    """The chart makes no such APIService without externalRules, but somebody did."""
    services = copy.deepcopy(f["apiservices"]["value"]["items"])
    external_of_custom(f)
    own_hpa(f)["spec"]["metrics"][0]["external"]["metric"]["name"] = "lab_queue"
    f["apiservices"]["value"]["items"] = services
    url = "https://10.244.0.9:6443/apis/external.metrics.k8s.io/v1beta1"
    the(f, "apiservices", "v1beta1.external.metrics.k8s.io")["status"]["conditions"] = [
        {"type": "Available", "status": "False", "reason": "FailedDiscoveryCheck", "message": f"failing or missing response from {url}: bad status from {url}: 404"}]
    error(f, "discovery external.metrics.k8s.io", "kube-unavailable", "the server is currently unable to handle the request")
    conditions(f, "ScalingActive", message="the HPA was unable to compute the replica count: unable to get external metric shop/lab_queue/nil: "
               "unable to fetch metrics from external metrics API: the server is currently unable to handle the request (get lab_queue.external.metrics.k8s.io)")


def never_reconciled(f):
    """Definitions that Helm left behind: a Prometheus object, and nobody who acts on it."""
    no_series(f)
    the(f, "prometheuses", "k9").pop("status")
    for key in ("pods/watch", "statefulsets/watch", "endpointslices/watch", "operator-pods"):
        f[key]["value"]["items"] = []
    f["operator-pods/by-name"] = {"path": "/api/v1/pods?labelSelector=app.kubernetes.io%2Fname%3Dprometheus-operator", "value": {"items": []}}
    for key in [k for k in f if k.startswith(PROM)]:
        del f[key]
    error(f, PROM + "names", "prometheus-http", 'no endpoints available for service "prom-web"')


def auth_unread(f, space=None):
    """The log is that of prometheus-adapter 0.12 in a cluster without the RoleBinding (or with one in `space`)."""
    crashing = {"name": "main", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}}
    for item in f["pods/metrics-api"]["value"]["items"] + f["adapter-pods"]["value"]["items"]:
        item["status"].update(conditions=[{"type": "Ready", "status": "False"}], containerStatuses=[crashing])
    adapter_log(f, "W1126 18:44:25.084280       1 requestheader_controller.go:193] Unable to get configmap/extension-apiserver-authentication in kube-system.  Usually fixed by 'kubectl create rolebinding -n kube-system ...'",
                'F1126 18:44:25.084679       1 adapter.go:370] unable to install resource metrics API: unable to load configmap based request-header-client-ca-file: configmaps "extension-apiserver-authentication" is '
                'forbidden: User "system:serviceaccount:metrics-api:adapter" cannot get resource "configmaps" in API group "" in the namespace "kube-system"')
    subject = {"kind": "ServiceAccount", "namespace": "metrics-api", "name": "adapter"}
    bindings = [{"metadata": {"name": "adapter-auth-reader", "namespace": space}, "roleRef": {"kind": "Role", "name": "extension-apiserver-authentication-reader"}, "subjects": [subject]}]
    f["rolebindings"] = {"path": "/apis/rbac.authorization.k8s.io/v1/rolebindings", "value": {"items": bindings if space else []}}
    not_available(f, "MissingEndpoints", 'endpoints for service/shop-adapter in "metrics-api" have no addresses with port name "https"')


def asks(f, query, rows):
    """The first rule's query; the adapter then serves nothing for the object."""
    rules = json.loads(f["configmaps/metrics-api/adapter-rules"]["value"]["data"]["rules.yaml"])
    rules["rules"][0]["metricsQuery"] = query
    f["configmaps/metrics-api/adapter-rules"]["value"]["data"]["rules.yaml"] = json.dumps(rules)
    old = next(key for key in f if key.startswith(PROM + "eval"))
    f[PROM + "eval " + query] = {"path": f.pop(old)["path"], "value": rows}
    error(f, API, "kube-not-found", "the server could not find the metric lab_value for services object-value")
    failing(f)


def scaled_up_again(f, first="2026-11-24T03:10:00Z"):
    f["rescales"] = {"path": "/api/v1/events?fieldSelector=reason%3DSuccessfulRescale", "value": {"items": [
        {"involvedObject": {"kind": "HorizontalPodAutoscaler", "namespace": "shop", "name": "object-value"}, "count": 4, "firstTimestamp": first, "lastTimestamp": "2026-11-24T03:40:00Z",
         "message": "New size: 2; reason: Service metric lab_value above target"}]}}


def total(f):
    """A value of 50 with a target of 40, whatever the replicas."""
    hpa = own_hpa(f)
    hpa["spec"].update(maxReplicas=6)
    hpa["spec"]["metrics"][0]["object"]["target"] = {"type": "Value", "value": "40"}
    hpa["status"].update(currentReplicas=6, desiredReplicas=6, lastScaleTime="2026-11-24T03:39:30Z")
    conditions(f, "ScalingLimited", status="True", reason="TooManyReplicas", message="the desired replica count is more than the maximum replica count")
    f["rescales"] = {"path": "/api/v1/events?fieldSelector=reason%3DSuccessfulRescale", "value": {"items": [
        {"involvedObject": {"kind": "HorizontalPodAutoscaler", "namespace": "shop", "name": "object-value"}, "count": 1, "firstTimestamp": at, "lastTimestamp": at,
         "message": f"New size: {size}; reason: Service metric lab_value above target"} for size, at in ((2, "2026-11-24T03:38:00Z"), (6, "2026-11-24T03:39:30Z"))]}}
    query = next(key for key in f if key.startswith(PROM + "eval")).removeprefix(PROM + "eval ")
    f[PROM + "range " + query] = {"path": "/api/v1/query_range", "value": [{"labels": {"service": "object-value"}, "values": [[1795491400 + 10 * i, "50"] for i in range(20)]}]}


def no_scale(f):
    own_hpa(f)["spec"]["scaleTargetRef"] = {"apiVersion": "lab.example/v1", "kind": "Trinket", "name": "object-value"}
    kinds(f, "Trinket", ("lab.example", "v1", "trinkets"))
    path = "/apis/lab.example/v1/namespaces/shop/trinkets/object-value"
    f["scale/shop/trinkets/object-value"] = {"path": path + "/scale"}
    error(f, "scale/shop/trinkets/object-value", "kube-not-found", "the server could not find the requested resource")
    f["scaled/shop/trinkets/object-value"] = {"path": path, "value": {"metadata": {"name": "object-value", "namespace": "shop"}}}
    conditions(f, "AbleToScale", status="False", reason="FailedGetScale", message="the HPA controller was unable to get the target's current scale: the server could not find the requested resource")


def namespace_of_another_name(f):
    """The API has a value of the HPA's own namespace."""
    hpa = own_hpa(f)
    hpa["spec"]["metrics"][0]["object"]["describedObject"] = {"apiVersion": "v1", "kind": "Namespace", "name": "watch"}
    hpa["status"]["currentMetrics"][0]["object"]["describedObject"] = {"apiVersion": "v1", "kind": "Namespace", "name": "watch"}
    f["api /apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/metrics/lab_value"] = {**f.pop(API), "path": "/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/metrics/lab_value"}
    old = next(key for key in f if key.startswith(PROM + "eval"))
    query = 'sum(lab_value{namespace="shop"}) by (namespace)'
    f[PROM + "eval " + query] = {**f.pop(old), "value": [{"labels": {"namespace": "shop"}, "time": 1795491608.0, "value": "50"}]}
    f["discovery custom.metrics.k8s.io"]["value"]["resources"].append({"name": "namespaces/lab_value"})


def not_routed(f):
    error(f, "discovery custom.metrics.k8s.io", "kube-not-found", "the server could not find the requested resource")
    error(f, API, "kube-not-found", "the server could not find the requested resource")
    failing(f, "unable to get metric lab_value: Service on shop object-value/unable to fetch metrics from custom metrics API: no known available metric versions found")


def metric_of_other_pods(f):
    own_hpa(f)["spec"]["metrics"] = [{"type": "Pods", "pods": {"metric": {"name": "lab_value"}, "target": {"type": "AverageValue", "averageValue": "50"}}}]
    conditions(f, "ScalingActive", status="False", reason="FailedGetPodsMetric",
               message="the HPA was unable to compute the replica count: unable to get metric lab_value: no metrics returned from custom metrics API")
    own_hpa(f)["status"].pop("currentMetrics", None)


def reset(f):
    nothing_listens(f)
    the(f, "services", "object-value")["spec"]["ports"] = [{"name": "stats", "port": 9113, "targetPort": 9113}]
    target = f[PROM + "targets"]["value"][0]
    source = next(p for p in f["pods/shop"]["value"]["items"] if p["metadata"]["name"].startswith("source"))
    target.update(url="http://10.0.0.1:9113/metrics", lastError='Get "http://10.0.0.1:9113/metrics": read tcp 10.0.0.9:41234->10.0.0.1:9113: read: connection reset by peer')
    target["labels"]["pod"] = source["metadata"]["name"]
    return source


def reset_by_sidecar(f):
    reset(f)["spec"]["containers"].append({"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.27.0"})


def nothing_listens_where_declared(f):
    reset(f)
    f[PROM + "targets"]["value"][0]["lastError"] = "dial tcp 10.0.0.1:9113: connect: connection refused"


PAST = PROM + 'eval max by (job, namespace, service, pod) (max_over_time(timestamp({__name__="lab_value"})[2h:30s]))'
PAGE = "page http://10.244.0.50:9113/metrics lab_value"


def page(f, *lines):
    """Prometheus has no sample; this is what the target itself serves of the series."""
    no_series(f)
    f[PROM + "names"]["value"] = f[PROM + 'names {__name__=~"^lab_(value|jobs)$",namespace!=""}']["value"] = ["lab_jobs"]
    source = next(p for p in f["pods/shop"]["value"]["items"] if p["status"]["podIP"] == "10.244.0.50")["metadata"]["name"]
    f[PAGE] = {"path": f"/api/v1/namespaces/shop/pods/{source}:9113/proxy/metrics", "value": list(lines)}


def page_forbidden(f):
    page(f)
    error(f, PAGE, "kube-forbidden", "pods is forbidden", "get pods/proxy in namespace shop")


def remembered(f):
    """Until 10 minutes before."""
    f[PAST] = {"path": "/api/v1/query", "value": [{"labels": {"job": "object-value", "namespace": "shop", "service": "object-value"}, "time": 1795491609.978, "value": "1795491009.5"}]}


def ended(f):
    page(f)
    remembered(f)


def relabeled(f):
    page(f, "lab_value 50")
    the(f, "servicemonitors", "object-value")["spec"]["endpoints"][0]["metricRelabelings"] = [{"action": "drop", "sourceLabels": ["__name__"], "regex": "lab_value"}]


def misspelt_port_of_namespace(f):
    """A metric of the whole namespace: only its past says which Service it came from."""
    unscraped(f, endpoints=[{"port": "stat", "interval": "1s"}])
    own_hpa(f)["spec"]["metrics"][0]["object"]["describedObject"] = {"apiVersion": "v1", "kind": "Namespace", "name": "shop"}
    remembered(f)


def refused_response(f, message, **spec):
    no_series(f)
    the(f, "servicemonitors", "object-value")["spec"].update(spec)
    f[PROM + "targets"]["value"][0].update(health="down", lastError=message)


def shards(f):
    """The shard that responded has the series."""
    f["prometheuses"]["value"]["items"][0]["spec"]["shards"] = 2


def enforced(f):
    f["prometheuses"]["value"]["items"][0]["spec"]["enforcedNamespaceLabel"] = "namespace"
    for row in f[PROM + "samples"]["value"]:
        row["labels"]["namespace"] = "watch"
    for key in f:
        if key.startswith(PROM + "eval"):
            f[key]["value"] = []
    unlisted(f)


def enforced_before(f):
    """It no longer is, but Prometheus still has the configuration from before."""
    enforced(f)
    prometheus = f["prometheuses"]["value"]["items"][0]
    prometheus["spec"].pop("enforcedNamespaceLabel")
    prometheus["metadata"]["hpawalkLastChange"] = base["taken"]


def other_server(f):
    adapter_log(f, 'unable to update list of all metrics: unable to fetch metrics for query "lab_value": unknown response code 404')
    unlisted(f)


def changed_prometheus(f):
    f["prometheuses"]["value"]["items"][0]["metadata"].update(hpawalkLastChange=base["taken"])


def one_blocks(f):
    """A second metric has a series, but no rule; of both chains it is noted that a change of Prometheus is pending."""
    changed_prometheus(f)
    spec = f["hpas"]["value"]["items"][0]["spec"]
    spec["metrics"].append({"object": {**spec["metrics"][0]["object"], "metric": {"name": "lab_unruled"}}, "type": "Object"})
    sample = copy.deepcopy(f[PROM + "samples"]["value"][0])
    sample["labels"]["__name__"] = "lab_unruled"
    f[PROM + "samples"]["value"].append(sample)
    error(f, API.replace("lab_value", "lab_unruled"), "kube-not-found", "the server could not find the metric lab_unruled for services object-value")


def scraped_by(f, plural, spec, **labels):
    """Not a ServiceMonitor leads to the Service, but another object, which Prometheus may select; the series is not there."""
    kind = {"probes": "Probe", "scrapeconfigs": "ScrapeConfig"}[plural]
    f["servicemonitors"]["value"]["items"] = []
    f[plural]["value"]["items"] = [{"apiVersion": f[plural]["value"]["apiVersion"], "kind": kind, "spec": spec,
                                    "metadata": {"name": "object-value", "namespace": "watch", "labels": labels, "hpawalkLastChange": "2026-11-24T03:31:27Z"}}]
    field = {"probes": "probe", "scrapeconfigs": "scrapeConfig"}[plural]
    selectors = {f"{field}Selector": {"matchLabels": {"release": "shop-stack"}}, f"{field}NamespaceSelector": {}}
    f["prometheuses"]["value"]["items"][0]["spec"].update(selectors)
    f[PROM + "config"]["value"]["yaml"] = "scrape_configs:\n- job_name: scrapeConfig/watch/object-value-2\n"
    f[PROM + "targets"]["value"] = []
    no_series(f)


def by_scrape_config(f, port=9113, **labels):
    scraped_by(f, "scrapeconfigs", {"staticConfigs": [{"targets": [f"object-value.shop.svc:{port}"], "labels": {"namespace": "shop", "service": "object-value"}}]}, **labels)


def by_probe(f):
    scraped_by(f, "probes", {"prober": {"url": "prober.watch.svc:9115"}, "targets": {"staticConfig": {"static": ["http://object-value.shop.svc/health"]}}}, release="other")


def scrape_config_down(f):
    by_scrape_config(f, 9999, release="shop-stack")
    job = "scrapeConfig/watch/object-value"
    f[PROM + "config"]["value"]["yaml"] = f"scrape_configs:\n- job_name: {job}\n"
    f[PROM + "targets"]["value"] = [{"health": "down", "interval": "1s", "labels": {"job": job, "namespace": "shop", "service": "object-value"}, "pool": job,
                                     "lastError": 'Get "http://object-value.shop.svc:9999/metrics": context deadline exceeded', "lastScrape": base["taken"],
                                     "url": "http://object-value.shop.svc:9999/metrics"}]


def in_job_of_hand(f):
    """additionalScrapeConfigs: no object of the operator tells of it, but Prometheus has the target."""
    scrape_config_down(f)
    f["scrapeconfigs"]["value"]["items"] = []
    f[PROM + "targets"]["value"][0]["pool"] = "more"


def no_longer_enforced(f):
    """The samples are as an enforced label makes them, and the Prometheus object has no such field."""
    enforced(f)
    f["prometheuses"]["value"]["items"][0]["spec"].pop("enforcedNamespaceLabel")


FILES = {
    "monitor-not-selected@scrape-config": lambda f: by_scrape_config(f, release="other"), "monitor-not-selected@probe": by_probe,
    "target-down@scrape-config": scrape_config_down, "target-down@additional-scrape-config": in_job_of_hand,
    "prometheus-config-rejected@scrape-config": lambda f: by_scrape_config(f, release="shop-stack"),
    "object-not-in-series@no-longer-enforced": no_longer_enforced,
    "one-metric-blocks-scale-down@prometheus-changed": one_blocks,
    "scraped-twice": scraped_twice, "adapter-starting": starting,
    "monitor-not-selected@still-served": lambda f: monitor_of_chain(f)["metadata"].update(labels={"release": "other"}),
    "monitor-selects-no-service@still-served": lambda f: f["servicemonitors"]["value"].update(items=[]),
    "monitor-port-name@still-served": lambda f: monitor_of_chain(f)["spec"].update(endpoints=[{"port": "stat"}]),
    "prometheus-config-pending@still-served": just_changed,
    "prometheus-config-pending@enforced-before": enforced_before,
    "prometheus-config-pending@prometheus": changed_prometheus,
    "prometheus-config-pending@outdated": outdated_job,
    "prometheus-cannot-discover@still-served": lambda f: [f[key].update(value=False) for key in f if key.startswith("may system:serviceaccount:watch:prom ")],
    "prometheus-config-rejected@still-served": outdated_and_rejected,
    "recording-rule-not-selected@still-served": lambda f: still_recorded(f, {"role": "other"}),
    "prometheus-config-pending@recording-rule": lambda f: still_recorded(f, {"role": "shop"}, base["taken"]),
    "target-down@content-type": lambda f: refused_response(f, 'received unsupported Content-Type "text/html" and no fallback_scrape_protocol specified for target'),
    "target-down@sample-limit": lambda f: refused_response(f, "sample limit exceeded", sampleLimit=5),
    "prometheus-sharded": shards, "namespace-label-enforced": enforced, "adapter-other-server": other_server,
    "metric-not-exposed@page": page, "metric-not-exposed@forbidden": page_forbidden, "metric-not-exposed@ended": ended, "sample-dropped": relabeled,
    "sample-timestamps": lambda f: page(f, "lab_value 50 1700000000000"), "monitor-port-name@namespace": misspelt_port_of_namespace,
    "target-api-version": gone_group, "target-api-version@from-the-start": gone_group_from_the_start, "object-api-version": unmapped_object, "scale-unreadable": scale_forbidden,
    "adapter-auth-delegator": not_delegated, "adapter-auth-delegator@answer": not_delegated_by_answer, "metric-type-mismatch": external_of_custom,
    "api-group-not-served": external_not_served, "operator-not-running@never-reconciled": never_reconciled,
    "rule-template": lambda f: asks(f, 'sum(lab_value{namespace="{{.Namespace}}",team="shop"})', []),
    "rule-template@unasked": lambda f: asks(f, "sum(rate(lab_value[1m]))", [{"labels": {}, "time": 1795577961.0, "value": "50"}]),
    "replicas-reset@events": scaled_up_again, "healthy@old-events": lambda f: scaled_up_again(f, "2026-11-24T01:10:00Z"),
    "total-as-value": total, "no-scale-subresource": no_scale,
    "namespace-name-ignored": namespace_of_another_name,
    "api-group-not-served@available": not_routed,
    "adapter-auth-reader": auth_unread, "adapter-auth-reader@elsewhere": lambda f: auth_unread(f, "metrics-api"), "pods-metric-of-others": metric_of_other_pods, "target-down@reset": reset, "target-mesh-sidecar": reset_by_sidecar, "service-target-port@declared": nothing_listens_where_declared,
    "monitor-port-name@two-endpoints": two_endpoints, "monitor-port-name@unnamed": unnamed_port, "service-target-port": nothing_listens,
    "monitor-not-selected": lambda f: unscraped(f, labels={"release": "other"}), "monitor-namespace-not-selected": lambda f: unscraped(f, namespace="shop"),
    "monitor-selects-no-service@namespaces": lambda f: unscraped(f, namespaceSelector={"matchNames": ["first", "second"]}),
    "monitor-selects-no-service@labels": lambda f: unscraped(f, selector={"matchLabels": {"svc": "object-valu"}}),
    "service-selects-no-pod": selects_nothing, "object-missing": other_object, "target-missing": no_target, "scaling-disabled": scaled_to_nothing,
    "adapter-prometheus-url": other_url, "apiservice-missing": unregistered, "hpa-forbidden": may_not_read, "adapter-cannot-list": may_not_list,
    "source-without-pods": lambda f: source_gone(f, lambda d: d["spec"].update(replicas=0)),
    "source-without-pods@quota": lambda f: source_gone(f, refused_pods), "source-without-pods@rollout": rollouts,
    "two-adapters@keda": keda_owns_the_group, "adapter-network-policy@egress": egress_policy,
    "unseen-monitor@monitors-forbidden": monitors_forbidden, "unseen-monitor@namespaces-forbidden": namespaces_forbidden,
    "prometheus-config-rejected@reload-failed": prometheus_config_rejected, "prometheus-config-rejected@job-missing": prometheus_config_missing,
    "recording-rule-not-selected": lambda f: recorded(f, {"role": "other"}),
    "recording-rule-not-selected@namespace": lambda f: recorded(f, {"role": "shop"}, namespace="shop"),
    "recording-rule-fails": lambda f: recorded(f, {"role": "shop"}, [RUNNING | {"health": "err", "lastError": "found duplicate series for the match group"}]),
    "recording-rule-fails@empty": lambda f: recorded(f, {"role": "shop"}, [RUNNING]),
    "recording-rule-fails@not-loaded": lambda f: recorded(f, {"role": "shop"}, []), "recording-rule-fails@rejected": rejected_rule,
    "metric-query-empty": empty_query, "prometheus-config-pending": prometheus_config_pending, "resource-request-missing": no_request,
    "adapter-network-policy": network_policy, "adapter-prometheus-auth@mesh": auth, "adapter-rules-too-broad": too_broad,
    "apiservice-unreachable@private-cluster": lambda f: not_available(f, "FailedDiscoveryCheck", UNREACHABLE + "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"),
    "apiserver-http-proxy": lambda f: not_available(f, "FailedDiscoveryCheck", 'failing or missing response from https://10.107.150.1:443/apis/custom.metrics.k8s.io/v1beta1: Get "https://10.107.150.1:443/apis/custom.metrics.k8s.io/v1beta1": Forbidden'),
    "overlay-network": lambda f: not_available(f, "FailedDiscoveryCheck", UNREACHABLE + "Address is not allowed"),
    "requestheader-ca@x509": lambda f: not_available(f, "FailedDiscoveryCheck", UNREACHABLE + "x509: certificate signed by unknown authority"),
    "requestheader-ca@rotation": lambda f: not_available(f, "FailedDiscoveryCheck", "failing or missing response from https://10.44.1.9:6443/apis/custom.metrics.k8s.io/v1beta1: bad status from https://10.44.1.9:6443/apis/custom.metrics.k8s.io/v1beta1: 401"),
    "adapter-mesh-sidecar": mesh, "apiservice-port": wrong_api_port,
    "empty-discovery": lambda f: f["discovery custom.metrics.k8s.io"]["value"].update(resources=[]),
    "healthy@keda": keda_prometheus, "healthy@keda-idle": keda_idle, "keda-several-rows": keda_several_rows, "keda-empty-result": keda_empty_result,
    "keda-empty-result@fails": keda_empty_fails, "keda-query-fails": keda_query_fails, "keda-server-address": keda_nowhere, "keda-operator-not-running": keda_operator_down,
    "keda-no-number": lambda f: keda_rows(f, "NaN"), "keda-below-activation": lambda f: keda_idle(f, "4", activationThreshold="5"),
    "keda-fallback": lambda f: (keda_condition(f, "Fallback", "FallbackExists", "At least one trigger is falling back on this scaled object"),
                                f["scaledobjects"]["value"]["items"][0]["spec"].update(fallback={"replicas": 3})),
    "healthy@keda-no-fallback": lambda f: keda_condition(f, "Fallback", "FallbackExists", "At least one trigger is falling back on this scaled object"),
    "metric-gone-at-zero@keda": keda_never_wakes, "two-adapters@of-keda": keda_api_of_another, "keda-paused": lambda f: keda_condition(f, "Paused", "ScaledObjectPaused", "ScaledObject is paused"),
    "keda-auth-missing": lambda f: keda_auth(f, listed=False), "keda-auth-secret": lambda f: keda_auth(f, secret="absent"),
    "keda-auth-secret@forbidden": lambda f: keda_auth(f, "ClusterTriggerAuthentication", secret="forbidden"), "keda-auth-key": lambda f: keda_auth(f, secret=["password", "user"]),
    "keda-login-rejected": lambda f: keda_log(f, "prometheus query api returned error. status: 401", "Unauthorized"),
    "keda-tenant-header": lambda f: keda_log(f, "prometheus query api returned error. status: 401", "no org id"),
    "keda-pod-identity": lambda f: keda_log(f, "prometheus query api returned error. status: 401", serverAddress="https://shop-a1b2.westeurope.prometheus.monitor.azure.com"),
    "keda-api-path": lambda f: keda_log(f, "prometheus query api returned error. status: 404", "404 page not found"),
    "keda-source-unreachable": lambda f: keda_log(f, 'Get \\"http://prom-web.watch.svc:9191/api/v1/query\\": dial tcp 10.96.12.7:9191: connect: connection refused', "no endpoints available for service"),
    "keda-source-tls": lambda f: keda_log(f, 'Get \\"https://prom-web.watch.svc:9191/api/v1/query\\": http: server gave HTTP response to HTTPS client', "error trying to reach service"),
    "keda-trigger-invalid": lambda f: keda_refused(f, CANNOT_ENSURE + "no scaler found for type: promtheus"),
    "keda-trigger-invalid@parameter": lambda f: keda_refused(f, CANNOT_ENSURE + 'error parsing prometheus metadata: error parsing prometheus metadata: missing required parameter "query" in [triggerMetadata]'),
    "keda-formula": lambda f: keda_refused(f, CANNOT_ENSURE + "error validating formula in ScalingModifiers\nunknown name queue (1:7)"),
    "keda-replica-bounds": lambda f: keda_refused(f, "ScaledObject doesn't have correct Idle/Min/Max Replica Counts specification: IdleReplicaCount=2 must be less than MinReplicaCount=1"),
    "keda-scale-target": lambda f: keda_without_hpa(f, [{"type": "Ready", "status": "False", "reason": "ScaledObjectCheckFailed", "message": 'ScaledObject doesn\'t have correct scaleTargetRef specification: deployments.apps "absent" not found'}]),
    "keda-no-hpa": lambda f: keda_without_hpa(f, []),
    "keda-paused@no-hpa": lambda f: keda_without_hpa(f, [{"type": "Ready", "status": "True", "reason": "ScaledObjectReady", "message": "ScaledObject is paused"}, {"type": "Paused", "status": "True", "reason": "ScaledObjectPaused", "message": "ScaledObject is paused"}]),
    "keda-one-trigger-fails": keda_one_of_two, "keda-hpa-not-taken-over": not_taken_over,
    "keda-intervals": lambda f: (keda_prometheus(f), f["scaledobjects"]["value"]["items"][0]["spec"].update(cooldownPeriod=60, pollingInterval=5)),
    "keda-scaledobject": keda, "source-pods-not-ready": source_not_ready, "target-not-discovered": not_discovered, "no-scrape-config": without_operator,
    "adapter-config-invalid": invalid_config, "rate-limited": rate_limited, "scale-refused": refused, "target-selector": selector, "resource-metrics-empty": resource,
    "healthy@pod-level-requests": pod_level_requests, "resource-request-missing@container-resource": of_container, "resource-request-missing@native-sidecar": native_sidecar,
    "finished-pods": pinned, "finished-pods@request": lambda f: others_request(f, "Job", "migrate", "Succeeded"),
    "selector-catches-others@request": lambda f: others_request(f, "StatefulSet", "cache", "Running"),
    "pods-not-created": over_quota, "pods-not-created@stateful-set": over_quota_set, "pods-not-scheduled": no_room, "adapter-not-ready@no-node": adapter_without_node, "canary-idle": canary, "raw-counter": counter,
    "metric-gone-at-zero": gone_at_zero_remembered, "metric-gone-at-zero@service": gone_at_zero, "metric-gone-at-zero@ahead": may_be_zero,
    "healthy@scaled-to-zero": idle_queue, "scaling-disabled@min-zero": zero_by_hand,
    "monitor-other-group": for_azure_only, "monitor-other-group@azure": workspace_and_monitor_of_operator,
    "monitor-port-name@azure": lambda f: workspace(f, endpoints=[{"port": "stat"}]),
    "monitor-selects-no-service@azure": lambda f: workspace(f, selector={"matchLabels": {"svc": "object-valu"}}),
    "healthy@azure": workspace_with_series, "unknown@prometheus-login": workspace_refuses,
    "waiting-for-sync": failing, "unknown@forbidden": forbidden, "hpa-missing": no_hpa,
}



def difference(old, new):
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    patch = {key: None for key in old if key not in new}
    patch |= {key: difference(old[key], new[key]) if key in old else new[key] for key in new if key not in old or old[key] != new[key]}
    return patch


for name, change in FILES.items():
    document = copy.deepcopy(base)
    change(document["readings"])
    (here / f"{name}.json").write_text(json.dumps(difference(base, document), indent=1, sort_keys=True) + "\n")
