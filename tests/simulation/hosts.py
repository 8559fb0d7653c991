"""Simulated nginx hosts: what the host program does, step by step, and every state that was ever served.

A verb that arrived goes on whatever becomes of the bot that sent it; each host does one at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.fleet import nginx
from bot.fleet.target import HostReading, HostState, Serving
from bot.fleet.verbs import DEPOSED, FENCED, NO_WAY_BACK, Answer

if TYPE_CHECKING:
    from tests.simulation.world import World

LOCK_WAIT = 6.0  # seconds, as a third of the deadline
SETTLE = 6.0
STOPPING = 3.0  # seconds in which a stopped nginx has a master, and no worker that answers
parse = lru_cache(10_000)(nginx.parse_header)
Key = tuple[int, int]  # generation, epoch


@lru_cache(10_000)
def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def share(serving: Serving | None) -> float:
    """Percent of everyone that the canary gets."""
    return {"stable": 0.0, "canary": 100.0}.get(serving.mode, serving.weight) if serving else 0.0


class Rebooted(Exception):
    """The host went down under the verb."""


@dataclass(slots=True)
class Edit:
    """A person's change that nobody has answered: when, and the canary's share it left (None: no file any more)."""

    at: float
    share: float | None
    digest: str
    was: str  # the file before the first of the changes that are there


@dataclass
class SimHost:
    name: str
    world: World
    file: str = ""
    live: str = ""
    staged: dict[int, str] = field(default_factory=dict)
    before: dict[int, str] = field(default_factory=dict)
    seen: tuple[Key, str] = ((0, 0), "")
    back: str = ""  # sha256 of the way back that is ready
    pending: tuple[str, int] | None = None
    wanted: int = 0  # the highest generation of an apply that waits for the lock
    boots: int = 0
    edit: Edit | None = None
    handmade: set[str] = field(default_factory=set)
    disturbed_at: float = 0.0
    # faults
    reachable: bool = True
    running: bool = True
    stopped_at: float = 0.0
    tests_well: bool = True
    reloads: bool = True
    slow: float = 0.0  # seconds, at most, that every step takes longer
    lossy: int = 0  # answers or questions to lose yet
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def well(self) -> bool:
        return self.reachable and self.running and self.tests_well and self.reloads and not self.slow and not self.lossy

    async def run(self, verb: str, key: Key, text: str, back: str = "") -> Answer | HostReading | None:
        """None: the host went down, there will be no answer."""
        boots = self.boots
        if verb == "apply":
            self.wanted = max(self.wanted, key[0])
        try:
            async with asyncio.timeout(LOCK_WAIT):
                await self.lock.acquire()
        except TimeoutError:
            return self.reading(busy=True) if verb == "read" else Answer(False, code="busy", error="busy")
        try:
            if boots != self.boots:
                return None
            if verb == "read":
                return self.reading()
            if verb == "stage" and back != self.back and not self._fence(key):
                return self._no(NO_WAY_BACK, key[0], "the way back is not here; send it first")
            return await getattr(self, f"_{verb}")(key, text)
        except Rebooted:
            return None
        finally:
            self.lock.release()

    async def _ready(self, key: Key, text: str) -> Answer:
        refused = self._fence(key)
        if refused:
            return refused
        if not self.tests_well:
            return self._no("test", key[0], "nginx -t: [emerg] simulated")
        self.back = digest(text)
        return Answer(True, True, "ok")

    async def _stage(self, key: Key, text: str, apply: bool = False) -> Answer:
        generation = key[0]
        refused = self._fence(key)
        if refused:
            return refused
        await self._repair(generation, "apply" if apply else "stage")
        if self.seen[0][0] == generation and self.seen[1] not in ("", text):
            return self._no("conflict", generation, "already here with other content")
        if self.file == text == self.live and not self.pending and self.running:
            return Answer(True, True, "ok", already=True, swapped=True, live=parse(text))
        if not self.tests_well:
            return self._no("test", generation, "nginx -t: [emerg] simulated")
        if not apply and not self.running:
            return self._no("down", generation, "nginx is not running; start it")
        if self._generation() != generation or generation not in self.before:
            self.before = {g: t for g, t in self.before.items() if g == self._generation()} | {generation: self.file}
        self.staged, self.seen = {generation: text}, (key, text)
        return Answer(True, True, "ok", swapped=self._generation() == generation)

    async def _commit(self, key: Key, text: str) -> Answer:
        generation = key[0]
        refused = self._fence(key)
        if refused:
            return refused
        await self._repair(generation, "commit")
        if self.live == self.file == self.seen[1] and not self.pending and self.running:
            return Answer(True, True, "ok", already=True, swapped=True, live=parse(self.live))
        if self._generation() != generation:
            if generation not in self.staged:
                return self._no("unstaged", generation, "not staged here; stage it first")
            if self.before[generation] != self.file:
                return self._no("moved", generation, "somebody changed it after it was staged")
        return await self._swap("commit", generation)

    async def _apply(self, key: Key, text: str) -> Answer:
        self.wanted = 0 if self.wanted <= key[0] else self.wanted
        staged = await self._stage(key, text, apply=True)
        return staged if not staged.ok or staged.already else await self._swap("apply", key[0])

    async def _revert(self, key: Key, text: str) -> Answer:
        generation = key[0]
        moot = self.seen[0][0] > generation and self._generation() != generation
        refused = None if moot else self._fence(key)
        if refused:
            return refused
        await self._repair(generation, "revert")
        self.staged.pop(generation, None)
        if self._generation() != generation and not self.pending:
            if self.file == self.before.get(generation):
                self.edit = None  # what somebody did is what the revert would have done
            return Answer(True, True, "ok", already=True)
        if not await self._put_back(generation):
            return Answer(True, code="stuck", swapped=True, error=f"nginx still serves {generation}")
        self.pending = None
        if not self.running:
            return Answer(True, code="down", error="nginx is not running; the previous file is back")
        return Answer(True, True, "ok", live=parse(self.live))

    async def _swap(self, kind: str, generation: int) -> Answer:
        self.pending = (kind, generation)
        if generation in self.staged:
            self.write(self.staged.pop(generation), kind)
        taken = self.running and await self._settle(generation if kind == "commit" else 0)
        if taken is None:
            return self._no(FENCED, generation, "interrupted by a rollback of a higher generation")
        if taken:
            self.pending = None
            return Answer(True, True, "ok", swapped=True, live=parse(self.live))
        code = "not_taken" if self.running else "down"
        if kind == "apply":
            return self._no(code, generation, "nginx did not take it; the file is in place")
        if not await self._put_back(generation):
            return self._no("stuck", generation, "the previous file could not be brought back")
        self.pending = None
        return self._no(code, generation, "nginx did not take it; the previous file is back")

    async def _settle(self, commit: int = 0) -> bool | None:
        """Whether the workers follow the file; None when a rollback interrupts the commit."""
        boots, until = self.boots, self.world.loop.time() + SETTLE
        delay = self.world.net.seconds(0.3) + self._slowness()
        while True:
            await asyncio.sleep(min(delay, 1.0) if delay > 0 else 0.5)
            if boots != self.boots:
                raise Rebooted
            if commit and self.wanted > commit:
                return None
            delay -= 1.0
            if delay <= 0 and self.reloads and self.running:
                self.serve(self.file)
                return True
            if self.world.loop.time() >= until or not self.running:
                return False

    async def _put_back(self, generation: int) -> bool:
        if generation not in self.before:
            return False
        self.write(self.before[generation], "revert")
        if not self.running or self.live == self.file:
            return True
        return bool(await self._settle()) or self.live == self.file

    async def _repair(self, generation: int, verb: str) -> None:
        """The last call was cut off between its swap and its read-back; as host.sh does it."""
        if not self.pending or (self.pending[1] == generation and verb != "stage"):
            return
        kind, of = self.pending
        if kind == "commit" and verb == "apply":
            self.write(self.before.get(of, self.file), "revert")
        elif kind == "commit":
            self.pending = None if await self._put_back(of) else self.pending
        elif verb != "apply" and (not self.running or await self._settle()):
            self.pending = None

    def _fence(self, key: Key) -> Answer | None:
        """A file of a higher generation fences also when its order was never seen: somebody brought it by hand."""
        if self._generation() > self.seen[0][0]:
            self.seen = ((self._generation(), 0), self.file)
        if self.seen[0] <= key:
            if self.seen[0][0] == key[0]:
                self.seen = (key, self.seen[1])
            return None
        code = FENCED if self.seen[0][0] > key[0] else DEPOSED
        self.world.count("verb refused:" + code)
        return self._no(code, key[0], f"{self.seen[0]} was here before {key}")

    def _no(self, code: str, generation: int, error: str) -> Answer:
        return Answer(True, code=code, swapped=self._generation() == generation, error=f"{self.name}: {error}")

    def _generation(self) -> int:
        serving = parse(self.file)
        return serving.generation if serving else 0

    def _slowness(self) -> float:
        return self.world.net.seconds(self.slow) if self.slow else 0.0

    def reading(self, busy: bool = False) -> HostReading:
        file, live = parse(self.file), parse(self.live) if self.running else None
        state = HostState.OK
        if not self.running and self.world.loop.time() >= self.stopped_at + STOPPING:
            state = HostState.DOWN
        elif self.file and self.edit and not nginx.is_ours_unedited(self.file):
            state = HostState.EDITED
        elif busy:
            state = HostState.STALE
        elif not self.file and live is None:
            state = HostState.ABSENT
        elif live != file or self.pending:
            state = HostState.STALE
        return HostReading(self.name, state, file, live, digest(self.file), self.file)

    def write(self, text: str, verb: str) -> None:
        """The one way in which the bot changes the file."""
        if self.edit and text != self.file:
            self.world.rules.overwritten(self, verb, parse(text))
            self.edit = None
        self.file = text

    def serve(self, text: str) -> None:
        self.live = text
        self.world.rules.served(self, parse(text), text in self.handmade)

    # what people and fate do to it

    def edit_by_hand(self, change: str) -> bool:
        """change: lower, higher, comment, delete, or newer: as if another bot had been here. False: nothing to edit."""
        if not self.file or self.lock.locked():
            return False
        was, text = self.edit.was if self.edit else self.file, self.file
        if change == "newer":
            newer = f"# generation {self._generation() + 3}"
            text = re.sub("# generation .*", newer, text, count=1)
        if change in ("lower", "higher"):
            weight = "0.50" if change == "lower" else "77.00"
            text = re.sub(
                "# mode .*", "# mode shift", re.sub("# weight .*", f"# weight {weight}", text, count=1), count=1
            )
        self.file = "" if change == "delete" else text if text != self.file else text + "# by hand\n"
        shown = share(parse(self.file)) if self.file else None
        self.edit = Edit(self.world.loop.time(), shown, digest(self.file), was)
        self._by_hand()
        return True

    def undo_by_hand(self) -> bool:
        """The file is as it was before somebody changed it; False where nobody did."""
        if self.edit is None or self.lock.locked():
            return False
        self.file, self.edit = self.edit.was, None
        self._by_hand()
        return True

    def _by_hand(self) -> None:
        self.handmade.add(self.file)
        if self.running:
            self.serve(self.file)

    def reboot(self) -> None:
        self.boots += 1
        if self.running and self.live != self.file:
            self.serve(self.file)

    def stop_nginx(self) -> None:
        if self.running:
            self.running, self.stopped_at = False, self.world.loop.time()

    def mend(self) -> None:
        """All faults away; nginx that was stopped starts with the file that is there."""
        if not self.running:
            self.running = True
            self.serve(self.file)
        self.reachable = self.tests_well = self.reloads = True
        self.slow, self.lossy = 0.0, 0
