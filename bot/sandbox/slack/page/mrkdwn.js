// Slack's mrkdwn -> DOM nodes. Text arrives with & < > escaped; `<…>` marks mentions, links and dates.

import { h } from "/page/dom.js";
import { emojiNode } from "/page/emoji.js";
import { world } from "/page/model.js";
import { locale } from "/page/words.js";

const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
const MARKS = { "*": "strong", "_": "em", "~": "s" };
const EDGE = /[\s\p{P}\p{S}]|^$/u;

export function mrkdwn(text) {
  const nodes = [];
  text.split(/```/).forEach((part, index, all) => {
    const isCode = index % 2 === 1 && index < all.length - 1;
    if (isCode) nodes.push(h("pre", { tabindex: "0" }, unescaped(part.replace(/^\n|\n$/g, ""))));
    else nodes.push(...lines(index % 2 === 1 ? "```" + part : part.replace(index ? /^\n/ : /^$/, "")));
  });
  return nodes;
}

export const plain = (text) => inline(text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"), false);

export const textObject = (object) => (object.type === "mrkdwn" ? mrkdwn(object.text) : plain(object.text));

function lines(text) {
  const nodes = [];
  let quote = null, block = true;
  text.split("\n").forEach((line) => {
    const quoted = /^(?:&gt;|>) ?/.exec(line);
    const item = !quoted && /^(?:[•◦▪]|\d+\.) /.test(line);
    if (quoted && quote) quote.append(h("br"), ...inline(line.slice(quoted[0].length)));
    else if (quoted) nodes.push(quote = h("blockquote", {}, inline(line.slice(quoted[0].length))));
    else if (item) nodes.push(h("div", { class: "item" }, inline(line)));
    else {
      if (!block) nodes.push(h("br"));
      nodes.push(...inline(line));
    }
    if (!quoted) quote = null;
    block = Boolean(quoted || item);
  });
  return nodes;
}

function inline(text, marks = true) {
  const nodes = [];
  let run = "";
  const flush = () => { if (run) nodes.push(unescaped(run)); run = ""; };
  for (let at = 0; at < text.length;) {
    const piece = marks ? code(text, at) ?? entity(text, at) ?? marked(text, at) ?? emoji(text, at) : emoji(text, at);
    if (piece) { flush(); nodes.push(piece.node); at = piece.end; } else run += text[at++];
  }
  flush();
  return nodes;
}

function code(text, at) {
  if (text[at] !== "`") return null;
  const end = text.indexOf("`", at + 1);
  return end > at + 1 ? { node: h("code", {}, unescaped(text.slice(at + 1, end))), end: end + 1 } : null;
}

function marked(text, at) {
  const tag = MARKS[text[at]];
  if (!tag || !EDGE.test(text[at - 1] ?? "") || /\s/.test(text[at + 1] ?? " ")) return null;
  for (let end = text.indexOf(text[at], at + 1); end > 0; end = text.indexOf(text[at], end + 1)) {
    if (end > at + 1 && !/\s/.test(text[end - 1]) && EDGE.test(text[end + 1] ?? ""))
      return { node: h(tag, {}, inline(text.slice(at + 1, end))), end: end + 1 };
  }
  return null;
}

function emoji(text, at) {
  const found = text[at] === ":" && /^:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/.exec(text.slice(at, at + 60));
  const node = found && emojiNode(found[1]);
  return node ? { node, end: at + found[0].length } : null;
}

function entity(text, at) {
  const found = text[at] === "<" && /^<([^<>\n]+)>/.exec(text.slice(at));
  return found ? { node: reference(found[1]), end: at + found[0].length } : null;
}

export function mention(sign, shown, mine = false) {
  return h("span", { class: mine ? "mention mine" : "mention" }, sign + shown.replace(/^[@#]/, ""));
}

function reference(body) {
  const [target, label] = [body.split("|")[0], unescaped(body.split("|").slice(1).join("|"))];
  const id = target.slice(1);
  if (target.startsWith("@")) return mention("@", world.users[id]?.name ?? (label || id));
  if (target.startsWith("#")) return mention("#", world.channels[id]?.name ?? (label || id));
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return mention("@", world.groups[target.slice(9)]?.handle ?? (label || target.slice(9)));
  if (target.startsWith("!")) return mention("@", id);
  return link(unescaped(target), label) ?? document.createTextNode(unescaped(body));
}

export function link(address, label) {
  if (!/^(https?:|mailto:)/i.test(address)) return null;
  return h("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, label || address);
}

function date(target, fallback) {
  const [, seconds, format, address] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(fallback);
  const node = h("time", { datetime: when.toISOString(), title: fallback }, dateText(when, format ?? ""));
  return link(unescaped(address ?? ""), "") ? h("a", { href: unescaped(address), target: "_blank", rel: "noreferrer noopener" }, node) : node;
}

export function dateText(when, format) {
  const day = (style) => when.toLocaleDateString(locale(), style);
  const time = (style) => when.toLocaleTimeString(locale(), { timeStyle: style });
  const parts = {
    date_num: () => when.toLocaleDateString("sv"), date: () => day({ dateStyle: "long" }), date_short: () => day({ dateStyle: "medium" }),
    date_long: () => day({ dateStyle: "full" }), time: () => time("short"), time_secs: () => time("medium"), ago: () => time("short"),
  };
  return format.replace(/\{(\w+?)(?:_pretty)?\}/g, (all, name) => (parts[name] ? parts[name]() : all));
}
