"""The load as a subprocess, and its last word on what the users got."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.sandbox.production.children import Child

_TAIL = 65536  # bytes; longer than any line the load prints


class Traffic:
    """Steady load on `urls`. Stop and start may be repeated; each start counts from 0 and has its own output."""

    def __init__(self, root: Path, urls: Sequence[str], *, users: int, internal_share: float) -> None:
        self._root = root
        self._urls = tuple(urls)
        self._users, self._internal_share = users, internal_share
        self._output = root / "load.jsonl"
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    async def start(self, rps: float) -> None:
        """Returns when it is spawned; its first line comes a second after it has begun. Raises ProductionError."""
        argv = [sys.executable, "-m", "bot.sandbox.production.load", "--rps", str(rps)]
        argv += ["--users", str(self._users), "--internal-share", str(self._internal_share)]
        for url in self._urls:
            argv += ["--url", url]
        self._output.unlink(missing_ok=True)
        self._child = Child("load", argv, self._root / "load.log", stdout=self._output)
        await self._child.start()

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()

    async def kill(self) -> None:
        if self._child is not None:
            await self._child.kill()

    def last(self) -> dict[str, Any]:
        """The last whole line it printed, see `load.Tally.line`; {} before the first."""
        try:
            with self._output.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - _TAIL))
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return {}
        whole = [line for line in lines if line.endswith(b"\n")]
        return dict(json.loads(whole[-1])) if whole else {}
