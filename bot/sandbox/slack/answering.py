"""What the app says back: in the ack of a command, or later through its response URL."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import posting
from bot.sandbox.slack.api.call import Call
from bot.sandbox.slack.api.chat import read_draft
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json, Message
from bot.sandbox.slack.tickets import ResponseUrl
from bot.sandbox.slack.workspace import Workspace

_SAYS = ("text", "blocks", "attachments")


def answer(ws: Workspace, place: ResponseUrl, body: Json) -> Message | None:
    """Carry out one answer; None when it only deleted something or said nothing.

    `body`: text, blocks, attachments, metadata, response_type (`ephemeral`, the default, or `in_channel`), thread_ts,
    replace_original, delete_original. Raises SlackError as chat.postMessage does.
    """
    channel = ws.channel(place.channel)
    if _true(body.get("delete_original")):
        original = _original(ws, place)
        if original is not None:
            posting.delete(ws, original)
        return None
    if not any(body.get(name) for name in _SAYS):
        if any(name in body for name in _SAYS):
            raise SlackError("no_text")
        return None
    draft = read_draft(Call(ws, "response_url", body))
    if _true(body.get("replace_original")):
        original = _original(ws, place)
        if original is not None:
            changes: Json = {"text": draft.text, "blocks": draft.blocks, "attachments": draft.attachments}
            return posting.update(ws, original, changes, mark_edited=True)
    draft.thread_ts = str(body["thread_ts"]) if body.get("thread_ts") else place.thread_ts
    if body.get("response_type") == "in_channel":
        message = posting.post(ws, channel, ws.app.bot_user, draft)
    else:
        message = posting.ephemeral(ws, channel, place.user, draft)
    place.posted.append(message.ts)
    return message


def _original(ws: Workspace, place: ResponseUrl) -> Message | None:
    """The message whose button was pressed, else the last one that came through this response URL."""
    ts = place.message_ts or (place.posted[-1] if place.posted else "")
    channel = ws.channel(place.channel)
    return channel.messages.get(ts) or next((m for m in channel.ephemeral if m.ts == ts), None)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
