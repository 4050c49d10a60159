"""Pitch class and mode as musicians write them (C-04). 0 is C; sharps throughout."""

PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MODES = ("major", "minor")
# Flats are read and never written.
_FLATS = {"DB": 1, "EB": 3, "GB": 6, "AB": 8, "BB": 10, "CB": 11, "FB": 4, "E#": 5, "B#": 0}
# Camelot wheel: number of the major key on each pitch class; its relative minor has the same number.
_CAMELOT_MAJOR = (8, 3, 10, 5, 12, 7, 2, 9, 4, 11, 6, 1)


def key_name(pitch_class: int | None) -> str:
    return "" if pitch_class is None else PITCHES[pitch_class]


def pitch_class(name: str) -> int | None:
    """Of `C#`, `Db`, `e♭`; None for what is no key."""
    plain = name.strip().upper().replace("♯", "#").replace("♭", "B")
    return PITCHES.index(plain) if plain in PITCHES else _FLATS.get(plain)


def camelot(pitch_class: int | None, mode: str) -> str:
    """`8B` for C major, `8A` for A minor; empty when either is unknown."""
    if pitch_class is None or mode not in MODES:
        return ""
    if mode == "major":
        return f"{_CAMELOT_MAJOR[pitch_class]}B"
    return f"{_CAMELOT_MAJOR[(pitch_class + 3) % 12]}A"


def harmonic(pitch_class: int, mode: str) -> list[tuple[int, str]]:
    """Keys that mix with this one, itself first: a fifth up and down, and its relative (Camelot's neighbours)."""
    fifths = [(pitch_class, mode), ((pitch_class + 7) % 12, mode), ((pitch_class - 7) % 12, mode)]
    relative = ((pitch_class + 3) % 12, "major") if mode == "minor" else ((pitch_class - 3) % 12, "minor")
    return [*fifths, relative]


def read(text: str) -> tuple[int, str]:
    """(pitch class, mode) of `C#`, `Db` or a Camelot code such as `8A`; a bare name has no mode. ValueError."""
    plain = text.strip().upper()
    if plain in _CODES:
        return _CODES[plain]
    found = pitch_class(plain)
    if found is None:
        raise ValueError(f"{text!r} is no key.")
    return found, ""


_CODES = {camelot(pitch, mode): (pitch, mode) for pitch in range(12) for mode in MODES}
