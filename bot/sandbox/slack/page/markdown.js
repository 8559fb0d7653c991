// The `markdown` block: as much of Markdown as an app is likely to send, brought to mrkdwn line by line.

import { h } from "/page/dom.js";
import { mrkdwn } from "/page/mrkdwn.js";

export function markdown(text) {
  const nodes = [];
  for (const part of text.split(/(```[\s\S]*?```)/)) {
    if (part.startsWith("```")) nodes.push(h("pre", { tabindex: "0" }, part.slice(3, -3).replace(/^\w*\n|\n$/g, "")));
    else nodes.push(...part.split("\n").flatMap(line));
  }
  return nodes;
}

function line(text) {
  const heading = /^#{1,6} (.*)/.exec(text);
  if (heading) return [h("div", { class: "subhead" }, mrkdwn(marks(heading[1])))];
  return [h("div", { class: "line" }, mrkdwn(marks(text.replace(/^(\s*)[-*] /, "$1• "))))];
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const marks = (text) => escaped(text)
  .replace(/\[([^\]]+)\]\((https?:[^)\s]+)\)/g, "<$2|$1>")
  .replace(/\*\*([^*]+)\*\*/g, "*$1*").replace(/~~([^~]+)~~/g, "~$1~");
