"""The database is away: said once, in the channels this replica acts for, and ended when it is back."""

from __future__ import annotations

import pytest

from bot.engine.outage import AFTER, Outage
from bot.engine.ports.errors import Retryable
from tests.engine.conftest import SERVICE, PlainWords, Rig


class Away:
    """The clock of a store that can be gone."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.gone = False

    async def now(self) -> float:
        if self.gone:
            raise Retryable("connection refused")
        return self.rig.now


@pytest.fixture
def away(rig: Rig) -> Away:
    return Away(rig)


def outage(rig: Rig, away: Away, acts: bool = True) -> Outage:
    return Outage(away, rig.rollouts, rig.chat, PlainWords(), lambda: rig.now, lambda: {SERVICE} if acts else ())  # type: ignore[arg-type]


async def test_it_is_said_once_and_then_that_it_is_over(rig: Rig, away: Away) -> None:
    await rig.start()
    watch = outage(rig, away)
    await watch.look()
    away.gone = True
    await watch.look()
    assert watch.since == rig.now
    assert rig.chat.by_key("outage:") == []  # a restart of the database is nobody's news
    for _ in range(3):
        rig.now += AFTER
        await watch.look()
    assert len(rig.chat.by_key("outage:")) == 1
    updates = rig.chat.updates
    away.gone = False
    await watch.look()
    await watch.look()
    assert rig.chat.updates == updates + 1
    assert watch.since is None


async def test_a_slack_that_is_away_too_is_told_later(rig: Rig, away: Away) -> None:
    await rig.start()
    watch = outage(rig, away)
    await watch.look()
    away.gone = True
    await watch.look()
    rig.now += AFTER
    rig.chat.fail = [Retryable("slack is away")]
    await watch.look()
    assert rig.chat.by_key("outage:") == []
    await watch.look()
    assert len(rig.chat.by_key("outage:")) == 1
    away.gone = False
    rig.chat.fail = [Retryable("slack is away")]
    await watch.look()
    assert watch.since is not None
    await watch.look()
    assert watch.since is None


async def test_nothing_is_said_where_nothing_is_under_way_or_another_acts(rig: Rig, away: Away) -> None:
    idle = outage(rig, away)
    await idle.look()
    await rig.rollouts.state(SERVICE)
    away.gone = True
    await idle.look()
    rig.now += AFTER
    await idle.look()
    away.gone = False
    await rig.start()
    other = outage(rig, away, acts=False)
    await other.look()
    away.gone = True
    await other.look()
    rig.now += AFTER
    await other.look()
    assert other.since is not None
    assert rig.chat.by_key("outage:") == []
