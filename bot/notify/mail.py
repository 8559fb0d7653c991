"""Mail over SMTP."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Literal

import aiosmtplib

from bot.engine.ports.errors import Final, Retryable
from bot.notify.faults import MEND_WAIT, bounded, named_wait, shown
from bot.notify.mail_message import compose
from bot.notify.message import Notification, clean
from bot.notify.smtp_pool import SmtpPool, address
from config.channels import MailSettings
from config.people import EMAIL

# RFC 4954 and RFC 3207: these are about who the bot is, not about the mail.
_WAY = frozenset({530, 534, 535, 538})
_MENDS = {
    "5.1": "correct the address",
    "5.2": "their mailbox takes nothing: have it mended, or name another address",
    "5.3": "the server takes no such mail: see its limits",
    "5.7": "let the server accept mail of this sender for this recipient",
}
Step = Literal["connect", "mail", "rcpt", "data"]


class MailChannel:
    """clock: Unix seconds."""

    def __init__(self, settings: MailSettings, clock: Callable[[], float] = time.time) -> None:
        assert settings.server is not None
        self._settings, self._clock = settings, clock
        self._server = settings.server
        self._pool = SmtpPool(settings.server, settings.timeout, settings.connections)
        self._deadline = 3 * settings.timeout

    async def send(self, to: str, notification: Notification) -> str:
        """See Channel. `to` is one address; the result is the server's last word, often the id in its queue.

        A mail whose answer was lost is sent again under the same Message-ID.
        """
        if not EMAIL.fullmatch(to) or not to.isascii():
            raise Final(f"{shown(to, 60)} is not an e-mail address: write it as lin@example.com")
        settings = self._settings
        body = compose(settings.sender, settings.list_id, to, clean(notification), self._clock())
        step: list[Step] = ["connect"]
        try:
            async with asyncio.timeout(self._deadline), self._pool.connection() as client:
                step.append("mail")
                await client.mail(address(settings.sender))
                step.append("rcpt")
                await client.rcpt(to)
                step.append("data")
                return shown((await client.data(body)).message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise self._translated(error, step[-1], to) from error

    async def check(self) -> str:
        """Connects, with TLS and the password as for a mail, and says nothing more."""
        try:
            async with asyncio.timeout(self._deadline), self._pool.connection() as client:
                await client.noop()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return str(self._translated(error, "connect", ""))
        return ""

    async def aclose(self) -> None:
        await self._pool.aclose()

    def _translated(self, error: Exception, step: Step, to: str) -> Retryable | Final:
        where = f"the mail server {self._server.host}:{self._server.port}"
        if isinstance(error, aiosmtplib.SMTPResponseException):
            said = f"{error.code} {shown(error.message)}"
            if step == "connect" or error.code in _WAY or (step == "mail" and 500 <= error.code != 552):
                return self._of_the_way(where, error, said)
            if error.code < 500:
                wait = bounded(named_wait(error.message))
                return Retryable(f"{where} does not take the mail to {to} now: {said}", wait)
            return Final(f"{where} refuses the mail to {to}: {said} — {_mend(error.message)}")
        if certificate := _certificate(error):
            mend = "mend its certificate, or name the authority that signed it with ?ca_file=… in the URL"
            return Retryable(f"{where} shows a certificate that is not valid ({certificate}): {mend}", MEND_WAIT)
        if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError):
            what = f"{where} gave no answer in time"
        elif type(error) is aiosmtplib.SMTPException and "AUTH" in str(error):
            mend = "remove user and password from the URL, or use the port where it does"
            return Retryable(f"{where} lets nobody log in: {mend}", MEND_WAIT)
        elif type(error) is aiosmtplib.SMTPException and "STARTTLS" in str(error):
            mend = "have it offer that, or use smtps://; ?starttls=never where the network can be trusted"
            return Retryable(f"{where} offers no STARTTLS: {mend}", MEND_WAIT)
        else:
            what = f"{where} cannot be reached: {shown(error)}; check SMTP_URL and the network"
        if step == "data":
            what += "; the mail may have arrived, and comes again under the same Message-ID"
        return Retryable(what)

    def _of_the_way(self, where: str, error: aiosmtplib.SMTPResponseException, said: str) -> Retryable:
        if error.code < 500:
            return Retryable(f"{where} is not ready: {said}", bounded(named_wait(error.message)))
        if isinstance(error, aiosmtplib.SMTPSenderRefused) and error.code not in _WAY:
            mend = f"let it accept mail from {address(self._settings.sender)}, or correct `from`"
        else:
            mend = "correct the user and the password in the URL"
        return Retryable(f"{where} does not let the bot send: {said} — {mend}", MEND_WAIT)


def _mend(message: str) -> str:
    return _MENDS.get(message[:3], "correct the address, or see what the server wants")


def _certificate(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return shown(error.verify_message)
        error = error.__cause__
    return ""
