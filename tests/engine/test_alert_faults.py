"""Whatever fails on the way: who has to know knows, by another way and at once, and in the end by every way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.alerts import rules
from bot.alerts.labels import parse_matcher
from bot.engine.leads import StoreClock
from bot.engine.ports.errors import Retryable
from bot.engine.worker import Worker
from bot.notify.gateway import GatewayChannel
from bot.notify.mail import MailChannel
from bot.sandbox.slack import SandboxServer, demo_workspace
from bot.slack.chat import SlackChat, new_client
from bot.slack.messages import Messages
from config.channels import HOLES, GatewaySettings
from config.template import parse_template
from tests.alerts.kit import CHAT, a_plan, a_route, a_signal, observed
from tests.engine.alert_rig import AlertRig, reading
from tests.engine.test_alerting import SLOW
from tests.notify import conftest
from tests.notify.conftest import Offices, Post, Provider, mail_settings
from tests.slack import conftest as slack_conftest

NOWHERE = 9  # nobody listens on this port
offices, provider = conftest.offices, conftest.provider
plain_log = slack_conftest._plain_log


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 what is waited for comes over real sockets
            await asyncio.sleep(0.01)


async def a_rig_with_mail(post: Post, timeout: float = 20.0) -> AlertRig:
    rig = AlertRig()
    rig.mail = MailChannel(mail_settings(post, timeout=timeout))  # type: ignore[assignment]
    rig.build()
    return rig


# A mail server that refuses, that is not there, that wants to be asked again later, that hangs


@pytest.mark.parametrize("fault", ["refuses the sender", "is not there", "greylists", "does not answer"])
async def test_a_warning_that_cannot_be_mailed_is_said_in_slack_and_mailed_once_it_can_be(
    offices: Offices, fault: str
) -> None:
    post = await offices.open(Post())
    port = post.port
    if fault == "refuses the sender":
        post.mail = ["550 5.7.1 Not your address"]
    elif fault == "is not there":
        post.port = NOWHERE
    elif fault == "greylists":
        post.rcpt = ["450 4.2.0 Greylisted, please try again in 5 minutes"]
    else:
        post.hold = asyncio.Event()
    rig = await a_rig_with_mail(post, timeout=0.3 if post.hold else 20.0)
    await rig.observe(a_signal(at=rig.now))
    await rig.tick(31)
    for _ in range(6):
        await rig.tick(310)
        if any("ErrorRate" in m["text"] for m in rig.chat.by_key("alertcard:")):
            break
    (card,) = [m for m in rig.chat.by_key("alertcard:") if "ErrorRate" in m["text"]]
    (group,) = [g for g in (await rig.state()).groups.values() if dict(g.labels)["alertname"] == "ErrorRate"]
    mail, chat = group.receipts[:2]
    assert (mail.channel, mail.state, chat.instead_of) == ("mail", "trouble", "dev-mail")
    assert "mail server" in mail.detail
    assert any("does not deliver" in n.short for to, n in rig.sms.sent if to == "+15555550100")
    post.mail, post.rcpt = ["250 OK"], ["250 OK"]
    if post.hold:
        post.hold.set()
        post.hold = None
    sent_before = len(post.raw)
    rig.mail = MailChannel(replace(mail_settings(post), server=replace(mail_settings(post).server, port=port)))  # type: ignore[assignment,type-var]
    rig.build()
    for _ in range(4):
        await rig.tick(310)
    mails = [m for m in post.mails[sent_before:] if m["Subject"] == "[Warning] ErrorRate · shop"]
    assert len({m["Message-ID"] for m in mails}) == len(mails) == 1
    assert not [a for a in (await rig.state()).firing() if a.name == "NotificationChannelFailing"]
    assert card["ts"] in rig.chat.messages


async def test_a_mail_server_that_hangs_holds_up_neither_sms_nor_slack(offices: Offices) -> None:
    post = await offices.open(Post(hold=asyncio.Event()))
    rig = await a_rig_with_mail(post)
    worker = Worker(rig.store, rig._perform, lambda: rig.now, "other")
    rig.alerting._wake = worker.wake
    worker.start()
    try:
        await rig.alerting.submit(observed(a_signal(severity="critical", at=rig.now)))
        await post.reached.wait()
        await until(lambda: len(rig.sms.sent) == 2 and len(rig.chat.by_key("alertcard:")) == 1)
        assert post.raw == []
        assert post.hold
        post.hold.set()
        await until(lambda: len(post.raw) == 1)
    finally:
        await worker.stop()


async def test_a_gateway_that_answers_500_is_tried_on_and_told_by_mail(provider: Provider) -> None:
    provider.answers = [(500, {}, "oops")] * 8 + [(200, {}, "{}")]
    rig = AlertRig()
    body = '{"to": "${to}", "text": "${short}"}'
    settings = GatewaySettings("sms", parse_template(provider.url, HOLES), body=body, timeout=20.0)
    rig.sms = GatewayChannel(settings)  # type: ignore[assignment]
    rig.build()
    await rig.observe(a_signal(severity="critical", at=rig.now))
    assert rig.mail.subjects == ["[Critical] ErrorRate · shop"]
    for _ in range(10):
        await rig.tick(40)
    assert any("A channel does not deliver" in s for s in rig.mail.subjects)
    group = next(g for g in (await rig.state()).groups.values() if dict(g.labels)["alertname"] == "ErrorRate")
    assert {r.state for r in group.receipts if r.channel == "sms"} == {"sent"}
    first = [a for a in provider.asked if b"+15555550111" in a.body and b"ErrorRate" in a.body]
    assert len({a.headers["Idempotency-Key"] for a in first}) == 1
    await rig.sms.aclose()


async def test_slack_that_limits_for_a_minute_delays_slack_alone() -> None:
    ws = demo_workspace()
    server = SandboxServer(ws)
    await server.start()
    try:
        rig = AlertRig(
            a_plan(receivers=(*a_plan().receivers[:2], replace(CHAT, to=("releases",)), *a_plan().receivers[3:]))
        )
        rig.chat = SlackChat(new_client(server.bot_token, server.api_url))  # type: ignore[assignment]
        await rig.chat.check_token()  # type: ignore[attr-defined]
        rig.build()
        ws.faults.rate_limit("chat.postMessage", retry_after=60)
        began = rig.now
        await rig.observe(a_signal(severity="critical", at=rig.now))
        assert (len(rig.mail.sent), len(rig.sms.sent)) == (1, 2)
        assert rig.now == began
        await rig.tick(30)
        ws.faults.clear()
        await rig.tick(29)
        assert _cards(ws) == []  # it is not asked before the minute is over
        await rig.tick(2)
        assert len(_cards(ws)) == 1
        assert len(rig.mail.sent) == 1
    finally:
        await server.stop()


def _cards(ws: Any) -> list[Any]:
    (place,) = [c for c in ws.channels.values() if c.name == "releases"]
    return [m for m in ws.messages(place.id) if "ErrorRate" in m.text]


async def test_slack_that_is_away_keeps_nothing_from_mail_and_sms() -> None:
    rig = AlertRig()
    rig.chat.fail = [Retryable("Slack cannot be reached")] * 500
    await rig.observe(a_signal(severity="critical", at=rig.now))
    for _ in range(5):
        await rig.tick(40)
    assert (rig.mail.subjects[0], len(rig.sms.to("+15555550111"))) == ("[Critical] ErrorRate · shop", 2)
    assert "A channel does not deliver · slack" in rig.mail.subjects[1]
    rig.chat.fail.clear()
    for _ in range(3):
        await rig.tick(40)
    assert len([m for m in rig.chat.by_key("alertcard:") if "ErrorRate" in m["text"]]) == 1
    assert not [a for a in (await rig.state()).firing() if a.name == "NotificationChannelFailing"]


# Clocks


class Machine:
    """A clock on the wall that can be set, and time that passes."""

    def __init__(self, rig: AlertRig) -> None:
        self.rig, self.wall, self.passed = rig, rig.now, 0.0
        self.clock = StoreClock(lambda: self.wall, lambda: self.passed)
        self.clock()

    async def after(self, seconds: float, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.passed += seconds
            self.wall += seconds
            self.rig.now = self.clock()
            await self.rig.tick(0)


@pytest.mark.parametrize("set_back", [2.0, 600.0, 10 * 3600.0])
async def test_a_clock_that_is_set_back_delays_nothing_by_more_than_twice(set_back: float) -> None:
    rig = AlertRig(a_plan(rules=(SLOW,)))
    rig.metrics.readings["P95"] = [reading(1.0)]
    machine = Machine(rig)
    await rig.observe(a_signal(severity="critical", at=rig.now))
    machine.wall -= set_back
    rig.metrics.readings["P95"] = [reading(9.0)]
    rig.mail.down = Retryable("away")
    await rig.observe(a_signal("Other", "critical", machine.wall))  # its source's clock is the one that was set back
    rig.mail.down = None
    await machine.after(60, ticks=10)
    assert "[Critical] Other · shop" in rig.mail.subjects  # the retry came
    assert "[Warning] Slow · shop" in rig.mail.subjects  # the rules are evaluated on
    await machine.after(60, ticks=21)
    assert len(rig.sms.to("+15555550101")) >= 1  # and what nobody acknowledged was escalated


async def test_a_clock_that_leaps_ahead_repeats_once_and_ends_nothing() -> None:
    rig = AlertRig(a_plan(rules=(replace(SLOW, hold_for=0.0),)))
    machine = Machine(rig)
    rig.metrics.readings["P95"] = [reading(9.0)]
    await machine.after(60, ticks=2)
    assert rig.mail.subjects == ["[Warning] Slow · shop"]
    machine.wall += 86400
    await machine.after(1, ticks=5)
    assert rig.mail.subjects == ["[Warning] Slow · shop", "[Warning] Still firing: Slow · shop"]
    assert [a.name for a in (await rig.state()).firing()] == ["P95Slow"]


async def test_what_fires_again_by_an_earlier_clock_is_not_taken_for_old_news() -> None:
    rig = AlertRig()
    await rig.observe(a_signal(severity="critical", at=rig.now))
    rig.now += 120
    await rig.observe(a_signal(severity="critical", at=rig.now, over="over"))
    rig.now += 120
    await rig.observe(a_signal(severity="critical", at=rig.now - 3600))
    assert len((await rig.state()).firing()) == 1
    assert len(rig.mail.sent) == 3


# Our own mistakes


async def test_a_rule_whose_template_raises_blinds_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = replace(SLOW, name="Bad", query="BAD", summary="{{ boom }}", hold_for=0.0)
    rig = AlertRig(a_plan(rules=(bad, replace(SLOW, hold_for=0.0))))
    rig.metrics.readings |= {"P95": [reading(9.0)], "BAD": [reading(9.0)]}
    expand = rules.expand

    def fragile(template: str, *rest: Any) -> str:
        if "boom" in template:
            raise ZeroDivisionError(template)
        return expand(template, *rest)

    monkeypatch.setattr(rules, "expand", fragile)
    for _ in range(12):
        await rig.tick(60)
    assert "[Warning] Slow · shop" in rig.mail.subjects
    (blind,) = [n for _, n in rig.mail.sent if "A rule cannot see" in n.subject]
    assert "Bad" in blind.text and "ZeroDivisionError" in blind.text


async def test_an_alert_that_cannot_be_put_into_words_leaves_in_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("phrase")

    for name in ("alert_notice", "alert_card", "alert_reply"):
        monkeypatch.setattr(Messages, name, broken)
    rig = AlertRig()
    await rig.observe(a_signal(severity="critical", at=rig.now, instance="<!channel>"))
    (_, mail), (_, short) = rig.mail.sent[0], rig.sms.sent[0]
    assert mail.subject == short.short == "[CRITICAL] ErrorRate"
    assert "service=shop" in mail.text
    (card,) = rig.chat.by_key("alertcard:")
    assert "&lt;!channel&gt;" in card["text"]
    rig.now += 120
    await rig.observe(a_signal(severity="critical", at=rig.now, over="over", instance="<!channel>"))
    assert rig.mail.subjects[-1] == "[RESOLVED] ErrorRate"


async def test_rules_that_are_not_evaluated_any_more_are_an_alert() -> None:
    rig = AlertRig(a_plan(rules=(SLOW,)))
    rig.metrics.readings["P95"] = [reading(1.0)]
    await rig.tick(60)
    series = rig.metrics.series

    async def broken(_: Any) -> Any:
        raise RuntimeError("a fault of ours")

    rig.metrics.series = broken  # type: ignore[method-assign]
    for _ in range(24):
        rig.now += 30
        with contextlib.suppress(RuntimeError):
            await rig.watch.evaluate()
        await rig.watch.tick()
        await rig.work()
    assert rig.mail.subjects == ["[Critical] Rules are not evaluated"]
    assert "a fault of ours" in rig.mail.sent[0][1].text
    rig.metrics.series = series  # type: ignore[method-assign]
    for _ in range(3):
        await rig.tick(50)
    assert rig.mail.subjects[-1] == "[Resolved] Rules are not evaluated"


async def test_what_no_route_matches_goes_to_the_default_and_says_so() -> None:
    warning = a_route("warning", matchers=(parse_matcher("severity = warning"),))
    critical = a_plan().route.routes[0]
    rig = AlertRig(a_plan(route=a_route(fallback=("dev-slack",), routes=(warning, critical))))
    await rig.observe(a_signal(at=rig.now), a_signal("Nobodys", "info", rig.now))
    await rig.tick(31)
    told = {n.subject: "No route of alerts.yaml matches" in n.text for _, n in rig.mail.sent}
    assert told == {"[Warning] ErrorRate · shop": False, "[Info] Nobodys · shop": True}
