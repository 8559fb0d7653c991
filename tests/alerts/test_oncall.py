"""Rotations through summer time and winter time: always one person, handed over once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alerts.model import Override
from bot.alerts.mute import quiet_until
from bot.alerts.oncall import on_call, turn
from bot.alerts.plan import QuietHours, Rotation

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Africa/Casablanca")
rotations = st.builds(
    Rotation,
    name=st.just("primary"),
    people=st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True).map(tuple),
    timezone=st.sampled_from(ZONES),
    starts=st.sampled_from(("2026-01-05", "2026-03-02", "2025-10-20")),
    handover=st.integers(0, 24 * 60 - 1),
    days=st.sampled_from((1, 2, 7, 14)),
)
moments = st.floats(1_772_000_000, 1_830_000_000)


@settings(max_examples=300, deadline=None)
@given(rotations, moments)
def test_turns_follow_each_other_without_a_gap(rotation: Rotation, at: float) -> None:
    now = turn(rotation, at)
    assert now.start <= at < now.end
    assert turn(rotation, now.end - 0.01).person == now.person
    following = turn(rotation, now.end)
    assert following.start == now.end
    after = rotation.people[(rotation.people.index(now.person) + 1) % len(rotation.people)]
    assert following.person == after


@settings(max_examples=200, deadline=None)
@given(rotations, moments)
def test_a_turn_is_its_days_give_or_take_the_hour_of_summer_time(rotation: Rotation, at: float) -> None:
    following = turn(rotation, turn(rotation, at).end)
    assert abs((following.end - following.start) - rotation.days * 86400) <= 3600


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("moment", "person"),
    [
        ("2026-03-28T07:59:59", "a"),  # 08:59 in Berlin, winter time
        ("2026-03-28T08:00:00", "b"),
        ("2026-03-29T06:59:59", "b"),  # 08:59, summer time since that night
        ("2026-03-29T07:00:00", "a"),
        ("2026-10-25T07:59:59", "b"),  # winter time again since that night
        ("2026-10-25T08:00:00", "a"),
    ],
)
def test_the_handover_is_at_nine_by_the_clock_on_the_wall(moment: str, person: str) -> None:
    rotation = Rotation("primary", ("a", "b"), "Europe/Berlin", "2026-03-27", 9 * 60, 1)
    assert turn(rotation, at(moment)).person == person


def test_an_hour_that_comes_twice_hands_over_once() -> None:
    rotation = Rotation("primary", ("a", "b"), "Europe/Berlin", "2026-10-24", 150, 1)  # 02:30, which comes twice
    first = at("2026-10-25T00:30:00")
    people = [turn(rotation, first + seconds).person for seconds in range(-60, 7200, 60)]
    assert people == ["a", *["b"] * (len(people) - 1)]


def test_the_newest_swap_holds_while_it_lasts() -> None:
    rotation = Rotation("primary", ("a", "b"), "UTC", "2026-03-02", 9 * 60, 7)
    start = at("2026-03-03T00:00:00")
    swaps = (
        Override("primary", "b", start, start + 7200, "U1"),
        Override("primary", "c", start + 3600, start + 5400, "U2"),
    )
    found = [on_call(rotation, swaps, start + seconds).person for seconds in (-1, 0, 3600, 5400, 7200)]
    assert found == ["a", "b", "c", "b", "a"]
    assert on_call(rotation, (Override("other", "z", start, start + 9, "U1"),), start).person == "a"


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(ZONES), st.integers(0, 1439), st.integers(0, 1439),
    st.sets(st.integers(0, 6), min_size=1), moments,
)  # fmt: skip
def test_quiet_hours_end_when_they_say(zone: str, start: int, end: int, days: set[int], now: float) -> None:
    quiet = QuietHours("q", (), zone, start, end, tuple(days))
    until = quiet_until(quiet, now)
    if until is None or start == end:
        return
    assert now < until <= now + 86400 + 3600
    assert quiet_until(quiet, until - 0.01) is not None
    after = quiet_until(quiet, until)
    assert after is None or after > until
