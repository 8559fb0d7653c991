// The page's own sentences, in one language. An extension adds its own folder of words.

const words = {};
let chosen = "en";

export async function learn(folder, language = chosen) {
  chosen = language;
  Object.assign(words, await (await fetch(`${folder}/words.${language}.json`)).json());
}

export function t(key, facts = {}) {
  const phrase = words[key] ?? key;
  return phrase.replace(/\{(\w+)\}/g, (all, name) => facts[name] ?? all);
}

export const language = () => chosen;
export const locale = () => ({ en: "en-GB", zh: "zh-CN" })[chosen];
