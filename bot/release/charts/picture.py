"""Has a chart drawn, in a process of its own."""

from __future__ import annotations

import json

from bot.release.apart import run_apart
from bot.release.charts.model import Chart, to_json
from bot.release.charts.words import Lang

DEADLINE = 60.0  # seconds; the first picture on a machine also makes matplotlib's list of fonts
MAGIC = b"\x89PNG\r\n\x1a\n"


async def draw(chart: Chart, lang: Lang, deadline: float = DEADLINE) -> bytes:
    """The PNG, about 1200 pixels wide. Retryable: not within the deadline. Final: it cannot be drawn here."""
    data = json.dumps({"lang": lang, "chart": to_json(chart)}).encode()
    return await run_apart("bot.release.charts", (), data, deadline, MAGIC, "the chart")
