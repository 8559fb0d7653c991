"""What surrounds the traffic, through the engine: done, reported, shown; after a crash neither twice nor forgotten."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.engine.ports.errors import Gone
from bot.release.ports import Found
from bot.rollout import events as ev
from bot.rollout.intents import Override, Promote, Retry, RollBack, TickItem
from bot.rollout.model import Hold, Status
from bot.rollout.runbook import Baseline, ChecklistItem, ReportRule, SignRole, Step
from bot.rollout.work import Outcome
from tests.engine.conftest import LIN, SERVICE, WANG, Rig, a_plan
from tests.rollout.book import BOOK

RUNBOOK = replace(
    BOOK,
    checklist=(ChecklistItem("logs", "Logs", "managers"),),
    steps=tuple(replace(step, stages=("10%",) if step.stages else (), machines=("bot",)) for step in BOOK.steps),
    baseline=Baseline(60.0, 6),
    report=ReportRule((SignRole("运维", "DevOps", ("managers",)),)),
)


@pytest.fixture
def rig() -> Rig:
    return Rig(a_plan(runbook=RUNBOOK, source="with a runbook"))


async def prepared(rig: Rig) -> None:
    await rig.start()
    await rig.rollouts.submit(SERVICE, TickItem(WANG, "logs"))
    await rig.work()


async def to_the_end(rig: Rig) -> None:
    await prepared(rig)
    for _ in range(200):
        rollout = await rig.rollout()
        if rollout.status is Status.COMPLETED:
            return await rig.work()
        if rollout.status is Status.AWAITING_APPROVAL:
            await rig.react(WANG.user)
        if rollout.status is Status.PASSED:
            await rig.rollouts.submit(SERVICE, Promote(WANG))
        await rig.tick()
    raise AssertionError(f"not completed: {await rig.rollout()}")


async def test_the_whole_course_with_everything_around_it(rig: Rig) -> None:
    await to_the_end(rig)
    names = [name for name, _ in rig.hands.done if name not in ("chart", "report")]
    assert names == ["db", "clean", "disk", "deploy", "warm", "load", "tidy", "announce", "stop_old"]
    rollout = await rig.rollout()
    assert rollout.report and rollout.report.posted_at
    (report,) = rig.chat.by_key(f"report:{rollout.id}:1")
    assert rig.chat.files[report["key"]] == {"report.md": b"# R"}
    assert len(rig.chat.by_key("chart:")) == 3  # each stage, and the end
    assert len(rig.chat.by_key("preparation:")) == 1
    await rig.tick()
    (sign_off,) = rig.chat.by_key(f"signoff:{rollout.id}:1")
    rig.chat.marks[sign_off["ts"]].add((WANG.user, "white_check_mark"))
    await rig.intake.signature("Ev1", rollout.id, 1, WANG.user, "white_check_mark", True)
    await rig.work()
    signed = (await rig.rollout()).report
    assert signed and [s.user for s in signed.signatures] == [WANG.user] and signed.signed_at


async def test_figures_before_and_after_are_in_the_log(rig: Rig) -> None:
    await to_the_end(rig)
    results = {r.ref.name: r for r in (await rig.rollout()).results if r.ref.kind == "baseline"}
    assert set(results) == {"before", "after"}
    assert all(f.samples == 6 and f.spread for r in results.values() for f in r.figures)


async def test_a_failed_check_holds_and_a_person_of_the_role_passes_over(rig: Rig) -> None:
    rig.hands.outcomes["disk"] = Found(Outcome.FAILED, "12 % free < 20 %", "df\noutput")
    await prepared(rig)
    assert (await rig.rollout()).hold is Hold.PREPARATION_FAILED
    await rig.rollouts.submit(SERVICE, Override(WANG, "disk", "being cleaned"))
    await rig.work()
    assert (await rig.rollout()).status is Status.AWAITING_APPROVAL


async def test_a_rollback_whose_step_fails_has_the_traffic_back_and_the_rest_done(rig: Rig) -> None:
    await prepared(rig)
    await rig.react(WANG.user)
    rig.hands.outcomes["stop_new"] = Found(Outcome.FAILED, "exit 1")
    await rig.rollouts.submit(SERVICE, RollBack(LIN, "it smells"))
    await rig.work()
    rollout = await rig.rollout()
    assert rollout.status is Status.ROLLED_BACK
    assert [name for name, _ in rig.hands.done if name not in ("chart", "report")][-4:] == [
        "stop_new",
        "start_old",
        "tell",
        "page",
    ]
    events = [e for _, e in await rig.store.events(SERVICE)]
    left = [e.left for e in events if isinstance(e, ev.WorkFinished) and e.left]
    assert [[ref.name for ref in refs] for refs in left] == [["stop_new"]]
    traffic = next(r for r in rollout.results if r.ref.name == "traffic")
    assert traffic.outcome is Outcome.PASSED and traffic.value == 2.0


async def test_work_that_raises_is_a_result_and_not_a_loop(rig: Rig) -> None:
    async def broken(*_: object, **__: object) -> Found:
        raise RuntimeError("no such luck")

    rig.hands.check = broken  # type: ignore[method-assign]
    await prepared(rig)
    rollout = await rig.rollout()
    assert rollout.hold is Hold.PREPARATION_FAILED
    result = next(r for r in rollout.results if r.ref.name == "disk")
    assert (result.outcome, result.summary) == (Outcome.NOT_RUNNABLE, "RuntimeError: no such luck")


async def test_what_was_cut_off_is_done_under_the_same_key(rig: Rig) -> None:
    """A process dies between the step and its report: the next one asks the machine by the very same key."""
    await rig.rollouts.start(SERVICE, "2.0.0", LIN, "", None)
    seen: list[tuple[str, bool]] = []
    real = rig.hands.run

    async def run(step: Step, machine: str, key: str, env: dict[str, str], *, again: bool = False) -> Found:
        seen.append((key, again))
        if len(seen) == 1:
            raise KeyboardInterrupt  # as a kill: nothing is reported
        return await real(step, machine, key, env, again=again)

    rig.hands.run = run  # type: ignore[method-assign,assignment]
    with pytest.raises(KeyboardInterrupt):
        await rig.work()
    rig.build()
    rig.now += 60.0
    await rig.work()
    assert len(seen) == 2 and seen[0][0] == seen[1][0]
    assert [again for _, again in seen] == [False, True]
    done = [e for _, e in await rig.store.events(SERVICE) if isinstance(e, ev.WorkDone)]
    assert len([e for e in done if e.result.ref.name == "deploy"]) == 1


async def test_a_rollout_of_the_same_name_in_another_database_is_another_run(rig: Rig) -> None:
    """A machine still knows the keys of a database that is gone, or of another bot's."""
    await prepared(rig)
    other = Rig(rig.plan)
    other.now += 3600.0
    await prepared(other)
    assert (await other.rollout()).id == (await rig.rollout()).id
    assert not set(rig.hands.keys) & set(other.hands.keys)


async def test_a_report_whose_card_was_deleted_comes_under_a_new_one(rig: Rig) -> None:
    real, refused = rig.chat.upload, []

    async def upload(key: str, channel: str, thread_ts: str, *more: Any) -> tuple[str, ...]:
        if key.startswith("report:") and not refused:
            refused.append(thread_ts)
            del rig.chat.messages[thread_ts]
            raise Gone("thread_not_found")
        return await real(key, channel, thread_ts, *more)

    rig.chat.upload = upload  # type: ignore[method-assign,assignment]
    await prepared(rig)
    await rig.react(WANG.user)
    await rig.rollouts.submit(SERVICE, RollBack(LIN, "it smells"))
    await rig.work()
    (anew,) = rig.chat.by_key("card:")
    assert refused and anew["ts"] not in refused
    assert {m["thread"] for m in rig.chat.by_key("report:")} == {anew["ts"]}


async def test_a_retry_is_another_run(rig: Rig) -> None:
    rig.hands.outcomes["deploy"] = Found(Outcome.UNKNOWN, "the connection was lost")
    await prepared(rig)
    assert (await rig.rollout()).hold is Hold.STEP_FAILED
    del rig.hands.outcomes["deploy"]
    await rig.rollouts.submit(SERVICE, Retry(WANG))
    await rig.work()
    assert (await rig.rollout()).status is Status.AWAITING_APPROVAL
    assert len(set(rig.hands.keys)) == 2


async def test_another_database_gives_the_same_id_and_not_the_same_key() -> None:
    """A machine remembers what it ran: it must not take a step for done because another bot ran one of that name."""
    keys = []
    for begun in (1_000_000.0, 1_000_060.0):  # the same day, so the same number
        rig = Rig(a_plan(runbook=RUNBOOK, source="with a runbook"))
        rig.now = begun
        await prepared(rig)
        keys.append((await rig.rollout()).id)
        keys.append(rig.hands.keys[0])
    assert keys[0] == keys[2] and keys[1] != keys[3]
