"""The crash points come from the types."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.rollout.effects import Effect, ShowCard
from bot.sandbox.crash import names
from bot.sandbox.crash.names import LOOKS, required


@dataclass(frozen=True)
class SoundTheHorn:
    """An effect that nobody has thought a crash point for."""


def test_a_new_effect_has_its_points_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    before = required()
    monkeypatch.setattr(names, "Effect", Effect | SoundTheHorn)
    assert required() - before == {f"effect.SoundTheHorn.{when}" for when in ("claimed", "performed", "written")}


def test_every_effect_has_three() -> None:
    assert {f"effect.{ShowCard.__name__}.{when}" for when in ("claimed", "performed", "written")} <= required()


@pytest.mark.parametrize("protocol", LOOKS, ids=lambda p: p.__name__)
def test_what_only_looks_is_there(protocol: type) -> None:
    """Or the table would excuse what has been renamed."""
    assert all(callable(getattr(protocol, name, None)) for name in LOOKS[protocol])
