"""The fast `replace` is the slow one."""

from __future__ import annotations

import dataclasses

import pytest

from bot.rollout.model import Rollout, ServiceState, StageRecord
from bot.rollout.replacing import replace


@pytest.mark.parametrize("kind", [Rollout, ServiceState, StageRecord])
def test_a_copy_is_what_dataclasses_would_make(kind: type) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    value = kind(**{name: f"old {name}" for name in names})
    for name in names:
        changes = {name: "new", names[0]: "first"}
        changed = replace(value, **changes)
        assert changed == dataclasses.replace(value, **changes)
        assert type(changed) is kind
    assert value == kind(**{name: f"old {name}" for name in names}), "the original stays"


def test_a_field_that_there_is_not() -> None:
    with pytest.raises(TypeError, match="StageRecord has no field wieght"):
        replace(StageRecord("pct1", 1.0), wieght=2.0)
