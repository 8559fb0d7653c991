// rich_text blocks -> DOM nodes.

import { h } from "/page/dom.js";
import { emojiChar } from "/page/emoji.js";
import { dateText, link, mention } from "/page/mrkdwn.js";
import { world } from "/page/model.js";

const STYLES = [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"], ["underline", "u"]];

export function richText(part) {
  const inside = part.elements.map((piece) => (piece.elements ? richText(piece) : richPiece(piece)));
  if (part.type === "rich_text_preformatted") return h("pre", { tabindex: "0" }, inside);
  if (part.type === "rich_text_quote") return h("blockquote", {}, inside);
  if (part.type === "rich_text_list") return h(part.style === "ordered" ? "ol" : "ul", { class: part.indent ? `indent-${Math.min(part.indent, 4)}` : null }, inside.map((item) => h("li", {}, item)));
  return h("div", {}, inside);
}

const PIECES = {
  text: (piece) => piece.text,
  link: (piece) => link(piece.url, piece.text) ?? piece.text ?? piece.url,
  user: (piece) => mention("@", world.users[piece.user_id]?.name ?? piece.user_id),
  usergroup: (piece) => mention("@", world.groups[piece.usergroup_id]?.handle ?? piece.usergroup_id),
  channel: (piece) => mention("#", world.channels[piece.channel_id]?.name ?? piece.channel_id),
  broadcast: (piece) => mention("@", piece.range),
  emoji: (piece) => emojiChar(piece.skin_tone ? `${piece.name}::skin-tone-${piece.skin_tone}` : piece.name) ?? `:${piece.name}:`,
  date: (piece) => dateText(new Date(piece.timestamp * 1000), piece.format ?? "{date_num}"),
  color: (piece) => h("code", {}, piece.value),
};

function richPiece(piece) {
  let node = PIECES[piece.type]?.(piece) ?? piece.text ?? "";
  for (const [style, tag] of STYLES) if (piece.style?.[style]) node = h(tag, {}, node);
  return node;
}
