"""Where the demo's mails and short messages arrive: a real SMTP server and an SMS gateway, both on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session

KEPT = 200
LONGEST = 20_000  # characters of a text that are kept


@dataclass(frozen=True, slots=True)
class Letter:
    """kind: `mail` or `sms`. at: Unix seconds. subject: "" for an SMS. sender: "" where the gateway was told none."""

    id: int
    at: float
    kind: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str


class Inbox:
    """The newest letters, and the servers that fill it. `tell` is called with each letter that arrives."""

    def __init__(self, tell: Callable[[Letter], object] = lambda _: None) -> None:
        self.letters: deque[Letter] = deque(maxlen=KEPT)
        self._tell = tell
        self._count = 0
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """Listens for SMTP on 127.0.0.1. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(_Handler(self), enable_SMTPUTF8=True, hostname="sandbox", ident="sandbox"), "127.0.0.1", port
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._server.wait_closed()

    def add(self, kind: str, sender: str, to: tuple[str, ...], subject: str, text: str) -> Letter:
        self._count += 1
        letter = Letter(self._count, time.time(), kind, sender, to, subject, text[:LONGEST])
        self.letters.append(letter)
        self._tell(letter)
        return letter

    def to_json(self) -> list[dict[str, Any]]:
        """Newest first."""
        return [asdict(letter) for letter in reversed(self.letters)]

    async def sms(self, request: web.Request) -> web.Response:
        """`POST {"to": "+86…" or a list, "text": "…", "from"?: "…"}` -> 200 {"ok": true, "id": n}, else 400."""
        try:
            body = await request.json()
        except ValueError:
            body = None
        to = body.get("to") if isinstance(body, dict) else None
        numbers = [to] if isinstance(to, str) else to
        if not isinstance(body, dict) or not isinstance(numbers, list) or not all(numbers) or not body.get("text"):
            return web.json_response({"ok": False, "error": 'say {"to": "+86…", "text": "…"}'}, status=400)
        sender = str(body.get("from") or "")
        letter = self.add("sms", sender, tuple(str(number) for number in numbers), "", str(body["text"]))
        return web.json_response({"ok": True, "id": letter.id})


class _Handler:
    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        to = tuple(str(recipient) for recipient in envelope.rcpt_tos)
        subject = str(message.get("Subject", ""))
        self._inbox.add("mail", str(message.get("From") or envelope.mail_from or ""), to, subject, _text(message))
        return "250 OK"


def _text(message: EmailMessage) -> str:
    """The readable part: plain text if there is any, else the HTML as it is."""
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        return str(part.get_content()).strip()
    except (LookupError, ValueError):  # a charset nobody knows
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace").strip() if isinstance(payload, bytes) else ""
