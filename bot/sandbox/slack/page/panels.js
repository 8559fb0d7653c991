// Tables beside the conversation, asked for each second.

import { byId, h, read } from "/page/dom.js";

const cell = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? ""));

export function startPanels(titles) {
  const aside = byId("production");
  aside.hidden = titles.length === 0;
  const places = titles.map((title) => { const place = h("div"); aside.append(h("h2", {}, title), place); return place; });
  const refresh = async () => {
    if (!document.hidden) await Promise.all(places.map(async (place, number) => {
      const answer = await read(`/control/panels/${number}`).catch((error) => ({ ok: false, error: error.message }));
      place.replaceChildren(...(answer.ok ? table(answer.data) : [h("p", { class: "error" }, `No data: ${answer.error}`)]));
    }));
    setTimeout(refresh, 1000);
  };
  if (titles.length) refresh();
}

function table(data) {
  const rows = Array.isArray(data) ? data : data?.rows;
  const note = data?.note ? [h("p", { class: "note" }, data.note)] : [];
  if (!rows) return [h("table", {}, Object.entries(data ?? {}).map(([name, value]) => h("tr", {}, h("th", {}, name), h("td", {}, cell(value)))))];
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const head = h("tr", {}, columns.map((name) => h("th", {}, name)));
  const body = rows.map((row) => h("tr", {}, columns.map((name) => h("td", { class: typeof row[name] === "number" ? "right" : null }, cell(row[name])))));
  return [...note, h("div", { class: "scroll" }, h("table", {}, head, body))];
}
