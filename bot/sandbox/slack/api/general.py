"""api.test, auth.test, apps.connections.open, bots.info, team.info."""

from __future__ import annotations

from bot.sandbox.slack.api.call import Call, Method
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json


def api_test(call: Call) -> Json:
    if call.text("error"):
        raise SlackError(call.text("error"))
    return {"args": {name: value for name, value in call.args.items() if name != "token"}}


def auth_test(call: Call) -> Json:
    ws = call.ws
    return {
        "url": f"{ws.base_url}/",
        "team": ws.team.name,
        "user": ws.app.name,
        "team_id": ws.team.id,
        "user_id": ws.app.bot_user,
        "bot_id": ws.app.bot_id,
        "is_enterprise_install": False,
    }


def open_connection(call: Call) -> Json:
    ticket = call.ws.socket_tickets.issue()
    address = call.ws.base_url.replace("http://", "ws://", 1)
    return {"url": f"{address}/link/?ticket={ticket}&app_id={call.ws.app.id}"}


def bots_info(call: Call) -> Json:
    app = call.ws.app
    if call.text("bot", app.bot_id) != app.bot_id:
        raise SlackError("bot_not_found")
    body = {
        "id": app.bot_id,
        "deleted": False,
        "name": app.name,
        "updated": 0,
        "app_id": app.id,
        "user_id": app.bot_user,
    }
    return {"bot": body | {"icons": {}}}


def team_info(call: Call) -> Json:
    team = call.ws.team
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain, "email_domain": "", "icon": {}}}


METHODS = {
    "api.test": Method(api_test, token="none"),
    "auth.test": Method(auth_test),
    "apps.connections.open": Method(open_connection, token="app"),
    "bots.info": Method(bots_info, "users:read"),
    "team.info": Method(team_info, "team:read"),
}
