"""The most telling stretch of sounds whose shape is known."""

import numpy as np
import pytest

from apps.lib import highlights
from apps.lib.peaks import BLOCK, RATE

PER_S = RATE // BLOCK  # pairs a second


def make_outline(*parts: tuple[float, float]) -> np.ndarray:
    """Pairs of a sound that has this many seconds at that level (0 to 1), one part after the other."""
    levels = np.concatenate([np.full(round(seconds * PER_S), level) for seconds, level in parts])
    high = (levels * 32_767).astype(np.int16)
    return np.stack([-high, high], axis=1)


def make_beats(seconds: float, level: float, *, a_second: int) -> np.ndarray:
    """Clicks that ring out, over a floor, with the same level on average whatever their number."""
    outline = make_outline((seconds, level))
    at = np.arange(len(outline)) % (PER_S // a_second) < 20
    return np.where(at[:, None], outline, outline // 8)


def begins(outline: np.ndarray, length: float = 30, **facts) -> float:
    return highlights.start(outline, length_ms=round(length * 1000), **facts) / 1000


def test_the_loud_passage_is_found_wherever_it_lies():
    for before in (20, 70, 110):
        outline = make_outline((before, 0.1), (40, 0.8), (180 - before - 40, 0.1))
        assert before - 0.5 <= begins(outline) <= before + 10


def test_a_burst_is_not_worth_a_passage_that_stays():
    outline = make_outline((60, 0.1), (5, 1.0), (55, 0.1), (40, 0.5), (40, 0.1))
    assert 119 <= begins(outline) <= 131


def test_beats_are_worth_more_than_a_held_tone_of_the_same_level():
    held, beaten = make_beats(60, 0.8, a_second=1), make_beats(60, 0.8, a_second=4)
    quiet = make_outline((10, 0.05))
    assert 70 <= begins(np.concatenate([quiet, held, beaten, quiet])) <= 100


def test_the_very_start_and_end_are_left_out():
    outline = make_outline((20, 1.0), (160, 0.3), (20, 1.0))
    assert 20 <= begins(outline) <= 150
    outline = make_outline((100, 0.5))
    assert begins(outline) == pytest.approx(100 / 3, abs=0.5), "of what is alike the part around a third"


def test_a_chorus_goes_before_everything_and_the_best_of_them_before_the_others():
    outline = make_outline((50, 0.9), (50, 0.3), (50, 0.5), (50, 0.2))
    assert begins(outline, among=[55_000]) == 55
    assert begins(outline, among=[55_000, 105_000, 160_000]) == 105
    assert begins(outline, among=[199_000]) == 170, "a late one is taken as late as there is room"


@pytest.mark.parametrize("seconds", [0.01, 1, 29.9, 30])
def test_a_short_sound_begins_at_its_beginning(seconds):
    assert begins(make_outline((seconds, 0.5)), among=[500]) == 0


def test_a_sound_with_little_room_is_cut_in_the_middle():
    assert begins(make_outline((33, 0.5))) == pytest.approx(1.5, abs=0.1)


def test_silence_has_a_place_too():
    assert 0 < begins(make_outline((100, 0.0))) <= 60
