"""The chains that the faults are made in: one source of metrics behind many Services, each with a monitor, a rule and an
HPA of its own, so that many faults stand side by side and one `hpawalk diagnose -A` judges them all.

Nothing here is named like the walkthrough: other names, namespaces, labels, ports and metric types on purpose.
"""
import json
import os
import subprocess

SPACE, MONITORING, LOCKED, OUTSIDE, PLAIN = "shop", "watch", "vault", "outside", "by-hand"
ADAPTER_SPACE = "metrics-api"
PROMETHEUS_IMAGE = os.environ.get("PROMETHEUS_IMAGE", "quay.io/prometheus/prometheus:v3.16.0")
ADAPTER_IMAGE = os.environ.get("ADAPTER_IMAGE", "registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0")
NGINX_IMAGE = "docker.io/library/nginx:stable"
PAUSE_IMAGE = os.environ.get("PAUSE_IMAGE", "registry.k8s.io/pause:3.10.2")

METRICS = {
    "lab_value": 50, "lab_jobs": 30, "lab_requests_total": 100, "lab_unruled": 5, "lab_mislabelled": 5, "lab_dropped": 5,
    "lab_cluster": 5, "lab_renamed_total": 7, "lab_overlap_a": 5, "lab_overlap_b": 9, "lab_short_total": 5, "lab_nan": 0,
    "lab_bad": 5, "lab_queue": 12, "lab_matcher": 5, "lab_empty": 5, "lab_deployed": 5, "lab_cpu": 0.05, "lab_memory": 50000000,
    "lab_braces": 5, "lab_unasked": 5, "lab_without": 5, "lab_misplaced": 5,
}

NGINX_CONF = """
user root; worker_processes 1; pid /tmp/nginx.pid; error_log /dev/stderr;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d; scgi_temp_path /tmp/e;
  server { listen 9113; location = /metrics { default_type "text/plain; version=0.0.4"; alias /data/metrics; } }
  server { listen 9114; location / { return 401; } }
  reset_timedout_connection on; server { listen 9115; location / { return 444; } }
}
"""


def kubectl(*args, stdin=None, check=True):
    done = subprocess.run(["kubectl", *args], input=stdin, capture_output=True, text=True, timeout=300)
    if check and done.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout


def minor_version():
    """Of the cluster: 37 of v1.37.2."""
    return int(json.loads(kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"].split(".")[1])


def apply(objects, check=True):
    return kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), check=check)


def install_operator(bundle):
    kubectl("apply", "--server-side", "--force-conflicts", "-f", bundle)
    without_limits = [{"op": "remove", "path": "/spec/template/spec/containers/0/resources/limits"},
                      {"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--config-reloader-cpu-limit=0"}]
    kubectl("patch", "deployment", "prometheus-operator", "-n", "default", "--type", "json", "-p", json.dumps(without_limits))


def meta(name, space=SPACE, **labels):
    return {"name": name, "namespace": space, "labels": labels} if space else {"name": name, "labels": labels}


CUSTOM, EXTERNAL, RESOURCE = "custom.metrics.k8s.io", "external.metrics.k8s.io", "metrics.k8s.io"


def deployment(name, image, space=SPACE, replicas=1, labels=None, account=None, **container):
    labels = labels or {"workload": name}
    pod = {"containers": [{"name": "main", "image": image, **container}], "terminationGracePeriodSeconds": 0}
    if account:
        pod["serviceAccountName"] = account
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(name, space),
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}}


def stateful_set(name, **more):
    d = source(name=name, **more)[1]
    d["kind"] = "StatefulSet"
    d["spec"]["serviceName"] = name
    return d


def job(name, labels, count=1):
    """Its pods succeed at once, and stay."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "job", "image": NGINX_IMAGE, "command": ["/usr/sbin/nginx", "-v"]}]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta(name),
            "spec": {"completions": count, "parallelism": count, "template": {"metadata": {"labels": labels}, "spec": pod}}}


def service(name, selector, port=9113, target=9113, port_name="stats", space=SPACE, **labels):
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, space, **(labels or {"svc": name})),
            "spec": {"selector": selector, "ports": [{"name": port_name, "port": port, "targetPort": target}]}}


def monitor(name, selector=None, port="stats", space=MONITORING, labels=None, spaces=(SPACE,), **endpoint):
    spec = {"selector": {"matchLabels": selector or {"svc": name}}, "endpoints": [{"port": port, "interval": "1s", **endpoint}]}
    if spaces:
        spec["namespaceSelector"] = {"matchNames": list(spaces)}
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": meta(name, space, **({"release": "shop-stack"} if labels is None else labels)), "spec": spec}


def pod_monitor(name, selector, port="stats", space=MONITORING, labels=None):
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": meta(name, space, **(labels or {})),
            "spec": {"selector": {"matchLabels": selector}, "namespaceSelector": {"matchNames": [SPACE]}, "podMetricsEndpoints": [{"port": port, "interval": "1s"}]}}


def scrape_config(name, port=9113, **labels):
    """Scrapes the Service by its DNS name, as what it would be with a ServiceMonitor."""
    return {"apiVersion": "monitoring.coreos.com/v1alpha1", "kind": "ScrapeConfig", "metadata": meta(name, MONITORING, **(labels or {"release": "shop-stack"})),
            "spec": {"scrapeInterval": "1s", "staticConfigs": [{"targets": [f"{name}.{SPACE}.svc:{port}"], "labels": {"namespace": SPACE, "service": name}}]}}


def probe(name, **labels):
    """The prober is the Service itself, whose metrics are those of the probe."""
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "Probe", "metadata": meta(name, MONITORING, **(labels or {"release": "shop-stack"})),
            "spec": {"interval": "1s", "prober": {"url": f"{name}.{SPACE}.svc:9113", "path": "/metrics"},
                     "targets": {"staticConfig": {"static": ["http://shop.example/"], "labels": {"namespace": SPACE, "service": name}}}}}


def object_metric(metric, name, target="50", kind="Value", of=None):
    amount = {"type": "Value", "value": target} if kind == "Value" else {"type": "AverageValue", "averageValue": target}
    return {"type": "Object", "object": {"metric": {"name": metric}, "target": amount, "describedObject": {**(of or {"apiVersion": "v1", "kind": "Service"}), "name": name}}}


def pods_metric(metric, target):
    return {"type": "Pods", "pods": {"metric": {"name": metric}, "target": {"type": "AverageValue", "averageValue": target}}}


def external_metric(metric, target):
    return {"type": "External", "external": {"metric": {"name": metric}, "target": {"type": "Value", "value": target}}}


def cpu(percent):
    return {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}


def hpa(name, metrics, space=SPACE, target=None, low=1, high=3, kind="Deployment", api="apps/v1", **spec):
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta(name, space),
            "spec": {"scaleTargetRef": {"apiVersion": api, "kind": kind, "name": target or name}, "minReplicas": low, "maxReplicas": high, "metrics": metrics, **spec}}


def workload(name, space=SPACE, **more):
    return deployment(name, PAUSE_IMAGE, space, **more)


def source(space=SPACE, replicas=1, name="source", **container):
    """Serves the metrics on 9113, and on 9114 only refusals."""
    text = "".join(f"# TYPE {n} {'counter' if n.endswith('_total') else 'gauge'}\n{n} {v}\n" for n, v in METRICS.items())
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("source", space), "data": {"nginx.conf": NGINX_CONF, "metrics": text}}
    container.setdefault("command", ["/usr/sbin/nginx", "-c", "/data/nginx.conf", "-g", "daemon off;"])
    d = deployment(name, NGINX_IMAGE, space, replicas=replicas, labels={"app": name}, ports=[{"containerPort": 9113, "name": "stats"}],
                   volumeMounts=[{"name": "data", "mountPath": "/data"}], **container)
    d["spec"]["template"]["spec"]["volumes"] = [{"name": "data", "configMap": {"name": "source"}}]
    return [config, d]


def own_source(name, metrics, content_type="text/plain; version=0.0.4"):
    """Serves these metrics, and nothing else."""
    config, d = source(name=name)
    config["metadata"]["name"] = d["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] = name
    config["data"] = {"nginx.conf": NGINX_CONF.replace("text/plain; version=0.0.4", content_type), "metrics": metrics}
    return [config, d]


def rule(series, query="sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)", overrides=None, **more):
    resources = {"overrides": overrides or {"namespace": {"resource": "namespace"}, "service": {"resource": "service"}, "pod": {"resource": "pod"}}}
    return {"seriesQuery": series, "resources": resources, "metricsQuery": query, **more}


NAN = "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>) / sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"
RULES = [
    rule('{__name__=~"^lab_(value|jobs)$",namespace!=""}'),
    rule('{__name__=~"^lab_src_.*",namespace!=""}'),
    rule("lab_requests_total", "sum(rate(<<.Series>>{<<.LabelMatchers>>}[30s])) by (<<.GroupBy>>)", name={"matches": "^(.*)_total$", "as": "${1}_per_second"}),
    rule('lab_matcher{team="nobody"}'),
    rule("lab_mislabelled", overrides={"namespace": {"resource": "namespace"}, "kubernetes_service": {"resource": "service"}}),
    rule("lab_dropped", "sum(<<.Series>>{<<.LabelMatchers>>})"),
    rule("lab_cluster", overrides={"namespace": {"resource": "namespace"}}),
    rule("lab_renamed_total", name={"matches": "^(.*)_total$", "as": ""}),
    rule("lab_overlap_a", name={"matches": "", "as": "lab_overlap"}),
    rule("lab_overlap_b", name={"matches": "", "as": "lab_overlap"}),
    rule("lab_short_total", "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1s])) by (<<.GroupBy>>)"),
    rule("lab_nan", NAN),
    rule("lab_bad", "sum(<<.Series>>{<<.LabelMatchers>>} by"),
    rule("lab_absent"),
    rule("lab_braces", 'sum(lab_braces{namespace="{{.Namespace}}"})'),
    rule("lab_unasked", "sum(lab_unasked)"),
    rule('lab_without{namespace="",service=""}'),
    rule("lab_misplaced", "avg_over_time(rate(<<.Series>>{<<.LabelMatchers>>}[1m])[1m:10s]) by (<<.GroupBy>>)"),
    rule("lab_deployed", overrides={"namespace": {"resource": "namespace"}, "deployment": {"group": "apps", "resource": "deployment"}}),
    rule("lab_empty", 'sum(<<.Series>>{<<.LabelMatchers>>,team="nobody"}) by (<<.GroupBy>>)'),
]
# Names with other characters than letters, digits, _ and : are in quotes, between the braces.
RULES += [rule('{__name__="lab.dotted"}', 'sum({"<<.Series>>",<<.LabelMatchers>>}) by (<<.GroupBy>>)'), rule('{__name__="lab.bare"}')]
RECORDED = rule('{__name__=~"^shop:.*",namespace!=""}')
RULES.append(RECORDED)
EXTERNAL_RULES = [rule("lab_queue", "max(<<.Series>>{<<.LabelMatchers>>})", overrides={"namespace": {"resource": "namespace"}})]


def resource_rule(series):
    query = f"sum({series}{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)"
    return {"containerQuery": query, "nodeQuery": query, "containerLabel": "container",
            "resources": {"overrides": {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}, "node": {"resource": "node"}}}}


RESOURCE_RULES = {"cpu": resource_rule("lab_cpu"), "memory": resource_rule("lab_memory"), "window": "1m"}


def config_map(name, data, space=ADAPTER_SPACE):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name, space), "data": data}


def adapter_config(rules=None):
    """What the adapter of custom and resource metrics has; the external ones have an adapter of their own."""
    return config_map("adapter-rules", {"rules.yaml": json.dumps({"rules": RULES if rules is None else rules, "resourceRules": RESOURCE_RULES})})


def binding(kind, name, role, subjects, space=None, role_kind="ClusterRole"):
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": meta(name, space),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role}, "subjects": subjects}


def account(name, space):
    return {"kind": "ServiceAccount", "name": name, "namespace": space}


ADAPTER_AUTH = binding("ClusterRoleBinding", "lab-adapter-auth", "system:auth-delegator", [account("adapter", ADAPTER_SPACE)])
ADAPTER_VIEW = binding("ClusterRoleBinding", "lab-adapter-view", "view", [account("adapter", ADAPTER_SPACE)])
HPA_BINDING = binding("ClusterRoleBinding", "lab-hpa-reads", "lab-metrics-reader", [account("horizontal-pod-autoscaler", "kube-system")])


def api_service(group, version="v1beta1", name="shop-adapter", priority=100, **more):
    return {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": meta(f"{version}.{group}", None),
            "spec": {"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": priority, "insecureSkipTLSVerify": True,
                     "service": {"namespace": ADAPTER_SPACE, "name": name, "port": 443}, **more}}


def adapter_deployment(url="http://prom-web.watch.svc:9191", relist="1s", max_age="5s", name="shop-adapter", config="adapter-rules"):
    d = deployment(name, ADAPTER_IMAGE, ADAPTER_SPACE, labels={"app.kubernetes.io/name": "prometheus-adapter", "which": name}, account="adapter",
                   args=["--config=/etc/adapter/rules.yaml", f"--prometheus-url={url}", f"--metrics-relist-interval={relist}", f"--metrics-max-age={max_age}",
                         "--secure-port=6443", "--cert-dir=/tmp"],
                   readinessProbe={"httpGet": {"path": "/readyz", "port": 6443, "scheme": "HTTPS"}, "periodSeconds": 1},
                   volumeMounts=[{"name": "config", "mountPath": "/etc/adapter"}])
    d["spec"]["strategy"] = {"type": "Recreate"}
    # As kube-prometheus does: another ConfigMap beside the one with the rules.
    d["spec"]["template"]["spec"]["containers"][0]["volumeMounts"].append({"name": "more", "mountPath": "/etc/more"})
    d["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "configMap": {"name": config}}, {"name": "more", "configMap": {"name": "adapter-more"}}]
    return d


ADAPTER_SERVICE = service("shop-adapter", {"which": "shop-adapter"}, 443, 6443, "https", ADAPTER_SPACE)


def adapter():
    read = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta("lab-metrics-reader", None),
            "rules": [{"apiGroups": [CUSTOM, EXTERNAL, RESOURCE], "resources": ["*"], "verbs": ["get", "list", "watch"]}]}
    a = account("adapter", ADAPTER_SPACE)
    nodes = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta("lab-nodes", None),
             "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}]}
    return [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("adapter", ADAPTER_SPACE)}, read, HPA_BINDING, nodes, binding("ClusterRoleBinding", "lab-adapter-nodes", "lab-nodes", [a]),
            ADAPTER_VIEW, ADAPTER_AUTH,
            binding("RoleBinding", "lab-adapter-auth-reader", "extension-apiserver-authentication-reader", [a], "kube-system", "Role"),
            config_map("adapter-more", {"config.yaml": "nothing: here"}), adapter_config(), adapter_deployment(), ADAPTER_SERVICE, api_service(CUSTOM), api_service(RESOURCE),
            config_map("external-rules", {"rules.yaml": json.dumps({"externalRules": EXTERNAL_RULES})}),
            adapter_deployment(url="http://plain.by-hand:9090", name="external-adapter", config="external-rules"),
            service("external-adapter", {"which": "external-adapter"}, 443, 6443, "https", ADAPTER_SPACE), api_service(EXTERNAL, name="external-adapter")]


PLAIN_CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
- job_name: shop
  static_configs: [{targets: ["object-value.shop.svc:9113"], labels: {namespace: shop, service: object-value}}]
"""


def plain_prometheus():
    """One that no operator made, with a configuration written by hand."""
    d = deployment("plain", PROMETHEUS_IMAGE, PLAIN, args=["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
                   command=["/bin/prometheus"], volumeMounts=[{"name": "config", "mountPath": "/etc/prometheus"}, {"name": "data", "mountPath": "/prometheus"}],
                   readinessProbe={"httpGet": {"path": "/-/ready", "port": 9090}, "periodSeconds": 1})
    d["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "plain"}}, {"name": "data", "emptyDir": {}}]
    return [config_map("plain", {"prometheus.yml": PLAIN_CONFIG}, PLAIN), d, service("plain", {"workload": "plain"}, 9090, 9090, "web", PLAIN)]


def widgets(with_selector):
    """A workload of a kind of its own, with or without a selector in its scale."""
    plural, kind = ("gadgets", "Gadget") if with_selector else ("widgets", "Widget")
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    if with_selector:
        scale["labelSelectorPath"] = ".status.selector"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta(f"{plural}.lab.example", None),
            "spec": {"group": "lab.example", "scope": "Namespaced", "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
                     "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {"status": {}, "scale": scale},
                                   "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {"replicas": {"type": "integer"}}}, "status": anything}}}}]}}


def kind_without_scale(plural, kind, group, version):
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta(f"{plural}.{group}", None),
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
                     "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}}}]}}


def canaries():
    """Flagger's kind, as far as somebody reads it; Flagger itself does not run."""
    return kind_without_scale("canaries", "Canary", "flagger.app", "v1beta1")


def trinkets():
    return kind_without_scale("trinkets", "Trinket", "lab.example", "v1")


def canary(name):
    return {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": meta(name), "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}}}


def widget(kind, name):
    return {"apiVersion": "lab.example/v1", "kind": kind, "metadata": meta(name), "spec": {"replicas": 1}}


PROMETHEUS = {"apiVersion": "monitoring.coreos.com/v1", "kind": "Prometheus", "metadata": meta("k9", MONITORING),
              "spec": {"image": PROMETHEUS_IMAGE, "version": "v" + PROMETHEUS_IMAGE.rsplit(":v", 1)[-1], "replicas": 1, "serviceAccountName": "prom", "scrapeInterval": "1s",
                       "serviceMonitorSelector": {"matchLabels": {"release": "shop-stack"}}, "serviceMonitorNamespaceSelector": {"matchLabels": {"monitored": "yes"}},
                       "scrapeConfigSelector": {"matchLabels": {"release": "shop-stack"}}, "scrapeConfigNamespaceSelector": {"matchLabels": {"monitored": "yes"}},
                       "probeSelector": {"matchLabels": {"release": "shop-stack"}}, "probeNamespaceSelector": {"matchLabels": {"monitored": "yes"}},
                       "podMonitorSelector": {}, "podMonitorNamespaceSelector": {"matchLabels": {"monitored": "yes"}},
                       "ruleSelector": {"matchLabels": {"role": "shop"}}, "ruleNamespaceSelector": {"matchLabels": {"monitored": "yes"}},
                       "containers": [{"name": "prometheus", "startupProbe": {"httpGet": {"path": "/-/ready", "port": "web"}, "periodSeconds": 1, "failureThreshold": 120}}]}}


def prometheus():
    discover = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": meta("lab-discovery", None),
                "rules": [{"apiGroups": [""], "resources": ["services", "endpoints", "pods"], "verbs": ["get", "list", "watch"]},
                          {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]}]}
    p = account("prom", MONITORING)
    return [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta("prom", MONITORING)}, discover,
            binding("RoleBinding", "lab-discovery", "lab-discovery", [p], SPACE), binding("RoleBinding", "lab-discovery", "lab-discovery", [p], MONITORING),
            service("prom-web", {"prometheus": "k9"}, 9191, "web", "web", MONITORING), PROMETHEUS]


def recording(name, record, expr="sum by (namespace, service) (lab_value)", space=MONITORING, role="shop"):
    return {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": meta(name, space, role=role),
            "spec": {"groups": [{"name": name, "interval": "1s", "rules": [{"record": record, "expr": expr}]}]}}


def spaces():
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta(SPACE, None)}, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(LOCKED, None)},
            {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(MONITORING, None, monitored="yes")}, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(OUTSIDE, None)},
            {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(ADAPTER_SPACE, None)}, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(PLAIN, None)}]


def chain(name, metric="lab_value", target="50", **more):
    """A whole healthy chain of its own: Service, monitor, workload and HPA."""
    return {"service": service(name, {"app": "source"}), "monitor": monitor(name), "workload": workload(name), "hpa": hpa(name, [object_metric(metric, name, target)], **more)}


def changed(name, **parts):
    """A chain in which some objects are others (or None: missing)."""
    whole = chain(name)
    whole.update(parts)
    return [o for o in whole.values() if o is not None]
