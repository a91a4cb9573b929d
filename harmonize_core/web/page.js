// SPDX-License-Identifier: Apache-2.0
// From files to a harmonized picture: choose, look, steer, take it along.

import { bytes, call, facts, save } from "./calls.js";
import { build, element, slider } from "./form.js";
import { compare, Piece, shape, show } from "./view.js";

const $ = id => document.getElementById(id);
const state = { start: null, kind: "mask", files: {}, shot: null, form: null, turns: {}, asked: 0 };

const ROLES = {
  mask: {
    picture: ["Composite", "Drop it here, or choose a file"],
    second: ["Mask", "White is the foreground. Not needed if the composite has alpha"],
  },
  cutout: {
    picture: ["Background", "Drop it here, or choose a file"],
    second: ["Cut-out", "PNG, WebP, TIFF or EXR with alpha"],
  },
};
const NEEDS = { mask: file => file?.transparent || file?.objects?.length, cutout: () => false };

function alert(words) {
  $("alert").hidden = !words;
  $("alert").firstElementChild.textContent = words ?? "";
  if (words) $("alert").scrollIntoView({ block: "nearest" });
}
$("alert").lastElementChild.addEventListener("click", () => alert());

// ---- choosing files

const slots = Object.fromEntries([...document.querySelectorAll(".slot")].map(slot => [slot.dataset.role, slot]));

function tellSlots() {
  for (const [role, slot] of Object.entries(slots)) {
    const [title, hint] = ROLES[state.kind][role], file = state.files[role];
    slot.querySelector("b").textContent = title;
    slot.querySelector(".hint").textContent = file ? `${file.width} × ${file.height}${file.depth ? `, ${file.depth}` : ""}` : hint;
    slot.querySelector(".name").textContent = file?.name ?? "";
    slot.classList.toggle("full", Boolean(file));
  }
  const { picture, second } = state.files;
  $("go").disabled = !(picture && (second || NEEDS[state.kind](picture)));
  tellExr(picture);
}

// Which layer of an EXR, and which objects of its cryptomatte: asked for only where there is a choice.
function tellExr(picture) {
  const fields = [];
  if (picture?.layer || picture?.layers?.length > 1) {
    const usual = picture.layer ? [] : [element("option", { value: "", textContent: "The usual one" })];
    const select = element("select", { id: "layer" }, ...usual, ...picture.layers.map(name => element("option", { value: name, textContent: name })));
    fields.push(element("label", {}, "Layer", select));
  }
  if (picture?.objects?.length && state.kind === "mask" && !state.files.second) {
    const select = element("select", { id: "objects", multiple: true, size: Math.min(5, picture.objects.length) },
      ...picture.objects.map(name => element("option", { value: name, textContent: name })));
    fields.push(element("label", {}, "Objects that are the foreground (cryptomatte)", select));
  }
  $("exr").replaceChildren(...fields);
  $("exr").hidden = !fields.length;
}

function wrong(role, words = "") { slots[role].querySelector(".wrong").textContent = words; }

async function send(file, role) {
  const most = state.start.max_bytes;
  if (file.size > most) throw new Error(`${file.name} has ${Math.round(file.size / 2 ** 20)} MB, and at most ${most / 2 ** 20} MB are taken.`);
  return facts("POST", "/api/upload", { query: { name: file.name, role }, body: file });
}

// Of files that are chosen one after the other for the same slot, the last one counts.
async function take(role, file) {
  const turn = state.turns[role] = (state.turns[role] ?? 0) + 1;
  wrong(role);
  delete state.files[role];
  tellSlots();
  slots[role].querySelector(".hint").textContent = `Reading ${file.name}…`;
  $("go").disabled = true;
  let sent = null, words = "";
  try {
    sent = await send(file, role === "second" ? state.kind : "picture");
  } catch (error) {
    words = error.message;
  }
  if (turn !== state.turns[role]) return;
  if (sent) state.files[role] = sent;
  wrong(role, words);
  tellSlots();
  if (state.files.picture && state.files.second) await go();
}

// Two files dropped together: names tell which is the mask, else the order does.
async function takeAll(files, role) {
  const two = [...files].slice(0, 2);
  if (two.length < 2) { if (two.length) await take(role, two[0]); return; }
  const second = two.findIndex(file => /(mask|alpha|matte|roto|cut-?out)[^/]*\.\w+$/i.test(file.name));
  if (second === 0) two.reverse();
  await take("picture", two[0]);
  if (state.files.picture) await take("second", two[1]);
}

for (const [role, slot] of Object.entries(slots)) {
  const input = slot.querySelector("input");
  input.addEventListener("change", () => { const files = [...input.files]; input.value = ""; takeAll(files, role); });
  slot.addEventListener("dragover", () => slot.classList.add("over"));
  slot.addEventListener("dragleave", () => slot.classList.remove("over"));
  slot.addEventListener("drop", event => { event.stopPropagation(); event.preventDefault(); slot.classList.remove("over"); takeAll(event.dataTransfer.files, role); });
}
addEventListener("dragover", event => event.preventDefault());
addEventListener("drop", event => { event.preventDefault(); if (!$("open").hidden) takeAll(event.dataTransfer.files, state.files.picture ? "second" : "picture"); });

for (const radio of document.querySelectorAll("[name=kind]")) {
  radio.addEventListener("change", () => { choose(radio.value); });
}
function choose(kind) {
  state.kind = kind;
  state.files = {};
  document.querySelector(`[name=kind][value=${kind}]`).checked = true;
  for (const role in slots) {
    wrong(role);
    state.turns[role] = (state.turns[role] ?? 0) + 1;
  }
  tellSlots();
}

// ---- looking

async function go(place = null) {
  const { picture, second } = state.files, ask = { picture: picture.key };
  if (state.kind === "cutout") Object.assign(ask, { cutout: second.key, place });
  else if (second) ask.mask = second.key;
  else ask.objects = [...($("objects")?.selectedOptions ?? [])].map(option => option.value);
  if ($("layer")?.value) ask.layer = $("layer").value;
  $("wait").textContent = "The network is looking…";
  $("go").disabled = true;
  alert();
  try {
    await look(ask);
    $("open").hidden = true;
    $("work").hidden = false;
    $("again").hidden = false;
    scrollTo(0, 0);
    shape(state.shot.width, state.shot.height);
    await refresh();
    if (!place) $("cut").focus({ preventScroll: true });
  } catch (error) {
    alert(error.message);
  } finally {
    $("wait").textContent = "";
    tellSlots();
  }
}

async function look(ask) {
  const shot = await facts("POST", "/api/shot", { query: { domain: state.form.values().domain ?? state.start.domains[0] }, body: ask });
  shape(shot.width, shot.height);
  state.shot = { ...shot, ask };
  const query = { shot: shot.key };
  await Promise.all([show($("before"), await bytes("GET", "/api/composite", { query })), show($("shown-mask"), await bytes("GET", "/api/mask", { query }))]);
  $("facts").textContent = `${shot.name}, ${shot.width} × ${shot.height}, foreground ${(100 * shot.share).toFixed(shot.share < 0.1 ? 1 : 0)} %`;
  $("as").textContent = `${shot.kind}, ${shot.depth}, ${shot.width} × ${shot.height}`;
  $("modes").hidden = $("placing").hidden = !ask.cutout;
  if (!ask.cutout) piece.moving(false);
  else {
    if (state.loaded !== ask.cutout + ask.picture) {
      await piece.load(await bytes("GET", "/api/background", { query: { file: ask.picture, layer: ask.layer ?? "" } }), await bytes("GET", "/api/cutout", { query: { file: ask.cutout } }));
      state.loaded = ask.cutout + ask.picture;
    }
    if (!ask.place) piece.set(shot.place, true);
    tellPlace();
  }
}

function steer() {
  const { domain, ...controls } = state.form.values();
  return { domain: domain ?? state.start.domains[0], controls };
}

// One preview at a time is asked for; what is chosen meanwhile is asked for next, and what lies between is skipped.
let running = null, pending = false;
async function refresh() {
  pending = true;
  running ??= (async () => {
    const late = setTimeout(() => { $("busy").textContent = "Working…"; }, 400);
    try {
      while (pending) {
        pending = false;
        const answer = await call("POST", "/api/preview", { query: { shot: state.shot.key }, body: steer() });
        await show($("after"), await answer.blob());
        tellGrade(answer.headers.get("X-Grade"));
        state.asked += 1;
        document.body.dataset.previews = state.asked;
        alert();
      }
    } catch (error) {
      alert(error.message);
    } finally {
      clearTimeout(late);
      $("busy").textContent = "";
      running = null;
    }
  })();
  await running;
}

let timer = null;
const later = (what, wait) => { clearTimeout(timer); timer = setTimeout(what, wait); };
const changed = () => { if (state.shot) later(refresh, 60); };

function tellGrade(numbers) {
  $("grade").hidden = !numbers;
  if (!numbers) return;
  const [exposure, temperature, tint, saturation] = numbers.split(",").map(Number);
  const signed = (value, digits) => {
    const size = Math.abs(value).toFixed(digits);
    return Number(size) ? `${value < 0 ? "−" : "+"}${size}` : size;
  };
  const lines = [["Exposure", `${signed(exposure, 2)} EV`], ["Warmth", signed(100 * temperature, 0)], ["Tint", signed(100 * tint, 0)],
    ["Saturation", `× ${Math.exp(saturation).toFixed(2)}`]];
  $("grade").replaceChildren(...lines.map(([name, value]) => element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value }))));
}

// ---- a cut-out in its place

const piece = new Piece(() => { tellPlace(); later(move, 250); });
const placing = {};
for (const [name, label, low, high] of [["x", "Across", -0.5, 1.5], ["y", "Down", -0.5, 1.5], ["height", "Size", -3.91, 1.386]]) {
  const sized = name === "height";
  placing[name] = slider({ name, label, low, high, step: 0.001, shown: value => `${Math.round(100 * (sized ? Math.exp(value) : value))} %` },
    value => { piece.moving(true); piece.set({ [name]: sized ? Math.exp(value) : value }); });
  placing[name].input.addEventListener("change", () => piece.moving(false));
  $("placing").append(placing[name].field);
}
function tellPlace() {
  placing.x.set(piece.place.x);
  placing.y.set(piece.place.y);
  placing.height.set(Math.log(piece.place.height));
}
async function move() {
  try {
    await look({ ...state.shot.ask, place: piece.place });
    await refresh();
  } catch (error) {
    alert(error.message);
  }
}
$("move").addEventListener("click", () => { piece.moving(true); $("piece").focus(); });
$("compare").addEventListener("click", () => piece.moving(false));

// ---- taking it along

async function download(button, path, query = {}) {
  const words = button.textContent;
  button.disabled = true;
  button.textContent = "Writing…";
  alert();
  try {
    document.body.dataset.saved = await save(await call("POST", path, { query: { shot: state.shot.key, ...query }, body: steer() }));
  } catch (error) {
    alert(error.message);
  } finally {
    button.disabled = false;
    button.textContent = words;
  }
}
$("download").addEventListener("click", event => download(event.currentTarget, "/api/result"));
$("go").addEventListener("click", () => go());
$("again").addEventListener("click", () => {
  $("open").hidden = false;
  $("work").hidden = $("again").hidden = true;
  choose(state.kind);
  state.form.reset();
  compare();
  slots.picture.querySelector("input").focus();
});
$("form").addEventListener("submit", event => event.preventDefault());

// ---- the beginning

async function example(one, button) {
  button.disabled = true;
  try {
    choose(one.cutout ? "cutout" : "mask");
    const sent = await facts("POST", "/api/example", { query: { name: one.name } });
    state.files = { picture: sent.picture, second: sent.mask ?? sent.cutout };
    tellSlots();
    await go();
  } catch (error) {
    alert(error.message);
  } finally {
    button.disabled = false;
  }
}

async function start() {
  tellSlots();
  const begun = state.start = await facts("GET", "/api/start");
  $("network").textContent = begun.network;
  $("network").title = `Licence of the weights: ${begun.licence}`;
  for (const slot of Object.values(slots)) slot.querySelector("input").accept = begun.endings.join(",");
  const entries = [...begun.form];
  if (begun.domains.length > 1) {
    const choices = begun.domains.map(value => ({ value, label: value[0].toUpperCase() + value.slice(1) }));
    entries.splice(2, 0, { name: "domain", kind: "choice", label: "The foreground is", choices, default: begun.domains[0], help: "" });
  }
  state.form = build($("form"), entries, changed, file => send(file, "picture").catch(error => alert(error.message)));
  for (const format of begun.looks) {
    const button = element("button", { type: "button", textContent: format });
    button.addEventListener("click", () => download(button, "/api/look", { format }));
    $("looks").append(button);
  }
  $("looks").hidden = !begun.looks.length;
  for (const one of begun.examples) {
    const image = element("img", { alt: "" });
    const button = element("button", { type: "button", id: `example-${one.name}` }, image, element("b", { textContent: one.title }),
      element("small", { textContent: `${one.cutout ? "Cut-out and background" : "Composite and mask"} · ${one.credit}` }));
    button.addEventListener("click", () => example(one, button));
    $("examples").append(button);
    bytes("GET", "/api/thumb", { query: { name: one.name } }).then(blob => show(image, blob)).catch(() => {});
  }
  document.body.dataset.ready = "yes";
}
start().catch(error => alert(error.message));
