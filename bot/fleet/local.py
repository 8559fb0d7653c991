"""The hosts' nginx runs on this machine: the host program as a child process. For the demo, tests, and a single box."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Coroutine
from typing import Any, TypeVar

from bot.fleet.transport import PROGRAM, RunResult, Unreachable, script
from bot.rollout.plan import Host

T = TypeVar("T")


class LocalTransport:
    async def run(self, host: Host, argv: tuple[str, ...], stdin: bytes, timeout: float) -> RunResult:
        """See Transport.run. At the deadline, or when cancelled, the program and its children are killed."""
        command = ("/bin/sh", "-c", script(), PROGRAM, *argv)
        start = asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True)
        try:
            # a start that is cancelled half-way may wait for ever for its own pipes (CPython gh-103847)
            process, cancelled = await to_the_end(start)
        except OSError as error:
            raise Unreachable(
                f"{host.name}: cannot start /bin/sh here ({error}); free some memory or processes"
            ) from error
        try:
            if cancelled:
                raise asyncio.CancelledError
            async with asyncio.timeout(timeout):
                stdout, stderr = await process.communicate(stdin)
        except TimeoutError:
            return RunResult(None, stderr=f"no answer within {timeout:g} s".encode())
        finally:
            if process.returncode is None:
                _, late = await to_the_end(_kill(process))
                if late:
                    raise asyncio.CancelledError
        status = process.returncode
        return RunResult(status if status is not None and status >= 0 else None, stdout, stderr)

    async def aclose(self) -> None:
        """Nothing is kept between runs."""


async def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()  # its end is only seen once its pipes are read empty


async def to_the_end(work: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """The result, and whether a cancellation came meanwhile; it is the caller's to raise."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
        except BaseException:
            break  # the task's own, raised below
    return task.result(), cancelled
