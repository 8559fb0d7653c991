"""A host from nothing to its first shift by `rollout-bot host check` and `host install`, with a real sudo."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import asyncssh
import pytest
from typer.testing import CliRunner, Result

import config
from bot.cli import cli
from bot.fleet.connections import Connections
from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.target import HostState, Outcome
from bot.fleet.transport import digest
from bot.rollout.plan import Host
from tests.fleet.conftest import SERVICE, Box, Boxes, Sshd, address

USER = "rollout-bot-test"
# What an install writes to is a copy that this sshd alone sees.
OWN_WORLD = """
for place in /etc /usr/local/sbin /var/lib; do
    mkdir -p "$1$place"
    [ "$place" = /var/lib ] || cp -a "$place/." "$1$place/" 2>/dev/null || :
    mount --bind "$1$place" "$place"
done
exec /usr/sbin/sshd -D -e -f "$2"
"""


class Machine(Sshd):
    """An sshd in a mount namespace of its own."""

    def command(self) -> list[str]:
        conf = self.root / "sshd_config"
        conf.write_text(conf.read_text().replace("/authorized_keys\n", "/authorized_keys .ssh/authorized_keys\n"))
        world = str(self.root / "world")
        script = ["sh", "-ec", OWN_WORLD, "world", world, f"{self.root}/sshd_config"]
        return ["unshare", "--mount", "--propagation", "private", *script]


@dataclass
class Place:
    """One host as an operator has it: a plan, a new key of the bot's, and nothing set up on the machine."""

    box: Box
    machine: Machine
    folder: Path
    key: Path

    @property
    def host(self) -> Host:
        return replace(self.box.host, user=USER)

    def run(self, *words: str) -> Result:
        """In a thread of its own, since the verbs start a loop of their own."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(CliRunner().invoke, cli, ["host", *words, "--config", str(self.folder)]).result()

    def install(self, *more: str) -> Result:
        return self.run("install", "lb-1", "--as", "root", "--identity", self.machine.key_file, *more)

    def transport(self) -> SshTransport:
        return SshTransport(self.machine.known_hosts, str(self.key))

    def plan(self, **changes: str) -> None:
        host = self.box.host
        fields = {"name": "lb-1", "address": host.address, "port": str(host.port)}
        fields |= {name: getattr(host, name) for name in ("nginx_conf", "conf_dir", "pid_file", "status")} | changes
        extra = fields.pop("extra", "")
        words = ", ".join(
            f"{name}: {value!r}" if name != "port" else f"port: {value}" for name, value in fields.items()
        )
        ssh = f"{{user: {USER}, known_hosts: {self.machine.known_hosts}, key_file: {self.key}}}"
        shipped = Path(config.__file__).parent / "services" / f"{SERVICE}.yaml"
        text = shipped.read_text("utf-8").replace(
            "  hosts: [lb-1.example.com, lb-2.example.com]\n", f"  hosts: [{{{words}}}]\n  ssh: {ssh}\n{extra}"
        )
        (self.folder / "services" / f"{SERVICE}.yaml").write_text(text, "utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    if os.geteuid() != 0:
        pytest.skip("a host of its own needs root")
    if shutil.which("sudo") is None:
        pytest.fail("sudo is missing; install it: apt-get install sudo")
    (tmp_path / "sshd").mkdir()
    machine = Machine(tmp_path / "sshd", [address()])
    machine.start()
    box = Box("lb-1", tmp_path / "lb-1").start()
    box.ssh = (machine.addresses[0], machine.port)
    folder = tmp_path / "config"
    shutil.copytree(Path(config.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "bot_key")
    place = Place(box, machine, folder, tmp_path / "bot_key")
    place.plan()
    yield place
    box.stop()
    machine.stop()


async def test_from_nothing_to_a_shift_with_the_least_rights(place: Place) -> None:
    refused = place.run("check", "lb-1")
    assert refused.exit_code == 1 and f"does not let user {USER} in" in refused.output
    done = place.install()
    assert done.exit_code == 0, done.output
    assert f"made: user {USER}" in done.output and "written: /etc/sudoers.d/rollout-bot" in done.output
    assert f"rollout-bot init {SERVICE}" in done.output, "what is still missing is told at once"
    again = place.run("install", "lb-1")
    assert again.exit_code == 1 and "--as ADMIN --identity KEY" in str(again.exception), "the bot's key is limited now"
    assert place.install().exit_code == 0, "again does no harm"
    boxes, transport = Boxes([place.box]), place.transport()
    router = FleetRouter([place.host], transport, deadline=30.0)
    assert (await router.shift(boxes.target(1, 1.0))).outcome is Outcome.DONE
    assert (await router.roll_back(boxes.target(2, mode="stable"))).outcome is Outcome.DONE
    assert {reading.state for reading in await router.read(SERVICE)} == {HostState.OK}
    await router.aclose()


async def test_what_the_bots_key_may_do_there(place: Place) -> None:
    assert place.install().exit_code == 0
    transport = place.transport()
    elsewhere = ("nginx", "/etc/nginx/nginx.conf", "/etc/nginx/conf.d", "/run/nginx.pid", "127.0.0.1:8911", "300")
    result = await transport.run(place.host, (*elsewhere, "read", SERVICE), b"", 30)
    assert b'"present":false' in result.stdout and f'"master":{place.box.master},'.encode() in result.stdout
    await transport.aclose()
    connections = Connections(place.machine.known_hosts, str(place.key))
    connection = await connections.to(place.host)
    for command in ("id", None, "sudo -n id", "cat /etc/shadow"):
        done = await connection.run(
            command, input="0 1 nginx /etc/x /tmp /run/x 127.0.0.1:1 1 remove x\nid\n", check=False
        )
        said = str(done.stdout).splitlines()
        assert len(said) == 2 and all('"code":"usage"' in line for line in said), said
    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.open_connection("127.0.0.1", place.machine.port)
    await connections.aclose()
    administrator = Connections(place.machine.known_hosts, place.machine.key_file)
    root = await administrator.to(
        Host("lb-1", address=place.machine.addresses[0], port=place.machine.port, user="root")
    )
    for words, allowed in (("", True), ("--forced a /b /c /d 127.0.0.1:1", False), ("x", False)):
        sudo = f"su {USER} -c 'sudo -n /usr/local/sbin/rollout-host {words} </dev/null'"
        assert ((await root.run(sudo, check=False)).exit_status == 0) is allowed, words
    assert (await root.run(f"su {USER} -c 'sudo -n id'", check=False)).exit_status != 0
    await administrator.aclose()


async def test_a_program_of_another_release_is_told_before_anything_is_done(place: Place) -> None:
    assert place.install().exit_code == 0
    program = place.machine.root / "world" / "usr" / "local" / "sbin" / "rollout-host"
    text = program.read_text()
    program.write_text(text.replace("speaks=1 ", "speaks=0 "))
    router = FleetRouter([place.host], place.transport(), deadline=30.0)
    report = await router.shift(Boxes([place.box]).target(1))
    assert report.outcome is Outcome.REFUSED and not place.box.live.exists()
    wanted = "the program on this host speaks 0, the bot 1; install the bot's own: rollout-bot host install lb-1"
    assert wanted in report.failed[0].error
    (reading,) = await router.read(SERVICE)
    assert reading.state is HostState.UNREACHABLE and wanted in reading.error
    assert wanted in place.run("check").output
    program.write_text(text.replace(digest(), "0" * 64))
    assert "another release's; it works" in place.run("check").output
    assert (await router.shift(Boxes([place.box]).target(1))).outcome is Outcome.DONE
    await router.aclose()


def test_check_tells_every_line_to_add(place: Place) -> None:
    assert place.install().exit_code == 0
    place.box.stop()
    place.box.start(include="")
    said = place.run("check", "lb-1")
    assert said.exit_code == 1
    assert f"does not include {place.box.root}/conf.d; inside its http" in said.output
    assert f"    include {place.box.root}/conf.d/*.conf;" in said.output
    place.plan(extra="  worker_shutdown_timeout: 45s\n")
    place.box.stop()
    place.box.start()
    said = place.run("check", "lb-1")
    assert "the plan says worker_shutdown_timeout 45s, nginx has none" in said.output
    conf = place.box.root / "nginx.conf"
    conf.write_text("worker_shutdown_timeout 45s;\n" + conf.read_text())
    assert "worker_shutdown_timeout" not in place.run("check", "lb-1").output
    (place.box.root / "conf.d" / "person.conf").write_text("nonsense;\n")
    assert 'unknown directive "nonsense"' in place.run("check", "lb-1").output


async def test_a_host_that_is_ready(place: Place) -> None:
    assert place.install().exit_code == 0
    boxes, router = Boxes([place.box]), FleetRouter([place.host], place.transport(), deadline=30.0)
    await router.shift(boxes.target(1))
    said = place.run("check")
    assert said.exit_code == 1 and "    proxy_pass http://$rollout_brand_diagnosis;" in said.output
    place.box.publish()
    said = place.run("check")
    assert said.exit_code == 0 and f"lb-1 ({SERVICE}): ready, with advice" in said.output, said.output
    conf = place.box.root / "nginx.conf"
    conf.write_text("worker_shutdown_timeout 1m;\n" + conf.read_text())
    assert place.run("check").output == f"lb-1 ({SERVICE}): ready\n"
    await router.aclose()


def test_the_script_is_printed_for_those_who_pipe_it_themselves(place: Place) -> None:
    printed = place.run("install", "lb-1", "--print")
    assert printed.exit_code == 0
    assert subprocess.run(["sh", "-n"], input=printed.output, text=True, check=False).returncode == 0
    assert 'restrict,command="sudo -n /usr/local/sbin/rollout-host" ssh-ed25519 ' in printed.output
    assert f'{USER} ALL=(root) NOPASSWD: /usr/local/sbin/rollout-host ""' in printed.output
    public = place.folder / "other.pub"
    public.write_text("not a key\n")
    said = place.run("install", "lb-1", "--print", "--key", str(public))
    assert said.exit_code == 1 and "is not one OpenSSH public key" in str(said.exception)
    said = place.run("check", "lb-11")
    assert said.exit_code == 1 and "did you mean `lb-1`?" in str(said.exception)
