"""The host program as a loop on one open SSH channel: a request is one write, its answer one line.

The first request costs the channel and the program's text; each one after it a single round trip.
"""

from __future__ import annotations

import asyncio
import re

import asyncssh

from bot.fleet.transport import RunResult, speaks

_ANSWER = re.compile(rb"(\d{1,3}) (.*)", re.DOTALL)
_KEPT = 2000  # bytes of what a host says beside the protocol


class Lost(Exception):
    """The channel ended without an answer. status: the program's own end, None when that was not seen."""

    def __init__(self, reason: str, status: int | None, said: bytes) -> None:
        super().__init__(reason)
        self.status = status
        self.said = said


class Loop(asyncssh.SSHClientSession[bytes]):
    """One channel. One request at a time: whoever waits for an answer has it for himself."""

    def __init__(self) -> None:
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._line = bytearray()
        self._aside = b""
        self._status: int | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self.used = False  # has answered before
        self.lost = False

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is not None:
            self._aside = (self._aside + data)[:_KEPT]
            return
        self._line += data
        if data.endswith(b"\n") and self._answer is not None and not self._answer.done():
            self._answer.set_result(bytes(self._line))

    def exit_status_received(self, status: int) -> None:
        self._status = status

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._answer is not None and not self._answer.done():
            reason = str(exc) if exc else "connection lost"
            self._answer.set_exception(Lost(reason, self._status, bytes(self._line) or self._aside))

    async def ask(self, argv: tuple[str, ...], stdin: bytes) -> RunResult:
        """Lost when the answer does not come. After that, or a cancellation, the loop must be closed."""
        if self.lost or self._channel is None:
            raise Lost("connection lost", self._status, self._aside)
        lines = stdin.count(b"\n")
        if stdin and not stdin.endswith(b"\n"):
            raise ValueError("what a host is sent ends with a newline")
        self._line.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._channel.write(f"{lines} {speaks()} {' '.join(argv)}\n".encode() + stdin)
        try:
            line = await self._answer
        finally:
            self._answer = None
        self.used = True
        answer = _ANSWER.fullmatch(line)
        if answer is None:  # not the program: a shell that greets, or refuses
            self.close()
            return RunResult(1, line)
        status = int(answer[1])
        if status >= 128:
            return RunResult(None, stderr=b"the program was killed")  # how far it came is not known
        return RunResult(status, answer[2])

    def close(self) -> None:
        self.lost = True
        if self._channel is not None:
            self._channel.close()
