"""All hosts as one: a shift is every host or none, a rollback is every host that can be reached.

Nothing is assumed of a host that did not answer: it is read, and where it cannot be read it counts as not done.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal, TypeVar

from bot.fleet import nginx, valid
from bot.fleet.back import way_back
from bot.fleet.target import (
    HostReading,
    HostResult,
    HostState,
    Outcome,
    Serving,
    ShiftReport,
    Target,
)
from bot.fleet.transport import Transport
from bot.fleet.verbs import DEPOSED, NO_WAY_BACK, UNREACHABLE, Answer, HostVerbs, Order, RemoteVerbs, sha256
from bot.rollout.plan import Host

ASTRAY = "has a file of this order already, and does not serve it as ordered; look at it"
T = TypeVar("T")
Superseded = Callable[[], bool]


@dataclass(slots=True)
class _Shift:
    """One shift under way: what each host has come to."""

    target: Target
    order: Order
    expected: Serving
    texts: dict[str, str]
    backs: dict[str, str]
    superseded: Superseded
    results: dict[str, HostResult] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)  # may hold the new file: swapped, or unknown
    astray: set[str] = field(default_factory=set)  # hold a file of this order, but not as it was left
    fenced: bool = False
    deposed: bool = False
    failed: bool = False

    def heard(self, answer: Answer) -> None:
        self.fenced = self.fenced or answer.outranked
        self.deposed = self.deposed or answer.code == DEPOSED

    def note(self, result: HostResult) -> None:
        self.results[result.host] = result
        self.failed = self.failed or not result.ok


class FleetRouter:
    """hosts: of one plan. deadline: seconds for one verb on one host. concurrency: hosts worked on at once, but for a
    rollback, which waits for none. clock: seconds, monotonic."""

    def __init__(
        self,
        hosts: Sequence[Host],
        transport: Transport,
        deadline: float = 20.0,
        concurrency: int = 32,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._setup(hosts, RemoteVerbs(transport, deadline), concurrency, clock)

    def _setup(self, hosts: Sequence[Host], verbs: HostVerbs, concurrency: int, clock: Callable[[], float]) -> None:
        self.hosts = tuple(hosts)
        self._verbs = verbs
        self._slots = asyncio.Semaphore(concurrency)
        self._clock = clock
        self._ready: dict[tuple[str, str], str] = {}  # (host, service) -> sha256 of the way back put ready there

    async def read(self, service: str) -> tuple[HostReading, ...]:
        """Every host as it is, in the plan's order. Never raises."""
        return tuple(await self._each(self.hosts, lambda host: self._verbs.read(host, service)))

    def render_for(self, host: Host, target: Target) -> str:
        """The file the host would get. ValueError names what cannot be written, and the mend."""
        return nginx.render(target, host)

    async def plan_diff(self, target: Target) -> dict[str, str]:
        """host -> unified diff of what a shift to the target would change; "" nothing; `# …` why it is not known."""
        readings = await self.read(target.service)
        diffs = {}
        for host, reading in zip(self.hosts, readings, strict=True):
            if reading.state is HostState.UNREACHABLE:
                diffs[host.name] = f"# unknown: {reading.error}\n"
            else:
                diffs[host.name] = nginx.diff(reading.body, self.render_for(host, target))
        return diffs

    async def shift(self, target: Target, superseded: Superseded = lambda: False) -> ShiftReport:
        """Bring every host to the target, or none. Idempotent. Never raises but for cancellation.

        superseded: asked before anything is changed on a host; once true, hosts not yet swapped stay as they are and
        swapped ones are left to the rollback's higher generation; so too where a host already has a higher epoch. A
        higher generation that nobody here ordered is a failure of that host, and the others go back. A cancelled shift
        stops likewise; when `superseded` says why it returns its report, otherwise the cancellation goes on.
        """
        began = self._clock()
        try:
            shift = self._begin(target, superseded)
        except ValueError as error:
            return self._not_rendered(target, error, began)
        try:
            outcome = await self._shift(shift)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not superseded() or task is None:
                raise
            task.uncancel()
            outcome = Outcome.SUPERSEDED
        return self._report(shift, outcome, began)

    async def roll_back(self, target: Target, on_host: Callable[[HostResult], None] | None = None) -> ShiftReport:
        """Bring every host that answers to the target, each at once and on its own. Idempotent; retry what fails.

        on_host: told of each host as it is done. outcome: DONE all, PARTIAL some, REFUSED none; SUPERSEDED none,
        and one at least because a higher generation or epoch is already there.
        """
        began = self._clock()
        try:
            shift = self._begin(target, lambda: False)
        except ValueError as error:
            return self._not_rendered(target, error, began)

        async def one(host: Host) -> None:
            answer = await self._resolved(
                host, shift, lambda: self._verbs.apply(host, shift.order, shift.texts[host.name])
            )
            shift.heard(answer)
            shift.note(_result(host, "commit", answer))
            if on_host is not None:
                on_host(shift.results[host.name])

        raised = await asyncio.gather(*map(one, self.hosts), return_exceptions=True)
        for problem in raised:
            if isinstance(problem, BaseException):
                raise problem
        failed = [result for result in shift.results.values() if not result.ok]
        outcome = Outcome.DONE if not failed else Outcome.PARTIAL
        if failed and len(failed) == len(self.hosts):
            outcome = Outcome.SUPERSEDED if shift.fenced else Outcome.REFUSED
        return self._report(shift, outcome, began)

    def part(self, hosts: Sequence[str]) -> FleetRouter:
        """These hosts alone, over the same connections: a wave. Only the whole is closed."""
        some = copy.copy(self)
        some.hosts = tuple(host for host in self.hosts if host.name in hosts)
        return some

    async def put_back(self, target: Target) -> ShiftReport:
        """Every host that has the target's generation gets back what it had before; idempotent.

        REVERTED all, PARTIAL where one could not be brought back. A host that has another generation is left alone.
        """
        began = self._clock()
        try:
            shift = self._begin(target, lambda: False)
        except ValueError as error:
            return self._not_rendered(target, error, began)
        outcome = await self._put_back(list(self.hosts), shift)
        return self._report(shift, Outcome.SUPERSEDED if shift.fenced else outcome, began)

    async def aclose(self) -> None:
        await self._verbs.aclose()

    def _begin(self, target: Target, superseded: Superseded) -> _Shift:
        texts = {host.name: self.render_for(host, target) for host in self.hosts}
        order = Order(target.service, target.generation, valid.epoch(target.epoch))
        backs = {host.name: self.render_for(host, way_back(target)) for host in self.hosts}
        return _Shift(target, order, nginx.expected(target), texts, backs, superseded)

    async def _shift(self, shift: _Shift) -> Outcome:
        if shift.superseded():
            return Outcome.SUPERSEDED
        answers = await self._each(self.hosts, lambda host: self._stage(host, shift))
        if shift.fenced or shift.superseded():
            return await self._outranked(shift)
        if not shift.failed:
            waiting = [host for host, answer in zip(self.hosts, answers, strict=True) if not answer.already]
            await self._each(waiting, lambda host: self._commit(host, shift))
            if not shift.failed and len(shift.touched) == len(self.hosts):
                return Outcome.DONE
            if shift.fenced or shift.superseded():
                return await self._outranked(shift)
        elif not shift.touched:
            return Outcome.REFUSED
        return await self._taken_back(shift)

    async def _outranked(self, shift: _Shift) -> Outcome:
        """A newer order of the same log, or the next bot, answers for the hosts that have this one already. Of a higher
        generation that nobody here ordered that cannot be said, and they go back.
        """
        if shift.superseded() or shift.deposed or not shift.touched:
            return Outcome.SUPERSEDED
        return await self._taken_back(shift)

    async def _taken_back(self, shift: _Shift) -> Outcome:
        outcome = await self._put_back([host for host in self.hosts if host.name in shift.touched], shift)
        return Outcome.SUPERSEDED if shift.superseded() or shift.deposed else outcome

    async def _stage(self, host: Host, shift: _Shift) -> Answer:
        answer = await self._staged(host, shift)
        shift.heard(answer)
        if answer.already:
            shift.touched.add(host.name)  # an earlier try of this shift came so far; all or none holds for it too
        elif answer.ok and answer.swapped:
            shift.astray.add(host.name)  # it came so far, and is not as it was left
        shift.note(_result(host, "commit" if answer.already else "stage", answer))
        return answer

    async def _staged(self, host: Host, shift: _Shift) -> Answer:
        """With the way back ready beside it; that is sent once, as long as the host has it."""
        text, back = shift.texts[host.name], shift.backs[host.name]
        place, digest = (host.name, shift.order.service), sha256(back)
        if self._ready.get(place) == digest:
            answer = await self._verbs.stage(host, shift.order, text, digest)
            if answer.code != NO_WAY_BACK:
                return answer
        answer = await self._verbs.ready(host, shift.order, back)
        if not answer.ok:
            return answer
        self._ready[place] = digest
        return await self._verbs.stage(host, shift.order, text, digest)

    async def _commit(self, host: Host, shift: _Shift) -> None:
        if shift.failed or shift.superseded():
            return
        shift.touched.add(host.name)
        answer = await self._resolved(host, shift, lambda: self._verbs.commit(host, shift.order))
        if answer.known and not answer.swapped:
            shift.touched.discard(host.name)
        shift.heard(answer)
        shift.note(_result(host, "commit", answer))

    async def _put_back(self, hosts: list[Host], shift: _Shift) -> Outcome:
        first_error = {name: result.error for name, result in shift.results.items() if not result.ok}
        stuck = False

        async def one(host: Host) -> None:
            nonlocal stuck
            answer = await self._verbs.revert(host, shift.order)
            if not answer.known:
                answer = await self._verbs.revert(host, shift.order)
            shift.heard(answer)
            back = answer.known and not answer.swapped
            stuck = stuck or not back
            if host.name in first_error:
                phase_error = first_error[host.name] if back else f"{first_error[host.name]}; then: {answer.error}"
                shift.results[host.name] = HostResult(host.name, False, "commit" if back else "revert", phase_error)
            else:
                shift.results[host.name] = HostResult(host.name, back, "revert", "" if back else answer.error)

        await self._each(hosts, one)
        return Outcome.PARTIAL if stuck else Outcome.REVERTED

    async def _resolved(self, host: Host, shift: _Shift, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """The verb's answer; when none came, what the host says of itself, after one more try where it was not done."""
        answer = await act()
        if not answer.known and answer.code != UNREACHABLE:
            reading = await self._verbs.read(host, shift.target.service)
            if _serves(reading, shift.expected):
                return Answer(known=True, ok=True, code="ok", swapped=True, live=reading.live)
            if reading.state is HostState.UNREACHABLE or shift.superseded():
                return answer
            answer = await act()
        if answer.ok and answer.live != shift.expected:
            return Answer(True, False, "not_taken", swapped=True, error=f"the workers answer {answer.live}")
        return answer

    async def _each(self, hosts: Sequence[Host], act: Callable[[Host], Awaitable[T]]) -> list[T]:
        async def one(host: Host) -> T:
            async with self._slots:
                return await act(host)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(host), name=f"fleet:{host.name}") for host in hosts]
        return [task.result() for task in tasks]

    def _not_rendered(self, target: Target, error: ValueError, began: float) -> ShiftReport:
        results = tuple(HostResult(host.name, False, "stage", str(error)) for host in self.hosts)
        return ShiftReport(Outcome.REFUSED, target.generation, results, self._clock() - began)

    def _report(self, shift: _Shift, outcome: Outcome, began: float) -> ShiftReport:
        missing = "not asked: a newer generation came first"
        results = {
            host.name: shift.results.get(host.name, HostResult(host.name, False, "stage", missing))
            for host in self.hosts
        }
        if outcome is not Outcome.DONE:
            for name in shift.astray:
                if results[name].ok and results[name].phase == "stage":  # left as it is: it may be somebody's
                    results[name] = HostResult(name, False, "stage", ASTRAY)
        return ShiftReport(outcome, shift.target.generation, tuple(results.values()), self._clock() - began)


def _serves(reading: HostReading, expected: Serving) -> bool:
    return reading.state is HostState.OK and reading.live == expected


def _result(host: Host, phase: Literal["stage", "commit"], answer: Answer) -> HostResult:
    return HostResult(host.name, answer.ok, phase, "" if answer.ok else answer.error)
