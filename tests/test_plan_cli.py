"""`rollout-bot plan`: a dry run, as a person at a shell reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot import reading
from bot.cli import cli
from bot.fleet.fake import FakeFleet
from bot.rollout.plan import Plan


@pytest.fixture(autouse=True)
def _hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing but a value behind each host, and no database yet."""

    def fleets(plans: dict[str, Plan]) -> dict[str, FakeFleet]:
        return {service: FakeFleet(plan.fleet.hosts) for service, plan in plans.items()}

    monkeypatch.setattr(reading, "build_fleets", fleets)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'rollout.db'}")


def planned(*words: str) -> Result:
    return CliRunner().invoke(cli, ["plan", *words, "--config", "config"])


def test_it_tells_the_stages_the_triggers_and_what_changes_on_each_host() -> None:
    result = planned("brand-diagnosis", "2.1.0")
    assert result.exit_code == 0
    said = result.output
    assert "brand-diagnosis 2.0.0 -> 2.1.0" in said
    assert "1%  bake 24h   approved by 1 of release-managers   gates: error_rate < 5%" in said
    assert "roll back at once when:\n  error_rate > 10% for 30s\n  error_rate > 25%\n" in said
    assert "watched for 24h after the last stage" in said
    for host in ("lb-1.example.com", "lb-2.example.com"):
        assert f"--- {host}\n" in said
    assert said.count("+# generation 1") == 2


def test_a_version_is_read_as_in_slack() -> None:
    result = planned("brand-diagnosis", "`2.1.0`,")
    assert result.exit_code == 0 and "brand-diagnosis 2.0.0 -> 2.1.0   plan" in result.output


@pytest.mark.parametrize(
    ("words", "mend"),
    [
        (("brand-diagnosis", "2.0.0"), "already serves 2.0.0: name another version"),
        (("brand-diagnosis", "2.1.0 & more"), "is no version: letters, digits"),
        (("nope", "2.1.0"), "no such service; there are brand-diagnosis"),
    ],
)
def test_what_would_be_refused_is_so_here_in_a_sentence(words: tuple[str, ...], mend: str) -> None:
    result = planned(*words)
    assert result.exit_code == 2
    assert mend in result.output
    assert "---" not in result.output
