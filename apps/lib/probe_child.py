"""Runs inside the sandbox: `probe_child.py NAME SKIP PATH` prints what the file says of itself, as JSON.

{"header_ms": int or null, "tags": {key: text}}. The tag parser is foreign code on foreign bytes: it can raise
almost anything and inflate a small compressed frame until memory ends, so every error means "says nothing".
"""

import json
import sys
from typing import IO

import mutagen
import mutagen.id3
import mutagen.mp3
import mutagen.wave

FRAMES = {
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TPE2": "albumartist",
    "TCOM": "composer",
    "TCON": "genre",
    "TDRC": "date",
    "TSRC": "isrc",
    "TBPM": "bpm",
    "TKEY": "key",
    "TCOP": "copyright",
}
TEXT_MAX = 500
# A WAV written to a pipe has the largest size there is, meaning "unknown".
WAV_UNKNOWN_BYTES = 0xFFFF0000


def header_ms(name: str, file: IO[bytes], skip: int) -> int | None:
    """The duration that the headers promise, or None when they promise none."""
    if name == "mp3":
        info = mutagen.mp3.MPEGInfo(file, skip)
        # Without a Xing or VBRI header the length is a guess from one frame's bit rate.
        promised = info.bitrate_mode != mutagen.mp3.BitrateMode.UNKNOWN
    elif name == "wav":
        info = mutagen.wave.WaveStreamInfo(file)
        promised = info.length * info.bitrate / 8 < WAV_UNKNOWN_BYTES
    else:
        info = mutagen.File(file).info
        promised = True
    return round(info.length * 1000) if promised else None


def tags(name: str, file: IO[bytes]) -> dict[str, str]:
    """The first value of each tag that we have a word for."""
    if name in ("mp3", "wav"):
        found = mutagen.id3.ID3(file) if name == "mp3" else mutagen.wave.WAVE(file).tags or {}
        values = {
            word: getattr(found[frame], "genres", found[frame].text) for frame, word in FRAMES.items() if frame in found
        }
    else:
        found = mutagen.File(file, easy=True).tags or {}
        values = {word: found[word] for word in FRAMES.values() if word in found}
    return {word: str(value[0])[:TEXT_MAX] for word, value in values.items() if value}


def attempt(question, *args, otherwise):
    """The answer, or `otherwise` when the parser fails in any way at all."""
    try:
        return question(*args)
    except Exception:
        return otherwise


def main(name: str, skip: str, path: str) -> None:
    """Facts first: a bomb among the tags must not cost us the header."""
    with open(path, "rb") as file:
        promised = attempt(header_ms, name, file, int(skip), otherwise=None)
        file.seek(0)
        print(json.dumps({"header_ms": promised, "tags": attempt(tags, name, file, otherwise={})}))


if __name__ == "__main__":
    main(*sys.argv[1:])
