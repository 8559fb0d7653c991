"""Which crash points were reached, and at which the process was killed. Files, since a killed process forgets."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

Instants = tuple[tuple[str, ...], ...]  # each with its names
ALL = "*"  # armed: every point there is, known or not


def names_of(instants: Iterable[tuple[str, ...]]) -> frozenset[str]:
    return frozenset(name for instant in instants for name in instant)


class Ledger:
    """One folder, written by the bot's processes one after the other and read by the test.

    armed: the points to be killed at, a line each; `*` every one, but for those named in a line that begins with `-`.
    reached, killed: the names in order, those of one instant in a line. A name is killed at once, at its first arrival.
    frozen: the points at which a process was made to stand still (SIGSTOP), one for each `freeze`.
    answers: what the hosts said to orders: verb, service, generation, epoch, code.
    died: the signal that ended a life, a line each; the supervisor's own observation.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arm(self, names: Iterable[str], but: Iterable[str] = ()) -> None:
        """From the next start of a process on."""
        lines = [*sorted(names), *(f"-{name}" for name in sorted(but))]
        (self._folder / "armed").write_text("".join(f"{line}\n" for line in lines))

    def freeze(self, name: str) -> None:
        """At the next arrival there, in whatever process; at once, also in one that runs already."""
        (self._folder / "freeze").write_text(name)

    def spare(self) -> None:
        """What was to be frozen next is not."""
        (self._folder / "freeze").unlink(missing_ok=True)

    def freezes(self, names: tuple[str, ...]) -> bool:
        """Whether one of the names is to be frozen at. Asked by the process that will be; true once."""
        file = self._folder / "freeze"
        if not file.exists() or file.read_text() not in names:
            return False
        file.unlink()
        self.note("frozen", *names)
        return True

    @property
    def armed(self) -> frozenset[str]:
        return frozenset(self._lines("armed"))

    @property
    def reached(self) -> Instants:
        """Each with those of its names that were new."""
        return tuple(tuple(line.split()) for line in self._lines("reached"))

    @property
    def killed(self) -> Instants:
        return tuple(tuple(line.split()) for line in self._lines("killed"))

    @property
    def frozen(self) -> Instants:
        return tuple(tuple(line.split()) for line in self._lines("frozen"))

    @property
    def answers(self) -> Instants:
        return tuple(tuple(line.split()) for line in self._lines("answers"))

    @property
    def died(self) -> tuple[int, ...]:
        return tuple(int(line) for line in self._lines("died"))

    def _lines(self, name: str) -> list[str]:
        file = self._folder / name
        return file.read_text().splitlines() if file.exists() else []

    def note(self, file: str, *names: str) -> None:
        """One write, so that it is there whole when the process is gone a moment later."""
        with (self._folder / file).open("ab", buffering=0) as out:
            out.write(f"{' '.join(names)}\n".encode())


class Points:
    """The crash points of this process. reach() returns, or the process is gone."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._armed = ledger.armed
        self._reached = set(names_of(ledger.reached))
        self._killed = names_of(ledger.killed)

    def reach(self, *names: str) -> bool:
        """names: of one and the same instant; being killed at one of them is being killed at all.

        Whether the process stood still here, for as long as whoever froze it liked.
        """
        new = [name for name in names if name not in self._reached]
        if new:
            self._reached.update(new)
            self._ledger.note("reached", *new)
        fresh = [name for name in names if name not in self._killed]
        if any(self._is_armed(name) for name in fresh):
            self._ledger.note("killed", *fresh)
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)  # the signal may take a moment; not one more step is taken
        frozen = self._ledger.freezes(names)
        if frozen:
            os.kill(os.getpid(), signal.SIGSTOP)
        return frozen

    def answered(self, *words: str) -> None:
        self._ledger.note("answers", *words)

    def _is_armed(self, name: str) -> bool:
        return name in self._armed or (ALL in self._armed and f"-{name}" not in self._armed)
