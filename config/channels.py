"""`channels.yaml` as values: the ways to people, how much one person gets, and the dead man's switch.

A secret that is not in the environment leaves its channel `missing` the variable's name: the bot runs without it,
`check` warns, and the channel says so to whoever sends through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from config.secret import Secret
from config.smtp_url import SmtpServer
from config.template import Template

Style = Literal["full", "short"]
Content = Literal["json", "form", "xml", "none"]
Method = Literal["POST", "PUT", "GET"]
STYLES, CONTENTS, METHODS = get_args(Style), get_args(Content), get_args(Method)

MAIL_TIMEOUT, GATEWAY_TIMEOUT, APPRISE_TIMEOUT, WEBHOOK_TIMEOUT = 20.0, 15.0, 30.0, 15.0
BEAT, BEAT_TIMEOUT = 60.0, 10.0

# What a gateway's template may be filled with; see Notification.
HOLES = frozenset({"to", "text", "short", "subject", "html", "severity", "key", "thread"})


@dataclass(frozen=True, slots=True)
class Segments:
    """SMS a text may become, by alphabet."""

    gsm7: int = 1
    ucs2: int = 2


@dataclass(frozen=True, slots=True)
class MailSettings:
    """sender: `Name <address>`. list_id: as in alerts.example.com. timeout: seconds, of one answer of the server."""

    name: str
    server: SmtpServer | None
    sender: str
    list_id: str
    timeout: float = MAIL_TIMEOUT
    connections: int = 4
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Success:
    """What a gateway's good answer is. statuses: () = any 2xx. path: dotted, into the JSON of the answer; "" = none.

    equals: the values there that mean yes; () = it only has to be there. retry: those that mean later. id: the path of
    the provider's name for the message; "" = none.
    """

    statuses: tuple[int, ...] = ()
    path: str = ""
    equals: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """secrets: by environment variable. timeout: seconds, of the whole request."""

    name: str
    url: Template
    method: Method = "POST"
    headers: tuple[tuple[str, Template], ...] = ()
    content: Content = "json"
    body: str = ""
    success: Success = Success()
    segments: Segments = Segments()
    timeout: float = GATEWAY_TIMEOUT
    secrets: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppriseSettings:
    """style: `short` = the SMS text cut to its segments, without a title. timeout: seconds, of everything."""

    name: str
    url: Secret | None
    style: Style = "full"
    segments: Segments = Segments()
    timeout: float = APPRISE_TIMEOUT
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SlackChannelSettings:
    name: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """url may hold a token. timeout: seconds, of the whole request. batch: notifications in one request, at most."""

    name: str
    url: Secret | None
    signing_key: Secret | None
    timeout: float = WEBHOOK_TIMEOUT
    batch: int = 1
    missing: tuple[str, ...] = ()


ChannelSettings = MailSettings | GatewaySettings | AppriseSettings | SlackChannelSettings | WebhookSettings


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Per recipient: `burst` notifications at once, then one in `every` seconds. reserved: of these, for Critical."""

    burst: int = 20
    every: float = 60.0
    reserved: int = 5


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """interval, timeout: seconds."""

    url: Secret
    interval: float = BEAT
    timeout: float = BEAT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Channels:
    """channels: by name, in the file's order, read-only. heartbeat: None where there is none, or no address for it."""

    channels: Mapping[str, ChannelSettings] = field(default_factory=lambda: MappingProxyType({}))
    limit: LimitSettings = LimitSettings()
    heartbeat: HeartbeatSettings | None = None
