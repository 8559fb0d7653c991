"""reactions.* and pins.add."""

from __future__ import annotations

from bot.sandbox.slack import reacting
from bot.sandbox.slack.api.call import Call, Method, page_of
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json, Message


def _target(call: Call) -> Message:
    message = call.channel().messages.get(call.needed("timestamp", "no_item_specified"))
    if message is None:
        raise SlackError("message_not_found")
    return message


def add(call: Call) -> Json:
    message = _target(call)
    if call.me not in call.ws.channel(message.channel).members:
        raise SlackError("not_in_channel")
    reacting.add(call.ws, message, call.me, call.needed("name", "invalid_name").strip(":"))
    return {}


def remove(call: Call) -> Json:
    reacting.remove(call.ws, _target(call), call.me, call.needed("name", "invalid_name").strip(":"))
    return {}


def get(call: Call) -> Json:
    """Slack shortens `users` unless `full` is set, but never `count`; here they are shortened to five."""
    message = _target(call)
    body = message.to_slack()
    if not call.flag("full"):
        for reaction in body.get("reactions", []):
            reaction["users"] = reaction["users"][:5]
    body["permalink"] = f"{call.ws.base_url}/archives/{message.channel}/p{message.ts.replace('.', '')}"
    return {"type": "message", "channel": message.channel, "message": body}


def list_own(call: Call) -> Json:
    user = call.text("user") or call.me
    call.ws.user(user)
    items = [
        {"type": "message", "channel": channel.id, "message": message.to_slack()}
        for channel in call.ws.channels.values()
        if call.me in channel.members
        for message in channel.messages.values()
        if any(user in people for people in message.reactions.values())
    ]
    page, metadata = page_of(items, call)
    return {"items": page, "response_metadata": metadata}


def pin(call: Call) -> Json:
    message = _target(call)
    if message.pinned:
        raise SlackError("already_pinned")
    message.pinned = True
    call.ws.log.append("pin.added", channel=message.channel, ts=message.ts, user=call.me)
    return {}


METHODS = {
    "reactions.add": Method(add, "reactions:write"),
    "reactions.remove": Method(remove, "reactions:write"),
    "reactions.get": Method(get, "reactions:read"),
    "reactions.list": Method(list_own, "reactions:read"),
    "pins.add": Method(pin, "pins:write"),
}
