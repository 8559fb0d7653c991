"""Compressing with both sums as it goes, and the way back. Blocking; raises OSError, Corrupt and Stopped."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bot.release.backup.shelf import private
from bot.release.saying import Telling, said

CHUNK: Final = 1 << 20
_LEVEL: Final = 3  # three times as fast as the usual 6, for a tenth more bytes
_GZIP: Final = 31  # zlib's window bits for a gzip stream


class Corrupt(Telling):
    """The file is not what was written; says how that was seen."""


class Stopped(Exception):
    """Somebody asked the thread to stop."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the compressed file, and of what it unpacks to. Sizes in bytes."""

    size: int
    sha256: str
    plain_size: int
    plain_sha256: str


class Packer:
    """A gzip file in the making. `write` takes what is to be in it; `finish` brings it to the disk."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "xb", opener=private)  # noqa: SIM115 (closed by __exit__)
        self._zip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._plain, self._packed = hashlib.sha256(), hashlib.sha256()
        self.plain_size = self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        self._plain.update(data)
        self.plain_size += len(data)
        self._put(self._zip.compress(data))

    def finish(self) -> Sums:
        self._put(self._zip.flush())
        self._file.flush()
        os.fsync(self._file.fileno())
        return Sums(self._size, self._packed.hexdigest(), self.plain_size, self._plain.hexdigest())

    def _put(self, data: bytes) -> None:
        self._packed.update(data)
        self._size += len(data)
        self._file.write(data)


def pack(source: Path, into: Path, stopped: Callable[[], bool]) -> Sums:
    with Packer(into) as packer, open(source, "rb") as file:
        while data := file.read(CHUNK):
            if stopped():
                raise Stopped
            packer.write(data)
        return packer.finish()


def prove(packed: Path, size: int, sha256: str) -> None:
    """Raises Corrupt unless the file as it lies there is of this size and sum."""
    with open(packed, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        if file.tell() != size or found != sha256:
            raise Corrupt(said("other_sum", found=found[:12], written=sha256[:12]))


def unpack(packed: Path, into: Path, sums: Sums, stopped: Callable[[], bool] = lambda: False) -> None:
    """Restores to a new file, and proves that both are what was written. The file is on the disk at the end."""
    prove(packed, sums.size, sums.sha256)
    plain, size = hashlib.sha256(), 0
    unzip = zlib.decompressobj(_GZIP)
    with open(packed, "rb") as source, open(into, "xb", opener=private) as target:
        while data := unzip.unconsumed_tail or source.read(CHUNK):
            if stopped():
                raise Stopped
            try:
                out = unzip.decompress(data, 4 * CHUNK)
            except zlib.error as error:
                raise Corrupt(said("not_unpacked", why=str(error))) from None
            plain.update(out)
            size += len(out)
            target.write(out)
        rest = unzip.flush()
        plain.update(rest)
        size += target.write(rest)
        target.flush()
        os.fsync(target.fileno())
    if not unzip.eof or unzip.unused_data or (size, plain.hexdigest()) != (sums.plain_size, sums.plain_sha256):
        raise Corrupt(said("other_content"))
