"""Putting a backup back, by a person's hand: whole, or nothing at all. Blocking."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from bot.engine.ports.errors import Final
from bot.release.backup import shelf
from bot.release.backup.copying import damage
from bot.release.backup.packing import Corrupt, Sums, unpack
from bot.release.backup.shelf import Manifest, NotABackup, sync_folder
from bot.release.saying import said


def sums_of(manifest: Manifest) -> Sums:
    return Sums(manifest.size, manifest.sha256, manifest.plain_size, manifest.plain_sha256)


def restore(data: Path, to: Path, *, force: bool = False) -> Manifest:
    """Writes what the backup holds to a path, in one step, after both sums and, for SQLite, an integrity check.

    force: over what is there, whose owner and mode the new file gets. Raises Final with the mend; what is at the path
    is then untouched.
    """
    if data.name.endswith(".gz.json"):
        data = data.with_suffix("")
    if not data.is_file():
        raise Final(f"there is no file {data}; rollout-bot backup list names those there are")
    to = to / data.name.removesuffix(".gz") if to.is_dir() else to
    _free(to, force)
    try:
        manifest = shelf.read(data).manifest
        with _beside(to) as written:
            unpack(data, written, sums_of(manifest))
            if manifest.kind == "sqlite" and (found := damage(written)):
                raise Corrupt(said("not_whole", found=found[0]))
            _place(written, to, force)
    except (NotABackup, Corrupt) as error:
        raise Final(f"{data.name} is not restored: {error}. Take an older one: rollout-bot backup list") from None
    except OSError as error:
        raise Final(f"{to} is not restored: {error.strerror or error}; what was there is untouched") from None
    return manifest


def _free(to: Path, force: bool) -> None:
    if to.exists() and not force:
        raise Final(f"{to} is there already: restore to another path, or add --force to replace it")
    # SQLite would play a log that is left there into the restored database, and so destroy it.
    for tail in ("-wal", "-journal"):
        log = to.with_name(to.name + tail)
        if log.exists():
            mend = f"stop whatever uses {to}, then remove {log} (and {to.name}-shm)"
            raise Final(f"{log} is there, which belongs to another database: {mend}")


@contextlib.contextmanager
def _beside(to: Path) -> Iterator[Path]:
    """A path in the same folder, whose file is gone afterwards."""
    written = to.with_name(f".{to.name}.{secrets.token_hex(4)}.restoring")
    try:
        yield written
    finally:
        for leftover in (written, *written.parent.glob(f"{written.name}-*")):
            leftover.unlink(missing_ok=True)


def _place(written: Path, to: Path, force: bool) -> None:
    if force and to.exists():
        before = to.stat()
        shutil.copymode(to, written)
        with contextlib.suppress(PermissionError):
            os.chown(written, before.st_uid, before.st_gid)
    _free(to, force)  # whatever came while it was unpacked
    os.replace(written, to)
    sync_folder(to.parent)
