// Interactive elements. In a message each one calls `press` at once; in a form its value is read at the end.

import { h } from "/page/dom.js";
import { openMenu } from "/page/menu.js";
import { textObject } from "/page/mrkdwn.js";
import { actors, visibleChannels, world } from "/page/model.js";
import { t } from "/page/words.js";

export function control(element, block, press) {
  if (element.type === "button") return button(element, block, press);
  if (element.type === "overflow") return overflow(element, block, press);
  const node = field(element, { "data-focus": element.action_id });
  node.addEventListener("change", () => press(element, block, valueOf(node), node));
  return node;
}

function button(element, block, press) {
  const label = element.accessibility_label ?? null;
  return h("button", { type: "button", class: element.style, "aria-label": label, "data-action": element.action_id, "data-focus": element.action_id,
    onclick: (event) => press(element, block, undefined, event.currentTarget) }, textObject(element.text));
}

function overflow(element, block, press) {
  return h("button", { type: "button", class: "icon", "aria-haspopup": "menu", "aria-label": t("more"), "data-focus": element.action_id,
    onclick: (event) => openMenu(event.currentTarget, element.options.map((option) => ({ label: textObject(option.text), run: () => press(element, block, option.value, event.target) }))) }, "⋯");
}

const DATES = { datepicker: ["date", "initial_date"], timepicker: ["time", "initial_time"], datetimepicker: ["datetime-local", "initial_date_time"] };
const INPUTS = { number_input: "number", email_text_input: "email", url_text_input: "url" };

export function field(element, data = {}) {
  const options = optionsOf(element);
  const attributes = { ...data, "data-type": element.type, placeholder: element.placeholder?.text };
  if (element.type === "checkboxes" || element.type === "radio_buttons") return choices(element, options, attributes);
  if (options) return select(element, options, attributes);
  if (element.multiline) return h("textarea", { ...attributes, rows: 4, maxlength: element.max_length, value: element.initial_value ?? "" });
  if (DATES[element.type]) return h("input", { ...attributes, type: DATES[element.type][0], value: element[DATES[element.type][1]] ?? "" });
  return h("input", { ...attributes, type: INPUTS[element.type] ?? "text", maxlength: element.max_length, value: element.initial_value ?? "" });
}

const named = (items) => items.map(([value, label]) => ({ value, text: { type: "plain_text", text: label } }));

function optionsOf(element) {
  if (element.options || element.option_groups) return element.options ?? element.option_groups.flatMap((group) => group.options);
  if (/users_select$/.test(element.type)) return named(actors().map((user) => [user.id, user.real_name]));
  if (/(channels|conversations)_select$/.test(element.type)) return named(visibleChannels().map((channel) => [channel.id, channel.kind === "im" ? world.app.name : `#${channel.name}`]));
  return null;
}

function chosenAtFirst(element) {
  const many = [...(element.initial_options ?? []).map((option) => option.value), ...(element.initial_users ?? []), ...(element.initial_channels ?? [])];
  return new Set([element.initial_option?.value, element.initial_user, element.initial_channel, element.initial_conversation, ...many]);
}

function select(element, options, attributes) {
  const chosen = chosenAtFirst(element), multiple = element.type.startsWith("multi_");
  const first = element.placeholder?.text ?? t("choose");
  return h("select", { ...attributes, multiple, "aria-label": attributes["data-block"] ? null : first },
    multiple ? null : h("option", { value: "" }, first),
    options.map((option) => h("option", { value: option.value, selected: chosen.has(option.value) }, option.text.text)));
}

let groups = 0;
function choices(element, options, attributes) {
  const chosen = chosenAtFirst(element), type = element.type === "checkboxes" ? "checkbox" : "radio", name = `choice-${groups++}`;
  return h("span", { ...attributes, class: "choices", role: type === "radio" ? "radiogroup" : "group" }, options.map((option) =>
    h("label", {}, h("input", { type, name, value: option.value, checked: chosen.has(option.value) }), h("span", {}, textObject(option.text),
      option.description ? h("span", { class: "note" }, textObject(option.description)) : null))));
}

// A string, a list of strings (where several can be chosen), seconds for a moment, or null for nothing.
export function valueOf(node) {
  const type = node.dataset.type;
  if (node.matches(".choices")) {
    const checked = [...node.querySelectorAll("input:checked")].map((input) => input.value);
    return type === "checkboxes" ? checked : checked[0] ?? null;
  }
  if (node.multiple) return [...node.selectedOptions].map((option) => option.value);
  if (type === "datetimepicker") return node.value ? Math.round(new Date(node.value).getTime() / 1000) : null;
  return node.value || null;
}
