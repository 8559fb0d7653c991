"""How a run ended, without what differs between two runs of the same play: times, ports, sums."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any

from bot.fleet.nginx import file_name
from bot.rollout.events import (
    BakeProlonged,
    DriftFound,
    DriftGone,
    Event,
    HostsCaughtUp,
    VerdictChanged,
    WatchLine,
    WorkDone,
    WorkFinished,
)
from bot.rollout.model import Rollout
from bot.rollout.runbook import Phase
from bot.sandbox.demo.stand import SERVICE
from bot.sandbox.slack.workspace import texts_of
from tests.crash import alarm, runbook
from tests.crash.cast import Cast, key_of

# A machine that is slow for a moment makes a bake take longer than planned, and says so; nothing depends on it. Of the
# watch's lines there are as many as there is time for, since none is made up for: the play waits for the first.
ASIDE = (BakeProlonged, WatchLine)
# Nor is a host always read just while its nginx stops, which is shown as drift until the next reading.
BY_CHANCE = (*ASIDE, DriftGone)
MEASURED = frozenset({"readings", "digest", "error", "watch_lines", "prolonged"})
MASKS = (
    (re.compile(r"ROLLOUT-\d{8}"), "ROLLOUT-<day>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sum>"),
    (re.compile(r"(?<=edition \d · `)[0-9a-f]{12}\b"), "<sum>"),
    (re.compile(r"\b1\d{9}(\d{3})?\b"), "<moment>"),
    (re.compile(r"\b\d{8}T\d{6}Z\.[0-9a-f]{12}\b"), "<stamp>"),
    (re.compile(r"<!date\^\d+"), "<!date^"),
    (re.compile(r"\d{4}[-/]\d\d[-/]\d\d"), "<date>"),
    (re.compile(r"\b\d+#\d+\b"), "<pid>"),
    (re.compile(r"(?<![-\w:])\d{1,2}:\d\d(:\d\d)?\b"), "<clock>"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|min|m|h|d)\b( \d+(\.\d+)? ?(ms|s|min|m|h|d)\b)*"), "<time>"),
)

Summary = dict[str, Any]


async def summary(cast: Cast) -> Summary:
    """Of a play that is over. Compared by `==`; every part of it is readable in a diff."""
    look = await cast.look()
    plain = _Plain(cast)
    return {
        "rollout": plain.value(asdict(_sorted(look.rollout))) if look.rollout else None,
        "events": [f"{type(e).__name__} {plain.value(asdict(e))}" for e in _course(look.events)],
        "messages": _messages(cast, look.events, plain),
        "alerts": alarm.state(look.alerts),
        "letters": alarm.letters(cast.stand.inbox),
        "waiting": look.waiting,
        "given_up": sorted(set(look.given_up)),  # a bot that begins anew while it is refused tries it anew
        "ran": runbook.ran(cast.stand.root),
        "served": await cast.stand.play.served(),
        "files": {name: plain.text(host.read(file_name(SERVICE))) for name, host in cast.stand.world.nginx.items()},
    }


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Each smallest part that is not the same, with its place: a whole summary is too long to be read."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping) and expected.keys() == found.keys():
        return [line for k in expected for line in differences(expected[k], found[k], f"{where}.{k}")]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for n, (one, other) in pairs for line in differences(one, other, f"{where}[{n}]")]
    return [] if expected == found else [f"{where}: {expected} != {found}"]


def _sorted(rollout: Rollout) -> Rollout:
    """Without the order in which pieces of work were over."""
    return replace(rollout, results=tuple(sorted(rollout.results, key=lambda done: (done.ref.phase, done.ref.name))))


def _course(events: tuple[Event, ...]) -> list[Event]:
    """Pieces that are done side by side, and gates judged meanwhile, are over in any order.

    A host catches up when it answers again, whatever else goes on: that comes last here.
    """
    course: list[Event] = []
    counted = (e for e in events if not (_aside(e) or isinstance(e, HostsCaughtUp)))
    for beside, group in groupby(counted, key=_beside):
        some = list(group)
        course += sorted(some, key=_name) if beside else some
    return [*course, *(e for e in events if isinstance(e, HostsCaughtUp))]


def _aside(event: Event) -> bool:
    if isinstance(event, DriftFound):
        return all(d.state == "stale" for d in event.drift)
    return isinstance(event, ASIDE) or (isinstance(event, DriftGone) and bool(event.down))


def _beside(event: Event) -> bool:
    if isinstance(event, WorkFinished):
        return event.phase is Phase.DURING_STAGE
    return isinstance(event, WorkDone | VerdictChanged)


def _name(event: Event) -> tuple[str, str]:
    what = event.result.ref.name if isinstance(event, WorkDone) else ""
    return type(event).__name__, event.gate.text if isinstance(event, VerdictChanged) else what


def _messages(cast: Cast, events: tuple[Event, ...], plain: _Plain) -> list[str]:
    """Every message of the bot's, once each, by what it tells: how often, where, and what it says in the end."""
    often = Counter(key_of(m) for m in cast.messages())
    names = _names_of_events(events)
    lines = []
    for message in cast.messages():
        key = key_of(message)
        kind, seq = key.partition(":")[0], key.rpartition(":")[2]
        name = names[int(seq)] if kind in ("tell", "chart") else plain.text(key)
        if name is None:
            continue
        shown = f"{kind}:{name}" if kind in ("tell", "chart") else name
        place = "thread" if message.thread_ts not in (None, message.ts) else "channel"
        files = [str(file["name"]) for file in message.files]
        said = plain.text(" | ".join([*(texts_of(message.blocks) or [message.text]), *files]))
        lines.append(f"{shown} x{often[key]} {place}{' broadcast' if message.broadcast else ''}: {said}")
    return sorted(lines)


def _names_of_events(events: tuple[Event, ...]) -> dict[int, str | None]:
    """seq -> the event's kind and which of its kind it is; None for what is put aside."""
    seen: Counter[str] = Counter()
    names: dict[int, str | None] = {}
    for seq, event in enumerate(events, 1):
        kind = type(event).__name__
        if _aside(event):
            names[seq] = None
            continue
        if isinstance(event, WorkDone):
            kind += f":{event.result.ref.phase}:{event.result.ref.name}"
        seen[kind] += 1
        names[seq] = f"{kind}:{seen[kind]}"
    return names


class _Plain:
    """Says stand-specific words by their role, and plan hashes by the order in which they came."""

    def __init__(self, cast: Cast) -> None:
        world = cast.stand.world
        self._words = {backend.address: f"<{pool}>" for pool, backend in world.pools.items()}
        self._words |= {re.escape(address): role for address, role in self._words.items()}
        self._words |= {host.status: f"<status of {host.name}>" for host in world.hosts}
        self._words |= {host.conf_dir: f"<conf.d of {host.name}>" for host in world.hosts}
        self._words |= {host.pid_file: f"<pid file of {host.name}>" for host in world.hosts}
        self._words[str(cast.stand.root)] = "<root>"  # after what lies in it
        self._hashes: dict[str, str] = {}

    def text(self, text: str) -> str:
        for word, role in self._words.items():
            text = text.replace(word, role)
        for found, role in self._hashes.items():
            text = text.replace(found, role)
        for pattern, mask in MASKS:
            text = pattern.sub(mask, text)
        return text

    def value(self, value: Any, name: str = "") -> Any:
        if isinstance(value, Mapping):
            kept = {k: v for k, v in value.items() if k not in MEASURED and (k == "weight" or type(v) is not float)}
            return {k: self.value(v, k) for k, v in kept.items()}
        if name in ("plan_hash", "live_plan_hash", "before", "after") and isinstance(value, str) and value:
            return self._hashes.setdefault(value, f"<plan {len(self._hashes) + 1}>")
        if isinstance(value, list | tuple):
            return [
                self.value(v, "note" if name == "notes" else "")
                for v in value
                if name != "note" or type(v) is not float
            ]
        return self.text(value) if isinstance(value, str) else value
