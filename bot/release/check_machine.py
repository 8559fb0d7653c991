"""The check kinds `file_age`, `disk` and `memory`: looks at a machine, by what every Linux has. Texts in, found out."""

from __future__ import annotations

import re

from bot.release.findings import Facts, failed, not_runnable, passed, size
from bot.release.ports import Found, Ran
from bot.release.saying import NONE, said
from bot.rollout.runbook import Check
from bot.rollout.work import Said

TARGET = "ROLLOUT_CHECK_TARGET"  # the variable that carries a check's target into its line
NO_FILE = 3
FUTURE = 300.0  # seconds that a file may be ahead of the clock
# IFS='' keeps a name with blanks whole, while a pattern is still expanded.
FILE_AGE = f"""IFS=''; newest=''
for file in ${TARGET}; do
    [ -f "$file" ] || continue
    [ -n "$newest" ] && [ ! "$file" -nt "$newest" ] || newest=$file
done
[ -n "$newest" ] || exit {NO_FILE}
date +%s && stat -L -c '%Y %s' -- "$newest" && printf '%s\\n' "$newest"
"""
DISK = f'df -Pk -- "${TARGET}"'
MEMORY = "cat /proc/meminfo"


def file_age(check: Check, ran: Ran) -> Found:
    if ran.exit_status == NO_FILE:
        return failed(said("no_file", target=check.target))
    rows = ran.output.splitlines()
    numbers = re.fullmatch(r"(\d+) (\d+) (\d+)", " ".join(rows[:2]))
    if ran.exit_status or not numbers:
        return _unread(ran)
    now, changed, count = (float(number) for number in numbers.groups())
    return fresh(check, rows[2] if len(rows) > 2 else check.target, now - changed, count)


def fresh(check: Check, what: str, seconds: float, count: float) -> Found:
    """A file or backup of that age and size, against `max_age` and `min_size`."""
    facts: Facts = (("file", what), ("age", f"{seconds:.0f}"), ("bytes", f"{count:.0f}"))
    problem = None
    if seconds < -FUTURE:
        problem = said("future", {"age": -seconds}, file=what)
    elif seconds > check.max_age:
        problem = said("too_old", {"age": seconds, "most": check.max_age}, file=what)
    elif count < check.min_size:
        problem = said("too_small", size=size(count), least=size(check.min_size), file=what)
    old = max(seconds, 0.0)
    if problem:
        return failed(problem, value=old, facts=facts)
    return passed(said("fresh", {"age": old}, size=size(count), file=what), value=old, facts=facts)


def disk(check: Check, ran: Ran) -> Found:
    """Of what a user may fill, as df counts it: available against used and available."""
    row = re.search(r"(\d+) +(\d+) +(\d+) +\d+% +\S", (ran.output.splitlines() or [""])[-1])
    if ran.exit_status or not row:
        return _unread(ran)
    used, available = float(row[2]), float(row[3])
    shown = _free(check, available, used + available)
    shown["target"] = check.target
    good, full = said("disk", NONE, **shown), said("disk_full", NONE, **shown)
    return _judged(check, available, used + available, good, full)


def memory(check: Check, ran: Ran) -> Found:
    kilobytes = {name: float(count) for name, count in re.findall(r"^(\w+): +(\d+) kB", ran.output, re.MULTILINE)}
    total, available = kilobytes.get("MemTotal"), kilobytes.get("MemAvailable")
    if ran.exit_status or not total or available is None:
        return _unread(ran)
    shown = _free(check, available, total)
    return _judged(check, available, total, said("memory", NONE, **shown), said("memory_full", NONE, **shown))


def _percent(available: float, total: float) -> float:
    return 100 * available / total if total else 0.0


def _free(check: Check, available: float, total: float) -> dict[str, str]:
    """available, total: KiB."""
    percent = f"{_percent(available, total):.1f}"
    return {"percent": percent, "size": size(1024 * available), "least": f"{check.free:g}"}


def _judged(check: Check, available: float, total: float, good: Said, full: Said) -> Found:
    facts: Facts = (("free", f"{1024 * available:.0f}"), ("bytes", f"{1024 * total:.0f}"))
    percent = _percent(available, total)
    if percent < check.free:
        return failed(full, value=percent, facts=facts)
    return passed(good, value=percent, facts=facts)


def _unread(ran: Ran) -> Found:
    what = (said("exited", status=str(ran.exit_status)), said("last", last=(ran.output.splitlines() or ["–"])[-1]))
    return not_runnable(*what, output=ran.output, exit_status=ran.exit_status)
