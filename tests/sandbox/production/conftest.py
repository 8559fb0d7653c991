from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.sandbox.production.ports import Ports


@pytest.fixture
def ports() -> Iterator[Ports]:
    with Ports() as ports:
        yield ports
