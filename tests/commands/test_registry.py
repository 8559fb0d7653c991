"""Lines and what comes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.engine.ports.rendered import Outgoing
from bot.rollout.intents import AddNote, Pause, Promote, RollBack
from bot.rollout.model import Person, Status
from bot.slack.messages import Messages
from commands.desk import Call
from commands.registry import BY_NAME, COMMANDS, find, run
from tests.commands.kit import Office
from tests.engine.conftest import CHEN, LIN, WANG


@pytest.fixture
def one() -> Office:
    return Office("shop")


@pytest.fixture
def three() -> Office:
    return Office("shop", "checkout", "search-api")


def test_no_word_means_two_commands() -> None:
    words = [word for c in COMMANDS for word in (c.name, *c.aliases)]
    assert len(words) == len(set(words)) == len(BY_NAME)


def test_every_command_is_explained_in_both_languages() -> None:
    for language in ("en", "zh"):
        messages = Messages(language, "UTC")
        for command in COMMANDS:
            text = str(messages.help([(command.name, command.usage, command.summary)]).blocks)
            bare = str(messages.help([(command.name, command.usage, "no such key")]).blocks)
            assert command.usage in text
            assert len(text) >= len(bare), command.name


@pytest.mark.parametrize(
    ("line", "command", "rest"),
    [
        ("", "status", ()),
        ("STATUS", "status", ()),
        ("/rollout rollback shop", "rollback", ("shop",)),
        ("Roll back shop", "rollback", ("shop",)),
        ("roll-back", "rollback", ()),
        ("rollback: it broke", "rollback", ("it", "broke")),
        ("回滚：下单失败", "rollback", ("下单失败",)),
        ("回滚、快", "rollback", ("快",)),
        ("`rollback`", "rollback", ()),
        ("Rollback!", "rollback", ()),
        ("？", "help", ()),
        ("--help", "help", ()),
        ("—help", "help", ()),
    ],
)
def test_a_command_is_found_however_it_is_written(line: str, command: str, rest: tuple[str, ...]) -> None:
    from commands.words import split

    found, others = find(split(line))
    assert found is not None
    assert (found.name, others) == (command, rest)


async def test_start_begins_and_a_second_is_refused(one: Office) -> None:
    assert "done started" in await one.type("start Shop `v2.0.1`, because of the fix")
    rollout = await one.last("shop")
    assert (rollout.version, rollout.reason) == ("v2.0.1", "because of the fix")
    assert await one.type("start shop 2.0.2") == "error refused already_active"


@pytest.mark.parametrize(
    "line",
    [
        "start shop 2.0.1 --sticky-salt ROLLOUT-20260101-9 a reason",
        "start shop 2.0.1 \u2014sticky\u2011salt `ROLLOUT-20260101-9`, a reason",
        "start shop 2.0.1 a reason --sticky-salt=ROLLOUT-20260101-9",
        "start --sticky-salt ROLLOUT-20260101-9 shop 2.0.1 a reason",
    ],
)
async def test_a_salt_may_be_given_anywhere_in_the_line(one: Office, line: str) -> None:
    assert "done started" in await one.type(line)
    rollout = await one.last("shop")
    assert (rollout.salt, rollout.reason) == ("ROLLOUT-20260101-9", "a reason")


async def test_without_one_the_salt_is_the_rollouts_id(one: Office) -> None:
    await one.type("start shop 2.0.1")
    rollout = await one.last("shop")
    assert rollout.salt == rollout.id


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("start", "usage_error missing_service"),
        ("start shop", "usage_error missing_version"),
        ("start shop ../../etc", "usage_error bad_version"),
        ("start shp 2.0", "usage_error unknown_service /rollout start shop VERSION [--sticky-salt SALT] [reason]"),
        ("start zzz 2.0", "usage_error unknown_service /rollout start SERVICE VERSION [--sticky-salt SALT] [reason]"),
        ("start shop 2.0 --sticky-salt", "usage_error missing_salt"),
        ("start shop 2.0 --sticky-salt --because", "usage_error missing_salt"),
        ("start shop 2.0 --sticky-salt=", "usage_error missing_salt"),
        ("start shop 2.0 --sticky-salt a;b", "error refused bad_salt"),
        ("start shop 2.0 --sticky-salt '$x y'", "error refused bad_salt"),
        ("start shop 2.0 --sticky-salt " + "x" * 65, "error refused bad_salt"),
        ("start shop 2.0 --stickysalt abc", "usage_error unknown_option"),
        ("plan shop 2.0 --sticky-salt", "usage_error missing_salt"),
        ("plan shop 2.0 --sticky-salt a/b", "error refused bad_salt"),
        ("stat shp", "did_you_mean stat start"),
        ("xyzzy", "did_you_mean xyzzy  /rollout help"),
        ("diff", "did_you_mean diff  /rollout help"),
        ("approve", "error refused no_rollout"),
        ("start shop 1.0.0", "error refused already_serving"),
        ("plan shop", "usage_error missing_version"),
        ("plan shop 1.0.0", "error refused already_serving"),
        ("promote", "error refused no_rollout"),
        ("rollback", "error refused nothing_to_roll_back"),
        ("note", "usage_error empty_note"),
        ("status nope", "usage_error unknown_service"),
        ("history nope", "usage_error unknown_service"),
    ],
)
async def test_bad_input_gets_one_answer_and_changes_nothing(one: Office, line: str, answer: str) -> None:
    assert (await one.type(line)).startswith(answer)
    assert (await one.desk.state("shop")).seq == 0


async def test_who_wants_to_approve_by_typing_is_shown_the_way_and_approves_nothing(one: Office) -> None:
    rollout = await one.begin("shop")
    before = (await one.desk.state("shop")).seq
    for line in ("approve", "approve shop", "veto", "同意"):
        assert await one.type(line, WANG) == "error refused approved_by_reaction"
    assert (await one.desk.state("shop")).seq == before
    assert await one.type("approve chekout") == "usage_error unexpected_word /rollout approve [SERVICE] word=chekout"
    await one.approve("shop")
    assert (await one.last("shop")).stage == rollout.stage
    assert await one.type("approve") == "error refused nothing_to_approve"


async def test_a_stage_that_has_left_the_plan_is_not_approved_and_nothing_breaks(one: Office) -> None:
    await one.begin("shop")
    plan = one.desk.plans["shop"]
    one.desk.plans = {"shop": replace(plan, stages=plan.stages[1:])}
    assert await one.type("approve", WANG) == "error refused stage_gone"


async def test_help_of_one_command_by_any_of_its_names(one: Office) -> None:
    assert await one.type("help undo") == f"help [[rollback, {BY_NAME['undo'].usage}, help.rollback]]"
    assert "promote" in await one.type("help nonsense")


async def test_plan_shows_every_host_and_changes_nothing(one: Office) -> None:
    answer = await one.type("plan shop 2.0.0")
    assert answer.startswith("plan <shop 2.0.0 awaiting_approval>")
    assert "lb-1" in answer and "lb-2" in answer
    assert (await one.desk.state("shop")).seq == 0


async def test_status_and_history_read_only(three: Office) -> None:
    await three.begin("checkout")
    assert "<checkout 2.0.0 awaiting_approval>" in await three.type("")
    assert (await three.type("status shop")).startswith("status [] [shop]")
    assert (await three.type("history checkout")).startswith("history [<checkout 2.0.0")


@pytest.mark.parametrize(
    "line",
    [
        "promote shop —force the gate is wrong",
        "promote --force the gate is wrong",
        "promote shop --FORCE: “the gate is wrong”",
        "promote -- force the gate is wrong",
        "promote shop 强制 the gate is wrong",
    ],
)
async def test_force_is_understood_and_needs_its_reason(one: Office, line: str) -> None:
    await one.begin("shop")
    await one.type(line)
    intent = one.desk.asked[-1].intent
    assert isinstance(intent, Promote)
    assert intent.force_reason == "the gate is wrong"
    assert (await one.type("promote shop --force")).startswith("usage_error force_without_reason")
    assert (await one.type("promote shop now")).startswith("usage_error unexpected_word")


async def test_the_service_may_be_left_out_where_only_one_runs(three: Office) -> None:
    await three.begin("checkout")
    assert "done paused" in await three.type("pause people are at lunch")
    asked = three.desk.asked[-1]
    assert asked.service == "checkout"
    assert isinstance(asked.intent, Pause) and asked.intent.reason == "people are at lunch"
    assert "done resumed" in await three.type("resume")


async def test_a_misspelt_service_is_no_act_on_another_one(three: Office) -> None:
    await three.begin("checkout")
    before = (await three.desk.state("checkout")).seq
    for line in ("pause search-ap", "promote serch-api", "retry searchapi", "resume shop2"):
        assert (await three.type(line)).startswith("usage_error"), line
    assert (await three.desk.state("checkout")).seq == before


async def test_several_run_and_none_is_named(three: Office) -> None:
    await three.begin("checkout")
    await three.begin("shop")
    for line in ("pause", "promote --force x", "rollback"):
        assert (await three.type(line)).startswith("usage_error which_service"), line


async def test_a_note_may_begin_with_a_word_like_a_service(three: Office) -> None:
    await three.begin("checkout")
    assert "done noted" in await three.type("note checkouts are slow since 14:00")
    note = three.desk.asked[-1].intent
    assert isinstance(note, AddNote) and note.text == "checkouts are slow since 14:00"


@pytest.mark.parametrize(
    ("line", "service", "reason"),
    [
        ("rollback", "checkout", ""),
        ("rollback checkout", "checkout", ""),
        ("rollback CHECKOUT: it broke", "checkout", "it broke"),
        ("rollback now!!! everything is on fire", "checkout", "now!!! everything is on fire"),
        ("rollback chekout", "checkout", "chekout"),
        ("rollback --force “don’t ask”", "checkout", "--force don't ask"),
        ("rollback please checkout now", "checkout", "please checkout now"),
        ("rollback 2.0.0", "checkout", "2.0.0"),
        ('roll back "it broke', "checkout", '"it broke'),
        ("回滚 下单失败", "checkout", "下单失败"),
    ],
)
async def test_no_line_is_too_sloppy_for_a_rollback(three: Office, line: str, service: str, reason: str) -> None:
    await three.begin("checkout")
    await three.approve("checkout")
    assert "done rolling_back" in await three.type(line)
    asked = three.desk.asked[-1]
    assert isinstance(asked.intent, RollBack)
    assert (asked.service, asked.intent.reason) == (service, reason)
    assert await three.status(service) is Status.ROLLING_BACK


@pytest.mark.parametrize(
    ("line", "gradual"),
    [
        ("rollback checkout --gradual slow pages", True),
        ("rollback --gradual checkout slow pages", True),
        ("rollback checkout \u2014gradual slow pages", True),
        ("rollback checkout slow pages --gradual", True),
        ("rollback checkout gradual", False),
        ("rollback checkout --gradually", False),
        ("rollback checkout --gradaul slow pages", False),
        ("rollback checkout", False),
    ],
)
async def test_only_a_plain_option_goes_back_in_steps(three: Office, line: str, gradual: bool) -> None:
    """Anything a little like it is part of a reason, and goes at once: that is the safe side."""
    await three.begin("checkout")
    await three.approve("checkout")
    answer = await three.type(line)
    asked = [a.intent for a in three.desk.asked if isinstance(a.intent, RollBack)][-1]
    assert asked.gradual is gradual
    assert answer.startswith("error refused no_step_down") == gradual
    if not gradual:
        assert await three.status("checkout") is Status.ROLLING_BACK


async def test_a_rollback_names_its_service_anywhere_among_several(three: Office) -> None:
    for service in ("shop", "checkout"):
        await three.begin(service)
        await three.approve(service)
    assert "done rolling_back" in await three.type("rollback please the shop is down")
    assert await three.status("shop") is Status.ROLLING_BACK
    assert await three.status("checkout") is Status.SHIFTING


async def test_a_rollback_without_traffic_cancels(one: Office) -> None:
    await one.begin("shop")
    assert "done cancelled" in await one.type("rollback")


async def test_the_last_completed_one_is_taken_back(three: Office) -> None:
    await three.complete("shop", at=10.0)
    await three.complete("checkout", at=20.0)
    assert "done rolling_back" in await three.type("rollback orders fail")
    assert await three.status("checkout") is Status.ROLLING_BACK
    assert await three.status("shop") is Status.COMPLETED


async def test_an_unchecked_person_rolls_back_and_starts_nothing(one: Office) -> None:
    nobody = Person("U0WHO", known=False)
    await one.begin("shop")
    await one.approve("shop")
    assert "refused not_allowed" in await one.type("pause", nobody)
    assert "done rolling_back" in await one.type("rollback", nobody)


@pytest.mark.parametrize("who", [{"deactivated": True}, {"bot": True}, {"external": True}])
async def test_the_core_refuses_who_may_not(one: Office, who: dict[str, bool]) -> None:
    stranger = Person("U0WHO", roles=frozenset({"managers"}), **who)
    assert "refused may_not_start" in await one.type("start shop 2.0.0", stranger)
    await one.begin("shop")
    assert "refused may_not_roll_back" in await one.type("rollback", stranger)
    assert "refused not_allowed" in await one.type("pause", stranger)


async def test_a_redelivered_line_does_nothing_and_tells_what_is_true(one: Office) -> None:
    first = await one.type("start shop 2.0.0", cause="T1")
    again = await one.type("start shop 2.0.0", cause="T1")
    assert "done started" in first
    assert again.startswith("status [[<shop 2.0.0 awaiting_approval>")
    assert (await one.last("shop")).id.endswith("-1")


SERVICES = ("shop", "checkout")
LINES = st.one_of(
    st.text(),
    st.builds(
        " ".join,
        st.lists(
            st.one_of(st.sampled_from([*BY_NAME, *SERVICES, "2.0", "--force", "—force", "“", "'", "`"]), st.text()),
            max_size=6,
        ),
    ),
)
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
REAL = {language: Messages(language, "Asia/Shanghai") for language in ("zh", "en")}


@SLOW
@given(LINES, st.sampled_from([LIN, CHEN]), st.sampled_from(sorted(REAL)))
@example('rollback "', LIN, "zh")
async def test_every_text_gets_one_answer_and_never_an_exception(text: str, actor: Person, language: str) -> None:
    office = Office(*SERVICES)
    await office.begin("shop")
    answer = await run(Call(text, actor, "T1"), office.desk, REAL[language])
    assert isinstance(answer, Outgoing)
    assert answer.text and answer.blocks


@SLOW
@given(st.sampled_from([c for c in COMMANDS if not c.acts]), LINES)
async def test_a_command_that_reads_records_nothing(command: object, rest: str) -> None:
    office = Office(*SERVICES)
    await office.begin("shop")
    before = [(await office.desk.state(s)).seq for s in SERVICES]
    del office.desk.asked[:]
    await office.type(f"{command.name} {rest}")  # type: ignore[attr-defined]
    assert not office.desk.asked
    assert [(await office.desk.state(s)).seq for s in SERVICES] == before


@SLOW
@given(LINES)
async def test_with_one_rollout_a_rollback_is_never_refused(rest: str) -> None:
    office = Office("shop")
    await office.begin("shop")
    await office.approve("shop")
    await office.type(f"rollback {rest}")
    assert await office.status("shop") is Status.ROLLING_BACK
