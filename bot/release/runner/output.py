"""What a command printed, as it may be shown: the end of it, as text, without colours and without secrets. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.notify.faults import scrubbed
from bot.rollout.work import OUTPUT

RAW = 65536  # bytes kept while it runs: far more than is shown, so that what masking looks for is whole
_LEAST = 4  # characters; anything shorter would be masked everywhere
# Colours and cursor moves (CSI), titles and links (OSC), and the two-character escapes.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Tail:
    """The last RAW bytes of a stream."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.count = 0  # of all that came

    def feed(self, data: bytes) -> None:
        self.count += len(data)
        self._bytes += data
        if len(self._bytes) > 2 * RAW:
            del self._bytes[:-RAW]

    def clear(self) -> None:
        self._bytes.clear()
        self.count = 0

    @property
    def raw(self) -> bytes:
        return bytes(self._bytes[-RAW:])

    def text(self, secrets: Sequence[str] = ()) -> str:
        return shown(self.raw, secrets, cut=self.count > RAW)


def shown(raw: bytes, secrets: Sequence[str] = (), *, cut: bool = False) -> str:
    """At most OUTPUT characters, from the end. cut: whether something came before `raw`."""
    text = plain(raw.decode("utf-8", "replace"))
    hidden = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
    text = scrubbed(text, hidden)
    if cut:
        text = _without_rest(text, hidden)
    return text.strip("\n")[-OUTPUT:]


def plain(text: str) -> str:
    """Lines as a terminal would leave them: no escapes, no controls; of a line drawn over and over, the last."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    rows = (row.rstrip("\r").rpartition("\r")[2] for row in text.split("\n"))
    return _CONTROLS.sub("", "\n".join(rows))


def _forms(secret: str) -> set[str]:
    """A secret of several lines (a key) is also known by each line."""
    whole = plain(secret).strip("\n")
    return {form for form in (whole, *(row.strip() for row in whole.split("\n"))) if len(form) >= _LEAST}


def _without_rest(text: str, secrets: Sequence[str]) -> str:
    """Where the cut went through a secret, its end stands at the beginning."""
    text = text.lstrip("\ufffd")
    for secret in secrets:
        for size in range(len(secret) - 1, 0, -1):
            if text.startswith(secret[-size:]):
                return text[size:]
    return text
