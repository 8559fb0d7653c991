"""What goes to people, and what every channel to them can do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, Protocol

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Notification:
    """key: of the effect; it becomes the mail's Message-ID and the gateway's idempotency key, so that a repeat shows.

    subject: one line. text: plain, all that is known. html: the same for a mail client, "" = text alone.
    short: for SMS: what, where, since when; a channel cuts it to its segments.
    thread: the mails of one alert share In-Reply-To and References by it; "" = a mail of its own.
    """

    key: str
    severity: Severity
    subject: str
    text: str
    html: str
    short: str
    thread: str = ""


def clean(notification: Notification) -> Notification:
    """As every channel can carry it: the subject on one line, no control characters, no half surrogate pairs."""
    return replace(
        notification,
        subject=" ".join(_carried(notification.subject).split()),
        text=_carried(notification.text),
        html=_carried(notification.html),
        short=_carried(notification.short),
    )


def _carried(text: str) -> str:
    """A label or an annotation can hold anything that JSON can write."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n")).encode("utf-8", "replace").decode("utf-8")


class Channel(Protocol):
    """One way to people. Raises Retryable (with `after` where the provider named one) or Final, nothing else.

    Final is about this notification or this recipient, and names the mend. What is wrong with the way itself (a
    password, a certificate, an address) can be mended while the bot runs: that is Retryable, with the mend in its text.
    """

    async def send(self, to: str, notification: Notification) -> str:
        """What the provider calls it; "" = nothing. May be called again with the same key after a lost answer."""
        ...

    async def check(self) -> str:
        """ "" = ready; else one sentence with the mend. Sends nothing to a person."""
        ...

    async def aclose(self) -> None: ...
