"""Alertmanager's webhook over HTTP into the log: committed before 200, a batch whole or not at all, once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from bot.engine.alert_intake import AlertIntake, BadPayload, read
from bot.engine.ports.errors import Retryable
from bot.web import LIMIT, AlertDoor, Web
from tests.engine.alert_rig import AlertRig

TOKEN = "a-token-of-some-length"


def an_alert(name: str = "DiskFull", status: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", "service": "shop", **labels},
        "annotations": {"summary": "the disk is full"},
        "startsAt": "2026-03-02T09:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-03-02T09:30:00Z",
        "generatorURL": "http://prometheus.example.com/graph",
        "fingerprint": "c0ffee",
    }


def payload(*alerts: dict[str, Any], **changes: Any) -> bytes:
    values = {"version": "4", "groupKey": "{}", "receiver": "bot", "status": "firing", "alerts": list(alerts)}
    return json.dumps(values | changes).encode()


@dataclass
class Door:
    rig: AlertRig
    url: str
    session: aiohttp.ClientSession

    async def post(self, body: bytes, token: str = TOKEN) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self.session.post(f"{self.url}/alerts", data=body, headers=headers) as answer:
            return answer.status, await answer.text()


async def well() -> dict[str, str]:
    return {}


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    rig = AlertRig()
    intake = AlertIntake(rig.alerting, lambda: (("shop", "ROLLOUT-20260302-1"),))
    refused = partial(rig.watch.own, "AlertsRefused")
    server = Web(well, CollectorRegistry(), None, AlertDoor(intake.take, TOKEN, (Retryable,), refused))
    url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
    async with aiohttp.ClientSession() as session:
        yield Door(rig, url, session)
    await server.stop()


async def test_what_is_answered_with_200_is_in_the_log_and_reaches_people(door: Door) -> None:
    status, text = await door.post(payload(an_alert(), an_alert(instance="db-2")))
    assert (status, json.loads(text)["alerts"]) == (200, 2)
    assert len((await door.rig.alerting.state()).firing()) == 2
    await door.rig.work()
    (mail,) = door.rig.mail.subjects
    assert "DiskFull · shop (2 alerts)" in mail
    assert "ROLLOUT-20260302-1" in {a.rollout for a in (await door.rig.state()).firing()}


async def test_a_redelivery_does_nothing(door: Door) -> None:
    for _ in range(3):
        assert (await door.post(payload(an_alert())))[0] == 200
        await door.rig.work()
    assert len(door.rig.mail.sent) == 1


async def test_a_late_redelivery_of_the_beginning_does_not_begin_it_again(door: Door) -> None:
    await door.post(payload(an_alert()))
    await door.post(payload(an_alert(status="resolved"), status="resolved"))
    await door.post(payload(an_alert(), receiver="another"))  # the same alert in a body of its own
    assert (await door.rig.alerting.state()).firing() == ()


async def test_a_batch_with_one_bad_alert_is_refused_whole(door: Door) -> None:
    status, text = await door.post(payload(an_alert(), {"status": "firing"}))
    assert status == 400 and "labels" in text
    assert [a.name for a in (await door.rig.alerting.state()).firing()] == ["AlertsRefused"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (payload(version="3"), "version"),
        (payload(alerts=None), "alerts"),
        (payload(an_alert() | {"startsAt": "yesterday"}), "startsAt"),
        (payload(an_alert() | {"labels": {"alertname": 5}}), "labels"),
    ],
)
async def test_what_is_no_webhook_is_refused_with_its_fault(door: Door, body: bytes, said: str) -> None:
    status, text = await door.post(body)
    assert status == 400 and said in text, text


async def test_who_has_not_the_token_posts_nothing(door: Door) -> None:
    for token in ("", "wrong", "ä"):
        status, text = await door.post(payload(an_alert()), token.encode().decode("latin-1"))
        assert status == 401 and "ALERTS_TOKEN" in text
    assert (await door.rig.alerting.state()).alerts == {}


async def test_ten_megabytes_are_refused(door: Door) -> None:
    status, said = await door.post(payload(an_alert(text="x" * 10 * LIMIT)))
    assert status == 413 and "max_alerts" in said


async def test_what_was_refused_is_told_until_something_is_taken_again(door: Door) -> None:
    await door.post(b"{", "wrong")
    assert (await door.rig.state()).firing() == ()
    for body in (b"{", payload(an_alert(text="x" * 10 * LIMIT))):
        await door.post(body)
    (refused,) = (await door.rig.state()).firing()
    await door.rig.tick(31)
    assert door.rig.mail.subjects == ["[Warning] Posted alerts were refused"]
    assert "not JSON" in door.rig.mail.sent[0][1].text
    await door.post(payload(an_alert()))
    assert refused.fingerprint not in {a.fingerprint for a in (await door.rig.state()).firing()}


async def test_a_group_of_thousands_is_taken(door: Door) -> None:
    alerts = [an_alert(f"Alert{n}", text="x" * 500) for n in range(3000)]
    assert (await door.post(payload(*alerts)))[0] == 200
    assert len((await door.rig.alerting.state()).firing()) == 3000


async def test_without_a_token_set_nobody_posts() -> None:
    rig = AlertRig()
    server = Web(well, CollectorRegistry(), None, AlertDoor(AlertIntake(rig.alerting, tuple).take, None, ()))
    url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}"
    async with aiohttp.ClientSession() as session, session.post(f"{url}/alerts", data=payload(an_alert())) as answer:
        assert answer.status == 403
    await server.stop()


def test_severities_that_others_use() -> None:
    found = {
        word: read(payload(an_alert(severity=word)), 0.0)[0].severity
        for word in ("critical", "page", "WARNING", "info", "none", "weird", "")
    }
    assert found == {"critical": "critical", "page": "critical", "WARNING": "warning", "info": "info",
                     "none": "info", "weird": "warning", "": "warning"}  # fmt: skip


def test_a_time_without_a_zone_is_not_guessed() -> None:
    (signal,) = read(payload(an_alert() | {"startsAt": "2026-03-02T09:00:00"}), 5.0)
    assert signal.started_at == 5.0
    with pytest.raises(BadPayload):
        read(payload(an_alert() | {"startsAt": None}), 5.0)
