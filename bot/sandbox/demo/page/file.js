// A host's real nginx file: what changed last, and an editor as a colleague would open one on the host.

export async function showFile(page, name, edited) {
  const { h, t } = page;
  const file = await page.read(`/production/file/${encodeURIComponent(name)}`);
  if (!file.ok) return page.toast(file.error);
  const text = h("textarea", { class: "code", spellcheck: "false", rows: "18", "aria-label": t("demo.file_of", { name }) });
  text.value = file.text;
  const dialog = h("dialog", { class: "file", "aria-label": t("demo.file_of", { name }) },
    h("h2", {}, t("demo.file_of", { name })), text,
    file.before ? h("details", {}, h("summary", {}, t("demo.diff")), h("pre", { class: "diff", tabindex: "0" }, coloured(h, file.diff))) : null,
    h("p", { class: "note" }, t("demo.edit.note")),
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => dialog.close() }, t("cancel")),
      edited ? h("button", { type: "button", onclick: () => send("put_back", { name }) }, t("demo.put_back")) : null,
      h("button", { type: "button", class: "danger", onclick: () => send("edit", { name, text: text.value }) }, t("demo.edit"))));

  async function send(what, body) {
    const answer = await page.post(`/production/${what}`, body).catch(() => ({ ok: false, error: t("gone") }));
    if (answer.ok) dialog.close();
    else page.toast(answer.error);
  }

  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function coloured(h, diff) {
  const kind = (line) => (line.startsWith("+") ? "added" : line.startsWith("-") ? "gone" : null);
  return diff.split("\n").map((line) => h("span", { class: kind(line) }, `${line}\n`));
}
