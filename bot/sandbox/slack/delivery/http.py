"""Signed HTTP requests to the app's request URL, as Slack sends them when Socket Mode is off."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.slack.delivery.deliverer import Ack, Delivery
from bot.sandbox.slack.models import Json
from bot.sandbox.slack.workspace import Workspace

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"


def signature(secret: str, timestamp: str, body: str) -> str:
    """`v0=` and the HMAC-SHA256 of `v0:timestamp:body`, in hex."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


def encoded(delivery: Delivery) -> tuple[str, str]:
    """Body and content type: events are JSON, commands form fields, interactions JSON in the field `payload`."""
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload), JSON_TYPE
    if delivery.kind == "slash_commands":
        return urlencode(delivery.payload), FORM_TYPE
    return urlencode({"payload": json.dumps(delivery.payload)}), FORM_TYPE


class HttpTransport:
    """`request_url` is the one address for events, commands and interactions."""

    def __init__(self, ws: Workspace, request_url: str) -> None:
        self._ws = ws
        self._url = request_url
        self._session: aiohttp.ClientSession | None = None

    async def attempt(self, delivery: Delivery, number: int, reason: str) -> Ack:
        body, content_type = encoded(delivery)
        headers = {"Content-Type": content_type}
        if number:
            headers |= {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        try:
            async with self._open().post(self._url, data=body.encode(), headers=headers | self._signed(body)) as answer:
                text = await answer.text()
                no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
                if not 200 <= answer.status < 300:
                    return Ack(False, error="http_error", no_retry=no_retry)
                if self._ws.faults.takes_ack():
                    return Ack(False, error="http_timeout")
                return Ack(True, _payload(text, answer.content_type))
        except TimeoutError:
            return Ack(False, error="http_timeout")
        except aiohttp.ClientError:
            return Ack(False, error="connection_failed")

    def _signed(self, body: str) -> dict[str, str]:
        timestamp = str(int(self._ws.clock()))
        made = signature(self._ws.app.signing_secret, timestamp, body)
        return {
            "X-Slack-Signature": made,
            "X-Slack-Request-Timestamp": timestamp,
            "User-Agent": "Slackbot 1.0 (sandbox)",
        }

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._ws.timing.ack))
        return self._session

    async def verify(self) -> bool:
        """Send `url_verification` and see whether the challenge comes back, as when a request URL is saved."""
        challenge = secrets.token_hex(16)
        body = json.dumps(
            {"token": self._ws.app.verification_token, "challenge": challenge, "type": "url_verification"}
        )
        headers = {"Content-Type": JSON_TYPE} | self._signed(body)
        try:
            async with self._open().post(self._url, data=body.encode(), headers=headers) as answer:
                return answer.status == 200 and challenge in await answer.text()
        except (TimeoutError, aiohttp.ClientError):
            return False

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _payload(text: str, content_type: str) -> Json | None:
    if not text.strip():
        return None
    if content_type != JSON_TYPE:
        return {"text": text}
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
