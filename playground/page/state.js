// What the user has entered, as an object: {hpa, load, linear, top, options}. It is what a link carries, behind its #.
const defaults = {hpa: "", load: "", linear: false, top: "", options: {}};

const longest_link = 100000;     // characters; more does not get through mail and chat
const largest_state = 16 << 20;  // characters that a link may unpack to

async function piped(bytes, transform, most) {
  const reader = new Blob([bytes]).stream().pipeThrough(transform).getReader(), parts = [];
  let size = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    if ((size += value.length) > most) throw new Error("the link holds too much");
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

// "z=" and the state as JSON, deflated, in base64url. Read is also "j=", not deflated: `hpawalk playground --hpa` makes it.
async function to_fragment(state) {
  const slim = Object.fromEntries(Object.entries(state).filter(([k, v]) => JSON.stringify(v) !== JSON.stringify(defaults[k])));
  const bytes = await piped(new TextEncoder().encode(JSON.stringify(slim)), new CompressionStream("deflate-raw"), largest_state);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return "z=" + btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// Null: it is not one. Everything in it is somebody else's text, and stays a text.
async function from_fragment(fragment) {
  if (!/^[jz]=/.test(fragment)) return null;
  try {
    const packed = Uint8Array.from(atob(fragment.slice(2).replaceAll("-", "+").replaceAll("_", "/")), c => c.charCodeAt(0));
    const bytes = fragment[0] === "j" ? packed : await piped(packed, new DecompressionStream("deflate-raw"), largest_state);
    const read = JSON.parse(new TextDecoder().decode(bytes));
    const text = value => typeof value === "string" ? value : "";
    const options = {};
    for (const [name, value] of Object.entries(read.options ?? {})) options[name] = text(value);
    return {hpa: text(read.hpa), load: text(read.load), linear: read.linear === true, top: text(read.top), options};
  } catch { return null; }
}

// A load that is not a profile's words: its first line, or the one below a line of titles, begins with a time.
const is_csv = load => /^\s*(#|[\d.])/.test(load) || /^[^\n]*\n\s*(#|[\d.])/.test(load);

const hpa_of = (name, rest, version = "v2") => `apiVersion: autoscaling/${version}
kind: HorizontalPodAutoscaler
metadata:
  name: ${name}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: ${name}
${rest}`;

const examples = [
  {name: "Requests, with a peak", load: "spike 25..140 at 2m lasting 6m for 22m", options: {"pod-start": "10s"},
   hpa: hpa_of("web", `  minReplicas: 2
  maxReplicas: 20
  metrics:
  - type: Pods
    pods:
      metric:
        name: requests_per_second
      target:
        type: AverageValue
        averageValue: "10"
`)},
  {name: "A queue, by its length", load: "step 5..50 at 1m for 15m", hpa: hpa_of("workers", `  minReplicas: 1
  maxReplicas: 10
  metrics:
  - type: Object
    object:
      describedObject:
        apiVersion: v1
        kind: Service
        name: queue
      metric:
        name: queue_length
      target:
        type: Value
        value: "10"
`)},
  {name: "CPU over a day", load: "sine 120..1900 every 24h for 24h noise=4%", options: {"pod-start": "20s"},
   hpa: hpa_of("web", `  minReplicas: 2
  maxReplicas: 30
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: 70
`)},
  {name: "Slow down, fast up: policies", load: "spike 20..400 at 3m lasting 4m for 30m", options: {"pod-start": "10s"},
   hpa: hpa_of("api", `  minReplicas: 2
  maxReplicas: 40
  metrics:
  - type: Pods
    pods:
      metric:
        name: requests_per_second
      target:
        type: AverageValue
        averageValue: "10"
  behavior:
    scaleUp:
      policies:
      - {type: Percent, value: 100, periodSeconds: 30}
      - {type: Pods, value: 4, periodSeconds: 30}
    scaleDown:
      stabilizationWindowSeconds: 120
      policies:
      - {type: Percent, value: 20, periodSeconds: 60}
`)},
  {name: "Back and forth, without a window", load: "sine 30..90 every 3m for 30m noise=15%",
   hpa: hpa_of("api", `  minReplicas: 1
  maxReplicas: 20
  metrics:
  - type: Pods
    pods:
      metric:
        name: requests_per_second
      target:
        type: AverageValue
        averageValue: "10"
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 0
`)},
  {name: "To zero and back", load: "steps 0,30,80,10,0,0 every 4m", options: {replicas: "1"},
   hpa: hpa_of("consumer", `  minReplicas: 0
  maxReplicas: 12
  metrics:
  - type: External
    external:
      metric:
        name: messages_waiting
      target:
        type: AverageValue
        averageValue: "10"
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 60
`)},
  {name: "Two metrics", load: "ramp 100..900 over 10m for 25m", options: {"pod-start": "15s"},
   hpa: hpa_of("web", `  minReplicas: 2
  maxReplicas: 20
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: 60
  - type: Pods
    pods:
      metric:
        name: requests_per_second
      target:
        type: AverageValue
        averageValue: "50"
`)},
  {name: "autoscaling/v1", load: "spike 60..600 at 2m lasting 5m for 20m", hpa: hpa_of("web", `  minReplicas: 1
  maxReplicas: 8
  targetCPUUtilizationPercentage: 80
`, "v1")},
];
