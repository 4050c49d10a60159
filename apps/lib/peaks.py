"""The outline of a sound: lowest and highest sample of every 2 ms, and the waveform drawn from it (S0-03)."""

import json
from pathlib import Path

import numpy as np

from apps.lib import sandbox
from apps.lib.ffmpeg import convert, unreadable
from apps.lib.formats import Format

RATE = 8000
BLOCK = 16  # samples per first step: 2 ms; 90 minutes become 11 MB, whatever the file's own rate was
OUTPUT = ["-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"]
SIDES = ["-filter:a", "pan=mono|c0=0.5*c0-0.5*c1"]
LIMITS = sandbox.Limits(cpu=40, wall=120, output=512 * sandbox.MIB, nice=10)


class _Blocks:
    """Takes 16 bit samples in pieces of any length and keeps the minimum and maximum of each block."""

    def __init__(self):
        self.rest = b""
        self.pairs: list[np.ndarray] = []

    def feed(self, data: bytes) -> None:
        data = self.rest + data
        whole = len(data) - len(data) % (2 * BLOCK)
        self.rest = data[whole:]
        self._keep(np.frombuffer(data[:whole], "<i2").reshape(-1, BLOCK))

    def finish(self) -> np.ndarray:
        """All pairs as an array of shape (blocks, 2)."""
        last = self.rest[: len(self.rest) // 2 * 2]
        if last:
            self._keep(np.frombuffer(last, "<i2").reshape(1, -1))
        return np.concatenate(self.pairs) if self.pairs else np.empty((0, 2), np.int16)

    def _keep(self, rows: np.ndarray) -> None:
        self.pairs.append(np.stack([rows.min(axis=1), rows.max(axis=1)], axis=1))


def peaks(source: Path, *, source_format: Format, count: int = 800) -> list[int]:
    """`count` pairs min, max, … from -128 to 127; fewer when a pair would be below 2 ms."""
    return _reduced(outline(source, source_format=source_format), count)


def waveform_json(source: Path, *, source_format: Format, count: int = 800) -> bytes:
    """The peaks in the JSON shape that audiowaveform writes and players read, UTF-8."""
    return drawn(outline(source, source_format=source_format), count=count)


def drawn(blocks: np.ndarray, *, count: int = 800) -> bytes:
    """As `waveform_json`, of an outline that is here already."""
    data = _reduced(blocks, count)
    head = {
        "version": 2,
        "channels": 1,
        "sample_rate": RATE,
        "samples_per_pixel": BLOCK * len(blocks) * 2 // len(data),
    }
    return json.dumps({**head, "bits": 8, "length": len(data) // 2, "data": data}, separators=(",", ":")).encode()


def outline(source: Path, *, source_format: Format, sides: bool = False) -> np.ndarray:
    """Pairs (lowest, highest) of 16 bit samples, one per 2 ms. The samples pass through and are never all here.

    With `sides` of the difference of the first two channels.
    """
    blocks = _Blocks()
    convert(source, source_format, [*(SIDES if sides else []), *OUTPUT], limits=LIMITS, sink=blocks.feed)
    pairs = blocks.finish()
    if not len(pairs):
        raise unreadable("it holds no audio")
    return pairs


def _reduced(pairs: np.ndarray, count: int) -> list[int]:
    count = min(count, len(pairs))
    edges = np.arange(count) * len(pairs) // count
    low = np.minimum.reduceat(pairs[:, 0], edges) >> 8
    high = np.maximum.reduceat(pairs[:, 1], edges) >> 8
    return np.stack([low, high], axis=1).ravel().tolist()
