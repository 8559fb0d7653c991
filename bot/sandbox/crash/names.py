"""The names of the crash points, derived from the types: a new effect, intent or verb has its points by itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import get_args

from bot.alerts.intents import AlertIntent
from bot.engine.ports.chat import Chat
from bot.engine.ports.records import OutboxEffect
from bot.engine.ports.store import Store
from bot.fleet.verbs import HostVerbs
from bot.rollout.intents import Intent

# What only looks. Everything else of these Protocols changes something, and so has a point before it and one after it.
LOOKS: dict[type, frozenset[str]] = {
    Store: frozenset(
        {
            *("load", "streams", "next_due", "pending", "board", "measurements", "rollouts", "rollout"),
            *("next_rollout_number", "events", "last_before", "message", "message_at", "leads", "now"),
            *("listen", "close"),
        }
    ),
    Chat: frozenset({"find", "reactions", "permalink", "read"}),
    HostVerbs: frozenset({"aclose"}),  # reading a host is an effect's whole work
}
RECORD = "Record"  # a commit with a cause or effects, and no decision
SWAPPING = ("commit", "apply", "revert")  # verbs in whose middle the live file changes


def acts(protocol: type) -> tuple[str, ...]:
    """The methods that change something, in the order of their names."""
    methods = (name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if not name.startswith("_"))
    return tuple(name for name in methods if name not in LOOKS[protocol])


def around(name: str) -> tuple[str, str]:
    return f"{name}.before", f"{name}.after"


def of_effect(kind: str) -> tuple[str, str, str]:
    """Claimed and not begun; performed and its outcome not written; its outcome written."""
    return f"effect.{kind}.claimed", f"effect.{kind}.performed", f"effect.{kind}.written"


def required() -> frozenset[str]:
    """Every point that there must be. A run has finer ones besides: by message, by host, by what was in a commit."""
    intents = (*(kind.__name__ for kind in get_args(Intent | AlertIntent)), RECORD)
    names: list[Iterable[str]] = [of_effect(kind.__name__) for kind in get_args(OutboxEffect)]
    names += [around(f"commit.{intent}") for intent in intents]
    names += [around(f"store.{act}") for act in acts(Store) if act != "commit"]
    names += [around(f"chat.{act}") for act in acts(Chat)]
    names += [around(f"host.{verb}") for verb in acts(HostVerbs)]
    names.append(f"host.{verb}.swapped" for verb in SWAPPING)
    return frozenset(name for some in names for name in some)
