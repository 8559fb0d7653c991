"""No database can stop an order that is on its way to a host. The host itself refuses it."""

from __future__ import annotations

import getpass
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.crash.__main__ import LEADS
from bot.sandbox.crash.ledger import Ledger
from tests.crash.plays import patient
from tests.e2e.kit import descendants
from tests.fleet.conftest import Sshd
from tests.postgres import Cluster
from tests.replicas.kit import Replicas, troupe
from tests.scenarios.kit import FIRST, NEW


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.long)])
async def test_the_late_order_of_a_frozen_actor(cluster: Cluster, sshd: Sshd, tmp_path: Path, count: int) -> None:
    """Frozen with every host staged and the first swap sent; another takes over and shifts; then it wakes."""

    def over_ssh(plan: Any) -> None:
        patient(plan)
        fleet = plan["fleet"]
        fleet["executor"] = "ssh"
        known = {"known_hosts": sshd.known_hosts, "key_file": sshd.key_file}
        fleet["ssh"] = {"user": getpass.getuser(), "port": sshd.port} | known
        for host, address in zip(fleet["hosts"], sshd.addresses, strict=False):
            host["address"] = address

    folders = [tmp_path / f"ledger-{n}" for n in range(count)]
    for folder in folders:
        folder.mkdir()

    def command(n: int) -> tuple[str, ...]:
        return sys.executable, "-m", "bot.sandbox.crash", str(folders[n])

    async with troupe(Replicas(tmp_path / "stand", cluster, count, over_ssh, command)) as people:
        await people.start(NEW)
        await people.asked(1)
        ledgers = [Ledger(folder) for folder in folders]
        for ledger in ledgers:  # whoever acts by then: on a busy machine the lead may pass on at any time
            ledger.freeze("host.commit.1of2.before")
        await people.until("one to stand still", lambda _: any(x.frozen for x in ledgers), people.react("wang", 1))
        for ledger in ledgers:
            ledger.spare()
        actor, ledger = next((r, x) for r, x in zip(people.replicas.replicas, ledgers, strict=True) if x.frozen)
        before = len(ledger.answers)
        now_acting, lead = await people.acting()
        epoch = lead.epoch if now_acting is actor else lead.epoch - 1
        taken = await people.taken_over(epoch, LEADS["LEASE"])
        await people.live(FIRST)
        for pid in descendants(actor.child.pid):
            os.kill(pid, signal.SIGCONT)
        await people.until("the hosts' answer", lambda _: len(ledger.answers) > before)
        late = ledger.answers[before:]
        assert all(verb == "commit" and int(under) == epoch for verb, _, _, under, _ in late)
        assert {code for *_, code in late} == {"deposed"}, late
        assert taken.lead.epoch > epoch
        await people.replicas.ready(actor)
        await people.to_the_end()
        await people.nothing_twice_and_nothing_too_much(in_flight=2)
