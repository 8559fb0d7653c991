"""`smtp://user:password@host:port?starttls=required&ca_file=…&helo=…` or `smtps://…`: the mail server as one secret."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from config.problems import show, suggest
from config.secret import Secret

Tls = Literal["implicit", "required", "optional", "never"]
_STARTTLS: Final[tuple[Tls, ...]] = ("required", "optional", "never")
_PORTS: Final = {"smtp": 587, "smtps": 465}
_FORM: Final = "write it as smtp://user:password@mail.example.com:587, other characters than letters and digits as %40"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """tls: implicit = from the first byte (smtps), else what is asked of STARTTLS. ca_file, helo: "" = the system's."""

    host: str
    port: int
    tls: Tls
    user: str = ""
    password: Secret | None = None
    ca_file: str = ""
    helo: str = ""


class SmtpUrlError(ValueError):
    """`what` is wrong and the `mend`, each one line, without the password."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} — {mend}")
        self.what, self.mend = what, mend


def parse_smtp_url(text: str) -> SmtpServer:
    """Raises SmtpUrlError."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise SmtpUrlError("it is not a URL", _FORM) from None
    if parts.scheme not in _PORTS:
        raise SmtpUrlError("it does not begin with smtp:// or smtps://", _FORM)
    if not host or parts.path not in ("", "/") or parts.fragment or port == 0:
        raise SmtpUrlError("it has no host, or a path that is none", _FORM)
    options = _options(parts.query, parts.scheme)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise SmtpUrlError("it has a user without a password or the other way round", "write user:password@, or none")
    tls = _tls(options.get("starttls", "required"), parts.scheme)
    if tls in ("optional", "never") and password and not _is_local(host):
        raise SmtpUrlError(f"starttls={tls} may send the password in the clear", "write starttls=required, or smtps://")
    ca_file = os.path.expanduser(options.get("ca_file", ""))
    if ca_file and not os.access(ca_file, os.R_OK):
        raise SmtpUrlError(f"ca_file {show(ca_file)} cannot be read", "name a PEM file the bot's user can read")
    return SmtpServer(
        host, port or _PORTS[parts.scheme], tls, user, Secret(password) if password else None, ca_file,
        options.get("helo", ""),
    )  # fmt: skip


def _options(query: str, scheme: str) -> dict[str, str]:
    known = ("ca_file", "helo", *(("starttls",) if scheme == "smtp" else ()))
    options: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in known:
            raise SmtpUrlError(f"{show(key)} is not an option of {scheme}://", suggest(key, known))
        if not value:
            raise SmtpUrlError(f"{show(key)} is empty", "give it a value or leave it away")
        options[key] = value
    return options


def _tls(word: str, scheme: str) -> Tls:
    if scheme == "smtps":
        return "implicit"
    for tls in _STARTTLS:
        if word == tls:
            return tls
    raise SmtpUrlError(f"starttls={word[:20]} is not a choice", suggest(word, _STARTTLS))


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
