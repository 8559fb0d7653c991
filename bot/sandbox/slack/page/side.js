// Channels, direct messages and the app, with unread marks; and the menu of who acts.

import { byId, h, reconcile } from "/page/dom.js";
import { openMenu } from "/page/menu.js";
import { avatar } from "/page/message.js";
import { actors, channelLabel, HOME, me, now, unreadOf, visibleChannels, world } from "/page/model.js";
import { t } from "/page/words.js";

export function drawSide(go) {
  const all = visibleChannels(), direct = all.filter((channel) => channel.kind === "im");
  const rows = [title(t("channels")), ...all.filter((channel) => channel.kind !== "im").map((channel) => row(channel.id, channel.kind === "group" ? "🔒" : "#", channelLabel(channel), go)),
    title(t("apps")), row(HOME, "⌂", t("home", { app: world.app.name }), go),
    ...(direct.length ? [title(t("direct")), ...direct.map((channel) => row(channel.id, "✉", channelLabel(channel), go))] : [])];
  reconcile(byId("side"), rows);
  const waiting = all.reduce((sum, channel) => sum + unreadOf(channel.id), 0);
  document.title = (waiting ? `(${waiting}) ` : "") + t("title");
  return waiting;
}

const title = (text) => ({ key: `title ${text}`, sign: text, make: () => h("h2", {}, text) });

function row(id, sign, label, go) {
  const count = id === HOME ? 0 : unreadOf(id), current = now.channel === id;
  const make = () => h("button", { type: "button", "data-channel": label, "data-focus": id, class: count ? "unread" : null, "aria-current": current ? "page" : null, onclick: () => go(id) },
    h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "name" }, label), count ? h("span", { class: "badge", "aria-label": t("unread", { n: count }) }, String(count)) : null);
  return { key: id, sign: `${label} ${count} ${current} ${now.person}`, make };
}

export function drawPerson(become) {
  const button = byId("person"), user = me();
  if (button.dataset.person === user.name) return; // made anew under a finger it would lose the click
  button.replaceChildren(avatar(user.id, true), h("span", { class: "name" }, user.name), h("span", { "aria-hidden": "true" }, "▾"));
  button.setAttribute("aria-label", t("act_as", { name: user.real_name }));
  button.dataset.person = user.name;
  button.onclick = () => openMenu(button, actors().map((each) => ({ icon: avatar(each.id), label: each.real_name, note: world.notes[each.id] ?? "", checked: each.id === now.person, run: () => become(each.id) })), t("act_as.menu"));
}
