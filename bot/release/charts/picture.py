"""Has a chart drawn, in a process of its own: matplotlib would cost the bot more memory than all the rest of it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import bot
from bot.engine.ports import Final, Retryable
from bot.release.charts.model import Chart, to_json
from bot.release.charts.words import Lang

DEADLINE = 60.0  # seconds; the first picture on a machine also makes matplotlib's list of fonts
MAGIC = b"\x89PNG\r\n\x1a\n"
ROOT = Path(bot.__file__).parent.parent


async def draw(chart: Chart, lang: Lang, deadline: float = DEADLINE) -> bytes:
    """The PNG, about 1200 pixels wide. Retryable: not within the deadline. Final: it cannot be drawn here."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.release.charts",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(deadline):
            picture, said = await process.communicate(json.dumps({"lang": lang, "chart": to_json(chart)}).encode())
    except TimeoutError:
        raise Retryable(f"the chart was not drawn within {deadline:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    if process.returncode or not picture.startswith(MAGIC):
        lines = said.decode("utf-8", "replace").strip().splitlines() or ["no word"]
        raise Final(f"the chart could not be drawn: {lines[-1]}")
    return picture
