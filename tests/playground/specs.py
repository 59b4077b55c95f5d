"""Random HPAs, loads and options, valid ones and some that are not. The same seed gives the same ones."""
import json

KINDS = ("Object", "Pods", "External", "Resource", "ContainerResource")
VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")


def target(random, kind):
    if kind in ("Resource", "ContainerResource"):
        if random.random() < 0.3:
            return {"type": "AverageValue", "averageValue": random.choice(("500m", "1", "250m", "2"))}
        return {"type": "Utilization", "averageUtilization": random.randint(10, 120)}
    if kind == "Pods" or random.random() < 0.5:
        return {"type": "AverageValue", "averageValue": random.choice(("10", "7500m", "33", "1k", "100"))}
    return {"type": "Value", "value": random.choice(("10", "500m", "42", "1k", "100"))}


def metric(random):
    kind = random.choice(KINDS)
    source = {"target": target(random, kind)}
    if kind in ("Resource", "ContainerResource"):
        source["name"] = random.choice(("cpu", "memory"))
        if kind == "ContainerResource":
            source["container"] = "app"
    else:
        source["metric"] = {"name": random.choice(("requests", "queue_length", "busy"))}
        if kind == "Object":
            source["describedObject"] = {"apiVersion": "v1", "kind": "Service", "name": "web"}
    return {"type": kind, kind[0].lower() + kind[1:]: source}


def rules(random):
    out = {}
    if random.random() < 0.6:
        out["stabilizationWindowSeconds"] = random.choice((0, 15, 30, 60, 120, 300, 600))
    if random.random() < 0.6:
        out["policies"] = [{"type": random.choice(("Pods", "Percent")), "value": random.randint(1, 100),
                            "periodSeconds": random.choice((15, 30, 60, 120))} for _ in range(random.randint(1, 3))]
    if random.random() < 0.4:
        out["selectPolicy"] = random.choice(("Max", "Min", "Disabled"))
    if random.random() < 0.3:
        out["tolerance"] = random.choice(("0", "0.05", "200m", 0.3))
    return out


def hpa(random):
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": random.choice((0, 1, 1, 1, 2, 2, 3)), "maxReplicas": random.choice((1, 4, 10, 25, 100, 1000)),
            "metrics": [metric(random) for _ in range(random.choice((1, 1, 1, 2, 3)))]}
    if random.random() < 0.7:
        spec["behavior"] = {side: rules(random) for side in ("scaleUp", "scaleDown") if random.random() < 0.8}
    if random.random() < 0.05:
        spec["maxReplica"] = 3  # no such field
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}


def load(random):
    """(text, is it CSV, linear)"""
    value = lambda: random.choice((0, 1, 5, 12, 40, 90, 200, 750, 3000))
    time = lambda: random.choice(("30s", "1m", "2m30s", "5m", "9m"))
    noise = " noise=10%" if random.random() < 0.3 else ""
    shapes = (lambda: f"hold {value()} for {time()}", lambda: f"step {value()}..{value()} at {time()} for 15m",
              lambda: f"ramp {value()}..{value()} over {time()}", lambda: f"steps {value()},{value()},{value()} every {time()}",
              lambda: f"sine {value()}..{value()} every {time()} for 20m",
              lambda: f"spike {value()}..{value()} at {time()} lasting {time()} for 15m")
    if random.random() < 0.6:
        return "; ".join(random.choice(shapes)() + noise for _ in range(random.randint(1, 3))), False, False
    lines, at = ["seconds,load"] if random.random() < 0.3 else [], 0.0
    for _ in range(random.randint(1, 80)):
        lines.append(f"{at:g},{random.choice((value(), round(random.random() * 100, 3)))}")
        at += random.choice((1, 15, 15, 60, 7.25))
    if random.random() < 0.05:
        lines.append("soon,1")
    return "\n".join(lines) + "\n", True, random.random() < 0.5


def options(random):
    out = {}
    choices = {"kube-version": VERSIONS, "pod-start": ("0s", "10s", "1m"), "pod-warmup": ("5s", "45s"),
               "metric-is": ("whole", "shared"), "scrape-interval": ("5s", "30s"), "query-window": ("30s", "2m"),
               "relist-interval": ("10s", "1m"), "hpa-sync-period": ("1s", "5s", "30s"),
               "hpa-downscale-stabilization": ("0s", "1m"), "hpa-tolerance": ("0", "0.25"), "controller-delay": ("200ms",),
               "seed": ("1", "77", "123456789"), "replicas": ("0", "1", "7"), "duration": ("20m", "1h"),
               "pod-request": ("500m", "2"), "gate-scale-to-zero": ("true",), "gate-configurable-tolerance": ("true",)}
    for name, values in choices.items():
        if random.random() < (0.9 if name == "kube-version" else 0.15):
            out[name] = random.choice(values)
    return out


def case(random):
    text, csv, linear = load(random)
    return {"hpa": json.dumps(hpa(random), indent=1), "load": text, "csv": csv, "linear": linear, "options": options(random)}


def arguments(one, folder):
    """For `hpawalk simulate`, with the files in the folder."""
    with open(folder + "/hpa.yaml", "w", encoding="utf-8") as file:
        file.write(one["hpa"])
    args = ["simulate", "--hpa", folder + "/hpa.yaml", "-o", "json", "--profile"]
    if one["csv"]:
        with open(folder + "/load.csv", "w", encoding="utf-8") as file:
            file.write(one["load"])
        args.append(folder + "/load.csv")
    else:
        args.append(one["load"])
    if one["linear"]:
        args.append("--linear")
    for name, value in one["options"].items():
        args += ["--" + name] if value == "true" else ["--" + name, value]
    return args
