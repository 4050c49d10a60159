"""Pitch class and mode as musicians write them (C-04). 0 is C; sharps throughout."""

PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES = ("major", "minor")
# Camelot wheel: number of the major key on each pitch class; its relative minor has the same number.
_CAMELOT_MAJOR = (8, 3, 10, 5, 12, 7, 2, 9, 4, 11, 6, 1)


def key_name(pitch_class: int | None) -> str:
    return "" if pitch_class is None else PITCHES[pitch_class]


def camelot(pitch_class: int | None, mode: str) -> str:
    """`8B` for C major, `8A` for A minor; empty when either is unknown."""
    if pitch_class is None or mode not in MODES:
        return ""
    if mode == "major":
        return f"{_CAMELOT_MAJOR[pitch_class]}B"
    return f"{_CAMELOT_MAJOR[(pitch_class + 3) % 12]}A"
