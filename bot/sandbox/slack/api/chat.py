"""chat.*: posting, changing and removing messages."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import posting
from bot.sandbox.slack.api.call import Call, Method
from bot.sandbox.slack.blocks import refuse_attachments, refuse_bad_blocks
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Channel, Json, Message
from bot.sandbox.slack.posting import Draft

UPDATE_TEXT = 4000
METADATA_SIZE = 16_000


def read_draft(call: Call) -> Draft:
    """What the call wants to say. Raises SlackError no_text, invalid_blocks, invalid_attachments, ..."""
    blocks = call.json("blocks", "invalid_blocks_format") or []
    attachments = call.json("attachments", "invalid_attachments") or []
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    refuse_bad_blocks(blocks)
    refuse_attachments(attachments)
    text = call.text("text")
    if not text and not blocks and not attachments:
        raise SlackError("no_text")
    return Draft(text=text, blocks=blocks, attachments=attachments, metadata=read_metadata(call))


def read_metadata(call: Call) -> Json | None:
    """`{"event_type": str, "event_payload": object}`, or None when there is none."""
    value: Any = call.json("metadata", "invalid_metadata_format")
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(value.get("event_type"), str) or not isinstance(value.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(str(value)) > METADATA_SIZE:
        raise SlackError("metadata_too_large")
    return value


def _place(call: Call) -> Channel:
    """Where to post: a channel, or a person's direct message. Raises channel_not_found, not_in_channel, is_archived."""
    ref = call.needed("channel", "channel_not_found")
    channel = call.ws.direct_channel(ref) if ref in call.ws.users else call.ws.channel(ref, reader=call.me)
    if channel.is_archived:
        raise SlackError("is_archived")
    if call.me not in channel.members and (channel.is_private or "chat:write.public" not in call.ws.app.scopes):
        raise SlackError("not_in_channel")
    return channel


def post_message(call: Call) -> Json:
    channel = _place(call)
    draft = read_draft(call)
    draft.thread_ts = call.text("thread_ts") or None
    draft.broadcast = call.flag("reply_broadcast")
    message = posting.post(call.ws, channel, call.me, draft)
    return {"channel": channel.id, "ts": message.ts, "message": message.to_slack()}


def _own(call: Call, refusal: str) -> Message:
    channel = call.channel()
    message = channel.messages.get(call.needed("ts", "message_not_found"))
    if message is None:
        raise SlackError("message_not_found")
    if message.user != call.me:
        raise SlackError(refusal)
    return message


def update(call: Call) -> Json:
    """Fields that are not given stay, except that new text without blocks removes the old blocks, as in Slack."""
    message = _own(call, "cant_update_message")
    if len(call.text("text")) > UPDATE_TEXT:
        raise SlackError("msg_too_long")
    draft = read_draft(call)
    changes: dict[str, Any] = {"text": draft.text[: posting.TEXT_KEPT] if "text" in call.args else message.text}
    if "blocks" in call.args or "text" in call.args:
        changes["blocks"] = draft.blocks
    if "attachments" in call.args:
        changes["attachments"] = draft.attachments
    if "metadata" in call.args:
        changes["metadata"] = draft.metadata
    posting.update(call.ws, message, changes, mark_edited=True)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": message.to_slack()}


def delete(call: Call) -> Json:
    message = _own(call, "cant_delete_message")
    posting.delete(call.ws, message)
    return {"channel": message.channel, "ts": message.ts}


def post_ephemeral(call: Call) -> Json:
    channel = call.channel()
    user = call.needed("user", "user_not_in_channel")
    draft = read_draft(call)
    if call.me not in channel.members and channel.is_private:
        raise SlackError("not_in_channel")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    draft.thread_ts = call.text("thread_ts") or None
    return {"message_ts": posting.ephemeral(call.ws, channel, user, draft).ts}


def get_permalink(call: Call) -> Json:
    channel = call.channel()
    ts = call.needed("message_ts", "message_not_found")
    message = channel.messages.get(ts)
    if message is None:
        raise SlackError("message_not_found")
    link = f"{call.ws.base_url}/archives/{channel.id}/p{ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


METHODS = {
    "chat.postMessage": Method(post_message, "chat:write"),
    "chat.update": Method(update, "chat:write"),
    "chat.delete": Method(delete, "chat:write"),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write"),
    "chat.getPermalink": Method(get_permalink),
}
