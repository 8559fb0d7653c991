"""Heavy work in a process of its own: what it imports would cost the bot more memory than all the rest of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import bot
from bot.engine.ports.errors import Final, Retryable

ROOT = Path(bot.__file__).parent.parent


async def run_apart(module: str, args: Sequence[str], data: bytes, deadline: float, magic: bytes, what: str) -> bytes:
    """Standard output of `python -m module args`, which reads `data`. deadline: seconds; then the process is ended.

    magic: what the output has to begin with. what: it, for the sentence. Raises Retryable: not in time; Final: it
    cannot be done here.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *args,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(deadline):
            made, said = await process.communicate(data)
    except TimeoutError:
        raise Retryable(f"{what} was not made within {deadline:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    if process.returncode or not made.startswith(magic):
        lines = said.decode("utf-8", "replace").strip().splitlines() or ["no word"]
        raise Final(f"{what} could not be made: {lines[-1]}")
    return made
