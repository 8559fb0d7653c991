// Keeps the page in step with the server: each log entry that concerns what is shown causes one fresh read.

import { act, byId, h, read, toast } from "/page/dom.js";
import { blocks } from "/page/blocks.js";
import { confirmed, modal } from "/page/dialogs.js";
import { message } from "/page/messages.js";
import { startPanels } from "/page/panels.js";

const HOME = "home";
const names = { users: {}, emoji: {}, channels: {}, groups: {},
  user: (id) => names.users[id]?.name, channel: (id) => names.channels[id]?.name, group: (id) => names.groups[id]?.handle };
const now = { person: null, channel: null, thread: null, unread: new Set() };

async function refreshState() {
  const state = await read("/control/state");
  for (const user of state.users) names.users[user.id] = { ...user, real_name: user.profile.real_name };
  for (const channel of state.channels) names.channels[channel.id] = channel;
  for (const group of state.groups) names.groups[group.id] = group;
  now.app = state.app;
  return state;
}

function drawPeople() {
  const people = Object.values(names.users).filter((user) => !user.is_bot && !user.deleted);
  const note = (user) => (user.is_restricted ? " (guest)" : user.is_stranger ? " (external)" : "");
  byId("person").replaceChildren(...people.map((user) => h("option", { value: user.id, selected: user.id === now.person }, user.real_name + note(user))));
}

function drawChannels() {
  const seen = Object.values(names.channels).filter((channel) => (channel.kind === "channel" || channel.members.includes(now.person)));
  const label = (channel) => (channel.kind === "im" ? `✉ ${now.app.name}` : channel.kind === "group" ? `🔒 ${channel.name}` : `# ${channel.name}`);
  const button = (id, shown) => h("button", { type: "button", class: now.unread.has(id) ? "unread" : null, "aria-current": now.channel === id ? "true" : null, onclick: () => go(id) }, shown);
  byId("channels").replaceChildren(...seen.map((channel) => button(channel.id, label(channel))), button(HOME, `🏠 ${now.app.name}`));
}

async function go(channel) {
  Object.assign(now, { channel, thread: null });
  now.unread.delete(channel);
  location.hash = channel;
  drawChannels();
  byId("composer").hidden = channel === HOME;
  byId("place").textContent = channel === HOME ? `${now.app.name}: home` : names.channels[channel]?.name ? `# ${names.channels[channel].name}` : "Direct message";
  byId("messages").replaceChildren();
  if (channel === HOME) await act("home", { as: now.person });
  await draw();
}

function openThread(ts) { now.thread = ts; draw(); }

let drawing = false, again = false;
async function draw() {
  if (drawing) { again = true; return; }
  drawing = true;
  try {
    do { again = false; await drawOnce(); } while (again);
  } finally { drawing = false; }
}

async function drawOnce() {
  const { views } = await read(`/control/views?as=${now.person}`);
  modal(views.filter((view) => view.type === "modal").at(-1), now.person, names, pressInView);
  byId("thread").hidden = !now.thread;
  if (now.channel === HOME) { drawHome(views.find((view) => view.type === "home")); return; }
  const { messages, error } = await read(`/control/messages?channel=${now.channel}&as=${now.person}`);
  if (!messages) { toast(error); return; }
  const top = messages.filter((body) => !body.thread_ts || body.thread_ts === body.ts || body.subtype === "thread_broadcast");
  fill(byId("messages"), top.map((body) => message(body, { names, person: now.person, openThread })));
  if (now.thread) fill(byId("replies"), messages.filter((body) => body.ts === now.thread || body.thread_ts === now.thread).map((body) => message(body, { names, person: now.person })));
}

function fill(box, nodes) {
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  box.replaceChildren(...nodes);
  if (atEnd) box.scrollTop = box.scrollHeight;
}

function drawHome(view) {
  const press = (element, block, value) => pressInView(element, block, value, view);
  byId("messages").replaceChildren(...(view ? blocks(view.blocks, names, press) : [h("p", { class: "note" }, "The app shows nothing here.")]));
}

async function pressInView(element, block, value, view) {
  if (element.confirm && !(await confirmed(element.confirm, names))) return;
  await act("click", { as: now.person, view_id: view.id, action_id: element.action_id, value, confirmed: true });
}

function withMentions(text) {
  const ids = (map, key) => Object.fromEntries(Object.values(map).filter((item) => item[key]).map((item) => [item[key], item.id]));
  const [users, channels, groups] = [ids(names.users, "name"), ids(names.channels, "name"), ids(names.groups, "handle")];
  return text
    .replace(/(^|\s)@([\w.-]+)/g, (all, before, name) => (users[name] ? `${before}<@${users[name]}>` : groups[name] ? `${before}<!subteam^${groups[name]}>` : all))
    .replace(/(^|\s)#([\w.-]+)/g, (all, before, name) => (channels[name] ? `${before}<#${channels[name]}>` : all));
}

function composer(form, thread) {
  const box = form.querySelector("textarea");
  box.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); } });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    box.value = "";
    const base = { as: now.person, channel: now.channel };
    const isCommand = text.startsWith("/") && !thread();
    const result = isCommand ? await act("command", { ...base, text, wait: 0 }) : await act("post", { ...base, text: withMentions(text), thread_ts: thread() });
    if (!result.ok && !box.value) box.value = text;
  });
}

function listen(cursor) {
  const socket = new WebSocket(`ws://${location.host}/control/ws?cursor=${cursor}`);
  const status = (text) => { byId("link").textContent = text; };
  socket.onopen = () => status("● live");
  socket.onclose = () => { status("○ server gone, trying again…"); setTimeout(comeBack, 1000); };
  socket.onmessage = async (event) => {
    const entry = JSON.parse(event.data);
    cursor = entry.seq;
    if (/^(message|reaction|view|pin|channel)\./.test(entry.kind)) {
      if (entry.channel && !names.channels[entry.channel]) { await refreshState(); drawChannels(); }
      if (entry.kind === "message.posted" && entry.channel !== now.channel) { now.unread.add(entry.channel); drawChannels(); }
      draw();
    }
  };
}

// A server that was started anew has another log, so the cursor means nothing to it: begin again.
async function comeBack() {
  const alive = await read("/control/counters").catch(() => null);
  if (alive) location.reload();
  else setTimeout(comeBack, 1000);
}

async function start() {
  names.emoji = (await read("/control/emoji")).emoji;
  const state = await refreshState();
  const saved = sessionStorage.getItem("person");
  now.person = names.users[saved] ? saved : Object.values(names.users).find((user) => !user.is_bot)?.id;
  drawPeople();
  byId("person").addEventListener("change", (event) => { now.person = event.target.value; sessionStorage.setItem("person", now.person); go(now.channel); });
  byId("close-thread").addEventListener("click", () => { now.thread = null; draw(); });
  composer(byId("composer"), () => null);
  composer(byId("reply"), () => now.thread);
  startPanels(state.panels);
  const wanted = location.hash.slice(1);
  await go(names.channels[wanted] || wanted === HOME ? wanted : state.channels[0].id);
  listen(state.cursor);
}

start();
