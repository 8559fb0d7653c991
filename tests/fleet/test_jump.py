"""Hosts that are reached only through another machine: a second sshd that forwards, and is one connection for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.target import HostState, Outcome
from bot.fleet.transport import HostKeyRejected, Unreachable
from bot.rollout.plan import Host
from tests.fleet.conftest import SERVICE, Boxes, Sshd, address


@pytest.fixture
def bastion(tmp_path: Path, sshd: Sshd) -> Iterator[Sshd]:
    folder = tmp_path / "bastion"
    folder.mkdir()
    server = Sshd(folder, [address()], port=2222).start()
    server.authorize(asyncssh.read_private_key(sshd.key_file).export_public_key().decode())
    yield server
    server.stop()


@pytest.fixture
def known(bastion: Sshd, sshd: Sshd, tmp_path: Path) -> str:
    (tmp_path / "known").write_text(sshd.known_lines() + bastion.known_lines())
    return str(tmp_path / "known")


def behind(boxes: Boxes, bastion: Sshd) -> list[Host]:
    return [replace(host, jump=f"{bastion.addresses[0]}:{bastion.port}") for host in boxes.hosts]


async def test_every_host_is_reached_through_one_connection(
    ssh_boxes: Boxes, bastion: Sshd, sshd: Sshd, known: str
) -> None:
    transport = SshTransport(known, sshd.key_file, connects=1)
    router = FleetRouter(behind(ssh_boxes, bastion), transport, deadline=20.0)
    assert (await router.shift(ssh_boxes.target(1))).outcome is Outcome.DONE
    assert {reading.state for reading in await router.read(SERVICE)} == {HostState.OK}
    places = list(transport._connections._lines)
    assert [place for place in places if not place[3]] == [(bastion.addresses[0], bastion.port, "", "")]
    assert len(places) == 4
    bastion.stop()
    for connection in [line.connection for line in transport._connections._lines.values()]:
        if connection is not None:
            connection.abort()
    report = await router.shift(ssh_boxes.target(2))
    assert report.outcome is Outcome.REFUSED and "jump host" in report.failed[0].error
    bastion.start()
    assert (await router.shift(ssh_boxes.target(3))).outcome is Outcome.DONE, "it is made anew"
    await router.aclose()


async def test_its_key_is_checked_too(ssh_boxes: Boxes, bastion: Sshd, sshd: Sshd) -> None:
    transport = SshTransport(sshd.known_hosts, sshd.key_file)
    with pytest.raises(HostKeyRejected, match=f"jump host .*ssh-keyscan -p {bastion.port} {bastion.addresses[0]}"):
        await transport.run(behind(ssh_boxes, bastion)[0], ("x",), b"", 20)


async def test_one_that_may_not_forward(ssh_boxes: Boxes, bastion: Sshd, sshd: Sshd, known: str) -> None:
    keys = bastion.root / "authorized_keys"
    keys.write_text("".join(f"restrict {line}\n" for line in keys.read_text().splitlines()))
    transport = SshTransport(known, sshd.key_file)
    with pytest.raises(Unreachable, match="check that sshd there may forward"):
        await transport.run(behind(ssh_boxes, bastion)[0], ("x",), b"", 20)
    await transport.aclose()


async def test_the_users_own_ssh_config_may_name_it(
    ssh_boxes: Boxes, bastion: Sshd, sshd: Sshd, known: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = ssh_boxes.hosts[0]
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(
        f"UserKnownHostsFile {known}\nIdentityFile {sshd.key_file}\n"
        f"Match host {host.address}\n  ProxyJump {bastion.addresses[0]}:{bastion.port}\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    transport = SshTransport()
    router = FleetRouter([host], transport, deadline=20.0)
    assert {reading.state for reading in await router.read(SERVICE)} == {HostState.ABSENT}
    connection = await transport._connections.to(host)
    assert connection.get_extra_info("peername") != (host.address, host.port), "not straight"
    await router.aclose()
