"""A signed POST of JSON to the user's own address."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable

from bot.notify.http import Http
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
        notification = clean(notification)
        body = json.dumps(
            {
                "to": to,
                "key": notification.key,
                "severity": notification.severity,
                "subject": notification.subject,
                "text": notification.text,
                "html": notification.html,
                "short": notification.short,
                "thread": notification.thread,
            }
        ).encode()
        at = str(int(self._clock()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": " ".join(notification.key.split()),
            "X-Rollout-Timestamp": at,
            "X-Rollout-Signature": f"v1={signature(self._key, at, body)}",
        }
        answer = await self._http.ask("POST", self._url, headers, body)
        if not 200 <= answer.status < 300:
            raise self._http.refusal(answer, self._clock())
        return ""

    async def check(self) -> str:
        return await self._http.reachable(self._url)

    async def aclose(self) -> None:
        await self._http.aclose()


def signature(key: str, at: str, body: bytes) -> str:
    """HMAC-SHA256 over the time (Unix seconds, as text), a dot and the body, in hex."""
    return hmac.new(key.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
