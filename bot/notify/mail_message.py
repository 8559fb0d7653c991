"""A notification as a mail: headers, and a body every server and client can carry. Pure.

Built with email's older classes: the newer ones parse every header they are given, which costs six times as much.
"""

from __future__ import annotations

import hashlib
import re
from email.header import Header
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formataddr, formatdate, parseaddr

from bot.notify.message import Notification

_POLICY = compat32.clone(linesep="\r\n")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LINE = 900  # characters; RFC 5321 lets a server cut a line of more than 998


def compose(sender: str, list_id: str, to: str, notification: Notification, now: float) -> bytes:
    """In ASCII throughout. sender: `Name <address>`. to: an ASCII address. notification: cleaned. now: Unix seconds."""
    name, address = parseaddr(sender)
    domain = address.rpartition("@")[2]
    mail = _body(notification)
    mail["From"] = formataddr((name, address))
    mail["To"] = to
    mail["Subject"] = _subject(notification.subject)
    mail["Date"] = formatdate(now)
    mail["Message-ID"] = message_id(notification.key, domain)
    if notification.thread:
        # Nothing was ever sent under this id: clients put together what points to the same one.
        root = message_id(f"thread:{notification.thread}", domain)
        mail["In-Reply-To"] = root
        mail["References"] = root
    mail["List-Id"] = f"<{list_id}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    if notification.severity == "critical":
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    return mail.as_bytes(policy=_POLICY)


def message_id(key: str, domain: str) -> str:
    """The same for the same key for ever; readable at its beginning, unique by its end."""
    name = _UNSAFE.sub("-", key)[:40].strip("-.") or "k"
    return f"<{name}.{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:20]}@{domain}>"


def _body(notification: Notification) -> Message:
    text = _text(notification.text, "plain")
    if not notification.html:
        return text
    both = MIMEMultipart("alternative")
    both.attach(text)
    both.attach(_text(notification.html, "html"))
    return both


def _text(text: str, kind: str) -> MIMEText:
    plain = text.isascii() and all(len(line) <= _LINE for line in text.split("\n"))
    return MIMEText(text, kind, "us-ascii" if plain else "utf-8")


def _subject(text: str) -> str:
    """Encoded wherever it could be read as something else, or has a word no line would hold."""
    plain = text.isascii() and "=?" not in text and all(len(word) <= 60 for word in text.split(" "))
    return Header(text, "us-ascii" if plain else "utf-8", header_name="Subject").encode(linesep="\n")
