"""The fleet in memory: the router itself over hosts that are only values. For tests and dry runs of the engine.

It renders, parses and fences with the real code, so what it serves is what nginx would; faults are scripted per host.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

from bot.fleet import nginx
from bot.fleet.router import FleetRouter
from bot.fleet.target import HostReading, HostState, Serving
from bot.fleet.verbs import DEPOSED, FENCED, NO_WAY_BACK, UNREACHABLE, Answer, Order, sha256
from bot.rollout.plan import Host


class Fault(StrEnum):
    UNREACHABLE = "unreachable"  # no answer to anything
    STOPPED = "stopped"  # nginx is not running
    STOPPING = "stopping"  # its master is there yet, and no worker answers any more
    TEST_FAILS = "test_fails"  # nginx -t refuses every file
    RELOAD_IGNORED = "reload_ignored"  # the workers keep what they have
    LOST_BEFORE = "lost_before"  # once: the next commit or apply is not done, and its answer is lost
    LOST_AFTER = "lost_after"  # once: the next commit or apply is done, and its answer is lost
    KILLED = "killed"  # once: the next commit or apply dies between its swap and its reload


ONCE = (Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.KILLED)
_NO_ANSWER = Answer(known=False, code="unknown", error="no answer (connection lost)")


@dataclass(slots=True)
class _Service:
    """One service on one host. file: on disk, "" when absent. live: the file the workers run."""

    file: str = ""
    live: str = ""
    staged: tuple[int, str] = (0, "")
    before: dict[int, str] = field(default_factory=dict)
    seen: tuple[int, str] = (0, "")
    epoch: int = 0  # of the generation seen
    back: str = ""  # sha256 of the way back that is ready
    pending: int = 0


@dataclass(slots=True)
class _Box:
    faults: set[Fault] = field(default_factory=set)
    services: dict[str, _Service] = field(default_factory=dict)
    peak: dict[str, float] = field(default_factory=dict)


class FakeHosts:
    """HostVerbs in memory. `calls` holds (verb, host, service, generation) in order; `held` stops a verb on a host."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.boxes = {host.name: _Box() for host in hosts}
        self.calls: list[tuple[str, str, str, int]] = []
        self.held: dict[tuple[str, str], asyncio.Event] = {}

    async def ready(self, host: Host, order: Order, text: str) -> Answer:
        box, here = await self._enter("ready", host, order.service, order.generation)
        if box is None:
            return UNREACHED
        if refusal := _outranked(here, order):
            return refusal
        if Fault.TEST_FAILS in box.faults:
            return _refused("test", "nginx -t: [emerg] scripted fault", here, order.generation)
        here.back = sha256(text)
        return Answer(known=True, ok=True, code="ok")

    async def stage(self, host: Host, order: Order, text: str, back: str) -> Answer:
        box, here = await self._enter("stage", host, order.service, order.generation)
        return UNREACHED if box is None else self._stage(box, here, order, text, back=back)

    async def commit(self, host: Host, order: Order) -> Answer:
        box, here = await self._enter("commit", host, order.service, order.generation)
        if box is None:
            return UNREACHED
        if refusal := _outranked(here, order):
            return refusal
        generation = order.generation
        if _generation(here.file) != generation and here.staged[0] != generation:
            return _refused("unstaged", f"generation {generation} is not staged here; stage it first", here, generation)
        return self._swap(box, here, order, keep=False)

    async def apply(self, host: Host, order: Order, text: str) -> Answer:
        box, here = await self._enter("apply", host, order.service, order.generation)
        if box is None:
            return UNREACHED
        staged = self._stage(box, here, order, text, needs_master=False)
        if not staged.ok or staged.already:
            return staged
        return self._swap(box, here, order, keep=True)

    async def revert(self, host: Host, order: Order) -> Answer:
        generation = order.generation
        box, here = await self._enter("revert", host, order.service, generation)
        if box is None:
            return UNREACHED
        moot = here.seen[0] > generation and _generation(here.file) != generation
        if not moot and (refusal := _outranked(here, order)):
            return refusal
        here.staged = (0, "") if here.staged[0] == generation else here.staged
        if _generation(here.file) != generation:
            return Answer(known=True, ok=True, code="ok", already=True)
        here.file, here.pending = here.before.get(generation, ""), 0
        self._reload(box, here, order.service)
        if _generation(here.live) == generation:
            return Answer(known=True, code="stuck", swapped=True, error=f"nginx still serves generation {generation}")
        return Answer(known=True, ok=True, code="ok", live=nginx.parse_header(here.live))

    async def read(self, host: Host, service: str) -> HostReading:
        box, here = await self._enter("read", host, service, 0)
        if box is None:
            return HostReading(host.name, HostState.UNREACHABLE, error=UNREACHED.error)
        file, live = nginx.parse_header(here.file), nginx.parse_header(here.live)
        digest = hashlib.sha256(here.file.encode()).hexdigest() if here.file else ""
        live = None if box.faults & {Fault.STOPPED, Fault.STOPPING} else live
        state = HostState.OK
        if Fault.STOPPED in box.faults:
            state = HostState.DOWN
        elif here.file and not nginx.is_ours_unedited(here.file):
            state = HostState.EDITED
        elif not here.file and live is None:
            state = HostState.ABSENT
        elif live != file or here.pending:
            state = HostState.STALE
        error = "nginx is not running; start it" if state is HostState.DOWN else ""
        return HostReading(host.name, state, file, live, digest, here.file, error)

    async def aclose(self) -> None:
        """Nothing to close."""

    async def _enter(self, verb: str, host: Host, service: str, generation: int) -> tuple[_Box | None, _Service]:
        self.calls.append((verb, host.name, service, generation))
        await asyncio.sleep(0)
        if event := self.held.get((verb, host.name)):
            await event.wait()
        box = self.boxes[host.name]
        here = box.services.setdefault(service, _Service())
        return (None if Fault.UNREACHABLE in box.faults else box), here

    def _stage(
        self, box: _Box, here: _Service, order: Order, text: str, *, back: str = "", needs_master: bool = True
    ) -> Answer:
        generation = order.generation
        if refusal := _outranked(here, order):
            return refusal
        if here.seen[0] == generation and here.seen[1] != text:
            return _refused("conflict", f"generation {generation} is already here with other content", here, generation)
        if here.file == text == here.live and not here.pending and Fault.STOPPED not in box.faults:
            live = nginx.parse_header(text)
            return Answer(known=True, ok=True, code="ok", already=True, swapped=True, live=live)
        if back not in ("", here.back):
            return _refused(NO_WAY_BACK, "the way back is not here; send it first", here, generation)
        if Fault.TEST_FAILS in box.faults:
            return _refused("test", "nginx -t: [emerg] scripted fault", here, generation)
        if needs_master and Fault.STOPPED in box.faults:
            return _refused("down", "nginx is not running; start it", here, generation)
        here.staged, here.seen, here.epoch = (generation, text), (generation, text), order.epoch
        if _generation(here.file) != generation:
            here.before[generation] = here.file
        return Answer(known=True, ok=True, code="ok", swapped=_generation(here.file) == generation)

    def _swap(self, box: _Box, here: _Service, order: Order, *, keep: bool) -> Answer:
        generation = order.generation
        fault = next((fault for fault in ONCE if fault in box.faults), None)
        box.faults.discard(fault or Fault.KILLED)
        if fault is Fault.LOST_BEFORE:
            return _NO_ANSWER
        if here.staged[0] == generation:
            here.file, here.staged = here.staged[1], (0, "")
        if fault is Fault.KILLED:
            here.pending = generation
            return _NO_ANSWER
        self._reload(box, here, order.service)
        here.pending = 0
        if fault is Fault.LOST_AFTER:
            return _NO_ANSWER
        if here.live == here.file and Fault.STOPPED not in box.faults:
            return Answer(known=True, ok=True, code="ok", swapped=True, live=nginx.parse_header(here.live))
        code = "down" if Fault.STOPPED in box.faults else "not_taken"
        if not keep:
            here.file = here.before.get(generation, "")
        return _refused(code, "nginx did not take the reload (scripted fault)", here, generation)

    def _reload(self, box: _Box, here: _Service, service: str) -> None:
        if box.faults.isdisjoint({Fault.RELOAD_IGNORED, Fault.STOPPED}):
            here.live = here.file
            self.record(box, service)

    def record(self, box: _Box, service: str) -> None:
        box.peak[service] = max(box.peak.get(service, 0.0), share(nginx.parse_header(box.services[service].live)))


class FakeFleet(FleetRouter):
    """A FleetRouter whose hosts are in memory; the same surface, plus the script below. clock: seconds, monotonic."""

    def __init__(self, hosts: Sequence[Host], concurrency: int = 32, clock: Callable[[], float] = monotonic) -> None:
        self.memory = FakeHosts(hosts)
        self._setup(hosts, self.memory, concurrency, clock)

    @property
    def calls(self) -> list[tuple[str, str, str, int]]:
        return self.memory.calls

    def fault(self, host: str, *faults: Fault) -> None:
        """From now on; the ONCE faults end by themselves, the others with mend()."""
        self.memory.boxes[host].faults.update(faults)

    def mend(self, host: str) -> None:
        self.memory.boxes[host].faults.clear()

    def edit(self, host: str, service: str, change: Callable[[str], str], *, reload: bool = True) -> None:
        """A person changes the file by hand; "" deletes it. reload: and lets nginx take it."""
        box = self.memory.boxes[host]
        here = box.services.setdefault(service, _Service())
        here.file = change(here.file)
        if reload:
            here.live = here.file
            self.memory.record(box, service)

    def hold(self, verb: str, host: str) -> asyncio.Event:
        """The verb waits on that host until the event is set. The call is already in `calls` then."""
        return self.memory.held.setdefault((verb, host), asyncio.Event())

    def served(self, host: str, service: str) -> Serving | None:
        """What the workers serve, whatever the faults; None when nothing of the service."""
        here = self.memory.boxes[host].services.get(service)
        return nginx.parse_header(here.live) if here else None

    def peak(self, host: str, service: str) -> float:
        """The highest percent of everyone that the host ever gave the canary."""
        return self.memory.boxes[host].peak.get(service, 0.0)


UNREACHED = Answer(known=False, code=UNREACHABLE, error="cannot be reached (scripted fault)")


def share(serving: Serving | None) -> float:
    """Percent of everyone that goes to the canary."""
    if serving is None:
        return 0.0
    return {"stable": 0.0, "canary": 100.0}.get(serving.mode, serving.weight)


def _generation(text: str) -> int:
    serving = nginx.parse_header(text)
    return serving.generation if serving else 0


def _outranked(here: _Service, order: Order) -> Answer | None:
    """The refusal of a lower pair; otherwise None, and a higher epoch of the same generation is from now on the one."""
    seen, epoch = here.seen[0], here.epoch
    if _generation(here.file) > seen:
        seen, epoch = _generation(here.file), 0
    if seen > order.generation:
        what = f"generation {seen} was here before {order.generation}; only a higher one is taken"
        return _refused(FENCED, what, here, order.generation)
    if seen == order.generation and epoch > order.epoch:
        what = f"epoch {epoch} of generation {seen} was here before epoch {order.epoch}; another bot has taken over"
        return _refused(DEPOSED, what, here, order.generation)
    if here.seen[0] == order.generation:
        here.epoch = order.epoch
    return None


def _refused(code: str, error: str, here: _Service, generation: int) -> Answer:
    return Answer(known=True, code=code, swapped=_generation(here.file) == generation, error=error)
