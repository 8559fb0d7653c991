"""A few SMTP connections, kept open between mails and given up when idle."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from email.utils import parseaddr

import aiosmtplib

from config.smtp_url import SmtpServer

IDLE = 30.0  # seconds; servers end an idle session after minutes, and count it until then
_START_TLS = {"required": True, "optional": None, "never": False, "implicit": False}


class SmtpPool:
    """timeout: seconds, of one answer. connections: open at once, at most."""

    def __init__(self, server: SmtpServer, timeout: float, connections: int) -> None:
        self._server, self._timeout = server, timeout
        self._room = asyncio.Semaphore(connections)
        self._idle: dict[aiosmtplib.SMTP, asyncio.TimerHandle] = {}
        self._tls: ssl.SSLContext | None = None

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """One for its caller alone, ready for MAIL. Kept afterwards, unless something else than a refusal was raised.

        Raises what aiosmtplib raises, OSError and ssl.SSLError.
        """
        async with self._room:
            client = await self._reused() or await self._connected()
            try:
                yield client
            except aiosmtplib.SMTPResponseException:
                self._keep(client)
                raise
            except BaseException:  # also a cancellation: what the server would answer next belongs to nobody
                client.close()
                raise
            self._keep(client)

    async def aclose(self) -> None:
        while self._idle:
            client, timer = self._idle.popitem()
            timer.cancel()
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=1.0)
            client.close()

    async def _reused(self) -> aiosmtplib.SMTP | None:
        """The server may have ended it in the meantime, so it is asked before anything depends on the answer."""
        while self._idle:
            client, timer = self._idle.popitem()
            timer.cancel()
            try:
                if client.is_connected:
                    await client.rset(timeout=min(5.0, self._timeout))
                    return client
            except (aiosmtplib.SMTPException, OSError):
                pass
            except BaseException:
                client.close()
                raise
            client.close()
        return None

    async def _connected(self) -> aiosmtplib.SMTP:
        server = self._server
        if self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context, cafile=server.ca_file or None)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password.reveal() if server.password else None,
            local_hostname=server.helo or None,
            timeout=self._timeout,
            use_tls=server.tls == "implicit",
            start_tls=_START_TLS[server.tls],
            tls_context=self._tls,
        )
        await client.connect()
        return client

    def _keep(self, client: aiosmtplib.SMTP) -> None:
        if client.is_connected:
            self._idle[client] = asyncio.get_running_loop().call_later(IDLE, self._retire, client)

    def _retire(self, client: aiosmtplib.SMTP) -> None:
        self._idle.pop(client, None)
        client.close()


def address(sender: str) -> str:
    """`lin@example.com` of `Lin <lin@example.com>`."""
    return parseaddr(sender)[1]
