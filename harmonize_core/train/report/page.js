// SPDX-License-Identifier: Apache-2.0
// Draws the curves of #data into #charts: shared range (drag), shared cursor, smoothing, logarithmic axes.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent), $ = id => document.getElementById(id);
  const NS = "http://www.w3.org/2000/svg", PAD = { l: 56, r: 10, t: 8, b: 24 }, H = 220;
  const view = { x: "step", log: false, smooth: 0.6, range: null }, drawn = [];
  const finite = v => v !== null && Number.isFinite(v);

  const el = (name, attributes, parent, text) => {
    const node = document.createElementNS(NS, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const say = v => !finite(v) ? "–" : v === 0 ? "0" : Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3 ? v.toExponential(2)
    : String(Number(v.toPrecision(4)));
  const clock = s => s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${(s / 60).toFixed(1)} min` : `${(s / 3600).toFixed(2)} h`;
  const sayX = v => view.x === "step" ? Math.round(v).toLocaleString("en") : clock(v);

  // Exponential mean without bias towards the first value.
  const smoothed = (values, share) => {
    let mean = 0, weight = 0;
    return values.map(v => {
      if (!finite(v)) return null;
      mean = share * mean + (1 - share) * v; weight = share * weight + (1 - share);
      return mean / weight;
    });
  };
  const ticks = (low, high, wanted) => {
    const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find(k => k * power >= raw) * power, found = [];
    for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) found.push(Math.abs(v) < step * 1e-9 ? 0 : v);
    return found;
  };
  const logTicks = (low, high) => {
    const found = [];
    for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++)
      for (const k of high / low > 200 ? [1] : [1, 2, 5]) { const v = k * 10 ** p; if (v >= low && v <= high) found.push(v); }
    return found;
  };
  const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

  function scales(chart, width) {
    const xs = drawn.flatMap(c => c.data.series.flatMap(s => [s[view.x][0], s[view.x].at(-1)]));
    let [x0, x1] = view.range || [Math.min(...xs), Math.max(...xs)];
    if (!(x1 > x0)) x1 = x0 + 1;
    const all = [], firm = [];
    for (const s of chart.data.series) s[view.x].forEach((x, i) => {
      if (x < x0 || x > x1) return;
      if (finite(s.value[i])) all.push(s.value[i]);
      if (finite(s.line[i]) && (!chart.data.smooth || i > 8 || s.value.length < 20)) firm.push(s.line[i]);
    });
    all.sort((a, b) => a - b);
    const spread = chart.data.smooth && all.length > 40 ? [quantile(all, 0.01), quantile(all, 0.99)] : [all[0], all.at(-1)];
    let low = Math.min(spread[0] ?? 0, ...firm), high = Math.max(spread[1] ?? 1, ...firm);
    const log = view.log && low > 0;
    if (!log && chart.data.zero && low > 0) low = 0;
    if (!(high > low)) { high = low + (Math.abs(low) * 0.1 || 1); low -= Math.abs(low) * 0.1; }
    if (!log) { const more = (high - low) * 0.05; high += more; if (low !== 0) low -= more; }
    const f = log ? Math.log : v => v, w = width - PAD.l - PAD.r, h = H - PAD.t - PAD.b;
    return { x0, x1, low, high, log, px: x => PAD.l + (x - x0) / (x1 - x0) * w, of: p => x0 + (p - PAD.l) / w * (x1 - x0),
      py: v => PAD.t + h - (f(v) - f(low)) / (f(high) - f(low)) * h };
  }

  const path = (xs, values, at) => {
    let text = "", open = false;
    xs.forEach((x, i) => {
      const v = values[i];
      if (!finite(v) || (at.log && v <= 0)) { open = false; return; }
      text += `${open ? "L" : "M"}${at.px(x).toFixed(1)} ${at.py(v).toFixed(1)}`; open = true;
    });
    return text;
  };

  function draw(chart) {
    const width = chart.svg.clientWidth || 440, at = chart.at = scales(chart, width);
    chart.svg.setAttribute("viewBox", `0 0 ${width} ${H}`); chart.svg.replaceChildren();
    const defs = el("clipPath", { id: chart.id }, chart.svg);
    el("rect", { x: PAD.l, y: 0, width: width - PAD.l - PAD.r, height: H - PAD.b }, defs);
    for (const v of at.log ? logTicks(at.low, at.high) : ticks(at.low, at.high, 4)) {
      el("line", { class: "rule", x1: PAD.l, x2: width - PAD.r, y1: at.py(v), y2: at.py(v) }, chart.svg);
      el("text", { class: "tick", x: PAD.l - 8, y: at.py(v) + 4, "text-anchor": "end" }, chart.svg, say(v));
    }
    for (const v of ticks(at.x0, at.x1, Math.max(2, Math.floor(width / 110))))
      el("text", { class: "tick", x: at.px(v), y: H - 6, "text-anchor": at.px(v) > width - 30 ? "end" : "middle" }, chart.svg, sayX(v));
    const inside = el("g", { "clip-path": `url(#${chart.id})` }, chart.svg);
    for (const s of chart.data.series) {
      const xs = s[view.x], color = `var(--c${s.color % 8})`, soft = s.line !== s.value;
      if (soft) el("path", { class: "curve raw", d: path(xs, s.value, at), stroke: color }, inside);
      el("path", { class: "curve", d: path(xs, s.line, at), stroke: color, ...(s.dash ? { "stroke-dasharray": "6 5" } : {}) }, inside);
      if ((s.dots && xs.length <= 60) || xs.length === 1) xs.forEach((x, i) => {
        if (finite(s.value[i])) el("circle", { cx: at.px(x), cy: at.py(s.value[i]), r: 3, fill: color }, inside);
      });
    }
    chart.cursor = el("line", { class: "at", y1: PAD.t, y2: H - PAD.b, visibility: "hidden" }, chart.svg);
    chart.span = el("rect", { class: "span", y: PAD.t, height: H - PAD.t - PAD.b, visibility: "hidden" }, chart.svg);
    point(chart, null);
  }

  // The legend tells the values under the cursor, else the last ones.
  function point(chart, x) {
    const parts = chart.data.series.map(s => {
      const xs = s[view.x];
      let i = xs.length - 1;
      if (x !== null) { let best = Infinity; xs.forEach((v, k) => { const d = Math.abs(v - x); if (d < best) { best = d; i = k; } }); }
      const span = document.createElement("span"), mark = document.createElement("i"), value = document.createElement("b");
      if (s.dash) span.className = "dash";
      mark.style.setProperty("--of", `var(--c${s.color % 8})`);
      value.textContent = say(s.value[i]) + (s.line !== s.value ? ` (${say(s.line[i])})` : "");
      span.append(mark, `${s.label} `, value); span.title = `at ${sayX(xs[i])}`;
      return { span, x: xs[i] };
    });
    chart.legend.replaceChildren(...parts.map(p => p.span));
    chart.where.textContent = x === null ? chart.data.unit || "" : `${view.x === "step" ? "step " : ""}${sayX(parts[0].x)}`;
    if (!chart.cursor) return;
    const p = x === null ? 0 : chart.at.px(x);
    chart.cursor.setAttribute("visibility", x === null || p < PAD.l ? "hidden" : "visible");
    chart.cursor.setAttribute("x1", p); chart.cursor.setAttribute("x2", p);
  }

  function redraw() {
    for (const chart of drawn) for (const s of chart.data.series)
      s.line = chart.data.smooth && view.smooth > 0 && s.value.length > 4 ? smoothed(s.value, view.smooth) : s.value;
    drawn.forEach(draw);
    const whole = $("whole"); if (whole) whole.disabled = !view.range;
  }

  function listen(chart) {
    let from = null;
    const at = e => { const box = chart.svg.getBoundingClientRect(); return e.clientX - box.left; };
    chart.svg.onpointerdown = e => { if (e.button === 0) { from = at(e); chart.svg.setPointerCapture(e.pointerId); } };
    chart.svg.onpointermove = e => {
      const p = at(e), x = chart.at.of(p);
      drawn.forEach(c => point(c, Math.min(Math.max(x, chart.at.x0), chart.at.x1)));
      if (from === null) return;
      chart.span.setAttribute("visibility", "visible");
      chart.span.setAttribute("x", Math.min(from, p)); chart.span.setAttribute("width", Math.abs(p - from));
    };
    chart.svg.onpointerup = e => {
      const p = at(e), start = from; from = null;
      if (start !== null && Math.abs(p - start) > 6) { view.range = [chart.at.of(Math.min(start, p)), chart.at.of(Math.max(start, p))]; redraw(); }
    };
    chart.svg.onpointerleave = () => { if (from === null) drawn.forEach(c => point(c, null)); };
    chart.svg.ondblclick = () => { view.range = null; redraw(); };
  }

  data.charts.forEach((one, number) => {
    const box = document.createElement("div"), head = document.createElement("header"), title = document.createElement("h3");
    const chart = { data: one, id: `clip${number}`, legend: document.createElement("div"), where: document.createElement("span"), svg: el("svg", { role: "img", "aria-label": one.title }) };
    box.className = "chart"; chart.legend.className = "legend"; title.textContent = one.title;
    head.append(title, chart.where); box.append(head, chart.legend, chart.svg); $("charts").append(box);
    drawn.push(chart); listen(chart);
  });

  // Each held-out triplet: right of the diagonal line the network did good, left of it harm.
  function scatter(box) {
    const one = data.dots[Number(box.dataset.dots)], svg = box.querySelector("svg"), said = box.querySelector(".said");
    const width = svg.clientWidth || 440, values = one.points.flatMap(p => [p[0], p[1]]).filter(v => v > 0);
    const low = Math.log(Math.min(...values) / 1.3), high = Math.log(Math.max(...values) * 1.3), tall = H + 40;
    const px = v => PAD.l + (Math.log(Math.max(v, Math.exp(low))) - low) / (high - low) * (width - PAD.l - PAD.r);
    const py = v => tall - PAD.b - (Math.log(Math.max(v, Math.exp(low))) - low) / (high - low) * (tall - PAD.b - PAD.t);
    svg.style.height = `${tall}px`; svg.setAttribute("viewBox", `0 0 ${width} ${tall}`); svg.replaceChildren();
    for (const v of logTicks(Math.exp(low), Math.exp(high))) {
      el("line", { class: "rule", x1: PAD.l, x2: width - PAD.r, y1: py(v), y2: py(v) }, svg);
      el("text", { class: "tick", x: PAD.l - 8, y: py(v) + 4, "text-anchor": "end" }, svg, say(v));
      el("text", { class: "tick", x: px(v), y: tall - 6, "text-anchor": "middle" }, svg, say(v));
    }
    el("line", { class: "even", x1: px(Math.exp(low)), y1: py(Math.exp(low)), x2: px(Math.exp(high)), y2: py(Math.exp(high)) }, svg);
    const places = one.points.map(p => {
      el("circle", { cx: px(p[0]), cy: py(p[1]), r: one.points.length > 200 ? 2.5 : 4, fill: p[1] > p[0] ? "var(--bad)" : "var(--c0)", "fill-opacity": .65 }, svg);
      return [px(p[0]), py(p[1]), p];
    });
    const ring = el("circle", { r: 7, fill: "none", stroke: "var(--ink)", visibility: "hidden" }, svg), quiet = said.textContent;
    svg.onpointermove = e => {
      const frame = svg.getBoundingClientRect(), x = e.clientX - frame.left, y = e.clientY - frame.top;
      const near = places.reduce((a, b) => (a[0] - x) ** 2 + (a[1] - y) ** 2 < (b[0] - x) ** 2 + (b[1] - y) ** 2 ? a : b);
      ring.setAttribute("cx", near[0]); ring.setAttribute("cy", near[1]); ring.setAttribute("visibility", "visible");
      said.textContent = `${near[2][2]}: composite ${say(near[2][0])}, network ${say(near[2][1])}`;
    };
    svg.onpointerleave = () => { ring.setAttribute("visibility", "hidden"); said.textContent = quiet; };
  }

  // A strip large: composite, what the network made at a step, real.
  function enlarge() {
    const dialog = $("large"); if (!dialog) return;
    const slider = $("when"), pictures = dialog.querySelectorAll("img"), captions = dialog.querySelectorAll("figcaption");
    let row = [];
    const show = i => {
      const one = row[i]; pictures[1].src = one.src; captions[1].textContent = one.words; slider.value = i;
    };
    slider.oninput = () => show(Number(slider.value)); $("close").onclick = () => dialog.close();
    document.addEventListener("click", e => {
      const button = e.target.closest(".look"); if (!button) return;
      const all = [...document.querySelectorAll(`.look[data-row="${button.dataset.row}"]`)];
      const src = b => b.querySelector("img").src, of = kind => all.find(b => b.dataset.kind === kind);
      row = all.filter(b => b.dataset.kind === "harmonized").map(b => ({ src: src(b), words: b.dataset.words }));
      if (!row.length || !of("composite") || !of("real")) return;
      pictures[0].src = src(of("composite")); pictures[2].src = src(of("real")); $("whose").textContent = button.dataset.name;
      slider.max = row.length - 1; slider.hidden = row.length < 2; dialog.showModal();
      show(button.dataset.kind === "harmonized" ? row.findIndex(r => r.src === src(button)) : row.length - 1);
    });
  }

  if (drawn.length) {
    $("smooth").oninput = e => { view.smooth = Number(e.target.value); redraw(); };
    $("whole").onclick = () => { view.range = null; redraw(); };
    const press = (id, change) => { $(id).onclick = e => { const on = e.target.getAttribute("aria-pressed") !== "true"; e.target.setAttribute("aria-pressed", on); change(on); redraw(); }; };
    press("log", on => { view.log = on; }); press("time", on => { view.x = on ? "seconds" : "step"; view.range = null; });
  }
  const boxes = [...document.querySelectorAll("[data-dots]")], all = () => { redraw(); boxes.forEach(scatter); };
  let waiting; addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(all, 120); });
  enlarge(); all();
})();
