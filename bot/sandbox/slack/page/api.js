// Talking to the server, and telling the person when it refuses.

import { byId } from "/page/dom.js";
import { t } from "/page/words.js";

let hiding;
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, 6000);
}

export async function read(path) {
  return (await fetch(path)).json();
}

export async function post(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return (await fetch(path, options)).json();
}

// These are shown beside the field they are about.
const QUIET = new Set(["view_errors", "missing_input"]);

export async function act(name, body) {
  const result = await post(`/control/${name}`, body).catch(() => ({ ok: false, error: t("gone") }));
  if (!result.ok && !QUIET.has(result.error)) {
    const known = t(`error.${result.error}`);
    toast(t("failed", { what: t(`act.${name}`), why: known.startsWith("error.") ? result.error : known }));
  }
  return result;
}
