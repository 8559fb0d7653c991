"""The keys of channels.yaml. Meanings are in `channels`; which kind has which key is in `KEYS`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from config.channels import CONTENTS, METHODS, STYLES, Content, Method, Style
from config.problems import show
from config.structure import Duration, Model, Text, Whole, choice, fault

Kind = Literal["mail", "gateway", "apprise", "slack", "webhook"]
KINDS: Final = ("mail", "gateway", "apprise", "slack", "webhook")
# kind -> (keys it must have, keys it may have); `a|b` = one of the two
KEYS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "mail": (("url_env", "from"), ("list_id", "timeout", "connections")),
    "gateway": (("url",), ("method", "headers", "content", "body", "success", "segments", "timeout")),
    "apprise": (("url_env",), ("style", "segments", "timeout")),
    "slack": ((), ()),
    "webhook": (("url|url_env", "signing_key_env"), ("timeout", "batch")),
}


def _scalar(value: Any) -> str:
    """As JSON writes it, so that 0, true and "0" can be compared with an answer."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal, str)):
        return str(value)
    raise fault(f"{show(value)} is not one value", 'write text or a number: 0 or "ok"')


Scalar = Annotated[str, BeforeValidator(_scalar)]


class SuccessModel(Model):
    status: list[Whole] | None = None
    path: Text | None = None
    equals: list[Scalar] | None = None
    retry: list[Scalar] | None = None
    id: Text | None = None


class SegmentsModel(Model):
    gsm7: Whole | None = None
    ucs2: Whole | None = None


class ChannelModel(Model):
    kind: Annotated[Kind, choice(*KINDS)] | None = None
    url: Text | None = None
    url_env: Text | None = None
    signing_key_env: Text | None = None
    sender: Text | None = Field(None, alias="from")
    list_id: Text | None = None
    connections: Whole | None = None
    method: Annotated[Method, choice(*METHODS)] | None = None
    headers: list[Text] | None = None
    content: Annotated[Content, choice(*CONTENTS)] | None = None
    body: Text | None = None
    success: SuccessModel | None = None
    style: Annotated[Style, choice(*STYLES)] | None = None
    segments: SegmentsModel | None = None
    timeout: Duration | None = None
    batch: Whole | None = None


class LimitModel(Model):
    burst: Whole | None = None
    every: Duration | None = None
    reserved: Whole | None = None


class HeartbeatModel(Model):
    url_env: Text | None = None
    interval: Duration | None = None
    timeout: Duration | None = None


class ChannelsModel(Model):
    channels: dict[str, ChannelModel] | None = None
    limit: LimitModel | None = None
    heartbeat: HeartbeatModel | None = None
