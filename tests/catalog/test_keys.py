"""C-04: keys as musicians write them."""

import pytest

from apps.catalog.keys import MODES, PITCHES, camelot, harmonic, key_name, pitch_class


@pytest.mark.parametrize(
    ("pitch", "mode", "code"),
    [("C", "major", "8B"), ("A", "minor", "8A"), ("G", "major", "9B"), ("E", "minor", "9A"), ("F", "major", "7B"),
     ("B", "major", "1B"), ("G#", "minor", "1A"), ("C#", "major", "3B"), ("D#", "minor", "2A"), ("F#", "minor", "11A")],
)  # fmt: skip
def test_the_camelot_wheel(pitch, mode, code):
    assert camelot(PITCHES.index(pitch), mode) == code


def test_relative_keys_share_a_number_and_all_24_codes_differ():
    codes = {camelot(pitch, mode) for pitch in range(12) for mode in ("major", "minor")}
    assert len(codes) == 24
    for pitch in range(12):
        assert camelot(pitch, "major")[:-1] == camelot((pitch + 9) % 12, "minor")[:-1]


def test_what_is_unknown_has_no_name():
    assert (key_name(None), key_name(1), camelot(None, "major"), camelot(0, "")) == ("", "C#", "", "")


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("C", 0),
        ("c#", 1),
        ("Db", 1),
        (" E♭ ", 3),
        ("F♯", 6),
        ("B#", 0),
        ("Cb", 11),
        ("H", None),
        ("", None),
        ("C##", None),
    ],
)
def test_a_key_is_read_with_sharps_and_flats(said, number):
    """C-04."""
    assert pitch_class(said) == number


@pytest.mark.parametrize("mode", MODES)
def test_keys_that_mix_are_neighbours_on_the_wheel(mode):
    for pitch in range(12):
        own, *others = [camelot(*key) for key in harmonic(pitch, mode)]
        number, letter = int(own[:-1]), own[-1]
        other = {"A": "B", "B": "A"}[letter]
        assert set(others) == {f"{number % 12 + 1}{letter}", f"{(number - 2) % 12 + 1}{letter}", f"{number}{other}"}
