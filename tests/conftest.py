"""What holds for the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# These wait for real servers most of their time. First, so that no worker is left alone with one at the end.
SLOW = ("e2e", "scenarios", "crash", "replicas", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def last(item: pytest.Item) -> bool:
        return item.path.relative_to(HERE).parts[0] not in SLOW

    items.sort(key=last)
