from __future__ import annotations

import pytest

from bot.sandbox.production.dial import Dial, Spread


def test_a_turn_keeps_the_other_faults() -> None:
    assert Dial(latency_s=2).turned({"error_ratio": 0.5}) == Dial(latency_s=2, error_ratio=0.5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"error_ratio": 1.5}, "error_ratio must be a number from 0 to 1"),
        ({"error_ratio": True}, "error_ratio must be a number"),
        ({"latency_s": "2"}, "latency_s must be a number from 0 to 60"),
        ({"memory_mb": -1}, "memory_mb must be"),
        ({"errors": 1}, "no such fault: errors; there are error_ratio"),
    ],
)
def test_a_bad_turn_names_the_mend(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Dial().turned(changes)


@pytest.mark.parametrize(("ratio", "hits"), [(0, 0), (0.01, 10), (0.1, 100), (0.5, 500), (1, 1000)])
def test_a_ratio_is_kept_exactly(ratio: float, hits: int) -> None:
    spread = Spread()
    assert sum(spread.hit(ratio) for _ in range(1000)) == hits
