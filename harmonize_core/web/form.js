// SPDX-License-Identifier: Apache-2.0
// The form: a field for each control that the server names, and what is chosen in it.

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "list") made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const percent = entry => entry.high <= 1.5;
const shown = (entry, value) => percent(entry) ? `${Math.round(100 * value)} %` : `${Number(value)}`;

// A slider with its name and value on top.
export function slider(entry, changed) {
  const id = `field-${entry.name}`, output = element("output", { htmlFor: id });
  const input = element("input", { type: "range", id, min: entry.low, max: entry.high, step: entry.step });
  const tell = () => {
    output.textContent = (entry.shown ?? (value => shown(entry, value)))(input.value);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => { tell(); changed(Number(input.value)); });
  const field = element("div", { className: "field" },
    element("div", { className: "top" }, element("label", { htmlFor: id, textContent: entry.label }), output), input);
  const set = value => { input.value = value; tell(); };
  return { field, input, set, get: () => Number(input.value) };
}

function described(field, entry, input) {
  if (!entry.help) return;
  const id = `help-${entry.name}`;
  field.append(element("p", { className: "help", id, textContent: entry.help }));
  input.setAttribute("aria-describedby", id);
}

const KINDS = {
  range(entry, changed) {
    const made = slider(entry, changed);
    described(made.field, entry, made.input);
    return made;
  },
  optional(entry, changed) {
    const made = slider(entry, changed), on = element("input", { type: "checkbox", id: `field-${entry.name}-on` });
    const label = made.field.querySelector("label");
    label.replaceWith(element("label", { className: "check", htmlFor: on.id }, on, entry.label));
    made.input.setAttribute("aria-label", entry.label);
    const tell = () => { made.input.hidden = !on.checked; made.field.querySelector("output").hidden = !on.checked; };
    on.addEventListener("change", () => { tell(); changed(); });
    described(made.field, entry, on);
    return { field: made.field, get: () => on.checked ? made.get() : null,
      set: value => { on.checked = value !== null; made.set(value ?? entry.when_on); tell(); } };
  },
  switch(entry, changed) {
    const input = element("input", { type: "checkbox", id: `field-${entry.name}` });
    input.addEventListener("change", changed);
    const field = element("div", { className: "field" }, element("label", { className: "check" }, input, entry.label));
    described(field, entry, input);
    return { field, get: () => input.checked, set: value => { input.checked = value; } };
  },
  choice(entry, changed) {
    const row = element("div", { className: "segments" }), inputs = entry.choices.map(choice => {
      const input = element("input", { type: "radio", name: entry.name, value: choice.value });
      input.addEventListener("change", changed);
      row.append(element("label", {}, input, element("span", { textContent: choice.label })));
      return input;
    });
    const field = element("fieldset", { className: "field" }, element("legend", { textContent: entry.label }), row);
    described(field, entry, field);
    return { field, get: () => inputs.find(input => input.checked)?.value,
      set: value => { for (const input of inputs) input.checked = input.value === value; } };
  },
  picture(entry, changed, upload) {
    const input = element("input", { type: "file", id: `field-${entry.name}`, className: "hidden" });
    const choose = element("button", { type: "button", textContent: "Choose…" });
    let key = null;
    const tell = (next, name) => { key = next; choose.textContent = name ?? "Choose…"; input.value = ""; };
    choose.addEventListener("click", () => { if (key === null) input.click(); else { tell(null); changed(); } });
    input.addEventListener("change", async () => {
      const sent = input.files[0] && await upload(input.files[0]);
      if (sent) { tell(sent.key, `× ${sent.name}`); changed(); }
    });
    const field = element("div", { className: "field" }, element("div", { className: "top" },
      element("label", { htmlFor: input.id, textContent: entry.label }), choose), input);
    input.tabIndex = -1;
    choose.setAttribute("aria-label", `${entry.label}: choose a file, or take it away`);
    described(field, entry, choose);
    return { field, get: () => key, set: () => tell(null) };
  },
};

const FIRST = ["strength", "mode", "domain"];

// Puts the fields into a form element; the most used ones first, the others behind a line that opens.
export function build(form, entries, changed, upload) {
  const first = element("div", { className: "first" }), more = element("details", {},
    element("summary", { textContent: "More controls" })), fields = {};
  for (const entry of entries) {
    const made = fields[entry.name] = KINDS[entry.kind](entry, () => changed(), upload);
    made.set(entry.default);
    (FIRST.includes(entry.name) ? first : more).append(made.field);
  }
  const reset = () => { for (const entry of entries) fields[entry.name].set(entry.default); };
  const back = element("button", { type: "button", textContent: "Back to how they were" });
  back.addEventListener("click", () => { reset(); changed(); });
  more.append(back);
  form.replaceChildren(first, ...(more.children.length > 2 ? [more] : []));
  const values = () => Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.get()]));
  return { values, reset };
}
