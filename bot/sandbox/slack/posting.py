"""Putting messages into channels, changing and removing them, with the events that Slack sends for each."""

from __future__ import annotations

import copy
import itertools
import re
import uuid
from dataclasses import dataclass, field

from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Channel, Json, Message
from bot.sandbox.slack.workspace import Workspace

TEXT_KEPT = 40_000
_block_numbers = itertools.count(1)


@dataclass
class Draft:
    """What somebody wants to say. `blocks` have been checked already."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    files: list[Json] = field(default_factory=list)


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which each block has a `block_id` and each interactive element an `action_id`, as Slack gives them."""
    made = copy.deepcopy(blocks)
    for block in made:
        block.setdefault("block_id", f"b{next(_block_numbers):04x}")
        elements = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        for element in elements:
            if isinstance(element, dict) and element.get("type") not in _PASSIVE:
                element.setdefault("action_id", f"a{next(_block_numbers):04x}")
    return made


_PASSIVE = {"image", "mrkdwn", "plain_text", "rich_text_section", "rich_text_list", "rich_text_quote"} | {
    "rich_text_preformatted"
}


def _built(ws: Workspace, channel: Channel, user: str, draft: Draft, ts: str) -> Message:
    by_bot = user == ws.app.bot_user
    return Message(
        channel=channel.id,
        ts=ts,
        user=user,
        team=ws.users[user].team_id,
        text=draft.text[:TEXT_KEPT],
        blocks=with_ids(draft.blocks),
        attachments=[{"id": n, **item} for n, item in enumerate(draft.attachments, 1)],
        metadata=draft.metadata,
        thread_ts=draft.thread_ts,
        broadcast=draft.broadcast and draft.thread_ts is not None,
        bot_id=ws.app.bot_id if by_bot else None,
        app_id=ws.app.id if by_bot else None,
        bot_profile=ws.bot_profile() if by_bot else None,
        client_msg_id=None if by_bot else str(uuid.uuid4()),
        files=draft.files,
    )


def post(ws: Workspace, channel: Channel, user: str, draft: Draft) -> Message:
    """Post as `user`. Raises SlackError thread_not_found when the thread's first message is not there."""
    parent: Message | None = None
    if draft.thread_ts is not None:
        parent = channel.messages.get(draft.thread_ts)
        if parent is None:
            raise SlackError("thread_not_found")
        # Slack takes the ts of a reply too, and hangs the new reply on that reply's thread.
        if parent.is_reply and parent.thread_ts:
            parent = channel.messages.get(parent.thread_ts, parent)
            draft.thread_ts = parent.ts
    message = _built(ws, channel, user, draft, ws.next_ts())
    if parent is not None:
        message.parent_user = parent.user
        parent.thread_ts = parent.ts
        parent.replies.append(message.ts)
        if user not in parent.reply_users:
            parent.reply_users.append(user)
    channel.messages[message.ts] = message
    ws.posts[channel.id] += 1
    _record(ws, "message.posted", message)
    ws.emit(_event(ws, channel, message), channel=channel)
    if f"<@{ws.app.bot_user}" in message.text and user != ws.app.bot_user and channel.kind != "im":
        body = {k: v for k, v in _event(ws, channel, message).items() if k != "channel_type"}
        ws.emit(body | {"type": "app_mention"}, channel=channel)
    return message


def ephemeral(ws: Workspace, channel: Channel, user: str, draft: Draft) -> Message:
    """Show something to one person only. It is no part of the history and cannot be fetched or updated."""
    message = _built(ws, channel, ws.app.bot_user, draft, ws.next_ts())
    message.visible_to = user
    channel.ephemeral.append(message)
    _record(ws, "message.ephemeral", message)
    return message


def update(ws: Workspace, message: Message, changes: Json, *, mark_edited: bool) -> Message:
    """Change the fields named in `changes` (text, blocks, attachments, metadata)."""
    channel = ws.channel(message.channel)
    before = message.to_slack(metadata=False)
    if "blocks" in changes:
        changes = changes | {"blocks": with_ids(changes["blocks"])}
    for name, value in changes.items():
        setattr(message, name, value)
    if mark_edited:
        message.edited = {"user": message.user, "ts": ws.next_ts()}
    _record(ws, "message.updated", message)
    if message.visible_to is None:
        event = {"message": message.to_slack(), "previous_message": before}
        ws.emit(_changed(ws, channel, "message_changed", event), channel=channel)
    return message


def delete(ws: Workspace, message: Message) -> None:
    channel = ws.channel(message.channel)
    if message.visible_to is not None:
        channel.ephemeral.remove(message)
    else:
        channel.messages.pop(message.ts, None)
        parent = channel.messages.get(message.thread_ts or "")
        if parent is not None and message.ts in parent.replies:
            parent.replies.remove(message.ts)
    _record(ws, "message.deleted", message)
    if message.visible_to is None:
        event = {"deleted_ts": message.ts, "previous_message": message.to_slack()}
        ws.emit(_changed(ws, channel, "message_deleted", event), channel=channel)


def escape(text: str) -> str:
    """Text as a person's client sends it: `& < >` escaped, but mentions, channels, dates and links left alone."""
    kept = re.split(
        r"(<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+|!(?:here|channel|everyone|subteam\^S[A-Z0-9]+)|https?://[^<>]+)>)", text
    )
    for index in range(0, len(kept), 2):
        kept[index] = kept[index].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(kept)


def _record(ws: Workspace, kind: str, message: Message) -> None:
    ws.log.append(
        kind,
        channel=message.channel,
        ts=message.ts,
        thread_ts=message.thread_ts,
        user=message.visible_to or message.user,
        by_bot=message.bot_id is not None,
        text=message.text,
        message=message.to_slack() | {"channel": message.channel},
    )


def _event(ws: Workspace, channel: Channel, message: Message) -> Json:
    body = message.to_slack()
    return body | {"channel": channel.id, "event_ts": message.ts, "channel_type": channel.kind}


def _changed(ws: Workspace, channel: Channel, subtype: str, fields: Json) -> Json:
    ts = ws.next_ts()
    base = {"type": "message", "subtype": subtype, "hidden": True, "channel": channel.id, "ts": ts, "event_ts": ts}
    return base | {"channel_type": channel.kind} | fields
