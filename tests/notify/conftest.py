"""Real servers on loopback: SMTP that answers as a test wants, and an HTTP provider that keeps what it was sent."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from bot.notify.message import Notification
from config.channels import MailSettings
from config.secret import Secret
from config.smtp_url import SmtpServer

HOST = "127.0.0.1"
PATIENCE = 20.0  # seconds a condition may take on a busy machine


def a_notification(key: str = "alert:error_rate:1", **changed: Any) -> Notification:
    values: dict[str, Any] = {
        "key": key,
        "severity": "critical",
        "subject": "[Critical] brand-diagnosis: error_rate > 10%",
        "text": "error_rate is 12.5 % on 10.0.1.11:5000, since 12:00.\n品牌诊断系统",
        "html": "",
        "short": "CRITICAL brand-diagnosis error_rate 12.5% > 10% since 12:00",
    }
    return Notification(**(values | changed))


@dataclass
class Post:
    """A mail server. rcpt, data: answers by turns, the last one for ever; `drop` cuts the connection instead."""

    rcpt: list[str] = field(default_factory=lambda: ["250 OK"])
    data: list[str] = field(default_factory=lambda: ["250 2.0.0 OK queued as 1A2B"])
    mail: list[str] = field(default_factory=lambda: ["250 OK"])
    password: str = "hunter2"
    raw: list[bytes] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    sessions: list[asyncio.Transport] = field(default_factory=list)
    hold: asyncio.Event | None = None  # while set to an event, DATA is answered only after it
    reached: asyncio.Event = field(default_factory=asyncio.Event)  # DATA has come in
    was_encrypted: list[bool] = field(default_factory=list)
    port: int = 0
    ca_file: str = ""

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw]  # type: ignore[misc]

    def drop_idle(self) -> None:
        for transport in self.sessions:
            transport.abort()

    @staticmethod
    def _next(answers: list[str]) -> str:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def handle_MAIL(self, server: SMTP, _s: Session, envelope: Envelope, sender: str, _o: Any) -> str:
        self.sessions.append(server.transport)
        self.was_encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        answer = self._next(self.mail)
        if answer.startswith("250"):
            envelope.mail_from = sender
            self.senders.append(sender)
        return answer

    async def handle_RCPT(self, server: SMTP, _s: Session, envelope: Envelope, to: str, _o: Any) -> str:
        answer = self._next(self.rcpt)
        if answer == "drop":
            server.transport.abort()
        elif answer.startswith("250"):
            envelope.rcpt_tos.append(to)
        return answer

    async def handle_DATA(self, server: SMTP, _s: Session, envelope: Envelope) -> str:
        self.reached.set()
        if self.hold:
            await self.hold.wait()
        answer = self._next(self.data)
        if answer.startswith("250") or answer == "drop":
            assert isinstance(envelope.content, bytes)
            self.raw.append(envelope.content)
            self.to.extend(envelope.rcpt_tos)
        if answer == "drop":
            server.transport.abort()
        return answer

    def authenticate(self, _server: Any, _s: Any, _e: Any, _mechanism: str, data: Any) -> AuthResult:
        right = (data.login, data.password) == (b"bot@example.com", self.password.encode())
        return AuthResult(success=right, handled=False)


@dataclass
class Offices:
    """Starts mail servers, and ends them after the test."""

    folder: Path
    servers: list[asyncio.Server] = field(default_factory=list)
    handlers: list[Post] = field(default_factory=list)

    async def open(self, post: Post, *, tls: str = "none", auth: bool = False, name: str = HOST) -> Post:
        """tls: none | starttls | implicit. name: what the certificate is for."""
        context = None
        if tls != "none":
            authority = trustme.CA()
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.issue_cert(name).configure_cert(context)
            post.ca_file = str(self.folder / f"ca-{len(self.servers)}.pem")
            authority.cert_pem.write_to_path(post.ca_file)
        options: dict[str, Any] = {"hostname": "mail.example.com", "loop": asyncio.get_running_loop()}
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        if auth:
            options |= {"authenticator": post.authenticate, "auth_required": True}
            options["auth_require_tls"] = tls == "starttls"  # aiosmtpd does not see TLS that was there from the start
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(post, **options), HOST, 0, ssl=context if tls == "implicit" else None
        )
        post.port = server.sockets[0].getsockname()[1]
        self.servers.append(server)
        self.handlers.append(post)
        return post

    async def close(self) -> None:
        for server, post in zip(self.servers, self.handlers, strict=True):
            server.close()
            post.drop_idle()


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[Offices]:
    offices = Offices(tmp_path)
    yield offices
    await offices.close()


def mail_settings(post: Post, tls: str = "never", user: str = "", password: str = "", **changed: Any) -> MailSettings:
    server = SmtpServer(
        HOST, post.port, tls, user, Secret(password) if password else None, post.ca_file, "bot.example.com"
    )  # type: ignore[arg-type]
    values: dict[str, Any] = {"timeout": PATIENCE, **changed}
    return MailSettings("mail", server, "Rollout bot <bot@example.com>", "alerts.example.com", **values)


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Provider:
    """An HTTP server. answers: (status, headers, body) by turns, the last one for ever; `drop` cuts the connection."""

    answers: list[Any] = field(default_factory=lambda: [(200, {}, "{}")])
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    hold: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    on_ask: Callable[[], None] = lambda: None

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.method, request.path_qs, dict(request.headers), await request.read()))
        self.reached.set()
        self.on_ask()
        if self.hold:
            await self.hold.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        status, headers, body = answer
        return web.Response(status=status, headers=headers, text=body)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    provider.url = f"http://{HOST}:{runner.addresses[0][1]}"
    yield provider
    if provider.hold:
        provider.hold.set()
    await runner.cleanup()
