// The first walk: five steps, ticked off by what really happened. And, when one plays, the scenario's own words.

const STEPS = ["start", "refused", "approved", "promoted", "saved"];
const CLOSED = "guide.closed";

export function guide(page) {
  page.tools.append(page.h("button", { type: "button", id: "guide-button", "aria-expanded": String(isOpen()), onclick: (event) => {
    if (isOpen()) localStorage.setItem(CLOSED, "yes");
    else localStorage.removeItem(CLOSED);
    event.currentTarget.setAttribute("aria-expanded", String(isOpen()));
    page.notice.hidden = !isOpen();
  } }, page.t("guide")));
}

const isOpen = () => localStorage.getItem(CLOSED) === null;

export function drawGuide(page, now, walk) {
  page.notice.hidden = !isOpen();
  if (now.playing) page.reconcile(page.notice, [playing(page, now.playing)]);
  else if (walk.ok) page.reconcile(page.notice, [steps(page, now, walk)]);
}

function playing({ h, t }, { name, speed, state, lines }) {
  const title = t(`guide.${["playing", "done"].includes(state) ? state : "broke"}`, { name, speed, why: state });
  return { key: "playing", sign: JSON.stringify([state, lines]), make: () => h("section", { class: "guide", "aria-label": t("guide") }, h("strong", {}, title), h("pre", {}, lines.slice(-5).join("\n"))) };
}

function steps(page, now, { done, where }) {
  const { h, t } = page;
  const next = STEPS.find((step) => !done.includes(step)) ?? "end";
  const over = where.status && !where.active && !["start", "end"].includes(next);
  const shown = over ? "over" : next;
  const facts = { service: now.about.service, version: where.status === "completed" ? following(now.pools.canary.version) : now.pools.canary.version };
  return { key: "steps", sign: `${done} ${shown} ${facts.version}`, make: () => h("section", { class: "guide", "aria-label": t("guide") },
    h("ol", { class: "steps" }, STEPS.map((step) => h("li", { class: done.includes(step) ? "done" : null, "data-step": step, "aria-current": step === next ? "step" : null }, h("span", { class: "sign", "aria-hidden": "true" }, done.includes(step) ? "✓" : String(STEPS.indexOf(step) + 1)), t(`guide.${step}.title`)))),
    h("div", { class: "say" }, h("p", {}, t(`guide.${shown}`, facts)), help(page, shown, facts)),
    h("button", { type: "button", class: "icon", "aria-label": t("guide.close"), onclick: () => page.byId("guide-button").click() }, "✕")) };
}

// What serves everybody cannot be rolled out once more: 2.1.0 -> 2.1.1.
const following = (version) => version.replace(/\d+(?=\D*$)/, (number) => String(Number(number) + 1));

// What the guide can do for somebody in a hurry; the acts that count stay the person's own.
function help({ h, t, write, become, showPane, byId, world }, step, { service, version }) {
  const who = (name) => Object.values(world.users).find((user) => user.name === name)?.id;
  const acts = {
    start: () => write(`/rollout start ${service} ${version}`),
    over: () => write(`/rollout start ${service} ${version}`),
    approved: who("wang") ? () => become(who("wang")) : null,
    saved: () => { showPane("production"); byId("dial-error_ratio").focus(); },
  };
  return acts[step] ? h("button", { type: "button", class: "primary", onclick: acts[step] }, t(`guide.${step}.do`)) : null;
}
