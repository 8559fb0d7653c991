"""Values to text and back, for every class there is; and what becomes of texts from other versions."""

from __future__ import annotations

import json
import math
import timeit
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alerts.effects import AlertEffect
from bot.alerts.events import AlertEvent
from bot.alerts.model import AlertsState
from bot.rollout.effects import Effect, Tell
from bot.rollout.events import Event, NoteAdded, RolloutStarted, ShiftDone, StagePassed
from bot.rollout.model import Board, GateResult, Rollout, ServiceState, Verdict
from bot.store.codec import BOARDS, EFFECTS, EVENTS, ROLLOUTS, STATES, Codec
from bot.store.shapes import CodecError
from tests.store.samples import note, rollout

st.register_type_strategy(float, st.floats(allow_nan=False))

CASES = [
    *((EVENTS, kind) for kind in get_args(Event)),
    *((EVENTS, kind) for kind in get_args(AlertEvent)),
    *((EFFECTS, kind) for kind in get_args(Effect)),
    *((EFFECTS, kind) for kind in get_args(AlertEffect)),
    (STATES, AlertsState),
    *((BOARDS, Board), (STATES, ServiceState), (ROLLOUTS, Rollout)),
]


@pytest.mark.parametrize(("codec", "kind"), CASES, ids=lambda value: getattr(value, "__name__", ""))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_class_comes_back_as_it_was(codec: Codec[Any], kind: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    back = codec.decode(codec.encode(value))
    assert back == value
    assert type(back) is kind
    assert repr(back) == repr(value), "equal is not enough: True == 1 == 1.0"


def test_the_text_is_legible_and_tagged() -> None:
    assert EVENTS.encode(NoteAdded("U1", "灰度", "1%", 1.5)) == (
        '{"@":"NoteAdded/1","by":"U1","text":"灰度","stage":"1%","at":1.5,"kind":""}'
    )


def test_an_event_inside_an_effect_keeps_its_class() -> None:
    tell = Tell("R", 3, note("x"), True)
    assert EFFECTS.decode(EFFECTS.encode(tell)) == tell


def test_a_lone_surrogate_survives() -> None:
    event = note("é \ud800 😀")
    text = EVENTS.encode(event)
    assert text.encode()
    assert EVENTS.decode(text) == event


def test_what_is_not_a_finite_number_survives() -> None:
    gate = GateResult("t", "m", Verdict.BLIND, canary=math.nan, stable=math.inf)
    (back,) = EVENTS.decode(EVENTS.encode(StagePassed("1%", (gate,), None, 0.0, 0.0))).gates  # type: ignore[union-attr]
    assert math.isnan(back.canary)
    assert back.stable == math.inf


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (ShiftDone("1%", 1, "a", 1.0, 1.0), r"ShiftDone\.hosts: expected a list"),  # type: ignore[arg-type]
        (ShiftDone("1%", 1.5, (), 1.0, 1.0), r"ShiftDone\.generation: expected int, found 1\.5"),  # type: ignore[arg-type]
        (ShiftDone("1%", 1, (), 1.0, None), r"ShiftDone\.at: expected float, found None"),  # type: ignore[arg-type]
        (ShiftDone("1%", 1, ({1},), 1.0, 1.0), "ShiftDone: set has no place"),  # type: ignore[arg-type]
        (rollout(1), "Rollout is not one of"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(event: Any, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        EVENTS.encode(event)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"@":"Nonsense/1"}', "unknown tag 'Nonsense/1'"),
        ('{"at":1}', "unknown tag None"),
        ('{"@":"DriftGone"}', "unknown tag 'DriftGone'|DriftGone/ was written"),
        (
            '{"@":"DriftGone/2","at":1}',
            "DriftGone/2 was written by a newer version, this one reads DriftGone/1: upgrade",
        ),
        ('{"@":"DriftGone/1"}', "DriftGone.at: is missing"),
        ('{"@":["DriftGone"],"at":1}', "unknown tag"),
        ("[1]", "expected"),
        ("{", "not JSON"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        EVENTS.decode(text)


@dataclass(frozen=True, slots=True)
class Inner:
    n: int = 5


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    inner: Inner
    many: tuple[Inner, ...] = ()
    note: str = "default"


@dataclass(frozen=True, slots=True)
class Other:
    name: str


def test_missing_fields_take_their_defaults_and_unknown_ones_are_left_out() -> None:
    codec: Codec[Thing] = Codec(Thing, {})
    assert codec.decode('{"@":"Thing/1","name":"a","gone":1,"inner":{"@":"Inner/1","old":2}}') == Thing("a", Inner(5))


def test_upcasts_lead_old_versions_step_by_step_to_the_current_one() -> None:
    upcasts = {
        ("Thing", 1): lambda old: {"name": old["title"], "inner": old["inner"]},
        ("Thing", 2): lambda old: {**old, "note": "from 2"},
        ("Inner", 1): lambda old: {"n": old["n"] * 10},
    }
    codec: Codec[Thing] = Codec(Thing, upcasts)
    old = '{"@":"Thing/1","title":"a","inner":{"@":"Inner/1","n":7}}'
    assert codec.decode(old) == Thing("a", Inner(70), note="from 2")
    text = codec.encode(Thing("a", Inner(7)))
    assert (json.loads(text)["@"], json.loads(text)["inner"]["@"]) == ("Thing/3", "Inner/2")
    assert codec.decode(text) == Thing("a", Inner(7))


def test_a_class_can_be_renamed() -> None:
    codec: Codec[Thing | Other] = Codec(Thing | Other, {("Gone", 1): lambda old: {"@": "Other/1", "name": old["was"]}})
    assert codec.decode('{"@":"Gone/1","was":"x"}') == Other("x")


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@dataclass(frozen=True, slots=True)
class Shapes:
    colour: Colour
    level: Level
    either: Inner | Other | None
    mixed: str | int | tuple[int, ...] | None
    pair: tuple[str, float]
    table: dict[str, Inner]
    tags: frozenset[str]
    how: Literal["a", "b"] | None
    nested: tuple[tuple[str, ...], ...]
    itself: Shapes | None = None


@settings(max_examples=100, deadline=None)
@given(st.from_type(Shapes))
def test_every_shape_comes_back_as_it_was(value: Shapes) -> None:
    codec: Codec[Shapes] = Codec(Shapes)
    assert codec.decode(codec.encode(value)) == value


@dataclass(frozen=True, slots=True)
class Ambiguous:
    value: str | Colour


@dataclass(frozen=True, slots=True)
class Unknown:
    value: bytes


@pytest.mark.parametrize("kind", [Ambiguous, Unknown])
def test_a_type_without_one_json_form_is_refused_when_the_codec_is_built(kind: type) -> None:
    with pytest.raises(TypeError):
        Codec(kind)


def test_encoding_an_event_is_fast() -> None:
    hosts, stages = ("lb-1", "lb-2"), (("internal", 0.0), ("1%", 1.0))
    event = RolloutStarted("R", "2", "1", ("a",), ("b",), "s", "U1", "why", "h", hosts, stages, 1.0)
    best = min(timeit.repeat(lambda: EVENTS.encode(event), number=100, repeat=30)) / 100
    assert best < 50e-6
