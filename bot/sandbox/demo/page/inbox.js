// The mails and short messages that came to the demo's own servers, newest first.

export function inbox({ h, t, locale, reconcile }) {
  const box = h("div", { class: "inbox" });
  const time = (seconds) => new Date(seconds * 1000).toLocaleTimeString(locale());
  const empty = { key: "empty", sign: "", make: () => h("p", { class: "note" }, t("demo.inbox.empty")) };
  const item = (letter) => ({ key: letter.id, sign: "", make: () => h("article", { class: `letter ${letter.kind}` },
    h("header", {}, h("span", { class: "kind" }, t(`demo.${letter.kind}`)), h("strong", {}, letter.subject || letter.to.join(", ")), h("time", { class: "note" }, time(letter.at))),
    h("p", { class: "note" }, t(letter.sender ? "demo.from_to" : "demo.to", { from: letter.sender, to: letter.to.join(", ") })), h("p", { class: "text" }, letter.text)) });
  return { box, draw: (letters) => reconcile(box, letters.length ? letters.map(item) : [empty]) };
}
