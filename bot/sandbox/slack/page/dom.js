// Elements are built node by node and text only ever becomes a text node, so nothing in a message can run.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

let hiding;
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { box.hidden = true; }, 6000);
}

export async function read(path) {
  const answer = await fetch(path);
  return answer.json();
}

export async function act(name, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`/control/${name}`, options);
  const result = await answer.json();
  if (!result.ok && !QUIET.has(result.error)) toast(explain(name, body, result));
  return result;
}

// These are shown beside the field they are about.
const QUIET = new Set(["view_errors", "missing_input"]);

const WORDS = {
  operation_timeout: "the app did not answer within 3 seconds",
  dispatch_failed: "the app is not connected",
  unknown_command: "the app has no such command",
  not_in_channel: "you are not in this channel",
  account_inactive: "this account is deactivated",
};

function explain(name, body, result) {
  const what = name === "command" ? `${body.text.split(" ")[0]} failed` : `${name} failed`;
  return `${what}: ${WORDS[result.error] ?? result.error}`;
}
