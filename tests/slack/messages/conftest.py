from __future__ import annotations

import pytest

from bot.slack.messages import Messages


@pytest.fixture(params=["en", "zh"])
def m(request: pytest.FixtureRequest) -> Messages:
    return Messages(request.param, "Asia/Shanghai")
