"""What lies in a folder of backups: reading, putting there, taking away. Blocking; raises OSError."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

Kind = Literal["sqlite", "command"]
FORMAT: Final = 1
_DATA: Final = re.compile(r"(?P<service>[^.]+)\.(?P<name>[^.]+)\.[0-9]{8}T[0-9]{6}Z\.[0-9a-f]{12}\.gz")


class NotABackup(Exception):
    """Says what is wrong with a manifest, or with what should lie beside it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """key: of the take, which is not done again under the same. taken_at: when it was begun, Unix seconds.

    source: the database's path, or the command. size, sha256: of the compressed file; plain_*: of what it unpacks to.
    proof: how it was verified.
    """

    service: str
    name: str
    key: str
    taken_at: float
    kind: Kind
    source: str
    size: int
    sha256: str
    plain_size: int
    plain_sha256: str
    proof: str
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Kept:
    """One backup that counts. data: its file."""

    data: Path
    manifest: Manifest


def manifest_of(data: Path) -> Path:
    return data.with_name(data.name + ".json")


def read(data: Path) -> Kept:
    """The backup in a file, by its manifest and its length; the sum is not computed. Raises NotABackup."""
    beside = manifest_of(data)
    try:
        fields: Any = json.loads(beside.read_text("utf-8"))
        manifest = Manifest(**fields)
    except FileNotFoundError:
        raise NotABackup(f"{beside.name} is missing: without its manifest nobody can say that it is whole") from None
    except (ValueError, TypeError) as error:
        raise NotABackup(f"{beside.name} is damaged: {error}") from None
    if manifest.format != FORMAT:
        raise NotABackup(f"{beside.name} is of format {manifest.format}: a newer rollout-bot reads it")
    try:
        size = data.stat().st_size
    except FileNotFoundError:
        raise NotABackup(f"{data.name} is missing; its manifest alone is left") from None
    if size != manifest.size:
        raise NotABackup(f"{data.name} has {size} bytes, its manifest says {manifest.size}")
    return Kept(data, manifest)


class Shelf:
    """The backups of one rule of one service in a folder."""

    def __init__(self, folder: Path, service: str, name: str) -> None:
        self.folder, self.service, self.name = folder, service, name
        self.partial = folder / f".partial.{service}.{name}"

    def kept(self) -> list[Kept]:
        """Those that count, newest first."""
        found = []
        for data in self._files():
            with contextlib.suppress(NotABackup):
                found.append(read(data))
        return sorted(found, key=lambda kept: kept.manifest.taken_at, reverse=True)

    def problems(self) -> list[str]:
        """A sentence for each that does not count."""
        said = []
        for data in self._files():
            try:
                read(data)
            except NotABackup as error:
                said.append(str(error))
        return said

    def of(self, key: str) -> Kept | None:
        return next((kept for kept in self.kept() if kept.manifest.key == key), None)

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Whether it was free. False: somebody else takes a backup of this rule."""
        with open(self.folder / f".lock.{self.service}.{self.name}", "wb", opener=private) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def workplace(self) -> Path:
        """An empty folder on the same file system, with what an earlier take left there removed. Under the lock."""
        self.sweep()
        self.partial.mkdir(mode=0o700)
        return self.partial

    def sweep(self) -> None:
        if self.partial.exists():
            shutil.rmtree(self.partial)
        for beside in self.folder.glob(f"{self.service}.{self.name}.*.gz.json"):
            if not beside.with_suffix("").exists():
                beside.unlink()

    def put(self, packed: Path, manifest: Manifest) -> Kept:
        """Gives a verified file its name, after which it counts. packed: in the workplace, on the disk already."""
        stamp = datetime.fromtimestamp(manifest.taken_at, UTC).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(manifest.key.encode()).hexdigest()[:12]
        data = self.folder / f"{self.service}.{self.name}.{stamp}.{digest}.gz"
        written = packed.with_suffix(".json")
        with open(written, "xb", opener=private) as file:
            file.write(json.dumps(dataclasses.asdict(manifest), ensure_ascii=False, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(written, manifest_of(data))
        os.replace(packed, data)
        sync_folder(self.folder)
        return Kept(data, manifest)

    def prune(self, before: float) -> list[Path]:
        """Removes what was taken before a time, never the newest that counts. What was removed."""
        gone = []
        for kept in self.kept()[1:]:
            if kept.manifest.taken_at < before:
                kept.data.unlink()
                manifest_of(kept.data).unlink()
                gone.append(kept.data)
        return gone

    def _files(self) -> list[Path]:
        """Whatever has a name of a backup or of a manifest, once each; [] where the folder is not there."""
        found = set()
        for path in self.folder.glob(f"{self.service}.{self.name}.*"):
            data = path.with_suffix("") if path.suffix == ".json" else path
            if _DATA.fullmatch(data.name):
                found.add(data)
        return sorted(found)


def private(path: str, flags: int) -> int:
    """An opener: what a database holds is for nobody else to read."""
    return os.open(path, flags, 0o600)


def sync_folder(folder: Path) -> None:
    """Makes renames in it outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
