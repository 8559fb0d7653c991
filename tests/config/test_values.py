from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rollout.plan import InternalAudience, Traffic
from config import promql
from config.conditions import OPS, ConditionError, format_condition, parse_condition
from config.durations import DurationError, format_duration, parse_duration
from config.plan_schema import TrafficModel
from config.plan_traffic import build_traffic
from config.report import Report
from config.yaml_source import Document, Quoted, parse_document

UNITS = {"a": "percent", "b": "seconds", "c": "count", "d": "ratio"}


@given(st.integers(0, 100 * 86_400_000))
def test_durations_go_round(milliseconds):
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.text(alphabet="0123456789.dhms -", max_size=8))
def test_a_duration_is_right_or_refused(text):
    try:
        seconds = parse_duration(text)
    except DurationError as error:
        assert error.what and error.mend
    else:
        assert seconds >= 0
        assert re.fullmatch(r"([0-9]+(d|h|ms|m|s))+", text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("24h", 86400), ("90s", 90), ("1h30m", 5400), ("500ms", 0.5), ("2d", 172800), ("0s", 0)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@given(
    st.sampled_from(sorted(UNITS)),
    st.sampled_from(OPS),
    st.decimals(0, 10**9, places=4, allow_nan=False, allow_infinity=False),
)
def test_conditions_go_round(metric, op, number):
    text = format_condition(metric, op, float(number), UNITS[metric])
    condition = parse_condition(text, UNITS)
    assert (condition.metric, condition.op, condition.threshold) == (metric, op, float(number))
    assert condition.text == text
    assert parse_condition(text.replace(" ", ""), UNITS) == condition


@given(st.text(max_size=30))
def test_a_condition_is_right_or_refused(text):
    try:
        condition = parse_condition(text, UNITS)
    except ConditionError as error:
        assert error.what and error.mend
    else:
        assert condition.metric in UNITS


def test_one_meaning_has_one_text():
    texts = {parse_condition(text, UNITS).text for text in ("b < 0.5s", "b<500ms", " b < 500.0ms ")}
    assert texts == {"b < 500ms"}
    assert parse_condition("b < 2m", UNITS).threshold == 120


def test_promql_on_one_line_keeps_strings_and_drops_comments():
    query = 'sum(x{a="b  # c"}[$window]) # note "\n  or\n\t vector(0)'
    assert promql.normalise(query) == 'sum(x{a="b  # c"}[$window]) or vector(0)'
    assert list(promql.faults(query)) == []


@given(st.text(alphabet="ab$({[]})\"'`\\# \n=~", max_size=30))
def test_promql_checks_never_raise_and_normalising_is_idempotent(query):
    list(promql.faults(query))
    assert promql.normalise(promql.normalise(query)) == promql.normalise(query) or list(promql.faults(query))


@given(st.text(alphabet="ab:-[]{}#&*!|>'\"%@`,? \n\t0.", max_size=40))
def test_any_text_is_a_document_or_problems(text):
    document = parse_document("x.yaml", text)
    assert document.data is not None or document.problems
    assert all(1 <= p.line <= text.count("\n") + 2 for p in document.problems)


def test_scalars_are_not_guessed():
    document = parse_document("x", "a: 1.10\nb: '1.10'\nc: 7\nd: true\ne: +1\nf: 1%\ng: 10.0.0.1:80\nh: |\n  x\n")
    assert document.problems == []
    assert {key: str(value) for key, value in document.data.items()} == {
        "a": "1.10", "b": "1.10", "c": "7", "d": "True", "e": "+1", "f": "1%", "g": "10.0.0.1:80", "h": "x\n",
    }  # fmt: skip
    assert isinstance(document.data["b"], Quoted) and not isinstance(document.data["a"], str)


def test_removed_list_items_keep_the_others_lines():
    document = parse_document("x", "a:\n  - b\n  - c\n  - d\n")
    document.remove(("a", 1))
    assert document.data == {"a": ["b", "d"]}
    assert [document.line(("a", 0)), document.line(("a", 1))] == [2, 4]


SAFE = st.text(alphabet="aZ0_-.:$;{}\"'\\ =/", min_size=1, max_size=12)


def _accepted(**given_) -> Traffic | None:
    report = Report(Document("x", data={"traffic": {}}))
    pools = {"stable": ["10.0.0.1:1"], "canary": ["10.0.0.2:1"]}
    model = TrafficModel(strategy="sticky", **pools, stable_version=Quoted("1"), sticky_by=["$remote_addr"])
    traffic = build_traffic(model.model_copy(update=given_), report)
    return None if report.problems else traffic


@given(SAFE, SAFE)
def test_what_passes_here_passes_at_the_renderer(name, value):
    """The whitelists of bot/fleet/valid.py are as wide as these, so a shift never meets a plan it cannot render."""
    valid = pytest.importorskip("bot.fleet.valid")
    if traffic := _accepted(override_cookie=f"{name}={value}"):
        valid.cookie(traffic.override_cookie)
    if (traffic := _accepted(sticky_by=["$" + name, "$remote_addr"])) and traffic.sticky_by:
        valid.variable(traffic.sticky_by[0])
    if traffic := _accepted(canary=[name]):
        valid.pools(traffic.stable, traffic.canary)
    assert InternalAudience() == _accepted().internal


def test_the_placeholders_are_those_that_are_filled_in():
    filler = pytest.importorskip("bot.rollout.promql")
    assert set(filler.PLACEHOLDERS) == set(promql.PLACEHOLDERS)
