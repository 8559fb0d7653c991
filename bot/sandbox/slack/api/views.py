"""views.*: modals and the app home."""

from __future__ import annotations

from bot.sandbox.slack import viewing
from bot.sandbox.slack.api.call import Call, Method
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json, View


def _body(call: Call) -> Json:
    value = call.json("view", "invalid_arguments")
    if not isinstance(value, dict):
        raise SlackError("invalid_arguments")
    return value


def _answer(call: Call, view: View) -> Json:
    return {"view": viewing.to_slack(call.ws, view)}


def open_view(call: Call) -> Json:
    body = _body(call)
    user = call.ws.triggers.redeem(call.needed("trigger_id"))
    return _answer(call, viewing.opened(call.ws, user, body))


def push(call: Call) -> Json:
    body = _body(call)
    user = call.ws.triggers.redeem(call.needed("trigger_id"))
    below = [
        view for view in call.ws.views.values() if view.user == user and view.open and view.body["type"] == "modal"
    ]
    if not below:
        raise SlackError("not_found")
    return _answer(call, viewing.opened(call.ws, user, body, below=below[-1]))


def update(call: Call) -> Json:
    view = viewing.find(call.ws, call.text("view_id"), call.text("external_id"))
    return _answer(call, viewing.updated(call.ws, view, _body(call), call.text("hash") or None))


def publish(call: Call) -> Json:
    user = call.needed("user_id", "invalid_arguments")
    return _answer(call, viewing.published(call.ws, user, _body(call), call.text("hash") or None))


METHODS = {
    "views.open": Method(open_view),
    "views.push": Method(push),
    "views.update": Method(update),
    "views.publish": Method(publish),
}
