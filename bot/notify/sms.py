"""What an SMS costs and how a text is cut to it. Pure.

Sources: 3GPP TS 23.038 (the 7-bit alphabet and its extension table), 3GPP TS 23.040 (concatenation: a header of six
octets leaves 153 septets or 67 UCS-2 units a part).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import regex

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED: Final = frozenset("\f^{}\\[~]|€")  # an escape before each: two septets
# Typographic signs that alone would turn a text of 160 characters into one of 70; what they mean stays.
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2009\u202f\t", " "),
        **dict.fromkeys("\u200b\ufeff", ""),
        "…": "...",
        "→": "->",
        "≥": ">=",
        "≤": "<=",
        "•": "-",
        "·": "-",
        "×": "x",
    }
)
_LOOKED_AT: Final = 8000  # characters; more than any number of segments holds, and soon counted
_WORD: Final = 24  # characters that a cut at a word's end may cost; a longer word is cut inside

Alphabet = Literal["gsm7", "ucs2"]
_SINGLE: Final[dict[Alphabet, int]] = {"gsm7": 160, "ucs2": 70}
_PART: Final[dict[Alphabet, int]] = {"gsm7": 153, "ucs2": 67}
_MORE: Final[dict[Alphabet, str]] = {"gsm7": "...", "ucs2": "…"}


@dataclass(frozen=True, slots=True)
class Size:
    """units: septets or UCS-2 units. segments: SMS it is sent as; 0 for no text."""

    alphabet: Alphabet
    units: int
    segments: int


def size(text: str) -> Size:
    """What it costs as it stands."""
    alphabet: Alphabet = "gsm7" if all(char in BASIC or char in EXTENDED for char in text) else "ucs2"
    widths = [_width(char, alphabet) for char in text]
    units = sum(widths)
    if units <= _SINGLE[alphabet]:
        return Size(alphabet, units, 1 if text else 0)
    return Size(alphabet, units, _parts(widths, _PART[alphabet]))


def _width(char: str, alphabet: Alphabet) -> int:
    if alphabet == "gsm7":
        return 2 if char in EXTENDED else 1
    return 2 if ord(char) > 0xFFFF else 1


def _parts(widths: list[int], room: int) -> int:
    """An escape or a surrogate is never parted from its other half, so a part may end one unit early."""
    parts, left = 0, 0
    for width in widths:
        if width > left:
            parts, left = parts + 1, room
        left -= width
    return parts


def fit(text: str, gsm7: int = 1, ucs2: int = 2) -> str:
    """The text in at most so many segments of its alphabet, typographic signs made plain where that gives gsm7.

    What is too long ends with an ellipsis after a whole word, or at least a whole grapheme. gsm7, ucs2: from 1.
    """
    text = text[:_LOOKED_AT].strip()
    plain = text.translate(_PLAIN)
    if size(plain).alphabet == "gsm7":
        text = plain
    if _fits(text, gsm7, ucs2):
        return text
    more = _MORE[size(text).alphabet]  # of the same alphabet, so that a cut text keeps its room
    graphemes = regex.findall(r"\X", text)
    low, high = 0, len(graphemes)  # how many stay: `low` of them fit, `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        if _fits(_ending(graphemes[:middle], more), gsm7, ucs2):
            low = middle
        else:
            high = middle
    return _at_word(graphemes, low, more)


def _fits(text: str, gsm7: int, ucs2: int) -> bool:
    found = size(text)
    return found.segments <= (gsm7 if found.alphabet == "gsm7" else ucs2)


def _at_word(graphemes: list[str], count: int, more: str) -> str:
    if not graphemes[count].isspace():
        for back in range(count - 1, max(count - _WORD, 0), -1):
            if graphemes[back].isspace():
                return _ending(graphemes[:back], more)
            if not graphemes[back].isascii():
                break  # Chinese has no spaces: its words end anywhere
    return _ending(graphemes[:count], more)


def _ending(graphemes: list[str], more: str) -> str:
    return "".join(graphemes).rstrip() + more
