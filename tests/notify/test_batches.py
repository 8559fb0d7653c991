"""Several notifications in one request: who travels together, and that each has its own outcome."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bot.engine.ports.errors import Final, Retryable
from bot.notify import batches
from bot.notify.channels import build_channels
from bot.notify.message import Channel
from bot.notify.webhook import signature
from config.channels import WebhookSettings
from config.secret import Secret
from tests.notify.conftest import PATIENCE, Asked, Provider, a_notification

KEY = "0123456789abcdef-hush"


def _channel(provider: Provider, batch: int = 3) -> Channel:
    settings = WebhookSettings("pager", Secret(provider.url), Secret(KEY), timeout=PATIENCE, batch=batch)
    return build_channels({"pager": settings}, None)["pager"]


def _keys(asked: Asked) -> list[str]:
    return [one["key"] for one in json.loads(asked.body)["notifications"]]


async def _send(channel: Channel, *keys: str, to: str = "oncall") -> list[Any]:
    """What became of each: "" or its exception."""
    sending = (channel.send(to, a_notification(key)) for key in keys)
    return await asyncio.gather(*sending, return_exceptions=True)


def _refuses(provider: Provider, bad: str, status: int, together_only: bool = False) -> None:
    """Every request with the bad one in it is refused, or only those in which it has company."""

    def answer() -> None:
        keys = _keys(provider.asked[-1])
        refused = bad in keys and (len(keys) > 1 or not together_only)
        provider.answers = [(status if refused else 200, {}, "it is bad")]

    provider.on_ask = answer


async def test_what_is_due_at_once_travels_together(provider: Provider) -> None:
    channel = _channel(provider)
    assert await _send(channel, *"abcdefg") == [""] * 7
    await channel.aclose()
    assert sorted(_keys(asked) for asked in provider.asked) == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
    for asked in provider.asked:
        at = asked.headers["X-Rollout-Timestamp"]
        assert asked.headers["X-Rollout-Signature"] == f"v1={signature(KEY, at, asked.body)}"
        assert asked.headers.get("Idempotency-Key") == ("g" if _keys(asked) == ["g"] else None)
    one = json.loads(provider.asked[0].body)["notifications"][0]
    assert set(one) == {"to", "key", "severity", "subject", "text", "html", "short", "thread"}


async def test_recipients_do_not_share_a_request(provider: Provider) -> None:
    channel = _channel(provider)
    await asyncio.gather(_send(channel, "a", "b", to="x"), _send(channel, "c", "d", to="y"))
    await channel.aclose()
    assert sorted(_keys(asked) for asked in provider.asked) == [["a", "b"], ["c", "d"]]


async def test_one_alone_goes_at_once_and_the_next_wait_for_its_answer(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LINGER", PATIENCE)
    channel = _channel(provider)
    provider.hold = asyncio.Event()
    first = asyncio.create_task(_send(channel, "a"))
    await provider.reached.wait()
    later = [asyncio.create_task(_send(channel, key)) for key in "bc"]
    await asyncio.sleep(0.05)
    assert [_keys(asked) for asked in provider.asked] == [["a"]]
    provider.hold.set()
    await asyncio.gather(first, *later)
    await channel.aclose()
    assert [_keys(asked) for asked in provider.asked] == [["a"], ["b", "c"]]


async def test_a_full_batch_waits_for_nothing_and_nobody_for_an_old_timer(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "LINGER", 10 * PATIENCE)
    channel = _channel(provider)
    provider.hold = asyncio.Event()
    sending = [asyncio.create_task(_send(channel, "a"))]
    await provider.reached.wait()
    for key in "bcd":
        sending.append(asyncio.create_task(_send(channel, key)))
        await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE):
        while len(provider.asked) < 2:  # noqa: ASYNC110 the server is what is watched
            await asyncio.sleep(0.01)
        provider.hold.set()
        await asyncio.gather(*sending)
        assert await _send(channel, "e") == [""]
    await channel.aclose()
    assert [_keys(asked) for asked in provider.asked] == [["a"], ["b", "c", "d"], ["e"]]


async def test_a_request_that_hangs_holds_up_the_others_for_a_moment_only(provider: Provider) -> None:
    channel = _channel(provider)
    provider.hold = asyncio.Event()
    first = asyncio.create_task(_send(channel, "a"))
    await provider.reached.wait()
    second = asyncio.create_task(_send(channel, "b"))
    async with asyncio.timeout(PATIENCE):
        while len(provider.asked) < 2:  # noqa: ASYNC110 the server is what is watched
            await asyncio.sleep(0.01)
    provider.hold.set()
    assert await asyncio.gather(first, second) == [[""], [""]]
    await channel.aclose()
    assert [_keys(asked) for asked in provider.asked] == [["a"], ["b"]]


async def test_one_bad_message_does_not_hold_up_its_company(provider: Provider) -> None:
    _refuses(provider, "b", 422)
    channel = _channel(provider)
    a, b, c = await _send(channel, "a", "b", "c")
    await channel.aclose()
    assert (a, c) == ("", "")
    assert isinstance(b, Final) and "422: it is bad" in str(b)
    assert sorted(_keys(asked) for asked in provider.asked) == [["a"], ["a", "b", "c"], ["b"], ["c"]]


@pytest.mark.parametrize("status", [500, 502])
async def test_a_server_that_fails_over_a_batch_gets_each_alone_when_they_come_again(
    provider: Provider, status: int
) -> None:
    _refuses(provider, "b", status)
    channel = _channel(provider)
    for failed in await _send(channel, "a", "b", "c"):
        assert isinstance(failed, Retryable)  # nothing is tried at once: it may be the server alone
    a, b, c = await _send(channel, "a", "b", "c")
    assert (a, c) == ("", "") and isinstance(b, Retryable)
    assert sorted(_keys(asked) for asked in provider.asked) == [["a"], ["a", "b", "c"], ["b"], ["c"]]
    await _send(channel, "b", "d", "e")  # it stays alone, and the others are together
    await channel.aclose()
    assert sorted(_keys(asked) for asked in provider.asked[-2:]) == [["b"], ["d", "e"]]


@pytest.mark.parametrize("status", [408, 425, 429, 503])
async def test_who_is_asked_to_come_later_comes_together(provider: Provider, status: int) -> None:
    provider.answers = [(status, {"Retry-After": "3"}, ""), (200, {}, "")]
    channel = _channel(provider)
    for failed in await _send(channel, "a", "b"):
        assert isinstance(failed, Retryable) and failed.after == 3.0
    assert await _send(channel, "a", "b") == ["", ""]
    await channel.aclose()
    assert [_keys(asked) for asked in provider.asked] == [["a", "b"], ["a", "b"]]


async def test_a_lost_answer_is_retryable_for_each(provider: Provider) -> None:
    provider.answers = ["drop"]
    channel = _channel(provider)
    first, second = await _send(channel, "a", "b")
    await channel.aclose()
    assert isinstance(first, Retryable) and isinstance(second, Retryable) and first is not second


async def test_what_was_cancelled_is_not_sent(provider: Provider) -> None:
    channel = _channel(provider)
    sending = [asyncio.create_task(channel.send("oncall", a_notification(key))) for key in "ab"]
    await asyncio.sleep(0)
    sending[0].cancel()
    await asyncio.wait(sending)
    await channel.aclose()
    assert [_keys(asked) for asked in provider.asked] == [["b"]]


async def test_what_is_under_way_when_it_closes_comes_again(provider: Provider) -> None:
    provider.hold = asyncio.Event()
    channel = _channel(provider)
    sending = asyncio.create_task(_send(channel, "a", "b"))
    await provider.reached.wait()
    await channel.aclose()
    assert all(isinstance(one, Retryable) for one in await sending)
