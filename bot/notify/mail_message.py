"""A notification as a mail: headers, and a body every server and client can carry. Pure."""

from __future__ import annotations

import hashlib
import re
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, formatdate, parseaddr

from bot.notify.message import Notification

_POLICY = SMTP.clone(cte_type="7bit")  # a server need not know 8BITMIME
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def compose(sender: str, list_id: str, to: str, notification: Notification, now: float) -> bytes:
    """sender: `Name <address>`. to: an address. notification: cleaned. now: Unix seconds."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    mail = EmailMessage(_POLICY)
    mail["From"] = formataddr(parseaddr(sender))
    mail["To"] = to
    mail["Subject"] = notification.subject
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
    mail.set_content(notification.text)
    if notification.html:
        mail.add_alternative(notification.html, subtype="html")
    return mail.as_bytes()


def message_id(key: str, domain: str) -> str:
    """The same for the same key for ever; readable at its beginning, unique by its end."""
    name = _UNSAFE.sub("-", key)[:40].strip("-.") or "k"
    return f"<{name}.{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:20]}@{domain}>"
