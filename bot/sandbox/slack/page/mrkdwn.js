// Slack's mrkdwn -> DOM nodes. Text arrives with & < > escaped; `<…>` marks mentions, links and dates.

import { h } from "/page/dom.js";

const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
const MARKS = { "*": "strong", "_": "em", "~": "s" };
const EDGE = /[\s\p{P}\p{S}]|^$/u;

export function mrkdwn(text, names) {
  const nodes = [];
  text.split(/```/).forEach((part, index, all) => {
    const isCode = index % 2 === 1 && index < all.length - 1;
    if (isCode) nodes.push(h("pre", {}, unescaped(part.replace(/^\n|\n$/g, ""))));
    else nodes.push(...lines(index % 2 === 1 ? "```" + part : part, names));
  });
  return nodes;
}

export const plain = (text, names) => inline(text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"), names, false);

function lines(text, names) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, index) => {
    const quoted = /^(?:&gt;|>) ?/.exec(line);
    if (quoted) {
      if (!quote) nodes.push(quote = h("blockquote"));
      else quote.append(h("br"));
      quote.append(...inline(line.slice(quoted[0].length), names));
      return;
    }
    if (index > 0 && !quote) nodes.push(h("br"));
    quote = null;
    nodes.push(...inline(line, names));
  });
  return nodes;
}

function inline(text, names, marks = true) {
  const nodes = [];
  let run = "";
  const flush = () => { if (run) nodes.push(unescaped(run)); run = ""; };
  for (let at = 0; at < text.length;) {
    const piece = marks ? code(text, at) ?? entity(text, at, names) ?? marked(text, at, names) ?? emoji(text, at, names) : emoji(text, at, names);
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

function marked(text, at, names) {
  const tag = MARKS[text[at]];
  if (!tag || !EDGE.test(text[at - 1] ?? "") || /\s/.test(text[at + 1] ?? " ")) return null;
  for (let end = text.indexOf(text[at], at + 1); end > 0; end = text.indexOf(text[at], end + 1)) {
    if (end > at + 1 && !/\s/.test(text[end - 1]) && EDGE.test(text[end + 1] ?? ""))
      return { node: h(tag, {}, ...inline(text.slice(at + 1, end), names)), end: end + 1 };
  }
  return null;
}

function emoji(text, at, names) {
  const found = text[at] === ":" && /^:([a-z0-9_+'-]+)(?:::skin-tone-[2-6])?:/.exec(text.slice(at, at + 60));
  const char = found && names.emoji[found[1]];
  return char ? { node: h("span", { title: found[0], role: "img", "aria-label": found[1] }, char), end: at + found[0].length } : null;
}

function entity(text, at, names) {
  const found = text[at] === "<" && /^<([^<>\n]+)>/.exec(text.slice(at));
  return found ? { node: reference(found[1], names), end: at + found[0].length } : null;
}

function reference(body, names) {
  const [target, label] = [body.split("|")[0], body.split("|").slice(1).join("|")];
  const mention = (shown) => h("span", { class: "mention" }, unescaped(shown).replace(/^([@#])[@#]/, "$1"));
  if (target.startsWith("@")) return mention("@" + (names.user(target.slice(1)) ?? (label || target.slice(1))));
  if (target.startsWith("#")) return mention("#" + (names.channel(target.slice(1)) ?? (label || target.slice(1))));
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!subteam^")) return mention("@" + (names.group(target.slice(9)) ?? (label || target.slice(9))));
  if (target.startsWith("!")) return mention("@" + target.slice(1));
  const address = unescaped(target);
  if (!/^(https?:|mailto:)/i.test(address)) return document.createTextNode(unescaped(body));
  return h("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, unescaped(label || target));
}

function date(target, fallback) {
  const [, seconds, format, link] = target.split("^");
  const when = new Date(Number(seconds) * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(unescaped(fallback));
  const day = (style) => when.toLocaleDateString(undefined, style);
  const parts = {
    date_num: () => when.toLocaleDateString("sv"), date: () => day({ dateStyle: "long" }),
    date_short: () => day({ dateStyle: "medium" }), date_long: () => day({ dateStyle: "full" }),
    time: () => when.toLocaleTimeString([], { timeStyle: "short" }), time_secs: () => when.toLocaleTimeString([], { timeStyle: "medium" }),
  };
  const shown = (format ?? "").replace(/\{(\w+?)(?:_pretty)?\}/g, (all, name) => (parts[name] ? parts[name]() : all));
  const node = h("time", { datetime: when.toISOString(), title: unescaped(fallback) }, shown);
  return /^https?:/i.test(link ?? "") ? h("a", { href: unescaped(link), target: "_blank", rel: "noreferrer noopener" }, node) : node;
}
