// Traffic, what Prometheus measures, the hosts, and everything that can be broken and mended.

import { chart } from "/ext/demo/chart.js";
import { showFile } from "/ext/demo/file.js";

const DIALS = [
  { name: "error_ratio", most: 1, step: 0.05, say: (value) => `${Math.round(value * 100)} %` },
  { name: "latency_s", most: 12, step: 0.5, say: (value) => `${value} s` },
  { name: "memory_mb", most: 400, step: 25, say: (value) => `${value} MB` },
];

export function production(page) {
  const { h, t } = page;
  const parts = Object.fromEntries(["pictures", "hosts", "dials", "world"].map((name) => [name, h("div", { class: name })]));
  const box = h("div", { class: "production" },
    parts.pictures, h("h2", {}, t("demo.hosts")), parts.hosts,
    h("h2", {}, t("demo.break")), parts.dials, h("h2", {}, t("demo.world")), parts.world);
  return { box, draw: (now, samples) => draw(page, parts, now, samples) };
}

function draw(page, parts, now, samples) {
  parts.pictures.replaceChildren(...pictures(page, samples));
  page.reconcile(parts.hosts, now.hosts.map((host) => hostRow(page, host, now.switches.edited.includes(host.name))));
  page.reconcile(parts.dials, [...DIALS.map((dial) => dialRow(page, dial, now)), crashRow(page, now)]);
  page.reconcile(parts.world, ["prometheus", "slack"].map((name) => worldRow(page, name, now.switches[name])));
}

function pictures(page, samples) {
  const { t } = page;
  const of = (value) => Object.fromEntries(["stable", "canary"].map((pool) => [pool, samples.map((sample) => ({ t: sample.t, value: value(sample, pool) ?? null }))]));
  return [
    chart(page, { title: t("demo.traffic"), series: of((sample, pool) => sample.pools[pool].rate), say: (value) => `${Math.round(value)}/s`, top: 10, stacked: true }),
    chart(page, { title: t("demo.errors"), series: of((sample, pool) => sample.prometheus?.[pool]?.error_rate), say: (value) => `${value.toFixed(1)} %`, top: 5 }),
    chart(page, { title: t("demo.p95"), series: of((sample, pool) => sample.prometheus?.[pool]?.p95), say: (value) => `${Math.round(value * 1000)} ms`, top: 0.1 }),
  ];
}

const change = (page, what, body) => async () => {
  const answer = await page.post(`/production/${what}`, body).catch(() => ({ ok: false, error: page.t("gone") }));
  if (!answer.ok) page.toast(answer.error);
};

function button({ h }, label, run, attributes = {}) {
  return h("button", { type: "button", ...attributes, onclick: async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    await run();
    pressed.disabled = false;
  } }, label);
}

function hostRow(page, host, edited) {
  const { h, t } = page;
  const state = !host.running ? t("demo.down") : host.file === "absent" ? t("demo.no_file") : host.file === "foreign" ? t("demo.foreign")
    : t("demo.serving", { weight: host.weight ?? "—", generation: host.generation }) + (host.internal ? ` · ${t("demo.internal")}` : "") + (host.file === "edited" ? ` · ${t("demo.edited")}` : "");
  return { key: host.name, sign: JSON.stringify([host, edited]), make: () => h("div", { class: "row", "data-host": host.name },
    h("div", { class: "what" }, h("strong", { class: host.running ? "up" : "off" }, host.name), h("span", { class: "note" }, state)),
    button(page, t("demo.file"), () => showFile(page, host.name, edited), { "data-focus": "file", disabled: host.file === "absent", "aria-label": t("demo.file_of", { name: host.name }) }),
    button(page, t(host.running ? "demo.take_down" : "demo.bring_up"), change(page, "host", { name: host.name, running: !host.running }), { "data-focus": "power", class: host.running ? null : "primary" })) };
}

function dialRow(page, { name, most, step, say }, now) {
  const { h, t } = page, value = now.switches.dial[name], id = `dial-${name}`;
  const label = t(`demo.dial.${name}`);
  return { key: name, sign: JSON.stringify([value, now.switches.canary]), make: () => {
    const shown = h("output", { for: id }, say(value));
    return h("div", { class: "row" }, h("label", { for: id }, label), h("input", { type: "range", id, min: 0, max: most, step, value, "data-focus": id, disabled: !now.switches.canary,
      oninput: (event) => { shown.textContent = say(Number(event.target.value)); },
      onchange: (event) => change(page, "dial", { [name]: Number(event.target.value) })() }), shown);
  } };
}

function crashRow(page, now) {
  const { h, t } = page, { canary } = now.switches, { version } = now.pools.canary;
  return { key: "crash", sign: `${canary} ${version}`, make: () => h("div", { class: "row" },
    h("div", { class: "what" }, h("strong", { class: canary ? "up" : "off" }, t("demo.version", { version })), h("span", { class: "note" }, t(canary ? "demo.running" : "demo.crashed"))),
    canary ? button(page, t("demo.crash"), change(page, "dial", { crash: true }), { class: "danger", "data-focus": "crash" })
      : button(page, t("demo.start"), change(page, "dial", { running: true }), { class: "primary", "data-focus": "crash" })) };
}

function worldRow(page, name, running) {
  const { h, t } = page;
  return { key: name, sign: String(running), make: () => h("div", { class: "row" },
    h("div", { class: "what" }, h("strong", { class: running ? "up" : "off" }, t(`demo.${name}`)), h("span", { class: "note" }, t(`demo.${name}.${running ? "on" : "off"}`))),
    button(page, t(`demo.${name}.${running ? "stop" : "start"}`), change(page, name, { running: !running }), { "data-focus": name, class: running ? null : "primary" })) };
}
