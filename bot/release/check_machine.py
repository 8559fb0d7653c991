"""The check kinds `file_age`, `disk` and `memory`: looks at a machine, by what every Linux has. Texts in, found out."""

from __future__ import annotations

import re

from bot.release.findings import Facts, age, failed, found, not_runnable, passed, size
from bot.release.ports import Found, Ran
from bot.rollout.runbook import Check
from bot.rollout.work import Outcome

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
        return failed(f"no file {check.target} is there, or its folder may not be read")
    rows = ran.output.splitlines()
    numbers = re.fullmatch(r"(\d+) (\d+) (\d+)", " ".join(rows[:2]))
    if ran.exit_status or not numbers:
        return _unread(ran)
    now, changed, count = (float(number) for number in numbers.groups())
    return fresh(check, rows[2] if len(rows) > 2 else check.target, now - changed, count)


def fresh(check: Check, what: str, seconds: float, count: float) -> Found:
    """A file or backup of that age and size, against `max_age` and `min_size`."""
    facts: Facts = (("file", what), ("age", f"{seconds:.0f}"), ("bytes", f"{count:.0f}"))
    problem = ""
    if seconds < -FUTURE:
        problem = f"dated {age(-seconds)} in the future; set that machine's clock"
    elif seconds > check.max_age:
        problem = f"{age(seconds)} old > {age(check.max_age)}; make a new one"
    elif count < check.min_size:
        problem = f"{size(count)} < {size(check.min_size)}; make a whole one"
    said = problem or f"{age(max(seconds, 0.0))} old, {size(count)}"
    return found(Outcome.FAILED if problem else Outcome.PASSED, f"{said}: {what}", value=max(seconds, 0.0), facts=facts)


def disk(check: Check, ran: Ran) -> Found:
    """Of what a user may fill, as df counts it: available against used and available."""
    row = re.search(r"(\d+) +(\d+) +(\d+) +\d+% +\S", (ran.output.splitlines() or [""])[-1])
    if ran.exit_status or not row:
        return _unread(ran)
    used, available = float(row[2]), float(row[3])
    return _free(check, available, used + available, f" on {check.target}", "free some space")


def memory(check: Check, ran: Ran) -> Found:
    kilobytes = {name: float(count) for name, count in re.findall(r"^(\w+): +(\d+) kB", ran.output, re.MULTILINE)}
    total, available = kilobytes.get("MemTotal"), kilobytes.get("MemAvailable")
    if ran.exit_status or not total or available is None:
        return _unread(ran)
    return _free(check, available, total, "", "end what needs it, or add some")


def _free(check: Check, available: float, total: float, where: str, mend: str) -> Found:
    """available, total: KiB."""
    percent = 100 * available / total if total else 0.0
    facts: Facts = (("free", f"{1024 * available:.0f}"), ("bytes", f"{1024 * total:.0f}"))
    said = f"{percent:.1f} % free{where}, {size(1024 * available)}"
    if percent < check.free:
        return failed(f"{said}: < {check.free:g} %; {mend}", value=percent, facts=facts)
    return passed(f"{said}: >= {check.free:g} %", value=percent, facts=facts)


def _unread(ran: Ran) -> Found:
    last = (ran.output.splitlines() or ["nothing"])[-1]
    return not_runnable(f"exit {ran.exit_status}: {last}", output=ran.output, exit_status=ran.exit_status)
