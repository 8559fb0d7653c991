// Slack's names for emoji -> characters, with skin tones. The table is the server's own.

import { h } from "/page/dom.js";
import { world } from "/page/model.js";

export const TONES = ["", "🏻", "🏼", "🏽", "🏾", "🏿"];
const HANDS = /hand|thumb|clap|wave|pray|muscle|point|woman|technologist|shrug|facepalm|^[+-]1$/;

export const takesTone = (name) => HANDS.test(name) && !/shake/.test(name);

// "+1::skin-tone-3" -> 👍🏼, "+1" -> 👍; undefined when there is no such emoji. Slack counts the tones from 2.
export function emojiChar(name) {
  const [base, tone] = name.split("::skin-tone-");
  const char = world.emoji[base];
  return char && tone ? char.replace("\ufe0f", "") + (TONES[Number(tone) - 1] ?? "") : char;
}

export function emojiNode(name) {
  const char = emojiChar(name);
  return char ? h("span", { class: "emoji", role: "img", title: `:${name}:`, "aria-label": name }, char) : null;
}
