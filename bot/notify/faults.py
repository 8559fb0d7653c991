"""What providers answer, as Retryable or Final."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from urllib.parse import quote, quote_plus

MEND_WAIT = 30.0  # seconds between looks whether the way itself was mended
LONGEST = 3600.0  # seconds: no provider's wish to wait is followed for longer


def shown(text: object, most: int = 200) -> str:
    """What somebody else wrote, on one line and not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def bounded(seconds: float | None) -> float | None:
    if seconds is None or math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST)


def retry_after(text: str | None, now: float) -> float | None:
    """Seconds from a Retry-After header, which is a number or a date; now: Unix seconds. None = it says nothing."""
    if not text:
        return None
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return bounded(float(text))
    try:
        return bounded(parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def named_wait(text: str) -> float | None:
    """The wait a sentence asks for: a greylisting server's `try again in 5 minutes`."""
    match = re.search(r"\b(?:in|after|for)\s+(\d{1,5})\s*(s\b|sec|min)", text, re.I)
    if not match:
        return None
    return bounded(float(match[1]) * (60 if match[2].lower() == "min" else 1))


def scrubbed(text: object, secrets: Iterable[str]) -> str:
    """Without the secrets, as they are and as a URL writes them. Others' sentences may repeat what they were sent."""
    line = str(text)
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, quote(secret, safe=""), quote_plus(secret), quote(secret)}:
            if len(form) >= 4:
                line = line.replace(form, "***")
    return line
