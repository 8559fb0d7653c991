"""Slips of the thumb: the way back is found all the same, and nothing else is guessed."""

from __future__ import annotations

import pytest

from bot.rollout.intents import RollBack
from bot.rollout.model import Status
from commands.registry import find
from commands.words import name, split, version
from tests.commands.kit import Office


@pytest.fixture
def three() -> Office:
    return Office("shop", "checkout", "search-api")


@pytest.mark.parametrize(
    "line", ["rolback", "rollbck", "rollbakc checkout", "Rollbacl!", "rllback", "rollout rollback", "/rollout rolback"]
)
async def test_a_misspelt_rollback_is_a_rollback(three: Office, line: str) -> None:
    await three.begin("checkout")
    await three.approve("checkout")
    assert "done rolling_back" in await three.type(line)
    assert await three.status("checkout") is Status.ROLLING_BACK


@pytest.mark.parametrize(
    "line", ["rollforward", "callback", "playback", "prmote", "puase", "statr shop 3.0", "back", "no-rollback"]
)
async def test_no_other_word_is_guessed(three: Office, line: str) -> None:
    await three.begin("checkout")
    before = (await three.desk.state("checkout")).seq
    assert (await three.type(line)).startswith("did_you_mean")
    assert (await three.desk.state("checkout")).seq == before


def test_the_words_of_the_product_are_not_the_way_back() -> None:
    for line in ("rollout", "/rollout", "rollouts status", "rollover"):
        found, _ = find(split(line))
        assert found is None or found.name == "status", line


@pytest.mark.parametrize("line", ["rollback chekout", "rollback CHEKOUT now"])
async def test_a_misspelt_service_at_rest_is_not_another_one_rolled_back(three: Office, line: str) -> None:
    """Spelt well it is refused, since there is nothing to roll back; spelt badly it must be no other service."""
    await three.begin("shop")
    await three.approve("shop")
    assert await three.type(line) == await three.type("rollback checkout") == "error refused nothing_to_roll_back"
    assert await three.status("shop") is Status.SHIFTING
    assert "done rolling_back" in await three.type("rollback shopping is broken")
    asked = three.desk.asked[-1].intent
    assert isinstance(asked, RollBack) and asked.reason == "shopping is broken"


@pytest.mark.parametrize(
    "typed",
    [
        "search\u2011api",
        "search\u2010api",
        "search–api",
        "search\u2212api",
        "ＳＥＡＲＣＨ－ＡＰＩ",
        "<http://search-api>",
    ],
)
def test_a_name_is_found_whatever_the_hyphen(typed: str) -> None:
    (word,) = split(typed)
    assert name(word) == "search-api"


@pytest.mark.parametrize(
    "typed", ["<http://2.0.1>", "<http://2.0.1|2.0.1>", "<https://2.0.1|http://2.0.1>", "`2.0.1`。"]
)
def test_a_version_made_a_link_is_the_version(typed: str) -> None:
    (word,) = split(f" {typed} ")
    assert version(word) == "2.0.1"


def test_an_address_in_a_note_stays_an_address() -> None:
    assert split("note see <https://grafana.example/d/1>")[-1] == "https://grafana.example/d/1"
