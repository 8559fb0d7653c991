"""Every intent in every status: what it leads to, or the code of the refusal. A table to be read by a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.fleet import valid
from bot.rollout import intents as it
from bot.rollout.decide import simulate
from bot.rollout.intents import Reaction, Refusal
from bot.rollout.model import Board, Person, Status, TriggerResult
from bot.rollout.plan import Strategy
from bot.rollout.runbook import Phase
from bot.rollout.waves import watched_since
from bot.rollout.work import Outcome, WorkRef, WorkResult
from tests.rollout.kit import (
    ANN,
    BEN,
    DARK,
    EVE,
    FAST_TRIP,
    GUEST,
    HOSTS,
    INI,
    LEFT,
    OTHER_PLAN,
    PARTNER,
    PLAN,
    ROBOT,
    T0,
    YES,
    Flow,
    gates,
    lower,
    names,
    plan,
)
from tests.rollout.situations import ACTIVE, SITUATIONS, TOUCHED, situation

Make = Callable[[Flow], it.Intent]


def generation(flow: Flow) -> int:
    return flow.r.generation if flow.state.rollout else 1


def approve(flow: Flow) -> it.Intent:
    if flow.state.rollout and flow.r.approval:
        return flow.reactions(ANN, BEN)
    return it.ReportReactions("ROLLOUT-1", "internal", 1, (Reaction(ANN, YES),))


def passing(flow: Flow) -> it.ReportBoard:
    if flow.state.rollout is None:
        return it.ReportBoard(Board("R", "internal", 1, T0, gates=gates()))
    r = flow.r
    began = watched_since(r) or T0
    return it.ReportBoard(Board(r.id, *r.watched, began, baked=60.0, last_at=flow.now, gates=gates()))


def tripping(flow: Flow) -> it.Intent:
    trip = TriggerResult(FAST_TRIP.text, "error_rate", 50.0, 500.0, flow.now, tripped=True)
    return it.ReportBoard(replace(passing(flow).board, triggers=(trip,)))


def with_new_plan(flow: Flow) -> it.Intent:
    flow.plan = OTHER_PLAN if flow.plan != OTHER_PLAN else plan("a third")
    return it.NotePlan()


def a_day_later(flow: Flow) -> it.Intent:
    flow.later(86400)
    return it.Tick()


def work_done(flow: Flow) -> it.Intent:
    """Of a piece that nobody ordered, and that nothing waits for."""
    ref = WorkRef("step", "warm", Phase.BEFORE_STAGE, "few", "bot")
    return it.ReportWork(7, WorkResult(ref, Outcome.PASSED, "exit 0", flow.now, flow.now))


INTENTS: dict[str, Make] = {
    "start": lambda f: it.Start("R9", "3.0.0", INI),
    "promote": lambda f: it.Promote(ANN),
    "force": lambda f: it.Promote(ANN, "we must"),
    "force_without_reason": lambda f: it.Promote(ANN, "  "),
    "rollback": lambda f: it.RollBack(EVE, "it smells"),
    "step_down": lambda f: it.RollBack(EVE, "slowly", gradual=True),
    "pause": lambda f: it.Pause(ANN),
    "resume": lambda f: it.Resume(ANN),
    "retry": lambda f: it.Retry(ANN),
    "note": lambda f: it.AddNote(EVE, "hello"),
    "empty_note": lambda f: it.AddNote(EVE, " "),
    "adopt": lambda f: it.AnswerDrift(ANN, "adopt"),
    "restore": lambda f: it.AnswerDrift(ANN, "restore"),
    "approve": approve,
    "shift_done": lambda f: it.ReportShift(generation(f), True, "done", (), 1.0, HOSTS),
    "shift_failed": lambda f: it.ReportShift(generation(f), False, "refused", (("h1", "no"),)),
    "stale_shift": lambda f: it.ReportShift(generation(f) - 1, True, "done", (), 1.0, HOSTS),
    "caught_up": lambda f: it.ReportCaughtUp(f.state.live_generation, HOSTS),
    "restored": lambda f: it.ReportRollback(generation(f), HOSTS, ()),
    "pending": lambda f: it.ReportRollback(generation(f), ("h1",), (("h2", "no answer"),)),
    "stale_rollback": lambda f: it.ReportRollback(generation(f) - 1, HOSTS, ()),
    "drift": lambda f: it.ReportFleet(0, (lower(),), f.state.live_generation),
    "stale_drift": lambda f: it.ReportFleet(0, (lower(),), f.state.live_generation - 1),
    "higher_generation": lambda f: it.ReportFleet(99, (), f.state.live_generation),
    "pass": passing,
    "trip": tripping,
    "stale_trip": lambda f: it.ReportBoard(replace(tripping(f).board, generation=-1)),  # type: ignore[union-attr]
    "same_plan": lambda f: it.NotePlan(),
    "new_plan": with_new_plan,
    "work_done": work_done,
    "override": lambda f: it.Override(ANN, "disk", "known"),
    "tick_item": lambda f: it.TickItem(ANN, "logs"),
    "follow_up": lambda f: it.AddFollowUp(ANN, "mend it", "UBEN", "2026-12-01"),
    "follow_up_done": lambda f: it.CloseFollowUp(ANN, "F1"),
    "report_posted": lambda f: it.NoteReport("R1", 1, "digest", f.now),
    "signatures": lambda f: it.ReportSignatures("R1", 1, ()),
    "tick": lambda f: it.Tick(),
    "a_day_later": a_day_later,
}

OVER = {"none": "no_rollout", "rolled_back": "no_rollout", "cancelled": "no_rollout", "completed": "no_rollout"}
RESTORE = "RollbackOrdered"
ANEW = "RolloutStarted ApprovalAsked"
FORCED = "StageForced ApprovalAsked"
APPROVED = "ApproversChanged StageApproved ShiftOrdered"
REASKED = "PlanChanged ApprovalClosed ApprovalAsked"

# intent -> what follows in every situation that is not named; "" = nothing, a lower-case word = a refusal's code.
TABLE: dict[str, tuple[str, dict[str, str]]] = {
    "caught_up": ("", {}),
    "start": ("already_active", {"none": ANEW, "rolled_back": ANEW, "cancelled": ANEW, "completed": ANEW}),
    "promote": (
        "nothing_to_promote",
        OVER
        | {"awaiting": "awaiting_approval", "awaiting_2nd": "awaiting_approval"}
        | {"baking": "still_baking", "passed": "ApprovalAsked", "held_gates": "held_gates", "held_data": "held_gates"}
        | {"held_shift": "held", "held_vetoed": "held", "held_expired": "held", "held_plan": "plan_changed"},
    ),
    "force": (
        "nothing_to_promote",
        OVER
        | {"awaiting": "awaiting_approval", "awaiting_2nd": "awaiting_approval"}
        | {"baking": FORCED, "passed": "ApprovalAsked", "held_gates": FORCED, "held_data": FORCED}
        | {"held_shift": "held", "held_vetoed": "held", "held_expired": "held", "held_plan": "plan_changed"},
    ),
    "force_without_reason": (
        "nothing_to_promote",
        OVER
        | {"awaiting": "awaiting_approval", "awaiting_2nd": "awaiting_approval"}
        | {"baking": "still_baking", "passed": "ApprovalAsked", "held_gates": "held_gates", "held_data": "held_gates"}
        | {"held_shift": "held", "held_vetoed": "held", "held_expired": "held", "held_plan": "plan_changed"},
    ),
    "rollback": (
        RESTORE,
        {"none": "nothing_to_roll_back", "rolled_back": "nothing_to_roll_back", "cancelled": "nothing_to_roll_back"}
        | {"awaiting": "RolloutCancelled", "rolling_back": "rolling_back_already"},
    ),
    "step_down": (
        "no_step_down",
        {"none": "nothing_to_step_down", "rolled_back": "nothing_to_step_down", "cancelled": "nothing_to_step_down"}
        | {"completed": "nothing_to_step_down", "rolling_back": "rolling_back_already"}
        | {"stepping_down": "stepping_down_already"},
    ),
    "pause": (
        "RolloutPaused",
        OVER | {"rolling_back": "rolling_back_already", "stepping_down": "rolling_back_already"},
    ),
    "resume": ("not_paused", OVER),
    "retry": (
        "not_held",
        OVER
        | {"held_gates": "BakeRestarted", "held_data": "BakeRestarted", "held_shift": "ShiftOrdered"}
        | {"held_vetoed": "ApprovalAsked", "held_expired": "ApprovalAsked", "held_plan": "ApprovalAsked"},
    ),
    "note": ("NoteAdded", {"none": "no_rollout"}),
    "empty_note": ("empty_note", {"none": "no_rollout"}),
    "adopt": ("no_drift", OVER),
    "restore": ("no_drift", OVER),
    "approve": (
        "decided",
        {"none": "asking_over", "rolled_back": "asking_over", "cancelled": "asking_over", "completed": "asking_over"}
        | {"awaiting": APPROVED, "awaiting_2nd": APPROVED},
    ),
    "shift_done": ("", OVER | {"shifting": "ShiftDone", "shifting_2nd": "ShiftDone", "stepping_down": "StepDownDone"}),
    "shift_failed": ("", OVER | {"shifting": "ShiftFailed", "shifting_2nd": "ShiftFailed", "stepping_down": RESTORE}),
    "stale_shift": ("", OVER),
    "restored": ("", OVER | {"rolling_back": "HostsRestored RolledBack"}),
    "pending": ("", OVER | {"rolling_back": "HostsRestored"}),
    "stale_rollback": ("", OVER),
    "drift": (
        "DriftFound",
        {
            "none": "",
            "awaiting": "",
            "shifting": "",
            "shifting_2nd": "",
            "wave": "",
            "rolling_back": "",
            "stepping_down": "",
        }
        | {"rolled_back": "", "cancelled": "", "completed": ""},
    ),
    "stale_drift": ("", {}),
    "higher_generation": ("GenerationSeen", {"rolling_back": "GenerationSeen RollbackOrdered"}),
    "pass": ("", OVER | {"baking": "VerdictChanged VerdictChanged StagePassed", "wave": "WaveOrdered"}),
    "trip": (RESTORE, OVER | {"awaiting": "", "shifting": "", "rolling_back": ""}),
    "stale_trip": ("", OVER),
    "same_plan": ("", OVER),
    "new_plan": (
        "",
        OVER
        | {"awaiting": REASKED, "awaiting_2nd": REASKED, "baking": "StageHeld", "passed": "StageHeld"}
        | {"watching": "PlanChanged"},
    ),
    "work_done": ("WorkDone", {"none": "no_rollout"}),
    "override": ("nothing_to_override", OVER),
    "tick_item": ("no_checklist", OVER),
    "follow_up": ("FollowUpAdded", {"none": "no_rollout"}),
    "follow_up_done": ("no_such_follow_up", {"none": "no_rollout"}),
    "report_posted": ("", {}),
    "signatures": ("report_over", {}),
    "tick": ("", {"none": "no_rollout"}),
    "a_day_later": (
        "",
        {"none": "no_rollout"}
        | {"awaiting": "ApprovalClosed StageHeld", "awaiting_2nd": "ApprovalClosed StageHeld"}
        | {"watching": "RolloutCompleted"},
    ),
}


def outcome(flow: Flow, intent: it.Intent) -> str:
    decision = flow.decide(intent)
    return decision.code if isinstance(decision, Refusal) else " ".join(names(decision))


@pytest.mark.parametrize("name", INTENTS)
def test_every_intent_in_every_situation(name: str) -> None:
    usual, others = TABLE[name]
    found, expected = {}, {}
    for where in SITUATIONS:
        flow = situation(where)
        intent = INTENTS[name](flow)
        found[where] = outcome(flow, intent)
        expected[where] = others.get(where, usual)
        assert outcome(flow, intent) == found[where], "decide is deterministic"
    assert found == expected


def test_the_table_has_every_intent_and_status() -> None:
    assert {type(make(situation("baking"))) for make in INTENTS.values()} == set(it.Intent.__args__)  # type: ignore[attr-defined]
    reached = {situation(name).r.status for name in SITUATIONS if name != "none"}
    assert reached == set(Status) - {Status.PREPARING, Status.WORKING}  # which test_work has


PAUSED = {
    "promote": "paused",
    "force": "paused",
    "pause": "paused",
    "resume": "RolloutResumed",
}


@pytest.mark.parametrize("where", [n for n in ACTIVE if n not in ("rolling_back", "stepping_down")])
def test_paused_nothing_moves_but_backwards(where: str) -> None:
    flow = situation(where)
    flow.act(it.Pause(ANN, "lunch"))
    for name, expected in PAUSED.items():
        assert outcome(flow, INTENTS[name](flow)) == expected, name
    for name in ("retry", "approve", "pass", "a_day_later"):
        assert "Ordered" not in outcome(flow, INTENTS[name](flow)), name
        assert "Completed" not in outcome(flow, INTENTS[name](flow)), name
    assert outcome(flow, INTENTS["rollback"](flow)) in (RESTORE, "RolloutCancelled")
    tripped = outcome(flow, INTENTS["trip"](flow))
    assert tripped == ("" if where in ("awaiting", "shifting") else RESTORE)


@pytest.mark.parametrize("where", TOUCHED)
def test_anybody_who_is_somebody_may_roll_back(where: str) -> None:
    flow = situation(where)
    for person in (INI, ANN, EVE, GUEST, DARK):
        assert outcome(flow, it.RollBack(person)) == RESTORE
    for person in (ROBOT, LEFT, PARTNER):
        assert outcome(flow, it.RollBack(person)) == "may_not_roll_back"


@pytest.mark.parametrize("where", [n for n in SITUATIONS if n not in ("none", "rolled_back", "cancelled", "completed")])
@pytest.mark.parametrize("name", ["promote", "force", "pause", "resume", "retry", "adopt", "restore"])
def test_who_may_operate(where: str, name: str) -> None:
    flow = situation(where)
    for person in (EVE, ROBOT, GUEST, LEFT, PARTNER, DARK):
        intent = replace(INTENTS[name](flow), actor=person)  # type: ignore[call-arg]
        assert outcome(flow, intent) == "not_allowed"
    starter = replace(INTENTS[name](flow), actor=Person("UINI"))  # type: ignore[call-arg]
    assert outcome(flow, starter) != "not_allowed"
    flow.plan = replace(flow.plan, operate_roles=("dba",))
    assert outcome(flow, starter) == "not_allowed"
    assert outcome(flow, INTENTS[name](flow)) == "not_allowed"
    assert outcome(flow, replace(INTENTS[name](flow), actor=BEN)) != "not_allowed"  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("actor", "roles", "why"),
    [
        (Person("U1"), (), ""),
        (GUEST, (), "guest"),
        (DARK, (), "unknown_user"),
        (ROBOT, (), "bot"),
        (LEFT, (), "deactivated"),
        (PARTNER, (), "external"),
        (EVE, ("rm",), "no_role"),
        (ANN, ("rm",), ""),
    ],
)
def test_who_may_start(actor: Person, roles: tuple[str, ...], why: str) -> None:
    flow = Flow(plan=replace(PLAN, start_roles=roles))
    decision = flow.decide(it.Start("R1", "2.0.0", actor))
    if why:
        assert isinstance(decision, Refusal)
        assert (decision.code, decision.fact("why")) == ("may_not_start", why)
    else:
        assert not isinstance(decision, Refusal)


def test_starting_what_already_serves_is_refused() -> None:
    Flow().refused(it.Start("R1", "1.0.0", INI), "already_serving")
    situation("completed").refused(it.Start("R1", "2.0.0", INI), "already_serving")


@pytest.mark.parametrize("salt", ["a b", "a;b", "$x", '"', "x" * 65, "盐", "a\n"])
def test_a_salt_that_nginx_could_misread_is_refused(salt: str) -> None:
    Flow().refused(it.Start("R1", "2.0.0", INI, salt=salt), "bad_salt")
    assert isinstance(simulate(Flow().state, "2.0.0", PLAN, salt), Refusal)
    with pytest.raises(ValueError):
        valid.word("salt", salt)


@pytest.mark.parametrize("salt", ["ROLLOUT-20260101-9", "x" * 64, "a.b_c-1"])
def test_a_salt_of_ones_own_is_kept_and_taken_by_nginx(salt: str) -> None:
    flow = Flow()
    flow.act(it.Start("R1", "2.0.0", INI, salt=salt))
    assert flow.r.salt == valid.word("salt", salt)
    dry = simulate(Flow().state, "2.0.0", PLAN, salt)
    assert not isinstance(dry, Refusal) and dry.salt == salt


@pytest.mark.parametrize("strategy", ["weighted", "blue_green"])
def test_a_salt_without_effect_is_refused(strategy: Strategy) -> None:
    flow = Flow(plan=plan(strategy, traffic=replace(PLAN.traffic, strategy=strategy)))
    flow.refused(it.Start("R1", "2.0.0", INI, salt="x"), "salt_without_sticky")


def test_a_plan_that_lost_what_serves_is_refused() -> None:
    flow = situation("completed")
    flow.plan = replace(PLAN, traffic=replace(PLAN.traffic, stable=("10.9.9.9:80",), canary=("10.9.9.8:80",)))
    flow.refused(it.Start("R2", "3.0.0", INI), "serving_elsewhere")
