"""The report of a rollout that the engine itself ran: its log is not one that was written for the report."""

from __future__ import annotations

import pytest

from bot.release.ports import Found
from bot.release.report import publish
from bot.release.report.diffs import nginx_diffs
from bot.rollout.intents import AddNote, Override, Retry, RollBack
from bot.rollout.work import Outcome
from tests.engine.conftest import LIN, SERVICE, WANG, Rig, a_plan
from tests.engine.test_works import RUNBOOK, prepared, to_the_end
from tests.release.report.proof import Log, figures, read, unproven
from tests.release.report.test_figures import text_of

ZONE = "Asia/Shanghai"
PLAN = a_plan(runbook=RUNBOOK, source="with a runbook")


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    async def undrawn(*_: object) -> bytes:
        return b""

    monkeypatch.setattr(publish, "draw", undrawn)
    monkeypatch.setattr(publish, "available", lambda: False)
    return Rig(PLAN)


async def everything_is_found(rig: Rig) -> dict[str, str]:
    """The pages by name, each of whose figures was looked up."""
    rollout = await rig.rollout()
    published = await publish.publish_files(rollout.id, rig.store, PLAN, {}, rig.now, ZONE)
    pages = {f.name: f.content.decode() for f in published.files}
    rows = await rig.store.events(SERVICE)
    measured = await rig.store.measurements(rollout.id)
    log = Log(rows, measured, PLAN, ZONE, (), nginx_diffs(rows, rollout, PLAN))
    for lang in ("zh", "en"):
        page = pages[f"report.{lang}.html"]
        assert unproven(page, log) == []
        assert figures(text_of(pages[f"report.{lang}.md"])) == figures("\n".join(read(page).whole))
    return pages


async def test_of_one_that_went_the_whole_way(rig: Rig) -> None:
    await to_the_end(rig)
    pages = await everything_is_found(rig)
    assert "✓ Completed" in pages["report.en.md"]
    assert "#### Change of the nginx configuration" in pages["report.en.md"]


async def test_of_one_that_failed_checks_and_was_rolled_back(rig: Rig) -> None:
    rig.hands.outcomes["disk"] = Found(Outcome.FAILED, "12 % free < 20 %", "df\n12 % free", value=12.0)
    await prepared(rig)
    await everything_is_found(rig)
    await rig.rollouts.submit(SERVICE, Retry(WANG))
    await rig.work()
    await rig.rollouts.submit(SERVICE, Override(WANG, "disk", "being cleaned"))
    await rig.work()
    await rig.react(WANG.user)
    await rig.tick()
    await everything_is_found(rig)
    rig.hands.outcomes["stop_new"] = Found(Outcome.FAILED, "exit 1")
    await rig.rollouts.submit(SERVICE, RollBack(LIN, "it smells of 7 fish"))
    await rig.work()
    await rig.rollouts.submit(SERVICE, AddNote(WANG, "23 people noticed", kind="feedback"))
    pages = await everything_is_found(rig)
    assert "To be done by hand" in pages["report.en.md"]
    assert "Passed over: disk" in pages["report.en.md"]
