"""After the end: follow-ups, editions of the report, and who signs for what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout import effects as fx
from bot.rollout import events as ev
from bot.rollout import intents as it
from bot.rollout.evolve import evolve
from bot.rollout.intents import Reaction
from bot.rollout.model import Person
from bot.rollout.runbook import ReportRule, SignRole
from tests.rollout.book import BOOK, BOOKED, BookFlow, booked
from tests.rollout.kit import ANN, BEN, EVE, GUEST, STRANGER, YES, names


@cache
def _posted() -> BookFlow:
    flow = booked().to_end()
    flow.later(1).act(it.NoteReport(flow.r.id, 1, "digest", flow.now))
    return flow


def posted() -> BookFlow:
    done = _posted()
    return replace(done, log=list(done.log), effects=list(done.effects))


def signed(flow: BookFlow, *people: Person, edition: int = 1, actor: Person | None = None) -> tuple[ev.Event, ...]:
    reactions = tuple(Reaction(p, YES) for p in people)
    return flow.act(it.ReportSignatures(flow.r.id, edition, reactions, actor))


def roles(flow: BookFlow) -> dict[str, str]:
    assert flow.r.report
    return {s.role: s.user for s in flow.r.report.signatures}


def test_each_role_is_signed_for_by_a_person_of_its_own() -> None:
    flow = posted()
    signed(flow, BEN)  # of both roles: one line at a time
    assert len(roles(flow)) == 1
    assert names(signed(flow, BEN, ANN)) == ["SignaturesChanged", "SignedOff"]
    assert roles(flow) == {"运维": "UANN", "数据": "UBEN"}
    assert flow.r.report and flow.r.report.signed_at == flow.now
    flow.refused(it.ReportSignatures(flow.r.id, 1, ()), "signed_already")


def test_a_signature_taken_back_is_gone_until_all_have_signed() -> None:
    flow = posted()
    signed(flow, ANN)
    assert names(signed(flow)) == ["SignaturesChanged"]
    assert roles(flow) == {}
    assert signed(flow) == ()


@pytest.mark.parametrize("person", [EVE, GUEST, STRANGER, replace(ANN, known=False), replace(ANN, bot=True)])
def test_whose_signature_does_not_count(person: Person) -> None:
    flow = posted()
    flow.refused(it.ReportSignatures(flow.r.id, 1, (Reaction(person, YES),), person), "signature_not_asked")
    assert roles(flow) == {}


def test_another_emoji_signs_nothing() -> None:
    flow = posted()
    assert flow.decide(it.ReportSignatures(flow.r.id, 1, (Reaction(ANN, "eyes"),), ANN)) == ()


LINES = ("a", "b", "c")


class Unchecked(BookFlow):
    """Without folding the log anew at every step, which a property has no time for."""

    def take(self, events: Iterable[ev.Event]) -> None:
        for event in events:
            self.state = evolve(self.state, event)


@settings(deadline=None)
@given(st.lists(st.frozensets(st.sampled_from(LINES)), max_size=5))
def test_as_many_lines_are_signed_as_these_people_can_sign(able: list[frozenset[str]]) -> None:
    rule = ReportRule(tuple(SignRole(x, x, (x,)) for x in LINES))
    done = posted()
    flow = Unchecked(replace(BOOKED, runbook=replace(BOOK, report=rule)), done.now, done.state)
    people = [Person(f"U{n}", roles=frozenset(roles)) for n, roles in enumerate(able)]
    for count in range(len(people) + 1):  # as they come, one after the other
        if flow.r.report and flow.r.report.signed_at is None:
            signed(flow, *people[:count])
    found = roles(flow)
    assert len(set(found.values())) == len(found)
    assert all(line in able[int(user[1:])] for line, user in found.items())
    assert len(found) == _most(able)


def _most(able: list[frozenset[str]]) -> int:
    """By trying everything."""

    def best(rest: list[frozenset[str]], taken: frozenset[str]) -> int:
        if not rest:
            return len(taken)
        return max([best(rest[1:], taken), *(best(rest[1:], taken | {x}) for x in rest[0] - taken)])

    return best(able, frozenset())


def test_what_changes_after_a_signature_makes_another_edition_and_voids_it() -> None:
    flow = posted()
    signed(flow, ANN)
    flow.later(1).act(it.AddNote(BEN, "the cache was cold", "bad"))
    assert flow.r.report and flow.r.report.edition == 2
    assert [(edition, s.user) for edition, s in flow.r.report.voided] == [(1, "UANN")]
    assert fx.ShowSignOff(flow.r.id, 1) in flow.effects and fx.PublishReport(flow.r.id, 2) in flow.effects
    flow.refused(it.ReportSignatures(flow.r.id, 1, (Reaction(ANN, YES),)), "report_over")
    flow.later(1).act(it.AddNote(BEN, "and slow", "bad"))
    assert flow.r.report.edition == 2  # not posted yet: it will have this one too
    built = flow.now - 1
    assert names(flow.act(it.NoteReport(flow.r.id, 2, "d2", built))) == ["ReportPosted", "ReportOrdered"]
    flow.later(1).act(it.NoteReport(flow.r.id, 3, "d3", flow.now))
    assert flow.r.report.posted_at == flow.now


def test_a_report_that_nobody_signs_is_done_when_it_is_posted() -> None:
    flow = booked().to_end()
    flow.plan = replace(BOOKED, runbook=replace(BOOK, report=ReportRule()))
    assert names(flow.act(it.NoteReport(flow.r.id, 1, "d", flow.now))) == ["ReportPosted", "SignedOff"]
    assert not flow.r.unsettled


def test_roles_that_have_not_signed_are_reminded_and_followed_beyond_the_next_rollout() -> None:
    flow = posted()
    signed(flow, ANN)
    first = flow.r.id
    flow.start("3.0.0")
    assert [r.id for r in flow.state.closing] == [first]
    assert flow.act(it.Tick()) == ()
    reminded = flow.tick(3600)
    assert [(e.rollout, e.missing) for e in reminded if isinstance(e, ev.SignOffReminded)] == [(first, ("数据",))]
    assert fx.ShowSignOff(first, 1) in flow.effects
    assert flow.tick(1) == ()
    reactions = tuple(Reaction(p, YES) for p in (ANN, BEN))
    assert names(flow.act(it.ReportSignatures(first, 1, reactions))) == ["SignaturesChanged", "SignedOff"]
    assert flow.r.report is None and flow.state.closing[0].report


def test_a_follow_up_is_added_reminded_on_its_date_and_closed() -> None:
    flow = posted()
    flow.refused(it.AddFollowUp(ANN, " ", "UBEN", "2026-12-01"), "empty_follow_up")
    for bad in ("soon", "2026-13-01", "2026-1-1", "2026-02-30"):
        flow.refused(it.AddFollowUp(ANN, "mend it", "UBEN", bad), "bad_date")
    flow.refused(it.AddFollowUp(ANN, "mend it", "UBEN", "2026-12-01", "P9"), "bad_priority")
    flow.refused(it.AddFollowUp(GUEST, "mend it", "UBEN", "2026-12-01"), "members_only")
    flow.later(1).act(it.AddFollowUp(ANN, "mend it", "UBEN", "2026-12-01", "P1"))
    flow.start("3.0.0")
    assert flow.act(it.Tick(today="2026-11-30")) == ()
    assert names(flow.act(it.Tick(today="2026-12-02"))) == ["FollowUpDue"]
    assert flow.act(it.Tick(today="2026-12-03")) == ()
    flow.act(it.RollBack(EVE, "no"))
    flow.refused(it.CloseFollowUp(BEN, "F9"), "no_such_follow_up")
    assert names(flow.act(it.CloseFollowUp(BEN, "F1"))) == ["FollowUpClosed"]
    flow.refused(it.CloseFollowUp(BEN, "F1"), "no_such_follow_up")
