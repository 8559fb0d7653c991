// The conversation and the thread, redrawn when something in them has changed.

import { act, read, toast } from "/page/api.js";
import { blocks } from "/page/blocks.js";
import { modal, pressInView } from "/page/dialogs.js";
import { byId, h, reconcile } from "/page/dom.js";
import { message } from "/page/message.js";
import { channelLabel, HOME, now, world } from "/page/model.js";
import { locale, t } from "/page/words.js";

const FOLLOWS_WITHIN = 300, NEAR_END = 120, NEWEST = 150; // seconds, pixels, messages of a channel that are shown
let drawing = false, again = false, pressed = false;

export function openThread(ts) {
  now.thread = ts;
  byId("thread").hidden = !ts;
  draw();
}

// A node that is replaced between press and release would swallow the click.
for (const kind of ["pointerdown", "pointerup", "pointercancel"]) {
  document.addEventListener(kind, () => {
    pressed = kind === "pointerdown";
    if (!pressed && again) setTimeout(draw);
  }, { capture: true, passive: true });
}

export async function draw() {
  if (drawing || pressed) { again = true; return; }
  drawing = true;
  try {
    do { again = false; await once(); } while (again && !pressed);
  } finally { drawing = false; }
}

export function drawPlace() {
  const channel = world.channels[now.channel];
  const sign = { channel: "#", group: "🔒" }[channel?.kind] ?? "";
  byId("place").textContent = now.channel === HOME ? t("home", { app: world.app.name }) : `${sign} ${channelLabel(channel)}`.trim();
  const outside = channel && !channel.members.includes(now.person);
  byId("topic").textContent = !channel || channel.kind === "im" ? "" : outside ? t("outside") : t("members", { n: channel.members.length });
}

async function once() {
  const { person, channel, thread } = now;
  const { views } = await read(`/control/views?as=${person}`);
  modal(views.filter((view) => view.type === "modal").at(-1));
  byId("thread").hidden = !thread;
  if (channel === HOME) return drawHome(views.find((view) => view.type === "home"));
  const of = `/control/messages?channel=${channel}&as=${person}`;
  const [{ messages, error }, replies] = await Promise.all([read(`${of}&newest=${NEWEST}`), thread ? read(`${of}&thread=${thread}`) : null]);
  if (!messages) return toast(error);
  if (pressed) { again = true; return; }
  if (person !== now.person || channel !== now.channel) { again = true; return; }
  show(byId("messages"), `${channel}`, items(messages, { openThread }));
  if (replies?.messages && thread === now.thread) show(byId("replies"), `${channel} ${thread}`, items(replies.messages, {}));
}

function items(messages, options) {
  const found = [];
  let last = null, day = "";
  for (const body of messages) {
    const when = new Date(Number(body.ts) * 1000), today = when.toDateString();
    if (today !== day) { found.push(divider(when)); last = null; day = today; }
    const follows = Boolean(last && last.user === body.user && !body.is_ephemeral === !last.is_ephemeral && Number(body.ts) - Number(last.ts) < FOLLOWS_WITHIN && !body.bot_id);
    found.push({ key: body.ts, sign: `${now.person} ${follows} ${JSON.stringify(body)}`, make: () => message(body, { follows, ...options }) });
    last = body;
  }
  if (messages.length === NEWEST) found.unshift({ key: "older", sign: "", make: () => h("p", { class: "empty note" }, t("older", { n: NEWEST })) });
  if (!found.length) found.push({ key: "empty", sign: t("empty"), make: () => h("p", { class: "empty note" }, t("empty")) });
  return found;
}

function divider(when) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(when).setHours(0, 0, 0, 0)) / 86_400_000);
  const label = days === 0 ? t("today") : days === 1 ? t("yesterday") : when.toLocaleDateString(locale(), { dateStyle: "full" });
  return { key: `day ${when.toDateString()}`, sign: label, make: () => h("div", { class: "day", role: "separator" }, h("span", {}, label)) };
}

// Stays at the end when it was there; else offers the way to the end once something new has come.
function show(box, what, list) {
  const other = box.dataset.shows !== what;
  const count = list.length;
  reconcile(box, list);
  if (other || isAtEnd(box)) toEnd(box);
  else if (Number(box.dataset.count) < count) jump(box, true);
  box.dataset.shows = what;
  box.dataset.count = count;
}

const isAtEnd = (box) => box.dataset.end !== "no";

export function toEnd(box) {
  box.dataset.end = "yes";
  box.scrollTop = box.scrollHeight;
  jump(box, false);
}

function jump(box, wanted) {
  const known = box.parentElement.querySelector(".jump");
  if (!wanted) known?.remove();
  else if (!known) box.after(h("button", { type: "button", class: "jump primary", onclick: () => toEnd(box) }, t("jump")));
}

// The end is kept also when the box becomes smaller or a picture in it has come.
export function watchScroll(box) {
  const keep = () => { if (isAtEnd(box)) toEnd(box); };
  new ResizeObserver(keep).observe(box);
  box.addEventListener("load", keep, { capture: true });
  box.addEventListener("scroll", () => {
    const end = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    box.dataset.end = end ? "yes" : "no";
    if (end) jump(box, false);
  }, { passive: true });
}

function drawHome(view) {
  const box = byId("messages");
  const press = (element, block, value) => pressInView(view, element, value);
  box.dataset.shows = HOME;
  reconcile(box, [{ key: HOME, sign: JSON.stringify(view?.blocks ?? null), make: () => h("div", { class: "home" }, view ? blocks(view.blocks, press) : h("p", { class: "empty note" }, t("home.empty"))) }]);
}

export const openHome = () => act("home", { as: now.person });
