"""The buttons on an alert's message do what the commands do, for the alert of that message only."""

from __future__ import annotations

import time

from bot.alerts.evolve import alerts_of
from bot.alerts.model import Group
from bot.rollout.model import Status
from tests.alerts.kit import a_signal, observed
from tests.slack.conftest import RELEASES, Edge


async def an_alert(edge: Edge) -> tuple[Group, str]:
    """A Critical that fires, and the ts of its message."""
    await edge.alerts.submit(observed(a_signal(severity="critical", at=time.time())))
    state = await edge.alerts.state()
    (group,) = state.groups.values()
    card = edge.words.alert_card(group, alerts_of(state, group), [], time.time())
    return group, await edge.say(f"alertcard:{group.key}", card)


async def test_i_am_on_it(edge: Edge) -> None:
    group, ts = await an_alert(edge)
    outcome = await edge.server.person("lin").click(RELEASES, ts, "alert.ack", wait=5.0)
    assert outcome.ok, outcome
    acked = (await edge.alerts.state()).groups[group.key]
    assert acked.acked_by == edge.server.person("lin").id


async def test_silence_for_an_hour(edge: Edge) -> None:
    group, ts = await an_alert(edge)
    await edge.server.person("lin").click(RELEASES, ts, "alert.silence", wait=5.0)
    (silence,) = (await edge.alerts.state()).silences.values()
    assert silence.until - silence.at == 3600
    assert {(m.name, m.value) for m in silence.matchers} == set(group.labels)


async def test_roll_back_the_likeliest_rollout(edge: Edge) -> None:
    await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    await edge.alerts.submit(observed(a_signal(severity="critical", at=time.time(), service="shop")))
    state = await edge.alerts.state()
    (group,) = state.groups.values()
    card = edge.words.alert_card(group, alerts_of(state, group), [await edge.rollout()], time.time())
    ts = await edge.say(f"alertcard:{group.key}", card)
    outcome = await edge.server.person("chen").click(RELEASES, ts, "rollout.rollback", confirmed=True, wait=5.0)
    assert outcome.ok, outcome
    assert (
        await edge.rollout()
    ).status is Status.CANCELLED  # no traffic was moved yet, so there is nothing to put back


async def test_a_message_of_an_earlier_life_acknowledges_nothing(edge: Edge) -> None:
    group, _ = await an_alert(edge)
    state = await edge.alerts.state()
    from dataclasses import replace

    card = edge.words.alert_card(replace(group, opened_at=1.0), alerts_of(state, group), [], time.time())
    ts = await edge.say("alertcard:old", card)
    outcome = await edge.server.person("lin").click(RELEASES, ts, "alert.ack", wait=5.0)
    assert "no alert" in str(outcome)
    assert (await edge.alerts.state()).groups[group.key].acked_at is None
