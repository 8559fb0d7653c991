"""What is shown of what a command printed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.release.runner.output import RAW, Tail, plain, shown
from bot.release.runner.program import word_of
from bot.rollout.work import OUTPUT

SECRET = "hunter2-and-more"


def test_colours_and_controls_are_gone() -> None:
    raw = b"\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07\x00\x08 a\tb\r\n\x1b(Bnext \xe9\x87\x8d\xff\n"
    assert shown(raw) == "red link a\tb\nnext 重�"


def test_of_a_line_drawn_over_and_over_the_last_is_kept() -> None:
    assert plain("  1%\r 50%\r100%\r\ndone\r") == "100%\ndone"


def test_a_text_cannot_turn_the_line_around() -> None:
    assert plain("a\u202eb\u2066c") == "abc"


def test_the_end_is_kept() -> None:
    tail = Tail()
    for n in range(100_000):
        tail.feed(f"{n}\n".encode())
    assert len(tail.raw) == RAW
    assert len(tail.text()) == OUTPUT and tail.text().endswith("99998\n99999")


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(0, 200))
def test_a_secret_is_masked_however_it_comes_in_pieces(cuts: list[int], before: int) -> None:
    raw = f"{'x' * before}{SECRET} and {SECRET}\n".encode()
    tail, last = Tail(), 0
    for cut in sorted(cuts):
        tail.feed(raw[last:cut])
        last = max(last, cut)
    tail.feed(raw[last:])
    assert tail.text((SECRET,)) == f"{'x' * before}*** and ***"


@given(st.integers(1, len(SECRET) - 1))
def test_of_a_secret_that_the_cut_went_through_nothing_is_seen(kept: int) -> None:
    tail = Tail()
    text = SECRET + "." * (RAW - kept)
    tail.feed(text.encode())
    assert len(tail.raw) == RAW
    assert shown(tail.raw[:2000], (SECRET,), cut=True).strip(".") == ""


def test_a_key_of_several_lines_is_masked_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nabcdefgh\nijklmnop\n-----END KEY-----\n"
    assert shown(f"say: {key}| ijklmnop\r\n".encode(), (key,)) == "say: ***\n| ***"
    assert shown(b"abcdefgh\r\nijklmnop", (key,)) == "***\n***"


def test_a_secret_in_a_url_or_in_colour_is_masked() -> None:
    assert shown(b"https://u:p%40ss%2Fword@h \x1b[1mp@ss\x1b[0m/word", ("p@ss/word",)) == "https://u:***@h ***"


def test_only_the_programs_own_last_word_counts() -> None:
    assert word_of(b"x\nabcd exited 0", b"abcd") is None  # not whole yet
    assert word_of(b"x\nother exited 0\n", b"abcd") is None
    assert word_of(b"\nabcd exited 0\nmore\n", b"abcd") is None
    word = word_of(b"\nabcd exited 12\n", b"abcd")
    assert word is not None and word.exit_status == 12
