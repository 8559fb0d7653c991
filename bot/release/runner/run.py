"""The Runner over shells: on the bot's machine as children, elsewhere over SSH. Never raises for what a machine does.

A plain run is bound to its conversation: whatever ends that (a deadline, a cancellation, the death of the bot) ends
the run with its whole group. A keyed one is the machine's own: the bot only asks how it goes, as often as it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.fleet.connections import Connections
from bot.fleet.local import to_the_end
from bot.fleet.transport import TransportError
from bot.release.ports import End, Ran
from bot.release.runner import program
from bot.release.runner.opened import LocalShell, RemoteShell, Shell
from bot.release.runner.output import Tail, shown
from bot.release.runner.program import Request, Word
from bot.release.runner.talk import ENDING, Take, Talk, opened
from bot.release.saying import english, said
from bot.rollout.plan import FleetPlan, Host
from bot.rollout.runbook import BOT, Machine
from bot.rollout.work import Said

SLACK = 15.0  # seconds after its deadline in which a machine must have said how a keyed run ended
TRIES = 3  # of reaching a machine, before nothing was begun there
PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between them, doubled each time
# What a command on the bot's machine has of the bot's environment: the rest holds its tokens and passwords.
INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_STATE_HOME")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(slots=True)
class _Attempt:
    """begun: the program was opened. late: the deadline passed. status: of a program that ended without a word.

    problem: why nothing could be begun, or "". final: waiting does not mend that. said: standard error.
    """

    begun: bool = False
    late: bool = False
    word: Word | None = None
    status: int | None = None
    problem: str = ""
    final: bool = False
    said: bytes = b""

    @property
    def foreign(self) -> bool:
        """Something else answered, and ended by itself: the program never does so without a word."""
        return self.word is None and self.status is not None and self.status < 128


class ShellRunner:
    """bot.release.ports.Runner for one service.

    environ: the bot's own; only INHERITED of it reaches a command. replicas: more than one machine may be BOT, so that
    a run which another began cannot be told from one that nobody did. `aclose` ends what is plain and lets go of the
    rest.
    """

    def __init__(
        self,
        fleet: FleetPlan,
        machines: Sequence[Machine],
        environ: Mapping[str, str],
        *,
        replicas: bool = False,
        connect_timeout: float = 5.0,
    ) -> None:
        self._replicas = replicas
        self._closed = False
        self._talks: set[Talk] = set()
        self._connections = Connections(
            fleet.known_hosts, fleet.key_file, connect_timeout=connect_timeout, connects=fleet.concurrency
        )
        local = LocalShell({"PATH": _PATH} | {name: environ[name] for name in INHERITED if name in environ})
        self._shells: dict[str, Shell] = {BOT: local}
        for host in fleet.hosts:
            self._shells[host.name] = local if fleet.executor == "local" else self._remote(host)
        for machine in machines:
            self._shells[machine.name] = self._remote(
                Host(machine.name, address=machine.address, port=machine.port, user=machine.user)
            )

    def _remote(self, host: Host) -> Shell:
        return RemoteShell(host, self._connections)

    async def run(
        self,
        machine: str,
        line: str,
        env: Mapping[str, str],
        deadline: float,
        *,
        key: str = "",
        secrets: tuple[str, ...] = (),
        again: bool = False,
    ) -> Ran:
        """See Runner.run."""
        shell = self._shells.get(machine)
        if shell is None:
            return self._stranger(machine)
        join = again and self._replicas and isinstance(shell, LocalShell)
        try:
            if key:
                request = program.keyed(line, env, deadline, key, join=join)
            else:
                request = program.plain(line, env, deadline, merged=True)
        except ValueError as error:
            return Ran(End.NOT_RUNNABLE, problem=str(error))
        tail = Tail()
        if key:
            ended = await self._keyed(machine, shell, request, deadline + SLACK, tail, again)
        else:
            attempt = await self._try(shell, request, deadline, _kept_in(tail))
            ended = self._plain_end(machine, attempt, deadline)
        return replace(ended, output=tail.text(secrets))

    async def pour(
        self, machine: str, line: str, env: Mapping[str, str], deadline: float, sink: Callable[[bytes], None]
    ) -> Ran:
        """See Runner.pour."""
        shell = self._shells.get(machine)
        if shell is None:
            return self._stranger(machine)
        try:
            request = program.plain(line, env, deadline, merged=False)
        except ValueError as error:
            return Ran(End.NOT_RUNNABLE, problem=str(error))

        async def take(data: bytes) -> None:
            _, cancelled = await to_the_end(asyncio.to_thread(sink, data))  # whoever owns the sink closes it next
            if cancelled:
                raise asyncio.CancelledError

        attempt = await self._try(shell, request, deadline, take, whole=True)
        said = shown(program.without_word(attempt.said, request.mark))
        return replace(self._plain_end(machine, attempt, deadline), output=said)

    async def aclose(self) -> None:
        self._closed = True
        for talk in self._talks:
            talk.hang_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ENDING):
                await asyncio.gather(*(talk.left.wait() for talk in self._talks))
        await self._connections.aclose()

    def _stranger(self, machine: str) -> Ran:
        names = ", ".join(sorted(self._shells))
        return _ran(End.NOT_RUNNABLE, said("no_machine", machine=machine, names=names))

    async def _try(
        self, shell: Shell, request: Request, seconds: float, take: Take, *, whole: bool = False
    ) -> _Attempt:
        """One conversation, for so many seconds at most. Raises what `take` raises."""
        attempt = _Attempt()
        try:
            async with asyncio.timeout(seconds), opened(shell, request) as talk:
                attempt.begun = True
                self._talks.add(talk)
                try:
                    attempt.word = await talk.until_the_word(take, whole=whole)
                    attempt.status = None if attempt.word else await talk.status()
                finally:
                    self._talks.discard(talk)
                    talk.left.set()
                    attempt.said = talk.said.raw
        except TimeoutError:
            attempt.late = True
        except TransportError as error:
            attempt.problem, attempt.final = str(error), not error.retryable
        return attempt

    def _plain_end(self, machine: str, attempt: _Attempt, deadline: float) -> Ran:
        if attempt.late and attempt.begun:
            return _ran(End.TIMED_OUT, said("ended_late", {"limit": deadline}))
        if attempt.late:
            return _ran(End.NOT_RUNNABLE, said("not_reached", {"limit": deadline}, machine=machine))
        if attempt.problem:
            return Ran(End.NOT_RUNNABLE, problem=attempt.problem)
        if attempt.foreign:
            return _ran(End.NOT_RUNNABLE, _foreign(machine, attempt))
        if self._closed:
            return _ran(End.UNKNOWN, said("stopped"))
        if attempt.word is None:
            return _ran(End.UNKNOWN, said("broke", machine=machine))
        return _told(machine, attempt.word, deadline)

    def _given_up(self, machine: str, attempt: _Attempt, begun: bool, seconds: float) -> Ran:
        end = End.UNKNOWN if begun else End.NOT_RUNNABLE
        if attempt.late and begun:
            return _ran(end, said("not_told", {"limit": seconds}, machine=machine))
        if attempt.late:
            return _ran(end, said("not_reached", {"limit": seconds}, machine=machine))
        if self._closed:
            return _ran(end, said("bot_stopped"))
        return Ran(end, problem=attempt.problem) if attempt.problem else _ran(end, said("broke", machine=machine))

    async def _keyed(
        self, machine: str, shell: Shell, request: Request, seconds: float, tail: Tail, again: bool
    ) -> Ran:
        """Asks until the machine has told the end. begun: the line may be running, or have run."""
        clock = asyncio.get_running_loop().time
        until, pause, tries, begun = clock() + seconds, PAUSE, 0, again
        while True:
            tail.clear()
            attempt = await self._try(shell, request, until - clock(), _kept_in(tail))
            tries += 1
            if attempt.word:
                return _told(machine, attempt.word, seconds - SLACK)
            unknown = End.UNKNOWN if begun else End.NOT_RUNNABLE
            if attempt.foreign:
                return _ran(unknown, _foreign(machine, attempt))
            if attempt.problem and (attempt.final or (not begun and tries >= TRIES)):
                return Ran(unknown, problem=attempt.problem)
            begun = begun or attempt.begun
            if self._closed or attempt.late or clock() + pause >= until:
                return self._given_up(machine, attempt, begun, seconds)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _ran(end: End, what: Said) -> Ran:
    return Ran(end, problem=english((what,)), said=(what,))


def _kept_in(tail: Tail) -> Take:
    async def take(data: bytes) -> None:
        tail.feed(data)

    return take


def _told(machine: str, word: Word, deadline: float) -> Ran:
    match word.end:
        case End.EXITED:
            return Ran(End.EXITED, word.exit_status)
        case End.TIMED_OUT:
            return _ran(End.TIMED_OUT, said("ended_late", {"limit": deadline}))
    return _ran(word.end, said("of_machine", machine=machine, said=word.detail))


def _foreign(machine: str, attempt: _Attempt) -> Said:
    told = shown(attempt.said).strip()[-100:]
    return said("not_taken", machine=machine, status=str(attempt.status), said=told)
