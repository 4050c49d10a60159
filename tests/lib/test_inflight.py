"""Bytes into a file, hashed and carried to the disk meanwhile: none is left out, no failure is kept silent."""

import hashlib
import os
import threading

import pytest

from apps.lib import inflight
from apps.lib.inflight import InFlight


@pytest.fixture
def file(tmp_path):
    with (tmp_path / "bytes").open("w+b", buffering=0) as file:
        yield file


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("sizes", [[1], [inflight.WORTH_IT - 1, inflight.WORTH_IT, 1, 300_000], [100_000] * 9, []])
def test_what_is_written_is_hashed_in_its_order(file, sizes, behind):
    pieces = [os.urandom(size) for size in sizes]
    first, second = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with InFlight(file, first, second, behind=behind) as out:
        for piece in pieces:
            out.write(piece)
    whole = b"".join(pieces)
    file.seek(0)
    assert file.read() == whole
    assert first.digest() == hashlib.sha256(whole).digest()
    assert second.digest() == hashlib.md5(whole, usedforsecurity=False).digest()


def test_a_buffer_may_be_filled_anew_after_as_many_pieces_as_may_wait(file):
    """However slow the hashing is."""

    class Slow:
        def __init__(self):
            self.seen, self.go = [], threading.Event()

        def update(self, data):
            self.go.wait(0.02)
            self.seen.append(bytes(data[:1]))

    buffers, slow = [bytearray(inflight.WORTH_IT) for _ in range(inflight.WAITING + 1)], Slow()
    with InFlight(file, slow) as out:
        for turn in range(20):
            buffer = buffers[turn % len(buffers)]
            buffer[0] = turn
            out.write(memoryview(buffer))
    assert slow.seen == [bytes([turn]) for turn in range(20)]


def test_a_short_write_is_gone_on_with(file):
    class Short:
        def write(self, data):
            return file.write(data[:1000])

    digest = hashlib.sha256()
    with InFlight(Short(), digest) as out:
        out.write(b"x" * 2500)
    file.seek(0)
    assert file.read() == b"x" * 2500
    assert digest.digest() == hashlib.sha256(b"x" * 2500).digest()


@pytest.mark.parametrize("pieces", [1, 2, 9])
def test_a_disk_that_is_full_is_told_of_also_afterwards(pieces):
    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"), InFlight(Full(), hashlib.sha256(), behind=True) as out:
        for _ in range(pieces):
            out.write(b"x")


@pytest.mark.parametrize("pieces", [1, 2])
def test_a_disk_that_did_not_take_what_was_carried_to_it_is_told_of(file, monkeypatch, pieces):
    """The kernel says so once: a sync that comes later finds nothing wrong."""
    told = []

    def once(handle):
        if not told:
            told.append(handle)
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(inflight, "CARRIED", 100_000)
    monkeypatch.setattr(os, "fdatasync", once)
    with pytest.raises(OSError, match="Input/output error"), InFlight(file, hashlib.sha256()) as out:
        for _ in range(pieces):
            out.write(b"x" * 100_000)
    assert told == [file.fileno()]


def test_the_disk_is_given_what_came_before_all_of_it_is_there(file, monkeypatch):
    carried = []
    monkeypatch.setattr(inflight, "CARRIED", 100_000)
    monkeypatch.setattr(os, "fdatasync", lambda handle: carried.append(os.fstat(handle).st_size))
    with InFlight(file, hashlib.sha256()) as out:
        out.write(b"x" * 60_000)
        out.write(b"x" * 60_000)
        out._settle()
        out.write(b"x" * 60_000)
    assert carried == [120_000]
