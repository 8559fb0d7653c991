// The emoji picker: search, arrows, skin tones.

import { h } from "/page/dom.js";
import { emojiChar, takesTone, TONES } from "/page/emoji.js";
import { place } from "/page/menu.js";
import { world } from "/page/model.js";
import { t } from "/page/words.js";

const OFTEN = ["white_check_mark", "x", "+1", "-1", "eyes", "rocket", "tada", "warning", "memo", "fire", "raised_hands", "thinking_face"];
const COLUMNS = 8, ALL = 400;
let open = null, tone = 1;

export function openPicker(anchor, choose) {
  closePicker();
  const list = h("div", { class: "emojis", role: "listbox", "aria-label": t("react.add") });
  const search = h("input", { type: "search", placeholder: t("react.search"), "aria-label": t("react.search"), autocomplete: "off" });
  const tones = h("div", { class: "tones", role: "radiogroup", "aria-label": t("react.tone") });
  const box = h("div", { class: "picker", role: "dialog", "aria-label": t("react.add") }, search, list, tones);
  const take = (name) => { closePicker(); choose(name); };
  const draw = () => { drawList(list, search.value, take); drawTones(tones, draw); };
  search.addEventListener("input", draw);
  box.addEventListener("keydown", (event) => keys(event, list, search, take));
  open = { box, anchor };
  draw();
  document.body.append(box);
  place(box, anchor);
  search.focus();
  setTimeout(() => document.addEventListener("pointerdown", outside));
}

export function closePicker() {
  if (!open) return false;
  const { box, anchor } = open;
  open = null;
  document.removeEventListener("pointerdown", outside);
  box.remove();
  if (anchor.isConnected) anchor.focus({ preventScroll: true });
  return true;
}

const outside = (event) => { if (open && !open.box.contains(event.target)) closePicker(); };
const toned = (name) => (tone > 1 && takesTone(name) ? `${name}::skin-tone-${tone}` : name);

function drawList(list, wanted, take) {
  const text = wanted.trim().toLowerCase().replaceAll(":", "").replaceAll(" ", "_");
  const names = Object.keys(world.emoji);
  const one = (name) => h("button", { type: "button", role: "option", "aria-selected": "false", tabindex: "-1", title: `:${name}:`, "aria-label": name, "data-name": name, onclick: () => take(toned(name)) }, emojiChar(toned(name)));
  const group = (title, items) => [h("div", { class: "note" }, title), h("div", { class: "grid" }, items.map(one))];
  const found = names.filter((name) => name.includes(text)).slice(0, ALL);
  if (!text) list.replaceChildren(...group(t("react.often"), OFTEN), ...group(t("react.all"), names));
  else list.replaceChildren(found.length ? h("div", { class: "grid" }, found.map(one)) : h("p", { class: "note" }, t("react.none")));
}

function drawTones(box, draw) {
  box.replaceChildren(...TONES.map((char, index) => h("button", { type: "button", role: "radio", "aria-checked": String(tone === index + 1), "aria-label": `${t("react.tone")} ${index + 1}`,
    onclick: () => { tone = index + 1; draw(); } }, "✋" + char)));
}

function keys(event, list, search, take) {
  const items = [...list.querySelectorAll("button")], at = items.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[event.key];
  if (event.key === "Escape") { event.stopPropagation(); closePicker(); }
  else if (event.key === "Enter" && document.activeElement === search && items.length) { event.preventDefault(); take(toned(items[0].dataset.name)); }
  else if (document.activeElement === search ? event.key === "ArrowDown" : step) {
    event.preventDefault();
    (at + step < 0 ? search : items[Math.min(items.length - 1, at < 0 ? 0 : at + step)])?.focus();
  }
}
