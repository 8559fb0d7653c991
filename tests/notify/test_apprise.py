"""Apprise itself, behind its json:// URL, against a real HTTP server."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.engine.ports.errors import Final, Retryable
from bot.notify import apprise as module
from bot.notify.apprise import AppriseChannel
from bot.notify.sms import fit
from config.channels import AppriseSettings
from config.secret import Secret
from tests.notify.conftest import Provider, a_notification


class Apprises:
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.open: list[AppriseChannel] = []

    def __call__(self, tail: str = "/tok-hush/{to}", url: str = "", **changed: Any) -> AppriseChannel:
        address = url or self.provider.url.replace("http://", "json://bot:pass-hush@") + tail
        values: dict[str, Any] = {"timeout": 60.0, **changed}
        self.open.append(AppriseChannel(AppriseSettings("phone", Secret(address), **values)))
        return self.open[-1]


@pytest.fixture
async def channel(provider: Provider) -> AsyncIterator[Apprises]:
    apprises = Apprises(provider)
    yield apprises
    for one in apprises.open:
        await one.aclose()


async def test_it_arrives_with_its_recipient_in_the_address(channel: Apprises, provider: Provider) -> None:
    notification = a_notification()
    assert await channel().send("+86 138/0", notification) == ""
    (asked,) = provider.asked
    assert asked.path.startswith("/tok-hush/") and "138" in asked.path
    sent = json.loads(asked.body)
    assert (sent["title"], sent["message"].strip(), sent["type"]) == (
        notification.subject, notification.text, "failure"
    )  # fmt: skip


async def test_short_is_the_sms_alone(channel: Apprises, provider: Provider) -> None:
    notification = a_notification(short="中" * 500, severity="info")
    await channel(style="short").send("1", notification)
    sent = json.loads(provider.asked[0].body)
    assert (sent["title"], sent["message"], sent["type"]) == ("", fit(notification.short), "info")


class Root(logging.Handler):
    """What the bot's own log would show."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "aiohttp.access":  # the test's own server
            self.lines.append(record.getMessage())


async def test_what_apprise_swallows_is_said_without_the_secrets(channel: Apprises, provider: Provider) -> None:
    provider.answers = [(500, {}, "")]
    root = Root()
    logging.getLogger().addHandler(root)
    try:
        with pytest.raises(Retryable, match=r"phone \(json\) failed: .*error=500") as caught:
            await channel().send("1", a_notification())
    finally:
        logging.getLogger().removeHandler(root)
    assert "hush" not in str(caught.value)
    assert root.lines == []


async def test_a_provider_that_cannot_be_reached(channel: Apprises) -> None:
    with pytest.raises(Retryable, match="Connection error"):
        await channel(url="json://127.0.0.1:1/").send("1", a_notification())


async def test_every_thread_hears_its_own(channel: Apprises, provider: Provider) -> None:
    provider.answers = [(418, {}, "")]
    other = channel(url="json://127.0.0.1:1/")
    one = channel()
    answers = await asyncio.gather(
        *(each.send("1", a_notification(f"k{n}")) for n in range(6) for each in (one, other)), return_exceptions=True
    )
    assert all(isinstance(answer, Retryable) for answer in answers)
    assert all("418" in str(answer) and "Connection" not in str(answer) for answer in answers[::2])
    assert all("Connection" in str(answer) and "418" not in str(answer) for answer in answers[1::2])


async def test_the_deadline_holds_and_what_did_not_begin_never_does(channel: Apprises, provider: Provider) -> None:
    provider.hold = asyncio.Event()
    hanging = channel("/x?cto=60&rto=60", timeout=3.0)
    assert await hanging.check() == ""  # Apprise's slow import is over
    count = module.THREADS + 3
    answers = await asyncio.gather(
        *(hanging.send("1", a_notification(f"k{n}")) for n in range(count)), return_exceptions=True
    )
    assert all(isinstance(answer, Retryable) and "no answer within" in str(answer) for answer in answers)
    begun = len(provider.asked)
    assert 1 <= begun <= module.THREADS
    provider.hold.set()
    provider.hold = None
    # The threads are free again, and the next message is the first thing they take up.
    await channel("/y").send("1", a_notification())
    hanging._threads.submit(lambda: None).result(60)
    assert len([asked for asked in provider.asked if asked.path.startswith("/x")]) == begun


async def test_a_url_apprise_does_not_understand(channel: Apprises) -> None:
    for url in ("nonsense://hush-hush", "twilio://hush-hush"):
        one = channel(url=url)
        said = await one.check()
        assert "write it as its page" in said and "hush" not in said
        with pytest.raises(Retryable, match="write it as its page"):
            await one.send("1", a_notification())


@pytest.mark.parametrize(
    "url",
    [
        "twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15550100000/{to}",
        "dingtalk://" + "a" * 40 + "/{to}",
        "wecombot://a-b-c-d-e-f",
        "feishu://abcdefgh-1234",
        "vonage://abcd1234:" + "b" * 16 + "@15550100000/{to}",
        "sns://AKIAXXXXXXXXXXXXXXXX/" + "b" * 40 + "/us-east-1/{to}",
    ],
)
async def test_the_providers_of_the_documentation_are_understood(channel: Apprises, url: str) -> None:
    assert await channel(url=url).check() == ""


async def test_a_recipient_is_needed_where_the_address_has_room_for_one(channel: Apprises, provider: Provider) -> None:
    with pytest.raises(Final, match="needs a recipient"):
        await channel().send("", a_notification())
    await channel("/group").send("", a_notification())
    assert provider.asked[0].path == "/group"
