"""How a sound sounds, as Chromaprint hears it, and how alike two of them are.

A fingerprint is a row of 32 bits for each eighth of a second. Bits of the same recording agree, whatever it was
compressed with; those of two recordings agree about as often as coins do.
"""

from pathlib import Path

from apps.lib import sandbox
from apps.lib.ffmpeg import convert
from apps.lib.formats import Format

HEARD_S = 300
ROW = 4  # bytes
OUTPUT = ["-map", "0:a:0", "-t", str(HEARD_S), "-c:a", "pcm_s16le", "-f", "chromaprint", "-fp_format", "raw", "pipe:1"]
LIMITS = sandbox.Limits(cpu=40, wall=120, output=sandbox.MIB, nice=10)
# Encoders add silence in front, masters are trimmed: the two are laid on each other up to five seconds apart.
APART = 40
FEWEST = 8  # rows: of less than three and a half seconds nothing is said


def of(path: Path, *, form: Format) -> bytes:
    """The fingerprint of the first five minutes; empty of what is too short for one. Raises MediaError."""
    return convert(path, form, OUTPUT, limits=LIMITS).stdout


def likeness(one: bytes, other: bytes) -> float | None:
    """The share of equal bits where the two lie on each other best, 0 to 1; None when one is too short to say."""
    longest = min(len(one), len(other)) // ROW
    if longest < FEWEST:
        return None
    apart = min(APART, longest // 4)
    return max(_equal(one[max(0, at) * ROW :], other[max(0, -at) * ROW :]) for at in range(-apart, apart + 1))


def _equal(one: bytes, other: bytes) -> float:
    size = min(len(one), len(other)) // ROW * ROW
    different = int.from_bytes(one[:size]) ^ int.from_bytes(other[:size])
    return 1 - different.bit_count() / (8 * size)
