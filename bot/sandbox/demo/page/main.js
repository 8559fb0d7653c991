// The demo's part of the page: production and inbox beside the conversation, and the guide above it.

import { drawGuide, guide } from "/ext/demo/guide.js";
import { inbox } from "/ext/demo/inbox.js";
import { production } from "/ext/demo/production.js";

const EVERY = 1000, KEPT = 180; // milliseconds between two looks; seconds in the pictures
const TABS = ["production", "inbox"];

export default async function demo(page) {
  const { h, t, read, beside } = page;
  await page.learn("/ext/demo");
  document.head.append(h("link", { rel: "stylesheet", href: "/ext/demo/style.css" }));
  page.addPane({ id: "production", icon: "📈", label: () => t("demo.production") });
  page.addPane({ id: "inbox", icon: "📥", label: () => t("demo.inbox") });

  const panels = { production: production(page), inbox: inbox(page) };
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": t("demo.beside") },
    TABS.map((id) => h("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}`, onclick: () => choose(id) }, t(`demo.${id}`), h("span", { class: "badge", hidden: true }))));
  beside.append(tabs, ...TABS.map((id) => h("div", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, tabindex: "0" }, panels[id].box)));
  beside.setAttribute("aria-label", t("demo.beside"));
  beside.hidden = false;
  tabs.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const next = TABS[1 - TABS.indexOf(chosen)];
    choose(next);
    page.byId(`tab-${next}`).focus();
  });

  let chosen = "production", since = 0, samples = [], unread = 0, letters = null;

  function choose(id) {
    chosen = id;
    for (const each of TABS) {
      page.byId(`panel-${each}`).hidden = each !== id;
      const tab = page.byId(`tab-${each}`);
      tab.setAttribute("aria-selected", String(each === id));
      tab.tabIndex = each === id ? 0 : -1;
    }
    if (id === "inbox") markUnread(0);
  }

  function markUnread(count) {
    unread = count;
    page.mark("inbox", count);
    const badge = page.byId("tab-inbox").querySelector(".badge");
    badge.hidden = !count;
    badge.textContent = String(count);
  }

  async function letterCame(count) {
    const seen = chosen === "inbox" && (page.pane() === "inbox" || innerWidth > 900);
    if (letters !== null && !seen) markUnread(unread + count - letters);
    letters = count;
    panels.inbox.draw((await read("/production/inbox")).letters);
  }

  async function look() {
    const now = await read(`/production/now?since=${since}`);
    samples = [...samples, ...now.samples].filter((sample) => sample.t > (now.samples.at(-1)?.t ?? since) - KEPT);
    since = samples.at(-1)?.t ?? since;
    panels.production.draw(now, samples);
    if (now.letters !== letters) await letterCame(now.letters);
    drawGuide(page, now, await read("/production/walk"));
  }

  async function watch() {
    if (!document.hidden) await look().catch(() => null); // the page itself says when the server has gone
    setTimeout(watch, EVERY);
  }

  page.onPane((id) => { if (TABS.includes(id)) choose(id); });
  choose(chosen);
  guide(page);
  await look();
  setTimeout(watch, EVERY);
}
