"""The HTML report as PDF, where WeasyPrint is installed; it is no requirement, since any browser prints the HTML."""

from __future__ import annotations

from importlib.util import find_spec

from bot.release.apart import run_apart

LIBRARY = "weasyprint"
DEADLINE = 120.0  # seconds
MAGIC = b"%PDF-"


def available() -> bool:
    return find_spec(LIBRARY) is not None


async def pdf(page: str, deadline: float = DEADLINE) -> bytes:
    """page: the HTML. Raises Retryable, Final."""
    return await run_apart(LIBRARY, ("--quiet", "-", "-"), page.encode(), deadline, MAGIC, "the PDF")
