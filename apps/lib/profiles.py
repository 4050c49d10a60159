"""How a sound is best compressed, told from the sound itself (S0-14): music, speech, or not at all.

Speech pauses and goes in syllables, in no steady beat, from the middle of the room. Whatever is in doubt is music: that
costs bytes, the other mistake costs sound.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from apps.lib.peaks import BLOCK, RATE

FRAME_MS = 20
LEAST_S = 10.0
# A frame this far below the loud ones is a pause.
PAUSE_DB = 25.0
PAUSES = (0.08, 0.7)
# Rises of so many dB within two frames, a second of sound without pauses: syllables.
RISE_DB, SYLLABLES = 6.0, (1.5, 9.0)
# How much of the rises and falls comes again after one and the same time, from 0.25 to 2 s; drums come to 0.6 and more.
BEAT_S, MOST_BEAT = (0.25, 2.0), 0.35
# What only one side has is this far below what both have.
NARROW_DB = 20.0
# Bits per second for two channels and for one; by these rates of the source, Hz.
STUDIO_HZ, LOW_HZ, LOWEST_HZ = 48_000, 24_000, 12_000
STUDIO, USUAL, LOW = (256_000, 128_000), (192_000, 96_000), (128_000, 64_000)
# More than this the encoder does not take for the lowest rates (MPEG-2.5).
LOWEST_MOST = 64_000
SPEECH, LOW_SPEECH = (96_000, 64_000), (64_000, 32_000)
WORTH = 1.1


class Source(Protocol):
    """What a probe says of a sound; `bit_rate` in bits per second."""

    codec: str
    sample_rate: int | None
    channels: int | None
    bit_rate: int | None


@dataclass(frozen=True)
class Profile:
    """`name` is medium or speech, `bit_rate` that of the MP3 to make, bits per second."""

    name: str
    bit_rate: int


def recommended(source: Source, *, speech: bool = False) -> Profile | None:
    """What this file should be compressed to; None when that saves less than a tenth, so never a higher bit rate.

    One channel needs half of two, a low sample rate has less to store, and only a lossless studio master is worth more
    than 192 kb/s.
    """
    hertz = source.sample_rate or 0
    if hertz <= LOW_HZ:
        rates = LOW_SPEECH if speech else LOW
    elif speech:
        rates = SPEECH
    else:
        rates = STUDIO if hertz > STUDIO_HZ and is_lossless(source.codec) else USUAL
    rate = rates[source.channels == 1]
    if hertz <= LOWEST_HZ:
        rate = min(rate, LOWEST_MOST)
    profile = Profile("speech" if speech else "medium", rate)
    return profile if source.bit_rate and source.bit_rate > WORTH * rate else None


def is_lossless(codec: str) -> bool:
    return codec in ("flac", "alac") or codec.startswith("pcm_")


def is_speech(outline: np.ndarray) -> bool:
    """Whether somebody talks, as far as its outline (that of `peaks.outline`) tells; a short sound does not."""
    levels = _levels(outline)
    if len(levels) * FRAME_MS < LEAST_S * 1000:
        return False
    loud = np.percentile(levels, 90)
    sounding = levels > loud - PAUSE_DB
    pauses = 1 - sounding.mean()
    rises = np.maximum(levels[2:], loud - PAUSE_DB) - np.maximum(levels[:-2], loud - PAUSE_DB)
    starts = np.count_nonzero((rises[1:] > RISE_DB) & (rises[:-1] <= RISE_DB))
    a_second = starts / (max(sounding.sum(), 1) * FRAME_MS / 1000)
    within = PAUSES[0] <= pauses <= PAUSES[1] and SYLLABLES[0] <= a_second <= SYLLABLES[1]
    return bool(within and _beat(rises) <= MOST_BEAT)


def is_narrow(outline: np.ndarray, sides: np.ndarray) -> bool:
    """Whether what only one side has (the outline of the difference) is little beside what both have."""
    return bool(_loud(sides) <= _loud(outline) - NARROW_DB)


def _loud(outline: np.ndarray) -> float:
    return float(np.percentile(_levels(outline), 90))


def _levels(outline: np.ndarray) -> np.ndarray:
    """The level of every frame, dB below full scale."""
    per = FRAME_MS * RATE // 1000 // BLOCK
    peaks = np.abs(outline[: len(outline) // per * per].astype(np.float32)).max(axis=1).reshape(-1, per) / 32768
    return 20 * np.log10(np.maximum(np.sqrt((peaks**2).mean(axis=1)), 1e-5))


def _beat(rises: np.ndarray) -> float:
    """How well the rises fit themselves some time later, at the time where they fit best: 0 not at all, 1 wholly."""
    onsets = np.maximum(rises, 0) - np.maximum(rises, 0).mean()
    size = 1 << (2 * len(onsets) - 1).bit_length()
    spectrum = np.fft.rfft(onsets, size)
    fit = np.fft.irfft(spectrum * spectrum.conj(), size)
    first, last = (round(seconds * 1000 / FRAME_MS) for seconds in BEAT_S)
    return float(fit[first:last].max() / fit[0]) if fit[0] > 0 else 1.0
