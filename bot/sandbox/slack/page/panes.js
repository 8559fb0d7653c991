// On a phone one part of the page at a time, chosen in a bar at the bottom.

import { byId, h, reconcile } from "/page/dom.js";
import { t } from "/page/words.js";

const panes = [{ id: "side", icon: "☰", label: () => t("pane.side") }, { id: "talk", icon: "💬", label: () => t("pane.talk") }];
const marks = {};
const shown = [];

// An extension's part: id is also the data-pane of the body while it is shown.
export function addPane(pane) { panes.push(pane); drawBar(); }
export function mark(id, count) { marks[id] = count; drawBar(); }
export const onPane = (heed) => shown.push(heed);
export const pane = () => document.body.dataset.pane;

export function showPane(id) {
  document.body.dataset.pane = id;
  drawBar();
  for (const heed of shown) heed(id);
}

export function drawBar() {
  const bar = byId("bar"), current = pane();
  bar.setAttribute("aria-label", t("bar"));
  reconcile(bar, panes.map(({ id, icon, label }) => ({ key: id, sign: `${label()} ${current === id} ${marks[id] ?? 0}`, make: () =>
    h("button", { type: "button", "data-pane": id, "data-focus": id, "aria-current": current === id ? "page" : null, onclick: () => showPane(id) },
      h("span", { class: "emoji", "aria-hidden": "true" }, icon), label(), marks[id] ? h("span", { class: "badge" }, String(marks[id])) : null) })));
}
