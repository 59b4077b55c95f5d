// The load as a line of [seconds, value] points, and strokes drawn into it.
const strokes = (() => {
  function value_at(points, t) {
    let i = points.findIndex(p => p[0] > t);
    if (i < 0) return points[points.length - 1][1];
    if (i === 0) return points[0][1];
    const [a, b] = [points[i - 1], points[i]];
    return a[1] + (b[1] - a[1]) * (t - a[0]) / (b[0] - a[0]);
  }

  // From one place to another: what was between them goes; beside them the line soon is what it was.
  function stroke(points, from, to, end) {
    const [first, last] = from[0] <= to[0] ? [from, to] : [to, from], near = end / 120;
    const fine = end / 2000;
    const before = first[0] - near, after = last[0] + near;
    const kept = points.filter(([t]) => t < first[0] - fine || t > last[0] + fine);
    if (before > 0) kept.push([before, value_at(points, before)]);
    if (after < end) kept.push([after, value_at(points, after)]);
    const drawn = last[0] - first[0] > fine ? [first, last] : [to];
    const line = kept.concat(drawn).sort((a, b) => a[0] - b[0]);
    if (line[0][0] > 0) line.unshift([0, line[0][1]]);
    if (line[line.length - 1][0] < end) line.push([end, line[line.length - 1][1]]);
    return line;
  }

  // Without the points that a straight line passes within `near` (Ramer, Douglas, Peucker).
  function straightened(points, near) {
    const keep = new Set([0, points.length - 1]), open = [[0, points.length - 1]];
    while (open.length) {
      const [first, last] = open.pop(), [a, b] = [points[first], points[last]];
      let far = near, at = -1;
      for (let i = first + 1; i < last; i++) {
        const [t, v] = points[i], on = b[0] > a[0] ? a[1] + (b[1] - a[1]) * (t - a[0]) / (b[0] - a[0]) : a[1];
        if (Math.abs(v - on) > far) [far, at] = [Math.abs(v - on), i];
      }
      if (at >= 0) { keep.add(at); open.push([first, at], [at, last]); }
    }
    return points.filter((_, i) => keep.has(i));
  }

  function csv(points, top) {
    const digits = Math.max(0, 3 - Math.ceil(Math.log10(top)));
    return straightened(points, top / 500).map(([t, v]) => `${+t.toFixed(2)},${+v.toFixed(digits)}\n`).join("");
  }
  return {value_at, stroke, csv};
})();
