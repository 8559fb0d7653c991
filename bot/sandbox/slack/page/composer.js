// The box one writes in: sends with Enter, suggests while one types.

import { act, toast } from "/page/api.js";
import { suggestions, withMentions } from "/page/completion.js";
import { h } from "/page/dom.js";
import { now } from "/page/model.js";
import { toEnd } from "/page/talk.js";
import { t } from "/page/words.js";

let boxes = 0;

// thread: () => the ts that is answered, or null. Returns {box, write(text), say(placeholder)}.
export function composer(form, thread, label) {
  const id = `suggestions-${boxes++}`;
  const list = h("div", { id, class: "suggestions", role: "listbox", "aria-label": t("complete"), hidden: true });
  const box = h("textarea", { rows: "1", "aria-label": label, autocomplete: "off", role: "combobox", "aria-controls": id, "aria-expanded": "false", "aria-autocomplete": "list" });
  const send = h("button", { class: "primary send", "aria-label": t("send"), title: t("send") }, "➤");
  form.replaceChildren(list, h("div", { class: "box" }, box, send));
  const offer = new Offer(box, list);
  box.addEventListener("input", () => { grow(box); offer.update(); });
  box.addEventListener("blur", () => setTimeout(() => offer.close(), 150));
  box.addEventListener("keydown", (event) => {
    if (offer.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) return;
    offer.close();
    write("");
    toEnd(form.parentElement.querySelector("[role=log]"));
    const result = await deliver(text, thread());
    if (!result.ok && !box.value) write(text);
  });
  const write = (text) => { box.value = text; grow(box); };
  return { box, write, say: (text) => { box.placeholder = text; }, suggest: () => offer.update() };
}

function deliver(text, thread) {
  const base = { as: now.person, channel: now.channel };
  if (/^\/[a-z]/.test(text) && thread) {
    toast(t("no_command_in_thread"));
    return { ok: false };
  }
  if (text.startsWith("/") && !thread) return act("command", { ...base, text, wait: 0 });
  return act("post", { ...base, text: withMentions(text), thread_ts: thread });
}

function grow(box) {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 180)}px`;
}

class Offer {
  constructor(box, list) { Object.assign(this, { box, list, items: [], at: 0 }); }

  update() {
    this.items = this.box.selectionStart === this.box.value.length ? suggestions(this.box.value) : [];
    this.at = 0;
    this.draw();
  }

  close() { this.items = []; this.draw(); }

  draw() {
    const { box, list, items, at } = this;
    list.hidden = !items.length;
    box.setAttribute("aria-expanded", String(items.length > 0));
    list.replaceChildren(...items.map((item, index) => h("div", { role: "option", id: `${list.id}-${index}`, "aria-selected": String(index === at), onpointerdown: (event) => { event.preventDefault(); this.take(index); } },
      item.icon ? h("span", { class: "emoji" }, item.icon) : null, h("code", {}, item.shown), h("span", { class: "note" }, item.note))),
      ...(items.length ? [h("div", { class: "hint note", "aria-hidden": "true" }, t("complete.hint"))] : []));
    if (items.length) { box.setAttribute("aria-activedescendant", `${list.id}-${at}`); list.children[at]?.scrollIntoView({ block: "nearest" }); }
    else box.removeAttribute("aria-activedescendant");
  }

  take(index) {
    this.box.value = this.items[index].take;
    grow(this.box);
    this.box.focus();
    this.update();
  }

  // Whether the key was for the list.
  key(event) {
    if (!this.items.length || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { this.at = (this.at + step + this.items.length) % this.items.length; this.draw(); }
    else if (event.key === "Tab" && !event.shiftKey) this.take(this.at);
    else if (event.key === "Escape") this.close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
}
