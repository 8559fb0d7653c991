"""DESIGN §6.2: whose emoji counts, and for how long."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout import events as ev
from bot.rollout.approval import canonical_emoji, count, member, standing
from bot.rollout.intents import Promote, Reaction, Refusal
from bot.rollout.model import Hold, Person, Status
from tests.rollout.kit import (
    ANN,
    BEN,
    BOT,
    DARK,
    ELIGIBLE,
    EVE,
    EVERYBODY,
    GUEST,
    INI,
    LEFT,
    NO,
    PARTNER,
    ROBOT,
    RULE,
    SEED,
    STRANGER,
    YES,
    Flow,
    names,
    plan,
    with_stage,
)
from tests.rollout.situations import situation

REFUSED = [
    (EVE, "no_role"),
    (STRANGER, "no_role"),
    (ROBOT, "bot"),
    (GUEST, "guest"),
    (LEFT, "deactivated"),
    (PARTNER, "external"),
    (DARK, "unknown_user"),
    (INI, "own_rollout"),
]


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("+1", "+1"),
        ("thumbsup", "+1"),
        (":thumbsup:", "+1"),
        ("+1::skin-tone-4", "+1"),
        ("thumbsup::skin-tone-2", "+1"),
        (":thumbsdown::skin-tone-6:", "-1"),
        ("white_check_mark", "white_check_mark"),
        ("heavy_check_mark", "heavy_check_mark"),
    ],
)
def test_names_of_emoji(name: str, canonical: str) -> None:
    assert canonical_emoji(name) == canonical


@pytest.mark.parametrize(("person", "code"), REFUSED)
def test_whose_approval_does_not_count(person: Person, code: str) -> None:
    tally = count(RULE, INI.user, BOT, (Reaction(person, YES),))
    assert tally.approvers == ()
    assert [c for _, c in tally.refused] == [code]


@pytest.mark.parametrize(("person", "code"), [r for r in REFUSED if r[0] is not INI])
def test_whose_veto_does_not_count(person: Person, code: str) -> None:
    tally = count(RULE, INI.user, BOT, (Reaction(person, NO),))
    assert tally.vetoers == ()
    assert [c for _, c in tally.refused] == [code]


def test_the_initiator_may_veto_but_not_approve() -> None:
    tally = count(RULE, INI.user, BOT, (Reaction(INI, NO), Reaction(INI, YES)))
    assert (tally.approvers, tally.vetoers) == ((), (INI.user,))


def test_the_bots_own_seeds_are_nobodys_word_and_no_refusal() -> None:
    tally = count(RULE, INI.user, BOT, (Reaction(SEED, YES), Reaction(SEED, NO)))
    assert tally == type(tally)((), (), ())


def test_other_emoji_are_nobodys_word() -> None:
    tally = count(RULE, INI.user, BOT, (Reaction(ANN, "eyes"), Reaction(ANN, "heavy_check_mark")))
    assert tally == type(tally)((), (), ())


def test_aliases_and_skin_tones_count_on_both_sides() -> None:
    for written in ("+1", "thumbsup"):
        rule = replace(RULE, emoji=written, veto="thumbsdown")
        for typed in ("+1", "thumbsup", "+1::skin-tone-3", "thumbsup::skin-tone-5"):
            assert count(rule, INI.user, BOT, (Reaction(ANN, typed),)).approvers == (ANN.user,)
        assert count(rule, INI.user, BOT, (Reaction(ANN, "-1::skin-tone-2"),)).vetoers == (ANN.user,)


def test_a_rule_without_roles_lets_nobody_through() -> None:
    assert standing(ANN, ()) == "no_role"


def test_not_knowing_comes_before_everything_else() -> None:
    assert member(Person("U", known=False, bot=True)) == "unknown_user"


PILE = st.lists(
    st.builds(Reaction, st.sampled_from(EVERYBODY), st.sampled_from([YES, NO, "eyes", f"{YES}::skin-tone-2"])),
    max_size=25,
)


@settings(deadline=None)
@given(PILE, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_matters(pile: list[Reaction], rng: random.Random) -> None:
    shuffled = [*pile, *rng.sample(pile, len(pile) // 2)]
    rng.shuffle(shuffled)
    one = count(RULE, INI.user, BOT, tuple(pile))
    other = count(RULE, INI.user, BOT, tuple(shuffled))
    assert (one.approvers, one.vetoers) == (other.approvers, other.vetoers)
    assert set(one.refused) == set(other.refused)
    expected = {r.person.user for r in pile if canonical_emoji(r.emoji) == YES} & ELIGIBLE - {INI.user}
    assert set(one.approvers) == expected
    assert set(one.vetoers) == {r.person.user for r in pile if r.emoji == NO} & ELIGIBLE


# --- from a count to a decision


def test_quorum_one_approves_and_orders_the_stages_own_weight() -> None:
    flow = Flow().start()
    events = flow.approve(ANN)
    assert names(events) == ["ApproversChanged", "StageApproved", "ShiftOrdered"]
    order = events[-1]
    assert isinstance(order, ev.ShiftOrdered)
    assert (order.stage, order.weight, order.generation, order.by) == ("internal", 0.0, 1, ANN.user)


def to_some(quorum: int = 2) -> Flow:
    """An asking with a quorum of two."""
    flow = Flow().to_baking("few").bake()
    flow.act(Promote(ANN))
    assert flow.plan.stage("some").approval.quorum == quorum
    return flow


def test_quorum_two_wants_two_people() -> None:
    flow = to_some()
    assert names(flow.approve(ANN)) == ["ApproversChanged"]
    assert flow.approve(ANN) == ()
    assert flow.act(flow.reactions(ANN, ANN, Reaction(ANN, f"{YES}::skin-tone-3"))) == ()
    assert flow.act(flow.reactions(ANN, Reaction(SEED, YES))) == ()
    assert names(flow.act(flow.reactions(ANN, INI))) == ["ReactionRefused"]
    assert names(flow.approve(ANN, BEN)) == ["ApproversChanged", "StageApproved", "ShiftOrdered"]


def test_a_withdrawn_reaction_withdraws_until_quorum() -> None:
    flow = to_some()
    flow.approve(ANN)
    withdrawn = flow.act(flow.reactions())
    assert isinstance(withdrawn[0], ev.ApproversChanged)
    assert withdrawn[0].approvers == ()
    assert names(flow.approve(BEN)) == ["ApproversChanged"]
    assert flow.r.status is Status.AWAITING_APPROVAL


def test_nothing_withdraws_or_vetoes_after_quorum() -> None:
    flow = to_some()
    flow.approve(ANN, BEN)
    flow.refused(flow.reactions(), "decided")
    refusal = flow.refused(flow.reactions(Reaction(ANN, NO)), "decided")
    assert refusal.fact("how") == "approved"
    assert refusal.fact("by") == "<@UANN>, <@UBEN>"


def test_a_veto_beats_any_quorum_and_names_who() -> None:
    flow = Flow().start()
    events = flow.act(flow.reactions(ANN, Reaction(BEN, NO)))
    assert names(events) == ["ApprovalClosed", "StageHeld"]
    assert (flow.r.hold, flow.r.hold_detail) == (Hold.VETOED, BEN.user)
    assert flow.r.approval is not None
    assert (flow.r.approval.decided, flow.r.approval.decided_by) == ("vetoed", (BEN.user,))


@pytest.mark.parametrize(("person", "code"), REFUSED)
def test_a_refused_person_is_told_once(person: Person, code: str) -> None:
    flow = Flow().start()
    events = flow.approve(person)
    assert names(events) == ["ReactionRefused"]
    assert isinstance(events[0], ev.ReactionRefused)
    assert (events[0].user, events[0].code) == (person.user, code)
    assert flow.approve(person) == ()
    assert flow.r.status is Status.AWAITING_APPROVAL


def test_one_pile_with_a_person_twice_tells_them_once() -> None:
    flow = Flow().start()
    events = flow.act(flow.reactions(Reaction(EVE, YES), Reaction(EVE, NO), Reaction(EVE, f"{YES}::skin-tone-2")))
    assert names(events) == ["ReactionRefused"]


def test_somebody_checked_later_counts_then() -> None:
    flow = Flow().start()
    flow.approve(replace(ANN, known=False))
    assert "StageApproved" in names(flow.approve(ANN))


def test_a_reaction_to_another_asking_is_refused() -> None:
    flow = situation("awaiting_2nd")
    approval = flow.r.approval
    assert approval is not None
    good = flow.reactions(ANN)
    flow.refused(replace(good, stage="internal"), "asking_over")
    flow.refused(replace(good, attempt=approval.attempt - 1), "asking_over")
    flow.refused(replace(good, attempt=approval.attempt + 1), "asking_over")


def test_a_strange_emoji_is_no_occasion_for_anything() -> None:
    flow = situation("awaiting_2nd")
    assert flow.act(replace(flow.reactions(ANN), emoji="eyes")) == ()
    decided = situation("baking")
    assert decided.act(replace(decided.reactions(ANN), emoji="tada")) == ()


def test_an_alias_as_the_occasion_is_no_strange_emoji() -> None:
    flow = Flow(plan=with_stage(plan(), "internal", approval=replace(RULE, emoji="thumbsup"))).start()
    given = replace(flow.reactions(Reaction(ANN, "+1::skin-tone-2")), emoji="+1")
    assert "StageApproved" in names(flow.act(given))


def test_an_approval_that_comes_too_late_is_none() -> None:
    flow = Flow().start().later(RULE.expires)
    assert names(flow.approve(ANN)) == ["ApprovalClosed", "StageHeld"]
    assert flow.r.hold is Hold.EXPIRED


def test_the_last_second_still_counts() -> None:
    flow = Flow().start().later(RULE.expires - 1)
    assert "ShiftOrdered" in names(flow.approve(ANN))


def test_an_approval_of_another_plan_is_void_and_asked_anew() -> None:
    flow = Flow().start()
    flow.plan = plan("changed")
    before = flow.r.approval
    events = flow.approve(ANN, BEN)
    assert names(events) == ["PlanChanged", "ApprovalClosed", "ApprovalAsked"]
    after = flow.r.approval
    assert before and after
    assert (after.attempt, after.plan_hash, after.approvers) == (before.attempt + 1, flow.plan.hash, ())


def test_a_stage_the_plan_no_longer_has_is_held_and_its_asking_closed() -> None:
    for by_reaction in (True, False):
        flow = situation("awaiting_2nd")
        flow.plan = plan("without", stages=tuple(s for s in flow.plan.stages if s.name != "few"))
        asked = flow.reactions(ANN)
        events = flow.act(asked) if by_reaction else flow.change_plan(flow.plan)
        assert names(events) == ["ApprovalClosed", "StageHeld"]
        assert flow.r.approval and flow.r.approval.decided == "voided"
        assert flow.r.hold is Hold.PLAN_CHANGED


@settings(deadline=None)
@given(st.lists(PILE, max_size=6))
def test_only_enough_eligible_people_at_one_time_ever_approve(piles: list[list[Reaction]]) -> None:
    flow = Flow(plan=with_stage(plan(), "internal", approval=replace(RULE, quorum=2))).start()
    for pile in piles:
        decision = flow.decide(flow.reactions(*pile))
        approve = {r.person.user for r in pile if canonical_emoji(r.emoji) == YES} & ELIGIBLE - {INI.user}
        veto = {r.person.user for r in pile if r.emoji == NO} & ELIGIBLE
        if flow.r.status is not Status.AWAITING_APPROVAL:
            assert isinstance(decision, Refusal)
            continue
        assert not isinstance(decision, Refusal)
        assert ("ShiftOrdered" in names(decision)) == (len(approve) >= 2 and not veto)
        assert ("StageHeld" in names(decision)) == bool(veto)
        flow.take(decision)
