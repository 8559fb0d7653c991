// Uploads: pictures shown, texts previewed, the rest to be saved.

import { h } from "/page/dom.js";
import { t } from "/page/words.js";

const TEXTS = new Set(["txt", "diff", "patch", "md", "json", "yaml", "yml", "conf", "csv", "log", "text"]);
const PICTURES = new Set(["png", "jpg", "jpeg", "gif", "webp"]);
const PAGES = new Set(["html", "htm"]); // opened in a tab of their own, where they can run nothing
const LINES = 12;

export function files(list) {
  if (!list.length) return null;
  return h("div", { class: "files" }, list.map((file) => (PICTURES.has(file.filetype) ? picture(file) : h("div", { class: "file" }, head(file), TEXTS.has(file.filetype) ? preview(file) : null))));
}

function picture(file) {
  return h("figure", {}, h("figcaption", { class: "note" }, file.title), h("a", { href: file.url_private, target: "_blank", rel: "noopener" }, h("img", { src: file.url_private, alt: file.title, loading: "lazy" })));
}

function head(file) {
  const size = file.size < 1024 ? `${file.size} B` : `${(file.size / 1024).toFixed(file.size < 10240 ? 1 : 0)} kB`;
  const opened = PAGES.has(file.filetype) ? { target: "_blank", rel: "noopener" } : { download: file.name };
  return h("a", { href: file.url_private, ...opened, class: "filehead" }, h("span", { "aria-hidden": "true" }, "📄"), h("strong", {}, file.title), h("span", { class: "note" }, size));
}

function preview(file) {
  const pre = h("pre", { tabindex: "0" });
  const box = h("div", {}, pre);
  fetch(file.url_private).then((answer) => answer.text()).then((text) => {
    const lines = text.split("\n"), short = lines.slice(0, LINES).join("\n");
    pre.textContent = short;
    if (lines.length <= LINES) return;
    const more = h("button", { type: "button", class: "plain", "aria-expanded": "false", onclick: () => {
      const all = more.getAttribute("aria-expanded") === "false";
      pre.textContent = all ? text : short;
      more.setAttribute("aria-expanded", String(all));
      more.textContent = t(all ? "file.less" : "file.show");
    } }, t("file.show"));
    box.append(more);
  }).catch(() => { pre.textContent = file.title; });
  return box;
}
