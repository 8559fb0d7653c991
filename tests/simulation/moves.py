"""The judge of how traffic moves besides a plain shift: in waves, step by step down, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.rollout.plan import Plan
from tests.simulation.books import Answer, Books

if TYPE_CHECKING:
    from tests.simulation.world import World

PROMPT = 60.0  # seconds in which a healthy bot has every healthy host back


class Moves:
    books: Books
    _world: World

    def hold(self, condition: bool, rule: str, what: str, *facts: Any) -> None:
        raise NotImplementedError

    def _measured(self, good: list[Answer], plan: Plan, since: float) -> float:
        raise NotImplementedError

    def _WaveDone(self, e: Any, plan: Plan, skew: float) -> None:
        for name in e.hosts:
            there = e.generation in self.books.served.get(name, ())
            self.hold(there, "5", "wave {} of {} done, but {} never served it", e.wave, e.generation, name)

    def _WaveOrdered(self, e: Any, plan: Plan, skew: float) -> None:
        """A wave follows one that was watched, with open eyes; under another plan the executor takes all back."""
        view = self.books.view
        self.hold(not view.paused, "wave", "{} while paused", e)
        asking = view.asking
        if asking is None or asking.plan.hash != plan.hash:
            return
        seen = [a for a in self.books.answers if a.at >= view.wave_at and a.counts]
        seen = [a for a in seen if all(not v.error for v in a.values.values())]
        measured = self._measured(seen, plan, view.wave_at)
        slop = 5.0 + 2 * plan.interval * view.toggles
        self.hold(measured + slop >= plan.fleet.wave_bake, "wave", "{} with {} s measured", e, measured)

    def _StepDownOrdered(self, e: Any, plan: Plan, skew: float) -> None:
        view = self.books.view
        self.hold(e.generation > max(view.orders, default=0), "fence", "{} is no higher", e)
        self.hold(e.weight < view.weight, "1", "{} is no step down from {}", e, view.weight)
        self.hold(bool(e.reason.strip()), "10", "{} for no reason", e)

    def _StepDownDone(self, e: Any, plan: Plan, skew: float) -> None:
        for host in self._world.hosts.values():
            there = e.generation in self.books.served.get(host.name, ())
            self.hold(there, "5", "{} done, but {} never served it", e.generation, host.name)

    def _PoolReleased(self, e: Any, plan: Plan, skew: float) -> None:
        view = self.books.view
        self.hold(view.status == "completed" and e.at >= view.warm_until, "warm", "{} while {}", e, view.status)

    def _RollbackOrdered(self, e: Any, plan: Plan, skew: float) -> None:
        self.hold(e.generation > max(self.books.view.orders, default=0), "fence", "{} is no higher", e)
        self.hold(bool(self.books.view.orders), "3", "{} with nothing ordered yet", e)
        if e.by == "trigger":
            metric = e.trigger.metric if e.trigger else ""
            seen = {v.value for a in self.books.answers[-12:] for n, v in a.values.items() if n.metric == metric}
            self.hold(e.trigger is not None and e.trigger.value in seen, "10", "{} without evidence", e)
        elif e.by == "policy":
            self.hold(bool(e.reason), "10", "{} for no reason", e)
        world, generation, ordered = self._world, e.generation, self._world.loop.time()
        world.later(PROMPT, lambda: self._back_by_now(generation, ordered))

    def _back_by_now(self, generation: int, ordered: float) -> None:
        """Rule 5: every host that could be reached all the time, by a bot that ran all the time."""
        if self._world.disturbed_at > ordered - 30:
            return
        for host in self._world.hosts.values():
            ill = not host.well or host.disturbed_at > ordered - 30
            back = ill or self.books.restored.get(host.name, 0) >= generation
            self.hold(back, "5", "{} is not back {} s after rollback {}", host.name, PROMPT, generation)

    def _HostsRestored(self, e: Any, plan: Plan, skew: float) -> None:
        pending = {name for name, _ in e.pending}
        for host in self._world.hosts.values():
            back = self.books.restored.get(host.name, 0) >= e.generation
            self.hold(back or host.name in pending, "5", "{} is neither back nor named in {}", host.name, e)

    def _RolledBack(self, e: Any, plan: Plan, skew: float) -> None:
        for host in self._world.hosts.values():
            back = self.books.restored.get(host.name, 0) >= e.generation
            self.hold(back, "5", "rolled back to {}, but {} never served it", e.generation, host.name)
