# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501  (style sheet and script are data here)
"""Style sheet and script of the report page: no network, no library, light and dark."""

CSS = """
:root { --paper:#faf9f6; --card:#fff; --ink:#1c1c1e; --quiet:#6d6b66; --line:#e3e1db; --accent:#b3541e; --good:#2d7d46; --bad:#b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper:#161617; --card:#1f1f21; --ink:#ecebe8; --quiet:#9a9891; --line:#34343a; --accent:#f0a36b; --good:#6cc48a; --bad:#ff8a80; }
}
* { box-sizing:border-box }
body { margin:0; background:var(--paper); color:var(--ink); font:16px/1.55 system-ui, sans-serif; }
main { max-width:1320px; margin:0 auto; padding:48px 32px 80px }
h1 { font-size:40px; line-height:1.15; margin:0 0 8px; letter-spacing:-.02em }
h2 { font-size:24px; margin:64px 0 6px; letter-spacing:-.01em }
p { max-width:72ch; margin:0 0 16px } .quiet { color:var(--quiet) }
a { color:var(--accent) }
img { display:block; max-width:100% }
.facts { display:flex; flex-wrap:wrap; gap:12px 40px; margin:24px 0 28px; padding:0; list-style:none }
.facts b { display:block; font-size:28px; letter-spacing:-.01em } .facts span { color:var(--quiet); font-size:14px }
.good { color:var(--good) } .bad { color:var(--bad) }
.hero { display:grid; grid-template-columns:repeat(3, 1fr); gap:12px }
figure { margin:0 } figure img { width:100%; border-radius:8px; background:var(--line) }
figcaption { color:var(--quiet); font-size:14px; margin-top:6px }
.play { display:grid; grid-template-columns:minmax(320px, 1fr) minmax(320px, 1fr); gap:32px; align-items:start; margin-top:16px }
.play > * { min-width:0 }
.tabs { display:flex; gap:8px; margin:12px 0 0; flex-wrap:wrap }
button { font:inherit; color:inherit; background:var(--card); border:1px solid var(--line); border-radius:8px; cursor:pointer }
.tabs button { padding:4px 14px } button[aria-pressed=true] { border-color:var(--accent); color:var(--accent) }
.matrix { display:grid; gap:2px; grid-template-columns:28px repeat(var(--n), 1fr) }
.matrix span { font-size:12px; color:var(--quiet); align-self:center; justify-self:center }
.matrix button { padding:0; border:0; border-radius:3px; overflow:hidden; outline-offset:1px; background-repeat:no-repeat; aspect-ratio:var(--ratio) }
.matrix button.same { box-shadow:inset 0 0 0 2px var(--paper), inset 0 0 0 3px var(--quiet) }
.matrix button[aria-pressed=true] { outline:3px solid var(--accent); z-index:1 }
.wipe { position:relative; border-radius:8px; overflow:hidden; user-select:none; touch-action:none; cursor:ew-resize; background:var(--line) }
.wipe img { width:100%; pointer-events:none }
.wipe .top { position:absolute; inset:0; clip-path:inset(0 0 0 var(--cut)) }
.wipe .bar { position:absolute; top:0; bottom:0; left:var(--cut); width:2px; margin-left:-1px; background:#fff; box-shadow:0 0 6px #0009 }
.wipe .tag { position:absolute; bottom:10px; padding:1px 9px; border-radius:99px; background:#000a; color:#fff; font-size:13px }
.wipe .tag.l { left:10px } .wipe .tag.r { right:10px }
.sheet { overflow-x:auto; margin:16px -32px 0; padding:0 32px }
table { border-collapse:separate; border-spacing:4px }
.sheet th { font-weight:500; font-size:13px; color:var(--quiet); text-align:left; vertical-align:bottom }
.sheet th b { color:var(--ink); font-weight:600; font-size:14px }
.sheet table { table-layout:fixed; width:100%; min-width:1080px } .sheet thead th { white-space:nowrap } .sheet th:first-child { width:88px }
.sheet td img { width:100%; border-radius:4px; cursor:zoom-in; background:var(--line) }
.sheet tbody th { font-size:12px; white-space:nowrap; vertical-align:middle; padding-right:8px }
.cards { display:grid; grid-template-columns:repeat(auto-fill, minmax(400px, 1fr)); gap:20px; margin-top:16px }
.triple { display:grid; grid-template-columns:repeat(3, 1fr); gap:4px } .triple img { width:100%; border-radius:4px; cursor:zoom-in }
.charts { display:grid; grid-template-columns:2fr 3fr; gap:40px 56px; margin-top:16px }
.charts h3 { font-size:16px; margin:0 0 8px } svg { width:100%; height:auto; font:13px system-ui, sans-serif; fill:var(--ink) }
svg .rule { stroke:var(--line); fill:none } svg .tick { fill:var(--quiet); font-size:12px } svg .dot { fill:var(--accent); fill-opacity:.6 } svg .bar { fill:var(--accent) }
details { border-top:1px solid var(--line); padding:12px 0 } summary { cursor:pointer } code { font-size:14px }
.plain td, .plain th { text-align:left; padding:2px 16px 2px 0; font-size:14px; vertical-align:top }
dialog { border:0; outline:0; padding:0; background:none; max-width:96vw; max-height:96vh } dialog::backdrop { background:#000c }
dialog img { max-width:96vw; max-height:88vh; border-radius:6px; image-rendering:auto; min-width:min(512px, 90vw) } dialog p { color:#fff; margin:8px 0; max-width:none; text-align:center }
@media (max-width:900px) { .play, .charts { grid-template-columns:1fr } main { padding:24px 16px } .cards { grid-template-columns:1fr } }
"""

SCRIPT = """
const views = JSON.parse(document.getElementById('views').textContent);
const $ = id => document.getElementById(id);
let view = views[0], bg, fg, kept;
function show() {
  const name = s => view.names[view.styles.indexOf(s)];
  for (const b of $('matrix').querySelectorAll('button')) b.setAttribute('aria-pressed', b.dataset.bg == bg && b.dataset.fg == fg);
  $('under').src = bg == fg ? view.reals[bg] : view.composites[bg + '_' + fg];
  $('over').src = view.reals[bg];
  $('said').textContent = bg == fg ? 'The real image: ' + name(bg) + '.' : 'The background is ' + name(bg) + ', the foreground comes from ' + name(fg) + '.';
}
function pick(v) {
  view = v; kept = v.start; [bg, fg] = kept;
  const m = $('matrix'), n = v.styles.length; m.style.setProperty('--n', n); m.style.setProperty('--ratio', v.ratio); m.replaceChildren(document.createElement('span'));
  for (const s of v.styles) { const e = document.createElement('span'); e.textContent = s; e.title = 'foreground from ' + v.names[v.styles.indexOf(s)]; m.append(e); }
  v.styles.forEach((a, i) => {
    const e = document.createElement('span'); e.textContent = a; e.title = 'background from ' + v.names[i]; m.append(e);
    v.styles.forEach((b, j) => {
      const c = document.createElement('button'); c.dataset.bg = a; c.dataset.fg = b; c.className = a == b ? 'same' : '';
      c.setAttribute('aria-label', 'background ' + v.names[i] + ', foreground ' + v.names[j]); c.title = c.getAttribute('aria-label');
      c.style.backgroundImage = 'url(' + v.sprite + ')'; c.style.backgroundSize = n * 100 + '% ' + n * 100 + '%';
      c.style.backgroundPosition = (n > 1 ? j / (n - 1) * 100 : 0) + '% ' + (n > 1 ? i / (n - 1) * 100 : 0) + '%';
      c.onmouseenter = c.onfocus = () => { bg = a; fg = b; show(); };
      c.onclick = () => { kept = [bg, fg] = [a, b]; show(); }; m.append(c);
    });
  });
  for (const t of $('tabs').children) t.setAttribute('aria-pressed', views[t.dataset.view] === v);
  show();
}
for (const t of $('tabs').children) t.onclick = () => pick(views[t.dataset.view]);
$('matrix').onmouseleave = () => { [bg, fg] = kept; show(); };
const wipe = $('wipe'), cut = e => { const r = wipe.getBoundingClientRect(); wipe.style.setProperty('--cut', Math.min(100, Math.max(0, (e.clientX - r.left) / r.width * 100)) + '%'); };
wipe.addEventListener('pointerdown', cut); wipe.addEventListener('pointermove', cut);
pick(view);
const big = $('big');
document.addEventListener('click', e => {
  const image = e.target.closest('img[data-full]'); if (!image) return;
  const shown = big.querySelector('img'); shown.onerror = () => { shown.onerror = null; shown.src = image.src; };
  shown.src = image.dataset.full; big.querySelector('p').textContent = image.alt; big.showModal();
});
big.onclick = () => big.close();
"""
