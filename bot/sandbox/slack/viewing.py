"""Opening, changing and stacking views."""

from __future__ import annotations

import secrets

from bot.sandbox.slack.blocks import check_view
from bot.sandbox.slack.blocks.view import refuse_stale
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json, View
from bot.sandbox.slack.posting import with_ids
from bot.sandbox.slack.workspace import Workspace

DEEPEST = 3


def to_slack(ws: Workspace, view: View) -> Json:
    return view.to_slack(ws.team.id, ws.app.id, ws.app.bot_id)


def opened(ws: Workspace, user: str, body: Json, *, below: View | None = None) -> View:
    """A new modal for `user`, on top of `below`. Raises SlackError invalid_arguments, push_limit_reached."""
    check_view(body, kind="modal")
    if below is not None and len(stack(ws, below)) >= DEEPEST:
        raise SlackError("push_limit_reached")
    view = _made(ws, user, body)
    if below is not None:
        view.root, view.previous = below.root, below.id
    ws.views[view.id] = view
    _record(ws, "view.pushed" if below is not None else "view.opened", view)
    return view


def updated(ws: Workspace, view: View, body: Json, given_hash: str | None = None) -> View:
    """Raises SlackError not_found when the person closed it, hash_conflict, invalid_arguments."""
    if not view.open:
        raise SlackError("not_found")
    refuse_stale(view.hash, given_hash)
    check_view(body, kind=view.body["type"])
    view.body = body | {"blocks": with_ids(body["blocks"])}
    view.hash = _hash(ws)
    _record(ws, "view.updated", view)
    return view


def published(ws: Workspace, user: str, body: Json, given_hash: str | None = None) -> View:
    """The app home of `user`. Raises SlackError user_not_found, hash_conflict, invalid_arguments."""
    ws.user(user)
    check_view(body, kind="home")
    view = ws.views.get(ws.homes.get(user, ""))
    if view is None:
        view = _made(ws, user, body)
        ws.views[view.id] = view
        ws.homes[user] = view.id
    else:
        refuse_stale(view.hash, given_hash)
        view.body = body | {"blocks": with_ids(body["blocks"])}
        view.hash = _hash(ws)
    _record(ws, "view.published", view)
    return view


def close(ws: Workspace, view: View, *, whole_stack: bool) -> None:
    for each in stack(ws, view) if whole_stack else [view]:
        each.open = False
        _record(ws, "view.closed", each)


def stack(ws: Workspace, view: View) -> list[View]:
    """The open views that lie on the same root, lowest first."""
    return [each for each in ws.views.values() if each.root == view.root and each.open]


def find(ws: Workspace, view_id: str | None, external_id: str | None) -> View:
    """Raises SlackError not_found."""
    for view in ws.views.values():
        if view.id == view_id or (external_id and view.body.get("external_id") == external_id):
            return view
    raise SlackError("not_found")


def _made(ws: Workspace, user: str, body: Json) -> View:
    view_id = ws.next_id("V0")
    return View(view_id, user, body | {"blocks": with_ids(body["blocks"])}, root=view_id, hash=_hash(ws))


def _hash(ws: Workspace) -> str:
    return f"{int(ws.clock())}.{secrets.token_hex(4)}"


def _record(ws: Workspace, kind: str, view: View) -> None:
    ws.log.append(kind, view_id=view.id, user=view.user, view=to_slack(ws, view))
