"""A gateway described by templates, against a real HTTP server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.ports.errors import Final, Retryable
from bot.notify.gateway import GatewayChannel
from bot.notify.message import clean
from bot.notify.sms import fit
from config.channels import HOLES, GatewaySettings, Success
from config.secret import Secret
from config.template import parse_template
from tests.notify.conftest import HOST, Provider, a_notification

NUMBER = "+8613800138000"
TOKEN = "hush/hush+1"
NOW = 1_700_000_000.0
BODY = '{"to": "${to}", "content": {"text": "${short}", "parts": ["${severity}", 1, null]}, "ref": "${key}"}'


def _settings(url: str, **changed: Any) -> GatewaySettings:
    values: dict[str, Any] = {
        "name": "sms",
        "url": parse_template(url, HOLES),
        "headers": (("Authorization", parse_template("Bearer ${env:SMS_TOKEN}", HOLES)),),
        "body": BODY,
        "secrets": {"SMS_TOKEN": Secret(TOKEN)},
        "timeout": 20.0,
    }
    return GatewaySettings(**(values | changed))


class Gateways:
    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.open: list[GatewayChannel] = []

    def __call__(self, path: str = "/v1/messages", **changed: Any) -> GatewayChannel:
        self.open.append(GatewayChannel(_settings(self.provider.url + path, **changed), lambda: NOW))
        return self.open[-1]


@pytest.fixture
async def gateway(provider: Provider) -> AsyncIterator[Gateways]:
    gateways = Gateways(provider)
    yield gateways
    for channel in gateways.open:
        await channel.aclose()


async def test_the_request_is_as_it_is_described(gateway: Gateways, provider: Provider) -> None:
    notification = a_notification(short='错误率 "12.5%" \\ {}\n${to} ' * 20)
    assert await gateway().send(NUMBER, notification) == ""
    (asked,) = provider.asked
    assert (asked.method, asked.path) == ("POST", "/v1/messages")
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert (asked.headers["Idempotency-Key"], asked.headers["Content-Type"]) == (notification.key, "application/json")
    short = fit(notification.short)
    assert json.loads(asked.body) == {
        "to": NUMBER, "content": {"text": short, "parts": ["critical", 1, None]}, "ref": notification.key
    }  # fmt: skip
    assert short.endswith("…") and len(short) <= 134


async def test_a_hole_in_a_key_is_filled_too(gateway: Gateways, provider: Provider) -> None:
    await gateway(body='{"messages": {"${to}": "${short}"}}').send(NUMBER, a_notification(short="x"))
    assert json.loads(provider.asked[0].body) == {"messages": {NUMBER: "x"}}


async def test_a_get_with_everything_in_the_address(gateway: Gateways, provider: Provider) -> None:
    path = "/send?key=${env:SMS_TOKEN}&to=${to}&text=${short}&fixed=%2B"
    channel = gateway(path, method="GET", content="none", body="", headers=())
    notification = a_notification(short="a&to=+1 # ? 中文/..")
    await channel.send(NUMBER, notification)
    (asked,) = provider.asked
    assert parse_qs(urlsplit(asked.path).query) == {
        "key": [TOKEN], "to": [NUMBER], "text": [notification.short], "fixed": ["+"]
    }  # fmt: skip
    assert asked.body == b""


async def test_a_value_stays_one_part_of_the_address(gateway: Gateways, provider: Provider) -> None:
    await gateway("/to/${to}/send").send("../a/b?c", a_notification())
    assert provider.asked[0].path == "/to/..%2Fa%2Fb%3Fc/send"


async def test_a_form(gateway: Gateways, provider: Provider) -> None:
    channel = gateway(content="form", body="phone=${to}&text=${short}&sign=%E5%93%81")
    await channel.send(NUMBER, a_notification(short="a&phone=1 中"))
    assert parse_qs(provider.asked[0].body.decode()) == {"phone": [NUMBER], "text": ["a&phone=1 中"], "sign": ["品"]}
    assert provider.asked[0].headers["Content-Type"] == "application/x-www-form-urlencoded"


async def test_xml(gateway: Gateways, provider: Provider) -> None:
    channel = gateway(content="xml", body='<sms to="${to}"><text>${short}</text></sms>')
    await channel.send(NUMBER, a_notification(short="</text> & \"'\x07中"))
    tree = ElementTree.fromstring(provider.asked[0].body)
    assert tree.get("to") == NUMBER
    assert tree.findtext("text") == clean(a_notification(short="</text> & \"'\x07中")).short


ANY = st.text(st.characters(exclude_categories=[]), max_size=100)


@given(ANY, ANY)
def test_no_value_leaves_its_place_in_the_json(short: str, key: str) -> None:
    channel = GatewayChannel(_settings(f"http://{HOST}:1/"))
    values = channel._values(NUMBER, clean(a_notification(key, short=short or "x")))
    assert json.loads(channel._body(values)) == {
        "to": NUMBER, "content": {"text": values["short"], "parts": ["critical", 1, None]}, "ref": key
    }  # fmt: skip


RECEIPT = Success(path="messages.0.status", equals=("queued", "0"), retry=("throttled", "1"), id="messages.0.id")


@pytest.mark.parametrize("status", ['"queued"', "0", '"0"'])
async def test_the_providers_name_for_it(gateway: Gateways, provider: Provider, status: str) -> None:
    provider.answers = [(200, {}, f'{{"messages": [{{"status": {status}, "id": 17}}]}}')]
    assert await gateway(success=RECEIPT).send(NUMBER, a_notification()) == "17"


@pytest.mark.parametrize(
    ("answer", "kind", "words", "after"),
    [
        ((200, {}, '{"messages": [{"status": "throttled"}]}'), Retryable, "throttled", None),
        ((200, {"Retry-After": "7"}, '{"messages": [{"status": 1}]}'), Retryable, "= 1", 7.0),
        ((200, {}, '{"messages": [{"status": "bad number"}]}'), Final, "add the value to equals or retry", None),
        ((200, {}, '{"messages": []}'), Final, "= None", None),
        ((200, {}, '{"messages": {"0": {"status": true}}}'), Final, "= true", None),
        ((200, {}, "<html>a proxy</html>"), Retryable, "without JSON: <html>", None),
        ((400, {}, '{"error": "bad number"}'), Final, "400.*bad number.*correct the recipient", None),
        ((401, {}, ""), Retryable, "nothing more — correct its address, or the secret", 30.0),
        ((404, {}, ""), Retryable, "correct its address", 30.0),
        ((302, {"Location": "http://127.0.0.1:1/"}, ""), Retryable, "302", 30.0),
        ((429, {"Retry-After": "12"}, ""), Retryable, "429", 12.0),
        ((429, {"Retry-After": "Tue, 14 Nov 2023 22:14:20 GMT"}, ""), Retryable, "429", 60.0),
        ((429, {"Retry-After": "Tue, 14 Nov 2000 22:14:20 GMT"}, ""), Retryable, "429", 0.0),
        ((503, {"Retry-After": "999999999"}, ""), Retryable, "503", 3600.0),
        ((503, {"Retry-After": "soon"}, ""), Retryable, "503", None),
        ((500, {}, "oops " * 1000), Retryable, "500: oops", None),
        ("drop", Retryable, "cannot be reached", None),
    ],
)  # fmt: skip
async def test_what_is_no_success(
    gateway: Gateways, provider: Provider, answer: Any, kind: type[Exception], words: str, after: float | None
) -> None:
    provider.answers = [answer]
    with pytest.raises(kind, match=words) as caught:
        await gateway(success=RECEIPT).send(NUMBER, a_notification())
    assert getattr(caught.value, "after", None) == after
    assert len(str(caught.value)) < 400
    assert len(provider.asked) == 1


async def test_only_the_statuses_that_are_named_count(gateway: Gateways, provider: Provider) -> None:
    provider.answers = [(200, {}, ""), (202, {}, "")]
    channel = gateway(success=Success(statuses=(202,)))
    with pytest.raises(Final, match="200"):
        await channel.send(NUMBER, a_notification())
    assert await channel.send(NUMBER, a_notification()) == ""


async def test_a_provider_that_repeats_the_secret_does_not_put_it_into_the_log(
    gateway: Gateways, provider: Provider
) -> None:
    provider.answers = [(400, {}, f"no such token: {TOKEN}, hush%2Fhush%2B1")]
    with pytest.raises(Final) as caught:
        await gateway().send(NUMBER, a_notification())
    assert "hush" not in str(caught.value)
    assert "no such token: ***, ***" in str(caught.value)


async def test_a_gateway_that_hangs(gateway: Gateways, provider: Provider) -> None:
    provider.hold = asyncio.Event()
    with pytest.raises(Retryable, match="no answer within"):
        await gateway(timeout=0.3).send(NUMBER, a_notification())


async def test_it_is_ready_when_it_can_be_reached_and_is_sent_nothing(gateway: Gateways, provider: Provider) -> None:
    channel = gateway()
    assert await channel.check() == ""
    assert not provider.asked
    gone = GatewayChannel(_settings(f"http://{HOST}:1/?key=${{env:SMS_TOKEN}}"))
    assert "cannot be reached" in await gone.check()


async def test_a_line_break_stays_out_of_the_headers(gateway: Gateways, provider: Provider) -> None:
    channel = gateway(headers=(("X-What", parse_template("${text}", HOLES)),))
    await channel.send(NUMBER, a_notification(text="a\r\nX-Evil: 1\nb"))
    assert provider.asked[0].headers["X-What"] == "a X-Evil: 1 b"
    assert "X-Evil" not in provider.asked[0].headers


async def test_nobody_to_send_to(gateway: Gateways, provider: Provider) -> None:
    with pytest.raises(Final, match="no number"):
        await gateway().send(" ", a_notification())
    assert not provider.asked
