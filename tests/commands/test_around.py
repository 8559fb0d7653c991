"""Lines about what surrounds the traffic: overrides, the checklist, follow-ups, notes, the report."""

from __future__ import annotations

from datetime import date

import pytest

from bot.rollout.effects import PublishReport
from bot.rollout.events import NoteAdded
from bot.rollout.intents import Override, ReportWork
from bot.rollout.model import Status
from bot.rollout.runbook import Check, ChecklistItem, Phase, ReportRule, Runbook
from bot.rollout.work import Outcome, WorkRef, WorkResult
from commands import dates
from commands.checklist import named
from commands.followup import Typed, people, read
from commands.note import kind_of
from tests.commands.kit import Office
from tests.engine.conftest import CHEN, LIN, WANG

ITEMS = (ChecklistItem("config", "生产配置", "managers"), ChecklistItem("config-alerts", "告警配置", "managers"))
BOOK = Runbook(
    checks=(Check("disk", "disk", target="/"), Check("tests", "command", target="true")),
    checklist=ITEMS,
    report=ReportRule(),
)
TODAY = date(2026, 3, 2)  # a Monday


@pytest.fixture
def shop() -> Office:
    return Office("shop", runbook=BOOK)


async def prepared(shop: Office, **failed: Outcome) -> None:
    """Its checks have reported; those named came to something else than a pass."""
    rollout = await shop.begin("shop")
    assert rollout.work is not None
    for check in BOOK.checks:
        ref = WorkRef("check", check.name, Phase.PREPARE)
        outcome = failed.get(check.name, Outcome.PASSED)
        await shop.desk.submit(
            "shop", ReportWork(rollout.work.order, WorkResult(ref, outcome, "x", shop.now, shop.now))
        )


# -- dates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("2026-12-01", "2026-12-01"),
        ("2026/3/9", "2026-03-09"),
        ("12-01", "2026-12-01"),
        ("3/1", "2027-03-01"),  # gone this year
        ("3-2", "2026-03-02"),
        ("12月1日", "2026-12-01"),
        ("2026年12月1日", "2026-12-01"),
        ("today", "2026-03-02"),
        ("Tomorrow", "2026-03-03"),
        ("明天", "2026-03-03"),
        ("后天", "2026-03-04"),
        ("+3d", "2026-03-05"),
        ("+2w", "2026-03-16"),
        ("3天后", "2026-03-05"),
        ("friday", "2026-03-06"),
        ("周一", "2026-03-09"),  # the next one, not this very day
        ("星期日", "2026-03-08"),
    ],
)
def test_dates_as_people_write_them(typed: str, day: str) -> None:
    assert dates.looks_like(typed)
    assert dates.parse(typed, TODAY) == day


@pytest.mark.parametrize("typed", ["2026-13-45", "2-30", "13月1日"])
def test_a_date_that_is_none_is_still_seen_as_one(typed: str) -> None:
    assert dates.looks_like(typed)
    assert dates.parse(typed, TODAY) is None


@pytest.mark.parametrize("typed", ["index", "2.1.0", "p1", "10", "v2", "周", "+d", "1000d"])
def test_other_words_are_no_dates(typed: str) -> None:
    assert not dates.looks_like(typed)


# -- follow-ups ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("fix it", Typed("fix it", "U0LIN", "2026-03-09", "P2")),
        ("fix it <@U0WANG> 2026-12-01 P1", Typed("fix it", "U0WANG", "2026-12-01", "P1")),
        ("P0 明天 <@U0WANG|wang> 加索引", Typed("加索引", "U0WANG", "2026-03-03", "P0")),
        ("call at 12-01 about p1 pages +3d", Typed("call at 12-01 about p1 pages", "U0LIN", "2026-03-05", "P2")),
        ("fix it 2026-13-45", Typed("fix it", "U0LIN", "2026-13-45", "P2")),
        ("fix it P9", Typed("fix it", "U0LIN", "2026-03-09", "P9")),
        ("fix 12-01 12-02", Typed("fix 12-01", "U0LIN", "2026-12-02", "P2")),
        ("<@U0WANG> <@U0CHEN> fix it", "two_owners"),
        ("fix it @wang", "unknown_owner"),
    ],
)
def test_what_a_follow_up_says_in_whatever_order(line: str, typed: Typed | str) -> None:
    assert read(tuple(line.split()), "U0LIN", TODAY) == typed


def test_an_owner_as_slack_escapes_it() -> None:
    """A tidied line has only the name of a mention; the raw one says who that is."""
    raw = "followup add fix it <@U0WANG|wang> P1"
    assert read(("fix", "it", "wang", "P1"), "U0LIN", TODAY, people(raw)) == Typed(
        "fix it", "U0WANG", "2026-03-09", "P1"
    )


async def test_follow_ups_are_added_listed_and_done(shop: Office) -> None:
    assert "refused no_rollout" in await shop.type("followup add fix it")
    await shop.begin("shop")
    assert (await shop.type("followup shop add fix it P1")).startswith("done followup")
    assert (await shop.type("followup add shop and this <@U0WANG|wang> tomorrow", CHEN)).startswith("done followup")
    first, second = (await shop.last("shop")).follow_ups
    assert (first.text, first.owner, first.priority) == ("fix it", LIN.user, "P1")
    assert (second.text, second.owner, second.by) == ("and this", WANG.user, CHEN.user)
    assert (await shop.type("followup list")).startswith("follow_ups <shop")
    assert (await shop.type("todo")).startswith("follow_ups <shop")
    assert "usage_error which_follow_up" in await shop.type("followup done")
    assert (await shop.type("followup done #1")).startswith("done closed id=F1")
    assert (await shop.type("followup 完成 f2")).startswith("done closed id=F2")
    assert "refused no_such_follow_up" in await shop.type("followup done F1")
    assert "usage_error no_follow_up" in await shop.type("followup done")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("followup add", "usage_error missing_follow_up"),
        ("followup add P1", "usage_error missing_follow_up"),
        ("followup add fix it 2026-13-45", "error refused bad_date"),
        ("followup add fix it P9", "error refused bad_priority"),
        ("followup add fix it 1970-01-11", "usage_error past_date"),
        ("followup add fix it 13-45", "error refused bad_date"),
        ("followup done F1 F2", "usage_error too_many"),
        ("followup done nonsense", "error refused no_such_follow_up"),
    ],
)
async def test_a_follow_up_that_says_too_little_changes_nothing(shop: Office, line: str, answer: str) -> None:
    await shop.begin("shop")
    assert (await shop.type(line)).startswith(answer)
    assert (await shop.last("shop")).follow_ups == ()


# -- the checklist ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("config", ["config"]),
        ("CONFIG", ["config"]),
        ("告警配置", ["config-alerts"]),
        ("告警", ["config-alerts"]),
        ("alerts", ["config-alerts"]),
        ("2", ["config-alerts"]),
        ("配置", ["config", "config-alerts"]),
        ("3", []),
        ("disk", []),
    ],
)
def test_an_item_by_name_title_number_or_a_part_of_it(typed: str, found: list[str]) -> None:
    assert [item.name for item in named(typed, ITEMS)] == found


async def test_items_are_ticked_and_taken_back(shop: Office) -> None:
    await shop.begin("shop")
    assert "usage_error missing_item" in await shop.type("tick")
    assert "usage_error which_item" in await shop.type("tick 配置")
    assert "refused no_such_item" in await shop.type("tick nothing")
    assert "refused not_the_owner" in await shop.type("tick config", CHEN)
    assert (await shop.type("勾选 shop config", WANG)).startswith("done ticked")
    assert "refused item_ticked_already" in await shop.type("tick 1")
    assert [t.item for t in (await shop.last("shop")).ticks] == ["config"]
    assert (await shop.type("untick config")).startswith("done unticked")
    assert (await shop.last("shop")).ticks == ()


async def test_a_plan_without_a_checklist_says_so() -> None:
    plain = Office("shop")
    await plain.begin("shop")
    assert "refused no_checklist" in await plain.type("tick config")


# -- overrides -------------------------------------------------------------------------------------------------------


async def test_what_failed_is_passed_over_by_name_with_a_reason(shop: Office) -> None:
    await prepared(shop, disk=Outcome.FAILED)
    assert (await shop.last("shop")).status is Status.HELD
    assert "usage_error missing_name" in await shop.type("override", WANG)
    assert "refused override_without_reason" in await shop.type("override disk", WANG)
    assert "refused no_such_work" in await shop.type("override the volume grows tonight", WANG)
    assert "refused own_override" in await shop.type("override disk the volume grows", LIN)
    assert "refused may_not_override" in await shop.type("override disk the volume grows", CHEN)
    assert (await shop.type("override shop dsk the volume grows tonight", WANG)).startswith("done overridden")
    asked = shop.desk.asked[-1].intent
    assert isinstance(asked, Override) and (asked.name, asked.reason) == ("disk", "the volume grows tonight")
    rollout = await shop.last("shop")
    assert [(o.ref.name, o.reason) for o in rollout.overridden] == [("disk", "the volume grows tonight")]


async def test_there_is_nothing_to_override_where_nothing_failed(shop: Office) -> None:
    assert "refused no_rollout" in await shop.type("override disk because")
    await shop.begin("shop")
    assert "refused nothing_to_override" in await shop.type("override disk because", WANG)


# -- notes, checks, the report ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("note good: quiet all day", "good", "quiet all day"),
        ("note shop Bad:slow reports", "bad", "slow reports"),
        ("note 好：灰度平稳", "good", "灰度平稳"),
        ("备注 坏：报告慢", "bad", "报告慢"),
        ("note 反馈： 页面快了", "feedback", "页面快了"),
        ("note good work everyone", "", "good work everyone"),
        ("note seen: nothing", "", "seen: nothing"),
    ],
)
async def test_a_note_says_what_the_report_files_it_under(shop: Office, line: str, kind: str, text: str) -> None:
    await shop.begin("shop")
    assert (await shop.type(line)).startswith("done noted")
    (note,) = [e for _, e in await shop.store.events("shop") if isinstance(e, NoteAdded)]
    assert (note.kind, note.text) == (kind, text)


def test_a_kind_without_a_text_is_an_empty_note() -> None:
    assert kind_of("good:") == ("good", "")


async def test_what_was_checked_is_shown(shop: Office) -> None:
    assert "refused no_rollout" in await shop.type("checks")
    await prepared(shop)
    assert (await shop.type("检查 shop")).startswith("checks <shop")


async def test_a_draft_of_the_report_is_ordered_and_nothing_else_happens(shop: Office) -> None:
    assert "refused no_rollout" in await shop.type("report")
    rollout = await shop.begin("shop")
    seq = (await shop.desk.state("shop")).seq
    assert (await shop.type("报告")).startswith("done drafted")
    assert (await shop.type("report shop now")).startswith("usage_error unexpected_word")
    (effect,) = [c.effect for c in await shop.store.pending() if isinstance(c.effect, PublishReport)]
    assert (effect.rollout, effect.edition) == (rollout.id, 0)
    assert (await shop.desk.state("shop")).seq == seq


async def test_without_a_report_in_the_plan_there_is_no_draft() -> None:
    plain = Office("shop")
    await plain.begin("shop")
    assert "refused no_report" in await plain.type("report")
