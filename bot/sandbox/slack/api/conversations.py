"""conversations.*: channels, their history and their members."""

from __future__ import annotations

from bot.sandbox.slack.api.call import Call, Method, page_of
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Channel, Json, Message

# Slack has the read and history scopes once per kind of conversation.
SCOPE_OF_KIND = {"channel": "channels", "group": "groups", "im": "im"}
TYPE_OF_KIND = {"channel": "public_channel", "group": "private_channel", "im": "im"}


def list_channels(call: Call) -> Json:
    wanted = set(call.list_of("types") or ["public_channel"])
    if not wanted <= {"public_channel", "private_channel", "im", "mpim"}:
        raise SlackError("invalid_types")
    for kind, conversation_type in TYPE_OF_KIND.items():
        if conversation_type in wanted:
            call.require(f"{SCOPE_OF_KIND[kind]}:read")
    visible = [
        channel
        for channel in call.ws.channels.values()
        if TYPE_OF_KIND[channel.kind] in wanted
        and (not channel.is_private or call.me in channel.members)
        and not (call.flag("exclude_archived") and channel.is_archived)
    ]
    page, metadata = page_of(visible, call)
    return {"channels": [channel.to_slack(call.me) for channel in page], "response_metadata": metadata}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.require(f"{SCOPE_OF_KIND[channel.kind]}:read")
    return channel


def _with_history(call: Call) -> Channel:
    channel = call.joined_channel()
    call.require(f"{SCOPE_OF_KIND[channel.kind]}:history")
    return channel


def info(call: Call) -> Json:
    body = _readable(call).to_slack(call.me)
    if not call.flag("include_num_members"):
        body.pop("num_members", None)
    return {"channel": body}


def _within(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest = _bound(call, "oldest"), _bound(call, "latest")
    inclusive = call.flag("inclusive")

    def fits(ts: float) -> bool:
        if inclusive:
            return (oldest is None or ts >= oldest) and (latest is None or ts <= latest)
        return (oldest is None or ts > oldest) and (latest is None or ts < latest)

    return [message for message in messages if fits(float(message.ts))]


def _bound(call: Call, name: str) -> float | None:
    value = call.text(name)
    try:
        number = float(value) if value else None
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None
    # Slack's own default for `oldest` is "0", which means no bound.
    return number or None


def history(call: Call) -> Json:
    """Newest first, without the replies in threads, except those that were also sent to the channel."""
    channel = _with_history(call)
    top = [message for message in channel.messages.values() if not message.is_reply or message.broadcast]
    found = sorted(_within(call, top), key=lambda message: message.ts, reverse=True)
    page, metadata = page_of(found, call)
    with_metadata = call.flag("include_all_metadata")
    body: Json = {
        "messages": [message.to_slack(metadata=with_metadata) for message in page],
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": sum(message.pinned for message in channel.messages.values()),
    }
    return body | {"response_metadata": metadata} if metadata["next_cursor"] else body


def replies(call: Call) -> Json:
    """The first message of the thread, then its replies, oldest first."""
    channel = _with_history(call)
    parent = channel.messages.get(call.needed("ts", "thread_not_found"))
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.is_reply:
        found = [parent]
    else:
        answers = [channel.messages[ts] for ts in parent.replies if ts in channel.messages]
        found = [parent, *_within(call, answers)]
    page, metadata = page_of(found, call, default=1000)
    with_metadata = call.flag("include_all_metadata")
    body: Json = {
        "messages": [message.to_slack(metadata=with_metadata) for message in page],
        "has_more": bool(metadata["next_cursor"]),
    }
    return body | {"response_metadata": metadata} if metadata["next_cursor"] else body


def open_direct(call: Call) -> Json:
    if channel_id := call.text("channel"):
        return {"channel": {"id": call.ws.channel(channel_id, reader=call.me).id}}
    users = call.list_of("users")
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("method_not_supported_for_channel_type")
    if users[0] not in call.ws.users:
        raise SlackError("user_not_found")
    if call.ws.users[users[0]].deleted:
        raise SlackError("user_disabled")
    known = any(channel.im_user == users[0] for channel in call.ws.channels.values())
    channel = call.ws.direct_channel(users[0])
    body: Json = channel.to_slack(call.me) if call.flag("return_im") else {"id": channel.id}
    return {"no_op": known, "already_open": known, "channel": body}


def members(call: Call) -> Json:
    page, metadata = page_of(list(_readable(call).members), call)
    return {"members": page, "response_metadata": metadata}


def join(call: Call) -> Json:
    channel = call.channel()
    if channel.kind != "channel":
        raise SlackError("method_not_supported_for_channel_type")
    body: Json = {}
    if call.me in channel.members:
        body = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        channel.members.append(call.me)
        call.ws.log.append("channel.joined", channel=channel.id, user=call.me)
    return body | {"channel": channel.to_slack(call.me)}


METHODS = {
    "conversations.list": Method(list_channels),
    "conversations.info": Method(info),
    "conversations.history": Method(history),
    "conversations.replies": Method(replies),
    "conversations.open": Method(open_direct, "im:write"),
    "conversations.members": Method(members),
    "conversations.join": Method(join, "channels:join"),
}
