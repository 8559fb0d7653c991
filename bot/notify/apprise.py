"""Any provider Apprise knows, by its URL. Apprise blocks, and tells why it failed only to its log."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_plus

from bot.engine.ports.errors import Final, Retryable
from bot.notify.faults import MEND_WAIT, scrubbed, shown
from bot.notify.message import Notification, clean
from bot.notify.sms import fit
from config.channels import AppriseSettings

if TYPE_CHECKING:
    from apprise import NotifyBase

THREADS = 4
_KINDS = {"critical": "failure", "warning": "warning", "info": "info"}
_HOLE = "{to}"


class AppriseChannel:
    """Its threads are its own: a provider that hangs takes nobody else's."""

    def __init__(self, settings: AppriseSettings) -> None:
        assert settings.url is not None
        self._settings, self._url = settings, settings.url.reveal()
        self._who = f"channel {settings.name} ({_scheme(self._url)})"
        self._secrets = _fragments(self._url)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"apprise-{settings.name}")

    async def send(self, to: str, notification: Notification) -> str:
        """See Channel. `to` takes the place of {to} in the URL; a URL without it has its recipients in it.

        What had no time to begin is never begun; what was given up may still arrive, and may arrive twice.
        """
        if _HOLE in self._url and not to.strip():
            raise Final(f"{self._who} needs a recipient: give one, or take {_HOLE} out of its URL")
        said = await self._in_thread(_send, self._url_for(to), *self._words(clean(notification)))
        if said is None:
            return ""
        if said == _NOT_A_URL:
            raise Retryable(f"{self._who}: {said}", MEND_WAIT)
        raise Retryable(f"{self._who} failed: {self._hidden(said, to)}")

    async def check(self) -> str:
        """Only whether Apprise understands the URL: its providers have no common way to be asked."""
        try:
            good = await self._in_thread(_understood, self._url_for("+15550100"))
        except Retryable as error:
            return str(error)
        return "" if good else f"{self._who}: {_NOT_A_URL}"

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, function: Any, *arguments: Any) -> Any:
        deadline = self._settings.timeout
        try:
            async with asyncio.timeout(deadline):
                return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        except TimeoutError as error:
            raise Retryable(f"{self._who} gave no answer within {deadline:g} s") from error

    def _url_for(self, to: str) -> str:
        return self._url.replace(_HOLE, quote(to.strip(), safe=""))

    def _words(self, notification: Notification) -> tuple[str, str, str]:
        kind = _KINDS[notification.severity]
        if self._settings.style == "short":
            segments = self._settings.segments
            return "", fit(notification.short or notification.subject, segments.gsm7, segments.ucs2), kind
        return notification.subject, notification.text or notification.subject, kind

    def _hidden(self, said: str, to: str) -> str:
        return shown(scrubbed(said, self._secrets - {to, to.strip()}))


_NOT_A_URL = "Apprise does not understand the URL: write it as its page in Apprise's documentation says"


class _Ear(logging.Handler):
    """Apprise's warnings, for the thread they were said in. Nothing goes on to the bot's log: it may hold secrets."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        lines = self.heard.get(threading.get_ident())
        if lines is not None and len(lines) < 20:
            lines.append(record.getMessage())


_ear = _Ear()


def _instance(url: str) -> NotifyBase | None:
    """Imported here: it is heavy, and a bot whose channels have sent nothing yet does without it."""
    from apprise import Apprise
    from apprise.logger import logger

    if _ear not in logger.handlers:
        logger.addHandler(_ear)
        logger.propagate = False
    return Apprise.instantiate(url)


def _understood(url: str) -> bool:
    return _instance(url) is not None


def _send(url: str, title: str, body: str, kind: str) -> str | None:
    """None = sent; else what Apprise said. A fresh instance each time: a used one makes the next message wait."""
    from apprise import NotifyType

    lines: list[str] = []
    _ear.heard[threading.get_ident()] = lines
    try:
        instance = _instance(url)
        if instance is None:
            return _NOT_A_URL
        sent = instance.notify(body=body, title=title, notify_type=NotifyType(kind))
    except Exception as error:  # a plugin is a stranger's code, and a URL it stumbles over must not end the worker
        return f"{type(error).__name__}: {error}"
    finally:
        del _ear.heard[threading.get_ident()]
    return None if sent else "; ".join(lines) or "Apprise does not say why"


def _scheme(url: str) -> str:
    return url.partition("://")[0]


def _fragments(url: str) -> set[str]:
    """Every part of the URL that may be a secret: what is a token to one provider is a host to another."""
    rest = url.partition("://")[2].replace(_HOLE, "/")
    pieces = {piece for piece in re.split(r"[/@:?&=#,]+", rest) if len(piece) >= 4}
    return pieces | {unquote_plus(piece) for piece in pieces}
