"""The host program as a loop, in every shell it may meet: request after request, each answered or not begun."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from bot.fleet import nginx
from bot.fleet.ssh import SshTransport
from bot.fleet.transport import PROGRAM, script, speaks
from tests.fleet.conftest import SERVICE, Box, Boxes, Sshd, wait_for

SHELLS = [["sh"], ["dash"], ["busybox", "ash"], ["bash", "--posix"]]


class Looped:
    def __init__(self, box: Box, shell: list[str]) -> None:
        self.box, self.boxes = box, Boxes([box])
        command = [*shell, "-c", script(), PROGRAM, "--loop"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def place(self) -> list[str]:
        host = self.box.host
        return [host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, "1500"]

    def send(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self.process.stdout
        status, _, line = self.process.stdout.readline().decode().partition(" ")
        said: dict[str, Any] = json.loads(line)
        assert status == ("0" if said["ok"] else "1")
        return said

    def ask(self, *words: str, body: str = "") -> dict[str, Any]:
        self.send(f"{body.count(chr(10))} {speaks()} {' '.join((*self.place(), *words))}\n{body}")
        return self.answer()

    def stage(self, generation: int) -> dict[str, Any]:
        text = nginx.render(self.boxes.target(generation), self.box.host)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self.ask("stage", SERVICE, str(generation), "0", digest, body=text)


@pytest.fixture(params=SHELLS, ids=lambda shell: shell[0])
def looped(box: Box, request: pytest.FixtureRequest) -> Iterator[Looped]:
    if shutil.which(request.param[0]) is None:
        pytest.fail(f"{request.param[0]} is missing; install it: apt-get install {request.param[0]}")
    looped = Looped(box, request.param)
    yield looped
    assert looped.process.stdin and looped.process.stdout
    looped.process.stdin.close()
    assert looped.process.wait(120) in (0, 1)
    looped.process.stdout.close()


def test_request_after_request(looped: Looped) -> None:
    for generation in (1, 2):
        assert looped.stage(generation)["ok"]
        line = looped.ask("commit", SERVICE, str(generation), "0")
        assert line["ok"] and f"generation={generation} " in line["live"]
    assert looped.ask("commit", SERVICE, "1", "0")["code"] == "fenced"
    line = looped.ask("read", SERVICE)
    assert line["seen"] == 2 and len(line["live"]) == 3 and line["workers"]
    assert looped.ask("revert", SERVICE, "2", "0")["ok"]
    assert "generation=1 " in looped.ask("read", SERVICE)["live"][0]


def test_what_was_sent_last_is_not_mistaken_for_what_is_live(looped: Looped) -> None:
    for generation in (1, 2):
        assert looped.stage(generation)["ok"] and looped.ask("commit", SERVICE, str(generation), "0")["ok"]
    live = looped.box.live.read_text().replace("2.00%", "1.50%")
    looped.box.live.write_text(live)
    assert looped.stage(3)["ok"] and looped.ask("commit", SERVICE, "3", "0")["ok"]
    assert looped.ask("revert", SERVICE, "3", "0")["ok"] and looped.box.live.read_text() == live


@pytest.mark.parametrize(
    "line", ["", "0", "x y z", "0 *", "0 1 $(id) `id` ; id", "-1 1 a b", "07 1 a", "0 " + "a " * 400]
)
def test_what_is_no_request_is_refused_and_the_next_is_heard(looped: Looped, line: str) -> None:
    looped.send(line + "\n")
    assert looped.answer()["code"] == "usage"
    assert looped.ask("read", SERVICE)["ok"]


def test_a_request_whose_end_does_not_arrive_is_not_begun(looped: Looped) -> None:
    text = nginx.render(looped.boxes.target(1), looped.box.host)
    digest = hashlib.sha256(text.encode()).hexdigest()
    words = " ".join((*looped.place(), "apply", SERVICE, "1", "0", digest))
    looped.send(f"{text.count(chr(10))} {speaks()} {words}\n{text[: len(text) // 2]}")
    assert looped.process.stdin and looped.process.stdout
    looped.process.stdin.close()
    assert looped.process.stdout.read() == b"" and looped.process.wait(120) == 1
    assert not looped.box.live.exists() and not looped.box.state.exists()


async def test_one_channel_serves_request_after_request_and_another_those_beside_it(
    ssh_boxes: Boxes, sshd: Sshd
) -> None:
    transport, host = SshTransport(sshd.known_hosts, sshd.key_file), ssh_boxes.hosts[0]
    place = (host.nginx, host.nginx_conf, host.conf_dir, host.pid_file, host.status, "100")
    for _ in range(3):
        assert (await transport.run(host, (*place, "read", SERVICE), b"", 30)).exit_status == 0
    (link,) = transport._links.values()
    (loop,) = link.free
    connection = await transport._connections.to(host)
    async with link.sessions:
        link.free.clear()  # as if it were at work
        assert (await transport.run(host, (*place, "read", SERVICE), b"", 30)).exit_status == 0
    assert len(link.free) == 1 and link.free[0] is not loop and await transport._connections.to(host) is connection
    await transport.aclose()


def test_the_parts_are_short_and_there_is_no_other() -> None:
    from importlib.resources import files

    from bot.fleet.transport import PARTS

    parts = [part for part in (files("bot.fleet") / "host").iterdir() if part.name.endswith(".sh")]
    assert {part.name for part in parts} == {f"{name}.sh" for name in PARTS}
    assert all(part.read_text().count("\n") < 300 for part in parts)


def test_the_program_ends_with_its_controller(looped: Looped) -> None:
    assert looped.process.stdin
    looped.process.stdin.close()
    wait_for(lambda: looped.process.poll() is not None, "the loop did not end with its stdin")
