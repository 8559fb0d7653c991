"""`rollout-bot report`: the report of a rollout from the database, beside a running bot or without one."""

from __future__ import annotations

import time
from pathlib import Path

from bot.engine.ports.store import Store
from bot.release.report.publish import File, publish_files
from bot.store.opening import open_existing
from config.settings import Settings


async def write_report(settings: Settings, rollout: str, out: Path) -> tuple[bool, str]:
    """(whether it was written, a line for each file, or what is wrong and the mend). Raises Final, Retryable."""
    store = await open_existing(settings.database_url)
    if store is None:
        return False, "there is no database yet: DATABASE_URL names one that no bot has been started on"
    try:
        return await _write(settings, store, rollout, out)
    finally:
        await store.close()


async def _write(settings: Settings, store: Store, rollout: str, out: Path) -> tuple[bool, str]:
    known = await store.rollout(rollout)
    if known is None:
        newest = ", ".join(r.id for r in await store.rollouts(limit=5)) or "none at all"
        return False, f"{rollout}: no such rollout; the newest are {newest}"
    plan = settings.plans.get(known.service)
    if plan is None:
        return False, f"{rollout}: its service {known.service} has no plan in {settings.config_dir}/services any more"
    published = await publish_files(rollout, store, plan, settings.people.names, time.time(), settings.timezone)
    return _save(published.files, out)


def _save(files: tuple[File, ...], out: Path) -> tuple[bool, str]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in files:
            (out / file.name).write_bytes(file.content)
    except OSError as error:
        return False, f"{out}: {error.strerror}; name another folder with --out"
    return True, "\n".join(str(out / file.name) for file in files)
