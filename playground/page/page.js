// The page: what is entered becomes a question, and the answer is shown.
const el = id => document.getElementById(id);
let state = structuredClone(defaults), answer = null, view = null;
let took = 0;                        // milliseconds, of the last question
let chosen = null, pointer = null;   // the time that the cursor is at; the stroke that is being drawn
let put_off = null;                  // takes the next calculation back; null: what is shown is up to date
let drawn = null;                    // the load with what was drawn into it, until it is calculated

// The options of `hpawalk simulate` that the page has: name, words, what counts without it.
const options = [
  ["pod-start", "A pod runs after", "2s"], ["pod-warmup", "From then until it is ready", "0s"],
  ["replicas", "Replicas at the start", "minReplicas"],
  ["metric-is", "The metric is", {"": "as usual", whole: "the whole load", shared: "shared by the pods"}],
  ["pod-request", "A pod's request, for a utilization: the load is then in cores or bytes", ""], ["scrape-interval", "Prometheus's scrape interval", "0s"],
  ["query-window", "The query averages over", "0s"], ["relist-interval", "The adapter's relist interval", "0s"],
  ["hpa-sync-period", "A sync every", "15s"], ["hpa-downscale-stabilization", "Window of scale-down", "5m"],
  ["hpa-tolerance", "Tolerance", "0.1"], ["controller-delay", "A sync takes", "30ms"],
  ["seed", "Seed of random delays", "typical delays"],
  ["gate-configurable-tolerance", "Feature gate HPAConfigurableTolerance", true], ["gate-scale-to-zero", "Feature gate HPAScaleToZero", true],
];
const versions = ["1.37", "1.36", "1.35", "1.34", "1.33", "1.32", "1.31", "1.30"];
const usual_version = "1.37";

// --- asking

function question(more) {
  return {hpa: state.hpa, load: state.load, csv: is_csv(state.load), linear: state.linear, options: state.options, ...more};
}

function run() {
  put_off = null;
  const begin = performance.now(), reply = engine.ask(question());
  took = performance.now() - begin;
  drawn = null;
  show_errors(reply.error);
  el("results").classList.toggle("stale", !!reply.error);
  if (!reply.error) { answer = reply; show(); }
}

// A short calculation is done at the next picture; for a long one the typing is waited for.
function soon() {
  put_off?.();
  if (took < 80) {
    const id = requestAnimationFrame(run);
    put_off = () => cancelAnimationFrame(id);
  } else {
    const id = setTimeout(run, 400);
    put_off = () => clearTimeout(id);
  }
}

let link_waits = 0;
function changed() {
  soon();
  clearTimeout(link_waits);
  link_waits = setTimeout(keep_in_address, 400);
}
async function keep_in_address() {
  const fragment = await to_fragment(state);
  history.replaceState(null, "", "#" + (fragment.length > longest_link ? "" : fragment));
  return fragment.length <= longest_link;
}

// --- showing

function node(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function show_errors(error) {
  const wrong_lines = new Set();
  for (const where of ["hpa", "load", "options"]) {
    const box = el(where + "-error"), mine = error?.where === where ? error : null;
    box.hidden = !mine;
    el(where === "options" ? "more" : where).toggleAttribute("aria-invalid", false);
    if (!mine) { box.replaceChildren(); continue; }
    if (where !== "options") el(where).setAttribute("aria-invalid", "true");
    if (where === "options") el("more").open = true;
    const list = node("ul");
    for (const {line, text} of mine.lines) {
      wrong_lines.add(line);
      const go = node("button", {type: "button", textContent: "Line " + line, onclick: () => go_to_line(line)});
      list.append(line ? node("li", {}, go, " " + text) : node("li", {textContent: text}));
    }
    const parts = [node("p", {}, node("b", {textContent: mine.what}))];
    if (mine.lines.length) parts.push(list);
    else if (mine.because) parts.push(node("p", {textContent: mine.because}));
    if (mine.hint && !mine.lines.length) parts.push(node("p", {textContent: mine.hint}));
    box.replaceChildren(...parts);
  }
  show_numbers(wrong_lines);
}

function show_numbers(wrong) {
  const count = state.hpa.split("\n").length, parts = [];
  for (let i = 1; i <= count; i++) parts.push(wrong.has(i) ? node("b", {textContent: i}) : String(i), "\n");
  el("numbers").replaceChildren(...parts);
  el("numbers").scrollTop = el("hpa").scrollTop;
}

function go_to_line(line) {
  const lines = state.hpa.split("\n"), begin = lines.slice(0, line - 1).join("\n").length + (line > 1);
  el("hpa").focus();
  el("hpa").setSelectionRange(begin, begin + lines[line - 1].length);
  el("hpa").scrollTop = Math.max(0, (line - 5) * 19.5);
}

function show() {
  const width = Math.max(240, el("load-picture").clientWidth);
  const asked_top = Number(state.top);
  const top = pointer?.top ?? (state.top && asked_top > 0 ? asked_top : chart.automatic_top(answer));
  view = {answer, width, top};
  chart.paint({load: el("load-chart"), replicas: el("replica-chart")}, view);
  const words = `${answer.result.figures.changes} changes of replicas: ${answer.result.sequence.slice(0, 20).join(", ")}`;
  el("replica-picture").setAttribute("aria-label", "Replicas over time. " + words);
  el("legend").innerHTML = chart.legend(answer);
  el("load-picture").setAttribute("aria-valuemax", Math.round(answer.durationSeconds));
  const several = answer.metrics.length > 1;
  el("note").hidden = !several;
  if (several) el("note").textContent = `Each of the ${answer.metrics.length} metrics gets this load: ${answer.metrics.join(", ")}.`;
  el("load-kind").textContent = is_csv(state.load) ? "CSV" : "words";
  show_figures();
  show_changes();
  show_moment();
  show_command();
}

function show_figures() {
  const tiles = [];
  for (const [name, value] of answer.figures) {
    if (name.startsWith(" ")) tiles[tiles.length - 1].lastChild.append(node("small", {textContent: `${name.trim()}: ${value}`}));
    else tiles.push(node("div", {}, node("dt", {textContent: name}), node("dd", {textContent: value})));
  }
  el("figures").replaceChildren(...tiles);
}

let all_changes = false;
function show_changes() {
  const some = 40, told = answer.told, few = told.length <= some, rows = [];
  const changes = told.filter(sync => sync.from !== sync.to);
  for (const sync of few || all_changes ? told : changes.slice(0, some)) {
    const time = node("button", {type: "button", textContent: sync.time, onclick: () => choose(sync.at)});
    const row = node("tr", {}, node("td", {}, time), node("td", {textContent: sync.from === sync.to ? `${sync.from} stays` : `${sync.from} → ${sync.to}`}),
                     node("td", {textContent: sync.why}));
    if (sync.from === sync.to) row.className = "stays";
    row.dataset.at = sync.at;
    rows.push(row);
  }
  if (!rows.length) rows.push(node("tr", {}, node("td", {colSpan: 3, textContent: "Nothing changes."})));
  el("changes").tBodies[0].replaceChildren(...rows);
  el("all-changes").hidden = few;
  const held = told.length - changes.length, more = answer.result.figures.changes - changes.length;
  const all = `Show all ${changes.length} changes` + (held ? `, and ${held} times at which a rule begins to hold the replicas` : "");
  el("all-changes").textContent = (all_changes ? "Show fewer" : all) + (more > 0 ? ` (the command has ${more} changes more)` : "");
}

function show_moment() {
  if (chosen === null) {
    el("moment").replaceChildren(node("p", {textContent: "Point at the pictures to see what the controller decides at that time, and why."}));
    return chart.paint_cursor(svgs(), view, null);
  }
  chosen = Math.min(chosen, answer.durationSeconds);
  const {moment: m} = engine.ask(question({at: chosen}));
  if (!m) return;
  const decided = m.why !== undefined, load = chart.short(m.load);
  const pods = `${m.replicas} replica${m.replicas === 1 ? "" : "s"}, ${m.readyPods} ready`;
  const asked = decided ? `; the metrics recommend ${m.proposed}` : "";
  const seen = node("p", {}, node("b", {textContent: m.time}), ` load ${load}, ${pods}${asked}`);
  const sync = decided ? `At the sync of ${chart.clock(m.at)}: ${m.why}` : "Before the first sync.";
  el("moment").replaceChildren(seen, node("p", {textContent: sync}));
  for (const row of el("changes").tBodies[0].rows) row.classList.toggle("now", decided && Number(row.dataset.at) === m.at);
  const up = decided && m.proposed > m.to;
  chart.paint_cursor(svgs(), view, chosen, m.load, decided ? answer.windowSeconds[up ? "up" : "down"] : 0);
  el("load-picture").setAttribute("aria-valuenow", Math.round(chosen));
  el("load-picture").setAttribute("aria-valuetext", `${m.time}: load ${load}, ${pods}${asked}`);
}
const svgs = () => ({load: el("load-chart"), replicas: el("replica-chart")});

function quoted(text) {
  return /^[\w.,:\/=%-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
function show_command() {
  const csv = is_csv(state.load), words = ["hpawalk simulate --hpa hpa.yaml --profile " + (csv ? "load.csv" : quoted(state.load.trim().replace(/\s+/g, " ")))];
  if (csv && state.linear) words.push("--linear");
  for (const [name, value] of Object.entries(state.options)) if (value) words.push("--" + name + (value === "true" ? "" : " " + quoted(value)));
  el("command").textContent = words.join(" ");
  el("save-load").hidden = !csv;
}

function choose(time) {
  chosen = time;
  show_moment();
}

// --- entering

function fill() {  // the fields, from the state
  el("hpa").value = state.hpa;
  el("load").value = state.load;
  el("linear").checked = state.linear;
  el("top").value = state.top;
  el("kube-version").value = versions.includes(state.options["kube-version"]) ? state.options["kube-version"] : usual_version;
  for (const field of document.querySelectorAll("[data-option]")) {
    const value = state.options[field.dataset.option] ?? "";
    if (field.type === "checkbox") field.checked = value === "true"; else field.value = value;
  }
}

function set_option(name, value) {
  if (value) state.options[name] = value; else delete state.options[name];
}

function take(next) {
  state = structuredClone(Object.fromEntries(Object.entries(defaults).map(([name, usual]) => [name, next[name] ?? usual])));
  chosen = null;
  all_changes = false;
  fill();
  changed();
}

function draw_to(time, load) {
  const from = pointer?.last ?? [time, load];
  const line = drawn = strokes.stroke(pointer?.points ?? drawn ?? answer.load, from, [time, load], answer.durationSeconds);
  if (pointer) [pointer.points, pointer.last] = [line, [time, load]];
  state.load = strokes.csv(line, view.top);
  state.linear = true;
  chosen = time;
  el("load").value = state.load;
  el("linear").checked = true;
  el("example").value = "";
  changed();
}

function place_in(svg, event) {
  const box = svg.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function listen() {
  el("hpa").addEventListener("input", () => { state.hpa = el("hpa").value; el("example").value = ""; changed(); });
  el("hpa").addEventListener("scroll", () => { el("numbers").scrollTop = el("hpa").scrollTop; });
  el("load").addEventListener("input", () => { state.load = el("load").value; el("example").value = ""; changed(); });
  el("linear").addEventListener("change", () => { state.linear = el("linear").checked; changed(); });
  el("top").addEventListener("input", () => { state.top = el("top").value.trim(); changed(); });
  el("kube-version").addEventListener("change", () => {
    set_option("kube-version", el("kube-version").value === usual_version ? "" : el("kube-version").value);
    changed();
  });
  for (const field of document.querySelectorAll("[data-option]"))
    field.addEventListener("input", () => { set_option(field.dataset.option, field.type === "checkbox" ? String(field.checked || "") : field.value.trim()); changed(); });
  el("example").addEventListener("change", () => { if (el("example").value) take(examples[el("example").value]); });
  el("all-changes").addEventListener("click", () => { all_changes = !all_changes; show_changes(); });

  const picture = el("load-picture"), svg = el("load-chart");
  picture.addEventListener("pointerdown", event => {
    if (event.button !== 0 || !answer) return;
    picture.setPointerCapture(event.pointerId);
    const [x, y] = place_in(svg, event);
    pointer = {top: view.top, points: answer.load, last: null};
    draw_to(chart.time_at(view, x), chart.load_at(view, y));
  });
  picture.addEventListener("pointermove", event => {
    if (!answer) return;
    for (const one of pointer && event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const [x, y] = place_in(svg, one);
      if (pointer) draw_to(chart.time_at(view, x), chart.load_at(view, y)); else hover(x);
    }
  });
  const end = () => { if (pointer) { pointer = null; changed(); } };
  picture.addEventListener("pointerup", end);
  picture.addEventListener("pointercancel", end);
  el("replica-picture").addEventListener("pointermove", event => { if (answer) hover(place_in(el("replica-chart"), event)[0]); });
  picture.addEventListener("keydown", on_key);
  new ResizeObserver(() => { if (answer && !pointer) show(); }).observe(picture);

  el("copy-link").addEventListener("click", async () => {
    if (await keep_in_address()) copy(location.href, "Link copied");
    else say("This is too much for a link: save the files instead");
  });
  el("copy-command").addEventListener("click", () => copy(el("command").textContent, "Command copied"));
  el("save-hpa").addEventListener("click", () => save("hpa.yaml", state.hpa));
  el("save-load").addEventListener("click", () => save("load.csv", state.load));
  addEventListener("hashchange", async () => { const read = await from_fragment(location.hash.slice(1)); if (read) take(read); });
  document.addEventListener("dragover", event => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
  document.addEventListener("drop", on_drop);
}

let hovers = 0;
function hover(place) {
  if (took > 150) return;  // a click on a change still shows it
  cancelAnimationFrame(hovers);
  hovers = requestAnimationFrame(() => choose(chart.time_at(view, place)));
}

function on_key(event) {
  if (!answer || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = answer.durationSeconds / (event.shiftKey ? 12 : 60), at = chosen ?? 0;
  const load = change => draw_to(at, Math.min(view.top, Math.max(0, strokes.value_at(drawn ?? answer.load, at) + change * view.top)));
  const keys = {
    ArrowLeft: () => choose(Math.max(0, at - step)), ArrowRight: () => choose(Math.min(answer.durationSeconds, at + step)),
    Home: () => choose(0), End: () => choose(answer.durationSeconds),
    ArrowUp: () => load(1 / 40), ArrowDown: () => load(-1 / 40), PageUp: () => load(1 / 8), PageDown: () => load(-1 / 8),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
}

async function on_drop(event) {
  const file = event.dataTransfer.files[0];
  if (!file) return;
  event.preventDefault();
  const field = event.target === el("hpa") ? "hpa" : "load";
  state[field] = el(field).value = await file.text();
  changed();
}

// --- giving away

let said_waits = 0;
function say(text) {
  el("said").textContent = text;
  clearTimeout(said_waits);
  said_waits = setTimeout(() => { el("said").textContent = ""; }, 4000);
}
async function copy(text, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(done);
  } catch { say("The browser does not let this page copy"); }
}
function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], {type: "text/plain"}));
  node("a", {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// --- the beginning

function build() {
  el("example").append(node("option", {value: "", textContent: "your own"}), ...examples.map((example, i) => node("option", {value: i, textContent: example.name})));
  el("kube-version").append(...versions.map(version => node("option", {value: version, textContent: version})));
  for (const [name, words, usual] of options) {
    const field = typeof usual === "object" ? node("select", {}, ...Object.entries(usual).map(([value, textContent]) => node("option", {value, textContent})))
      : usual === true ? node("input", {type: "checkbox"}) : node("input", {placeholder: usual, autocomplete: "off", spellcheck: false});
    field.id = "option-" + name;
    field.dataset.option = name;
    field.title = "--" + name;
    el("options").append(node("label", {htmlFor: field.id, textContent: words}), field);
  }
}

async function begin() {
  build();
  try {
    await engine.start();
  } catch (error) {
    return show_errors({where: "options", what: "The simulator does not start in this browser", because: String(error.message || error),
                        hint: "The page needs WebAssembly with exceptions, and DecompressionStream: a browser of 2023 or later", lines: []});
  }
  listen();
  const linked = await from_fragment(location.hash.slice(1));
  take(linked ?? examples[0]);
  el("example").value = linked ? "" : "0";
}
begin();

// For scripts and tests: what the page shows, as data.
globalThis.playground = {ask: engine.ask, get state() { return state; }, get answer() { return answer; }, get took() { return took; }, get busy() { return put_off !== null; }};
