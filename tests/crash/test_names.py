"""The crash points come from the types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import pytest

from bot.alerts.effects import AlertEffect, SendAlert
from bot.alerts.intents import AlertIntent
from bot.engine.ports.records import OutboxEffect
from bot.rollout.effects import Effect, ShowCard
from bot.rollout.intents import Intent
from bot.sandbox.crash import names
from bot.sandbox.crash.names import LOOKS, required


@dataclass(frozen=True)
class SoundTheHorn:
    """An effect that nobody has thought a crash point for."""


def test_a_new_effect_has_its_points_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    before = required()
    monkeypatch.setattr(names, "OutboxEffect", OutboxEffect | SoundTheHorn)
    assert required() - before == {f"effect.SoundTheHorn.{when}" for when in ("claimed", "performed", "written")}


@pytest.mark.parametrize("effect", [ShowCard, SendAlert])
def test_every_effect_has_three(effect: type) -> None:
    assert {f"effect.{effect.__name__}.{when}" for when in ("claimed", "performed", "written")} <= required()


@pytest.mark.parametrize(("some", "others"), [(Effect, AlertEffect), (Intent, AlertIntent)])
def test_no_two_share_a_point(some: Any, others: Any) -> None:
    """Or a kill at the one would pass for a kill at the other."""
    assert not {kind.__name__ for kind in get_args(some)} & {kind.__name__ for kind in get_args(others)}


@pytest.mark.parametrize("protocol", LOOKS, ids=lambda p: p.__name__)
def test_what_only_looks_is_there(protocol: type) -> None:
    """Or the table would excuse what has been renamed."""
    assert all(callable(getattr(protocol, name, None)) for name in LOOKS[protocol])
