"""Keyed runs: at most once per key on a machine, whatever happens to who asked; and the end is told to all who ask."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from bot.release.ports import End
from tests.release.kit import alive, local_runner
from tests.release.runner.conftest import Scene

LONG = 60.0


def counting(scene: Scene, then: str = "") -> str:
    """A line that leaves a trace each time it is run; `then` after its first output."""
    return f"echo ran >>{scene.file('count')}; echo $$ >{scene.file('leader')}; echo began; {then}"


def times(scene: Scene) -> int:
    count = scene.file("count")
    return len(count.read_text().splitlines()) if count.exists() else 0


def waiting(scene: Scene) -> str:
    return counting(scene, f"until [ -e {scene.file('go')} ]; do sleep 0.05; done; echo over; exit 7")


async def test_asked_again_it_tells_how_it_ended(scene: Scene) -> None:
    line = counting(scene, 'echo "$TOKEN$STAGE"; exit 7')
    for runner in (scene.runner, scene.runner, scene.another()):
        ran = await runner.run(
            scene.machine, line, {"TOKEN": "s3cret", "STAGE": "1%"}, LONG, key="k", secrets=("s3cret",)
        )
        assert (ran.end, ran.exit_status, ran.output) == (End.EXITED, 7, "began\n***1%")
    assert times(scene) == 1
    assert (await scene.runner.run(scene.machine, line, {}, LONG, key="another")).exit_status == 7
    assert times(scene) == 2


async def test_two_who_ask_at_once_get_the_one_run(scene: Scene) -> None:
    runners = [scene.runner, *(scene.another() for _ in range(3))]
    asked = [asyncio.create_task(r.run(scene.machine, waiting(scene), {}, LONG, key="k")) for r in runners]
    await scene.pid("leader")
    scene.file("go").touch()
    assert {(r.end, r.exit_status, r.output) for r in await asyncio.gather(*asked)} == {(End.EXITED, 7, "began\nover")}
    assert times(scene) == 1


async def test_cancelled_it_goes_on(scene: Scene) -> None:
    task = asyncio.create_task(scene.runner.run(scene.machine, waiting(scene), {}, LONG, key="k"))
    pid = await scene.pid("leader")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await scene.runner.aclose()
    assert alive(pid)
    task = asyncio.create_task(scene.another().run(scene.machine, waiting(scene), {}, LONG, key="k", again=True))
    scene.file("go").touch()
    ran = await task
    assert (ran.end, ran.exit_status, ran.output, times(scene)) == (End.EXITED, 7, "began\nover", 1)


async def test_at_the_deadline_it_is_ended_and_that_is_remembered(scene: Scene) -> None:
    for runner in (scene.runner, scene.another()):
        ran = await runner.run(scene.machine, counting(scene, "sleep 300 & wait"), {}, 0.5, key="k")
        assert (ran.end, ran.output, ran.exit_status) == (End.TIMED_OUT, "began", None)
    assert times(scene) == 1
    await scene.dead("leader")


async def test_gone_without_a_word_is_unknown_and_is_never_run_again(scene: Scene) -> None:
    task = asyncio.create_task(scene.runner.run(scene.machine, waiting(scene), {}, LONG, key="k"))
    leader = await scene.pid("leader")
    (folder,) = scene.folders
    os.kill(int((folder / "owner").read_text().split()[0]), signal.SIGKILL)
    os.killpg(leader, signal.SIGKILL)
    for ran in (await task, await scene.another().run(scene.machine, waiting(scene), {}, LONG, key="k")):
        assert (ran.end, ran.output) == (End.UNKNOWN, "began") and "no word" in ran.problem
    assert times(scene) == 1


async def test_a_reboot_makes_it_unknown(scene: Scene) -> None:
    task = asyncio.create_task(scene.runner.run(scene.machine, waiting(scene), {}, LONG, key="k"))
    await scene.pid("leader")
    (folder,) = scene.folders
    pid, start, _ = (folder / "owner").read_text().split()
    (folder / "owner").write_text(f"{pid} {start} another-boot\n")
    assert (await scene.another().run(scene.machine, waiting(scene), {}, LONG, key="k")).end is End.UNKNOWN
    scene.file("go").touch()
    await task


async def test_a_pid_that_another_process_has_now_is_not_the_keeper(scene: Scene) -> None:
    assert (await scene.runner.run(scene.machine, counting(scene), {}, LONG, key="k")).end is End.EXITED
    (folder,) = scene.folders
    (folder / "status").unlink()
    _, start, boot = (folder / "owner").read_text().split()
    (folder / "owner").write_text(f"{os.getpid()} {start} {boot}\n")
    assert (await scene.runner.run(scene.machine, counting(scene), {}, LONG, key="k")).end is End.UNKNOWN
    assert times(scene) == 1


async def test_what_it_starts_in_the_background_stays(scene: Scene) -> None:
    line = f"sh -c 'echo $$ >{scene.file('server')}; exec sleep 300' & echo started"
    ran = await scene.runner.run(scene.machine, line, {}, LONG, key="k")
    assert (ran.end, ran.output) == (End.EXITED, "started")
    pid = await scene.pid("server")
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)


async def test_folders_are_private_and_old_ones_are_pruned(scene: Scene) -> None:
    await scene.runner.run(scene.machine, "umask >&2", {}, LONG, key="old")
    (old,) = scene.folders
    assert old.stat().st_mode & 0o777 == 0o700
    month_ago = time.time() - 31.5 * 86400
    os.utime(old, (month_ago, month_ago))
    ran = await scene.runner.run(scene.machine, "umask", {}, LONG, key="new")
    assert old not in scene.folders and len(scene.folders) == 1
    plain = await scene.runner.run(scene.machine, "umask", {}, LONG)
    assert ran.output == plain.output  # what a step writes is as others may read it as ever


async def test_where_nothing_can_be_remembered_nothing_is_begun(scene: Scene) -> None:
    scene.state.mkdir(exist_ok=True)
    (scene.state / "rollout-bot").write_text("in the way")
    ran = await scene.runner.run(scene.machine, counting(scene), {}, LONG, key="k")
    assert ran.end is End.NOT_RUNNABLE and "free some space" in ran.problem
    assert times(scene) == 0


async def test_another_replica_does_not_begin_what_this_machine_knows_nothing_of(tmp_path: Path) -> None:
    runner = local_runner(tmp_path, replicas=True)
    assert (await runner.run("bot", "echo ran", {}, LONG, key="k")).output == "ran"
    assert (await runner.run("bot", "echo ran", {}, LONG, key="k", again=True)).output == "ran"
    ran = await runner.run("bot", f"touch {tmp_path}/trace", {}, LONG, key="elsewhere", again=True)
    assert ran.end is End.UNKNOWN and "another of the bot's machines" in ran.problem
    assert not (tmp_path / "trace").exists()
    await runner.aclose()


async def test_kill_9_of_the_bot_in_the_middle_of_a_keyed_run(scene: Scene) -> None:
    await scene.killed_in(waiting(scene), "k")
    assert alive(await scene.pid("leader"))
    asked = asyncio.create_task(scene.runner.run(scene.machine, waiting(scene), {}, LONG, key="k", again=True))
    scene.file("go").touch()
    ran = await asked
    assert (ran.end, ran.exit_status, ran.output, times(scene)) == (End.EXITED, 7, "began\nover", 1)


async def test_kill_9_of_the_bot_ends_a_plain_run(scene: Scene) -> None:
    await scene.killed_in(waiting(scene), "")
    await scene.dead("leader")
