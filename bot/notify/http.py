"""What the channels over HTTP share: one session, no redirects, and the status of an answer as Retryable or Final."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from bot.engine.ports.errors import Final, Retryable
from bot.notify.faults import MEND_WAIT, retry_after, scrubbed, shown

MOST = 65536  # bytes of an answer that are read
LATER = frozenset({408, 425, 429})
# These are about the address or the password, whoever the message is for.
_WAY = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 407})


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


class Http:
    """who: names the channel in messages. timeout: seconds, of a whole request. secrets: kept out of messages."""

    def __init__(self, who: str, timeout: float, secrets: Iterable[str]) -> None:
        self.who, self._timeout, self._secrets = who, timeout, tuple(secrets)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Any answer. Raises Retryable where there was none."""
        if self._session is None:
            # No redirects: they would carry the secrets elsewhere. No cookies: every message is the first.
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        limit = aiohttp.ClientTimeout(total=self._timeout)
        try:
            async with self._session.request(
                method,
                URL(url, encoded=url.isascii()),
                headers=headers,
                data=body,
                timeout=limit,
                allow_redirects=False,
            ) as response:
                content = await response.content.read(MOST)
                text = content.decode(response.charset or "utf-8", "replace")
                return Answer(response.status, dict(response.headers), text)
        except TimeoutError as error:
            raise Retryable(f"{self.who} gave no answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError, LookupError) as error:
            raise Retryable(f"{self.who} cannot be reached: {self.hide(error)}; check its address") from error

    def refusal(self, answer: Answer, now: float) -> Retryable | Final:
        """What an answer that is no success means. now: Unix seconds."""
        said = f"{self.who} answered {answer.status}: {self.hide(answer.text) or 'nothing more'}"
        if answer.status in LATER or answer.status >= 500:
            return Retryable(said, retry_after(answer.headers.get("Retry-After"), now))
        if answer.status in _WAY:
            return Retryable(f"{said} — correct its address, or the secret it is given", MEND_WAIT)
        return Final(f"{said} — correct the recipient, or what the channel sends")

    def hide(self, text: object) -> str:
        """As it may stand in a message."""
        return shown(scrubbed(text, self._secrets))

    async def reachable(self, url: str) -> str:
        """ "" where a connection, with TLS and a valid certificate for https, can be made; nothing is asked there."""
        parts = urlsplit(url)
        tls = parts.scheme == "https"
        try:
            async with asyncio.timeout(self._timeout):
                context = await asyncio.to_thread(ssl.create_default_context) if tls else None
                _, writer = await asyncio.open_connection(
                    parts.hostname, parts.port or (443 if tls else 80), ssl=context
                )
                writer.close()
        except TimeoutError:
            return f"{self.who} does not answer within {self._timeout:g} s: check its address and the network"
        except (OSError, ValueError) as error:
            return f"{self.who} cannot be reached: {self.hide(error)}; check its address"
        return ""

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
