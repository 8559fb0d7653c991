// Block Kit -> DOM nodes. `press(element, block, value, node)` is called for anything a person can use.

import { h } from "/page/dom.js";
import { control } from "/page/elements.js";
import { markdown } from "/page/markdown.js";
import { textObject } from "/page/mrkdwn.js";
import { richText } from "/page/rich.js";

export function blocks(list, press) {
  return list.map((block) => {
    const draw = BLOCKS[block.type];
    return h("div", { class: `block ${block.type}`, role: block.type === "header" ? "heading" : null, "aria-level": block.type === "header" ? "3" : null },
      draw ? draw(block, press) : `[${block.type}]`);
  });
}

const BLOCKS = {
  header: (block) => textObject(block.text),
  divider: () => h("hr"),
  context: (block) => block.elements.map((part) => (part.type === "image" ? image(part) : h("span", {}, textObject(part)))),
  image: (block) => [block.title ? h("div", { class: "note" }, textObject(block.title)) : null, image(block)],
  markdown: (block) => markdown(block.text),
  rich_text: (block) => block.elements.map(richText),
  actions: (block, press) => block.elements.map((element) => control(element, block, press)),
  section: (block, press) => [
    h("div", { class: "body" },
      block.text ? h("div", { class: "text" }, textObject(block.text)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", {}, textObject(field)))) : null),
    block.accessory ? (block.accessory.type === "image" ? image(block.accessory) : control(block.accessory, block, press)) : null,
  ],
  input: (block) => h("span", {}, textObject(block.label)),
  table: (block) => table(block),
};

function table(block) {
  const side = (column) => block.column_settings?.[column]?.align;
  const cell = (tag) => (item, column) => h(tag, { class: side(column), scope: tag === "th" ? "col" : null }, item.type === "raw_text" ? item.text : item.elements.map(richText));
  const [head, ...rows] = block.rows;
  return h("div", { class: "scroll", tabindex: "0" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map(cell("th")))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell("td")))))));
}

export function image(part) {
  // Only pictures this server holds are shown: the page fetches nothing from elsewhere.
  const given = part.slack_file?.id ? `${location.origin}/files/${part.slack_file.id}` : part.slack_file?.url ?? part.image_url;
  const local = given?.startsWith(location.origin + "/") && given;
  return local ? h("img", { src: local, alt: part.alt_text, loading: "lazy" }) : h("span", { class: "note picture" }, `🖼 ${part.alt_text}`);
}
