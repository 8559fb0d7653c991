// What the page knows of the workspace, and who looks at what.

import { read } from "/page/api.js";

export const now = { person: null, channel: null, thread: null };
export const world = { users: {}, channels: {}, groups: {}, emoji: {}, app: {}, notes: {}, usages: [], cursor: 0 };
export const HOME = "home";

export async function refresh() {
  const state = await read("/control/state");
  for (const user of state.users) world.users[user.id] = { ...user, real_name: user.profile.real_name };
  for (const channel of state.channels) world.channels[channel.id] = channel;
  for (const group of state.groups) world.groups[group.id] = group;
  const { app, notes, usages, cursor, team } = state;
  Object.assign(world, { app, notes, usages, cursor, team });
  return state;
}

export const people = () => Object.values(world.users).filter((user) => !user.is_bot);
export const actors = () => people().filter((user) => !user.deleted);
export const me = () => world.users[now.person];
export const nameOf = (id) => world.users[id]?.name ?? id;
// The demo's people have a Chinese and a Latin name; the short one is enough in a line.
export const shownName = (id) => world.users[id]?.real_name ?? id;

export function channelLabel(channel) {
  if (!channel) return "";
  return channel.kind === "im" ? world.app.name : channel.name;
}

export const visibleChannels = () => Object.values(world.channels).filter((channel) => channel.kind === "channel" || channel.members.includes(now.person));

// Unread marks, per person: what somebody else saw does not count as seen.
const unread = new Map();
const slot = (person, channel) => `${person} ${channel}`;
export const unreadOf = (channel, person = now.person) => unread.get(slot(person, channel)) ?? 0;
export const seen = (channel) => unread.delete(slot(now.person, channel));

export function noteUnread(entry) {
  const channel = world.channels[entry.channel];
  const readers = entry.kind === "message.ephemeral" ? [entry.user] : (channel?.members ?? []).filter((id) => id !== entry.user);
  const looking = entry.channel === now.channel && !document.hidden;
  for (const person of readers) {
    if (person === now.person && looking) continue;
    unread.set(slot(person, entry.channel), unreadOf(entry.channel, person) + 1);
  }
}
