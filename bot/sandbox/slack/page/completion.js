// Suggestions under the composer: commands from the bot's own registry, people, channels, emoji.

import { emojiChar } from "/page/emoji.js";
import { people, visibleChannels, world } from "/page/model.js";

const MOST = 8;

// Extensions may add sources: text -> suggestions, asked for lines that begin with a slash.
export const sources = [];

// [{take: the whole new text, shown, note, icon?}] for the text before the cursor.
export function suggestions(text) {
  if (text.startsWith("/")) return [...sources.flatMap((source) => source(text)), ...commands(text)].slice(0, MOST + 6);
  const found = /(^|\s)([@#:])([^\s@#:]*)$/.exec(text);
  if (!found) return [];
  const [, , sign, typed] = found, head = text.slice(0, text.length - typed.length - 1), wanted = typed.toLowerCase();
  if (sign === ":" && wanted.length < 2) return [];
  return WORDS[sign](wanted).slice(0, MOST).map((item) => ({ ...item, take: `${head}${item.take} ` }));
}

function commands(text) {
  const typed = text.toLowerCase();
  return world.usages.filter(({ command }) => command.startsWith(typed) || (typed.length > 1 && command.split(" ")[1]?.startsWith(typed.slice(1)) && !typed.includes(" ")))
    .map(({ command, usage, summary }) => ({ take: `${command} `, shown: usage, note: summary }));
}

const begins = (wanted) => (name) => name.toLowerCase().startsWith(wanted);
const WORDS = {
  "@": (wanted) => [
    ...people().filter((user) => begins(wanted)(user.name) || user.real_name.toLowerCase().includes(wanted)).map((user) => ({ take: `@${user.name}`, shown: `@${user.name}`, note: user.real_name })),
    ...Object.values(world.groups).filter((group) => begins(wanted)(group.handle)).map((group) => ({ take: `@${group.handle}`, shown: `@${group.handle}`, note: group.name })),
  ],
  "#": (wanted) => visibleChannels().filter((channel) => channel.name && begins(wanted)(channel.name)).map((channel) => ({ take: `#${channel.name}`, shown: `#${channel.name}`, note: "" })),
  ":": (wanted) => Object.keys(world.emoji).filter(begins(wanted)).map((name) => ({ take: `:${name}:`, shown: `:${name}:`, note: "", icon: emojiChar(name) })),
};

// What a client of Slack sends in place of @name and #name.
export function withMentions(text) {
  const ids = (items, key) => Object.fromEntries(items.filter((item) => item[key]).map((item) => [item[key], item.id]));
  const [users, channels, groups] = [ids(Object.values(world.users), "name"), ids(Object.values(world.channels), "name"), ids(Object.values(world.groups), "handle")];
  return text
    .replace(/(^|\s)@([\w.-]+)/g, (all, before, name) => (users[name] ? `${before}<@${users[name]}>` : groups[name] ? `${before}<!subteam^${groups[name]}>` : all))
    .replace(/(^|\s)#([\w.-]+)/g, (all, before, name) => (channels[name] ? `${before}<#${channels[name]}>` : all));
}
