"""Numbers, durations, the table, and the limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.ports.rendered import Outgoing
from bot.rollout.model import Verdict
from bot.slack.messages.blocks import button, confirm, context, header, section
from bot.slack.messages.limits import TOTAL, cut, fit, weigh
from bot.slack.messages.markup import Mrkdwn, clean, outside, width, wrap
from bot.slack.messages.numbers import number, samples
from bot.slack.messages.table import COLUMNS, gate_table
from bot.slack.messages.words import Words
from tests.slack.messages.samples import NOW, PLAN, a_plan, as_json, rows


@pytest.mark.parametrize(
    ("value", "unit", "against", "shown"),
    [
        (0.42, "percent", None, "0.42 %"),
        (0.0042, "percent", None, "0.0042 %"),
        (0.0, "percent", None, "0.00 %"),
        (99.999, "percent", 100.0, "99.999 %"),
        (3.0000001, "percent", 3.0, "3.0000001 %"),
        (2.999, "percent", 3.0, "2.999 %"),
        (3.0, "percent", 3.0, "3.00 %"),
        (0.23, "seconds", 3.0, "230 ms"),
        (0.0023, "seconds", None, "2.3 ms"),
        (1.234, "seconds", None, "1.23 s"),
        (0.9999, "seconds", 1.0, "999.9 ms"),
        (12345.0, "count", None, "12,345"),
        (2.5, "count", None, "2.50"),
        (0.97, "ratio", None, "0.97"),
        (None, "percent", None, "–"),
        (float("nan"), "count", None, "–"),
        (float("inf"), "seconds", None, "∞"),
    ],
)
def test_number(value: float | None, unit: str, against: float | None, shown: str) -> None:
    assert number(value, unit, against) == shown  # type: ignore[arg-type]


def test_threshold_is_bare() -> None:
    assert number(3.0, "percent", trim=True) == "3 %"
    assert number(99.9, "percent", trim=True) == "99.9 %"
    assert number(100.0, "count", trim=True) == "100"


def test_samples() -> None:
    assert [samples(v) for v in (None, 84.9, 12345.0, 2_500_000.0)] == ["–", "84", "12,345", "2.5 M"]


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0.8, "0.8 s", "0.8 秒"),
        (45, "45 s", "45 秒"),
        (330, "5 min 30 s", "5 分 30 秒"),
        (23 * 3600 + 12 * 60, "23 h 12 min", "23 小时 12 分"),
        (24 * 3600, "24 h", "24 小时"),
        (76 * 3600, "3 d 4 h", "3 天 4 小时"),
        (-5, "0 s", "0 秒"),
        (9.96, "10 s", "10 秒"),
    ],
)
def test_span(seconds: float, en: str, zh: str) -> None:
    assert (Words("en", "UTC").span(seconds), Words("zh", "UTC").span(seconds)) == (en, zh)


def test_times_in_the_zone() -> None:
    w = Words("en", "Asia/Shanghai")
    assert w.clock(NOW) == "2026-03-02 14:03"
    assert w.moment(NOW, NOW) == f"<!date^{int(NOW)}^{{time}}|14:03>"
    assert Words("en", "UTC").clock(NOW, NOW) == "06:03"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_table_fits_a_phone(lang: str) -> None:
    long = a_plan(metrics=tuple(replace(x, title=x.title * 6) for x in PLAN.metrics))
    for plan in (PLAN, long):
        blocks = gate_table(Words(lang, "UTC"), plan, plan.stages[0], rows(*Verdict))  # type: ignore[arg-type]
        body = blocks[0]["text"]["text"].replace("&lt;", "<").replace("&gt;", ">").splitlines()[1:-1]
        assert max(width(line) for line in body) <= COLUMNS
        ends = {width(line) for line in body if line[-1] in "✅❌⏳🙈"}
        assert len(ends) == 1, "the verdicts stand below each other"
        assert len(blocks) == 2, "what lacks is said below"


def test_the_failing_side_is_seen() -> None:
    failed = replace(rows()[0], canary=3.0000001, verdict=Verdict.FAIL)
    text = gate_table(Words("en", "UTC"), PLAN, PLAN.stages[0], [failed])[0]["text"]["text"]
    assert "3.0000001 %" in text


@given(st.text(max_size=200), st.integers(2, 30))
def test_wrap_loses_nothing(text: str, columns: int) -> None:
    lines = wrap(text, columns)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line) <= columns for line in lines)


def test_outside_text_stays_text() -> None:
    assert outside("<!channel> & ```x``` \u202e@here\nnext") == "&lt;!channel&gt; &amp; '''x''' @here next"
    assert outside(Mrkdwn("<@U0LIN00001>")) == "<@U0LIN00001>"
    assert outside("a" + Mrkdwn("<@U0LIN00001>")) == "a&lt;@U0LIN00001&gt;"  # joined text is no markup any more
    assert clean("x" * 400, 10) == "xxxxxxxxxx… (+390)"


@given(st.text(alphabet="ab\n`<@U0>&lt; ", max_size=400), st.integers(60, 300))
def test_cut_leaves_no_half_markup(text: str, most: int) -> None:
    short = cut(text, most, "en")
    assert len(short) <= most
    if len(text) > most:
        assert "more" in short
        assert short.count("```") % 2 == 0


def test_fit_says_what_it_cut() -> None:
    dialog = confirm("t" * 200, "x" * 900, "y" * 90, "n" * 90)
    buttons = {"type": "actions", "elements": [button("b" * 200, f"a{i}", "v", dialog=dialog) for i in range(10)]}
    blocks = [header("h" * 400), *(section(Mrkdwn("s " * 2000)) for _ in range(70)), context(["c"] * 30), buttons]
    fitted = fit(Outgoing("t" * 9000, tuple(blocks)), "en")
    made = as_json(fitted)
    assert len(made) <= 50
    assert weigh(made) <= TOTAL
    assert made[-1]["type"] == "actions"
    assert "more" in str(made[-2])
    assert len(fitted.text) <= 3000


def test_fit_leaves_alone_what_fits() -> None:
    message = Outgoing("hello", (header("x"), section("y")))
    assert fit(message) == message
