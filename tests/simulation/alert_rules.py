"""The judge of rule 9: an alert is told once, again after its interval, until it is over; a Critical escalates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.engine.ports.records import Commit
from tests.simulation.alarms import LIMIT, PLAN

if TYPE_CHECKING:
    from tests.simulation.world import World

LAG = 120.0  # seconds a decision may lag behind the answer it was made of
SLOP = 5.0  # seconds by which clocks and ticks differ
HEALED = 30.0  # seconds after which nothing is left of a trouble
PROMPT = 60.0  # seconds in which a healthy bot has told what is due


@dataclass
class Told:
    """What people were told of one group. said_at: when last all of it was named. acked: somebody looks after it."""

    firing: dict[str, float] = field(default_factory=dict)  # fingerprint -> when it was first told
    said_at: float = 0.0
    steps: int = 0
    acked: bool = False
    life: int = 0  # how often it began anew


class AlertRules:
    def __init__(self, world: World) -> None:
        self._world = world
        self._measured: dict[str, list[tuple[float, float]]] = {}  # rule -> (when, value)
        self._firing: dict[str, Any] = {}
        self._fired: Counter[str] = Counter()  # how often each began
        self._groups: dict[str, Told] = {}
        self._arrived: dict[str, tuple[float, bool]] = {}  # key -> when it last did, and whether the bot was told
        self._sent: list[str] = []  # keys of notifications that were decided on

    def hold(self, condition: bool, what: str, *facts: Any) -> None:
        self._world.rules.hold(condition, "9", what, *facts)

    @property
    def firing(self) -> tuple[str, ...]:
        return tuple(self._firing)

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self._groups)

    # --- what Prometheus said and what arrived

    def measured(self, rule: str, value: float) -> None:
        self._measured.setdefault(rule, []).append((self._world.loop.time(), value))

    def arrived(self, key: str, surely: bool) -> None:
        """Twice only where the bot cannot know better: its answer was lost, or the bot itself was in trouble."""
        now = self._world.loop.time()
        if key in self._arrived:
            at, known = self._arrived[key]
            excused = not known or self._world.disturbed_at > at - PROMPT
            self.hold(excused, "{} arrived twice", key)
        self._arrived[key] = now, surely

    # --- what the bot committed

    def committed(self, commit: Commit) -> None:
        for event in commit.events:
            name = type(event).__name__
            self._world.count("alert event:" + name)
            self._world.say("alerts: {}", event)
            getattr(self, "_" + name, self._anything)(event)
        self._sent += [new.effect.key for new in commit.effects if type(new.effect).__name__ == "SendAlert"]

    def _anything(self, e: Any) -> None:
        """Nothing to judge."""

    def _seen(self, rule: str, above: bool) -> bool:
        since = self._world.loop.time() - LAG
        return any(at >= since and (value > LIMIT) == above for at, value in self._measured.get(rule, ()))

    def _AlertsFired(self, e: Any) -> None:
        for alert in e.alerts:
            self.hold(alert.source != "rules" or self._seen(alert.name, True), "{} fires without evidence", alert.name)
            self._firing[alert.fingerprint] = alert
            self._fired[alert.fingerprint] += 1

    def _AlertsResolved(self, e: Any) -> None:
        for fingerprint, _ in e.resolved:
            alert = self._firing.pop(fingerprint)
            seen = alert.source != "rules" or self._seen(alert.name, False)
            self.hold(seen, "{} is over without evidence", alert.name)
            for key in alert.groups:
                self._promptly(lambda key=key, f=fingerprint, n=self._fired[fingerprint]: self._is_told(key, f, n), key)

    def _is_told(self, key: str, fingerprint: str, began: int) -> bool:
        """That it is over, unless it has begun anew meanwhile."""
        return fingerprint not in self._told(key).firing or self._fired[fingerprint] > began

    def _GroupAcknowledged(self, e: Any) -> None:
        self._told(e.group).acked = True

    def _GroupsTold(self, e: Any) -> None:
        now = self._world.loop.time()
        for told in e.told:
            self._world.count("told:" + told.why)
            group, route = self._told(told.group), PLAN.route_of(self._route(told))
            again = [f for f in told.new if f in group.firing]
            self.hold(not again, "{} was told already", again)
            unfounded = [f for f in told.gone if f in self._firing or f not in group.firing]
            self.hold(not unfounded, "{} is not over", unfounded)
            if told.why == "repeat":
                self.hold(not group.acked, "{} is repeated, and somebody looks after it", told.group)
                # By when it was decided: a bot may freeze before it is written.
                early = e.at - group.said_at + SLOP < route.repeat_interval
                self.hold(not early, "{} is repeated after {} s", told.group, e.at - group.said_at)
            self._noted(told, group, now, e.at)
            if told.new and route.escalate and not group.steps:
                life = group.life
                self._promptly(
                    lambda group=group, life=life: group.life != life or self._escalated(group),
                    told.group,
                    route.escalate[0].after,
                )

    def _noted(self, told: Any, group: Told, now: float, decided: float) -> None:
        if told.why == "escalated":
            self.hold(not group.acked, "{} escalates, and somebody looks after it", told.group)
            self.hold(told.step == group.steps + 1, "{} escalates to {}", told.group, told.step)
            group.steps = told.step
            return
        group.firing = {f: at for f, at in group.firing.items() if f not in told.gone}
        group.firing |= dict.fromkeys(told.new, now)
        if told.new:
            group.acked = False  # what is new nobody has looked at
        if told.new or told.why == "repeat":
            group.said_at = decided
        if not group.firing or (told.new and len(group.firing) == len(told.new)):
            group.steps, group.acked, group.life = 0, False, group.life + 1

    def _told(self, key: str) -> Told:
        return self._groups.setdefault(key, Told())

    def _route(self, told: Any) -> str:
        critical = any(self._firing[f].severity == "critical" for f in (*told.new, *told.still) if f in self._firing)
        return "critical" if critical else "default"

    def _escalated(self, group: Told) -> bool:
        return bool(group.steps or group.acked or not any(f in self._firing for f in group.firing))

    def _promptly(self, done: Any, what: str, after: float = 0.0) -> None:
        """After so many seconds, and some: if nothing was wrong with the bot meanwhile, it is done."""
        began = self._world.loop.time()

        def look() -> None:
            undisturbed = max(self._world.disturbed_at, self._world.mood_at) < began - HEALED
            self.hold(not undisturbed or done(), "nothing came of {} in {} s", what, after + PROMPT)

        self._world.later(after + PROMPT, look)

    # --- in the end

    def judge(self) -> None:
        """All is over, and people know; what was decided to be sent arrived."""
        left = {key: list(told.firing) for key, told in self._groups.items() if told.firing}
        self.hold(not left, "nobody was told that it is over: {}", left)
        missing = [key for key in dict.fromkeys(self._sent) if key not in self._arrived]
        self.hold(not missing, "never arrived: {}", missing)
