"""A signed POST of JSON to the user's own address."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping, Sequence

from bot.engine.ports.errors import Retryable
from bot.notify.batches import Apart
from bot.notify.http import LATER, Answer, Http
from bot.notify.message import Notification, clean
from config.channels import WebhookSettings


class WebhookChannel:
    """clock: Unix seconds; the time is signed too, so that a receiver can refuse what was recorded and sent again."""

    def __init__(self, settings: WebhookSettings, clock: Callable[[], float] = time.time) -> None:
        assert settings.url is not None and settings.signing_key is not None
        self._url, self._key, self._clock = settings.url.reveal(), settings.signing_key.reveal(), clock
        self._http = Http(f"the webhook {settings.name}", settings.timeout, (self._url, self._key))

    async def send(self, to: str, notification: Notification) -> str:
        """See Channel. `to` goes along as it is. Any 2xx is success."""
        answer = await self._post(_fields(to, notification), notification)
        if not 200 <= answer.status < 300:
            raise self._http.refusal(answer, self._clock())
        return ""

    async def send_many(self, to: str, notifications: Sequence[Notification]) -> None:
        """See ManyAtOnce. A list also where it is of one, so that a receiver reads one shape."""
        alone = notifications[0] if len(notifications) == 1 else None
        answer = await self._post({"notifications": [_fields(to, one) for one in notifications]}, alone)
        if 200 <= answer.status < 300:
            return
        refusal = self._http.refusal(answer, self._clock())
        if alone or answer.status in (*LATER, 503) or answer.status < 400:
            raise refusal
        # What a server says about one bad message it says of the whole request, or it fails over it.
        raise Apart(str(refusal), refusal if answer.status >= 500 and isinstance(refusal, Retryable) else None)

    async def _post(self, what: Mapping[str, object], alone: Notification | None) -> Answer:
        """alone: the one it is about. Several have no key together: they may come again in other company."""
        body = json.dumps(what).encode()
        at = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "X-Rollout-Timestamp": at,
            "X-Rollout-Signature": f"v1={signature(self._key, at, body)}",
        }
        if alone:
            headers["Idempotency-Key"] = " ".join(alone.key.split())
        return await self._http.ask("POST", self._url, headers, body)

    async def check(self) -> str:
        return await self._http.reachable(self._url)

    async def aclose(self) -> None:
        await self._http.aclose()


def _fields(to: str, notification: Notification) -> dict[str, str]:
    notification = clean(notification)
    return {
        "to": to,
        "key": notification.key,
        "severity": notification.severity,
        "subject": notification.subject,
        "text": notification.text,
        "html": notification.html,
        "short": notification.short,
        "thread": notification.thread,
    }


def signature(key: str, at: str, body: bytes) -> str:
    """HMAC-SHA256 over the time (Unix seconds, as text), a dot and the body, in hex."""
    return hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
