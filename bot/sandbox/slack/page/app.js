// Puts the page together. An extension's module is called with `page`, below, once everything is there.

import { post, read, toast } from "/page/api.js";
import { sources } from "/page/completion.js";
import { composer } from "/page/composer.js";
import { byId, h, reconcile, svg } from "/page/dom.js";
import { listen } from "/page/live.js";
import { closeMenu, menuIsOpen } from "/page/menu.js";
import { actors, channelLabel, HOME, me, noteUnread, now, refresh, seen, world } from "/page/model.js";
import { addPane, drawBar, mark, onPane, pane, showPane } from "/page/panes.js";
import { closePicker } from "/page/picker.js";
import { drawPerson, drawSide } from "/page/side.js";
import { draw, drawPlace, openHome, openThread, watchScroll } from "/page/talk.js";
import { language, learn, locale, t } from "/page/words.js";

const heeding = [];
let writing, answering;

const page = {
  h, svg, reconcile, byId, read, post, toast, t, locale, language, learn, now, world, sources, addPane, showPane, pane, mark, onPane, openThread,
  notice: byId("notice"), beside: byId("beside"), tools: byId("tools"),
  heed: (heard) => heeding.push(heard),
  goTo: (channel) => go(channel),
  become: (person) => become(person),
  write: (text) => { showPane("talk"); writing.write(text); writing.box.focus(); writing.suggest(); },
};

async function go(channel) {
  Object.assign(now, { channel, thread: null });
  byId("thread").hidden = true;
  seen(channel);
  location.hash = channel;
  showPane("talk");
  byId("composer").hidden = channel === HOME;
  if (channel !== HOME) writing.say(t("write", { place: (world.channels[channel].kind === "im" ? "" : "#") + channelLabel(world.channels[channel]) }));
  drawFrame();
  if (channel === HOME) await openHome();
  await draw();
}

async function become(person) {
  now.person = person;
  sessionStorage.setItem("person", person);
  if (now.channel === HOME) await openHome();
  const place = world.channels[now.channel];
  if (place && place.kind !== "channel" && !place.members.includes(person)) return go(firstChannel());
  seen(now.channel);
  drawFrame();
  await draw();
  for (const heard of heeding) heard({ kind: "person.changed" });
}

function drawFrame() {
  drawPerson(become);
  mark("side", drawSide(go));
  drawPlace();
}

const firstChannel = () => Object.values(world.channels)[0].id;

async function heed(entry) {
  if (entry.channel && !world.channels[entry.channel]) await refresh();
  if (entry.kind === "channel.joined") await refresh();
  if (entry.kind === "message.posted" || entry.kind === "message.ephemeral") { noteUnread(entry); drawFrame(); }
  if (/^(message|reaction|view|pin|channel)\./.test(entry.kind) && (!entry.channel || entry.channel === now.channel)) draw();
  for (const heard of heeding) heard(entry);
}

function keys(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !byId("composer").hidden && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    if (pane() !== "talk") showPane("talk");
    if (!writing.box.value) writing.write("/");
    writing.box.focus();
    writing.suggest();
  } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    if (menuIsOpen()) closeMenu();
    else if (!closePicker() && now.thread) openThread(null);
    else if (typing) typing.blur();
  }
}

function frame() {
  document.documentElement.lang = language();
  document.querySelector(".banner").append(h("strong", {}, t("banner.strong")), " ", h("span", {}, t("banner")));
  byId("side").setAttribute("aria-label", t("side"));
  byId("messages").setAttribute("aria-label", t("messages"));
  byId("thread").setAttribute("aria-label", t("thread"));
  byId("thread").querySelector("h2").textContent = t("thread");
  byId("replies").setAttribute("aria-label", t("thread"));
  byId("close-thread").setAttribute("aria-label", t("thread.close"));
  byId("close-thread").addEventListener("click", () => openThread(null));
  writing = composer(byId("composer"), () => null, t("write.label"));
  answering = composer(byId("reply"), () => now.thread, t("reply.label"));
  answering.say(t("reply"));
  watchScroll(byId("messages"));
  watchScroll(byId("replies"));
  document.addEventListener("keydown", keys);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && now.channel) { seen(now.channel); drawFrame(); } });
  drawBar();
}

async function start() {
  const [state, { emoji }] = await Promise.all([refresh(), read("/control/emoji")]);
  world.emoji = emoji;
  await learn("/page", state.language);
  const saved = sessionStorage.getItem("person");
  now.person = actors().some((user) => user.id === saved) ? saved : actors()[0].id;
  frame();
  const wanted = location.hash.slice(1);
  await go(world.channels[wanted] || wanted === HOME ? wanted : firstChannel());
  listen(state.cursor, heed);
  for (const path of state.extensions) await (await import(path)).default(page);
  document.body.dataset.ready = me().name;
}

start();
