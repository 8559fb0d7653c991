"""A webhook's receiver can tell that it was us, when, and whether it has it already."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest

from bot.engine.ports.errors import Final, Retryable
from bot.notify.webhook import WebhookChannel
from config.channels import WebhookSettings
from config.secret import Secret
from tests.notify.conftest import HOST, Provider, a_notification

KEY = "0123456789abcdef-hush"


def _channel(url: str) -> WebhookChannel:
    return WebhookChannel(WebhookSettings("pager", Secret(url), Secret(KEY), timeout=20.0), lambda: 1_700_000_000.9)


async def test_what_arrives_is_signed(provider: Provider) -> None:
    channel = _channel(provider.url + "/hook?token=hush")
    notification = a_notification(thread="t")
    assert await channel.send("oncall", notification) == ""
    await channel.aclose()
    (asked,) = provider.asked
    at = asked.headers["X-Rollout-Timestamp"]
    expected = hmac.new(KEY.encode(), at.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
    assert (at, asked.headers["X-Rollout-Signature"]) == ("1700000000", f"v1={expected}")
    assert asked.headers["Idempotency-Key"] == notification.key
    assert asked.path == "/hook?token=hush"
    assert json.loads(asked.body) == {
        "to": "oncall", "key": notification.key, "severity": "critical", "subject": notification.subject,
        "text": notification.text, "html": "", "short": notification.short, "thread": "t",
    }  # fmt: skip


async def test_refusals(provider: Provider) -> None:
    channel = _channel(provider.url)
    provider.answers = [(422, {}, "no"), (503, {"Retry-After": "3"}, ""), (204, {}, "")]
    with pytest.raises(Final, match="422: no"):
        await channel.send("x", a_notification())
    with pytest.raises(Retryable) as caught:
        await channel.send("x", a_notification())
    assert caught.value.after == 3.0
    await channel.send("x", a_notification())
    await channel.aclose()


async def test_ready_or_not(provider: Provider) -> None:
    assert await _channel(provider.url).check() == ""
    assert not provider.asked
    said = await _channel(f"http://{HOST}:1/hush-hush").check()
    assert "cannot be reached" in said and "hush" not in said
    # A certificate is looked at too: this server speaks no TLS at all.
    assert "cannot be reached" in await _channel(provider.url.replace("http:", "https:")).check()
