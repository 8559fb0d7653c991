"""How a run ended, without what differs between two runs of the same play: times, ports, sums."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bot.fleet.nginx import file_name
from bot.rollout.events import BakeProlonged, Event
from bot.sandbox.demo.people import message_key
from bot.sandbox.demo.stand import SERVICE
from bot.sandbox.slack.workspace import texts_of
from tests.crash.cast import Cast

# A machine that is slow for a moment makes a bake take longer than planned, and says so; nothing depends on it.
ASIDE = (BakeProlonged,)
MEASURED = frozenset({"readings", "digest", "error"})
MASKS = (
    (re.compile(r"ROLLOUT-\d{8}"), "ROLLOUT-<day>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sum>"),
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
        "rollout": plain.value(asdict(look.rollout)) if look.rollout else None,
        "events": [f"{type(e).__name__} {plain.value(asdict(e))}" for e in look.events if not isinstance(e, ASIDE)],
        "messages": _messages(cast, look.events, plain),
        "waiting": look.waiting,
        "given_up": look.given_up,
        "served": await cast.stand.play.served(),
        "files": {name: plain.text(host.read(file_name(SERVICE))) for name, host in cast.stand.world.nginx.items()},
    }


def _messages(cast: Cast, events: tuple[Event, ...], plain: _Plain) -> list[str]:
    """Every message of the bot's, once each, by what it tells: how often, where, and what it says in the end."""
    often = Counter(message_key(m) for m in cast.messages())
    names = _names_of_tells(events)
    lines = []
    for message in cast.messages():
        key = message_key(message)
        if key.startswith("tell:") and (name := names[int(key.rpartition(":")[2])]) is None:
            continue
        shown = name if key.startswith("tell:") else plain.text(key)
        place = "thread" if message.thread_ts not in (None, message.ts) else "channel"
        said = plain.text(" | ".join(texts_of(message.blocks) or [message.text]))
        lines.append(f"{shown} x{often[key]} {place}{' broadcast' if message.broadcast else ''}: {said}")
    return sorted(lines)


def _names_of_tells(events: tuple[Event, ...]) -> dict[int, str | None]:
    """seq -> the event's kind and which of its kind it is; None for what is put aside."""
    seen: Counter[str] = Counter()
    names: dict[int, str | None] = {}
    for seq, event in enumerate(events, 1):
        kind = type(event).__name__
        seen[kind] += 1
        names[seq] = None if isinstance(event, ASIDE) else f"tell:{kind}:{seen[kind]}"
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
