"""Segments counted and texts cut, for every text there is."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bot.notify.sms import BASIC, EXTENDED, Size, fit, size

GSM7 = st.text(st.sampled_from(sorted(BASIC | EXTENDED)), max_size=500)
MIXED = st.text(
    st.one_of(st.sampled_from("abc de{€中文品牌 诊断,…“”—👩‍👩‍👧🇨🇳é\n"), st.characters(exclude_categories=["Cs"])),
    max_size=300,
)
WORDS = st.lists(
    st.sampled_from(["error_rate", "12.5%", "> 10%", "lb-1", "品牌诊断", "👩‍👩‍👧‍👦", "e\u0301t\u00e9", "[x]"]),
    max_size=120,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Size("gsm7", 0, 0)),
        ("a" * 160, Size("gsm7", 160, 1)),
        ("a" * 161, Size("gsm7", 161, 2)),
        ("a" * 306, Size("gsm7", 306, 2)),
        ("a" * 307, Size("gsm7", 307, 3)),
        ("€" * 80, Size("gsm7", 160, 1)),
        ("€" * 81, Size("gsm7", 162, 2)),
        ("a" * 152 + "€" + "a" * 152, Size("gsm7", 306, 3)),  # 306 septets, but the euro does not fit where it comes
        ("中" * 70, Size("ucs2", 70, 1)),
        ("中" * 71, Size("ucs2", 71, 2)),
        ("中" * 134, Size("ucs2", 134, 2)),
        ("中" * 135, Size("ucs2", 135, 3)),
        ("😀" * 35, Size("ucs2", 70, 1)),
        ("😀" * 67, Size("ucs2", 134, 3)),  # 33 whole ones a part
        ("a" * 69 + "`", Size("ucs2", 70, 1)),  # the backtick is in no table
        ("à@£\n", Size("gsm7", 4, 1)),
    ],
)
def test_what_a_text_costs(text: str, expected: Size) -> None:
    assert size(text) == expected


def _within(text: str, gsm7: int, ucs2: int) -> bool:
    found = size(text)
    return found.segments <= (gsm7 if found.alphabet == "gsm7" else ucs2)


@given(st.one_of(GSM7, MIXED, WORDS.map(" ".join)), st.integers(1, 3), st.integers(1, 3))
def test_whatever_it_is_it_fits(text: str, gsm7: int, ucs2: int) -> None:
    assert _within(fit(text, gsm7, ucs2), gsm7, ucs2)


@given(st.one_of(GSM7, MIXED), st.integers(1, 3), st.integers(1, 3))
def test_what_fits_is_left_alone(text: str, gsm7: int, ucs2: int) -> None:
    text = text.strip()
    if _within(text, gsm7, ucs2):
        cut = fit(text, gsm7, ucs2)
        assert cut == text or size(cut).alphabet == "gsm7" != size(text).alphabet


@given(WORDS)
def test_a_cut_text_is_the_beginning_and_whole_graphemes(words: list[str]) -> None:
    text = " ".join(words)
    cut = fit(text)
    if cut == text:
        return
    kept = cut.removesuffix("…").removesuffix("...")
    assert kept != cut and text.startswith(kept)
    graphemes = regex.findall(r"\X", text)
    assert regex.findall(r"\X", kept) == graphemes[: len(regex.findall(r"\X", kept))]


@given(st.lists(st.text(st.sampled_from("abcdefgh"), min_size=1, max_size=12), min_size=60, max_size=90))
def test_words_stay_whole(words: list[str]) -> None:
    cut = fit(" ".join(words))
    if cut.endswith("..."):
        assert cut.removesuffix("...").split(" ") == words[: len(cut.split(" "))]
        assert size(cut).units > 160 - 24 - 3


def test_a_long_word_is_cut_inside_and_no_room_is_given_away() -> None:
    assert fit("x" * 500) == "x" * 157 + "..."
    assert fit("中" * 500) == "中" * 133 + "…"
    assert fit("a " + "x" * 500) == "a " + "x" * 155 + "..."


def test_a_text_without_end_is_cut_too() -> None:
    assert fit("disk full " * 1_000_000, 2).startswith("disk full disk full")


def test_typography_does_not_cost_the_alphabet() -> None:
    text = "error_rate ≥ 10% — “lb‑1”… since 12:00"
    assert fit(text) == 'error_rate >= 10% - "lb-1"... since 12:00'
    assert fit("错误率 — 10%") == "错误率 — 10%"  # it is UCS-2 anyway


def test_a_family_is_not_torn_apart() -> None:
    family = "👨‍👩‍👧‍👦"
    cut = fit(family * 40, ucs2=1)
    assert cut.removesuffix("…") == family * (len(cut) // len(family))
    assert size(cut).segments == 1
