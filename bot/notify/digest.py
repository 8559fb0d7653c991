"""A digest of what was held back, as a notification in the language of the bot. Pure."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from bot.notify.limiter import Digest, Held
from bot.notify.message import Notification

Language = Literal["en", "zh"]
_WORDS = {
    "en": {
        "subject": "{count} alerts were held back, {since} to {until}",
        "text": "Too much at once for one recipient: these {count} were not sent one by one.\n",
        "more": "… and {more} more.",
        "critical": "Critical",
        "warning": "Warning",
        "info": "Info",
    },
    "zh": {
        "subject": "{since} 至 {until} 有 {count} 条告警未逐条发送",
        "text": "短时间内告警过多，以下 {count} 条未逐条发送。\n",
        "more": "……另有 {more} 条。",
        "critical": "严重",
        "warning": "警告",
        "info": "信息",
    },
}


def digest_notification(digest: Digest, language: Language, timezone: str) -> Notification:
    """timezone: an IANA name. The same digest has the same key."""
    words, zone = _WORDS[language], ZoneInfo(timezone)
    counts = {
        "count": str(digest.count),
        "since": _time(digest.since, zone),
        "until": _time(digest.until, zone),
        "more": str(digest.count - len(digest.held)),
    }
    lines = [f"{_time(held.at, zone)} {words[held.severity]}: {held.subject}" for held in digest.held]
    if digest.count > len(digest.held):
        lines.append(words["more"].format_map(counts))
    subject = f"[rollout-bot] {words['subject'].format_map(counts)}"
    return Notification(
        key=_key(digest.held, digest.count),
        severity=digest.severity,
        subject=subject,
        text=words["text"].format_map(counts) + "\n".join(lines),
        html="",
        short=f"{subject}: {digest.held[0].subject}",
    )


def _time(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%H:%M")


def _key(held: tuple[Held, ...], count: int) -> str:
    """Of what it tells: told again after a lost answer it is the same, and the next digest is another."""
    told = "\n".join(f"{one.key} {one.at!r}" for one in held)
    return f"digest:{count}:{hashlib.sha256(told.encode('utf-8', 'replace')).hexdigest()[:16]}"
