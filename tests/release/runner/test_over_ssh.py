"""What only a network can do: keys that are not the right ones, cuts, hosts that are away, a forced command."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bot.release.checks import Checks
from bot.release.ports import End
from bot.release.runner.run import ShellRunner
from bot.rollout.plan import FleetPlan, Host
from bot.rollout.runbook import Check, CheckKind
from bot.rollout.work import Outcome
from tests.fleet.conftest import Sshd, address
from tests.fleet.proxy import Proxy
from tests.release.kit import PLAN, ROLLOUT, surroundings
from tests.release.runner.conftest import Scene, remote
from tests.release.runner.test_keyed import LONG, counting, times, waiting

NOBODY: Any = None  # no metrics, no backups: these checks ask neither


@pytest.fixture
async def cuttable(sshd: Sshd, tmp_path: Path) -> AsyncIterator[tuple[Scene, Proxy]]:
    async with Proxy(sshd.port, (sshd.addresses[0], sshd.port)) as proxy:
        known = tmp_path / "known"
        known.write_text(f"[{proxy.place[0]}]:{proxy.place[1]} {sshd.public}\n")
        scene = remote(sshd, tmp_path, proxy.place, str(known))
        yield scene, proxy
        for runner in scene.runners:
            await runner.aclose()


async def test_a_keyed_run_outlives_a_cut_and_is_asked_again(cuttable: tuple[Scene, Proxy]) -> None:
    scene, proxy = cuttable
    asked = asyncio.create_task(scene.runner.run(scene.machine, waiting(scene), {}, LONG, key="cut"))
    await scene.pid("leader")
    proxy.go_down()
    scene.file("go").touch()
    await scene.dead("leader")
    proxy.come_back()
    ran = await asked
    assert (ran.end, ran.exit_status, ran.output, times(scene)) == (End.EXITED, 7, "began\nover", 1)


async def test_a_plain_run_does_not_outlive_a_cut(cuttable: tuple[Scene, Proxy]) -> None:
    scene, proxy = cuttable
    asked = asyncio.create_task(scene.runner.run(scene.machine, counting(scene, "sleep 300"), {}, LONG))
    await scene.pid("leader")
    proxy.cut()
    ran = await asked
    assert ran.end is End.UNKNOWN and "broke" in ran.problem
    await scene.dead("leader")


async def test_a_dead_connection_is_made_anew(cuttable: tuple[Scene, Proxy]) -> None:
    scene, proxy = cuttable
    for _ in range(2):
        assert (await scene.runner.run(scene.machine, "echo on", {}, LONG)).output == "on"
        proxy.cut()


async def test_a_machine_that_is_away(cuttable: tuple[Scene, Proxy]) -> None:
    scene, proxy = cuttable
    proxy.go_down()
    for key in ("", "away"):
        ran = await scene.runner.run(scene.machine, counting(scene), {}, LONG, key=key)
        assert ran.end is End.NOT_RUNNABLE and "cannot be reached" in ran.problem
    asked = asyncio.create_task(scene.runner.run(scene.machine, counting(scene), {}, LONG, key="away", again=True))
    await asyncio.sleep(0)
    proxy.come_back()
    assert (await asked).end is End.EXITED
    assert times(scene) == 1


async def test_a_wrong_host_key_is_never_talked_to(sshd: Sshd, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    (tmp_path / "known").write_text(f"[{sshd.addresses[0]}]:{sshd.port} {other}\n")
    scene = remote(sshd, tmp_path, known_hosts=str(tmp_path / "known"))
    ran = await scene.runner.run(scene.machine, counting(scene), {}, LONG, key="k")
    assert ran.end is End.NOT_RUNNABLE and "ssh-keyscan" in ran.problem
    ran = await scene.runner.run(scene.machine, counting(scene), {}, LONG, key="k", again=True)
    assert ran.end is End.UNKNOWN and "ssh-keyscan" in ran.problem  # it may have been begun before the key changed
    assert times(scene) == 0


async def test_a_forced_command_is_not_the_program(sshd: Sshd, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    sshd.authorize(f'command="echo only verbs >&2; exit 1",restrict {key.export_public_key().decode()}')
    fleet = FleetPlan("ssh", (Host("lb-1", sshd.addresses[0], sshd.port),), sshd.known_hosts, str(tmp_path / "key"))
    runner = ShellRunner(fleet, (), surroundings(tmp_path))
    for key_of_run in ("", "k"):
        ran = await runner.run("lb-1", f"touch {tmp_path}/trace", {}, LONG, key=key_of_run)
        assert ran.end is End.NOT_RUNNABLE and "only verbs" in ran.problem and "forced command" in ran.problem
    assert not (tmp_path / "trace").exists()
    await runner.aclose()


@pytest.mark.parametrize(
    ("kind", "target", "said"),
    [("file_age", "/it*", "7 B: "), ("disk", "", "% free on /"), ("memory", "", "% free")],
)
async def test_a_check_of_a_machine_looks_there(
    cuttable: tuple[Scene, Proxy], kind: CheckKind, target: str, said: str
) -> None:
    scene, proxy = cuttable
    scene.file("it's here").write_text("content")
    checks = Checks(scene.runner, NOBODY, NOBODY, time.time)
    check = Check("c", kind, target=f"{scene.root}{target}", machine="db-1", free=0.0, deadline=LONG)
    found = await checks.check(check, PLAN, ROLLOUT)
    assert found.outcome is Outcome.PASSED and said in found.summary
    proxy.go_down()
    found = await checks.check(check, PLAN, ROLLOUT)
    assert found.outcome is Outcome.NOT_RUNNABLE and "cannot be reached" in found.summary


async def test_nobody_listens(sshd: Sshd, tmp_path: Path) -> None:
    scene = remote(sshd, tmp_path, (address(), 2))
    ran = await scene.runner.run(scene.machine, "true", {}, LONG)
    assert ran.end is End.NOT_RUNNABLE and "check that the host is up" in ran.problem
