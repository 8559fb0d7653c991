"""Reading the workspace as JSON."""

from __future__ import annotations

from bot.sandbox.slack import viewing
from bot.sandbox.slack.models import Channel, Json
from bot.sandbox.slack.person import shown
from bot.sandbox.slack.workspace import Workspace


def channel_of(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "kind": channel.kind,
        "im_user": channel.im_user,
        "members": list(channel.members),
        "messages": len(channel.messages),
    }


def overview(ws: Workspace) -> Json:
    """Everything but the messages."""
    return {
        "team": vars(ws.team),
        "app": {"id": ws.app.id, "name": ws.app.name, "bot_user": ws.app.bot_user, "commands": sorted(ws.app.commands)},
        "users": [user.to_slack() for user in ws.users.values()],
        "channels": [channel_of(channel) for channel in ws.channels.values()],
        "groups": [group.to_slack(with_users=True) for group in ws.groups.values()],
        "cursor": ws.log.cursor,
    }


def messages(
    ws: Workspace, channel: str, *, viewer: str | None, thread: str | None = None, newest: int | None = None
) -> list[Json]:
    """In `ts` order; `viewer` adds that person's ephemeral messages, `thread` narrows to one thread.

    newest: only so many of those that stand in the channel itself, as one sees them before a thread is opened.
    """
    found = ws.messages(channel, viewer=viewer)
    if thread is not None:
        found = [message for message in found if thread in (message.ts, message.thread_ts)]
    elif newest is not None:
        found = [message for message in found if not message.is_reply or message.broadcast][-newest:]
    return [shown(message) for message in found]


def views(ws: Workspace, user: str | None) -> list[Json]:
    """The open views, of one person if named."""
    found = [view for view in ws.views.values() if view.open and (user is None or view.user == user)]
    return [viewing.to_slack(ws, view) | {"user": view.user} for view in found]


def counters(ws: Workspace) -> Json:
    return {"calls": dict(ws.calls), "posts": dict(ws.posts), "total_posts": sum(ws.posts.values())}


def deliveries(ws: Workspace) -> list[Json]:
    return [entry for entry in ws.log.since(0) if entry["kind"].startswith("delivery.")]
