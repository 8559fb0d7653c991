"""Every figure in the report is found in the log, the measurements or the plan: all of them are looked up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from markdown_it import MarkdownIt

from bot.release.report import noise
from bot.release.report.as_html import html
from bot.release.report.as_markdown import markdown
from bot.release.report.words import PHRASES
from bot.rollout import events as ev
from bot.rollout.work import Figure
from tests.release.report.kit import SAMPLES, log_of, report, report_of, sample
from tests.release.report.proof import figures, read, shown, tail, unproven

LANGUAGES = ("zh", "en")


def text_of(source: str) -> str:
    """What a reader of the Markdown sees, code blocks left out."""
    tokens = MarkdownIt("commonmark").enable("table").parse(source)
    shown_ = [c.content for t in tokens for c in t.children or () if c.type in ("text", "code_inline")]
    return "\n".join(shown_)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_figure_of_the_html_is_in_the_log_the_measurements_or_the_plan(name: str, lang: Any) -> None:
    assert unproven(html(report(name), lang), log_of(sample(name))) == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_the_markdown_has_the_same_figures_in_the_same_order(name: str, lang: Any) -> None:
    page = read(html(report(name), lang))
    assert len(page.found) > 40
    assert figures(text_of(markdown(report(name), lang))) == figures("\n".join(page.whole))


def test_a_figure_that_the_log_does_not_have_is_found_out() -> None:
    s = sample("steady")
    log = log_of(s)
    changed = [(seq, _worse(e)) for seq, e in s.rows]
    assert changed != s.rows
    log.rows = changed
    log.__post_init__()
    problems = unproven(html(report("steady"), "en"), log)
    assert any("percent" in p for p in problems)


def _worse(e: Any) -> Any:
    if isinstance(e, ev.StagePassed) and e.stage == "1%":
        return replace(e, gates=(replace(e.gates[0], canary=4.9), *e.gates[1:]))
    return e


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("0.39 %", 0.4, "percent"), ("230 ms", 0.2, "seconds"), ("23 h", 7200.0, "span"), ("1,283", 1284.0, "count")],
)
def test_a_figure_that_is_shown_wrongly_is_found_out(text: str, value: float, unit: str) -> None:
    assert not shown(text, value, unit)


def test_a_digit_that_comes_from_nowhere_is_found_out() -> None:
    page = html(report("begun"), "en").replace("Preparation", "Preparation in 3 parts")
    assert any("nobody's" in p for p in unproven(page, log_of(sample("begun"))))


def test_no_phrase_of_ours_has_a_digit_and_both_languages_have_the_same() -> None:
    assert PHRASES["en"].keys() == PHRASES["zh"].keys()
    assert [k for words in PHRASES.values() for k, phrase in words.items() if any(c.isdigit() for c in phrase)] == []


def test_a_report_of_part_of_the_log_is_right_at_every_moment() -> None:
    """At any time: every beginning of the log gives a report whose figures are all there."""
    s = sample("rolled_back")
    for upto in range(1, len(s.rows), 11):
        part = replace(
            s, rows=s.rows[:upto], measurements=[m for m in s.measurements if m.at <= s.rows[upto - 1][1].at]
        )
        assert unproven(html(report_of(part), "zh"), log_of(part)) == [], f"after event {upto}"


@pytest.mark.parametrize(("t", "freedom"), [(0.5, 3.7), (2.1, 11.0), (2.86, 22.0), (5.5, 14.2)])
def test_the_tail_of_students_t_is_that_of_an_integration(t: float, freedom: float) -> None:
    n = 12
    spread = 1.0
    p = noise.welch(0.0, spread, n, t * (2 * spread**2 / n) ** 0.5, spread, n)
    assert p == pytest.approx(tail(t, 2 * (n - 1)), rel=1e-6)
    assert noise._beta(freedom / (freedom + t * t), freedom / 2, 0.5) == pytest.approx(tail(t, freedom), rel=1e-6)


def test_noise_is_told_from_a_difference() -> None:
    before = Figure("p95", 1.62, 0.08, 12)
    assert noise.judge(before, Figure("p95", 1.60, 0.08, 12))[0] == "noise"
    assert noise.judge(before, Figure("p95", 1.21, 0.08, 12))[0] == "real"
    assert noise.judge(before, Figure("p95", 1.21, 0.08, 5)) == ("few", None)
    assert noise.judge(before, Figure("p95", None, None, 0)) == ("none", None)
    still = Figure("up", 100.0, 0.0, 12)
    assert noise.judge(still, still)[0] == "noise"
    assert noise.judge(still, replace(still, mean=99.0))[0] == "real"
