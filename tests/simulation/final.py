"""What must be true in the end, when faults are off and everybody has had their say."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.simulation.books import FINAL

if TYPE_CHECKING:
    from tests.simulation.world import World

CHARTED = ("StagePassed", "RolledBack", "RolloutCompleted")
MAY_BE = ("signoff:", "report:")  # of an edition that was void before anybody saw it, there is nothing
TICKED = 11.0  # seconds after the last event or trouble in which every tick has seen what became due by it
SPOKEN_OUT = 120.0  # seconds of calm after which everybody was told of every alert
QUIET = (
    "ApprovalAsked",
    "ReactionRefused",
    "ApproversChanged",
    "GenerationSeen",
    "WaveOrdered",
    "ItemTicked",
    "ReportPosted",
    "SignaturesChanged",
)  # events that get no line


async def quiet(world: World) -> bool:
    view = world.rules.books.view
    now = world.loop.time()
    if now < max(world.happened_at, world.disturbed_at) + TICKED:
        return False
    if world.has_alerts and now < world.mood_at + SPOKEN_OUT:
        return False
    if world.alerts.firing:
        return False
    return not view.active and not view.warm and world.people.done and not await world.store.pending()


async def why(world: World) -> str:
    view = world.rules.books.view
    waiting = [(c.key, c.attempts) for c in await world.store.pending()]
    return f"{view.status} {view.hold} paused={view.paused} drift={view.drift} waiting={waiting}"


async def judge(world: World) -> None:
    rules, view = world.rules, world.rules.books.view
    world.count("end:" + view.status)
    failed = await world.store.failed()
    left = world.works.forgotten()
    rules.hold(not left, "work", "forgotten: {}", left)
    rules.hold(not failed, "8", "given up: {}", [(c.key, error) for c, error in failed])
    _hosts(world)
    _messages(world)
    await _same_log(world)
    world.alerts.judge()


def _hosts(world: World) -> None:
    """After a rollback every host is back; after completion every host is on the new version; but for hand edits."""
    view = world.rules.books.view
    wanted = {"rolled_back": "stable", "completed": "canary"}.get(view.status)
    for host in world.hosts.values():
        if wanted is None or host.edit is not None or host.file in host.handmade:
            continue
        mode = f"# mode {wanted}\n"
        right = mode in host.live and mode in host.file
        world.rules.hold(right, "5", "{} does not serve {} after {}", host.name, wanted, view.status)


def expected(world: World) -> list[str]:
    """The keys of all the messages that the log gives rise to."""
    keys, rollout = [], ""
    for seq, event in world.rules.books.view.events:
        name = type(event).__name__
        if name == "RolloutStarted":
            rollout = event.rollout
            keys.append(f"card:{rollout}")
            keys += [f"preparation:{rollout}"] * event.prepares
        if name in CHARTED and world.plan.runbook.report:
            keys.append(f"chart:{rollout}:{seq}")
        if name == "ReportPosted":
            keys.append(f"report:{event.rollout}:{event.edition}")
        if name == "ApprovalAsked":
            keys.append(f"approval:{rollout}:{event.stage}:{event.attempt}")
        if _told(name, event):
            keys.append(f"tell:{getattr(event, 'rollout', rollout)}:{seq}")
    return keys


def _told(name: str, event: Any) -> bool:
    if name == "VerdictChanged":
        return "fail" in (event.gate.verdict, event.before)
    if name == "ShiftOrdered":
        return bool(event.why != "stage")
    if name == "WorkOrdered":
        return event.phase.value not in ("prepare", "before_start", "verify")
    if name == "WorkDone":
        ref = event.result.ref
        return not event.result.passed or (ref.kind == "step" and ref.phase.value != "before_start")
    if name == "WorkFinished":
        return bool(event.left) or event.phase.value == "verify"
    if name == "ReportOrdered":
        return bool(event.edition > 1)
    return name not in QUIET


def _messages(world: World) -> None:
    """Rule 8: every message exactly once, in its order; and the card says how it ended."""
    rules, messages = world.rules, list(world.slack.messages.values())
    wanted, ghosts = expected(world), world.slack.ghosts

    def late(key: str, times: int) -> bool:
        """Slack has no fence: what was on its way from a replica that was frozen comes when that one wakes."""
        return key in ghosts and times == 2

    there = Counter(m.key for m in messages if not m.deleted)
    for key in wanted:
        gone = any(m.key == key and m.deleted for m in messages)  # somebody deleted it, and nothing changed since
        rules.hold(
            there[key] == 1 or (gone and not there[key]) or late(key, there[key]),
            "8",
            "{} is there {} times",
            key,
            there[key],
        )
    extra = [k for k in there if k not in wanted and not k.startswith(MAY_BE) and not k.endswith(":diff")]
    rules.hold(not extra, "8", "messages that nothing gave rise to: {}", extra)
    for card in world.slack.of(f"card:{rules.books.view.rollout}"):
        status = rules.books.view.status
        rules.hold(
            card.text.startswith(status) or card.key in ghosts, "8", "the card says {!r}, it is {}", card.text, status
        )
    for rollout in rules.books.view.initiators:
        told = [m.key for m in messages if m.key.startswith(f"tell:{rollout}:")]
        ordered = sorted(told, key=lambda key: int(key.rpartition(":")[2]))
        retried = any(world.counts[f"fault:{f}"] for f in ("slack away", "slack refuses", "slack answer lost"))
        rules.hold(told == ordered or retried or bool(ghosts), "8", "the thread is out of order: {}", told)


async def _same_log(world: World) -> None:
    """The store has what was committed, in order."""
    events = [e for _, e in await world.store.events(world.plan.service)]
    rules = world.rules
    rules.hold(events == [e for _, e in rules.books.view.events], "10", "the log is not what was committed")
    rules.hold(rules.books.view.status in (*FINAL, "none"), "alive", "it ended {}", rules.books.view.status)
