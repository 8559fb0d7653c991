"""What the parts of a release share: how a command is run somewhere, and what came of a piece of work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.rollout.work import Figure, Outcome, Said


class End(StrEnum):
    EXITED = "exited"
    TIMED_OUT = "timed_out"  # the deadline passed; what was begun was ended
    NOT_RUNNABLE = "not_runnable"  # nothing was begun: no connection, no such machine
    UNKNOWN = "unknown"  # it was begun, and how it ended cannot be learnt


@dataclass(frozen=True, slots=True)
class Ran:
    """output: the end of standard output and error together, as text, secrets masked. problem: a sentence, or "".

    said: the problem in no language, where it is ours.
    """

    end: End
    exit_status: int | None = None
    output: str = ""
    problem: str = ""
    said: tuple[Said, ...] = ()


class Runner(Protocol):
    """Runs a line with `sh -c` on a machine: BOT, a Machine's name, or a host of the fleet. Never raises."""

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
        """key: "" = may be run any number of times (a look). Else the line is run on that machine at most once for this
        key, whatever happens to the bot: asked again, it waits for the run under way or tells how that ended.

        secrets: values (not names) that must not be seen in the output. again: this key may have been asked for before,
        by this process or another; a machine that cannot be asked is then UNKNOWN, not NOT_RUNNABLE.
        """
        ...

    async def pour(
        self, machine: str, line: str, env: Mapping[str, str], deadline: float, sink: Callable[[bytes], None]
    ) -> Ran:
        """Standard output goes to the sink as it comes; Ran.output is standard error alone.

        The sink is called from threads, one call after the other, and holds the output back while it works. What it
        raises ends the command and is raised.
        """
        ...


class LastBackup(Protocol):
    async def newest(self, service: str, name: str) -> tuple[float, int] | None:
        """(taken at, bytes) of the newest verified backup of a BackupRule; None = there is none.

        Raises OSError where that cannot be looked up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What a piece of work came to; the fields are those of WorkResult."""

    outcome: Outcome
    summary: str
    output: str = ""
    exit_status: int | None = None
    value: float | None = None
    facts: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()
    said: tuple[Said, ...] = ()
