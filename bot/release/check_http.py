"""The check kind `http`: one GET from the bot's machine, its status and body."""

from __future__ import annotations

import ssl
import time
from urllib.parse import urlsplit

import aiohttp

from bot.release.findings import failed, lacking, not_runnable, passed
from bot.release.ports import Found
from bot.release.runner.output import shown
from bot.rollout.runbook import Check

MOST = 65536  # bytes of a body that are read
REDIRECTS = 5


async def ask(check: Check) -> Found:
    """Redirects are followed unless one is what the check wants. Never raises but for a cancellation."""
    if not _is_url(check.target):
        return not_runnable(f"{check.target!r} is no http or https URL; correct it in the plan")
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
            said = f"HTTP {response.status} in {1000 * (time.monotonic() - began):.0f} ms"
            if response.status != check.status:
                return failed(f"{said}, wanted {check.status}", output=text, value=float(response.status))
            if check.contains:
                lack = lacking(check.contains, body.decode(response.get_encoding(), "replace"), "body")
                if lack:
                    return lack(said, text)
            return passed(said, value=float(response.status))
    except aiohttp.TooManyRedirects:
        return failed(f"more than {REDIRECTS} redirects, from {check.target}; ask the address they lead to")
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
            return failed(
                f"the certificate of {error.host} is not valid: {why}; renew it, or let this machine trust its issuer"
            )
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return failed(f"TLS fails: {reason}; check the port, and what versions the server offers")
        case aiohttp.ClientConnectorDNSError():
            return not_runnable(f"{error.host} has no address; correct the name, or this machine's resolver")
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return failed(f"nothing listens at {error.host}:{error.port}; start it")
        case aiohttp.ClientConnectorError():
            return not_runnable(f"{error.host}:{error.port} cannot be reached: {error.os_error.strerror or reason}")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            return failed(f"the connection was closed before the answer was there ({reason}); read the server's log")
        case aiohttp.ClientResponseError():
            return failed(f"no HTTP answer: {error.message}; check the port")
    return not_runnable(f"{check.target} cannot be asked: {reason}; correct it in the plan")
