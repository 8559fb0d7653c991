"""What the world must be asked to do because an event happened. Pure."""

from __future__ import annotations

from bot.rollout import events as ev
from bot.rollout.effects import (
    CatchUp,
    DoWork,
    Effect,
    PostChart,
    PublishReport,
    ReadFleet,
    ReadReactions,
    ReadSignatures,
    RestoreTraffic,
    ShiftTraffic,
    ShowApproval,
    ShowCard,
    ShowPreparation,
    ShowSignOff,
    Tell,
    Whisper,
)
from bot.rollout.model import Hold, Rollout, ServiceState, Verdict
from bot.rollout.runbook import Phase

# Only these reach the channel besides the thread: a failure, a rollback, the end (and what blinds the bot).
BROADCAST = (
    ev.ShiftFailed,
    ev.StageHeld,
    ev.SightLost,
    ev.ShareAstray,
    ev.DriftFound,
    ev.RollbackOrdered,
    ev.RolledBack,
    ev.RolloutCompleted,
    ev.WorkOverridden,
    ev.SignedOff,
)
SILENT = (
    ev.ApprovalAsked,
    ev.ReactionRefused,
    ev.ApproversChanged,
    ev.GenerationSeen,
    ev.WaveOrdered,
    ev.ItemTicked,
    ev.ReportPosted,
    ev.SignaturesChanged,
)
PREPARING = (Phase.PREPARE, Phase.BEFORE_START)  # shown by one message of their own
CHARTED = (ev.StagePassed, ev.RolledBack, ev.RolloutCompleted)


def told(event: ev.Event) -> bool:
    """Whether the timeline has a line for it. Of verdicts only those that turn to or from a failure."""
    if isinstance(event, ev.VerdictChanged):
        return Verdict.FAIL in (event.gate.verdict, event.before)
    if isinstance(event, ev.ShiftOrdered):
        return event.why != "stage"  # the approval's own line has just said it
    if isinstance(event, ev.WorkOrdered):
        return event.phase not in (*PREPARING, Phase.VERIFY)
    if isinstance(event, ev.WorkDone):
        ref = event.result.ref
        return not event.result.passed or (ref.kind == "step" and ref.phase not in PREPARING)
    if isinstance(event, ev.WorkFinished):
        return bool(event.left) or event.phase is Phase.VERIFY
    if isinstance(event, ev.ReportOrdered):
        return event.edition > 1
    return not isinstance(event, SILENT)


def broadcast(event: ev.Event) -> bool:
    if isinstance(event, ev.HostsRestored):
        return bool(event.pending)
    if isinstance(event, ev.ShiftDone):
        return bool(event.left_out)
    if isinstance(event, ev.StepDownOrdered):
        return event.step == 1
    if isinstance(event, ev.WorkFinished):
        return bool(event.left)
    return isinstance(event, BROADCAST)


def follow(event: ev.Event, after: ServiceState) -> tuple[Effect, ...]:
    """`after` is the state with the event folded in; `after.seq` is the event's seq."""
    r = after.known(getattr(event, "rollout", "")) or after.rollout
    if r is None:
        return ()
    effects: list[Effect] = [*_acts(event, after), *_around(event, r, after.seq)]
    if told(event):
        effects.append(Tell(r.id, after.seq, event, broadcast(event)))
    effects.append(ShowCard(r.id))
    return tuple(effects)


def _acts(event: ev.Event, after: ServiceState) -> tuple[Effect, ...]:
    r = after.rollout
    assert r is not None
    approval = r.approval
    match event:
        case ev.RolloutStarted():
            return (ReadFleet(r.id, f"start{after.seq}"),)
        case ev.ShiftOrdered():
            return (_shift(r, event.stage, event.generation, r.wave),)
        case ev.WaveOrdered():
            return (_shift(r, event.stage, event.generation, event.wave),)
        case ev.ShiftFailed() | ev.HostsRestored(pending=(_, *_)):
            # What is on the hosts now is read, not assumed; one with a higher generation refuses every order below it.
            return (ReadFleet(r.id, f"seq{after.seq}"),)
        case ev.ShiftDone(left_out=(_, *_)):
            return (CatchUp(r.id, event.generation),)
        case ev.StepDownOrdered():
            down = ShiftTraffic(r.id, r.live_stage, event.generation, weight=event.weight)
            first = approval if event.step == 1 else None  # which that voids, where it was still open
            return (down, ShowApproval(r.id, first.stage, first.attempt)) if first else (down,)
        case ev.RollbackOrdered():
            shown = (ShowApproval(r.id, approval.stage, approval.attempt),) if approval else ()
            return (RestoreTraffic(r.id, event.generation), *shown)
        case ev.RolloutCancelled() if approval:
            return (ShowApproval(r.id, approval.stage, approval.attempt),)
        case ev.ApprovalAsked() | ev.ApproversChanged() | ev.StageApproved() | ev.ApprovalClosed():
            return (ShowApproval(r.id, event.stage, event.attempt),)
        case ev.ReactionRefused():
            return (Whisper(r.id, after.seq, event.user, event.stage, event.attempt, event.code),)
        case ev.RolloutResumed() | ev.DriftGone() | ev.DriftAdopted() if approval and not approval.decided:
            # Quorum may have been reached meanwhile; nobody should have to react twice.
            return (ReadReactions(r.id, approval.stage, approval.attempt, serial=f"seq{after.seq}"),)
    return ()


def _around(event: ev.Event, r: Rollout, seq: int) -> tuple[Effect, ...]:
    """What surrounds the traffic. Of a rollout that another one has followed, too."""
    shown = (ShowPreparation(r.id),) if _prepares(event, r) else ()
    match event:
        case ev.WorkOrdered():
            return (*(DoWork(r.id, event.order, ref) for ref in event.refs), *shown)
        case ev.ReportOrdered():
            void = (ShowSignOff(r.id, event.edition - 1),) if event.edition > 1 else ()
            return (PublishReport(r.id, event.edition), *void)
        case ev.ReportPosted():
            return (ShowSignOff(r.id, event.edition),)
        case ev.SignaturesChanged() | ev.SignOffReminded() | ev.SignedOff():
            return (ShowSignOff(r.id, event.edition),)
    if isinstance(event, CHARTED):
        return (PostChart(r.id, r.stage, seq), *shown)
    return shown


def _prepares(event: ev.Event, r: Rollout) -> bool:
    """Whether the message about what comes before the first asking shows something else now."""
    if not r.prepares:
        return False
    match event:
        case ev.WorkOrdered():
            return event.phase in PREPARING
        case ev.WorkDone():
            return event.result.ref.phase in PREPARING
        case ev.RolloutStarted() | ev.ItemTicked() | ev.RolloutCancelled():
            return True
        case ev.ApprovalAsked():
            return event.attempt == 1
        case ev.WorkOverridden() | ev.PlanChanged() | ev.RolloutPaused() | ev.RolloutResumed():
            return r.approval is None
        case ev.StageHeld():
            return event.hold in (Hold.PREPARATION_FAILED, Hold.STEP_FAILED) and r.approval is None
    return False


def _shift(r: Rollout, stage: str, generation: int, wave: int) -> ShiftTraffic:
    return ShiftTraffic(r.id, stage, generation, r.overwrite, r.answered, wave)


def lane(effect: Effect, service: str) -> str:
    """Effects of one lane are performed one at a time: no host takes two orders at once, a thread stays in order."""
    match effect:
        case ShiftTraffic() | RestoreTraffic():
            return f"fleet:{service}"
        case CatchUp():
            return f"catchup:{service}"  # it waits for hosts that are away, and nothing waits for it
        case ReadFleet():
            return f"read:{service}"
        case ReadReactions():
            return f"reactions:{service}"
        case ShowCard():
            return f"card:{service}"  # the whole truth does not queue behind the story of how it came about
        case ShowApproval() | Whisper():
            return f"approval:{service}"
        case DoWork():
            ref = effect.ref  # what is ordered again waits for its earlier run
            return f"work:{service}:{ref.kind}:{ref.name}:{ref.machine}"
        case ShowPreparation():
            return f"preparation:{service}"
        case PostChart() | PublishReport() | ShowSignOff():
            return f"report:{service}"
        case ReadSignatures():
            return f"signatures:{service}"
    return f"chat:{service}"
