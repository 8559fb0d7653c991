// Block Kit -> DOM nodes. `press(element, block, value)` is called for anything a person can use.

import { h } from "/page/dom.js";
import { mrkdwn, plain } from "/page/mrkdwn.js";

const text = (object, names) => (object.type === "mrkdwn" ? mrkdwn(object.text, names) : plain(object.text, names));

export function blocks(list, names, press) {
  return list.map((block) => {
    const draw = BLOCKS[block.type];
    return h("div", { class: `block ${block.type}` }, draw ? draw(block, names, press) : `[${block.type}]`);
  });
}

const BLOCKS = {
  header: (block, names) => text(block.text, names),
  divider: () => [h("hr")],
  context: (block, names) => block.elements.map((part) => (part.type === "image" ? image(part) : h("span", {}, text(part, names)))),
  image: (block, names) => [block.title ? h("div", { class: "note" }, text(block.title, names)) : null, image(block)],
  markdown: (block, names) => mrkdwn(block.text, names),
  rich_text: (block, names) => block.elements.map((part) => rich(part, names)),
  actions: (block, names, press) => block.elements.map((element) => control(element, block, names, press)),
  section: (block, names, press) => [
    h("div", { class: "body" },
      block.text ? h("div", {}, text(block.text, names)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", {}, text(field, names)))) : null),
    block.accessory ? control(block.accessory, block, names, press) : null,
  ],
  input: (block, names) => [h("span", {}, text(block.label, names))],
  table: (block, names) => {
    const side = (column) => block.column_settings?.[column]?.align;
    const rows = block.rows.map((row) => h("tr", {}, row.map((cell, column) => h("td", { class: side(column) },
      cell.type === "raw_text" ? cell.text : cell.elements.map((part) => rich(part, names))))));
    return [h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, rows)))];
  },
};

function image(part) {
  // Only pictures this server holds are shown: the page fetches nothing from elsewhere.
  const local = part.image_url?.startsWith(location.origin + "/") && part.image_url;
  return local ? h("img", { src: local, alt: part.alt_text }) : h("span", { class: "note" }, `🖼 ${part.alt_text}`);
}

function rich(part, names) {
  const inside = part.elements.map((piece) => (piece.elements ? rich(piece, names) : richPiece(piece, names)));
  if (part.type === "rich_text_preformatted") return h("pre", {}, inside);
  if (part.type === "rich_text_quote") return h("blockquote", {}, inside);
  if (part.type === "rich_text_list") return h(part.style === "ordered" ? "ol" : "ul", {}, inside.map((item) => h("li", {}, item)));
  return h("div", {}, inside);
}

function richPiece(piece, names) {
  const styles = piece.style ?? {};
  let node = { text: piece.text, user: `@${names.user(piece.user_id) ?? piece.user_id}`, channel: `#${names.channel(piece.channel_id) ?? piece.channel_id}`, emoji: names.emoji[piece.name] ?? `:${piece.name}:` }[piece.type] ?? "";
  if (piece.type === "link") node = /^https?:/i.test(piece.url) ? h("a", { href: piece.url, target: "_blank", rel: "noreferrer noopener" }, piece.text ?? piece.url) : piece.text ?? "";
  for (const [style, tag] of [["code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"]]) if (styles[style]) node = h(tag, {}, node);
  return node;
}

function control(element, block, names, press) {
  if (element.type === "image") return image(element);
  if (element.type === "button") {
    const label = text(element.text, names);
    return h("button", { type: "button", class: element.style, onclick: (event) => press(element, block, undefined, event.currentTarget) }, label);
  }
  const options = element.options ?? element.option_groups?.flatMap((group) => group.options) ?? [];
  if (!options.length) return h("span", { class: "note" }, `[${element.type}]`);
  const first = element.placeholder?.text ?? (element.type === "overflow" ? "⋯" : "Choose…");
  const choose = (event) => { const { value } = event.target; if (value) press(element, block, element.type.startsWith("multi") || element.type === "checkboxes" ? [value] : value, event.target); event.target.value = ""; };
  return h("select", { onchange: choose, "aria-label": first }, h("option", { value: "" }, first), options.map((option) => h("option", { value: option.value }, option.text.text)));
}

export { text };
