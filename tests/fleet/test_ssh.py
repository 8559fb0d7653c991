"""The same over a real sshd: keys, cuts, and the documented forced command."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from bot.fleet.router import FleetRouter
from bot.fleet.ssh import SshTransport
from bot.fleet.target import HostState, Outcome
from bot.fleet.transport import AuthFailed, HostKeyRejected, Unreachable, script
from tests.fleet.conftest import SERVICE, Box, Boxes, Sshd, until
from tests.fleet.proxy import Proxy


@pytest.fixture
async def transport(sshd: Sshd) -> AsyncIterator[SshTransport]:
    transport = SshTransport(sshd.known_hosts, sshd.key_file)
    yield transport
    await transport.aclose()


@pytest.fixture
async def over_ssh(ssh_boxes: Boxes, transport: SshTransport) -> FleetRouter:
    return FleetRouter(ssh_boxes.hosts, transport, deadline=8.0)


async def test_shift_forward_and_back(over_ssh: FleetRouter, ssh_boxes: Boxes) -> None:
    assert (await over_ssh.shift(ssh_boxes.target(1, 1.0))).outcome is Outcome.DONE
    assert (await over_ssh.shift(ssh_boxes.target(2, 10.0))).outcome is Outcome.DONE
    assert [reading.share for reading in await over_ssh.read(SERVICE)] == [10.0] * 3
    assert (await over_ssh.roll_back(ssh_boxes.target(3, mode="stable"))).outcome is Outcome.DONE
    assert [reading.state for reading in await over_ssh.read(SERVICE)] == [HostState.OK] * 3


async def test_none_when_one_test_fails(over_ssh: FleetRouter, ssh_boxes: Boxes) -> None:
    await over_ssh.shift(ssh_boxes.target(1, 1.0))
    (ssh_boxes[1].root / "conf.d" / "person.conf").write_text("nonsense;\n")
    report = await over_ssh.shift(ssh_boxes.target(2, 10.0))
    assert report.outcome is Outcome.REFUSED and "nonsense" in report.failed[0].error
    assert [reading.share for reading in await over_ssh.read(SERVICE)] == [1.0] * 3


async def test_a_wrong_host_key_is_rejected_with_the_mend(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    known = tmp_path / "known_hosts"
    known.write_text("".join(f"[{one}]:{sshd.port} {other}\n" for one in sshd.addresses))
    transport = SshTransport(str(known), sshd.key_file)
    with pytest.raises(HostKeyRejected, match="ssh-keyscan -p 2022"):
        await transport.run(ssh_boxes.hosts[0], ("x",), b"", 5)
    router = FleetRouter(ssh_boxes.hosts, transport, deadline=5.0)
    report = await router.shift(ssh_boxes.target(1))
    assert report.outcome is Outcome.REFUSED and "known_hosts" in report.failed[0].error
    assert {reading.state for reading in await router.read(SERVICE)} == {HostState.UNREACHABLE}
    await router.aclose()
    assert not ssh_boxes[0].live.exists()


async def test_an_unknown_host_is_rejected_too(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    for known in (str(tmp_path / "empty"), str(tmp_path / "absent")):
        with pytest.raises(HostKeyRejected, match="known_hosts"):
            await SshTransport(known, sshd.key_file).run(ssh_boxes.hosts[0], ("x",), b"", 5)


async def test_a_wrong_user_key(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> None:
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "key")
    for key in (str(tmp_path / "key"), str(tmp_path / "absent")):
        with pytest.raises(AuthFailed, match="key"):
            await SshTransport(sshd.known_hosts, key).run(ssh_boxes.hosts[0], ("x",), b"", 5)


async def test_nobody_listens(ssh_boxes: Boxes, transport: SshTransport) -> None:
    host = replace(ssh_boxes.hosts[0], port=2)
    with pytest.raises(Unreachable, match="check that the host is up"):
        await transport.run(host, ("x",), b"", 5)


async def test_many_verbs_share_one_connection(ssh_boxes: Boxes, transport: SshTransport) -> None:
    host = ssh_boxes.hosts[0]
    router = FleetRouter([host] * 24, transport, deadline=10.0)
    assert {reading.state for reading in await router.read(SERVICE)} == {HostState.ABSENT}
    assert len(transport._links) == 1


@pytest.fixture
async def proxied(box: Box, sshd: Sshd, tmp_path: Path) -> AsyncIterator[tuple[Box, Proxy, SshTransport]]:
    async with Proxy(sshd.port, (sshd.addresses[0], sshd.port)) as proxy:
        (tmp_path / "known").write_text(f"[{proxy.place[0]}]:{proxy.place[1]} {sshd.public}\n")
        box.ssh = proxy.place
        transport = SshTransport(str(tmp_path / "known"), sshd.key_file)
        yield box, proxy, transport
        await transport.aclose()


async def test_a_connection_cut_in_the_middle_is_resolved_by_reading(
    proxied: tuple[Box, Proxy, SshTransport],
) -> None:
    box, proxy, transport = proxied
    router = FleetRouter([box.host], transport, deadline=10.0)
    boxes = Boxes([box])
    await router.shift(boxes.target(1, 1.0))
    old = box.live.read_text()
    os.kill(box.master, signal.SIGSTOP)
    shift = asyncio.create_task(router.shift(boxes.target(2, 10.0)))
    await until(lambda: box.live.read_text() != old)
    proxy.cut()
    os.kill(box.master, signal.SIGCONT)
    assert (await shift).outcome is Outcome.DONE
    assert (await router.read(SERVICE))[0].share == 10.0


async def test_a_dead_connection_is_made_anew(proxied: tuple[Box, Proxy, SshTransport]) -> None:
    box, proxy, transport = proxied
    router = FleetRouter([box.host], transport, deadline=10.0)
    for generation in (1, 2):
        assert (await router.shift(Boxes([box]).target(generation))).outcome is Outcome.DONE
        proxy.cut()


async def test_the_forced_command_takes_only_the_verbs(ssh_boxes: Boxes, sshd: Sshd, tmp_path: Path) -> None:
    box, host = ssh_boxes[0], ssh_boxes.hosts[0]
    program = tmp_path / "rollout-host"
    program.write_text("#!/bin/sh\n" + script())
    program.chmod(0o755)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    place = f"{host.nginx} {host.nginx_conf} {host.conf_dir} {host.pid_file} {host.status}"
    public = key.export_public_key().decode()
    sshd.authorize(f'command="{program} --forced {place}",restrict {public}')
    transport = SshTransport(sshd.known_hosts, str(tmp_path / "key"))
    elsewhere = replace(host, conf_dir=str(tmp_path / "elsewhere"), nginx_conf=str(tmp_path / "nginx.conf"))
    router = FleetRouter([elsewhere], transport, deadline=8.0)
    assert (await router.shift(ssh_boxes.target(1, 1.0))).outcome is Outcome.DONE
    assert box.live.exists() and not (tmp_path / "elsewhere").exists()
    await router.aclose()
    options = {"known_hosts": sshd.known_hosts, "client_keys": [str(tmp_path / "key")], "port": sshd.port}
    async with asyncssh.connect(host.address, **options) as connection:
        for command in ("id", None, "sh -c 'id' rollout-host a b c d e 100 remove x", "rollout-host ; id"):
            sent = f"0 1 a b c d e 100 remove {SERVICE}\n0 1 id\n0 $(id)\nid\n"
            done = await connection.run(command, input=sent, check=False)
            lines = str(done.stdout).splitlines()
            assert len(lines) == 4 and all(line.startswith("1 {") and '"code":"usage"' in line for line in lines)
            assert "uid=" not in str(done.stdout)
