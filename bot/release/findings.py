"""The shape of what is found: an outcome, and one short line with the figures and, where it is bad, the mend. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bot.notify.faults import shown
from bot.release.matching import Unfit, matched
from bot.release.ports import End, Found, Ran
from bot.release.saying import english, said
from bot.rollout.runbook import Must
from bot.rollout.work import SUMMARY, Figure, Outcome, Said

Facts = tuple[tuple[str, str], ...]
_SIGNALS = 128  # a shell's status of what a signal ended is this and the signal's number
_ENDS = {
    End.TIMED_OUT: Outcome.TIMED_OUT,
    End.NOT_RUNNABLE: Outcome.NOT_RUNNABLE,
    End.UNKNOWN: Outcome.UNKNOWN,
}


def found(
    outcome: Outcome,
    *what: Said,
    output: str = "",
    exit_status: int | None = None,
    value: float | None = None,
    facts: Facts = (),
    figures: tuple[Figure, ...] = (),
) -> Found:
    return Found(outcome, shown(english(what), SUMMARY), output, exit_status, value, facts, figures, what)


passed = partial(found, Outcome.PASSED)
failed = partial(found, Outcome.FAILED)
not_runnable = partial(found, Outcome.NOT_RUNNABLE)
timed_out = partial(found, Outcome.TIMED_OUT)


def also(came: Found, more: Said) -> Found:
    """The same, with something said around it."""
    what = (*came.said, more)
    return replace(came, summary=shown(english(what), SUMMARY), said=what)


def quoted(text: str) -> Said:
    """Somebody else's words."""
    return said("quoted", said=text)


def unended(ran: Ran) -> Found | None:
    """Of a command that did not end by itself; None = it did."""
    outcome = _ENDS.get(ran.end)
    return found(outcome, *(ran.said or (quoted(ran.problem),)), output=ran.output) if outcome else None


def exited(ran: Ran) -> tuple[Said, ...]:
    """How a command ended, with the last it said."""
    status = ran.exit_status or 0
    ended = said("exited", status=str(status))
    if status > _SIGNALS:
        ended = said("signalled", status=str(status), signal=str(status - _SIGNALS))
    last = next((row.strip() for row in reversed(ran.output.splitlines()) if row.strip()), "")
    return (ended, said("last", last=last)) if status and last else (ended,)


def compared(value: float, must: Must) -> Said:
    """A number, against what it had to be."""
    shown_as = f"{value:g}"
    if must.holds(value):
        return said("holds", value=shown_as, must=must.text)
    return said("holds_not", value=shown_as, must=must.text)


def lacking(pattern: str, text: str, lack: Said) -> Callable[[tuple[Said, ...], str], Found] | None:
    """None where the text has a match; else what is found then, made of what was said before and the output."""
    try:
        if matched(pattern, text):
            return None
    except Unfit as error:
        unfit = error.said
        return lambda before, output: not_runnable(*unfit, output=output)
    return lambda before, output: failed(*before, lack, output=output)


def size(count: float) -> str:
    """Bytes, for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
