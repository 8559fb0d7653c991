// One message, with its blocks, reactions and thread link.

import { act, h } from "/page/dom.js";
import { blocks } from "/page/blocks.js";
import { confirmed } from "/page/dialogs.js";
import { mrkdwn } from "/page/mrkdwn.js";

const QUICK = ["white_check_mark", "x", "memo"];

export function message(body, { names, person, openThread }) {
  const user = names.users[body.user];
  const tags = [user?.is_bot && "app", user?.is_restricted && "guest", user?.is_stranger && "external", user?.deleted && "deactivated"].filter(Boolean);
  const when = new Date(Number(body.ts) * 1000);
  const press = (element, block, value, node) => click(body, element, block, value, node, { names, person });
  return h("article", { "data-ts": body.ts, class: body.is_ephemeral ? "ephemeral" : null },
    body.is_ephemeral ? h("div", { class: "note" }, "👁 Only visible to you") : null,
    h("span", { class: "who" }, user?.real_name ?? user?.profile.real_name ?? body.user), tags.map((tag) => h("span", { class: "tag" }, tag)), " ",
    h("time", { datetime: when.toISOString(), title: when.toLocaleString() }, when.toLocaleTimeString([], { timeStyle: "short" })),
    body.edited && !body.bot_id ? h("span", { class: "note" }, " (edited)") : null,
    body.blocks?.length ? blocks(body.blocks, names, press) : h("div", {}, mrkdwn(body.text ?? "", names)),
    (body.attachments ?? []).map((part) => h("div", { class: "attachment" }, part.blocks ? blocks(part.blocks, names, press) : mrkdwn(part.text ?? part.fallback ?? "", names))),
    (body.files ?? []).map((file) => file.filetype === "png" ? h("img", { src: file.url_private, alt: file.title }) : h("div", {}, h("a", { href: file.url_private, download: file.name }, `📎 ${file.title}`))),
    body.is_ephemeral ? null : footer(body, names, person, openThread));
}

function footer(body, names, person, openThread) {
  const toggle = (name, mine) => act(mine ? "unreact" : "react", { as: person, channel: body.channel, ts: body.ts, name });
  const given = (body.reactions ?? []).map(({ name, users, count }) => {
    const mine = users.includes(person);
    const who = users.map((id) => names.user(id) ?? id).join(", ");
    return h("button", { type: "button", "aria-pressed": String(mine), title: `:${name}: ${who}`, onclick: () => toggle(name, mine) }, `${names.emoji[name.split("::")[0]] ?? `:${name}:`} ${count}`);
  });
  const have = new Set((body.reactions ?? []).map((reaction) => reaction.name));
  const picks = QUICK.filter((name) => !have.has(name)).map((name) =>
    h("button", { type: "button", class: "pick", title: `React with :${name}:`, "aria-label": `React with ${name}`, onclick: () => toggle(name, false) }, names.emoji[name]));
  const count = body.reply_count;
  const thread = openThread ? h("button", { type: "button", class: "plain", onclick: () => openThread(body.thread_ts ?? body.ts) }, count ? `💬 ${count} ${count === 1 ? "reply" : "replies"}` : "💬 Reply") : null;
  return h("div", { class: "reactions" }, given, picks, thread);
}

async function click(body, element, block, value, node, { names, person }) {
  if (element.confirm && !(await confirmed(element.confirm, names))) return;
  if (element.url && /^https?:/i.test(element.url)) window.open(element.url, "_blank", "noopener");
  node.disabled = true;
  try {
    await act("click", { as: person, channel: body.channel, ts: body.ts, action_id: element.action_id, block_id: block.block_id, value, confirmed: true });
  } finally {
    node.disabled = false;
  }
}
