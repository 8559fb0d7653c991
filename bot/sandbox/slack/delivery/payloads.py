"""The payloads of slash commands and interactions."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import viewing
from bot.sandbox.slack.models import Channel, Json, Message, View
from bot.sandbox.slack.workspace import Workspace


def slash_command(ws: Workspace, user: str, channel: Channel, command: str, text: str, response_url: str) -> Json:
    return {
        "token": ws.app.verification_token,
        "team_id": ws.team.id,
        "team_domain": ws.team.domain,
        "channel_id": channel.id,
        "channel_name": channel.name
        if channel.kind == "channel"
        else {"im": "directmessage"}.get(channel.kind, "privategroup"),
        "user_id": user,
        "user_name": ws.users[user].name,
        "command": command,
        "text": text,
        "api_app_id": ws.app.id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": ws.trigger_of(user),
    }


def _interaction(ws: Workspace, kind: str, user: str) -> Json:
    person = ws.users[user]
    return {
        "type": kind,
        "team": {"id": ws.team.id, "domain": ws.team.domain},
        "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team_id},
        "api_app_id": ws.app.id,
        "token": ws.app.verification_token,
        "trigger_id": ws.trigger_of(user),
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_action(ws: Workspace, user: str, message: Message, action: Json, response_url: str) -> Json:
    """block_actions from an element of a message."""
    channel = ws.channels[message.channel]
    container: Json = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.visible_to is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    body = _interaction(ws, "block_actions", user) | {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "state": {"values": _initial_state(message.blocks, action)},
        "response_url": response_url,
        "actions": [action],
    }
    # Slack sends no content of an ephemeral message: it does not keep it.
    return body if message.visible_to else body | {"message": message.to_slack()}


def view_action(ws: Workspace, user: str, view: View, action: Json) -> Json:
    """block_actions from an element of a modal or of the app home."""
    return _interaction(ws, "block_actions", user) | {
        "container": {"type": "view", "view_id": view.id},
        "view": viewing.to_slack(ws, view),
        "actions": [action],
    }


def view_submission(ws: Workspace, user: str, view: View) -> Json:
    body = _interaction(ws, "view_submission", user)
    return body | {"view": viewing.to_slack(ws, view), "response_urls": []}


def view_closed(ws: Workspace, user: str, view: View, *, cleared: bool) -> Json:
    body = _interaction(ws, "view_closed", user)
    del body["trigger_id"]
    return body | {"view": viewing.to_slack(ws, view), "is_cleared": cleared}


def action_of(ws: Workspace, block: Json, element: Json, value: Any) -> Json:
    """The entry of `actions` for one element; `value` is what the person chose, where there is a choice."""
    kind = element["type"]
    body: Json = {
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "type": kind,
        "action_ts": ws.next_ts(),
    }
    if kind == "button":
        body |= {name: element[name] for name in ("text", "value", "style", "url", "confirm") if name in element}
        return body
    return body | chosen(element, value)


def chosen(element: Json, value: Any) -> Json:
    """The fields in which Slack reports a choice, by kind of element."""
    kind = element["type"]
    options = list(element.get("options", []))
    options += [option for group in element.get("option_groups", []) for option in group.get("options", [])]
    by_value = {option["value"]: option for option in options}
    if kind in ("checkboxes", "multi_static_select"):
        return {"selected_options": [by_value[v] for v in value or [] if v in by_value]}
    if kind in ("static_select", "radio_buttons", "overflow"):
        return {"selected_option": by_value.get(value)}
    if kind == "datetimepicker":
        return {"selected_date_time": value}
    names = {"datepicker": "date", "timepicker": "time"}
    if kind in names:
        return {f"selected_{names[kind]}": value}
    if kind.endswith("_select"):
        plural = kind.removeprefix("multi_").removesuffix("_select")
        return (
            {f"selected_{plural}": value}
            if kind.startswith("multi_")
            else {f"selected_{plural.removesuffix('s')}": value}
        )
    return {"value": value}


def _initial_state(blocks: list[Json], action: Json) -> Json:
    """The state of the message's inputs and menus: what was just chosen, null for the others."""
    values: Json = {}
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory"), block.get("element")]:
            if not isinstance(element, dict) or "action_id" not in element or element["type"] in ("button", "overflow"):
                continue
            just_now = action["action_id"] == element["action_id"] and action["block_id"] == block["block_id"]
            left_out = ("action_id", "block_id", "action_ts")
            state = {k: v for k, v in action.items() if k not in left_out} if just_now else {"type": element["type"]}
            values.setdefault(block["block_id"], {})[element["action_id"]] = state
    return values
