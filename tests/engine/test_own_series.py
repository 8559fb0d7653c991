"""What fires counts for gates and triggers by the bot's own knowledge: a silence stops that, inhibition does not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.alerts.intents import BeginSilence
from bot.alerts.labels import parse_matcher
from bot.alerts.model import AlertsState
from bot.engine.observer import Observer
from bot.engine.own_series import LACKING, OwnSeries
from bot.engine.ports.errors import Retryable
from bot.rollout.gate import Need, Value
from bot.rollout.model import Status
from bot.rollout.plan import Condition, Metric
from config.settings import check
from tests.alerts.kit import LIN, a_signal
from tests.config.conftest import SHIPPED
from tests.engine.alert_rig import AlertRig
from tests.engine.conftest import SERVICE, WANG, Rig, ScriptedMetrics, a_plan

QUERY = 'max(rollout_alerts_firing{service="$service", severity="critical"})'


def need(promql: str) -> Need:
    return Need("open_critical_alerts", "canary", 60.0, promql)


async def asked(rig: AlertRig, promql: str) -> Value:
    own = OwnSeries(ScriptedMetrics(), rig.alerting.state, lambda: rig.now)
    return (await own.measure([need(promql)]))[need(promql)]


@pytest.mark.parametrize(
    ("promql", "value"),
    [
        ('rollout_alerts_firing{service="shop", severity="critical"}', 2.0),
        ('max( rollout_alerts_firing{severity="critical",service="shop"} )', 2.0),
        ('sum(rollout_alerts_firing{service="shop"})', 3.0),
        ('rollout_alerts_firing{service="mail",severity="critical"}', 0.0),
        ('max(rollout_alerts_firing{service="shop"})', 2.0),
        ("sum(rollout_alerts_firing{})", 3.0),
    ],
)
async def test_it_is_counted(promql: str, value: float) -> None:
    rig = AlertRig()
    first, second = a_signal(severity="critical", at=rig.now), a_signal(severity="critical", at=rig.now, instance="b")
    await rig.observe(first, second, a_signal("Slow", "warning", rig.now))
    assert await asked(rig, promql) == Value(value)


@pytest.mark.parametrize(
    "promql",
    ["up", "rollout_alerts_firing{}", 'rollout_alerts_firing{service=~"a|b"}', 'rollout_alerts_firing{a="b"} > 1'],
)
async def test_everything_else_is_for_prometheus(promql: str) -> None:
    others = ScriptedMetrics(values={"open_critical_alerts": 7.0})
    own = OwnSeries(others, AlertRig().alerting.state, lambda: 0.0)
    assert (await own.measure([need(promql)]))[need(promql)].value == 7.0


async def test_where_nobody_counts_it_is_no_data() -> None:
    own = OwnSeries(ScriptedMetrics(), None, lambda: 0.0)
    one = need(QUERY.replace("$service", "shop"))
    assert (await own.measure([one]))[one] == LACKING


async def test_where_the_log_cannot_be_read_it_is_blind_and_everything_else_is_measured() -> None:
    async def away() -> AlertsState:
        raise Retryable("the database does not answer")

    own = OwnSeries(ScriptedMetrics(values={"error_rate": 1.0}), away, lambda: 0.0)
    one, other = need(QUERY.replace("$service", "shop")), Need("error_rate", "canary", 60.0, "up")
    found = await own.measure([one, other])
    assert found[one].value is None and "does not answer" in found[one].error
    assert found[other] == Value(1.0)


async def test_a_silence_takes_it_out_also_where_it_is_inhibited_too() -> None:
    rig = AlertRig()
    await rig.observe(a_signal(severity="critical", at=rig.now), a_signal("Slow", "warning", rig.now))
    await rig.tick(31)
    query = 'rollout_alerts_firing{service="shop", severity="warning"}'
    (warning,) = [a for a in (await rig.state()).firing() if a.severity == "warning"]
    assert (warning.muted, (await asked(rig, query)).value) == ("inhibited", 1.0)
    await rig.alerting.submit(BeginSilence(LIN, "S1", (parse_matcher("alertname = Slow"),), 3600, ""))
    assert (await asked(rig, query)).value == 0.0
    await rig.tick(3601)
    assert (await asked(rig, query)).value == 1.0


def test_the_shipped_plan_asks_the_bot_itself() -> None:
    settings, _, _ = check(SHIPPED, {}, require_slack=False)
    assert settings is not None
    assert settings.plans["brand-diagnosis"].metric("open_critical_alerts").query == QUERY


@pytest.fixture
async def both() -> AsyncIterator[tuple[Rig, AlertRig]]:
    """A rollout that goes back where a Critical of its service fires, and the alerts."""
    metric = Metric("open_critical_alerts", "count", QUERY, per_pool=False)
    trigger = Condition("open_critical_alerts > 0", "open_critical_alerts", ">", 0.0, 0.0, 60.0)
    plan = a_plan()
    rig, alerts = Rig(replace(plan, metrics=(*plan.metrics, metric), triggers=(trigger,))), AlertRig()
    await alerts.state()
    own = OwnSeries(rig.metrics, alerts.alerting.state, lambda: alerts.now)
    rig.observer = Observer(rig.rollouts, rig.store, own, {SERVICE: rig.fleet}, lambda: rig.now)
    rig.performers._observer = rig.observer
    await rig.start()
    await rig.react(WANG.user)
    await rig.tick()
    yield rig, alerts


async def test_a_critical_rolls_back_where_the_plan_says_so(both: tuple[Rig, AlertRig]) -> None:
    rig, alerts = both
    await alerts.observe(a_signal(severity="warning", at=alerts.now, service=SERVICE))
    await alerts.observe(a_signal(severity="critical", at=alerts.now, service="another"))
    await rig.tick()
    assert (await rig.rollout()).status is Status.BAKING
    await alerts.observe(a_signal(severity="critical", at=alerts.now, service=SERVICE))
    await rig.tick()
    rollout = await rig.rollout()
    assert rollout.status is Status.ROLLED_BACK
    assert rollout.rollback and rollout.rollback.trigger and rollout.rollback.trigger.value == 1.0


async def test_a_silenced_critical_does_not(both: tuple[Rig, AlertRig]) -> None:
    rig, alerts = both
    silence = BeginSilence(LIN, "S1", (parse_matcher(f"service = {SERVICE}"),), 3600, "a drill")
    await alerts.alerting.submit(silence)
    await alerts.observe(a_signal(severity="critical", at=alerts.now, service=SERVICE))
    for _ in range(5):
        await rig.tick()
    assert (await rig.rollout()).status is not Status.ROLLED_BACK
    assert alerts.sms.sent == []
    alerts.now += 3601
    await rig.tick()
    assert (await rig.rollout()).status is Status.ROLLED_BACK
