// SPDX-License-Identifier: GPL-3.0-or-later
// The report's script: everything it shows comes from data.js beside the page; rows and pictures are made when needed.
"use strict";
(() => {
  const set = window.rdharmony;
  if (!set) { document.getElementById("unread").hidden = false; return; }
  const PAGE = 20;
  const $ = id => document.getElementById(id);
  const words = style => (set.styles[style] || { words: "style " + style }).words;
  const spaced = name => name.replaceAll("_", " ");
  document.body.style.setProperty("--ratio", set.size.join("/"));

  function make(tag, props, ...children) {
    const element = Object.assign(document.createElement(tag), props);
    element.append(...children);
    return element;
  }

  // A square of a picture that holds many: column x of nx, row y of ny.
  function tile(picture, x, nx, y, ny, label) {
    const button = make("button", { className: "tile", title: label, type: "button" });
    button.setAttribute("aria-label", label);
    button.style.backgroundImage = `url("${picture}")`;
    button.style.backgroundSize = `${nx * 100}% ${ny * 100}%`;
    button.style.backgroundPosition = `${nx > 1 ? x / (nx - 1) * 100 : 0}% ${ny > 1 ? y / (ny - 1) * 100 : 0}%`;
    return button;
  }
  const pressed = (element, on) => element.setAttribute("aria-pressed", on);

  // Two pictures over each other and a line between them that is dragged, tapped or moved with the arrow keys.
  function wipe(box) {
    const under = make("img", { alt: "composite" }), over = make("img", { alt: "real", className: "top" });
    const range = make("input", { type: "range", min: 0, max: 1000, value: 620 });
    range.setAttribute("aria-label", "How much of the composite is shown");
    range.oninput = () => box.style.setProperty("--cut", range.value / 10 + "%");
    box.append(under, over, range, make("span", { className: "bar" }),
      make("span", { className: "tag l", textContent: "composite" }), make("span", { className: "tag r", textContent: "real" }));
    return { under, over, show(composite, real) { under.src = composite; over.src = real; } };
  }

  function said(bg, fg) {
    return bg === fg ? `The real image: ${words(bg)}.` : `The background is ${words(bg)}, the foreground comes from ${words(fg)}.`;
  }

  // ---- a few views whose every composite is in the report
  function playground() {
    const byId = new Map(set.views.map(v => [v.folder + "/" + v.id, v]));
    const cut = wipe($("wipe")), matrix = $("matrix");
    let kept, buttons;
    function show(own, bg, fg) {
      for (const b of buttons) pressed(b, b.pair[0] === bg && b.pair[1] === fg);
      cut.show(bg === fg ? own.reals[bg] : own.composites[bg + "_" + fg], own.reals[bg]);
      $("said").textContent = said(bg, fg);
    }
    function pick(own) {
      const view = byId.get(own.folder + "/" + own.id), styles = view.styles, n = styles.length;
      buttons = [];
      matrix.style.setProperty("--n", n);
      matrix.replaceChildren(make("span", {}), ...styles.map(s => make("span", { textContent: s, title: "foreground: " + words(s) })));
      styles.forEach((bg, y) => {
        matrix.append(make("span", { textContent: bg, title: "background: " + words(bg) }));
        styles.forEach((fg, x) => {
          const b = tile(own.matrix, x, n, y, n, `background ${words(bg)}, foreground ${words(fg)}`);
          b.pair = [bg, fg];
          b.classList.toggle("same", bg === fg);
          b.onmouseenter = () => show(own, bg, fg);
          b.onclick = b.onfocus = () => { kept = [bg, fg]; show(own, bg, fg); };
          buttons.push(b); matrix.append(b);
        });
      });
      matrix.onmouseleave = () => show(own, ...kept);
      for (const t of $("tabs").children) pressed(t, t.own === own);
      kept = view.start || [styles[0], styles[0]];
      show(own, ...kept);
    }
    for (const own of set.showcase) {
      const words = `${spaced(own.place)}, ${own.category}`;
      $("tabs").append(make("button", { type: "button", textContent: words, onclick: () => pick(own), own }));
    }
    pick(set.showcase[0]);
  }

  // ---- all views: filtered, sorted, a page of rows at a time
  let shown = set.views, page = 0;
  const SORTS = {
    "": null,
    "largest foreground": (a, b) => b.fg - a.fg,
    "smallest foreground": (a, b) => a.fg - b.fg,
    "brightest": (a, b) => mean(b.luma) - mean(a.luma),
    "darkest": (a, b) => mean(a.luma) - mean(b.luma),
    "most often drawn again": (a, b) => b.again - a.again,
  };
  const mean = values => values.reduce((a, b) => a + b, 0) / Math.max(values.length, 1);

  function gallery() {
    for (const [id, key] of [["by-category", "category"], ["by-place", "place"], ["by-split", "split"]]) {
      const counts = new Map();
      for (const v of set.views) counts.set(v[key], (counts.get(v[key]) || 0) + 1);
      for (const name of [...counts.keys()].sort()) $(id).append(make("option", { value: name, textContent: `${spaced(name)} (${counts.get(name)})` }));
      $(id).onchange = filter;
    }
    for (const name of Object.keys(SORTS)) if (name) $("by-order").append(make("option", { value: name, textContent: name }));
    $("by-order").onchange = filter;
    $("by-name").oninput = filter;
    for (const end of document.querySelectorAll(".pager")) {
      const [before, after] = end.querySelectorAll("button");
      before.onclick = () => turn(page - 1);
      after.onclick = () => turn(page + 1);
    }
    const numbers = Object.keys(set.styles), heads = make("div", { className: "tiles" });
    heads.style.setProperty("--n", numbers.length);
    let previous;
    for (const s of numbers) {
      const { head, label } = set.styles[s];
      heads.append(make("div", { title: words(s) }, make("b", { textContent: head === previous ? "\u00a0" : head }), `${s} ${label}`));
      previous = head;
    }
    $("heads").append(make("div", {}), heads);
    filter();
  }

  function filter() {
    const wanted = { category: $("by-category").value, place: $("by-place").value, split: $("by-split").value };
    const part = $("by-name").value.trim().toLowerCase();
    shown = set.views.filter(v => Object.entries(wanted).every(([k, w]) => !w || v[k] === w) && (!part || (v.folder + "/" + v.id).toLowerCase().includes(part)));
    const order = SORTS[$("by-order").value];
    if (order) shown = [...shown].sort(order);
    turn(0);
  }

  function turn(to) {
    const pages = Math.max(1, Math.ceil(shown.length / PAGE));
    const before = page;
    page = Math.min(Math.max(to, 0), pages - 1);
    $("rows").replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map(row));
    $("empty").hidden = shown.length > 0;
    $("count").textContent = shown.length === set.views.length ? `${shown.length} views` : `${shown.length} of ${set.views.length} views`;
    for (const end of document.querySelectorAll(".pager")) {
      end.hidden = pages === 1;
      const [back, on] = end.querySelectorAll("button");
      back.disabled = page === 0; on.disabled = page === pages - 1;
      end.querySelector("span").textContent = `${page + 1} / ${pages}`;
    }
    if (before !== page && $("rows").getBoundingClientRect().top < 0) $("views").scrollIntoView();
  }

  function row(view) {
    const numbers = Object.keys(set.styles), tiles = make("div", { className: "tiles" });
    tiles.style.setProperty("--n", numbers.length);
    for (const s of numbers) {
      const at = view.styles.indexOf(Number(s));
      if (at < 0) { tiles.append(make("span", {})); continue; }
      const b = tile(view.strip, at, view.styles.length, 0, 1, `${view.id}: ${words(s)}`);
      b.onclick = () => open(view, Number(s));
      tiles.append(b);
    }
    const label = make("div", { className: "label", title: view.folder + "/" + view.id }, make("b", { textContent: spaced(view.place) }),
      make("span", { textContent: view.category }), make("br", {}), make("span", { textContent: `${Math.round(view.fg * 100)} %, ${view.split}` }));
    return make("div", { className: "row" }, label, tiles);
  }

  // ---- one view, large
  const dialog = $("view");
  let current, light, viewer;
  const file = (kind, view, a, b) => set.names[kind].replace("{folder}", view.folder).replace("{view}", view.name).replace("{a}", a).replace("{b}", b);

  function open(view, bg) {
    current = view;
    const other = view.start && view.start[0] === bg ? view.start[1] : view.styles.find(s => s !== bg);
    light = [bg, other === undefined ? bg : other];
    viewer ||= wipe($("large"));
    for (const image of [viewer.under, viewer.over]) image.onerror = () => { $("away").hidden = false; };
    $("name").textContent = `${view.folder}/${view.id}`;
    for (const [id, part] of [["backgrounds", 0], ["foregrounds", 1]]) {
      $(id).replaceChildren(...view.styles.map((s, at) => {
        const b = tile(view.strip, at, view.styles.length, 0, 1, words(s));
        b.onclick = () => { light[part] = s; paint(); };
        return b;
      }));
    }
    paint();
    if (!dialog.open) dialog.showModal();
    history.replaceState(null, "", "#" + view.folder + "/" + view.id);
  }

  function paint() {
    const [bg, fg] = light, view = current, at = view.styles.indexOf(bg);
    const real = file("real", view, bg), composite = bg === fg ? real : file("composite", view, bg, fg);
    $("away").hidden = true;
    viewer.show(composite, real);
    $("reading").textContent = said(bg, fg);
    for (const [id, part] of [["backgrounds", 0], ["foregrounds", 1]]) view.styles.forEach((s, i) => pressed($(id).children[i], s === light[part]));
    const parts = [["composite", composite], ["mask", file("mask", view, bg)], ["real", real]];
    $("parts").replaceChildren(...parts.map(([name, path]) => make("a", { href: path, target: "_blank" }, make("img", { src: path, alt: name, onerror() { this.style.visibility = "hidden"; } }), name)));
    const facts = [
      ["place", spaced(view.place)], ["category", view.category], ["split", view.split],
      ["foreground", (view.fg * 100).toFixed(1) + " % of the picture"],
      view.lens && ["lens", view.lens + " mm"],
      ["exposure", (view.ev[at] > 0 ? "+" : "") + view.ev[at] + " stops"],
      view.kelvin[at] && ["light", view.kelvin[at] + " K"],
      view.again > 0 && ["drawn again", view.why],
    ].filter(Boolean);
    $("facts").replaceChildren(...facts.flatMap(([k, v]) => [make("dt", { textContent: k }), make("dd", { textContent: v })]));
    const place = shown.indexOf(view);
    $("place").textContent = place < 0 ? "" : `${place + 1} of ${shown.length}`;
    $("earlier").disabled = place <= 0; $("later").disabled = place < 0 || place >= shown.length - 1;
  }

  function step(by) {
    const next = shown[shown.indexOf(current) + by];
    if (next) open(next, next.styles.includes(light[0]) ? light[0] : next.styles[0]);
  }

  function viewing() {
    $("earlier").onclick = () => step(-1);
    $("later").onclick = () => step(1);
    $("close").onclick = () => dialog.close();
    dialog.onclick = e => { if (e.target === dialog) dialog.close(); };
    dialog.onclose = () => history.replaceState(null, "", location.pathname + location.search);
    dialog.onkeydown = e => {
      if (e.target.type === "range") return;
      if (e.key === "ArrowLeft") step(-1);
      if (e.key === "ArrowRight") step(1);
    };
    const linked = set.views.find(v => "#" + v.folder + "/" + v.id === decodeURIComponent(location.hash));
    if (linked) open(linked, (linked.start || linked.styles)[0]);
  }

  // ---- what it cost: not part of the set, so it may be missing
  function costs() {
    const known = window.rdharmonyCosts, images = set.views.reduce((n, v) => n + v.styles.length, 0);
    if (!known) return;
    const spent = known.stages.find(s => s.name === "rendered");
    const facts = [];
    if (spent && spent.cpu_s !== null) {
      const each = spent.cpu_s / spent.views / Math.max(1, images / set.views.length);
      facts.push([each.toFixed(each < 10 ? 2 : 1) + " s", "CPU time of a rendered image"]);
    }
    if (spent) facts.push([spent.median_s.toFixed(1) + " s", "median time to render a view"]);
    if (known.peak_mb) facts.push([Math.round(known.peak_mb) + " MB", "peak memory of a worker"]);
    $("cost-facts").replaceChildren(...facts.map(([b, s]) => make("li", {}, make("b", { textContent: b }), make("span", { textContent: s }))));
    const top = Math.max(...known.stages.map(s => s.wall_s), 1e-9);
    $("cost-bars").replaceChildren(...known.stages.flatMap(s => {
      const bar = make("i", {});
      bar.style.width = 100 * s.wall_s / top + "%";
      const each = `${s.wall_s.toFixed(1)} s, ${s.views} views` + (s.cpu_s === null ? "" : `, ${s.cpu_s.toFixed(1)} s of CPU`);
      return [make("span", { textContent: s.name }), bar, make("b", { textContent: each })];
    }));
    $("cost").hidden = false;
    $("no-cost").hidden = true;
  }

  if (set.showcase.length) playground();
  gallery();
  viewing();
  costs();
})();
