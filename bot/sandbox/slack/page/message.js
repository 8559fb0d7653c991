// One message: who, when, what, its reactions, its thread, and what one can do with it.

import { act } from "/page/api.js";
import { blocks } from "/page/blocks.js";
import { confirmed } from "/page/dialogs.js";
import { h } from "/page/dom.js";
import { files } from "/page/files.js";
import { mrkdwn } from "/page/mrkdwn.js";
import { now, shownName, world } from "/page/model.js";
import { chips, quick } from "/page/reactions.js";
import { locale, t } from "/page/words.js";

const COLOURS = 8;

export function avatar(id, small = false) {
  const user = world.users[id];
  const tone = [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7) % COLOURS;
  const letters = user?.is_bot ? "🤖" : (user?.real_name ?? id).trim().slice(0, 1).toUpperCase();
  return h("span", { class: `avatar tone-${tone}${small ? " small" : ""}`, "aria-hidden": "true" }, letters);
}

export const clock = (when) => when.toLocaleTimeString(locale(), { hour: "2-digit", minute: "2-digit", hour12: false });

export function tags(user) {
  const found = [user?.is_bot && "app", user?.is_restricted && "guest", user?.is_stranger && "external", user?.deleted && "deactivated"];
  return found.filter(Boolean).map((tag) => h("span", { class: "tag" }, t(`tag.${tag}`)));
}

// options: follows (the one before is by the same person, shortly before), openThread (absent inside a thread).
export function message(body, { follows, openThread }) {
  const when = new Date(Number(body.ts) * 1000);
  const time = h("time", { datetime: when.toISOString(), title: when.toLocaleString(locale()) }, clock(when));
  const press = (element, block, value, node) => click(body, element, block, value, node);
  return h("article", { "data-ts": body.ts, "data-by": world.users[body.user]?.name, class: [body.is_ephemeral && "ephemeral", follows && "follows"].filter(Boolean).join(" ") || null },
    h("div", { class: "gutter" }, follows ? time : avatar(body.user)),
    h("div", { class: "content" },
      body.is_ephemeral ? h("div", { class: "note private" }, `👁 ${t("only_you")}`) : null,
      follows ? null : h("div", { class: "by" }, h("strong", { class: "who" }, shownName(body.user)), tags(world.users[body.user]), time),
      said(body, press),
      files(body.files ?? []),
      body.is_ephemeral ? null : h("div", { class: "below" }, chips(body), openThread ? replies(body, openThread) : null)),
    body.is_ephemeral ? null : h("div", { class: "tools" }, quick(body),
      openThread ? h("button", { type: "button", class: "icon", title: t("in_thread"), "aria-label": t("in_thread"), onclick: () => openThread(body.thread_ts ?? body.ts) }, "💬") : null));
}

function said(body, press) {
  // A person's edit is marked; an app's card changes all the time.
  const edited = body.edited && !body.bot_id ? h("span", { class: "note" }, ` ${t("edited")}`) : null;
  const own = body.blocks?.length ? blocks(body.blocks, press) : body.text ? h("div", { class: "text" }, mrkdwn(body.text), edited) : null;
  const attached = (body.attachments ?? []).map((part) => h("div", { class: "attachment" }, part.blocks ? blocks(part.blocks, press) : mrkdwn(part.text ?? part.fallback ?? "")));
  return [own, attached];
}

function replies(body, openThread) {
  const count = body.reply_count;
  if (!count) return null;
  const last = new Date(Number(body.latest_reply) * 1000);
  return h("button", { type: "button", class: "replies", "data-focus": "replies", onclick: () => openThread(body.ts) },
    (body.reply_users ?? []).slice(0, 3).map((id) => avatar(id, true)),
    h("span", {}, count === 1 ? t("replies.one") : t("replies.many", { n: count })), h("span", { class: "note" }, t("last_reply", { time: clock(last) })));
}

async function click(body, element, block, value, node) {
  if (element.confirm && !(await confirmed(element.confirm))) return;
  if (element.url && /^https?:/i.test(element.url)) window.open(element.url, "_blank", "noopener");
  if (node) node.disabled = true;
  try {
    await act("click", { as: now.person, channel: body.channel, ts: body.ts, action_id: element.action_id, block_id: block.block_id, value: value ?? element.value, confirmed: true });
  } finally {
    if (node) node.disabled = false;
  }
}
