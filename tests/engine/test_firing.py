"""What fires is on the card, also before anything is measured."""

from __future__ import annotations

from dataclasses import replace

from bot.alerts.model import Alert, AlertsState
from bot.engine.acting import acting
from bot.engine.firing import Firing
from bot.engine.observer import Observer
from bot.rollout.effects import ShowCard
from bot.rollout.model import Status
from tests.engine.conftest import SERVICE, Rig

FIRST = Alert("f1", "rules", "DiskFull", "critical", (("service", SERVICE),), (), 100.0)
LATER = replace(FIRST, fingerprint="f2", name="LatencyHigh", started_at=200.0)
ELSEWHERE = replace(FIRST, fingerprint="f3", labels=(("service", "elsewhere"),))
OVER = replace(FIRST, fingerprint="f4", resolved_at=150.0)


def of(*alerts: Alert) -> AlertsState:
    return AlertsState(alerts={alert.fingerprint: alert for alert in alerts})


def test_what_fires_of_a_service_comes_oldest_first_and_as_it_is_now() -> None:
    states = [None, of(LATER, OVER, ELSEWHERE, FIRST), of(LATER)]
    firing = Firing(lambda: states[0])
    assert firing(SERVICE) == ()
    states.pop(0)
    assert (firing(SERVICE), firing("elsewhere"), firing("nowhere")) == ((FIRST, LATER), (ELSEWHERE,), ())
    states.pop(0)
    assert (firing(SERVICE), firing("elsewhere")) == ((LATER,), ())
    states[0] = None  # read anew after a conflict: a card must not say meanwhile that nothing fires
    assert firing(SERVICE) == (LATER,)


async def test_the_card_is_shown_anew_when_what_fires_has_changed(rig: Rig) -> None:
    """Where the first stage waits for its approval no gate is evaluated, and so nothing else shows it."""
    states = [of()]
    rig.observer = _observer(rig, states)
    await rig.start()
    assert (await rig.rollout()).status is Status.AWAITING_APPROVAL
    await _settled(rig)
    for state, shown in ((of(FIRST), True), (of(FIRST, ELSEWHERE), False), (of(FIRST, LATER), True), (of(), True)):
        states[0] = state
        await rig.observer.tick(SERVICE)
        assert await _asked(rig) == shown, state
        await _settled(rig)


async def test_a_new_process_shows_it_once(rig: Rig) -> None:
    """What fired may have been over while no process ran."""
    await rig.start()
    await rig.work()
    rig.observer = _observer(rig, [of()])
    await rig.observer.tick(SERVICE)
    assert await _asked(rig)
    await rig.work()
    await rig.observer.tick(SERVICE)
    assert not await _asked(rig)
    lead = await rig.store.lead(SERVICE, "another", 15.0)
    assert lead
    with acting(SERVICE, lead.epoch):  # another process may have shown something else meanwhile
        await rig.observer.tick(SERVICE)
    assert await _asked(rig)


def _observer(rig: Rig, states: list[AlertsState]) -> Observer:
    firing = Firing(lambda: states[0])
    return Observer(rig.rollouts, rig.store, rig.metrics, {SERVICE: rig.fleet}, lambda: rig.now, firing)


async def _asked(rig: Rig) -> bool:
    return any(isinstance(waiting.effect, ShowCard) for waiting in await rig.store.pending())


async def _settled(rig: Rig) -> None:
    await rig.observer.tick(SERVICE)
    await rig.work()
