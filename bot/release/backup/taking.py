"""One backup, from the live database to the verified file. What it came to is a Found; nothing is raised."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shlex
import shutil
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from bot.release.backup.copying import Unfit, copy_live, damage
from bot.release.backup.packing import Corrupt, Packer, Sums, pack, unpack
from bot.release.backup.shelf import Kept, Manifest, Shelf
from bot.release.findings import exited, failed, not_runnable, passed, size, timed_out, unended
from bot.release.ports import Found, Ran, Runner
from bot.rollout.runbook import BOT, BackupRule
from bot.rollout.work import Outcome

T = TypeVar("T")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EROFS})
_PAUSE: Final = 0.2  # seconds between two looks at a lock that somebody else holds
_SPARE: Final = 1 << 20  # bytes


class _Failed(Exception):
    def __init__(self, found: Found) -> None:
        super().__init__(found.summary)
        self.found = found


class Backups:
    """The backups of one service. rules: of its plan. runner: for commands, on the plan's machines."""

    def __init__(self, service: str, rules: Sequence[BackupRule], runner: Runner) -> None:
        self._service, self._rules, self._runner = service, tuple(rules), runner

    async def newest(self, service: str, name: str) -> tuple[float, int] | None:
        """See bot.release.ports.LastBackup. Raises OSError."""
        rule = next((rule for rule in self._rules if rule.name == name), None)
        if rule is None or service != self._service:
            return None
        kept = await asyncio.to_thread(shelf_of(service, rule).kept)
        return (kept[0].manifest.taken_at, kept[0].manifest.size) if kept else None

    async def take(self, rule: BackupRule, key: str, env: Mapping[str, str], now: float) -> Found:
        """A verified backup, or why there is none. Under the key of a finished one: that one, and nothing is done.

        env: what a command gets besides. now: Unix seconds; what is older than `keep` by then is removed.
        """
        shelf = shelf_of(self._service, rule)
        try:
            async with asyncio.timeout(rule.deadline):
                return await self._locked(shelf, rule, key, env, now)
        except TimeoutError:
            return timed_out(f"not done within {rule.deadline:g} s; nothing of it is kept")
        except _Failed as error:
            return error.found
        except Unfit as error:
            return not_runnable(str(error))
        except Corrupt as error:
            return failed(f"the backup did not restore: {error}")
        except sqlite3.Error as error:
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            return _full(rule) if full else failed(f"SQLite: {error}")
        except OSError as error:
            return _refused(rule, error)

    async def _locked(self, shelf: Shelf, rule: BackupRule, key: str, env: Mapping[str, str], now: float) -> Found:
        await asyncio.to_thread(shelf.folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        while True:
            with shelf.locked() as free:
                if free:
                    return await self._alone(shelf, rule, key, env, now)
            await asyncio.sleep(_PAUSE)

    async def _alone(self, shelf: Shelf, rule: BackupRule, key: str, env: Mapping[str, str], now: float) -> Found:
        if (done := await _to_the_end(lambda _: shelf.of(key))) is not None:
            return _taken(done)
        place = await _to_the_end(lambda _: shelf.workplace())
        try:
            await _to_the_end(lambda _: _room(rule))
            packed = place / "packed.gz"
            sums = await self._packed(rule, place, packed, env)
            proof = await self._verified(rule, place, packed, sums, env)
            manifest = Manifest(
                service=self._service,
                name=rule.name,
                key=key,
                taken_at=now,
                kind="sqlite" if rule.sqlite else "command",
                source=rule.sqlite or rule.command,
                size=sums.size,
                sha256=sums.sha256,
                plain_size=sums.plain_size,
                plain_sha256=sums.plain_sha256,
                proof=proof,
            )
            kept = await _to_the_end(lambda _: shelf.put(packed, manifest))
        finally:
            await _to_the_end(lambda _: shutil.rmtree(place, ignore_errors=True))
        with contextlib.suppress(OSError):  # the next take tries again
            await _to_the_end(lambda _: shelf.prune(now - rule.keep))
        return _taken(kept)

    async def _packed(self, rule: BackupRule, place: Path, packed: Path, env: Mapping[str, str]) -> Sums:
        if rule.sqlite:
            return await _to_the_end(lambda stopped: _copied(Path(rule.sqlite), place, packed, stopped))
        with Packer(packed) as packer:
            ran = await self._runner.pour(rule.machine, rule.command, env, rule.deadline, packer.write)
            _must_pass(ran, "the command")
            if not packer.plain_size:
                raise _Failed(failed("the command printed nothing", output=ran.output, exit_status=ran.exit_status))
            return await asyncio.to_thread(packer.finish)

    async def _verified(self, rule: BackupRule, place: Path, packed: Path, sums: Sums, env: Mapping[str, str]) -> str:
        """How it was proved to be whole, by what it restores to."""
        restored = place / "restored"
        await _to_the_end(lambda stopped: unpack(packed, restored, sums, stopped))
        proof = "restored to the same sum"
        if rule.sqlite:
            if found := await _to_the_end(lambda stopped: damage(restored, stopped)):
                what = f"the database is damaged: {found[0]}"
                raise _Failed(failed(what, output="\n".join(found)))
            proof += ", integrity check ok"
        if rule.verify:
            line = f"{rule.verify} {shlex.quote(str(restored))}"
            _must_pass(await self._runner.run(BOT, line, env, rule.deadline), "verify")
            proof += ", verify passed"
        return proof


def shelf_of(service: str, rule: BackupRule) -> Shelf:
    return Shelf(Path(rule.folder), service, rule.name)


def _room(rule: BackupRule) -> None:
    """Raises OSError where the copy surely has no room: the disk may be one that others need."""
    if not rule.sqlite:
        return
    database = Path(rule.sqlite)
    log = database.with_name(database.name + "-wal")
    needed = sum(path.stat().st_size for path in (database, log) if path.exists())
    if shutil.disk_usage(rule.folder).free < needed + _SPARE:
        raise OSError(errno.ENOSPC, "no room for the copy", rule.folder)


def _copied(source: Path, place: Path, packed: Path, stopped: Callable[[], bool]) -> Sums:
    copy = place / "copy"
    copy_live(source, copy, stopped)
    sums = pack(copy, packed, stopped)
    copy.unlink()  # its place is needed for the restored one
    return sums


async def _to_the_end(work: Callable[[Callable[[], bool]], T]) -> T:
    """In a thread, which is told to stop and waited for when the wait is cancelled: nothing goes on writing then."""
    stop = threading.Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop.is_set))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        with contextlib.suppress(Exception):  # nobody waits for it any more
            task.result()
        raise


def _must_pass(ran: Ran, what: str) -> None:
    ended = unended(ran)
    if ended:
        # Nothing of it counts, so that it may be begun again: how it ended need not be known.
        outcome = Outcome.FAILED if ended.outcome is Outcome.UNKNOWN else ended.outcome
        raise _Failed(replace(ended, outcome=outcome))
    if ran.exit_status:
        raise _Failed(failed(f"{what}: {exited(ran)}", output=ran.output, exit_status=ran.exit_status))


def _taken(kept: Kept) -> Found:
    manifest = kept.manifest
    facts = (
        ("file", str(kept.data)),
        ("size", str(manifest.size)),
        ("plain_size", str(manifest.plain_size)),
        ("sha256", manifest.sha256),
        ("taken_at", f"{manifest.taken_at:.0f}"),
        ("proof", manifest.proof),
    )
    summary = f"{size(manifest.plain_size)}, {size(manifest.size)} compressed: {manifest.proof}"
    return passed(summary, facts=facts)


def _refused(rule: BackupRule, error: OSError) -> Found:
    if error.errno in _FULL:
        return _full(rule)
    said = f"{error.filename or rule.folder}: {error.strerror or error}"
    if error.errno in _DENIED:
        return not_runnable(f"{said}; let the bot's user write there")
    return failed(said)


def _full(rule: BackupRule) -> Found:
    return failed(f"no space left in {rule.folder}: make room; the older backups are untouched")
