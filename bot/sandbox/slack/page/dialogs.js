// The confirm dialog of a button, and modals with their forms.

import { act } from "/page/api.js";
import { blocks } from "/page/blocks.js";
import { byId, h } from "/page/dom.js";
import { field, valueOf } from "/page/elements.js";
import { textObject } from "/page/mrkdwn.js";
import { now } from "/page/model.js";
import { t } from "/page/words.js";

let shown = null, asking = null;

export function confirmed(dialog) {
  const box = byId("dialog");
  asking?.(false);
  return new Promise((resolve) => {
    const done = (answer) => { if (asking !== done) return; asking = null; box.close(); resolve(answer); };
    asking = done;
    box.setAttribute("aria-label", dialog.title.text);
    box.replaceChildren(
      h("h2", {}, textObject(dialog.title)), h("div", { class: "text" }, textObject(dialog.text)),
      h("div", { class: "buttons" },
        h("button", { type: "button", onclick: () => done(false) }, dialog.deny.text),
        h("button", { type: "button", class: dialog.style ?? "primary", "data-confirm": true, onclick: () => done(true) }, dialog.confirm.text)));
    box.oncancel = () => done(false);
    shown = null;
    if (!box.open) box.showModal();
  });
}

// Shows the topmost open modal of the person, or none.
export function modal(view) {
  const box = byId("dialog");
  const key = view && `${view.id} ${view.hash}`;
  if (!view) { if (shown && box.open && !asking) box.close(); shown = null; return; }
  if (shown === key || asking) return;
  shown = key;
  const cancel = () => act("close", { as: now.person, view_id: view.id });
  const press = (element, block, value) => pressInView(view, element, value);
  box.setAttribute("aria-label", view.title.text);
  box.replaceChildren(h("form", { onsubmit: (event) => submit(event, view) },
    h("h2", {}, textObject(view.title)),
    h("div", { class: "fieldset" }, view.blocks.map((block) => (block.type === "input" ? input(block) : blocks([block], press)))),
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: cancel }, view.close?.text ?? t("cancel")),
      view.submit ? h("button", { class: "primary" }, textObject(view.submit)) : null)));
  box.oncancel = cancel;
  if (!box.open) box.showModal();
}

export async function pressInView(view, element, value) {
  if (element.confirm && !(await confirmed(element.confirm))) return;
  await act("click", { as: now.person, view_id: view.id, action_id: element.action_id, value, confirmed: true });
}

function input(block) {
  const control = field(block.element, { "data-block": block.block_id, "data-action": block.element.action_id });
  return h(control.matches(".choices") ? "div" : "label", { class: "field" },
    h("span", { class: "label" }, textObject(block.label), block.optional ? h("span", { class: "note" }, ` ${t("optional")}`) : null), control,
    block.hint ? h("span", { class: "note" }, textObject(block.hint)) : null,
    h("span", { class: "error", role: "alert", "data-error": block.block_id }));
}

async function submit(event, view) {
  event.preventDefault();
  const form = event.target, values = {};
  for (const node of form.querySelectorAll("[data-action][data-block]")) (values[node.dataset.block] ??= {})[node.dataset.action] = valueOf(node);
  const result = await act("submit", { as: now.person, view_id: view.id, values });
  for (const place of form.querySelectorAll("[data-error]"))
    place.textContent = result.errors?.[place.dataset.error] ?? (result.blocks?.includes(place.dataset.error) ? t("fill_in") : "");
}
