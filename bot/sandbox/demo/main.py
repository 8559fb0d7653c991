"""The two ways of the demo: a page to play with, or a scripted run with a transcript."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from bot.sandbox.demo.people import Team, Witness
from bot.sandbox.demo.plans import SERVICE
from bot.sandbox.demo.scenarios import SCENARIOS, Broken, Run
from bot.sandbox.demo.stand import Stand
from bot.sandbox.demo.transcript import Transcript, print_json
from bot.sandbox.production.children import ProductionError

Language = Literal["en", "zh"]


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
            async with Stand(folder, language=language, say=transcript.say) as stand:
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


async def stage(*, port: int, language: Language, keep: Path | None) -> int:
    """Serves the page until Ctrl-C or SIGTERM."""
    _end_on_sigterm()
    async with _folder(keep) as folder:
        try:
            async with Stand(folder, language=language, port=port, say=print) as stand:
                print(_welcome(stand))
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("\nStopping …")
        except OSError as error:
            print(f"port {port} cannot be used ({error.strerror}); choose another: --port 0", file=sys.stderr)
            return 1
        except ProductionError as error:
            print(str(error), file=sys.stderr)
            _last_words(folder / "bot.log")
            return 1
    return 0


def _welcome(stand: Stand) -> str:
    return "\n".join(
        (
            "",
            f"  Open {stand.slack.page_url}",
            "",
            f'  1. As lin, in #releases:  /rollout start {SERVICE} "2.1.0"',
            "  2. As wang, react with ✅ to the message that asks.",
            "  3. Watch the card; when the stage has passed:  /rollout promote",
            "  4. Or break the new version:",
            f"       curl -X POST {stand.slack.page_url}production/dial -H 'Content-Type: application/json' "
            "-d '{\"error_ratio\": 1}'",
            f"  Logs and the bot's database: {stand.root}",
            "  Ctrl-C ends everything.",
            "",
        )
    )


def _last_words(log: Path) -> None:
    with contextlib.suppress(OSError):
        for line in log.read_text("utf-8", errors="replace").splitlines()[-20:]:
            print(f"  bot: {line}", file=sys.stderr)
