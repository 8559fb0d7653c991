"""What a workspace is made of, and how Slack writes each of them on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class User:
    """A person or a bot user. `team_id` of another workspace together with `is_stranger` makes an external person."""

    id: str
    name: str
    real_name: str
    team_id: str
    email: str = ""
    is_bot: bool = False
    bot_id: str | None = None
    deleted: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_workflow_bot: bool = False
    is_admin: bool = False
    tz: str = "Asia/Shanghai"
    tz_label: str = "China Standard Time"
    tz_offset: int = 28_800

    def to_slack(self) -> Json:
        profile: Json = {
            "real_name": self.real_name,
            "real_name_normalized": self.real_name,
            "display_name": self.name,
            "display_name_normalized": self.name,
            "status_text": "",
            "status_emoji": "",
            "title": "",
            "image_48": "",
            "team": self.team_id,
        }
        if self.email:
            profile["email"] = self.email
        if self.bot_id:
            profile["bot_id"] = self.bot_id
        body: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "name": self.name,
            "deleted": self.deleted,
            "profile": profile,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "updated": 1_700_000_000,
        }
        if self.is_stranger:
            body["is_stranger"] = True
        if self.is_workflow_bot:
            body["is_workflow_bot"] = True
        if self.deleted:
            return body
        return body | {
            "real_name": self.real_name,
            "tz": self.tz,
            "tz_label": self.tz_label,
            "tz_offset": self.tz_offset,
            "is_admin": self.is_admin,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.is_restricted,
            "is_ultra_restricted": self.is_ultra_restricted,
            "is_email_confirmed": True,
        }


@dataclass
class UserGroup:
    """A user group (`@handle`) with its members' ids in order."""

    id: str
    handle: str
    name: str
    team_id: str
    users: list[str] = field(default_factory=list)
    disabled: bool = False

    def to_slack(self, *, with_users: bool = False) -> Json:
        body: Json = {
            "id": self.id,
            "team_id": self.team_id,
            "is_usergroup": True,
            "name": self.name,
            "description": "",
            "handle": self.handle,
            "is_external": False,
            "date_create": 1_700_000_000,
            "date_update": 1_700_000_000,
            "date_delete": 1_700_000_001 if self.disabled else 0,
            "created_by": self.users[0] if self.users else "USLACKBOT",
            "user_count": len(self.users),
            "prefs": {"channels": [], "groups": []},
        }
        return body | {"users": list(self.users)} if with_users else body


@dataclass
class Message:
    """A message in a channel. `visible_to` names the only reader of an ephemeral one."""

    channel: str
    ts: str
    user: str
    team: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str | None = None
    parent_user: str | None = None
    broadcast: bool = False
    bot_id: str | None = None
    app_id: str | None = None
    bot_profile: Json | None = None
    client_msg_id: str | None = None
    edited: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)
    pinned: bool = False
    visible_to: str | None = None
    replies: list[str] = field(default_factory=list)
    reply_users: list[str] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    def to_slack(self, *, metadata: bool = True, reactions: bool = True) -> Json:
        body: Json = {"type": "message", "user": self.user, "ts": self.ts, "team": self.team, "text": self.text}
        if self.broadcast:
            body["subtype"] = "thread_broadcast"
        for name in ("client_msg_id", "bot_id", "app_id", "bot_profile", "thread_ts", "edited"):
            if (value := getattr(self, name)) is not None:
                body[name] = value
        for name in ("blocks", "attachments", "files"):
            if value := getattr(self, name):
                body[name] = value
        if self.is_reply and self.parent_user:
            body["parent_user_id"] = self.parent_user
        if self.metadata is not None and metadata:
            body["metadata"] = self.metadata
        if self.pinned:
            body["pinned_to"] = [self.channel]
        if self.replies:
            body |= self._thread_fields()
        if self.reactions and reactions:
            body["reactions"] = self.reactions_to_slack()
        return body

    def _thread_fields(self) -> Json:
        return {
            "thread_ts": self.ts,
            "reply_count": len(self.replies),
            "reply_users_count": len(self.reply_users),
            "latest_reply": self.replies[-1],
            "reply_users": list(self.reply_users),
            "is_locked": False,
            "subscribed": False,
        }

    def reactions_to_slack(self) -> list[Json]:
        return [{"name": n, "users": list(u), "count": len(u)} for n, u in self.reactions.items()]


@dataclass
class Channel:
    """A public or private channel, or a direct message (`im_user`). `messages` is in `ts` order, replies included."""

    id: str
    name: str
    team_id: str
    is_private: bool = False
    is_archived: bool = False
    im_user: str | None = None
    creator: str = "USLACKBOT"
    topic: str = ""
    members: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    ephemeral: list[Message] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Slack's `channel_type`: `channel`, `group` or `im`."""
        if self.im_user:
            return "im"
        return "group" if self.is_private else "channel"

    def to_slack(self, reader: str) -> Json:
        if self.im_user:
            return {"id": self.id, "created": 1_700_000_000, "is_im": True, "user": self.im_user, "is_archived": False}
        note = {"value": self.topic, "creator": self.creator, "last_set": 0}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.is_private,
            "is_group": self.is_private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.is_private,
            "created": 1_700_000_000,
            "updated": 1_700_000_000_000,
            "creator": self.creator,
            "is_archived": self.is_archived,
            "is_general": False,
            "unlinked": 0,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "context_team_id": self.team_id,
            "is_member": reader in self.members,
            "num_members": len(self.members),
            "topic": note,
            "purpose": dict(note),
        }


@dataclass
class View:
    """A modal (`type == "modal"`) or an app home (`"home"`) as one person sees it."""

    id: str
    user: str
    body: Json
    root: str
    hash: str
    previous: str | None = None
    state: Json = field(default_factory=dict)
    open: bool = True

    def to_slack(self, team: str, app_id: str, bot_id: str) -> Json:
        kept = ("type", "title", "submit", "close", "blocks", "private_metadata", "callback_id", "external_id")
        body = {name: self.body.get(name) for name in kept}
        for name in ("private_metadata", "callback_id", "external_id"):
            body[name] = body[name] or ""
        return body | {
            "id": self.id,
            "team_id": team,
            "app_id": app_id,
            "bot_id": bot_id,
            "app_installed_team_id": team,
            "state": {"values": self.state},
            "hash": self.hash,
            "clear_on_close": bool(self.body.get("clear_on_close")),
            "notify_on_close": bool(self.body.get("notify_on_close")),
            "root_view_id": self.root,
            "previous_view_id": self.previous,
        }


@dataclass
class StoredFile:
    """A file; `data` is empty until it has been uploaded, `shared` until it has been completed."""

    id: str
    name: str
    size: int
    user: str
    created: int
    url: str
    title: str = ""
    data: bytes = b""
    uploaded: bool = False
    complete: bool = False
    channels: list[str] = field(default_factory=list)

    def to_slack(self) -> Json:
        suffix = self.name.rsplit(".", 1)[-1].lower() if "." in self.name else "text"
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title or self.name,
            "filetype": suffix,
            "user": self.user,
            "size": self.size,
            "mode": "hosted",
            "is_external": False,
            "is_public": bool(self.channels),
            "url_private": self.url,
            "url_private_download": self.url,
            "permalink": self.url,
            "channels": list(self.channels),
        }
