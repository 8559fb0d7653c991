"""Too much for one recipient: the first few singly, the rest in one digest, and nothing is lost."""

from __future__ import annotations

from bot.engine.ports.errors import Retryable
from config.channels import LimitSettings
from tests.alerts.kit import a_signal
from tests.engine.alert_rig import AlertRig


def a_storm(rig: AlertRig, count: int = 30) -> list[object]:
    return [a_signal(f"Alert{n}", "warning", rig.now) for n in range(count)]


async def a_rig() -> AlertRig:
    rig = AlertRig()
    rig.limit = LimitSettings(burst=5, every=60.0, reserved=2)
    rig.build()
    await rig.observe(*a_storm(rig))
    await rig.tick(31)
    return rig


async def test_a_storm_is_three_mails_and_one_digest_that_names_the_rest() -> None:
    rig = await a_rig()
    assert len(rig.mail.sent) == 3
    for _ in range(10):
        await rig.tick(60)
    assert len(rig.mail.sent) == 4
    digest = rig.mail.sent[-1][1]
    assert "27" in digest.subject
    told = {f"Alert{n} · shop" for n in range(30)}
    assert all(any(what in n.text or what in n.subject for _, n in rig.mail.sent) for what in told)
    receipts = [r for g in (await rig.state()).groups.values() for r in g.receipts]
    assert {r.state for r in receipts} == {"sent"}
    assert sum(r.detail == "in a digest" for r in receipts) == 27


async def test_a_critical_still_comes_through() -> None:
    rig = await a_rig()
    await rig.observe(a_signal("Fire", "critical", rig.now))
    assert any("Fire" in subject for subject in rig.mail.subjects)


async def test_a_digest_that_did_not_arrive_comes_again() -> None:
    rig = await a_rig()
    rig.mail.fail = [Retryable("away")]
    for _ in range(12):
        await rig.tick(60)
    assert len([s for s in rig.mail.subjects if "held back" in s]) == 1


async def test_what_was_held_back_survives_a_restart() -> None:
    rig = await a_rig()
    rig.build()
    for _ in range(12):
        await rig.tick(60)
    receipts = [r for g in (await rig.state()).groups.values() for r in g.receipts]
    assert {r.state for r in receipts} == {"sent"}
