"""The message under which the roles sign the report: who has, who is missing, how, and what makes it void. Pure."""

from __future__ import annotations

from bot.engine.ports.rendered import Outgoing
from bot.rollout.runbook import ReportRule
from bot.rollout.work import ReportState, Signature
from bot.slack.messages.blocks import Block, context, header, lines, section
from bot.slack.messages.markup import Mrkdwn, clean, code, codes, emoji, outside
from bot.slack.messages.scene import Scene

MOST_ROLES = 30


def role_title(s: Scene, title: str) -> Mrkdwn:
    """The line of the sign-off table in the language of the message."""
    rule = s.plan.runbook.report
    known = next((line for line in rule.sign_off if line.title == title), None) if rule else None
    english = known.title_en if known and s.w.lang == "en" else ""
    return outside(english or title, 60) or Mrkdwn("–")


def sign_off(s: Scene, edition: int) -> Outgoing:
    """One edition's; once another took its place it asks for nothing any more."""
    report = s.r.report
    if report is None or report.edition != edition:
        return _void(s, edition, report)
    rule = s.plan.runbook.report or ReportRule()
    signed = report.signed_at is not None
    facts = {"service": Mrkdwn(clean(s.r.service, 40)), "version": Mrkdwn(clean(s.r.version, 30))}
    blocks: list[Block] = [header(s.say("sign.header.signed" if signed else "sign.header.open", **facts))]
    if not signed and rule.sign_off:
        blocks.append(section(s.say("sign.how", emoji=emoji(rule.emoji))))
    rows = roles(s, rule, report)
    if rows:
        blocks.append(lines(rows))
    if report.signed_at is not None:
        said = s.say("sign.done", at=s.w.moment(report.signed_at))
    else:
        said = Mrkdwn(f"{counted(s, rule, report)}\n{s.say('sign.void', every=s.w.span(rule.remind_every))}")
    blocks += [section(said), context(_bound(s, rule, report))]
    have, want = len(report.signatures), len(rule.sign_off)
    what = Mrkdwn(f"{outside(s.r.service, 60)} {s.change()}")
    if signed:
        return Outgoing(_plain(s.say("sign.text.over", what=what, edition=edition, outcome=said)), tuple(blocks))
    return Outgoing(s.say("sign.text", what=what, have=have, want=want), tuple(blocks))


def _plain(text: Mrkdwn) -> Mrkdwn:
    return Mrkdwn(text.replace("*", ""))


def _void(s: Scene, edition: int, report: ReportState | None) -> Outgoing:
    facts = {"service": Mrkdwn(clean(s.r.service, 40)), "version": Mrkdwn(clean(s.r.version, 30))}
    said = s.say("sign.over", edition=report.edition if report else "–")
    blocks: list[Block] = [header(s.say("sign.header.void", **facts, edition=edition)), section(said)]
    voided = [sign for of, sign in (report.voided if report else ()) if of == edition]
    if voided:
        blocks.append(context([s.say("sign.voided.here", people=_people(s, voided))]))
    what = Mrkdwn(f"{outside(s.r.service, 60)} {s.change()}")
    return Outgoing(s.say("sign.text.over", what=what, edition=edition, outcome=said), tuple(blocks))


def roles(s: Scene, rule: ReportRule, report: ReportState) -> list[Mrkdwn]:
    """A line each: the role, and who signed for it when, or who can."""
    given = {sign.role: sign for sign in report.signatures}
    rows = []
    for one in rule.sign_off[:MOST_ROLES]:
        sign = given.get(one.title)
        role = role_title(s, one.title)
        if sign:
            rows.append(s.say("sign.role.signed", role=role, by=s.w.who(sign.user), at=s.w.moment(sign.at)))
        else:
            people = s.w.holders(one.roles) or s.say("sign.nobody", roles=codes(one.roles) or Mrkdwn("–"))
            rows.append(s.say("sign.role", role=role, people=people))
    if len(rule.sign_off) > MOST_ROLES:
        rows.append(s.say("cut.parts", n=len(rule.sign_off) - MOST_ROLES))
    return rows


def counted(s: Scene, rule: ReportRule, report: ReportState) -> Mrkdwn:
    """`2 of 6 signed; missing: …`"""
    return s.say("sign.missing", have=len(report.signatures), want=len(rule.sign_off), missing=missing(s, rule, report))


def missing(s: Scene, rule: ReportRule, report: ReportState) -> Mrkdwn:
    given = {sign.role for sign in report.signatures}
    left = [role_title(s, one.title) for one in rule.sign_off if one.title not in given]
    return s.w.some(left, 10) if left else s.say("word.nothing")


def _people(s: Scene, signatures: list[Signature]) -> Mrkdwn:
    return s.w.some([Mrkdwn(f"{role_title(s, x.role)} {s.w.who(x.user)}") for x in signatures], 10)


def _bound(s: Scene, rule: ReportRule, report: ReportState) -> list[Mrkdwn]:
    digest = code(report.digest[:12]) if report.digest else Mrkdwn("–")
    rows = [s.say("sign.bound", rollout=outside(s.r.id, 60), edition=report.edition, digest=digest)]
    earlier = [sign for _, sign in report.voided]
    if earlier:
        rows.append(s.say("sign.voided", people=_people(s, earlier)))
    review = next_review(s, rule)
    return [*rows, s.say("sign.review", date=review)] if review else rows


def next_review(s: Scene, rule: ReportRule) -> Mrkdwn | None:
    """The day the plan wants it looked at again; None while it is not over."""
    if s.r.finished_at is None:
        return None
    return Mrkdwn(f"{s.w.local(s.r.finished_at + rule.next_review):%Y-%m-%d}")
