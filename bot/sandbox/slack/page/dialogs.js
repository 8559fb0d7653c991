// The confirm dialog of a button, and modals.

import { act, byId, h } from "/page/dom.js";
import { blocks, text } from "/page/blocks.js";

let shown = null;

export function confirmed(dialog, names) {
  const box = byId("dialog");
  return new Promise((resolve) => {
    const done = (answer) => () => { box.close(); resolve(answer); };
    box.replaceChildren(
      h("h2", {}, text(dialog.title, names)), h("p", {}, text(dialog.text, names)),
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: done(false) }, dialog.deny.text),
        h("button", { type: "button", class: dialog.style ?? "primary", onclick: done(true) }, dialog.confirm.text)));
    box.oncancel = () => resolve(false);
    shown = null;
    box.showModal();
  });
}

export function modal(view, person, names, press) {
  const box = byId("dialog");
  const key = view && `${view.id} ${view.hash}`;
  if (!view) { if (shown && box.open) box.close(); shown = null; return; }
  if (shown === key) return;
  shown = key;
  const cancel = () => act("close", { as: person, view_id: view.id });
  const form = h("form", { onsubmit: (event) => submit(event, view, person) },
    h("h2", {}, text(view.title, names)),
    view.blocks.map((block) => (block.type === "input" ? input(block, names) : blocks([block], names, (element, of, value) => press(element, of, value, view)))),
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: cancel }, view.close?.text ?? "Cancel"),
      view.submit ? h("button", { class: "primary" }, view.submit.text) : null));
  box.replaceChildren(form);
  box.oncancel = cancel;
  if (!box.open) box.showModal();
}

function input(block, names) {
  const element = block.element;
  const data = { "data-block": block.block_id, "data-action": element.action_id, "data-type": element.type };
  return h("label", {}, text(block.label, names), block.optional ? " (optional)" : null, field(element, data),
    block.hint ? h("span", { class: "note" }, text(block.hint, names)) : null,
    h("span", { class: "error", "data-error": block.block_id }));
}

function field(element, data) {
  const options = element.options ?? element.option_groups?.flatMap((group) => group.options) ?? [];
  const chosen = new Set([element.initial_option?.value, ...(element.initial_options ?? []).map((option) => option.value)]);
  const single = element.type === "radio_buttons" || element.type === "static_select";
  if (options.length) return h("select", { ...data, multiple: !single },
    single ? h("option", { value: "" }, element.placeholder?.text ?? "Choose…") : null,
    options.map((option) => h("option", { value: option.value, selected: chosen.has(option.value) }, option.text.text)));
  if (element.multiline) { const area = h("textarea", { ...data, rows: 4 }); area.value = element.initial_value ?? ""; return area; }
  const type = { datepicker: "date", timepicker: "time", number_input: "number" }[element.type] ?? "text";
  return h("input", { ...data, type, value: element.initial_value ?? element.initial_date ?? element.initial_time ?? "" });
}

async function submit(event, view, person) {
  event.preventDefault();
  const values = {};
  for (const node of event.target.querySelectorAll("[data-action]")) {
    const value = node.multiple ? [...node.selectedOptions].map((option) => option.value) : node.value;
    (values[node.dataset.block] ??= {})[node.dataset.action] = value || null;
  }
  const result = await act("submit", { as: person, view_id: view.id, values });
  for (const place of event.target.querySelectorAll("[data-error]"))
    place.textContent = result.errors?.[place.dataset.error] ?? (result.blocks?.includes(place.dataset.error) ? "Please fill this in." : "");
}
