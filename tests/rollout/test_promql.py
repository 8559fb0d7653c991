"""What goes into a query stays a value in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rollout.promql import PLACEHOLDERS, duration, escape_label, escape_regex, fill

TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=30)


def filled(query: str, **changes: object) -> str:
    given: dict[str, object] = {"service": "shop", "version": "2.0.0", "pool": "canary", "instances": ("a:1",)}
    return fill(query, **{**given, "window": 60.0, **changes})  # type: ignore[arg-type]


def unquote(text: str) -> str:
    """A double-quoted string as PromQL reads it: Go's escapes, of which only these three are ever written."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


def test_every_placeholder_is_filled() -> None:
    query = 'x{s="$service", v="$version", p="$pool", i=~"$instances"}[$window]'
    assert filled(query) == 'x{s="shop", v="2.0.0", p="canary", i=~"a:1"}[60s]'


def test_several_instances_are_alternatives_and_literal() -> None:
    assert filled('i=~"$instances"', instances=("10.0.0.1:80", "b")) == 'i=~"10\\\\.0\\\\.0\\\\.1:80|b"'


def test_others_dollars_are_left_alone() -> None:
    query = 'label_replace(x, "a", "$1", "b", "(.*)$") + $services'
    assert filled(query) == query


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert filled('"$version"', version="$service$window") == '"$service$window"'


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "60s"), (0.25, "250ms"), (1.5, "1500ms"), (0, "1ms"), (0.0001, "1ms"), (86400, "86400s")]
)
def test_durations_are_never_zero(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@settings(deadline=None)
@given(TEXT)
def test_a_label_cannot_leave_its_quotes(value: str) -> None:
    query = filled('x{v="$version"} == 1', version=value)
    inside = re.fullmatch(r'x\{v="((?:\\.|[^"\\\n])*)"\} == 1', query, re.DOTALL)
    assert inside, query
    assert unquote(inside[1]) == value == unquote(escape_label(value))


@settings(deadline=None)
@given(TEXT, TEXT)
def test_an_instance_matches_itself_and_nothing_else(value: str, other: str) -> None:
    pattern = unquote(escape_regex(value))
    assert re.fullmatch(pattern, value)
    assert (re.fullmatch(pattern, other) is not None) == (other == value)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a.b:1", "c+d", "x|y", "$window", '"']), min_size=1, max_size=4).map(tuple))
def test_alternatives_match_exactly_the_instances(instances: tuple[str, ...]) -> None:
    inside = re.fullmatch(r'"(.*)"', filled('"$instances"', instances=instances))
    assert inside
    for probe in (*instances, "x", "y", "aXb:1", "ccd"):
        assert bool(re.fullmatch(unquote(inside[1]), probe)) == (probe in instances)


def test_the_placeholders_are_those_that_check_allows() -> None:
    query = " ".join(f"${name}" for name in PLACEHOLDERS)
    assert "$" not in filled(query)
