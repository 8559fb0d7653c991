// Elements are built node by node and text only ever becomes a text node, so nothing in a message can run.

const SVG = "http://www.w3.org/2000/svg";

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Brings the children of `box` in line with `items`: a node is made anew only when what it shows has changed, so that
// scrolling, selection and focus survive. item: {key, sign, make}.
const drawn = new WeakMap();

export function reconcile(box, items) {
  const before = drawn.get(box) ?? new Map();
  const after = new Map();
  for (const { key, sign, make } of items) {
    const known = before.get(key);
    after.set(key, known?.sign === sign ? known : { sign, node: replaced(known?.node, make) });
  }
  for (const [key, { node }] of before) if (after.get(key)?.node !== node) node.remove();
  let next = box.firstChild;
  for (const { node } of after.values()) {
    if (node === next) next = next.nextSibling;
    else box.insertBefore(node, next);
  }
  while (next) { const gone = next; next = next.nextSibling; gone.remove(); }
  drawn.set(box, after);
  return after;
}

function replaced(old, make) {
  const node = make();
  const focused = old?.contains(document.activeElement) && document.activeElement.dataset.focus;
  if (focused) queueMicrotask(() => node.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true }));
  return node;
}
