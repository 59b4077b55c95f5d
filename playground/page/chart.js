// Draws an answer as two pictures above one another, with one time axis: the load, and the replicas.
const chart = (() => {
  const left = 44, right = 10, load_box = {top: 10, bottom: 172, height: 180};
  const replica_top = 10, replica_bottom = 230, strip = 8;
  const escape = text => String(text).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
  const px = value => value.toFixed(1);

  const clock = seconds => {
    const s = Math.round(seconds), two = n => String(n).padStart(2, "0");
    return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
  };
  const duration = seconds => seconds % 60 ? `${seconds}s` : `${seconds / 60}m`;
  const short = value => value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3) ? value.toExponential(1) : String(+value.toPrecision(4));

  function nice(value) {  // the next number from here on that reads well
    const magnitude = 10 ** Math.floor(Math.log10(value));
    for (const m of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) if (value <= m * magnitude * (1 + 1e-9)) return +(m * magnitude).toPrecision(3);
    return value;
  }
  function marks(top, parts, whole) {
    const raw = top / parts, magnitude = 10 ** Math.floor(Math.log10(raw));
    let step = [1, 2, 5, 10].map(m => m * magnitude).find(s => raw <= s * (1 + 1e-9));
    if (whole) step = Math.max(1, Math.round(step));
    const all = [];
    for (let i = 0; i * step <= top * (1 + 1e-9) && i < 40; i++) all.push(i * step);
    return all;
  }
  function times(duration, width) {
    const most = Math.max(2, width / 85);
    const step = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400, 172800, 604800, 2592000]
      .find(s => duration / s <= most) ?? duration / most;
    const all = [];
    for (let t = 0; t <= duration * (1 + 1e-9); t += step) all.push(t);
    return all;
  }

  // What the load's scale ends at, if nothing is asked for: there is room above to draw.
  function automatic_top(answer) {
    return nice(Math.max(1e-9, ...answer.load.map(p => p[1])) * 1.15);
  }

  const line = (points, x, y) => points.map(([t, v], i) => (i ? "L" : "M") + px(x(t)) + " " + px(y(v))).join("");
  function steps(points, x, y, end) {
    if (!points.length) return "";
    return `M${px(x(points[0][0]))} ${px(y(points[0][1]))}` +
      points.slice(1).map(([t, v]) => `H${px(x(t))}V${px(y(v))}`).join("") + `H${px(x(end))}`;
  }
  const path = (name, d) => `<path class="${name}" d="${d}"/>`;
  const area = (d, x, y, from, end) => `${d}V${px(y)}H${px(x(from))}Z`;
  const rule = (name, x1, x2, y1, y2) => `<line class="${name}" x1="${px(x1)}" x2="${px(x2)}" y1="${px(y1)}" y2="${px(y2)}"/>`;
  const text = (x, y, anchor, words) => `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escape(words)}</text>`;
  const clip = (id, width, top, bottom) =>
    `<clipPath id="${id}"><rect x="${left}" y="${top - 3}" width="${Math.max(0, width - left - right)}" height="${bottom - top + 4}"/></clipPath>`;

  const scale_of = (width, duration) => t => left + t / duration * (width - left - right);

  function paint_load(svg, view) {
    const {answer, width, top} = view, {top: high, bottom, height} = load_box;
    const x = scale_of(width, answer.durationSeconds), y = v => bottom - v / top * (bottom - high);
    const carried = answer.ready.map(([t, n]) => [t, n * answer.carried]);
    const load = line(answer.load, x, y);
    const parts = [clip("load-clip", width, high, bottom)];
    for (const v of marks(top, 4)) parts.push(rule("grid", left, width - right, y(v), y(v)), text(left - 7, y(v) + 4, "end", short(v)));
    for (const t of times(answer.durationSeconds, width)) parts.push(rule("grid", x(t), x(t), high, bottom));
    parts.push(`<g clip-path="url(#load-clip)">`);
    for (const [from, to] of answer.short) parts.push(`<rect class="short" x="${px(x(from))}" y="${high}" width="${px(Math.max(1, x(to) - x(from)))}" height="${bottom - high}"/>`);
    parts.push(path("load-area", area(load, x, bottom, answer.load[0][0])), path("carried", steps(carried, x, y, answer.durationSeconds)), path("load", load));
    parts.push(`</g>`, text(left + 6, high + 12, "start", "load"), `<g class="over"></g>`);
    show(svg, width, height, parts);
  }

  function replica_scale(answer) {
    const most = Math.max(1, ...answer.replicas.map(p => p[1]), ...answer.proposed.map(p => Math.min(p[1], answer.maxReplicas)));
    return Math.max(most + 1, Math.ceil(most * 1.12));
  }
  const held_in = answer => answer.held.map((held, i) => ({...held, i})).filter(held => held.spans.length);

  function paint_replicas(svg, view) {
    const {answer, width} = view, high = replica_top, bottom = replica_bottom, end = answer.durationSeconds;
    const top = replica_scale(answer), x = scale_of(width, end), y = n => bottom - n / top * (bottom - high);
    const held = held_in(answer), axis = bottom + 6 + held.length * (strip + 3);
    const replicas = steps(answer.replicas, x, y, end);
    const asked = answer.proposed.map(([t, n]) => [t, Math.min(n, top * 1.02)]);
    const parts = [clip("replica-clip", width, high, bottom)];
    for (const n of marks(top, 5, true)) parts.push(rule("grid", left, width - right, y(n), y(n)), text(left - 7, y(n) + 4, "end", n));
    for (const t of times(end, width)) parts.push(rule("grid", x(t), x(t), high, bottom), text(Math.min(x(t), width - right), axis + 14, t > end * .97 ? "end" : t ? "middle" : "start", clock(t)));
    parts.push(`<g clip-path="url(#replica-clip)">`);
    for (const [from, to] of answer.short) parts.push(`<rect class="short" x="${px(x(from))}" y="${high}" width="${px(Math.max(1, x(to) - x(from)))}" height="${bottom - high}"/>`);
    parts.push(path("replicas-area", area(replicas, x, bottom, 0)), path("asked", steps(asked, x, y, end)),
               path("ready", steps(answer.ready, x, y, end)), path("replicas", replicas), `</g>`);
    for (const [name, n, below] of [["maxReplicas", answer.maxReplicas, answer.maxReplicas > top * .92], ["minReplicas", answer.minReplicas, answer.minReplicas > top * .09]])
      if (n <= top) parts.push(rule("limit", left, width - right, y(n), y(n)), text(width - right - 4, y(n) + (below ? 13 : -4), "end", `${name} ${n}`));
    if (answer.result.changes.length <= 120)
      for (const sync of answer.result.changes) parts.push(`<circle class="change" cx="${px(x(sync.at))}" cy="${px(y(sync.to))}" r="3"/>`);
    held.forEach(({spans, i}, row) => {
      for (const [from, to] of spans) parts.push(`<rect class="held${i}" x="${px(x(from))}" y="${bottom + 5 + row * (strip + 3)}" width="${px(Math.max(1.5, x(to) - x(from)))}" height="${strip}" rx="2"/>`);
    });
    parts.push(text(left + 6, high + 12, "start", "replicas"), `<g class="over"></g>`);
    show(svg, width, axis + 22, parts);
  }

  function show(svg, width, height, parts) {
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    svg.innerHTML = parts.join("");
  }

  function paint(svgs, view) {
    paint_load(svgs.load, view);
    paint_replicas(svgs.replicas, view);
  }

  // The chosen time in both pictures, and the stabilization window that a sync at this time looks back on.
  function paint_cursor(svgs, view, at, load, window_seconds) {
    const x = scale_of(view.width, view.answer.durationSeconds), {top, bottom} = load_box;
    const over = svg => svg.querySelector(".over");
    if (at === null) return void [svgs.load, svgs.replicas].forEach(svg => over(svg).replaceChildren());
    const y = Math.max(top, bottom - load / view.top * (bottom - top));
    over(svgs.load).innerHTML = rule("cursor", x(at), x(at), top, bottom) + `<circle class="cursor-dot" cx="${px(x(at))}" cy="${px(y)}" r="4.5"/>`;
    const from = x(Math.max(0, at - window_seconds));
    const window_box = window_seconds > 0 && at > 0 ? `<rect class="window" x="${px(from)}" y="${replica_top}" width="${px(x(at) - from)}" height="${replica_bottom - replica_top}"/>` +
      rule("window-edge", from, from, replica_top, replica_bottom) +
      (x(at) - from > 110 ? text(x(at) - 5, replica_bottom - 8, "end", "window of " + duration(window_seconds)) : "") : "";
    over(svgs.replicas).innerHTML = window_box + rule("cursor", x(at), x(at), replica_top, replica_bottom);
  }

  // A place in a picture as time and load.
  const time_at = (view, place) => Math.min(Math.max((place - left) / (view.width - left - right), 0), 1) * view.answer.durationSeconds;
  const load_at = (view, place) => Math.min(Math.max((load_box.bottom - place) / (load_box.bottom - load_box.top), 0), 1) * view.top;

  function legend(answer) {
    const sample = inside => `<svg width="26" height="10" viewBox="0 0 26 10">${inside}</svg>`;
    const stroke = (name, words) => `<li>${sample(`<path class="${name}" d="M1 5H25"/>`)}${words}</li>`;
    const block = (name, words) => `<li>${sample(`<rect class="${name}" width="26" height="10" rx="2"/>`)}${words}</li>`;
    return stroke("load", "load") + stroke("carried", "load that the ready pods carry") + stroke("replicas", "replicas") +
      stroke("ready", "ready pods") + stroke("asked", "replicas that the metrics recommend") +
      (answer.short.length ? block("short", "fewer ready pods than the load needs") : "") +
      held_in(answer).map(held => block("held" + held.i, escape(held.name))).join("");
  }

  return {paint, paint_cursor, automatic_top, time_at, load_at, legend, clock, short};
})();
