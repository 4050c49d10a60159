"""Runs inside the sandbox: `probe_child.py NAME SKIP PATH [cover]` prints what the file says of itself.

A line of JSON, {"header_ms": int or null, "tags": {key: text}}, and behind it, when asked for, the picture that the
file carries: the front cover, else the first one, as it is. The tag parser is foreign code on foreign bytes: it can
raise almost anything and inflate a small compressed frame until memory ends, so every error means "says nothing".
"""

import base64
import json
import sys
from typing import IO

import mutagen
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.mp4
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
# What FLAC and Ogg call otherwise, among them several of their own for one thing.
COMMENTS = {"bpm": ("bpm", "tempo"), "key": ("initialkey", "key")}
TEXT_MAX = 500
FRONT = 3  # the kinds of pictures are ID3's, which FLAC and Ogg took over
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


def parsed(name: str, file: IO[bytes]):
    """The tags as the parser has them: ID3 frames, or of the others values by easy names. Once: they may inflate."""
    file.seek(0)
    if name == "mp3":
        return mutagen.id3.ID3(file)
    return mutagen.wave.WAVE(file).tags if name == "wav" else mutagen.File(file, easy=True)


def tags(name: str, found) -> dict[str, str]:
    """The first value of each tag that we have a word for."""
    if name in ("mp3", "wav"):
        values = {
            word: getattr(found[frame], "genres", found[frame].text) for frame, word in FRAMES.items() if frame in found
        }
    else:
        names = {word: COMMENTS.get(word, (word,)) for word in FRAMES.values()}
        values = {word: found[name] for word, known in names.items() for name in reversed(known) if name in found}
    return {word: str(value[0])[:TEXT_MAX] for word, value in values.items() if value}


def pictures(name: str, found, file: IO[bytes]) -> list[tuple[int, bytes]]:
    """(kind, bytes) of each."""
    if name in ("mp3", "wav"):
        return [(frame.type, frame.data) for key, frame in found.items() if key.startswith("APIC")]
    if name == "flac":
        return [(picture.type, picture.data) for picture in found.pictures]
    if name == "m4a":
        file.seek(0)  # the easy names have none for it
        return [(FRONT, bytes(picture)) for picture in (mutagen.mp4.MP4(file).tags or {}).get("covr", [])]
    blocks = found.get("metadata_block_picture", [])
    return [(picture.type, picture.data) for picture in (mutagen.flac.Picture(base64.b64decode(b)) for b in blocks)]


def cover(name: str, found, file: IO[bytes]) -> bytes:
    """The picture, or nothing."""
    there = pictures(name, found, file)
    return next((data for kind, data in there if kind == FRONT), there[0][1] if there else b"")


def attempt(question, *args, otherwise):
    """The answer, or `otherwise` when the parser fails in any way at all."""
    try:
        return question(*args)
    except Exception:
        return otherwise


def main(name: str, skip: str, path: str, *wanted: str) -> None:
    """Facts first: a bomb among the tags must not cost us the header, nor one among the pictures the words."""
    with open(path, "rb") as file:
        promised = attempt(header_ms, name, file, int(skip), otherwise=None)
        found = attempt(parsed, name, file, otherwise={})
        said = {"header_ms": promised, "tags": attempt(tags, name, found, otherwise={})}
        print(json.dumps(said), flush=True)
        if wanted:
            sys.stdout.buffer.write(attempt(cover, name, found, file, otherwise=b""))


if __name__ == "__main__":
    main(*sys.argv[1:])
