"""The shape of what is found: an outcome, and one short line with the figures and, where it is bad, the mend. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot.notify.faults import shown
from bot.release.matching import Unfit, matched
from bot.release.ports import End, Found, Ran
from bot.rollout.work import SUMMARY, Outcome

Facts = tuple[tuple[str, str], ...]
_SIGNALS = 128  # a shell's status of what a signal ended is this and the signal's number
_ENDS = {
    End.TIMED_OUT: Outcome.TIMED_OUT,
    End.NOT_RUNNABLE: Outcome.NOT_RUNNABLE,
    End.UNKNOWN: Outcome.UNKNOWN,
}


def found(
    outcome: Outcome,
    summary: str,
    *,
    output: str = "",
    exit_status: int | None = None,
    value: float | None = None,
    facts: Facts = (),
) -> Found:
    return Found(outcome, shown(summary, SUMMARY), output, exit_status, value, facts)


passed = partial(found, Outcome.PASSED)
failed = partial(found, Outcome.FAILED)
not_runnable = partial(found, Outcome.NOT_RUNNABLE)
timed_out = partial(found, Outcome.TIMED_OUT)


def unended(ran: Ran) -> Found | None:
    """Of a command that did not end by itself; None = it did."""
    outcome = _ENDS.get(ran.end)
    return found(outcome, ran.problem, output=ran.output) if outcome else None


def exited(ran: Ran) -> str:
    """How a command ended, with the last it said."""
    status = ran.exit_status or 0
    ended = f"exit {status}" + (f" (signal {status - _SIGNALS})" if status > _SIGNALS else "")
    last = next((row.strip() for row in reversed(ran.output.splitlines()) if row.strip()), "")
    return f"{ended}: {last}" if status and last else ended


def lacking(pattern: str, text: str, what: str) -> Callable[[str, str], Found] | None:
    """None where the text has a match; else what is found then, made of the line before and the output."""
    try:
        if matched(pattern, text):
            return None
    except Unfit as error:
        sentence = str(error)
        return lambda said, output: not_runnable(sentence, output=output)
    return lambda said, output: failed(f"{said}, but the {what} has no match of /{pattern}/", output=output)


def size(count: float) -> str:
    """Bytes, for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def age(seconds: float) -> str:
    """For people."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= (2 * length if unit == "d" else length):
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
