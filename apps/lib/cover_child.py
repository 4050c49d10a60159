"""Runs inside the sandbox: `cover_child.py NAME PATH` writes the picture that a sound file carries to stdout.

The front cover, else the first picture; nothing when there is none. The tag parser is foreign code on foreign bytes:
it can raise almost anything, and every error means "there is none". What comes out is as foreign as what went in.
"""

import base64
import sys

import mutagen
import mutagen.flac
import mutagen.id3
import mutagen.mp4
import mutagen.wave

FRONT = 3


def pictures(name: str, path: str) -> list[tuple[int, bytes]]:
    """(kind, bytes) of each; kinds are ID3's, which FLAC and Ogg took over."""
    if name in ("mp3", "wav"):
        found = mutagen.id3.ID3(path) if name == "mp3" else mutagen.wave.WAVE(path).tags or {}
        return [(frame.type, frame.data) for key, frame in found.items() if key.startswith("APIC")]
    if name == "flac":
        return [(picture.type, picture.data) for picture in mutagen.flac.FLAC(path).pictures]
    if name == "m4a":
        return [(FRONT, bytes(picture)) for picture in (mutagen.mp4.MP4(path).tags or {}).get("covr", [])]
    with open(path, "rb") as file:  # without a name, which would have a say in what it is
        blocks = (mutagen.File(file).tags or {}).get("metadata_block_picture", [])
    return [(picture.type, picture.data) for picture in (mutagen.flac.Picture(base64.b64decode(b)) for b in blocks)]


def main(name: str, path: str) -> None:
    try:
        found = pictures(name, path)
    except MemoryError:
        raise
    except Exception:
        return
    if found:
        sys.stdout.buffer.write(next((data for kind, data in found if kind == FRONT), found[0][1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
