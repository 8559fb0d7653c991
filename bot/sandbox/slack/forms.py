"""A person filling in a modal, and what the app's answer to it does."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack import viewing
from bot.sandbox.slack.delivery.payloads import chosen
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json, View
from bot.sandbox.slack.workspace import Workspace

_INITIAL = (
    ("initial_value", "value"),
    ("initial_option", "selected_option"),
    ("initial_options", "selected_options"),
    ("initial_date", "selected_date"),
    ("initial_time", "selected_time"),
    ("initial_user", "selected_user"),
    ("initial_channel", "selected_channel"),
    ("initial_conversation", "selected_conversation"),
)


class Form:
    """The open views of one person."""

    def __init__(self, ws: Workspace, user: str) -> None:
        self._ws = ws
        self._user = user

    def view(self, view_id: str) -> View:
        """Raises SlackError view_not_found when it is not open before this person."""
        view = self._ws.views.get(view_id)
        if view is None or not view.open or view.user != self._user:
            raise SlackError("view_not_found")
        return view

    def fill(self, view_id: str, values: dict[str, dict[str, Any]]) -> View:
        """Put values into the view's state; what is not given keeps its initial value.

        Raises SlackError missing_input (with `blocks`) when one that is not optional stays empty.
        """
        view = self.view(view_id)
        state: Json = {}
        empty = []
        for block in view.body["blocks"]:
            if block["type"] != "input":
                continue
            element = block["element"]
            given = values.get(block["block_id"], {})
            entry = {"type": element["type"]} | _initial(element)
            if element["action_id"] in given:
                entry |= chosen(element, given[element["action_id"]])
            if not block.get("optional") and not any(v for k, v in entry.items() if k != "type"):
                empty.append(block["block_id"])
            state[block["block_id"]] = {element["action_id"]: entry}
        if empty:
            raise SlackError("missing_input", blocks=empty)
        view.state = state
        return view

    def answered(self, view: View, payload: Json) -> dict[str, str]:
        """Carry out `response_action` (errors, update, push, clear; none closes the view). Returns the errors."""
        action = payload.get("response_action")
        if action == "errors":
            return {str(block): str(sentence) for block, sentence in dict(payload.get("errors", {})).items()}
        if action == "update":
            viewing.updated(self._ws, view, payload["view"])
        elif action == "push":
            viewing.opened(self._ws, view.user, payload["view"], below=view)
        else:
            viewing.close(self._ws, view, whole_stack=action == "clear")
        return {}


def _initial(element: Json) -> Json:
    found = {ours: element[theirs] for theirs, ours in _INITIAL if theirs in element}
    return found or dict.fromkeys(chosen(element, None))
