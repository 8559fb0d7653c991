"""What phones and keyboards do to a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.words import name, split, tidy, version


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("start shop 2.0", ("start", "shop", "2.0")),
        ("start\u00a0shop\u30002.0", ("start", "shop", "2.0")),
        ("ｓｔａｒｔ　ｓｈｏｐ　２．０", ("start", "shop", "2.0")),
        ("rollback “it broke”", ("rollback", "it broke")),
        ("rollback ‘it broke’", ("rollback", "it broke")),
        ("rollback 「下单失败」", ("rollback", "下单失败")),
        ("promote —force it is fine", ("promote", "--force", "it", "is", "fine")),
        ("promote ––force ok", ("promote", "--force", "ok")),
        ("promote ——force 好", ("promote", "--force", "好")),
        ("promote \u2212\u2212force ok", ("promote", "--force", "ok")),
        ("start shop \u200b2.0\ufeff", ("start", "shop", "2.0")),
        ("start shop <http://2.0.com|2.0.com>", ("start", "shop", "2.0.com")),
        ("rollback a &lt; b &amp; c", ("rollback", "a", "<", "b", "&", "c")),
        ("rollback don’t wait", ("rollback", "don't", "wait")),
        ('rollback "open', ("rollback", '"open')),
        ('""', ()),
        ("", ()),
        ("   \n\t ", ()),
    ],
)
def test_a_line_becomes_the_words_that_were_meant(typed: str, words: tuple[str, ...]) -> None:
    assert split(typed) == words


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2.0.1", "2.0.1"),
        ("v2.0.1", "v2.0.1"),
        ("`2.0.1`", "2.0.1"),
        ("2.0.1.", "2.0.1"),
        ("`2.0.1`,", "2.0.1"),
        ("2.0.1-rc.1+build_7", "2.0.1-rc.1+build_7"),
        ("-2.0", None),
        ("2/0", None),
        ("", None),
        ("二", None),
        ("$(reboot)", None),
        ("a" * 64, "a" * 64),
        ("a" * 65, None),
    ],
)
def test_a_version_is_kept_as_typed_or_is_none(typed: str, meant: str | None) -> None:
    assert version(typed) == meant


def test_a_name_is_freed_of_what_autocorrection_adds() -> None:
    assert name("“Rollback”.".translate({0x201C: '"', 0x201D: '"'})) == "rollback"
    assert name("`shop`!") == "shop"


@given(st.text())
def test_no_text_raises_and_no_word_is_empty_or_broken(text: str) -> None:
    assert all(word and "\n" not in word for word in split(text))
    assert tidy(tidy(text)) == tidy(tidy(tidy(text)))


@given(st.text())
def test_a_version_is_only_what_a_template_may_carry(text: str) -> None:
    found = version(text)
    assert found is None or (found.isascii() and not set(found) & set(" ;{}'\"$\\/<>\n"))
