"""Where a sound says most about itself: the stretch that stays loud and has the most beats in it."""

from collections.abc import Sequence

import numpy as np

from apps.lib.peaks import BLOCK, RATE

FRAME_MS = 20
HOP_MS = 500
FLOOR_DB = -60.0
# A rise by so much from one frame to the one after next is a beat; eight a second are as many as one hears.
BEAT_DB, BEATS_A_SECOND = 6.0, 8.0
BEATS_WEIGH = 0.25
# Of what is alike the part around a third is taken: introductions are over, endings have not begun.
PLACE_WEIGHS = 0.05
EDGE = 0.1


def start(outline: np.ndarray, *, length_ms: int, among: Sequence[int] = ()) -> int:
    """Where the best `length_ms` of a sound begin (ms); 0 when it is no longer than that.

    `outline` is that of `peaks.outline`. `among` are places to choose from, such as choruses; else all that lies a
    tenth from either end.
    """
    levels = _levels(outline)
    room = len(levels) - length_ms // FRAME_MS
    if room <= 0:
        return 0
    starts = _of(among, room) if among else _anywhere(len(levels), room)
    scores = _scores(levels, length_ms // FRAME_MS)[starts]
    scores -= PLACE_WEIGHS * np.abs(starts / len(levels) - 1 / 3)
    return int(starts[np.argmax(scores)]) * FRAME_MS


def _levels(outline: np.ndarray) -> np.ndarray:
    """Loudness of each frame in dB above FLOOR_DB, as a share: 0 is silence, 1 full scale."""
    per = FRAME_MS * RATE // 1000 // BLOCK
    peaks = np.abs(outline[: len(outline) // per * per].astype(np.float32)).max(axis=1).reshape(-1, per) / 32768
    mean = np.sqrt((peaks**2).mean(axis=1))
    return 1 - np.maximum(20 * np.log10(np.maximum(mean, 1e-9)), FLOOR_DB) / FLOOR_DB


def _scores(levels: np.ndarray, frames: int) -> np.ndarray:
    """For every frame what a stretch of so many frames from there on is worth."""
    rises = np.zeros(len(levels))
    rises[2:] = (levels[2:] - levels[:-2]) * -FLOOR_DB > BEAT_DB
    beats = np.zeros(len(levels))
    beats[1:] = (rises[1:] > 0) & (rises[:-1] == 0)
    most = BEATS_A_SECOND * FRAME_MS / 1000
    return _means(levels, frames) + BEATS_WEIGH * np.minimum(_means(beats, frames) / most, 1)


def _means(values: np.ndarray, frames: int) -> np.ndarray:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return (sums[frames:] - sums[:-frames]) / frames


def _of(places: Sequence[int], room: int) -> np.ndarray:
    return np.unique(np.clip(np.asarray(places) // FRAME_MS, 0, room))


def _anywhere(whole: int, room: int) -> np.ndarray:
    first, last = int(EDGE * whole), int(room - EDGE * whole)
    if last < first:
        first = last = room // 2
    return np.arange(first, last + 1, HOP_MS // FRAME_MS)
