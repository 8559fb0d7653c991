"""What was packed comes back to the byte, or not at all."""

from __future__ import annotations

import hashlib
import os
import random

import pytest

from bot.release.backup.packing import Corrupt, Packer, Stopped, Sums, pack, unpack


def packed(path, content: bytes, piece: int = 65536) -> Sums:
    with Packer(path) as packer:
        for at in range(0, len(content), piece):
            packer.write(content[at : at + piece])
        return packer.finish()


@pytest.mark.parametrize(
    "content",
    [b"", b"x", bytes(20_000_000), os.urandom(3_000_000), os.urandom(1000) + bytes(9_000_000) + os.urandom(1000)],
    ids=["empty", "one", "zeros", "random", "mixed"],
)
def test_there_and_back(tmp_path, content):
    sums = packed(tmp_path / "a.gz", content)
    assert (sums.size, sums.plain_size) == ((tmp_path / "a.gz").stat().st_size, len(content))
    unpack(tmp_path / "a.gz", tmp_path / "b", sums)
    assert (tmp_path / "b").read_bytes() == content


def test_a_stream_cut_or_lengthened_is_seen_also_where_its_sum_fits(tmp_path):
    """The sum of the file itself comes first; what is in it is proved on its own."""
    sums = packed(tmp_path / "a.gz", os.urandom(5000))
    whole = (tmp_path / "a.gz").read_bytes()
    for count, content in enumerate([whole[:-1], whole[:-9], whole[:100], b"", whole + b"x", whole + whole]):
        path = tmp_path / f"{count}.gz"
        path.write_bytes(content)
        with pytest.raises(Corrupt):
            unpack(path, tmp_path / f"{count}", with_sum_of(content, sums))


def test_any_flipped_bit_is_refused(tmp_path):
    sums = packed(tmp_path / "a.gz", os.urandom(300))
    whole = (tmp_path / "a.gz").read_bytes()
    for at in random.Random(1).sample(range(len(whole) * 8), 200):
        flipped = bytearray(whole)
        flipped[at // 8] ^= 1 << at % 8
        (tmp_path / "b.gz").write_bytes(flipped)
        with pytest.raises(Corrupt):
            unpack(tmp_path / "b.gz", tmp_path / "b", sums)
        assert not (tmp_path / "b").exists(), "not even begun"


def test_it_stops_when_asked(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(Stopped):
        pack(tmp_path / "a", tmp_path / "a.gz", lambda: True)
    sums = packed(tmp_path / "b.gz", b"x")
    with pytest.raises(Stopped):
        unpack(tmp_path / "b.gz", tmp_path / "b", sums, lambda: True)


def with_sum_of(content: bytes, sums: Sums) -> Sums:
    return Sums(len(content), hashlib.sha256(content).hexdigest(), sums.plain_size, sums.plain_sha256)
