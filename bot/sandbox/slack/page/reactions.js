// The reactions under a message, and the ways to add one.

import { act } from "/page/api.js";
import { h } from "/page/dom.js";
import { emojiChar } from "/page/emoji.js";
import { nameOf, now } from "/page/model.js";
import { openPicker } from "/page/picker.js";
import { t } from "/page/words.js";

const QUICK = ["white_check_mark", "x", "eyes"];

const toggle = (body, name, mine) => act(mine ? "unreact" : "react", { as: now.person, channel: body.channel, ts: body.ts, name });
const pick = (body) => (event) => openPicker(event.currentTarget, (name) => toggle(body, name, mineIn(body, name)));
const mineIn = (body, name) => (body.reactions ?? []).some((reaction) => reaction.name === name && reaction.users.includes(now.person));

export function chips(body) {
  const given = body.reactions ?? [];
  if (!given.length) return null;
  return h("div", { class: "reactions" },
    given.map(({ name, users, count }) => {
      const mine = users.includes(now.person), who = t("react.who", { who: users.map(nameOf).join(", "), name });
      return h("button", { type: "button", class: "chip", "aria-pressed": String(mine), "aria-label": `${name}, ${count}`, title: who, "data-emoji": name, "data-focus": `chip ${name}`,
        onclick: () => toggle(body, name, mine) }, h("span", { class: "emoji" }, emojiChar(name) ?? `:${name}:`), h("span", { class: "count" }, String(count)));
    }),
    h("button", { type: "button", class: "chip add", title: t("react.add"), "aria-label": t("react.add"), "data-focus": "chip add", onclick: pick(body) }, "☺＋"));
}

export function quick(body) {
  return [
    ...QUICK.map((name) => h("button", { type: "button", class: "icon", "data-quick": name, title: t("react", { name }), "aria-label": t("react", { name }),
      onclick: () => toggle(body, name, mineIn(body, name)) }, emojiChar(name))),
    h("button", { type: "button", class: "icon", title: t("react.add"), "aria-label": t("react.add"), onclick: pick(body) }, "☺＋"),
  ];
}
