"""`python -m bot.sandbox.crash LEDGER …`: the bot of `python -m bot …`, killed where LEDGER/armed says and begun again.

Nothing of the bot knows of it: the parts that its composition root puts together are replaced by tapped ones. Each life
is a process of its own, forked from one that has only imported the program, so that a start takes no second of imports.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import inspect
import os
import signal
import sys
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot import alert_parts, app, process, release_parts, wiring
from bot.cli import main
from bot.engine import leads, worker
from bot.engine.ports.fleet import Fleet
from bot.engine.ports.rendered import Attachment
from bot.fleet.local import LocalTransport
from bot.fleet.ssh import SshTransport
from bot.release.runner.run import ShellRunner
from bot.release_parts import Printer
from bot.rollout.model import Rollout
from bot.rollout.plan import Plan
from bot.sandbox.crash.ledger import Ledger, Points
from bot.sandbox.crash.taps import (
    TappedAlerting,
    TappedChat,
    TappedRollouts,
    TappedStore,
    TappedTransport,
    tapped_performers,
)
from bot.sandbox.production.tied import PR_SET_PDEATHSIG
from bot.slack.chat import SlackChat
from bot.slack.pace import Bucket
from bot.store.errors import StoreUnavailable
from bot.store.opening import POSTGRES, open_store
from config.settings import ConfigError, load

LEASE = 3.0  # seconds; a lease of fifteen would never be renewed in effects that take so little
# Of a replica that freezes, which nobody can give up the leads of.
LEADS: Any = {"LEASE": 1.5, "EVERY": 0.4, "MARGIN": 0.3, "POKES": 0.1}


async def _at_once(_: Bucket) -> None:
    """A channel of Slack's takes a post a second; a rollout of seconds would wait for that alone."""


PIXEL = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")


async def _sketch(_: Printer, rollout: Rollout, *__: object) -> Attachment:
    """Nobody visits the service of a play, so that there is nothing to be drawn, and a real picture takes seconds of a
    core: drawn anew after each kill it would be most of a run. It is put into the thread like a real one.
    """
    return Attachment(f"{rollout.id}.png", rollout.id, PIXEL)


def _runner(*args: Any, **named: Any) -> ShellRunner:
    """Each life is on the same machine, also on a database that bots on several could share. A step that another
    machine may have begun is for a person to decide: such a run ends otherwise, and rightly so.
    """
    return ShellRunner(*args, **named | {"replicas": False})


def tap(points: Points) -> None:
    """Replaces the parts for the rest of this process. Raises AttributeError where the composition root has changed."""

    async def open_tapped(url: str, **named: Any) -> Any:
        return TappedStore(await open_store(url, **named), points)

    def build_fleets(plans: Mapping[str, Plan]) -> dict[str, Fleet]:
        hosts = max(len(plan.fleet.hosts) for plan in plans.values())
        patch.multiple(
            wiring,
            LocalTransport=lambda: TappedTransport(LocalTransport(), points, hosts),
            SshTransport=lambda *args, **named: TappedTransport(SshTransport(*args, **named), points, hosts),
        ).start()
        return wiring.build_fleets(plans)

    patch.multiple(process, open_store=open_tapped).start()
    patch.multiple(
        app,
        SlackChat=lambda *args, **named: TappedChat(SlackChat(*args, **named), points),
        Rollouts=TappedRollouts,
        Performers=tapped_performers(points),
        build_fleets=build_fleets,
    ).start()
    patch.multiple(alert_parts, Alerting=TappedAlerting).start()
    patch.multiple(Printer, chart=_sketch).start()
    patch.multiple(release_parts, ShellRunner=_runner).start()
    patch.multiple(worker, LEASE=LEASE).start()
    patch.multiple(leads, **LEADS).start()
    patch.multiple(Bucket, take=_at_once).start()


def live(ledger: Ledger) -> None:
    """One life. Ends with the process."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    tap(Points(ledger))
    main()


def supervise(ledger: Ledger) -> int:
    """Begins a life again whenever a signal ended one; the exit status of one that ended by itself."""
    stopping = False
    child = 0

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True
        if child:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    while not stopping:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            live(ledger)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
        dead, status = os.waitpid(child, 0)
        child = 0
        if not os.WIFSIGNALED(status):
            return os.waitstatus_to_exitcode(status)
        ledger.note("died", str(os.WTERMSIG(status)))
        asyncio.run(give_up_leads(dead))
    return 0


async def give_up_leads(pid: int) -> None:
    """Of a process that is dead. That a lead runs out by itself is another suite's matter; here it would be most of
    the time."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith(POSTGRES):
        return
    try:
        store = await open_store(url)
    except StoreUnavailable:
        return  # it runs out
    try:
        for owner in {lead.owner for lead in await store.leads() if lead.owner.split(":")[1] == str(pid)}:
            await store.resign(owner)
    finally:
        await store.close()


def warm(config: Path) -> None:
    """What a process does slowly for the first time only, so that no life has to: a life differs in nothing else."""
    with contextlib.suppress(ConfigError):  # a life says what is wrong
        load(config)
    if os.environ.get("DATABASE_URL", "").startswith(POSTGRES):
        import bot.store.postgres  # noqa: F401
    inspect.stack()  # Bolt looks at it, and at the file of every module


if __name__ == "__main__":
    folder = Path(sys.argv.pop(1))
    warm(Path(sys.argv[sys.argv.index("--config") + 1]))
    sys.exit(supervise(Ledger(folder)))
