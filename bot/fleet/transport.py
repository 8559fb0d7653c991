"""How the host program reaches a host: the Protocol, its result, and what can go wrong on the way.

A transport carries bytes and judges nothing. What happened on a host is in the program's JSON line; when there is none
(`exit_status` None) it is unknown, and whoever asked reads the host.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from bot.rollout.plan import Host

PROGRAM = "rollout-host"  # $0 of the program
PARTS = (
    "words",
    "files",
    "nginx",
    "trying",
    "verbs",
    "checking",
    "main",
)  # of the program, in the order they are joined


@dataclass(frozen=True, slots=True)
class RunResult:
    """exit_status: None when the end was not seen (connection lost, deadline passed): nothing is known then."""

    exit_status: int | None
    stdout: bytes = b""
    stderr: bytes = b""


class Transport(Protocol):
    async def run(self, host: Host, argv: tuple[str, ...], stdin: bytes, timeout: float) -> RunResult:
        """Run the host program with these arguments. timeout: seconds for everything, connecting included.

        Raises TransportError when the host could not be talked to. Cancelling ends what was started.
        """
        ...

    async def aclose(self) -> None: ...


class TransportError(Exception):
    """The host could not be talked to. The text is one sentence with the mend; `retryable` when waiting may mend it."""

    retryable = True


class Unreachable(TransportError):
    """No connection, or it broke."""


class HostKeyRejected(TransportError):
    """The host is not known, or is not the one that was."""

    retryable = False


class Outdated(TransportError):
    """The program installed on the host speaks another bot's language."""

    retryable = False


class AuthFailed(TransportError):
    """The host knows neither the user nor the key."""

    retryable = False


@cache
def script() -> str:
    """The host program's text, without the comments that only a reader needs."""
    text = "".join((files("bot.fleet") / "host" / f"{part}.sh").read_text(encoding="utf-8") for part in PARTS)
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")) + "\n"


@cache
def speaks() -> str:
    """What the bot's own program takes a request to mean; an installed one may mean another thing."""
    found = re.search(r"^speaks=(\d+)", script(), re.MULTILINE)
    assert found is not None
    return found[1]


@cache
def digest() -> str:
    """Of the program, to tell whether the installed one is this bot's."""
    return hashlib.sha256(script().encode()).hexdigest()
