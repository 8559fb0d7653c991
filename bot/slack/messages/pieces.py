"""Pieces of work in words: what it is, where it runs, what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.rollout.deciding.work import groups, passed_over, result
from bot.rollout.runbook import BOT, Must, Phase
from bot.rollout.work import TRAFFIC, Outcome, Overridden, WorkRef, WorkResult
from bot.slack.messages.markup import Mrkdwn, code, codes, outside
from bot.slack.messages.numbers import number
from bot.slack.messages.saying import told
from bot.slack.messages.scene import Scene

GLYPH = {
    Outcome.PASSED: "✅",
    Outcome.FAILED: "❌",
    Outcome.TIMED_OUT: "⏱️",
    Outcome.NOT_RUNNABLE: "🚫",
    Outcome.UNKNOWN: "❔",
}
WAITING, RUNNING, OVERRIDDEN = "▫️", "⏳", "⚠️"
BEFORE_START = (Phase.PREPARE, Phase.BEFORE_START)


def title(s: Scene, ref: WorkRef) -> Mrkdwn:
    """As the plan calls it, and the machine it runs on where that is not the bot's own."""
    named = _title(s, ref)
    if not ref.machine or ref.machine == BOT:
        return named
    return s.say("work.on", title=named, machine=code(ref.machine, 60))


def _title(s: Scene, ref: WorkRef) -> Mrkdwn:
    if ref.kind == "baseline":
        key = f"work.baseline.{ref.name}"
        return s.say(key) if s.w.has(key) else outside(ref.name, 80)
    if ref.kind == "verify" and ref.name == TRAFFIC:
        return s.say("work.traffic")
    book = s.plan.runbook
    looks = book.verification if ref.kind == "verify" else book.checks if ref.kind == "check" else ()
    found = next((look.title for look in looks if look.name == ref.name), "")
    step = book.step(ref.phase, ref.name) if ref.kind == "step" else None
    return outside((step.title if step else found) or ref.name, 80) or Mrkdwn("–")


def names(s: Scene, refs: Iterable[WorkRef], most: int = 6) -> Mrkdwn:
    """`deploy on lb-1, deploy on lb-2`; nothing twice."""
    return s.w.some(dict.fromkeys(title(s, ref) for ref in refs), most) or Mrkdwn("–")


def must_of(s: Scene, ref: WorkRef) -> Must | None:
    book = s.plan.runbook
    step = book.step(ref.phase, ref.name) if ref.kind == "step" else None
    looks = book.verification if ref.kind == "verify" else book.checks
    check = next((c for c in looks if c.name == ref.name), None) if ref.kind in ("check", "verify") else None
    return step.must if step else check.must if check else None


def value(s: Scene, done: WorkResult) -> Mrkdwn:
    """The number it came to, and what it had to be; nothing where it came to none."""
    if done.value is None:
        return Mrkdwn("")
    must = must_of(s, done.ref)
    shown = number(done.value, "ratio", must.threshold if must else None)
    return s.say("work.value", value=shown, must=outside(must.text, 60)) if must else outside(shown)


def summary(s: Scene, done: WorkResult) -> Mrkdwn:
    """What it says of itself; what it came to where it says nothing."""
    return told(s.w, done.said, done.summary) or value(s, done) or s.w.one_of("did", done.outcome.value)


def overridden(s: Scene, ref: WorkRef, known: WorkResult | None) -> Overridden | None:
    """Who passed over this very failure last; a newer result asks again."""
    last = next((o for o in reversed(s.r.overridden) if o.ref == ref), None)
    return last if last and (known is None or last.at >= known.finished_at) else None


def line(s: Scene, ref: WorkRef) -> Mrkdwn:
    """One piece as it is now: waiting, running, passed, failed with the reason, passed over."""
    return line_of(s, ref, result(s.r, ref))


def line_of(s: Scene, ref: WorkRef, known: WorkResult | None) -> Mrkdwn:
    """The same by that result, whether or not it still counts."""
    over = overridden(s, ref, known)
    if s.r.work and ref in s.r.work.running:
        return s.say("work.line", glyph=Mrkdwn(RUNNING), title=title(s, ref))
    if known is None:
        return s.say("work.line", glyph=Mrkdwn(WAITING), title=title(s, ref))
    glyph = Mrkdwn(OVERRIDDEN if over else GLYPH[known.outcome])
    facts = {"glyph": glyph, "title": title(s, ref), "summary": summary(s, known)}
    facts["outcome"] = s.w.one_of("did", known.outcome.value)
    if over:
        return s.say("work.line.overridden", **facts, by=s.w.who(over.by), reason=outside(over.reason, 200))
    return s.say("work.line.said" if known.passed else "work.line.failed", **facts)


def before_start(s: Scene) -> tuple[WorkRef, ...]:
    """Every piece that comes before the first asking, in its order."""
    return tuple(ref for phase in BEFORE_START for group in groups(s.plan, phase) for ref in group)


def failed(s: Scene, refs: Iterable[WorkRef]) -> tuple[WorkRef, ...]:
    """Those that failed, that nobody passed over and that are not being tried again."""
    running = s.r.work.running if s.r.work else ()
    known = ((ref, result(s.r, ref)) for ref in refs if ref not in running)
    return tuple(ref for ref, done in known if done and not done.passed and not passed_over(s.r, ref))


def over(s: Scene, refs: Sequence[WorkRef]) -> int:
    """How many need nothing more."""
    known = ((ref, result(s.r, ref)) for ref in refs)
    return sum(1 for ref, done in known if passed_over(s.r, ref) or (done is not None and done.passed))


def unticked(s: Scene) -> int:
    ticked = {tick.item for tick in s.r.ticks}
    return sum(item.name not in ticked for item in s.plan.runbook.checklist)


def counts(s: Scene) -> Mrkdwn:
    """`*6 of 9 done* · 2 running · *1 failed* · 3 of 5 ticked`"""
    every, items = before_start(s), s.plan.runbook.checklist
    running = sum(ref in every for ref in s.r.work.running) if s.r.work else 0
    parts = [("running", running), ("failed", len(failed(s, every)))]
    rest = [s.say(f"prepare.counts.{what}", n=n) for what, n in parts if n]
    if items:
        rest.append(s.say("prepare.counts.items", ticked=len(items) - unticked(s), items=len(items)))
    return s.say("prepare.counts", done=over(s, every), total=len(every), rest=Mrkdwn("".join(rest)))


def working(s: Scene) -> Mrkdwn:
    """`Steps before the shift, stage 10%: deploy on lb-1`"""
    work = s.r.work
    phase = s.w.one_of("phase", work.phase.value) if work else Mrkdwn("–")
    facts = {"phase": phase, "stage": s.stage_name(s.r.stage)}
    running = work.running if work else ()
    if not running:
        return s.say("state.working.none", **facts)
    return s.say("state.working", **facts, pieces=names(s, running, 4))


def overriders(s: Scene) -> Mrkdwn:
    """Who may pass over a failure; never who started the rollout."""
    every = {role for stage in s.plan.stages for role in stage.approval.roles}
    roles = s.plan.runbook.override_roles or tuple(sorted(every))
    return s.say("overriders", roles=s.roles(roles), initiator=s.w.who(s.r.initiator))


def override_command(s: Scene, detail: str) -> Mrkdwn:
    """detail: what failed, by name. With one name the command can be typed as it is, but for the reason."""
    single = detail if detail and "," not in detail else s.say("word.name")
    return s.command("override", f" {outside(single, 60)} {s.say('word.reason')}")


def what_comes(s: Scene) -> Mrkdwn:
    """`2 backups, 8 checks, a checklist of 5`: what the plan has before the first asking."""
    book = s.plan.runbook
    steps = sum(step.phase is Phase.BEFORE_START for step in book.steps)
    parts = {"backups": len(book.backups), "checks": len(book.checks), "baseline": int(book.baseline is not None)}
    parts |= {"steps": steps, "items": len(book.checklist)}
    return s.w.join([s.say(f"count.{what}", n=n) for what, n in parts.items() if n]) or s.say("word.nothing")


def holders(s: Scene, roles: tuple[str, ...]) -> Mrkdwn:
    """The people who have one of the roles, as mentions; the roles where nobody is named."""
    return s.w.holders(roles) or s.say("sign.nobody", roles=codes(roles) or Mrkdwn("–"))
