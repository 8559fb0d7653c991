"""What the report says: one language at a time, nothing from outside obeyed, and what a reader looks for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.release.report import timeline
from bot.release.report.as_html import html
from bot.release.report.as_markdown import markdown
from bot.release.report.build import build, digest
from bot.release.report.evidence import NotStarted
from bot.release.report.model import Report
from bot.rollout import events as ev
from bot.rollout.runbook import Phase
from bot.rollout.work import Outcome, WorkRef, WorkResult
from tests.release.report import sample as samples
from tests.release.report.kit import report, report_of, sample
from tests.release.report.proof import read
from tests.release.report.sample_plan import ID, LIN, NAMES, PLAN, WANG, ZONE

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></tr></table><h1>gone</h1>",
    "| a | b |\n| --- | --- |",
    "```\n# heading",
    "~~~~\n</pre>",
    "[click](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "<http://evil.example> www.evil.example evil@example.com",
    "**bold** _it_ ~~gone~~ `code",
    "1. one",
    "- two",
    "# three\n---",
    "> four",
    "{{ 7 * 7 }} {% include 'x' %}",
    "&lt;b&gt; &#60;i&#62;",
    "\u202etxt.exe \x1b[31mred\x07",
    "\\",
    "<!-- ",
)


def with_words(text: str) -> Report:
    """A report into which somebody wrote this wherever people, hosts and commands may write."""
    s = samples.begin()
    check = WorkRef("check", "disk", Phase.PREPARE)
    step = WorkRef("step", text, Phase.BEFORE_START, machine=text)
    for ref in (check, step):
        result = WorkResult(ref, Outcome.FAILED, text, s.at, s.at + 1, output=f"x\n{text}", facts=((text, text),))
        s.say(ev.WorkDone(result, 9, s.at))
    s.say(ev.WorkOverridden((check,), WANG, f"r {text}", s.at))
    s.say(ev.NoteAdded(WANG, text, "internal", s.at, "bad"))
    s.say(ev.FollowUpAdded(ID, "F1", text, LIN, text, text, LIN, s.at))
    samples.alerted(s, "critical", text, text, None)
    names = {**NAMES, WANG: text}
    first = s.rows[0][1]
    assert isinstance(first, ev.RolloutStarted)
    rows = [(1, replace(first, version=f"v{text}", reason=f"r {text}")), *s.rows[1:]]
    return build(rows, (), PLAN, names, s.at, ZONE, alerts=s.alerts)


def structure(source: str) -> list[str]:
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(source)
    kinds = [t.type for t in tokens]
    kinds += [c.type for t in tokens for c in t.children or () if c.type != "text"]
    return kinds


@cache
def shape(text: str) -> tuple[list[str], list[str]]:
    """The elements of both formats, in order, without their words."""
    made = with_words(text)
    return read(html(made, "en")).tags, structure(markdown(made, "en"))


@pytest.mark.parametrize("text", HOSTILE)
def test_words_from_outside_change_nothing_but_the_words(text: str) -> None:
    assert shape(text) == shape("x")


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(alphabet=st.sampled_from("<>&\"'`*_[]()#|~\\-+!:/.@ \n\t1ax{}%$="), min_size=1, max_size=30))
def test_no_combination_of_markup_is_obeyed(text: str) -> None:
    assert shape(f"x{text}x") == shape("x")


@pytest.mark.parametrize("name", ["steady", "rolled_back", "running", "cancelled"])
def test_no_word_of_ours_is_in_the_other_language(name: str) -> None:
    english = "".join(read(html(report(name), "en")).ours)
    assert not any("\u4e00" <= c <= "\u9fff" for c in english)
    chinese = " ".join(read(html(report(name), "zh")).ours)
    words = {w for w in "".join(c if c.isascii() and c.isalpha() else " " for c in chinese).split() if len(w) > 1}
    assert words <= {"nginx", "HTTP", "PromQL", "HTML"}


def test_what_people_have_to_know_is_said_aloud() -> None:
    page = markdown(report("steady"), "en")
    assert "Passed over: tests. By 王磊" in page
    assert "Forced on by 王磊 without a pass" in page
    assert "A rollback cannot undo this: 订单表" in page
    back = markdown(report("rolled_back"), "en")
    assert "the trigger 错误率 > 10 % held, at 14.24 %" in back
    assert "To be done by hand (on rollback): stop-new @ app-2" in back
    assert "did not answer: no answer within 20 s" in back
    assert "In all: 1 min 12 s." in back


def test_a_load_test_is_a_row_of_the_gate_table_and_what_was_begun_is_taken_back_without_a_rollback() -> None:
    assert "| 压力测试 | < 1.5 | 1.27 | – | – | ✓ pass |" in markdown(report("steady"), "en")
    page = markdown(report("cancelled"), "en")
    assert "It was not needed." in page
    assert "| 停止新版本 | app-2 | ✓ passed | 2.1.0 stopped |" in page


def test_before_and_after_say_what_is_more_than_noise() -> None:
    page = markdown(report("steady"), "en")
    row = next(line for line in page.splitlines() if line.startswith("| P95 响应时间 | 1."))
    assert row.endswith("| ✓ yes: better |")
    rate = next(line for line in page.splitlines() if line.startswith("| 可用性 | 99.98 % ±"))
    assert rate.endswith("| cannot be compared |")


def test_a_signature_is_bound_to_the_content_alone() -> None:
    s = sample("steady")
    signed = digest(report("steady"))
    before = [(seq, e) for seq, e in s.rows if not isinstance(e, timeline.AFTERWARDS)]
    assert digest(report_of(replace(s, rows=before))) == signed
    later = build(s.rows, s.measurements, PLAN, {}, s.at + 9e6, "UTC", diffs={}, alerts=s.alerts)
    assert digest(later) == digest(build(s.rows, s.measurements, PLAN, NAMES, s.at, ZONE, diffs={}, alerts=s.alerts))
    noted = replace(s, rows=[*s.rows, (999, ev.NoteAdded(WANG, "late", "", s.at, "bad"))])
    assert digest(report_of(noted)) != signed


def test_what_names_an_earlier_rollout_is_part_of_its_report_and_the_next_ones_is_not() -> None:
    s = samples.begin()
    first = s.rows[0][1]
    assert isinstance(first, ev.RolloutStarted)
    n = len(s.rows)
    rows = [*s.rows, (n + 1, replace(first, rollout="ROLLOUT-20260303-1", at=s.at + 1))]
    rows += [(n + 2, ev.NoteAdded(LIN, "of the next", "", s.at + 2, "bad"))]
    rows += [(n + 3, ev.FollowUpAdded(ID, "F1", "of the first", LIN, "2026-04-01", "P1", LIN, s.at + 3))]
    page = markdown(build(rows, (), PLAN, NAMES, s.at + 9, ZONE, rollout=ID), "en")
    assert "of the first" in page and "of the next" not in page
    following = markdown(build(rows, (), PLAN, NAMES, s.at + 9, ZONE), "en")
    assert "of the next" in following and "of the first" not in following
    with pytest.raises(NotStarted, match="ROLLOUT-9"):
        build(rows, (), PLAN, NAMES, s.at, ZONE, rollout="ROLLOUT-9")


def test_every_kind_of_event_has_its_line_or_is_left_out_on_purpose() -> None:
    incidents = {
        ev.StageForced,
        ev.BakeRestarted,
        ev.ShiftFailed,
        ev.SightLost,
        ev.ShareAstray,
        ev.DriftFound,
        ev.RolloutPaused,
        ev.RolloutResumed,
        ev.PlanChanged,
    }
    assert {*timeline.LINES, *timeline.QUIET, *incidents} == set(get_args(ev.Event))


def test_a_mention_in_a_note_becomes_a_name() -> None:
    s = samples.begin()
    s.say(ev.NoteAdded(LIN, f"thanks <@{WANG}>", "", s.at, "good"))
    assert "thanks @王磊" in html(report_of(s), "en")


def test_the_html_needs_nothing_from_outside() -> None:
    page: Any = html(report("steady"), "en", {"course": b"\x89PNG\r\n\x1a\n"})
    assert 'src="data:image/png;base64,' in page
    assert "http-equiv" in page and "<script" not in page and "<link" not in page
    assert "drawn here: no font &lt;b&gt;" in html(report("steady"), "en", {"course": "no font <b>"})
