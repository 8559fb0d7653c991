"""A rollback that cannot reach every host: one Critical notice names them, and clears itself with the last of them."""

from __future__ import annotations

import pytest

from bot.engine.ports.errors import Retryable
from bot.engine.rollouts import Rollouts
from bot.engine.unreached import Unreached
from bot.fleet.fake import Fault
from bot.rollout.intents import RollBack
from bot.rollout.model import Status
from tests.engine.alert_rig import AlertRig
from tests.engine.conftest import LIN, SERVICE, WANG, Rig


class Desk:
    """A bot whose rollouts and alerts share one store, as its own do."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.alerts = AlertRig(store=rig.store)
        rig.now = self.alerts.now
        self.rollouts = rig.rollouts
        self.build()

    def build(self) -> None:
        self.alerts.build()
        self.unreached = Unreached(self.alerts.alerting, self.rollouts, lambda: self.rig.now)

    def another_replica(self) -> None:
        """It has the logs alone."""
        self.rollouts = Rollouts(self.rig.store, self.rig.rollouts.plans, {SERVICE: self.rig.fleet})
        self.build()

    async def work(self) -> None:
        """What is due, of both: each performs what it understands."""
        while claimed := await self.rig.store.claim("me", self.rig.now, 15.0, 16):
            for one in claimed:
                await (self.alerts if one.stream == "alerts" else self.rig).worker._run(one)

    async def pass_(self, seconds: float) -> None:
        self.rig.now += seconds
        self.alerts.now = self.rig.now
        await self.unreached.tick()
        await self.alerts.watch.tick()
        await self.work()


@pytest.fixture
async def desk(rig: Rig) -> Desk:
    desk = Desk(rig)
    await rig.start()
    await rig.react(WANG.user)
    assert rig.shares() == {10.0}
    return desk


async def roll_back(desk: Desk, *down: str) -> None:
    for host in down:
        desk.rig.fleet.fault(host, Fault.UNREACHABLE)
    await desk.rig.rollouts.submit(SERVICE, RollBack(LIN, "errors"), "rollback")
    await desk.work()


async def test_hosts_that_do_not_answer_are_one_critical_notice_by_mail_sms_and_slack(desk: Desk) -> None:
    await roll_back(desk, "lb-1", "lb-2")
    await desk.pass_(1)
    await desk.pass_(1)
    rollout = await desk.rig.rollout()
    (alert,) = (await desk.alerts.state()).firing(SERVICE)
    assert (alert.severity, alert.rollout) == ("critical", rollout.id)
    assert dict(alert.labels)["rollout"] == rollout.id
    assert desk.alerts.mail.subjects == ["[Critical] Hosts not rolled back · shop lb-1, lb-2"]
    assert "The rollback to 1.0.0 has not reached lb-1, lb-2" in desk.alerts.mail.sent[0][1].text
    assert [to for to, _ in desk.alerts.sms.sent] == ["+15555550100", "+15555550111"]
    assert all("shop lb-1, lb-2" in notification.short for _, notification in desk.alerts.sms.sent)
    assert {r.state for r in (await desk.alerts.group()).receipts if r.channel in ("mail", "sms")} == {"sent"}
    (card,) = desk.alerts.chat.by_key("alertcard:")
    assert "lb-1, lb-2" in card["text"]


async def test_it_is_over_when_the_last_host_is_back_and_not_before(desk: Desk) -> None:
    await roll_back(desk, "lb-1", "lb-2")
    await desk.pass_(1)
    desk.rig.fleet.mend("lb-1")
    for _ in range(40):
        await desk.pass_(5)
    assert len((await desk.alerts.state()).firing(SERVICE)) == 1
    assert len(desk.alerts.mail.sent) == 1
    desk.rig.fleet.mend("lb-2")
    for _ in range(20):
        await desk.pass_(5)
    assert (await desk.rig.rollout()).status is Status.ROLLED_BACK
    assert (await desk.alerts.state()).firing(SERVICE) == ()
    assert len(desk.alerts.mail.sent) == 2
    assert "Resolved" in desk.alerts.mail.subjects[1]


async def test_a_host_that_drops_out_later_is_told_with_those_still_missing(desk: Desk) -> None:
    await roll_back(desk, "lb-1")
    await desk.pass_(1)
    desk.rig.fleet.fault("lb-2", Fault.UNREACHABLE)
    for _ in range(20):
        await desk.pass_(10)
    (alert,) = (await desk.alerts.state()).firing(SERVICE)
    assert dict(alert.labels)["hosts"] == "lb-1, lb-2"
    assert ["lb-2" in subject for subject in desk.alerts.mail.subjects] == [False, True]


async def test_another_replica_neither_tells_it_twice_nor_leaves_it_firing(desk: Desk) -> None:
    await roll_back(desk, "lb-1")
    await desk.pass_(1)
    desk.another_replica()
    await desk.pass_(1)
    assert len(desk.alerts.mail.sent) == 1
    desk.rig.fleet.mend("lb-1")
    for _ in range(30):
        desk.rig.now += 5
        await desk.work()
    desk.another_replica()
    for _ in range(3):
        await desk.pass_(60)
    assert (await desk.alerts.state()).firing(SERVICE) == ()
    assert [("Resolved" in s) for s in desk.alerts.mail.subjects] == [False, True]


async def test_alerts_that_cannot_be_written_or_sent_hold_up_no_rollback(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Retryable("the disk is full")

    desk.alerts.mail.down = desk.alerts.sms.down = Retryable("down")
    monkeypatch.setattr(desk.alerts.alerting, "submit", away)
    await roll_back(desk, "lb-1")
    with pytest.raises(Retryable):
        await desk.unreached.tick()
    desk.rig.fleet.mend("lb-1")
    for _ in range(20):
        desk.rig.now += 5
        await desk.work()
    assert (await desk.rig.rollout()).status is Status.ROLLED_BACK
    assert desk.rig.shares() == {0.0}
