"""Steps over a real runner: what is tried again and what is not, what is a result, what may not be seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.release.ports import End, Ran
from bot.release.runner.run import ShellRunner
from bot.release.steps import Steps, environment, judge
from bot.rollout.runbook import BOT, Must, Phase, Step
from bot.rollout.work import Outcome
from tests.release.kit import ROLLOUT, local_runner

TOKEN = "t0ken-of-the-registry"


def step(command: str, **changes: object) -> Step:
    values: dict[str, object] = {"name": "deploy", "phase": Phase.BEFORE_START, "deadline": 60.0}
    return Step(command=command, **{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
async def runner(tmp_path: Path) -> AsyncIterator[ShellRunner]:
    runner = local_runner(tmp_path)
    yield runner
    await runner.aclose()


@pytest.fixture
def steps(runner: ShellRunner) -> Steps:
    return Steps(runner, {"TOKEN": TOKEN, "OTHER": "not asked for", "EMPTY": ""}, retry_after=0.0)


async def test_it_knows_the_rollout_and_only_its_own_secrets(steps: Steps) -> None:
    env = environment(ROLLOUT, "10%")
    one = step("echo $ROLLOUT_ID $ROLLOUT_VERSION $ROLLOUT_STAGE $ROLLOUT_CANARY-$TOKEN-$OTHER-", secrets=("TOKEN",))
    found = await steps.run(one, BOT, "k", env)
    assert (found.outcome, found.summary, found.exit_status) == (Outcome.PASSED, "exit 0", 0)
    assert found.output == "ROLLOUT-20260302-1 2.1.0 10% 10.0.1.11:5000 10.0.1.12:5000-***--"
    assert {*env} == {
        "ROLLOUT_ID",
        "ROLLOUT_SERVICE",
        "ROLLOUT_VERSION",
        "ROLLOUT_STABLE_VERSION",
        "ROLLOUT_STAGE",
        "ROLLOUT_CANARY",
        "ROLLOUT_STABLE",
    }


@pytest.mark.parametrize("name", ["ABSENT", "EMPTY"])
async def test_a_secret_that_is_not_set_is_said_before_anything_is_run(steps: Steps, name: str, tmp_path: Path) -> None:
    found = await steps.run(step(f"touch {tmp_path}/trace", secrets=("TOKEN", name)), BOT, "k", {})
    assert found.outcome is Outcome.NOT_RUNNABLE and found.summary.startswith(f"{name} is not set")
    assert not (tmp_path / "trace").exists()


async def test_a_failure_shows_the_last_it_said_and_is_not_tried_again(steps: Steps, tmp_path: Path) -> None:
    one = step(f"echo x >>{tmp_path}/tries; echo 'no such image: {TOKEN}' >&2; exit 4", retries=3, secrets=("TOKEN",))
    found = await steps.run(one, BOT, "k", {})
    assert (found.outcome, found.exit_status) == (Outcome.FAILED, 4)
    assert found.summary == "exit 4: no such image: ***"
    assert (tmp_path / "tries").read_text() == "x\n"


async def test_a_safe_one_is_tried_again_until_it_passes(steps: Steps, tmp_path: Path) -> None:
    one = step(f"echo x >>{tmp_path}/tries; [ $(wc -l <{tmp_path}/tries) -ge 3 ]", retries=5, safe=True)
    for _ in range(2):  # asked for again, after a crash, each try is found as it ended
        found = await steps.run(one, BOT, "k", {})
        assert (found.outcome, found.summary) == (Outcome.PASSED, "try 3: exit 0")
    assert (tmp_path / "tries").read_text() == "x\n" * 3
    found = await steps.run(step("exit 1", retries=2, safe=True), BOT, "another", {})
    assert (found.outcome, found.summary) == (Outcome.FAILED, "try 3: exit 1")


async def test_past_its_deadline(steps: Steps) -> None:
    found = await steps.run(step("echo so far; sleep 300", deadline=0.5), BOT, "k", {})
    assert (found.outcome, found.output) == (Outcome.TIMED_OUT, "so far") and "0.5 s" in found.summary


async def test_a_machine_that_is_not_there(steps: Steps) -> None:
    found = await steps.run(step("true"), "db-9", "k", {})
    assert found.outcome is Outcome.NOT_RUNNABLE and "db-9" in found.summary


class Scripted:
    """A runner of which the ends are given, for those that cannot be had to order."""

    def __init__(self, *ends: Ran) -> None:
        self.ends = list(ends)
        self.keys: list[str] = []

    async def run(self, *_: object, key: str = "", **__: object) -> Ran:
        self.keys.append(key)
        return self.ends.pop(0)

    async def pour(self, *_: object) -> Ran:
        raise NotImplementedError


async def test_an_unknown_end_is_not_tried_again_even_where_it_is_safe() -> None:
    runner = Scripted(Ran(End.EXITED, 1), Ran(End.UNKNOWN, problem="it is gone"), Ran(End.EXITED, 0))
    found = await Steps(runner, {}, retry_after=0.0).run(step("x", safe=True, retries=5), BOT, "k", {})  # type: ignore[arg-type]
    assert (found.outcome, found.summary) == (Outcome.UNKNOWN, "try 2: it is gone")
    assert runner.keys == ["k:1", "k:2"]


P95 = r"p95=([\d.,]+)"


@pytest.mark.parametrize(
    ("output", "outcome", "value", "summary"),
    [
        ("warm-up p95=900\np95=412.5", Outcome.PASSED, 412.5, "412.5, as it must be: < 500"),
        ("p95=1,200", Outcome.FAILED, 1200.0, "1200, must be < 500"),
        ("no result", Outcome.FAILED, None, f"exit 0, but the output has no number for /{P95}/"),
        ("p95=.,.", Outcome.FAILED, None, f"exit 0, but the output has no number for /{P95}/"),
    ],
)
def test_the_result_of_a_load_test(output: str, outcome: Outcome, value: float | None, summary: str) -> None:
    found = judge(step("k6 run", result=P95, must=Must("<", 500.0, "< 500")), Ran(End.EXITED, 0, output))
    assert (found.outcome, found.value, found.summary) == (outcome, value, summary)


def test_a_load_test_that_fails_is_no_pass_whatever_its_result() -> None:
    found = judge(step("k6 run", result=P95, must=Must("<", 500.0, "< 500")), Ran(End.EXITED, 99, "p95=10"))
    assert (found.outcome, found.value, found.summary) == (Outcome.FAILED, 10.0, "exit 99: p95=10")


@pytest.mark.parametrize(("result", "mend"), [("p95=(", "correct it"), ("p95=1", "parentheses"), ("(a+)+$", "nested")])
def test_a_result_that_cannot_be_asked_names_the_mend(result: str, mend: str) -> None:
    found = judge(step("k6 run", result=result), Ran(End.EXITED, 0, "p95=1 " + "a" * 4000 + "!"))
    assert found.outcome is Outcome.FAILED and mend in found.summary
