"""What the comparison of two ends lets pass, and what it does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.crash.promises import FROZEN, HELD, unlike


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        (f"failed: lb-2: {FROZEN}", f"failed: lb-2: {HELD}", True),
        (f"failed: lb-2: {FROZEN}", f"failed: lb-1: {HELD}", False),
        (f"failed: lb-2: {HELD}", f"failed: lb-2: {FROZEN}", False),
        ("failed: lb-2: disk full", f"failed: lb-2: {HELD}", False),
        ("", f"failed: lb-2: {HELD}", False),
    ],
)
def test_only_the_lock_of_the_dead_bots_order_may_stand_for_a_frozen_nginx(
    expected: str, found: str, same: bool
) -> None:
    one: Any = SimpleNamespace(end={"events": [expected, "RolledBack"]})
    other: Any = SimpleNamespace(end={"events": [found, "RolledBack"]})
    assert (unlike(one, other) == []) == same
