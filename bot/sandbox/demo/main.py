"""The two ways of the demo: a page to play with, or a scripted run with a transcript."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.sandbox.demo.people import Team, Witness
from bot.sandbox.demo.plans import Pace
from bot.sandbox.demo.plays import BOOKED, SCENARIOS
from bot.sandbox.demo.rehearsal import Rehearsal
from bot.sandbox.demo.scenarios import Broken, Run
from bot.sandbox.demo.stand import Stand
from bot.sandbox.demo.transcript import Transcript, print_json
from bot.sandbox.production.children import ProductionError

Language = Literal["en", "zh"]
THINKS = 2.5  # seconds a scripted person takes before each act when somebody watches


@contextlib.asynccontextmanager
async def _folder(keep: Path | None) -> AsyncIterator[Path]:
    if keep:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="rollout-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _end_on_sigterm() -> None:
    """SIGTERM ends the demo as Ctrl-C does, so that no child is left behind."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


async def play(scenario: str, *, seed: int | None, language: Language, keep: Path | None) -> int:
    """Exit 0 with the JSON as the last line; 1 when the run went wrong, saying how; 2 for an unknown scenario.

    130 when it was stopped, by Ctrl-C or SIGTERM; nothing is left behind then.
    """
    if scenario not in SCENARIOS:
        print(f"no scenario {scenario!r}; there are {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    _end_on_sigterm()
    transcript = Transcript()
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    async with _folder(keep) as folder:
        try:
            booked = scenario in BOOKED
            async with Stand(folder, language=language, say=transcript.say, booked=booked, reports=keep) as stand:
                witness = Witness(stand)
                try:
                    done = await SCENARIOS[scenario](Run(stand, Team(stand, witness), witness, transcript, seed))
                finally:
                    await witness.close()
        except (Broken, ProductionError, TimeoutError) as error:
            print(f"{scenario}: {error}", file=sys.stderr)
            _last_words(folder / "bot.log")
            return 1
        except asyncio.CancelledError:
            print(f"{scenario}: stopped before its end", file=sys.stderr)
            return 130
    print_json(done)
    return 0


@dataclass(frozen=True)
class Show:
    """What the page opens with. scenario: "" for none. speed: how many times as fast it is played."""

    language: Language = "en"
    scenario: str = ""
    speed: float = 1.0
    seed: int | None = None
    rehearsal: Rehearsal | None = None


async def stage(show: Show, *, port: int, keep: Path | None) -> int:
    """Serves the page until Ctrl-C or SIGTERM. Exit 2 for a show that cannot be, 1 when something did not start."""
    if show.scenario and show.scenario not in SCENARIOS:
        print(f"no scenario {show.scenario!r}; there are {', '.join(SCENARIOS)}", file=sys.stderr)
        return 2
    if port and (why := _taken(port)):
        print(f"port {port} cannot be used ({why}); choose another, or --port 0 for any", file=sys.stderr)
        return 1
    _end_on_sigterm()
    async with _folder(keep) as folder:
        pace = Pace().at_speed(show.speed) if show.scenario else Pace()
        try:
            async with Stand(
                folder,
                language=show.language,
                pace=pace,
                port=port,
                say=_say,
                rehearsal=show.rehearsal,
                booked=show.scenario in BOOKED,
                reports=keep,
            ) as stand:
                _say(_welcome(stand))
                if show.scenario:
                    await _perform(stand, show)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            _say("\nStopping …")
        except (ProductionError, OSError) as error:
            print(str(error), file=sys.stderr)
            _last_words(folder / "bot.log")
            return 1
    return 0


def _taken(port: int) -> str:
    """Why nobody can listen there; "" when one can. Asked first, before anything that takes seconds is started."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        return error.strerror or str(error)
    except OverflowError:
        return "ports end at 65535"
    return ""


async def _perform(stand: Stand, show: Show) -> None:
    """Plays a scenario while somebody watches the page; what happens is told there and here."""
    playing = stand.backstage.playing
    playing.name, playing.speed, playing.state = show.scenario, show.speed, "playing"

    def tell(line: str) -> None:
        playing.lines.append(line)
        _say(line)

    witness = Witness(stand)
    seed = random.SystemRandom().randrange(1_000_000) if show.seed is None else show.seed
    team = Team(stand, witness, thinks=THINKS / show.speed)
    try:
        await SCENARIOS[show.scenario](Run(stand, team, witness, Transcript(tell), seed))
        playing.state = "done"
    except (Broken, ProductionError, RuntimeError, TimeoutError) as error:
        playing.state = f"{type(error).__name__}: {error}"
        _say(f"{show.scenario}: {error}")
    finally:
        await witness.close()


def _say(text: str) -> None:
    print(text, flush=True)


def _welcome(stand: Stand) -> str:
    lines = ["", f"  Open {stand.slack.page_url}", ""]
    if stand.rehearsal:
        lines += [
            "  A rehearsal of " + str(stand.rehearsal.folder),
            *(f"  - {s}" for s in stand.rehearsal.differences()),
        ]
    else:
        lines.append("  A guide in the page leads through a first rollout in five steps.")
    lines += [f"  Logs and the bot's database: {stand.root}", "  Ctrl-C ends everything.", ""]
    return "\n".join(lines)


def _last_words(log: Path) -> None:
    with contextlib.suppress(OSError):
        for line in log.read_text("utf-8", errors="replace").splitlines()[-20:]:
            print(f"  bot: {line}", file=sys.stderr)
