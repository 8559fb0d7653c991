"""How the card and the asking look, in both languages. After a wanted change: ROLLOUT_GOLDEN=write pytest …"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bot.engine.ports.rendered import Outgoing
from bot.slack.messages import Messages
from tests.slack.messages.samples import CARDS, NOW, PLAN, SHARED, a_board, asking, render
from tests.slack.messages.test_properties import sound

HERE = Path(__file__).parent / "golden"


def compare(name: str, message: Outgoing) -> None:
    path = HERE / f"{name}.txt"
    look = render(message)
    if os.environ.get("ROLLOUT_GOLDEN") == "write":
        path.write_text(look, encoding="utf-8")
    assert look == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("state", CARDS)
def test_card(state: str, lang: str) -> None:
    rollout, board = CARDS[state]
    plan = SHARED if state.startswith("share_") else PLAN
    message = Messages(lang, "Asia/Shanghai").card(rollout, plan, board, NOW)  # type: ignore[arg-type]
    sound(message)
    compare(f"card_{state}.{lang}", message)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("how", ["open", "approved", "vetoed", "expired", "voided", "superseded"])
def test_approval(how: str, lang: str) -> None:
    rollout, _ = CARDS["awaiting_approval"]
    attempt = 2 if how == "superseded" else 3
    if how not in ("open", "superseded"):
        by = () if how == "expired" else ("U0WANG0001",)
        rollout = replace(rollout, approval=asking(decided=how, decided_by=by, decided_at=NOW - 60))
    messages = Messages(lang, "Asia/Shanghai")  # type: ignore[arg-type]
    message = messages.approval(rollout, PLAN, "10%", attempt, NOW, a_board(stage="1%"))
    sound(message)
    compare(f"approval_{how}.{lang}", message)
    assert (":white_check_mark:" in render(message)) == (how == "open")
