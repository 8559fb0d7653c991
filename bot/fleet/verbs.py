"""The host program's verbs as one host at a time sees them: what to send, and what the JSON line means.

`HostVerbs` is what the router is built on; `RemoteVerbs` speaks it through a transport, `bot.fleet.fake` in memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

from bot.fleet import nginx, valid
from bot.fleet.target import HostReading, HostState, Serving
from bot.fleet.transport import Outdated, Transport, TransportError
from bot.rollout.plan import Host

FENCED = "fenced"  # a higher generation was here
DEPOSED = "deposed"  # a higher epoch of this generation was here: another bot has taken over
NO_WAY_BACK = "noback"  # what is to be staged needs a way back that is not ready on the host
UNREACHABLE = "unreachable"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Order:
    """What a changing verb is about. The pair (generation, epoch) is what a host compares with the last it accepted."""

    service: str
    generation: int
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said to ready, stage, commit, apply or revert.

    known: False when no answer came, or only that another call holds the host; then nothing else here is a fact, and
    the host must be read. `unreachable` as code: reading it would fail as well.
    swapped: the live file is this generation's. live: what its workers answered, when asked.
    already: it was so before. code: as in host/main.sh. error: one sentence, "" when ok.
    """

    known: bool
    ok: bool = False
    code: str = ""
    already: bool = False
    swapped: bool = False
    live: Serving | None = None
    error: str = ""

    @property
    def outranked(self) -> bool:
        """A newer order or a newer bot was here first: this one must leave the host alone."""
        return self.code in (FENCED, DEPOSED)


class HostVerbs(Protocol):
    """Each returns; none raises but for cancellation. text: the whole file, as rendered for that host.

    ready: the way back (bot.fleet.back) is tested and kept on the host. back: the sha256 of the one that must be there
    when something is staged, or the answer's code is `noback`.
    """

    async def ready(self, host: Host, order: Order, text: str) -> Answer: ...
    async def stage(self, host: Host, order: Order, text: str, back: str) -> Answer: ...
    async def commit(self, host: Host, order: Order) -> Answer: ...
    async def apply(self, host: Host, order: Order, text: str) -> Answer: ...
    async def revert(self, host: Host, order: Order) -> Answer: ...
    async def read(self, host: Host, service: str) -> HostReading: ...
    async def aclose(self) -> None: ...


class RemoteVerbs:
    """deadline: seconds for one verb on one host, connecting included."""

    def __init__(self, transport: Transport, deadline: float) -> None:
        self._transport = transport
        self._deadline = deadline

    async def ready(self, host: Host, order: Order, text: str) -> Answer:
        return await self._send("ready", host, order, text)

    async def stage(self, host: Host, order: Order, text: str, back: str) -> Answer:
        return await self._send("stage", host, order, text, back)

    async def commit(self, host: Host, order: Order) -> Answer:
        return await self._send("commit", host, order)

    async def apply(self, host: Host, order: Order, text: str) -> Answer:
        return await self._send("apply", host, order, text)

    async def revert(self, host: Host, order: Order) -> Answer:
        return await self._send("revert", host, order)

    async def read(self, host: Host, service: str) -> HostReading:
        try:
            line = await self._ask(host, ("read", service), b"")
        except (TransportError, ValueError) as error:
            return HostReading(host.name, HostState.UNREACHABLE, error=str(error))
        if not line["ok"]:
            return HostReading(host.name, HostState.UNREACHABLE, error=f"{host.name}: {line['error']}")
        return reading(host.name, line)

    async def check(self, host: Host, service: str) -> dict[str, Any]:
        """What the program says of the host; bot.fleet.checking judges it. TransportError or ValueError if nothing."""
        return await self._ask(host, ("check", service), b"")

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def _send(self, verb: str, host: Host, order: Order, text: str | None = None, *more: str) -> Answer:
        words: tuple[str, ...] = (verb, order.service, str(order.generation), str(order.epoch))
        content = b"" if text is None else text.encode()
        if text is not None:
            words += (sha256(text), *more)
        try:
            line = await self._ask(host, words, content)
            answers = [nginx.parse_status(line["live"])[0]] if line["live"] else []
            return Answer(
                known=line["code"] != "busy",
                ok=line["ok"],
                code=line["code"],
                already=line["already"],
                swapped=line["swapped"],
                live=answers[0] if answers else None,
                error=line["error"],
            )
        except TransportError as error:
            return Answer(known=False, code=UNREACHABLE, error=str(error))
        except (ValueError, KeyError) as error:
            return Answer(known=False, code="unknown", error=str(error))

    async def _ask(self, host: Host, words: tuple[str, ...], stdin: bytes) -> dict[str, Any]:
        """The program's line. TransportError or ValueError when there is none."""
        valid.host(host)
        # lock, reload and putting back may each take all of the wait; the last second is for connecting and nginx -t
        wait = max(0.5, (self._deadline - 1) / 3)
        place = (host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, str(int(wait * 100)))
        result = await self._transport.run(host, (*place, *words), stdin, self._deadline)
        if result.exit_status is None:
            raise ValueError(f"{host.name}: no answer to {words[0]} ({_short(result.stderr) or 'connection lost'})")
        try:
            line = json.loads(result.stdout.decode(errors="replace"))
        except ValueError:
            line = None
        if not isinstance(line, dict):
            said = _short(result.stderr) or _short(result.stdout) or f"exit status {result.exit_status}"
            raise ValueError(f"{host.name}: the host program did not run ({said}); does the user have a POSIX shell?")
        if line.get("code") == "version":
            raise Outdated(f"{host.name}: {line.get('error')}: rollout-bot host install {host.name}")
        return line


def reading(name: str, line: dict[str, Any]) -> HostReading:
    """What a `read` line means. Agreement of the file, its header and every worker asked is OK; nothing else is."""
    try:
        body = base64.b64decode(line["body"]).decode(errors="replace")
        answers = [nginx.parse_status(answer)[0] for answer in line["live"]]
        file = nginx.parse_header(body)
        live = answers[0] if answers and all(answer == answers[0] for answer in answers) else None
        state, problem = _judged(line, body, file, live, bool(answers))
    except (KeyError, ValueError) as error:
        return HostReading(name, HostState.UNREACHABLE, error=f"{name}: {error}")
    return HostReading(name, state, file, live, line["sha256"], body, problem)


def _judged(
    line: dict[str, Any], body: str, file: Serving | None, live: Serving | None, answered: bool
) -> tuple[HostState, str]:
    if not line["master"]:
        return HostState.DOWN, "nginx is not running; start it"
    if line["present"] and not nginx.is_ours_unedited(body):
        return HostState.EDITED, f"{nginx.file_name(line['service'])} is not as the bot wrote it"
    if line["busy"]:
        return HostState.STALE, "another change is under way on the host"
    if not line["present"] and not answered:
        return HostState.ABSENT, ""
    if live is None or live != file or line["pending"]:
        return HostState.STALE, "workers and file do not agree; reload nginx, or restore"
    return HostState.OK, ""


def _short(data: bytes) -> str:
    return " ".join(data.decode(errors="replace").split())[:200]
