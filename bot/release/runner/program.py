"""What is sent to a machine so that a line is run there, and how its last word is read. Decides, does nothing."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from bot.release.ports import End

MOST = 100_000  # bytes of a line with its environment; Linux takes 128 KiB in one piece
SAFETY = 30.0  # seconds after the deadline in which a plain run ends by itself, should the bot be out of reach
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORD = re.compile(rb"(exited|timed_out|not_runnable|unknown) ?(.*)")


@dataclass(frozen=True, slots=True)
class Request:
    """argv: of the program. sent: what it reads first. mark: what its last word begins with."""

    argv: tuple[str, ...]
    sent: bytes
    mark: bytes


@dataclass(frozen=True, slots=True)
class Word:
    """How it ended, as the program says. detail: a sentence, or ""."""

    end: End
    exit_status: int | None = None
    detail: str = ""


def plain(line: str, env: Mapping[str, str], deadline: float, *, merged: bool) -> Request:
    """A run that may be repeated. merged: standard error with the output. ValueError names what cannot be sent."""
    return _request("plain", line, env, deadline + SAFETY, "merged" if merged else "apart")


def keyed(line: str, env: Mapping[str, str], deadline: float, key: str, *, join: bool) -> Request:
    """A run that is begun at most once. join: it is not begun where nothing of it is known."""
    folder = sha256(key.encode()).hexdigest()
    return _request("once", line, env, deadline, "join" if join else "start", folder, _text("common", "keeper"))


def word_of(said: bytes, mark: bytes) -> Word | None:
    """The program's last word in what came on standard error; None = it did not come to it."""
    _, found, rest = said.rpartition(b"\n" + mark + b" ")
    match = _WORD.fullmatch(rest.strip()) if found and rest.endswith(b"\n") else None
    if match is None:
        return None
    end, detail = End(match[1].decode()), match[2].decode(errors="replace")
    return Word(end, int(detail)) if end is End.EXITED else Word(end, detail=detail)


def without_word(said: bytes, mark: bytes) -> bytes:
    """Standard error as the line itself wrote it."""
    before, found, _ = said.rpartition(b"\n" + mark + b" ")
    return before if found else said


def _request(verb: str, line: str, env: Mapping[str, str], seconds: float, *rest: str) -> Request:
    sent = _sent(line, env)
    mark = secrets.token_hex(8)  # nothing that is run can say the last word by chance
    argv = ("sh", "-c", _text("common", "main"), "rollout-run", verb, mark, str(sent.count(b"\n")), f"{seconds:.3f}")
    return Request((*argv, *rest), sent, mark.encode())


def _sent(line: str, env: Mapping[str, str]) -> bytes:
    """Shell text in which all that varies is quoted. On standard input, since others can read a command's arguments."""
    wrong = [name for name in env if not _NAME.fullmatch(name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no name of an environment variable; take letters, digits and _")
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())
    text = f"unset ROLLOUT_SENT\n{exports}exec sh -c {shlex.quote(line)}\n"
    if "\0" in text:
        raise ValueError("the line or one of its variables holds a NUL character, which no command can be given")
    sent = text.encode("utf-8", "surrogateescape")
    if len(sent) > MOST:
        raise ValueError(f"the line with its variables has {len(sent)} bytes, over {MOST}; put it into a script")
    return sent


@cache
def _text(*parts: str) -> str:
    """Without the comments that only a reader needs."""
    texts = ((files(__package__) / "program" / f"{part}.sh").read_text(encoding="utf-8") for part in parts)
    return "".join(f"{row}\n" for text in texts for row in text.splitlines() if not row.lstrip().startswith("#"))
