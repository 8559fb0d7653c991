"""Which fonts can show which text. Imported by the drawing process alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

PROBE = "比例错误率延迟"
# By name, the simplified Chinese ones first; one file of Noto's holds all its regions under the first one's name.
FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
    "Droid Sans Fallback",
    "SimHei",
)
LATIN = "DejaVu Sans"  # comes with matplotlib


def families() -> tuple[str, ...]:
    """DejaVu, and the first family found that has Chinese; each later one helps where those before lack a character."""
    known = {font.name: font.fname for font in font_manager.fontManager.ttflist}
    for name in FAMILIES:
        if name in known and Path(known[name]).exists() and _has(known[name], PROBE):
            return (LATIN, name)
    return (LATIN,)


def shows(text: str, fonts: Sequence[str]) -> bool:
    """Whether every character has a glyph in one of the families: none would be a box."""
    paths = [font_manager.findfont(name, fallback_to_default=False) for name in fonts]
    return all(any(_has(path, char) for path in paths) for char in text if not char.isspace())


def readable(text: str, instead: str, fonts: Sequence[str]) -> str:
    """text where it can be shown, else what stands for it; what neither has is left out."""
    clean = "".join(c for c in text if unicodedata.category(c)[0] != "C").replace(
        "$", "＄" if shows("＄", fonts) else ""
    )
    if clean.strip() and shows(clean, fonts):
        return clean
    return "".join(c for c in instead if shows(c, fonts))


def _has(path: str, text: str) -> bool:
    return all(ord(char) in _characters(path) for char in text)


@cache
def _characters(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())
