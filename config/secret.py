"""Secrets: held so that no repr, log or traceback shows them, and recognised where they must not stand."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_KEY: Final = re.compile(
    r"(^|[_.-])(token|secrets?|password|passwd|passphrase|api_?key|private_?key|credentials?|webhook)([_.-]|$)", re.I
)
_VALUE: Final = re.compile(
    r"xox[a-z]-|xapp-|-----BEGIN [A-Z ]*PRIVATE KEY|hooks\.slack\.com/(services|workflows|triggers)/"
    r"|[?&](access_?token|token|secret|key|password|sig)=(?!\$\{env:)",
    re.I,
)
_USERINFO: Final = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s:]*:[^/@\s]+@", re.I)


class Secret:
    """Text that prints as `***`. `reveal()` is the only way to it, so that its uses can be found by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class Url(str):
    """A URL that may carry a password: a plain `str` to libraries, without the password in `repr` and `.safe`."""

    __slots__ = ()

    @property
    def safe(self) -> str:
        """The URL for logs and messages: `postgresql://bot:***@db/rollouts`; query strings are cut off."""
        try:
            parts = urlsplit(str(self))
        except ValueError:
            return "***"
        if "@" in f"{parts.path}{parts.query}{parts.fragment}":
            return f"{parts.scheme}://***"  # a password with an unescaped "/", "?" or "#" lands there
        host = parts.netloc.rpartition("@")
        user = host[0].partition(":")[0]
        netloc = f"{user}:***@{host[2]}" if host[1] else host[2]
        query = "?***" if parts.query else ""
        return f"{parts.scheme}://{netloc}{parts.path}{query}"

    def __repr__(self) -> str:
        return repr(self.safe)


def secret_key(key: str) -> bool:
    """Whether a YAML key announces a secret. A key that names a file (`key_file`) does not."""
    return bool(_KEY.search(key)) and not key.endswith(("_file", "-file"))


def secret_value(value: str) -> bool:
    """Whether a text looks like a secret itself: Slack tokens, private keys, webhook URLs, URLs with a password."""
    return bool(_VALUE.search(value) or _USERINFO.search(value))
