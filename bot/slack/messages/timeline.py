"""One line of the thread for each event: who, when, why, on what evidence (DESIGN §6.10). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bot.engine.ports.rendered import Outgoing
from bot.rollout import events as ev
from bot.rollout.events import Event
from bot.rollout.model import GateResult, Hold
from bot.slack.messages import work_lines
from bot.slack.messages.blocks import Block, context, section
from bot.slack.messages.details import of_policy, of_target
from bot.slack.messages.headline import drift_choices, drifted, hold_detail, mend, trigger_cause
from bot.slack.messages.markup import Mrkdwn, code, outside
from bot.slack.messages.numbers import number, weight
from bot.slack.messages.numbers import samples as count
from bot.slack.messages.scene import Scene
from bot.slack.messages.table import GLYPH, gate_label, gate_table, table_text, trigger_label, value_of

Line = Callable[[Scene, Any], Mrkdwn]


def tell(s: Scene, event: Event) -> Outgoing:
    """Also for the events the thread has no line for: those get their bare name, which nobody should ever see."""
    line = LINES.get(type(event))
    said = line(s, event) if line else s.say("tell.other", event=type(event).__name__)
    gates: tuple[GateResult, ...] = () if work_lines.without_table(event) else getattr(event, "gates", ())
    stage = s.stage(getattr(event, "stage", s.r.stage))  # at its end a rollout shows the gates of its last stage
    blocks: list[Block] = [section(said), *gate_table(s.w, s.plan, stage, gates), *work_lines.evidence(s, event)]
    stamp = s.say("tell.stamp", at=s.w.moment(event.at), seconds=f"{s.w.local(event.at):%H:%M:%S}")
    generation = getattr(event, "generation", None)
    marks = [stamp, s.say("tell.generation", generation=generation)] if generation else [stamp]
    blocks.append(context(marks))
    table = table_text(s.w, s.plan, stage, gates)
    alone = " — ".join(p for p in (said.replace("*", "").replace("\n", " "), table) if p)
    return Outgoing(Mrkdwn(f"{outside(s.r.service, 60)}: {alone}"), tuple(blocks))


def _started(s: Scene, e: ev.RolloutStarted) -> Mrkdwn:
    reason = outside(e.reason, 400) or s.say("reason.none")
    change = Mrkdwn(f"{outside(e.stable_version, 40)} → {outside(e.version, 40)}")
    said = s.say("tell.started", by=s.w.who(e.initiator), change=change, reason=reason, plan=code(e.plan_hash))
    return work_lines.started(s, said, e.prepares)


def _approved(s: Scene, e: ev.StageApproved) -> Mrkdwn:
    return s.say("tell.approved", stage=s.stage_name(e.stage), by=s.w.people(e.approvers), share=s.share(e.stage))


def _closed(s: Scene, e: ev.ApprovalClosed) -> Mrkdwn:
    key = "tell.closed.voided.by" if e.how == "voided" and e.by else f"tell.closed.{e.how}"
    return s.say(key, stage=s.stage_name(e.stage), by=s.w.who(e.by))


def _ordered(s: Scene, e: ev.ShiftOrdered) -> Mrkdwn:
    stage = s.stage_name(e.stage)
    return s.say(f"tell.shift.{e.why}", stage=stage, share=s.share(e.stage), by=s.w.who(e.by), hosts=s.hosts())


def _shifted(s: Scene, e: ev.ShiftDone) -> Mrkdwn:
    names = s.w.some([code(h, 60) for h in e.hosts], 6) or Mrkdwn("–")
    stage, bake = s.stage_name(e.stage), s.stage(e.stage)
    head = s.say(
        "tell.shifted",
        stage=stage,
        share=s.share(e.stage),
        n=len(e.hosts),
        names=names,
        took=s.w.span(e.duration),
        bake=s.w.span(bake.bake) if bake else Mrkdwn("–"),
    )
    if not e.left_out:
        return head
    return _with_hosts(s, Mrkdwn(f"{head}\n{s.say('tell.left_out')}"), e.left_out, "tell.left_out.mend")


def _caught_up(s: Scene, e: ev.HostsCaughtUp) -> Mrkdwn:
    names = s.w.some([code(h, 60) for h in e.hosts], 8)
    return s.say("tell.caught_up", hosts=names, stage=s.stage_name(s.r.live_stage))


def _wave(s: Scene, e: ev.WaveDone) -> Mrkdwn:
    names = s.w.some([code(h, 60) for h in e.hosts], 6) or Mrkdwn("–")
    facts = {"stage": s.stage_name(e.stage), "share": s.share(e.stage), "wave": e.wave, "waves": e.waves}
    return s.say("tell.wave", **facts, names=names, took=s.w.span(e.duration), bake=s.w.span(s.plan.fleet.wave_bake))


def _shift_failed(s: Scene, e: ev.ShiftFailed) -> Mrkdwn:
    head = s.say("tell.shift_failed", stage=s.stage_name(e.stage), outcome=s.w.one_of("outcome", e.outcome))
    return _with_hosts(s, head, e.failed, "tell.shift_failed.mend")


def _with_hosts(s: Scene, head: Mrkdwn, failed: Iterable[tuple[str, str]], way: str) -> Mrkdwn:
    every = list(failed)
    rows = [
        s.say("tell.host_error", host=code(h, 60), error=s.w.translated(e, 200) or s.say("error.unknown"))
        for h, e in every[:8]
    ]
    if len(every) > 8:
        rows.append(s.say("cut.hosts", n=len(every) - 8))
    return Mrkdwn("\n".join([head, *rows, s.say(way, command=s.command("retry"))]))


def _verdict(s: Scene, e: ev.VerdictChanged) -> Mrkdwn:
    stage = s.stage(e.stage)
    condition = next((g for g in stage.gates if g.text == e.gate.text), None) if stage else None
    against = condition.threshold if condition else None
    before = s.w.one_of("verdict", e.before.value) if e.before else s.say("verdict.none")
    samples = s.say("tell.samples", samples=number(e.gate.samples, "count")) if e.gate.samples is not None else ""
    return s.say(
        "tell.verdict",
        glyph=Mrkdwn(GLYPH[e.gate.verdict]),
        stage=s.stage_name(e.stage),
        gate=gate_label(s.plan, stage, e.gate),
        before=before,
        after=s.w.one_of("verdict", e.gate.verdict.value),
        canary=value_of(s.plan, e.gate.metric, e.gate.canary, against),
        stable=value_of(s.plan, e.gate.metric, e.gate.stable, against),
        samples=samples,
    )


def _prolonged(s: Scene, e: ev.BakeProlonged) -> Mrkdwn:
    return s.say("tell.prolonged", stage=s.stage_name(e.stage), until=s.w.moment(e.until))


def _sight_lost(s: Scene, e: ev.SightLost) -> Mrkdwn:
    error = s.w.translated(e.error, 300) or s.say("error.unknown")
    return s.say("tell.sight_lost", since=s.w.moment(e.since), error=error, lasting=s.w.span(e.at - e.since))


def _sight_back(s: Scene, e: ev.SightRegained) -> Mrkdwn:
    return s.say("tell.sight_back", lasted=s.w.span(e.blind_for))


def _astray(s: Scene, e: ev.ShareAstray) -> Mrkdwn:
    share, lasting = of_target(s.w, e.share, e.target), s.w.span(e.at - e.since)
    return s.say("tell.astray", stage=s.stage_name(e.stage), share=share, requests=count(e.requests), lasting=lasting)


def _settled(s: Scene, e: ev.ShareSettled) -> Mrkdwn:
    share = of_target(s.w, e.share, e.target)
    return s.say("tell.settled", stage=s.stage_name(e.stage), share=share, requests=count(e.requests))


def _passed(s: Scene, e: ev.StagePassed) -> Mrkdwn:
    share = number(e.share, "percent") if e.share is not None else s.say("word.unmeasured")
    return s.say("tell.passed", stage=s.stage_name(e.stage), baked=s.w.span(e.baked), share=share)


def _forced(s: Scene, e: ev.StageForced) -> Mrkdwn:
    reason = outside(e.reason, 400) or s.say("reason.none")
    return s.say("tell.forced", stage=s.stage_name(e.stage), by=s.w.who(e.by), reason=reason)


def _held(s: Scene, e: ev.StageHeld) -> Mrkdwn:
    why = s.w.one_of("hold", e.hold.value)
    detail = hold_detail(s, e.hold, e.detail) if e.hold is not Hold.GATES_FAILED else Mrkdwn("")
    if detail:
        why = s.say("tell.held.why", why=why, detail=detail)
    return s.say("tell.held", stage=s.stage_name(e.stage), why=why, mend=mend(s, e.hold, e.detail))


def _drift(s: Scene, e: ev.DriftFound | ev.DriftAdopted) -> Mrkdwn:
    adopted = isinstance(e, ev.DriftAdopted)
    head = s.say("tell.drift_adopted", by=s.w.who(e.by)) if isinstance(e, ev.DriftAdopted) else s.say("obstacle.drift")
    rows = [drifted(s, d) for d in e.drift[:8]]
    if len(e.drift) > 8:
        rows.append(s.say("cut.hosts", n=len(e.drift) - 8))
    choices = [] if adopted else [drift_choices(s)]
    return Mrkdwn("\n".join([head, *rows, *choices]))


def _drift_gone(s: Scene, e: ev.DriftGone) -> Mrkdwn:
    if not e.down:
        return s.say("tell.drift_gone")
    return s.say("tell.drift_gone.down", hosts=s.w.some([code(host, 60) for host in e.down], 8))


def _step(s: Scene, e: ev.StepDownOrdered) -> Mrkdwn:
    facts = {"step": e.step, "steps": len(e.steps), "weight": weight(e.weight), "by": s.w.who(e.by)}
    key = "tell.step.first" if e.step == 1 else "tell.step"
    return s.say(key, **facts, reason=outside(e.reason, 400), version=outside(s.r.stable_version, 40))


def _step_done(s: Scene, e: ev.StepDownDone) -> Mrkdwn:
    return s.say("tell.step_done", weight=weight(e.weight), n=len(e.hosts), took=s.w.span(e.duration))


def _rollback(s: Scene, e: ev.RollbackOrdered) -> Mrkdwn:
    version, stage = outside(s.r.stable_version, 40), s.stage_name(e.stage)
    if e.trigger:
        t = e.trigger
        threshold = next((c.threshold for c in s.plan.triggers if c.text == t.text), None)
        value = value_of(s.plan, t.metric, t.value, threshold)
        cause = trigger_cause(s, trigger_label(s.plan, t.text, t.metric), value, t.samples, t.holding_since)
    elif e.by == "policy":
        cause = s.say("cause.policy", reason=of_policy(s, e.reason))
    else:
        cause = s.say("cause.person", by=s.w.who(e.by), reason=outside(e.reason, 400) or s.say("reason.none"))
    return s.say("tell.rollback", version=version, stage=stage, cause=cause)


def _restored(s: Scene, e: ev.HostsRestored) -> Mrkdwn:
    names = s.w.some([code(h, 60) for h in e.restored], 8) if e.restored else s.say("hosts.none")
    head = s.say(
        "tell.restored",
        version=outside(s.r.stable_version, 40),
        n=len(e.restored),
        names=names,
        took=s.w.span(e.duration),
    )
    return _with_hosts(s, head, e.pending, "tell.restored.pending") if e.pending else head


def _rolled_back(s: Scene, e: ev.RolledBack) -> Mrkdwn:
    took = s.w.span(e.at - s.r.rollback.ordered_at) if s.r.rollback else Mrkdwn("–")
    return s.say("tell.rolled_back", version=outside(s.r.stable_version, 40), took=took)


def _cancelled(s: Scene, e: ev.RolloutCancelled) -> Mrkdwn:
    return s.say("tell.cancelled", by=s.w.who(e.by), reason=outside(e.reason, 400) or s.say("reason.none"))


def _by_stage(key: str) -> Line:
    return lambda s, e: s.say(key, stage=s.stage_name(e.stage), by=s.w.who(e.by))


LINES: dict[type[Any], Line] = {
    ev.RolloutStarted: _started,
    ev.StageApproved: _approved,
    ev.ApprovalClosed: _closed,
    ev.ShiftOrdered: _ordered,
    ev.WaveDone: _wave,
    ev.ShiftDone: _shifted,
    ev.HostsCaughtUp: _caught_up,
    ev.ShiftFailed: _shift_failed,
    ev.VerdictChanged: _verdict,
    ev.BakeProlonged: _prolonged,
    ev.SightLost: _sight_lost,
    ev.SightRegained: _sight_back,
    ev.ShareAstray: _astray,
    ev.ShareSettled: _settled,
    ev.StagePassed: _passed,
    ev.StageForced: _forced,
    ev.StageHeld: _held,
    ev.BakeRestarted: _by_stage("tell.restarted"),
    ev.RolloutPaused: lambda s, e: s.say(
        "tell.paused", by=s.w.who(e.by), reason=outside(e.reason, 400) or s.say("reason.none")
    ),
    ev.RolloutResumed: lambda s, e: s.say("tell.resumed", by=s.w.who(e.by)),
    ev.NoteAdded: lambda s, e: s.say(work_lines.note_key(e.kind), by=s.w.who(e.by), text=outside(e.text, 2000)),
    ev.PlanChanged: lambda s, e: s.say("tell.plan_changed", old=code(e.before), new=code(e.after)),
    ev.DriftFound: _drift,
    ev.DriftGone: _drift_gone,
    ev.DriftAdopted: _drift,
    ev.StepDownOrdered: _step,
    ev.StepDownDone: _step_done,
    ev.RollbackOrdered: _rollback,
    ev.HostsRestored: _restored,
    ev.RolledBack: _rolled_back,
    ev.RolloutCancelled: _cancelled,
    ev.WatchStarted: lambda s, e: s.say("tell.watch", until=s.w.moment(e.until), version=outside(s.r.version, 40)),
    ev.RolloutCompleted: lambda s, e: s.say("tell.completed", version=outside(e.version, 40)),
    ev.PoolReleased: lambda s, e: s.say("tell.released", version=outside(e.version, 40)),
    **work_lines.LINES,
}
