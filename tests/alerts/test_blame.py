"""Which rollout an alert most likely comes from."""

from __future__ import annotations

from dataclasses import replace

from bot.alerts.blame import ranked, suspects
from bot.alerts.labels import labels_of
from bot.alerts.model import Alert
from bot.rollout.model import Rollout, StageRecord, Status


def a_rollout(service: str, shifted: float | None) -> Rollout:
    return Rollout(
        id=f"ROLLOUT-{service}", service=service, version="2.1.0", stable_version="2.0.0", stable=("10.0.1.10:5000",),
        canary=("10.0.1.11:5000",), salt="", initiator="U0LIN00001", reason="", plan_hash="", started_at=0.0,
        status=Status.BAKING, stage="1%", stages=(StageRecord("1%", 1.0, shifted_at=shifted),),
    )  # fmt: skip


ALERT = Alert("f", "rules", "ErrorRate", "critical", labels_of({"service": "shop"}), (), 10_000.0)


def test_the_service_is_a_tie_and_a_recent_shift_a_stronger_one() -> None:
    found = suspects(ALERT, (a_rollout("shop", 9_000.0), a_rollout("mail", 9_500.0)))
    assert [(s.service, s.reasons) for s in found] == [("shop", ("service", "recent")), ("mail", ("recent",))]


def test_a_backend_of_the_new_version_is_the_strongest() -> None:
    alert = replace(ALERT, labels=labels_of({"instance": "10.0.1.11:5000"}))
    found = suspects(alert, (a_rollout("mail", 1.0),))
    assert found[0].reasons == ("instance",)


def test_an_alert_older_than_the_first_traffic_speaks_against() -> None:
    (found,) = suspects(ALERT, (a_rollout("shop", 11_000.0),))
    assert found.reasons == ("service", "before")
    assert found.score < suspects(ALERT, (a_rollout("shop", 1.0),))[0].score


def test_what_nothing_ties_is_left_out() -> None:
    assert suspects(ALERT, (a_rollout("mail", None), a_rollout("other", 100_000.0))) == ()


def test_of_several_the_one_with_the_strongest_tie_and_then_the_latest_shift_comes_first() -> None:
    alerts = (ALERT, replace(ALERT, fingerprint="g", labels=labels_of({"service": "mail", "instance": "db-1"})))
    live = (
        a_rollout("shop", 8_000.0),
        a_rollout("mail", 9_500.0),
        a_rollout("other", 9_900.0),
        a_rollout("idle", None),
    )
    found = ranked(alerts, live)
    assert [(s.service, s.reasons, s.ago) for s in found] == [
        ("mail", ("service", "recent"), 500.0),
        ("shop", ("service", "recent"), 2_000.0),
        ("other", ("recent",), 100.0),
    ]


def test_what_is_over_points_at_nobody() -> None:
    assert ranked((replace(ALERT, resolved_at=1.0),), (a_rollout("shop", 9_000.0),)) == ()


def test_a_shift_after_the_alert_did_not_cause_it_but_the_one_before_may_have() -> None:
    rollout = a_rollout("shop", 9_000.0)
    later = replace(rollout, stages=(*rollout.stages, StageRecord("10%", 10.0, shifted_at=11_000.0)))
    (found,) = suspects(ALERT, (later,))
    assert (found.reasons, found.ago) == (("service", "recent"), 1_000.0)
