// A small menu under a button: arrows move, Enter takes, Esc closes and gives the focus back.

import { h } from "/page/dom.js";

let open = null;

export const menuIsOpen = () => open !== null;

// items: {label, note?, icon?, checked?, run} — `checked` makes them radio items.
export function openMenu(button, items, title = "") {
  closeMenu();
  const menu = h("div", { class: "menu", role: "menu", "aria-label": title || null }, title ? h("div", { class: "note", role: "presentation" }, title) : null,
    items.map((item) => h("button", { type: "button", role: item.checked === undefined ? "menuitem" : "menuitemradio", "aria-checked": item.checked === undefined ? null : String(item.checked), tabindex: "-1",
      onclick: () => { closeMenu(); item.run(); } }, item.icon ?? null, h("span", {}, item.label, item.note ? h("span", { class: "note" }, item.note) : null))));
  open = { menu, button };
  button.setAttribute("aria-expanded", "true");
  document.body.append(menu);
  place(menu, button);
  menu.addEventListener("keydown", move);
  setTimeout(() => document.addEventListener("pointerdown", outside));
  (menu.querySelector('[aria-checked="true"]') ?? menu.querySelector("button"))?.focus();
}

export function closeMenu() {
  if (!open) return;
  const { menu, button } = open;
  open = null;
  document.removeEventListener("pointerdown", outside);
  button.setAttribute("aria-expanded", "false");
  menu.remove();
  if (button.isConnected) button.focus({ preventScroll: true });
}

function outside(event) {
  if (open && !open.menu.contains(event.target) && !open.button.contains(event.target)) closeMenu();
}

function move(event) {
  const items = [...event.currentTarget.querySelectorAll("button")];
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) { event.preventDefault(); items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus(); }
  else if (event.key === "Escape" || event.key === "Tab") { event.preventDefault(); event.stopPropagation(); closeMenu(); }
}

// Below the anchor, or above it where there is no room; never outside the window.
export function place(box, anchor) {
  const at = anchor.getBoundingClientRect(), size = box.getBoundingClientRect(), gap = 6;
  const left = Math.max(gap, Math.min(at.right - size.width, innerWidth - size.width - gap));
  const below = at.bottom + gap + size.height <= innerHeight;
  box.style.left = `${left}px`;
  box.style.top = `${Math.max(gap, below ? at.bottom + gap : at.top - size.height - gap)}px`;
}
