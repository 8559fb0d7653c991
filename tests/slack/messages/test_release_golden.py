"""How what surrounds the traffic looks, in both languages. After a wanted change: ROLLOUT_GOLDEN=write pytest …"""

from __future__ import annotations

import re

import pytest

from bot.engine.ports.rendered import Outgoing
from bot.slack.messages import Messages
from tests.slack.messages.release_samples import BOOKED, EVENTS, PEOPLE, ROLLOUTS
from tests.slack.messages.samples import NOW, render
from tests.slack.messages.test_golden import compare
from tests.slack.messages.test_properties import sound

GROUP = re.compile(r"<!subteam\^[A-Z0-9]+>")


@pytest.fixture(params=["en", "zh"])
def lang(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def messages(lang: str, named: bool = False) -> Messages:
    return Messages(lang, "Asia/Shanghai", PEOPLE if named else None)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ROLLOUTS)
def test_card(state: str, lang: str) -> None:
    message = messages(lang).card(ROLLOUTS[state], BOOKED, None, NOW)
    sound(message)
    compare(f"card_{state}.{lang}", message)


@pytest.mark.parametrize("state", ["preparing", "preparing_failed", "preparing_ticks", "prepared", "not_started"])
def test_preparation(state: str, lang: str) -> None:
    message = messages(lang).preparation(ROLLOUTS[state], BOOKED, NOW)
    sound(message)
    compare(f"preparation_{state}.{lang}", message)


@pytest.mark.parametrize("edition", [1, 2])
def test_sign_off(edition: int, lang: str) -> None:
    message = messages(lang).sign_off(ROLLOUTS["completed_report"], BOOKED, edition, NOW)
    sound(message)
    compare(f"sign_off_{edition}.{lang}", message)


@pytest.mark.parametrize("what", ["checks", "follow_ups"])
def test_list(what: str, lang: str) -> None:
    rollout = ROLLOUTS["hand_left" if what == "checks" else "completed_report"]
    message = getattr(messages(lang), what)(rollout, BOOKED, NOW)
    sound(message)
    compare(f"{what}.{lang}", message)


def test_the_first_asking(lang: str) -> None:
    message = messages(lang).approval(ROLLOUTS["prepared"], BOOKED, "internal", 1, NOW)
    sound(message)
    compare(f"approval_prepared.{lang}", message)


def test_the_timeline(lang: str) -> None:
    said = []
    for name, event in EVENTS.items():
        rollout = ROLLOUTS["hand_left" if name in ("left", "verified", "whole") else "completed_report"]
        message = messages(lang).tell(event, rollout, BOOKED)
        sound(message)
        said.append(f"== {name}\n{render(message)}")
    compare(f"timeline.{lang}", Outgoing("\n".join(said)))


def test_who_has_to_act_is_mentioned_and_so_notified(lang: str) -> None:
    said = messages(lang, named=True).tell(EVENTS["reminded"], ROLLOUTS["completed_report"], BOOKED).text
    assert "<@U0ZHAO0001>" in said
    assert "`testers`" in said  # nobody is known to have that role
    shown = str(messages(lang, named=True).preparation(ROLLOUTS["preparing"], BOOKED, NOW).blocks)
    assert GROUP.search(shown)
