"""The check kind `http`: one GET from the bot's machine, its status and body."""

from __future__ import annotations

import ssl
import time
from urllib.parse import urlsplit

import aiohttp

from bot.release.findings import failed, lacking, not_runnable, passed
from bot.release.ports import Found
from bot.release.runner.output import shown
from bot.release.saying import said
from bot.rollout.runbook import Check

MOST = 65536  # bytes of a body that are read
REDIRECTS = 5


async def ask(check: Check) -> Found:
    """Redirects are followed unless one is what the check wants. Never raises but for a cancellation."""
    if not _is_url(check.target):
        return not_runnable(said("no_url", target=repr(check.target)))
    follow = not 300 <= check.status < 400
    began = time.monotonic()
    try:
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
            session.get(
                check.target,
                allow_redirects=follow,
                max_redirects=REDIRECTS,
                timeout=aiohttp.ClientTimeout(total=None),  # the caller's deadline is for all of it
            ) as response,
        ):
            body = await response.content.read(MOST)
            text = shown(body)
            status, ms = str(response.status), f"{1000 * (time.monotonic() - began):.0f}"
            if response.status != check.status:
                wrong = said("http_not", status=status, ms=ms, wanted=str(check.status))
                return failed(wrong, output=text, value=float(response.status))
            good = said("http", status=status, ms=ms)
            if check.contains:
                body_text = body.decode(response.get_encoding(), "replace")
                lack = lacking(check.contains, body_text, said("no_body_match", pattern=check.contains))
                if lack:
                    return lack((good,), text)
            return passed(good, value=float(response.status))
    except aiohttp.TooManyRedirects:
        return failed(said("redirects", most=str(REDIRECTS), target=check.target))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(error, TimeoutError):
            raise
        return _translated(check, error)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _translated(check: Check, error: Exception) -> Found:
    reason = str(error) or type(error).__name__
    match error:
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
            return failed(said("certificate", host=error.host, why=why))
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return failed(said("tls", why=reason))
        case aiohttp.ClientConnectorDNSError():
            return not_runnable(said("no_address", host=error.host))
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return failed(said("nobody_listens", host=f"{error.host}:{error.port}"))
        case aiohttp.ClientConnectorError():
            why = error.os_error.strerror or reason
            return not_runnable(said("host_away", host=f"{error.host}:{error.port}", why=why))
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            return failed(said("closed", why=reason))
        case aiohttp.ClientResponseError():
            return failed(said("no_http", why=error.message))
    return not_runnable(said("not_asked", target=check.target, why=reason))
