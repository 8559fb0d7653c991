"""The bot process with hosts behind a real sshd: a stage and the way back."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

from bot.rollout.model import Status
from tests.fleet.conftest import Sshd
from tests.scenarios.kit import ShortStand


async def test_a_stage_and_the_way_back(sshd: Sshd, tmp_path: Path) -> None:
    def over_ssh(plan: Any) -> None:
        fleet = plan["fleet"]
        fleet["executor"] = "ssh"
        fleet["ssh"] = {
            "user": getpass.getuser(),
            "port": sshd.port,
            "known_hosts": sshd.known_hosts,
            "key_file": sshd.key_file,
        }
        for host, address in zip(fleet["hosts"], sshd.addresses, strict=False):
            host["address"] = address

    async with ShortStand(tmp_path, "socket", over_ssh) as stand:
        play = stand.play
        try:
            await play.start()
            await play.live()
            assert set((await play.served()).values()) == {("shift", 10.0)}
            await play.passed()
            await play.type("chen", "/rollout rollback")
            done = await play.status(Status.ROLLED_BACK)
            assert done.rollback and done.rollback.restored == ("lb-1", "lb-2")
            await play.back_on_old()
        finally:
            await play.close()
