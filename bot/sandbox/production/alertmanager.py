"""Debian's Alertmanager on loopback, posting everything it is given to one address."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from bot.sandbox.production.children import Child, ProductionError
from bot.sandbox.production.ports import LOOPBACK


def find_alertmanager() -> str:
    """The binary. Raises ProductionError with the mend."""
    found = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if not found:
        raise ProductionError("Alertmanager is not installed: run `make setup`, or install prometheus-alertmanager")
    return found


class Alertmanager:
    """Entering starts it and waits until it is ready. group_wait, group_interval: as in its own configuration."""

    def __init__(
        self,
        root: Path,
        *,
        port: int,
        webhook: str,
        token: str = "",
        group_by: Sequence[str] = ("alertname", "service"),
        group_wait: str = "1ms",
        group_interval: str = "1s",
        send_resolved: bool = True,
    ) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self._root = root.resolve()
        receiver: dict[str, Any] = {"url": webhook, "send_resolved": send_resolved}
        if token:
            receiver["http_config"] = {"authorization": {"credentials": token}}
        waits: dict[str, Any] = {"group_wait": group_wait, "group_interval": group_interval, "repeat_interval": "4h"}
        waits |= {"receiver": "bot", "group_by": list(group_by)}
        self._config = {
            "route": waits,
            "receivers": [{"name": "bot", "webhook_configs": [receiver]}],
        }
        options = (f"--config.file={self._root}/alertmanager.yml", f"--storage.path={self._root}/data")
        where = (f"--web.listen-address={LOOPBACK}:{port}", "--cluster.listen-address=", "--log.level=error")
        self._child = Child("alertmanager", (find_alertmanager(), *options, *where), self._root / "alertmanager.log")

    async def post(self, session: aiohttp.ClientSession, alerts: Sequence[dict[str, Any]]) -> None:
        """As Prometheus does. Raises ProductionError when it takes them not."""
        async with session.post(f"{self.url}/api/v2/alerts", json=list(alerts)) as answer:
            if answer.status != 200:
                raise ProductionError(f"Alertmanager refused: {await answer.text()}")

    async def __aenter__(self) -> Self:
        self._root.mkdir(parents=True, exist_ok=True)
        (self._root / "alertmanager.yml").write_text(json.dumps(self._config))
        await self._child.start()
        try:
            await self._child.ready(self._answers, every=0.05)
        except BaseException:
            await self._child.kill()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._child.kill()

    async def _answers(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0)) as session,
                session.get(f"{self.url}/-/ready") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False
