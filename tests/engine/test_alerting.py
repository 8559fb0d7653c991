"""From a rule or a signal to people, through the real core, the outbox and channels that only record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.alerts.effects import SendAlert
from bot.alerts.events import Delivery
from bot.alerts.intents import Acknowledge, BeginSilence
from bot.alerts.labels import parse_matcher
from bot.alerts.model import AlertsState
from bot.alerts.plan import Escalation, Rule
from bot.engine import alerting as alerting_module
from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.records import Commit, Committed
from bot.rollout.plan import Condition
from bot.store import StoreUnavailable
from bot.store.sqlite import SqliteStore
from tests.alerts.kit import (
    CHAT,
    CRITICAL,
    LEAD,
    LIN,
    MAIL,
    SMS,
    START,
    UTC_DAY,
    a_plan,
    a_route,
    a_signal,
    observed,
)
from tests.engine.alert_rig import AlertRig, reading

SLOW = Rule(
    name="P95Slow",
    query="P95",
    severity="warning",
    every=60.0,
    condition=Condition("value > 5s", "value", ">", 5.0),
    unit="seconds",
    title="Slow",
    hold_for=60.0,
    keep_firing_for=120.0,
    summary="{{ $labels.service }} takes {{ $value }} s",
)


async def test_a_warning_goes_to_the_developers_by_mail_and_its_end_too() -> None:
    rig = AlertRig()
    rig.plan = a_plan(rules=(SLOW,))
    rig.build()
    rig.metrics.readings["P95"] = [reading(6.5)]
    await rig.tick(0)
    await rig.tick(60)
    assert rig.mail.sent == []  # it waits for the others of its group
    await rig.tick(30)
    assert rig.mail.subjects == ["[Warning] Slow · shop"]
    assert "shop takes 6.5 s" in rig.mail.sent[0][1].text
    assert rig.sms.sent == []
    assert rig.chat.messages == {}
    rig.metrics.readings["P95"] = [reading(1.0)]
    for _ in range(12):
        await rig.tick(60)
    assert rig.mail.subjects == ["[Warning] Slow · shop", "[Resolved] Slow · shop"]
    assert {to for to, _ in rig.mail.sent} == {"dev@example.com"}


async def test_a_critical_goes_to_everybody_at_once_and_to_who_is_on_call() -> None:
    rig = AlertRig()
    await rig.observe(a_signal(severity="critical"))
    assert [to for to, _ in rig.mail.sent] == ["dev@example.com"]
    assert sorted(to for to, _ in rig.sms.sent) == ["+15555550100", "+15555550111"]
    (card,) = rig.chat.messages.values()
    assert "Critical" in card["text"]
    receipts = (await rig.group()).receipts
    assert {(r.channel, r.state) for r in receipts} == {("mail", "sent"), ("sms", "sent"), ("slack", "sent")}


async def test_the_message_in_the_chat_is_edited_and_its_end_is_a_reply() -> None:
    rig = AlertRig()
    await rig.observe(a_signal(severity="critical", at=rig.now))
    rig.now += 60
    await rig.observe(a_signal(severity="critical", at=rig.now, over="over"))
    cards = rig.chat.by_key("alertcard:")
    assert len(cards) == 1
    assert cards[0]["text"].startswith("✅ Resolved")
    (reply,) = rig.chat.by_key("alert:")
    assert reply["thread"] == cards[0]["ts"]
    assert "Resolved" in reply["text"]


async def test_a_channel_that_is_down_holds_up_no_other_and_the_next_one_stands_in() -> None:
    rig = AlertRig()
    rig.mail.down = Retryable("the mail server is away")
    await rig.observe(a_signal())
    await rig.tick(30)
    for _ in range(8):
        await rig.tick(40)
    (card,) = rig.chat.by_key(f"alertcard:{next(iter((await rig.state()).groups))}")
    assert "ErrorRate" in card["text"]
    # that the channel fails is an alert itself, told by the ways that work
    assert any(to == "+15555550100" and "does not deliver" in n.short for to, n in rig.sms.sent)
    rig.mail.down = None
    for _ in range(3):
        await rig.tick(40)
    assert "[Warning] ErrorRate · shop" in rig.mail.subjects
    state = await rig.state()
    assert not [a for a in state.firing() if a.name == "NotificationChannelFailing"]


async def test_a_refused_recipient_is_on_the_receipt_and_the_fallback_is_told() -> None:
    rig = AlertRig()
    rig.mail.fail = [Final("no such mailbox: correct the address")]
    await rig.observe(a_signal())
    await rig.tick(30)
    group = await rig.group()
    assert [(r.channel, r.state, r.instead_of) for r in group.receipts] == [
        ("mail", "failed", ""),
        ("slack", "sent", "dev-mail"),
    ]
    assert "no such mailbox" in group.receipts[0].detail


async def test_a_notification_ends_with_the_commit_that_reports_it_and_is_never_sent_twice() -> None:
    rig = AlertRig()
    await rig.alerting.submit(_critical(rig))
    claimed = await rig.store.claim("me", rig.now, 15.0, 16, ("SendAlert",))
    assert len(claimed) == 4
    assert all(await asyncio.gather(*(rig.sender.perform(one) for one in claimed)))
    assert not [c for c in await rig.store.pending() if isinstance(c.effect, SendAlert)]
    rig.build()  # as after a kill in that moment
    rig.now += 20
    await rig.work()
    assert len(rig.mail.sent) == 1
    assert len(rig.sms.sent) == 2
    assert len(rig.chat.by_key("alertcard:")) == 1


async def test_a_snapshot_is_written_beside_the_commits_and_a_restart_goes_on_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(alerting_module, "SNAPSHOT_EVERY", 5)
    rig = AlertRig()
    writing, may_write = rig.store.put_snapshot, asyncio.Event()

    async def slowly(stream: str, state: AlertsState) -> None:
        await may_write.wait()
        await writing(stream, state)

    monkeypatch.setattr(rig.store, "put_snapshot", slowly)
    for n in range(8):
        await rig.observe(a_signal(f"Alert{n}", severity="critical", at=rig.now))
    assert len(rig.mail.sent) == 8  # none of them waited for it
    may_write.set()
    assert rig.alerting._snapshot is not None
    await rig.alerting._snapshot
    stored = await rig.store.load("alerts")
    assert stored.snapshot is not None and stored.snapshot.seq >= 5
    before = await rig.state()
    rig.build()
    assert await rig.state() == before


async def test_a_snapshot_that_cannot_be_written_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting_module, "SNAPSHOT_EVERY", 1)
    rig = AlertRig()

    async def full(*_: object) -> None:
        raise Retryable("the disk is full")

    monkeypatch.setattr(rig.store, "put_snapshot", full)
    await rig.observe(a_signal(severity="critical", at=rig.now))
    await rig.alerting.aclose()
    assert len(rig.mail.sent) == 1


def _critical(rig: AlertRig):
    return observed(a_signal(severity="critical", at=rig.now))


async def test_a_rule_that_sees_nothing_is_itself_an_alert_until_it_sees_again() -> None:
    rig = AlertRig(a_plan(rules=(SLOW,)))
    rig.metrics.readings["P95"] = "Prometheus cannot be reached"
    for _ in range(12):
        await rig.tick(60)
    assert rig.mail.subjects == ["[Warning] A rule cannot see · P95Slow"]
    assert "Prometheus cannot be reached" in rig.mail.sent[0][1].text
    rig.metrics.readings["P95"] = [reading(1.0)]
    for _ in range(6):
        await rig.tick(60)
    assert rig.mail.subjects[-1] == "[Resolved] A rule cannot see · P95Slow"


async def test_what_a_removed_rule_raised_is_over() -> None:
    rig = AlertRig(a_plan(rules=(replace(SLOW, hold_for=0.0),)))
    rig.metrics.readings["P95"] = [reading(9.0)]
    await rig.tick(60)
    rig.plan = a_plan()
    rig.build()
    await rig.tick(1)
    assert (await rig.state()).firing() == ()


async def test_what_held_before_another_replica_led_counts_no_more() -> None:
    rig = AlertRig(a_plan(rules=(replace(SLOW, hold_for=120.0),)))
    rig.metrics.readings["P95"] = [reading(9.0)]
    await rig.tick(60)
    await rig.tick(7200)  # somebody else led: nothing was asked here
    assert (await rig.state()).firing() == ()
    await rig.tick(60)
    await rig.tick(60)
    assert [a.name for a in (await rig.state()).firing()] == ["P95Slow"]


async def test_a_restart_forgets_nothing_that_fires() -> None:
    rig = AlertRig(a_plan(rules=(replace(SLOW, hold_for=0.0),)))
    rig.metrics.readings["P95"] = [reading(9.0)]
    await rig.tick(60)
    await rig.tick(30)
    rig.build()
    for _ in range(10):
        await rig.tick(60)
    assert rig.mail.subjects == ["[Warning] Slow · shop"]


async def test_what_the_bot_says_of_itself_fires_and_ends() -> None:
    rig = AlertRig()
    await rig.watch.own("HeartbeatFailing", "it answers 500")
    await rig.tick(31)
    assert "The dead man's switch" in rig.mail.subjects[0]
    await rig.watch.own("HeartbeatFailing", "")
    await rig.tick(301)
    assert rig.mail.subjects[1].startswith("[Resolved]")


async def test_firing_alerts_are_exported_for_gates_unless_they_are_silenced() -> None:
    from bot.engine.rollouts import Rollouts
    from bot.telemetry import Telemetry

    rig = AlertRig()
    await rig.observe(a_signal(severity="critical", at=rig.now), a_signal("Slow", "warning", rig.now))
    plans: Any = {"mail": None}
    telemetry = Telemetry(Rollouts(rig.store, {}, {}), plans, lambda: rig.alerting.known, lambda: rig.now)

    def exported() -> dict[tuple[str, str], float]:
        (found,) = [m for m in telemetry.collect() if m.name == "rollout_alerts_firing"]
        return {(s.labels["service"], s.labels["severity"]): s.value for s in found.samples}

    assert exported()["shop", "critical"] == 1
    assert exported()["mail", "critical"] == 0
    assert exported()["shop", "warning"] == 1  # inhibition stops the message alone
    await rig.alerting.submit(BeginSilence(LIN, "S1", (parse_matcher("service = shop"),), 3600, ""))
    assert exported()["shop", "critical"] == 0


async def test_what_is_decided_while_another_is_written_survives_that_ones_failure(tmp_path: Path) -> None:
    """On a store of one owner intents are decided on outcomes that are still being written."""
    store = await SqliteStore.open(str(tmp_path / "bot.db"))
    rig = AlertRig(store=store)
    failing = [StoreUnavailable("the disk is full")]
    commit = store.commit

    async def sometimes(given: Commit) -> Committed:
        if failing:
            raise failing.pop()
        return await commit(given)

    store.commit = sometimes  # type: ignore[method-assign]
    signals = [a_signal(f"Alert{n}", "warning", rig.now) for n in range(30)]
    found = await asyncio.gather(
        *(rig.alerting.submit(observed(s), f"cause{n}") for n, s in enumerate(signals)), return_exceptions=True
    )
    assert [type(f).__name__ for f in found].count("StoreUnavailable") == 1
    known = {a.name for a in (await rig.alerting.state()).firing()}
    assert known == {s.name for s, f in zip(signals, found, strict=True) if not isinstance(f, Exception)}
    rig.build()
    assert {a.name for a in (await rig.alerting.state()).firing()} == known
    again = await asyncio.gather(*(rig.alerting.submit(observed(s), f"cause{n}") for n, s in enumerate(signals)))
    assert sum(a.duplicate for a in again) == 29
    assert len((await rig.alerting.state()).firing()) == 30
    await store.close()


async def test_what_fires_again_is_said_again_and_not_only_edited() -> None:
    rig = AlertRig()
    await rig.observe(a_signal(severity="critical", at=rig.now))
    await rig.tick(61)
    await rig.observe(a_signal(severity="critical", at=rig.now - 61, over="over"))
    await rig.tick(61)
    await rig.observe(a_signal(severity="critical", at=rig.now))
    await rig.tick(61)
    (card,) = rig.chat.by_key("alertcard:")
    assert card["text"].startswith("🔴")
    over, again = rig.chat.by_key("alert:")
    assert ("Resolved" in over["text"], over["broadcast"]) == (True, False)
    assert ("Firing again" in again["text"], again["broadcast"]) == (True, True)


async def test_a_first_message_whose_answer_was_lost_is_not_said_again() -> None:
    rig = AlertRig()
    await rig.alerting.submit(_critical(rig))
    report = rig.alerting.report

    async def lost(_: object) -> None:
        raise Retryable("the disk is slow")

    rig.alerting.report = lost  # type: ignore[assignment,method-assign]
    await rig.work()
    rig.alerting.report = report  # type: ignore[method-assign]
    await rig.tick(60)
    assert len(rig.chat.by_key("alertcard:")) == 1
    assert rig.chat.by_key("alert:") == []


async def test_who_acknowledged_is_still_named_when_it_is_over() -> None:
    rig = AlertRig()
    await rig.observe(a_signal(severity="critical", at=rig.now))
    key = (await rig.group()).key
    over = observed(a_signal(severity="critical", at=rig.now, over="over"))
    await asyncio.gather(rig.alerting.submit(over), rig.alerting.submit(Acknowledge(LIN, key)))
    await rig.tick(61)
    group = await rig.group()
    assert (group.told, group.acked_by) == ((), LIN.user)
    await rig.observe(a_signal(severity="critical", at=rig.now))
    assert (await rig.group()).acked_by == ""  # of what fires now nobody has said anything yet


async def test_who_was_told_is_told_the_end_also_a_stand_in_and_who_was_on_call_then() -> None:
    chat = replace(CHAT, oncall="primary")
    sms = replace(SMS, send_resolved=True)
    rig = AlertRig(a_plan(receivers=(MAIL, sms, chat)))
    rig.now = START + 6.9 * UTC_DAY  # some hours before the handover
    await rig.observe(a_signal(severity="critical", at=rig.now))
    rig.mail.fail = [Final("no such mailbox: correct the address")]
    await rig.observe(a_signal("Slow", at=rig.now, service="mail"))
    await rig.tick(31)
    began = rig.now - 31
    rig.now += UTC_DAY
    await rig.observe(
        a_signal(severity="critical", at=began, over="over"), a_signal("Slow", at=began, over="over", service="mail")
    )
    ended = [n.subject for n in rig.sms.to("+15555550111")]  # lin, on call when it began
    assert ended == ["[Critical] ErrorRate · shop", "[Resolved] ErrorRate · shop"]
    texts = [m["text"] for m in rig.chat.by_key("alert:")]
    assert len([t for t in texts if "Resolved" in t]) >= 3  # the channel and both people, and the stand-in's


async def test_an_escalation_says_so_by_sms_and_whom_slack_calls() -> None:
    lead = replace(LEAD, channel="slack", to=("C0LEADS001",), mention=("S0ONCALL01", "primary"))
    critical = replace(CRITICAL, escalate=(Escalation(900.0, ("lead", "lead-sms")),))
    receivers = (MAIL, SMS, CHAT, LEAD, replace(lead, name="lead"))
    rig = AlertRig(a_plan(receivers=receivers, route=a_route(routes=(critical,))))
    shown: list[object] = []
    card = rig.sender._words.alert_card
    rig.sender._words.alert_card = lambda *a: shown.append(a[4:]) or card(*a)  # type: ignore[method-assign,func-returns-value]
    await rig.observe(a_signal(severity="critical", at=rig.now))
    await rig.tick(901)
    (short,) = [n.short for n in rig.sms.to("+15555550101")]
    assert short.startswith("ESCALATED, nobody acked. Critical: ErrorRate")
    assert (("S0ONCALL01", "U0LIN00001"),) in shown


async def test_a_sender_that_is_cut_off_takes_no_other_outcome_with_it() -> None:
    rig = AlertRig()
    await rig.alerting.submit(observed(a_signal(severity="critical")))
    (group,) = (await rig.state()).groups.values()
    outcomes = [Delivery(group.key, r.serial, r.receiver, r.channel, r.to, "sent") for r in group.receipts]
    reporting = [asyncio.create_task(rig.alerting.report(outcome)) for outcome in outcomes]
    await asyncio.sleep(0)
    reporting[0].cancel()
    late = asyncio.create_task(rig.alerting.report(outcomes[-1]))  # while the others are written
    assert len(outcomes) > 2
    await asyncio.wait_for(asyncio.gather(*reporting[1:], late), 60)
    assert [r.state for r in (await rig.group()).receipts] == ["sent"] * len(outcomes)
