"""After the end: follow-ups, and the signatures under the report. Pure."""

from __future__ import annotations

import re
from datetime import date

from bot.rollout import events as ev
from bot.rollout.approval import canonical_emoji, member, standing
from bot.rollout.intents import AddFollowUp, CloseFollowUp, NoteReport, Refusal, ReportSignatures, refuse
from bot.rollout.model import Person, Rollout, ServiceState
from bot.rollout.plan import Plan
from bot.rollout.runbook import SignRole
from bot.rollout.work import Signature

Events = tuple[ev.Event, ...]
PRIORITIES = ("P0", "P1", "P2", "P3")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def add_follow_up(r: Rollout, i: AddFollowUp, now: float) -> Events | Refusal:
    if not i.text.strip():
        return refuse("empty_follow_up")
    if not _is_date(i.due):
        return refuse("bad_date", text=i.due)
    if i.priority not in PRIORITIES:
        return refuse("bad_priority", text=i.priority)
    id = f"F{len(r.follow_ups) + 1}"
    added = ev.FollowUpAdded(r.id, id, i.text.strip(), i.owner, i.due, i.priority, i.actor.user, now)
    return (added, *edition_after_change(r, now))


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def close_follow_up(state: ServiceState, i: CloseFollowUp, now: float) -> Events | Refusal:
    rollouts = [r for r in (state.rollout, *state.closing) if r and i.rollout in ("", r.id)]
    for r in rollouts:
        if any(f.id == i.id and f.done_at is None for f in r.follow_ups):
            return (ev.FollowUpClosed(r.id, i.id, i.actor.user, now),)
    return refuse("no_such_follow_up", id=i.id)


def edition_after_change(r: Rollout, now: float) -> Events:
    """What was posted no longer says everything: another edition, and the signatures under this one are void.

    One that is ordered and not posted yet will have it anyway, or is found to lack it when it is (NoteReport).
    """
    if r.report is None or r.report.posted_at is None:
        return ()
    return (ev.ReportOrdered(r.id, r.report.edition + 1, now),)


def posted(state: ServiceState, i: NoteReport, now: float, plan: Plan) -> Events:
    r = state.known(i.rollout)
    if r is None or r.report is None or r.report.edition != i.edition or r.report.posted_at is not None:
        return ()
    changed = [at for _, _, at in r.notes] + [f.at for f in r.follow_ups]
    events: Events = (ev.ReportPosted(r.id, i.edition, i.digest, now),)
    if any(at > i.built_at for at in changed):
        return (*events, ev.ReportOrdered(r.id, i.edition + 1, now))
    nobody = plan.runbook.report is None or not plan.runbook.report.sign_off
    return (*events, ev.SignedOff(r.id, i.edition, now)) if nobody else events


def signatures(state: ServiceState, i: ReportSignatures, now: float, plan: Plan, bot_user: str) -> Events | Refusal:
    """One person signs for one role; who holds several is put where somebody is missing."""
    r, rule = state.known(i.rollout), plan.runbook.report
    if r is None or rule is None or r.report is None or r.report.edition != i.edition:
        return refuse("report_over", rollout=i.rollout)
    if r.report.signed_at is not None:
        return refuse("signed_already", rollout=r.id)
    emoji = canonical_emoji(rule.emoji)
    people = [x.person for x in i.reactions if canonical_emoji(x.emoji) == emoji and x.person.user != bot_user]
    able = {p.user: p for p in people if not member(p)}
    found = _assigned(rule.sign_off, able, r.report.signatures, now)
    events: Events = ()
    if {(s.role, s.user) for s in found} != {(s.role, s.user) for s in r.report.signatures}:
        events = (ev.SignaturesChanged(r.id, i.edition, found, now),)
    if len(found) == len(rule.sign_off):
        events = (*events, ev.SignedOff(r.id, i.edition, now))
    if not events and i.actor and i.actor.user in {p.user for p in people} - {s.user for s in found}:
        roles = ", ".join(dict.fromkeys(role for line in rule.sign_off for role in line.roles))
        return refuse("signature_not_asked", roles=roles)
    return events


def _assigned(
    lines: tuple[SignRole, ...], people: dict[str, Person], before: tuple[Signature, ...], now: float
) -> tuple[Signature, ...]:
    """A largest matching of lines and people, by augmenting paths. Who signed before keeps their line if they can."""
    kept = {s.role: s for s in before}
    held: dict[str, str] = {}  # line -> user

    def may(line: SignRole, user: str) -> bool:
        return not standing(people[user], line.roles)

    def place(user: str, seen: set[str]) -> bool:
        for line in lines:
            if line.title in seen or not may(line, user):
                continue
            seen.add(line.title)
            if line.title not in held or place(held[line.title], seen):
                held[line.title] = user
                return True
        return False

    for line in lines:
        old = kept.get(line.title)
        if old and old.user in people and may(line, old.user) and old.user not in held.values():
            held[line.title] = old.user
    for user in people:
        if user not in held.values():
            place(user, set())
    same = {(s.role, s.user): s for s in before}
    return tuple(
        same.get((line.title, held[line.title]), Signature(line.title, held[line.title], now))
        for line in lines
        if line.title in held
    )


def reminders(state: ServiceState, now: float, today: str, plan: Plan) -> Events:
    """Of the first rollout that has any: the next tick looks at the next, so that a commit is of one rollout."""
    for r in (state.rollout, *state.closing):
        events = _due(r, now, today, plan) if r else ()
        if events:
            return events
    return ()


def _due(r: Rollout, now: float, today: str, plan: Plan) -> Events:
    """Follow-ups whose date has come, and roles that have still to sign."""
    due: Events = tuple(
        ev.FollowUpDue(r.id, f.id, now)
        for f in r.follow_ups
        if today and f.done_at is None and not f.reminded and f.due <= today
    )
    rule, report = plan.runbook.report, r.report
    if rule is None or report is None or report.posted_at is None or report.signed_at is not None:
        return due
    if now < (report.reminded_at or report.posted_at) + rule.remind_every:
        return due
    signed = {s.role for s in report.signatures}
    missing = tuple(line.title for line in rule.sign_off if line.title not in signed)
    return (*due, ev.SignOffReminded(r.id, report.edition, missing, now))
