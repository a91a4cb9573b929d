// SPDX-License-Identifier: Apache-2.0
// What is seen of a picture: two versions with a line between them, its mask, and a cut-out that can be moved.

const $ = id => document.getElementById(id);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Shows a picture that came as bytes; what it showed before is let go of.
export async function show(image, blob) {
  const old = image.src, url = URL.createObjectURL(blob);
  const next = new Image();
  next.src = url;
  await next.decode();
  image.src = url;
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

// The stage takes the shape of the picture and as much of the window as it can have.
export function shape(width, height) {
  const stage = $("stage");
  stage.dataset.shape = width / height;
  fit();
}

function fit() {
  const stage = $("stage"), shape = Number(stage.dataset.shape);
  if (!shape) return;
  const room = stage.parentElement.clientWidth, tall = Math.max(280, innerHeight * (innerWidth > 900 ? 0.78 : 0.6));
  const width = Math.min(room, tall * shape);
  stage.style.width = `${width}px`;
  stage.style.height = `${width / shape}px`;
  stage.parentElement.style.setProperty("--wide", `${width}px`);
}
addEventListener("resize", fit);

const cut = $("cut");
cut.addEventListener("input", () => {
  const share = cut.value / 1000;
  $("stage").style.setProperty("--cut", `${100 * share}%`);
  document.querySelector(".at-left").style.opacity = share > 0.12 ? 1 : 0;
  document.querySelector(".at-right").style.opacity = share < 0.88 ? 1 : 0;
  cut.setAttribute("aria-valuetext", `${Math.round(100 * share)} % composite`);
});

// The line in the middle, and no mask over the picture.
export function compare() {
  cut.value = 500;
  cut.dispatchEvent(new Event("input"));
  $("see-mask").checked = false;
  $("shown-mask").hidden = true;
}

$("see-mask").addEventListener("change", event => { $("shown-mask").hidden = !event.target.checked; });

// The cut-out on its background: `place` is {x, y, height} in shares of the background, as the server has it.
export class Piece {
  constructor(changed) {
    this.changed = changed;
    this.place = { x: 0.5, y: 0.5, height: 1 };
    this.shape = 1;
    const piece = $("piece");
    piece.addEventListener("pointerdown", event => this.#drag(event));
    piece.addEventListener("keydown", event => this.#key(event));
    piece.addEventListener("wheel", event => {
      event.preventDefault();
      this.set({ height: this.place.height * Math.exp(-event.deltaY / 800) });
    }, { passive: false });
  }

  // The whole cut-out is seen only while it is moved: else the composite shows what it is.
  moving(on) {
    $("board").hidden = !on;
    cut.hidden = on;
    for (const part of document.querySelectorAll("#stage .tag, #stage .line")) part.hidden = on;
    $("move").setAttribute("aria-pressed", on);
    $("compare").setAttribute("aria-pressed", !on);
  }

  async load(background, cutout) {
    await show($("plate"), background);
    const image = $("piece").querySelector("img");
    await show(image, cutout);
    this.shape = image.naturalWidth / image.naturalHeight;
  }

  set(change, silent = false) {
    const next = { ...this.place, ...change };
    this.place = { x: clamp(next.x, -0.5, 1.5), y: clamp(next.y, -0.5, 1.5), height: clamp(next.height, 0.02, 4) };
    const background = Number($("stage").dataset.shape), piece = $("piece").style, { x, y, height } = this.place;
    const width = height * this.shape / background;
    Object.assign(piece, { left: `${100 * (x - width / 2)}%`, top: `${100 * (y - height / 2)}%`,
      width: `${100 * width}%`, height: `${100 * height}%` });
    if (!silent) this.changed(this.place);
  }

  #drag(event) {
    if (event.button) return;
    const piece = $("piece"), stage = $("stage").getBoundingClientRect(), from = { ...this.place };
    piece.setPointerCapture(event.pointerId);
    const to = now => this.set({ x: from.x + (now.clientX - event.clientX) / stage.width,
      y: from.y + (now.clientY - event.clientY) / stage.height });
    const end = () => { piece.removeEventListener("pointermove", to); };
    piece.addEventListener("pointermove", to);
    piece.addEventListener("pointerup", end, { once: true });
    piece.addEventListener("pointercancel", end, { once: true });
  }

  #key(event) {
    const step = event.shiftKey ? 0.05 : 0.005, { x, y, height } = this.place;
    const change = { ArrowLeft: { x: x - step }, ArrowRight: { x: x + step }, ArrowUp: { y: y - step },
      ArrowDown: { y: y + step }, "+": { height: height * 1.02 }, "-": { height: height / 1.02 } }[event.key];
    if (!change) return;
    event.preventDefault();
    this.set(change);
  }
}
