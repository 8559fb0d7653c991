"""Plain runs and pours, on this machine and over SSH: what is given, what comes back, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import threading
from pathlib import Path

import pytest

from bot.release.ports import End
from bot.release.runner.run import ShellRunner
from bot.rollout.runbook import BOT
from tests.fleet.conftest import until
from tests.release.kit import LOCAL, alive, surroundings
from tests.release.runner.conftest import Scene

LONG = 60.0  # seconds; what these tests wait for comes much sooner
NASTY = "a 'b' \"c\" $(id) `id` \\ 重要\n; rm -rf $HOME *"


async def test_it_has_its_variables_as_data_and_nothing_to_read(scene: Scene) -> None:
    line = 'printf "[%s]" "$NASTY"; cat; echo oops >&2; exit 3'
    ran = await scene.runner.run(scene.machine, line, {"NASTY": NASTY}, LONG)
    assert (ran.end, ran.exit_status, ran.output, ran.problem) == (End.EXITED, 3, f"[{NASTY}]oops", "")


async def test_the_bots_own_tokens_do_not_reach_it(scene: Scene) -> None:
    ran = await scene.runner.run(scene.machine, "env", {"GIVEN": "1"}, LONG)
    assert "GIVEN=1" in ran.output
    assert "SLACK_BOT_TOKEN" not in ran.output and "ROLLOUT_SENT" not in ran.output


async def test_a_secret_stands_in_no_command_line_and_in_no_output(scene: Scene) -> None:
    line = "echo $TOKEN; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c 's3cr[e]t-12'"
    ran = await scene.runner.run(scene.machine, line, {"TOKEN": "s3cret-12"}, LONG, secrets=("s3cret-12",))
    assert ran.output.splitlines() == ["***", "0"]


async def test_at_the_deadline_its_whole_group_is_ended(scene: Scene) -> None:
    deaf = "trap : TERM;" if scene.machine == BOT else ""  # then it is made to, which takes two seconds more
    line = f"echo so far; sh -c 'echo $$ >{scene.file('child')}; {deaf} while :; do sleep 1; done' & wait"
    ran = await scene.runner.run(scene.machine, line, {}, 1.5)
    assert (ran.end, ran.output) == (End.TIMED_OUT, "so far") and "1.5 s" in ran.problem
    await scene.dead("child")


async def test_cancelled_it_is_ended(scene: Scene) -> None:
    line = f"echo $$ >{scene.file('leader')}; sleep 300"
    task = asyncio.create_task(scene.runner.run(scene.machine, line, {}, LONG))
    await scene.pid("leader")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await scene.dead("leader")


async def test_closing_the_runner_ends_it(scene: Scene) -> None:
    line = f"echo $$ >{scene.file('leader')}; sleep 300"
    task = asyncio.create_task(scene.runner.run(scene.machine, line, {}, LONG))
    await scene.pid("leader")
    await scene.runner.aclose()
    ran = await task
    assert ran.end is End.UNKNOWN and "stopped" in ran.problem
    await scene.dead("leader")


async def test_what_it_leaves_in_the_background_goes_with_it(scene: Scene) -> None:
    ran = await scene.runner.run(scene.machine, f"sleep 300 & echo $! >{scene.file('left')}; echo done", {}, LONG)
    assert (ran.end, ran.output) == (End.EXITED, "done")
    await scene.dead("left")


async def test_a_daemon_that_holds_the_output_open_holds_nobody_up(scene: Scene) -> None:
    line = f"setsid sh -c 'echo $$ >{scene.file('daemon')}; exec sleep 300' &"
    line += f" until [ -s {scene.file('daemon')} ]; do sleep 0.05; done; echo done"
    ran = await scene.runner.run(scene.machine, line, {}, LONG)
    assert (ran.end, ran.output) == (End.EXITED, "done")
    pid = await scene.pid("daemon")
    assert alive(pid)
    await scene.runner.run(scene.machine, f"kill {pid}", {}, LONG)


async def test_many_at_once(scene: Scene) -> None:
    many = [scene.runner.run(scene.machine, f"echo {n}", {}, LONG) for n in range(20)]
    assert [ran.output for ran in await asyncio.gather(*many)] == [str(n) for n in range(20)]


async def test_what_cannot_be_sent_is_refused_with_the_mend(scene: Scene) -> None:
    for line, env, mend in (
        ("echo \0", {}, "NUL"),
        ("true", {"A B": "1"}, "letters, digits"),
        (f": {'x' * 200_000}", {}, "script"),
    ):
        ran = await scene.runner.run(scene.machine, line, env, LONG)
        assert ran.end is End.NOT_RUNNABLE and mend in ran.problem
    ran = await scene.runner.run("nowhere", "true", {}, LONG)
    assert ran.end is End.NOT_RUNNABLE and "machines" in ran.problem


async def test_a_pour_is_every_byte_and_errors_apart(scene: Scene) -> None:
    digest, count = hashlib.sha256(), 0

    def sink(data: bytes) -> None:
        nonlocal count
        digest.update(data)
        count += len(data)

    line = "seq 1 400000; echo 'a warning' >&2; exit 4"
    ran = await scene.runner.pour(scene.machine, line, {}, LONG, sink)
    assert (ran.end, ran.exit_status, ran.output) == (End.EXITED, 4, "a warning")
    whole = "".join(f"{n}\n" for n in range(1, 400001)).encode()
    assert (count, digest.digest()) == (len(whole), hashlib.sha256(whole).digest())


async def test_a_pour_waits_for_a_slow_sink(scene: Scene) -> None:
    go, begun, count = threading.Event(), threading.Event(), 0

    def sink(data: bytes) -> None:
        nonlocal count
        begun.set()
        go.wait(120)
        count += len(data)

    done = scene.file("done")
    pouring = asyncio.create_task(
        scene.runner.pour(scene.machine, f"head -c 50000000 /dev/zero; touch {done}", {}, LONG, sink)
    )
    await until(begun.is_set, LONG)
    for _ in range(3):
        assert (await scene.runner.run(scene.machine, "true", {}, LONG)).exit_status == 0
    assert not done.exists()
    go.set()
    assert (await pouring).end is End.EXITED
    assert count == 50_000_000


async def test_a_sink_that_fails_ends_the_pour(scene: Scene) -> None:
    def sink(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    line = f"echo $$ >{scene.file('leader')}; while echo more; do :; done"
    with pytest.raises(OSError, match="No space"):
        await scene.runner.pour(scene.machine, line, {}, LONG, sink)
    await scene.dead("leader")


async def test_a_pour_past_its_deadline_is_not_whole(scene: Scene) -> None:
    got: list[bytes] = []
    line = f"echo $$ >{scene.file('leader')}; echo half; sleep 300"
    ran = await scene.runner.pour(scene.machine, line, {}, 1.0, got.append)
    assert (ran.end, b"".join(got)) == (End.TIMED_OUT, b"half\n")
    await scene.dead("leader")


async def test_under_other_shells_too(tmp_path: Path) -> None:
    for shell in filter(None, map(shutil.which, ("bash", "busybox"))):
        folder = tmp_path / Path(shell).name
        folder.mkdir()
        (folder / "sh").symlink_to(shell)
        environ = surroundings(folder)
        runner = ShellRunner(LOCAL, (), environ | {"PATH": f"{folder}:{environ['PATH']}"})
        ran = await runner.run("bot", 'echo "$NASTY"; exit 3', {"NASTY": NASTY}, LONG)
        assert (ran.exit_status, ran.output) == (3, NASTY)
        for _ in range(2):
            ran = await runner.run("bot", f"echo ran | tee -a {folder}/count", {}, LONG, key="k")
            assert (ran.end, ran.output) == (End.EXITED, "ran")
        assert (folder / "count").read_text() == "ran\n"
        ran = await runner.run("bot", "sleep 300", {}, 0.3, key="late")
        assert ran.end is End.TIMED_OUT
        assert (await runner.run("bot", "sleep 300", {}, 0.3)).end is End.TIMED_OUT
        await runner.aclose()
